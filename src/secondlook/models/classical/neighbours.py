"""Nearest neighbours in pixel space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from secondlook.models.base import Held, ImageClassifier, InputError, Rows, scaled, stratified
from secondlook.models.classical.nearest import nearest
from secondlook.types import FloatArray, IntArray

Voting = Literal["uniform", "distance"]

# Above this many images the tuned kNN asks only a sample of them for their neighbours.
QUERIES = 5_000


class _Neighbours(ImageClassifier):
    """The k nearest training images vote, each with its sample weight; brute force, exact."""

    X_: NDArray[Any]
    n_neighbors_: int
    weights_: Voting

    def _keep(self, X: Rows, y: IntArray, weights: FloatArray) -> None:
        self.X_ = X
        self.y_, self.sample_weight_ = y, weights
        self.n_trained_, self.n_stored_ = 0, int(X.size)
        self.macs_ = int(X.size)

    def _probabilities(self, X: Rows) -> FloatArray:
        distances, items = self._nearest(X, self.n_neighbors_)
        return self._vote(distances, items, self.weights_)

    def _pixels(self, X: NDArray[Any]) -> Any:
        # Bytes stay bytes: four times as many fit into memory, and their distances are exact.
        return X if X.dtype == np.uint8 else scaled(X)

    def _nearest(self, X: NDArray[Any], k: int) -> tuple[FloatArray, IntArray]:
        """Distances and indices (n, k) of the nearest training images."""
        if X.dtype == self.X_.dtype == np.uint8:
            return nearest(self.X_, X, k)
        search = NearestNeighbors(algorithm="brute").fit(scaled(self.X_))
        distances, items = search.kneighbors(scaled(X), k)
        return distances, items

    def _vote(self, distances: FloatArray, items: IntArray, voting: Voting) -> FloatArray:
        """Shares of the votes, float64 (n, k), of neighbours (n, m) at their distances."""
        votes = self.sample_weight_[items]
        if voting == "distance":
            same = distances == 0
            # An image that is itself among the training images is judged by its equals alone.
            near = np.where(same.any(axis=1, keepdims=True), same, 1 / np.where(same, 1, distances))
            votes = votes * near
        n, k = len(items), len(self.classes_)
        cells = np.arange(n)[:, None] * k + self.y_[items]
        counts = np.bincount(cells.ravel(), votes.ravel(), n * k).reshape(n, k)
        return np.asarray(counts / counts.sum(axis=1, keepdims=True))


class KNN(_Neighbours):
    """The `n_neighbors` nearest training images vote.

    The same as scikit-learn's ``KNeighborsClassifier(algorithm="brute")``, with sample weights.
    """

    def __init__(self, *, n_neighbors: int = 5, weights: Voting = "uniform", random_state: int = 0) -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights
        self.random_state = random_state

    def _fit(self, X: Rows, y: IntArray, weights: FloatArray, valid: Held | None) -> None:
        if self.n_neighbors < 1:
            raise InputError(f"expected n_neighbors of 1 or more, got {self.n_neighbors}")
        if self.weights not in get_args(Voting):
            raise InputError(f"expected weights 'uniform' or 'distance', got {self.weights!r}")
        self.n_neighbors_, self.weights_ = min(self.n_neighbors, len(X)), self.weights
        if self.n_neighbors_ < self.n_neighbors:
            self.notes_ = (f"k is {len(X)}, not {self.n_neighbors}: there are no more training images",)
        self._keep(X, y, weights)


class TunedKNN(_Neighbours):
    """Nearest neighbours with k and the way of voting chosen on the training images.

    Each training image (a sample of 5,000 where there are more) asks all the others: leave-one-out cross-validation
    at the price of one neighbour search. The best mean recall wins; of equals the larger k, whose probabilities are
    finer.
    """

    def __init__(self, *, neighbors: Sequence[int] = (1, 3, 5, 7, 9, 15, 25), random_state: int = 0) -> None:
        self.neighbors = neighbors
        self.random_state = random_state

    def _fit(self, X: Rows, y: IntArray, weights: FloatArray, valid: Held | None) -> None:
        self._keep(X, y, weights)
        asked = stratified(y, min(len(X), QUERIES), self.random_state, "knn queries")
        candidates = sorted({min(k, len(X) - 1) for k in self.neighbors})
        distances, items = self._others(asked, candidates[-1])
        self.cv_scores_: dict[str, float] = {}
        best = -1.0
        for k in candidates:
            # One neighbour has one vote, whatever its weight.
            for voting in get_args(Voting) if k > 1 else ("uniform",):
                answers = self._vote(distances[:, :k], items[:, :k], voting).argmax(axis=1)
                score = _mean_recall(y[asked], answers, weights[asked])
                self.cv_scores_[f"k = {k}, {voting}"] = score
                if score >= best:
                    best, self.n_neighbors_, self.weights_ = score, k, voting
        self.notes_ = (f"k = {self.n_neighbors_} with {self.weights_} votes was chosen on the training images",)

    def _others(self, asked: IntArray, k: int) -> tuple[FloatArray, IntArray]:
        """Distances and indices (n, k) of the k nearest other images of each training image asked."""
        distances, items = self._nearest(self.X_[asked], k + 1)
        keep = items != asked[:, None]
        # With many equal images, an image may not find itself among its own neighbours: then the farthest one goes.
        keep[keep.all(axis=1), -1] = False
        return distances[keep].reshape(-1, k), items[keep].reshape(-1, k)


def _mean_recall(y: IntArray, answers: NDArray[np.intp], weights: FloatArray) -> float:
    """Weighted share of right answers per class, averaged over the classes."""
    right = np.bincount(y, weights * (y == answers))
    return float((right / np.bincount(y, weights))[np.unique(y)].mean())
