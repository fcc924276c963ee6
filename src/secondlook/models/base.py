"""What every model shares: how images become rows, labels become codes, and probabilities an answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import gen_batches
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from secondlook import seeds
from secondlook.errors import UsageError
from secondlook.types import FloatArray, IntArray

Rows = NDArray[np.float32]

# Images that are answered at a time: so many at most, and so many numbers.
_BATCH, _BATCH_NUMBERS = 20_000, 16_000_000


class InputError(UsageError, ValueError):
    """Images, labels or weights do not fit; a ValueError too, as scikit-learn's contract asks."""


class Held(NamedTuple):
    """Rows kept out of training, float32 (n, d), their class codes, int64 (n,), and weights; None where all are 1."""

    X: Rows
    y: IntArray
    weights: FloatArray | None = None


class ImageClassifier(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn is untyped
    """A scikit-learn classifier of images.

    Images come as (n, h, w, c), (n, h, w) or flat (n, d). uint8 pixels are divided by 255, other numbers are taken
    as they are; both become float32 rows of d = h·w·c numbers. Rows of weight 0 count as absent.

    Attributes after `fit`:
        classes_: the sorted labels, (k,).
        n_trained_: numbers learnt by optimisation. n_stored_: numbers kept for prediction. See docs/counting.md.
        macs_: multiply-adds to predict one image, or None where a model has none worth counting.
        notes_: plain sentences on what was done otherwise than asked.
    """

    # Whether `fit` without `valid` holds out a tenth of the training images, by `hold_out` and its `random_state`.
    holds_out: ClassVar[bool] = False

    random_state: int
    n_trained_: int
    n_stored_: int
    macs_: int | None
    notes_: tuple[str, ...]

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, valid: tuple[Any, ...] | None = None) -> Self:
        """Learns from images `X` and labels `y` (n,), weighted by `sample_weight` (n,).

        Args:
            X: images, as the class says.
            y: labels, strings or integers, of two classes at least.
            sample_weight: numbers of 0 or more; 1 each when left out.
            valid: (X, y) or (X, y, sample_weight) of other images, for what must not be learnt from the training
                images. A model that needs some and gets none holds out a tenth of its own, with their weights.

        Raises:
            InputError: the shape of the images, the weights or the number of classes does not fit.
            ValueError: what scikit-learn's own validation refuses (NaN, lengths that differ).
        """
        X, y = validate_data(self, self._flat(X, fit=True), y, dtype="numeric")
        check_classification_targets(y)
        weights = _weights(sample_weight, len(X))
        if not weights.all():
            X, y, weights = X[weights > 0], y[weights > 0], weights[weights > 0]
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(
                f"expected labels of two classes or more, got one class ({self.classes_[0]}): add images of another"
            )
        self.notes_ = ()
        self._fit(self._pixels(X), codes.astype(np.int64), weights, self._held(valid))
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float32]:
        """Probabilities, float32 (n, k), columns as in `classes_`; rows sum to 1."""
        check_is_fitted(self)
        X = validate_data(self, self._flat(X), reset=False, dtype="numeric")
        probabilities = np.empty((len(X), len(self.classes_)), np.float32)
        # In batches, so that a memory map of bytes never becomes one table of floats.
        for rows in gen_batches(len(X), max(1, min(_BATCH, _BATCH_NUMBERS // max(1, X.shape[1])))):
            probabilities[rows] = self._probabilities(self._pixels(X[rows]))
        return probabilities

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each image, (n,); the first of equals."""
        # The arg-max is taken of the very float32 numbers that a run stores, so the two can never disagree.
        answers = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[answers])

    @abstractmethod
    def _fit(self, X: Rows, y: IntArray, weights: FloatArray, valid: Held | None) -> None:
        """Learns from rows, codes 0..k-1 and positive weights; sets the counts, and `notes_` where there are any."""

    @abstractmethod
    def _probabilities(self, X: Rows) -> NDArray[Any]:
        """Probabilities (n, k) of rows."""

    def _pixels(self, X: NDArray[Any]) -> Any:
        """Rows as this model wants them: float32 (n, d), uint8 pixels divided by 255."""
        return scaled(X)

    def _flat(self, X: Any, *, fit: bool = False) -> Any:
        """Rows of an array of images; what is not an array of images is left to scikit-learn's validation."""
        shape = tuple(getattr(X, "shape", ()))
        image = (*shape[1:], 1)[:3] if len(shape) in (3, 4) else None
        if len(shape) > 4:
            raise InputError(
                f"expected images as (n, h, w), (n, h, w, c) or rows (n, d), got an array of shape {shape}: reshape it"
            )
        if fit:
            self.image_shape_ = image
        elif image and self.image_shape_ and image != self.image_shape_:
            raise InputError(
                f"expected images of (h, w, c) = {self.image_shape_} as in training, got {image}: resize them"
            )
        return np.asarray(X).reshape(shape[0], -1) if image and shape[0] else X

    def _held(self, valid: tuple[Any, ...] | None) -> Held | None:
        if valid is None:
            return None
        X, y = validate_data(self, self._flat(valid[0]), valid[1], reset=False, dtype="numeric")
        weights = None if len(valid) < 3 or valid[2] is None else _weights(valid[2], len(X))
        known = np.isin(y, self.classes_)
        if weights is not None:
            known &= weights > 0
        if not known.all():  # as a rule they are, and nothing is copied
            X, y, weights = X[known], y[known], None if weights is None else weights[known]
        return Held(self._pixels(X), np.searchsorted(self.classes_, y), weights) if len(y) else None


def scaled(X: NDArray[Any]) -> Rows:
    """Pixels as float32: uint8 divided by 255, other numbers as they are."""
    if X.dtype == np.uint8:
        return np.asarray(np.divide(X, np.float32(255), dtype=np.float32))
    return np.ascontiguousarray(X, dtype=np.float32)


def _weights(sample_weight: Any, n: int) -> FloatArray:
    """Weights as float64 (n,), refused where one is not a number of 0 or more, or all are 0."""
    weights = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise InputError(f"expected one sample weight per image, {n}, got an array of shape {weights.shape}")
    if not (np.isfinite(weights).all() and weights.min() >= 0 and weights.any()):
        raise InputError(
            f"expected sample weights of 0 or more, not all zero, got {weights.min():g} to {weights.max():g}"
        )
    return weights


def stratified(y: IntArray, size: int, seed: int, *purpose: str) -> IntArray:
    """Sorted indices of `size` of the items with codes `y`, each class by its share and with one item at least."""
    order = seeds.stream(seed, *purpose).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    counts = np.bincount(y)
    rank = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)
    # An item's rank as a share of its class: the smallest shares first takes every class at the same pace.
    first = np.argsort(rank / np.repeat(counts, counts), kind="stable")[:size]
    return np.sort(order[first]).astype(np.int64)


def hold_out(y: IntArray, seed: int) -> tuple[IntArray, IntArray]:
    """Indices to train on and the tenth held out; every class keeps an item to train on."""
    train = stratified(y, len(y) - max(1, len(y) // 10), seed, "hold out")
    return train, np.setdiff1d(np.arange(len(y)), train)
