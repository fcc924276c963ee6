"""The majority baseline: what no model at all would get."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Tags

from secondlook.models.base import Held, ImageClassifier, Rows
from secondlook.types import FloatArray, IntArray


class Majority(ImageClassifier):
    """Always the class that is most frequent in training; its probabilities are the (weighted) training shares.

    The same as scikit-learn's ``DummyClassifier(strategy="prior")``.
    """

    def __init__(self, *, random_state: int = 0) -> None:
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags

    def _pixels(self, X: NDArray[Any]) -> Any:
        return X  # it never looks at them

    def _fit(self, X: Rows, y: IntArray, weights: FloatArray, valid: Held | None) -> None:
        shares = np.bincount(y, weights)
        self.class_prior_ = shares / shares.sum()
        self.n_trained_, self.n_stored_, self.macs_ = 0, len(shares), None

    def _probabilities(self, X: Rows) -> NDArray[np.float64]:
        return np.tile(self.class_prior_, (len(X), 1))
