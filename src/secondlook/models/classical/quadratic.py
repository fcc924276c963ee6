"""The dual problem of a support-vector machine of two classes: which rows count, and how much.

    minimise ½ Σ aᵢ aⱼ yᵢ yⱼ K(xᵢ, xⱼ) - Σ aᵢ   subject to   0 ≤ aᵢ ≤ uᵢ,   Σ yᵢ aᵢ = 0

libsvm changes two numbers at a time. It is quick while most numbers end at a bound; with a large C on classes that
overlap it takes millions of steps. An interior-point method takes 10 to 20 steps whatever C is, each a Cholesky
factorisation: it takes over where libsvm would take longer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgError
from sklearn.svm import SVC

from secondlook.models.classical.cholesky import Cholesky
from secondlook.models.classical.kernels import cache
from secondlook.models.classical.threads import one_thread_each
from secondlook.types import FloatArray

# Rows for which the interior-point method is tried: three tables of 8 n² bytes.
INTERIOR_ROWS = 4_000
_STEPS, _SMALL = 60, 1e-6
# libsvm's own: by so much a row may miss its side of the margin.
TOLERANCE = 1e-3
# libsvm's steps times rows where neither method gets there: a quarter of a minute.
LAST_WORK = 4_000_000_000


class Solution(NamedTuple):
    """What was found.

    Attributes:
        a: float64 (n,), exact zeros and upper bounds among them.
        hard: whether the problem was too much for libsvm's first steps.
        reached: whether it is the optimum, to the tolerance.
    """

    a: FloatArray
    hard: bool
    reached: bool = True


def solve(K: FloatArray, y: FloatArray, upper: FloatArray, *, hard: bool = False) -> Solution:
    """The numbers `a` of the dual problem.

    Args:
        K: kernel values, float64 (n, n).
        y: 1 or -1 per row, both present.
        upper: the bounds, above 0.
        hard: whether one like it was too much for libsvm: then it is not tried.
    """
    # The factorisations are many and small: threads of one would wait for each other longer than they work.
    with one_thread_each():
        return _solve(K, y, upper, hard)


def _solve(K: FloatArray, y: FloatArray, upper: FloatArray, hard: bool) -> Solution:
    if len(y) <= INTERIOR_ROWS:
        # As many of libsvm's steps as take about as long as the interior-point method.
        a, found = (None, False) if hard else _libsvm(K, y, upper, max(1_000, len(y) ** 2 // 50))
        if not found:
            a = interior_point(K, y, upper)
        if a is not None:
            return Solution(a, not found)
    a, found = _libsvm(K, y, upper, max(1, LAST_WORK // len(y)))
    return Solution(a, False, found)


def _libsvm(K: FloatArray, y: FloatArray, upper: FloatArray, steps: int) -> tuple[FloatArray, bool]:
    """The numbers, and whether libsvm got there in so many steps."""
    svc = SVC(kernel="precomputed", C=1.0, tol=TOLERANCE, cache_size=cache(len(y)), max_iter=steps, random_state=0)
    svc.fit(K, y < 0, upper)
    a = np.zeros(len(y))
    a[svc.support_] = np.abs(svc.dual_coef_[0])
    return a, svc.fit_status_ == 0


def interior_point(K: FloatArray, y: FloatArray, upper: FloatArray) -> FloatArray | None:
    """As `solve`, by Mehrotra's predictor-corrector method; None where it does not get there.

    Sources: S. Mehrotra, On the implementation of a primal-dual interior point method, SIAM Journal on Optimization
    2 (1992); S. Fine and K. Scheinberg, Efficient SVM training using low-rank kernel representations, JMLR 2 (2001).
    """
    # With a kernel of about 1 on its diagonal, the numbers do not depend on the scale of the pixels.
    scale = float(np.mean(np.diag(K))) or 1.0
    Q, u = K * np.outer(y / scale, y), upper * scale
    n = len(y)
    # a and u - a are kept apart: their difference would lose its digits at the bound. z and w are their multipliers.
    size = np.minimum(u, 1.0)
    a = size / 2
    room, z, w, b = u - a, np.ones(n), np.ones(n), 0.0
    for _ in range(_STEPS):
        short, tilt, mu = 1 - (Q @ a + b * y - z + w), -float(y @ a), (a @ z + room @ w) / (2 * n)
        undecided = max(np.minimum(a / size, z).max(), np.minimum(room / size, w).max())
        if max(undecided, np.abs(short).max(), abs(tilt)) < _SMALL:
            return np.where(a / size < z, 0.0, np.where(room / size < w, upper, a / scale))
        try:
            newton = _Newton(Q, y, a, room, z, w)
        except LinAlgError:
            return None
        da, db, dz, dw = newton.step(short, tilt, -a * z, -room * w)
        length = min(_length(a, da), _length(room, -da), _length(z, dz), _length(w, dw))
        ahead = ((a + length * da) @ (z + length * dz) + (room - length * da) @ (w + length * dw)) / (2 * n)
        centre = (ahead / mu) ** 3 * mu
        da, db, dz, dw = newton.step(short, tilt, centre - a * z - da * dz, centre - room * w + da * dw)
        length = min(1.0, 0.995 * min(_length(a, da), _length(room, -da), _length(z, dz), _length(w, dw)))
        a, room, z, w, b = a + length * da, room - length * da, z + length * dz, w + length * dw, b + length * db
    return None


class _Newton:
    """Newton's equations at one point, factorised once for the two steps taken from it."""

    def __init__(
        self, Q: FloatArray, y: FloatArray, a: FloatArray, room: FloatArray, z: FloatArray, w: FloatArray
    ) -> None:
        self.y, self.a, self.room, self.z, self.w = y, a, room, z, w
        H = Q.copy()
        H.flat[:: len(y) + 1] += z / a + w / room
        self.factor = Cholesky(H)
        self.along = self.factor.solve(y)

    def step(
        self, short: FloatArray, tilt: float, low: FloatArray, high: FloatArray
    ) -> tuple[FloatArray, float, FloatArray, FloatArray]:
        """Changes of a, b, z and w that repair the gradient, the sum, and both complementarities."""
        free = self.factor.solve(short + low / self.a - high / self.room)
        db = float((self.y @ free - tilt) / (self.y @ self.along))
        da = free - db * self.along
        return da, db, (low - self.z * da) / self.a, (high + self.w * da) / self.room


def _length(x: FloatArray, dx: FloatArray) -> float:
    """How far x may go along dx, 1 at most, before a number of it falls below 0."""
    down = dx < 0
    return float(min(1.0, (-x[down] / dx[down]).min())) if down.any() else 1.0
