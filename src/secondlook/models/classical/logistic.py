"""Multinomial logistic regression."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from secondlook.models.base import Held, ImageClassifier, Rows
from secondlook.models.classical.threads import one_thread_each
from secondlook.types import FloatArray, IntArray


class Logistic(ImageClassifier):
    """scikit-learn's `LogisticRegression` (L-BFGS, L2 penalty 1/C), in float32.

    It stops after `max_iter` steps at the latest, and notes it.
    """

    def __init__(self, *, C: float = 1.0, max_iter: int = 200, random_state: int = 0) -> None:
        self.C = C
        self.max_iter = max_iter
        self.random_state = random_state

    def _fit(self, X: Rows, y: IntArray, weights: FloatArray, valid: Held | None) -> None:
        model = LogisticRegression(C=self.C, max_iter=self.max_iter)
        # The steps are many and short: threads of the matrix product wait for each other longer than they work.
        with warnings.catch_warnings(), one_thread_each():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model_ = model.fit(X, y, weights)
        self.n_iter_ = int(model.n_iter_.max())
        if self.n_iter_ >= self.max_iter:
            self.notes_ = (f"stopped after {self.max_iter} steps, before it had converged",)
        self.n_trained_ = self.n_stored_ = model.coef_.size + model.intercept_.size
        self.macs_ = int(model.coef_.size)

    def _probabilities(self, X: Rows) -> NDArray[np.float32]:
        return np.asarray(self.model_.predict_proba(X))
