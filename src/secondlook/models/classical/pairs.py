"""Support-vector machines of two classes, found from the few rows that matter.

A row beyond the margin changes nothing. So the problem is solved for some rows; all others are asked by one matrix
product whether they would object; those that do join, and so on until none is left: the answer for all rows, to
libsvm's own tolerance. A problem of 6,000 rows shrinks to some hundred. Source: E. Osuna, R. Freund and F. Girosi, An
improved training algorithm for support vector machines, NNSP 1997.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondlook.models.base import Rows
from secondlook.models.classical.kernels import Kernel
from secondlook.models.classical.quadratic import TOLERANCE, Solution, solve
from secondlook.models.classical.table import Table
from secondlook.types import FloatArray, IntArray

# Rows up to which all are taken at once, and above which libsvm computes its kernel itself.
_FEW, MOST_ROWS = 1_000, 6_000
# Rows of each class to begin with, evenly spaced: with no answer at hand, and beside those near its margin.
_FIRST, _BESIDE, _NEAR = 200, 10, 1.2
_LEAVING = 8
# Square of the distance of the rows' mean from the origin, over their variance, from which they are moved there.
_FAR = 100.0


@dataclass(frozen=True, eq=False)
class Border:
    """A machine of two classes.

    Attributes:
        coef: float64 (n,), above 0 for rows of the first class, below 0 for the second; 0 for most.
        intercept: a decision value above 0 speaks for the first class.
        margins: what it says of all rows, float64 (n,): 1 or more where a row is beyond the margin on its own side.
        at_bound: whether a coefficient is at its upper bound; where none is, a larger C changes nothing.
        hard: whether the problem was too much for libsvm.
        reached: whether it is the optimum, to the tolerance.
    """

    coef: FloatArray
    intercept: float
    margins: FloatArray
    at_bound: bool
    hard: bool
    reached: bool


class _Found(NamedTuple):
    """What is known of some rows: their indices, the problem's solution, and the sums of all rows, float64 (n,)."""

    rows: IntArray
    solution: Solution
    sums: FloatArray


