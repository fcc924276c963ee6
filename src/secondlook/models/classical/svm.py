"""Support-vector machines as scikit-learn's SVC: large ones fitted pair by pair, predicted by matrix products."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.utils import gen_batches

from secondlook.measure.calibration import temperature
from secondlook.models.base import Held, ImageClassifier, Rows, hold_out, stratified
from secondlook.models.classical.kernels import BLOCK, Kernel
from secondlook.models.classical.machine import Machine, machines
from secondlook.types import FloatArray, IntArray

MAX_ROWS = 40_000


class SVM(ImageClassifier):
    """One-vs-one support-vector machine with calibrated probabilities.

    Probabilities are the softmax of the one-vs-rest decision values (votes, ties broken by confidence, as scikit-learn
    makes them) times one number chosen by log-loss on images that were not trained on: temperature scaling, which
    never changes an answer. Source: Guo et al., On calibration of modern neural networks, ICML 2017.
    """

    holds_out = True
    max_rows: int

    def _fit(self, X: Rows, y: IntArray, weights: FloatArray, valid: Held | None) -> None:
        if valid is None:
            train, held = hold_out(y, self.random_state)
            valid = Held(X[held], y[held], weights[held])
            X, y, weights = X[train], y[train], weights[train]
        if len(X) > self.max_rows:
            self.notes_ = (
                f"fitted on {self.max_rows:,} of {len(X):,} images: an exact SVM's time grows with the square of them",
            )
            some = self.taken(y)
            X, y, weights = X[some], y[some], weights[some]
        kernel, C = self.settled(X)
        ((_, _, machine),) = machines(kernel, X, y, weights, [C], [np.arange(len(y))])
        if machine.unreached:
            self.notes_ += (f"{machine.unreached} of its machines of two classes stopped before they had converged",)
        self.remember(X, machine)
        self.beta_ = 1 / temperature(self.decision_values(valid.X), valid.y, valid.weights, smooth=True)

    def taken(self, y: IntArray) -> IntArray:
        """Indices of the rows that are fitted on, of rows with these codes: all, or a stratified part of too many."""
        if len(y) <= self.max_rows:
            return np.arange(len(y))
        return stratified(y, self.max_rows, self.random_state, "svm rows")

    @abstractmethod
    def settled(self, X: Rows) -> tuple[Kernel, float]:
        """The kernel and C, scaled to the training rows."""

    @abstractmethod
    def remember(self, X: Rows, machine: Machine) -> None:
        """Keeps what prediction needs of a machine fitted on rows of X."""

    @abstractmethod
    def _duels(self, X: FloatArray) -> FloatArray:
        """Decision values of each two classes, float64 (n, k, k), symmetric: positive speaks for the earlier class."""

    @abstractmethod
    def _widest(self) -> int:
        """Numbers per row of the largest table made by `_duels`."""

    def decision_values(self, X: Rows) -> FloatArray:
        """One-vs-rest decision values of rows, float64 (n, k); for two classes (-value, value).

        They equal those of ``SVC.decision_function`` with ``decision_function_shape="ovr"``.
        """
        k = len(self.classes_)
        values = np.empty((len(X), k))
        for rows in gen_batches(len(X), max(1, BLOCK // self._widest())):
            values[rows] = _one_vs_rest(self._duels(X[rows].astype(np.float64)))
        return values

    def _probabilities(self, X: Rows) -> FloatArray:
        return np.asarray(softmax(self.beta_ * self.decision_values(X), axis=1))


class LinearSVM(SVM):
    """A straight line between each two classes.

    C="scale" is 2.5 over the mean squared distance of the training rows from their mean: it does not depend on the
    scale of the pixels or on their number.
    """

    def __init__(
        self, *, C: float | Literal["scale"] = "scale", max_rows: int = MAX_ROWS, random_state: int = 0
    ) -> None:
        self.C = C
        self.max_rows = max_rows
        self.random_state = random_state

    def settled(self, X: Rows) -> tuple[Kernel, float]:
        self.C_ = 2.5 / (float(X.var(axis=0, dtype=np.float64).sum()) or 1.0) if self.C == "scale" else self.C
        return Kernel("linear"), self.C_

    def remember(self, X: Rows, machine: Machine) -> None:
        self.coef_ = machine.weights(X)
        self.intercept_ = machine.intercept
        self.n_trained_ = self.n_stored_ = self.coef_.size + self.intercept_.size + 1
        self.macs_ = int(self.coef_.size)

    def _duels(self, X: FloatArray) -> FloatArray:
        return _square(X @ self.coef_.T + self.intercept_, len(self.classes_))

    def _widest(self) -> int:
        return max(int(self.coef_.shape[1]), len(self.classes_) ** 2)


class _KernelSVM(SVM):
    """A machine that keeps its support vectors and compares each image with all of them."""

    C: float
    gamma: float | Literal["scale"]

    def remember(self, X: Rows, machine: Machine) -> None:
        self.support_vectors_: NDArray[np.float32] = X[machine.support]
        self.n_support_ = machine.n_support
        self.dual_coef_ = machine.dual_coef
        self.intercept_ = machine.intercept
        self.n_trained_ = self.dual_coef_.size + self.intercept_.size + 1
        self.n_stored_ = self.n_trained_ + self.support_vectors_.size
        self.macs_ = self.support_vectors_.size + self.dual_coef_.size

    def _scale(self, X: Rows) -> float:
        """gamma, where "scale" is 1 / (d · variance of the pixels), as in scikit-learn."""
        if self.gamma == "scale":
            return 1 / ((X.shape[1] * float(X.var(dtype=np.float64))) or 1.0)
        return self.gamma

    @abstractmethod
    def _kernel(self) -> Kernel:
        """The kernel with the gamma of the fit."""

    def _duels(self, X: FloatArray) -> FloatArray:
        kernel = self._kernel().table(X, self.support_vectors_)
        k = len(self.classes_)
        # parts[:, i, j]: what the support vectors of class i say of i against j. libsvm keeps k-1 coefficients per
        # vector, one for each other class in order.
        parts = np.zeros((len(X), k, k))
        for i, end in enumerate(np.cumsum(self.n_support_)):
            own = slice(end - self.n_support_[i], end)
            said = kernel[:, own] @ self.dual_coef_[:, own].T
            parts[:, i, :i], parts[:, i, i + 1 :] = said[:, :i], said[:, i:]
        return np.asarray(parts + parts.transpose(0, 2, 1) + _square(self.intercept_, k))

    def _widest(self) -> int:
        return max(len(self.support_vectors_), len(self.classes_) ** 2)


class RbfSVM(_KernelSVM):
    """Gaussian kernel exp(-gamma |x - s|²): the strongest classical model on many small image sets."""

    def __init__(
        self,
        *,
        C: float = 10.0,
        gamma: float | Literal["scale"] = "scale",
        max_rows: int = MAX_ROWS,
        random_state: int = 0,
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.max_rows = max_rows
        self.random_state = random_state

    def settled(self, X: Rows) -> tuple[Kernel, float]:
        self.gamma_ = self._scale(X)
        return self._kernel(), self.C

    def _kernel(self) -> Kernel:
        return Kernel("rbf", self.gamma_)


class PolySVM(_KernelSVM):
    """Polynomial kernel (gamma x·s + coef0)^degree: products of up to `degree` pixels."""

    def __init__(
        self,
        *,
        C: float = 1.0,
        degree: int = 3,
        gamma: float | Literal["scale"] = "scale",
        coef0: float = 1.0,
        max_rows: int = MAX_ROWS,
        random_state: int = 0,
    ) -> None:
        self.C = C
        self.degree = degree
        self.gamma = gamma
        self.coef0 = coef0
        self.max_rows = max_rows
        self.random_state = random_state

    def settled(self, X: Rows) -> tuple[Kernel, float]:
        self.gamma_ = self._scale(X)
        return self._kernel(), self.C

    def _kernel(self) -> Kernel:
        return Kernel("poly", self.gamma_, self.degree, self.coef0)


def _square(pairs: FloatArray, k: int) -> FloatArray:
    """Numbers of the pairs (0, 1), (0, 2), …, (k-2, k-1) on the last axis, as symmetric tables (…, k, k)."""
    first, second = np.triu_indices(k, 1)
    table = np.zeros((*pairs.shape[:-1], k, k))
    table[..., first, second] = pairs
    table[..., second, first] = pairs
    return table


def _one_vs_rest(duels: FloatArray) -> FloatArray:
    """Decision values (n, k) from those of each two classes (n, k, k).

    Votes, plus the summed confidence squeezed into (-1/3, 1/3); for two classes (value, -value). Source:
    scikit-learn's ``_ovr_decision_function``.
    """
    k = duels.shape[1]
    if k == 2:
        return np.asarray(duels[:, 0, 1, None] * np.array([1.0, -1.0]))
    earlier = np.triu(np.ones((k, k), dtype=bool), 1)
    # On the diagonal nobody votes: earlier holds neither there nor in its transpose.
    votes = ((duels >= 0) & earlier).sum(axis=2) + ((duels < 0) & earlier.T).sum(axis=2)
    confidence = np.einsum("nij,ij->ni", duels, earlier.astype(float) - earlier.T)
    return np.asarray(votes + confidence / (3 * (np.abs(confidence) + 1)))
