"""The kernels of support-vector machines, and their values as matrix products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.metrics.pairwise import linear_kernel, polynomial_kernel, rbf_kernel
from sklearn.svm import SVC
from sklearn.utils import gen_batches

from secondlook.models.base import Rows
from secondlook.types import FloatArray

# Numbers in the largest table made at a time: 128 MB of float64.
BLOCK = 2**24
# libsvm's own table of kernel values.
_CACHE_MB = 2_000


@dataclass(frozen=True)
class Kernel:
    """x·s, exp(-gamma |x - s|²) or (gamma x·s + coef0)^degree, as scikit-learn's ``SVC`` names them."""

    name: Literal["linear", "rbf", "poly"]
    gamma: float = 1.0
    degree: int = 3
    coef0: float = 0.0

    def table(self, X: Rows | FloatArray, S: Rows | FloatArray) -> FloatArray:
        """Kernel values, float64 (n, s), of rows (n, d) and rows (s, d)."""
        X, S = (np.asarray(rows, dtype=np.float64) for rows in (X, S))
        if self.name == "linear":
            return np.asarray(linear_kernel(X, S))
        if self.name == "rbf":
            return np.asarray(rbf_kernel(X, S, gamma=self.gamma))
        return np.asarray(polynomial_kernel(X, S, degree=self.degree, gamma=self.gamma, coef0=self.coef0))

    def sums(self, X: Rows, S: Rows, coef: FloatArray) -> FloatArray:
        """What each row of X (n, d) has of the rows S (s, d), weighted by `coef` (s,): float64 (n,)."""
        if self.name == "linear":
            # The sum of the rows is made in float64, where large coefficients cancel; float32 is enough after that.
            return np.asarray(X @ (coef @ S).astype(np.float32), dtype=np.float64)
        sums = np.empty(len(X))
        for rows in gen_batches(len(X), max(1, BLOCK // max(1, len(S)))):
            sums[rows] = self.table(X[rows], S) @ coef
        return sums

    def svc(self, C: float, n: int) -> SVC:
        """The unfitted ``SVC`` for n rows."""
        return SVC(
            kernel=self.name,
            C=C,
            gamma=self.gamma,
            degree=self.degree,
            coef0=self.coef0,
            cache_size=cache(n),
            decision_function_shape="ovo",
            random_state=0,  # it draws none of its numbers, but takes a seed, from NumPy's own if none is given
        )


def cache(n: int) -> float:
    """MB that hold the whole kernel of n rows in float32, or as much as is allowed."""
    return min(_CACHE_MB, 1 + 4e-6 * n * n)