class Pair:
    """The rows of two classes, of which machines are made for several C and several parts of the rows.

    Far from the origin the kernel x·s is one large number and little else, which no method gets anywhere with. As the
    coefficients of a machine add up to 0, rows may be moved together without changing any: see `_moved`.

    Args:
        X: rows of both classes, float32 (n, d).
        signs: 1 for the first class, -1 for the second, float64 (n,).
        weights: what each row counts, above 0, float64 (n,): it multiplies C.
        most: numbers of kernel values that may be kept.
    """

    def __init__(self, kernel: Kernel, X: Rows, signs: FloatArray, weights: FloatArray, *, most: int = 2**26) -> None:
        self.kernel, self.signs, self.weights = kernel, signs, weights
        self.X, self.origin = _moved(kernel, X)
        self.table = Table(kernel, self.X, most)

    def borders(self, Cs: Sequence[float], part: NDArray[np.bool_], near: FloatArray | None = None) -> Iterator[Border]:
        """The machine of the rows in `part`, bool (n,), for each C; they ascend.

        `near`: the margins of a similar machine to begin with.
        """
        border = None
        for C in Cs:
            if border is None or border.at_bound:
                border = self._border(C * self.weights, part, near, border is not None and border.hard)
                near = border.margins
            yield border

    def _border(self, upper: FloatArray, part: NDArray[np.bool_], near: FloatArray | None, hard: bool) -> Border:
        rows, solution, sums = self._grown(upper, part, near, hard)
        whole = np.zeros(len(part))
        whole[rows] = solution.a * self.signs[rows]
        # Where all coefficients are at a bound, the rows left out have a say in the intercept.
        intercept = _intercept(sums[part], self.signs[part], np.abs(whole[part]), upper[part])
        at_bound = bool((solution.a >= upper[rows]).any())
        margins = self.signs * (sums + intercept)
        return Border(whole, intercept - self._shift(whole), margins, at_bound, solution.hard, solution.reached)

    def _shift(self, coef: FloatArray) -> float:
        """By how much decision values grow when the rows go back to where they were."""
        if self.origin is None or self.kernel.name != "linear":
            return 0.0
        support = np.flatnonzero(coef)
        return float(coef[support] @ (self.X[support] @ self.origin))

    def _grown(self, upper: FloatArray, part: NDArray[np.bool_], near: FloatArray | None, hard: bool) -> _Found:
        """The solution for the rows that matter."""
        chosen = self._first(part, near)
        for turn in count():
            rows = np.flatnonzero(chosen)
            solution = self._solve(rows, upper[rows], hard)
            found, hard = solution.a, solution.hard
            coef = found * self.signs[rows]
            sums = self.table.sums(rows[found > 0], coef[found > 0])
            margins = self.signs * (sums + _intercept(sums[rows], self.signs[rows], found, upper[rows]))
            objecting = np.flatnonzero(part & ~chosen & (margins < 1 - TOLERANCE))
            if not (len(objecting) and solution.reached):
                break
            most = max(_FIRST, len(rows) // 2)
            chosen[objecting[np.argsort(margins[objecting], kind="stable")[:most]]] = True
            if turn < _LEAVING:  # later none leaves, so that it ends
                chosen[rows[(found == 0) & (margins[rows] > _NEAR)]] = False
        return _Found(rows, solution, sums)

    def _first(self, part: NDArray[np.bool_], near: FloatArray | None) -> NDArray[np.bool_]:
        """Rows to begin with, of both classes."""
        if part.sum() <= _FEW:
            return part.copy()
        chosen = np.zeros(len(part), dtype=bool) if near is None else part & (near < _NEAR)
        for sign in (1, -1):
            own = np.flatnonzero(part & (self.signs == sign))
            some = min(len(own), _FIRST if near is None else _BESIDE)
            chosen[own[np.linspace(0, len(own) - 1, some).astype(int)]] = True
        return chosen

    def _solve(self, rows: IntArray, upper: FloatArray, hard: bool) -> Solution:
        """The coefficients' sizes of these rows alone."""
        signs = self.signs[rows]
        if len(rows) <= MOST_ROWS:
            solution = solve(self.table.square(rows), signs, upper, hard=hard)
            return solution._replace(a=_balanced(solution.a, signs, upper))
        svc = self.kernel.svc(1.0, len(rows)).fit(self.X[rows].astype(np.float64), signs < 0, upper)
        found = np.zeros(len(rows))
        found[svc.support_] = np.abs(svc.dual_coef_[0])
        return Solution(found, False)


def _moved(kernel: Kernel, X: Rows) -> tuple[Rows, FloatArray | None]:
    """Rows far from the origin with their mean there, and the mean; or else the rows as they are, and None."""
    if kernel.name == "poly":
        return X, None
    # A float32 number: of rows that are close to it, the difference is exact.
    mean = X.mean(axis=0, dtype=np.float64).astype(np.float32)
    origin = mean.astype(np.float64)
    away = float(origin @ origin)
    if away <= _FAR * (float(np.einsum("nd,nd->", X, X, dtype=np.float64)) / len(X) - away):
        return X, None
    return X - mean, origin


def _balanced(found: FloatArray, signs: FloatArray, upper: FloatArray) -> FloatArray:
    """The same with what the signed sum misses 0 by taken from those between their bounds, in their room's share."""
    room = np.minimum(found, upper - found)
    if not room.any():
        return found
    return np.asarray(found - signs * room * np.clip(signs @ found / room.sum(), -0.5, 0.5))


def _intercept(sums: FloatArray, signs: FloatArray, found: FloatArray, upper: FloatArray) -> float:
    """libsvm's: the mean over the rows strictly between their bounds, or the middle of what the others allow."""
    wanted = signs - sums
    free = (found > 0) & (found < upper)
    if free.any():
        return float(wanted[free].mean())
    # At 0 a row wants to be on its side of the margin at least; at the upper bound, at most.
    at_least = np.where(signs > 0, found <= 0, found > 0)
    return float((wanted[at_least].max() + wanted[~at_least].min()) / 2)
