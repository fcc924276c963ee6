"""Ensembles of trees over single pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from threadpoolctl import threadpool_limits

from secondlook.models.base import Held, ImageClassifier, Rows, stratified
from secondlook.types import FloatArray, IntArray

# A forest keeps k class shares in every node: 2 GB of float64 at the most.
_FOREST_NUMBERS = 2**28
# Rows x classes x features looked at while a forest grows one level: about a minute on two cores.
_FOREST_WORK = 2e10
# Numbers in the table of pixels from which a second thread pays: measured on two cores.
_SHARED = 8_000_000
_ROUNDS_AT_LEAST = 10


class Forest(ImageClassifier):
    """scikit-learn's `RandomForestClassifier`: trees grown out on bootstrap samples, each split on few pixels.

    Above some hundred thousand images, or with hundreds of classes, each tree sees fewer images and is cut to as many
    leaves as fit in 2 GB, and notes say so.
    """

    def __init__(
        self,
        *,
        n_estimators: int = 200,
        max_features: str | float = "sqrt",
        min_samples_leaf: int = 1,
        random_state: int = 0,
    ) -> None:
        self.n_estimators = n_estimators
        self.max_features = max_features
        self.min_samples_leaf = min_samples_leaf
        self.random_state = random_state

    def _fit(self, X: Rows, y: IntArray, weights: FloatArray, valid: Held | None) -> None:
        k, n = len(self.classes_), len(X)
        leaves = max(2, _FOREST_NUMBERS // (2 * k * self.n_estimators))
        seen = images_per_tree(n, X.shape[1], k, trees=self.n_estimators)
        if seen < n:
            self.notes_ += (f"each tree saw {seen:,} of {n:,} images: its time grows with images x classes",)
        if leaves < seen:
            self.notes_ += (f"trees were limited to {leaves:,} leaves each: {k} classes in every leaf take memory",)
        model = RandomForestClassifier(
            self.n_estimators,
            max_features=self.max_features,
            min_samples_leaf=self.min_samples_leaf,
            max_leaf_nodes=leaves if leaves < seen else None,
            max_samples=seen if seen < n else None,
            n_jobs=-1,
            random_state=self.random_state,
        ).fit(X, y, weights)
        # Threads add the trees up in the order they finish, and the last bits with it.
        self.model_ = model.set_params(n_jobs=1)
        leaf_count = sum(tree.get_n_leaves() for tree in model.estimators_)
        splits = leaf_count - len(model.estimators_)
        self.n_trained_ = self.n_stored_ = int(2 * splits + k * leaf_count)
        self.macs_ = None

    def _probabilities(self, X: Rows) -> FloatArray:
        return np.asarray(self.model_.predict_proba(X))


class Boosting(ImageClassifier):
    """scikit-learn's `HistGradientBoostingClassifier`: small trees, each correcting the sum of those before.

    With validation images it stops once their (weighted) loss has not gained for five rounds. A round grows one tree
    per class (one in all for two classes); the work, images x pixels x trees, is limited to `max_work` (some two
    minutes on two cores) by fewer rounds first, then by fewer images, and a note says so.
    """

    def __init__(
        self,
        *,
        learning_rate: float = 0.2,
        max_iter: int = 60,
        max_leaf_nodes: int = 31,
        l2_regularization: float = 0.0,
        max_work: float = 3e10,
        random_state: int = 0,
    ) -> None:
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.l2_regularization = l2_regularization
        self.max_work = max_work
        self.random_state = random_state

    def _fit(self, X: Rows, y: IntArray, weights: FloatArray, valid: Held | None) -> None:
        k = len(self.classes_)
        rounds, n = affordable(len(X), X.shape[1], k, max_iter=self.max_iter, max_work=self.max_work)
        if rounds < self.max_iter:
            self.notes_ = (f"limited to {rounds} rounds of {self.max_iter}: each grows {k} trees",)
        if n < len(X):
            self.notes_ += (f"fitted on {n:,} of {len(X):,} images: its time grows with images x classes",)
            some = stratified(y, n, self.random_state, "boosting rows")
            X, y, weights = X[some], y[some], weights[some]
        model = HistGradientBoostingClassifier(
            learning_rate=self.learning_rate,
            max_iter=rounds,
            max_leaf_nodes=self.max_leaf_nodes,
            l2_regularization=self.l2_regularization,
            max_bins=63,
            early_stopping=valid is not None,
            n_iter_no_change=5,
            random_state=self.random_state,
        )
        held = {} if valid is None else {"X_val": valid.X, "y_val": valid.y, "sample_weight_val": valid.weights}
        with _threads_for(X):
            self.model_ = model.fit(X, y, weights, **held)
        self.n_iter_ = int(model.n_iter_)
        trees = [tree for trees in model._predictors for tree in trees]
        leaves = sum(tree.get_n_leaf_nodes() for tree in trees)
        # Two numbers per split, one per leaf, and where the sums start.
        self.n_trained_ = self.n_stored_ = int(2 * (leaves - len(trees)) + leaves + model.n_trees_per_iteration_)
        self.macs_ = None

    def _probabilities(self, X: Rows) -> NDArray[np.float64]:
        with _threads_for(X):
            return np.asarray(self.model_.predict_proba(X))


def _threads_for(X: Rows) -> threadpool_limits:
    """One OpenMP thread inside for small tables: steps are many and short, and threads wait longer than they work."""
    return threadpool_limits(1 if X.size < _SHARED else None, user_api="openmp")


def images_per_tree(n: int, d: int, k: int, *, trees: int) -> int:
    """How many of n images each tree of a forest sees: fewer where images x classes would take many minutes."""
    return min(n, int(_FOREST_WORK / (trees * (k + 15) * d**0.5)))


def affordable(n: int, d: int, k: int, *, max_iter: int, max_work: float) -> tuple[int, int]:
    """Rounds of boosting, and images to fit on, so that images x pixels x trees stay within `max_work`."""
    per_image = d * (k if k > 2 else 1)
    rounds = min(max_iter, max(_ROUNDS_AT_LEAST, int(max_work / (n * per_image))))
    return rounds, min(n, max(k, int(max_work / (rounds * per_image))))
