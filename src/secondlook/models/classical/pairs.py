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

import numpy as np
from numpy.typing import NDArray

from secondlook.models.base import Rows
from secondlook.models.classical.kernels import Kernel
from secondlook.models.classical.quadratic import TOLERANCE, solve
from secondlook.models.classical.table import Table
from secondlook.types import FloatArray, IntArray

# Rows up to which all are taken at once, and above which libsvm computes its kernel itself.
_FEW, _MANY = 1_000, 6_000
# Rows of each class to begin with, evenly spaced: with no answer at hand, and beside those near its margin.
_FIRST, _BESIDE, _NEAR = 200, 10, 1.2
_LEAVING = 8


@dataclass(frozen=True, eq=False)
class Border:
    """A machine of two classes.

    Attributes:
        coef: float64 (n,), above 0 for rows of the first class, below 0 for the second; 0 for most.
        intercept: a decision value above 0 speaks for the first class.
        margins: what it says of all rows, float64 (n,): 1 or more where a row is beyond the margin on its own side.
        at_bound: whether a coefficient is at its upper bound; where none is, a larger C changes nothing.
        hard: whether the problem was too much for libsvm.
    """

    coef: FloatArray
    intercept: float
    margins: FloatArray
    at_bound: bool
    hard: bool


class Pair:
    """The rows of two classes, of which machines are made for several C and several parts of the rows.

    Args:
        X: rows of both classes, float32 (n, d).
        signs: 1 for the first class, -1 for the second, float64 (n,).
        weights: what each row counts, above 0, float64 (n,): it multiplies C.
        most: numbers of kernel values that may be kept.
    """

    def __init__(self, kernel: Kernel, X: Rows, signs: FloatArray, weights: FloatArray, *, most: int = 2**26) -> None:
        self.kernel, self.X, self.signs, self.weights = kernel, X, signs, weights
        self.table = Table(kernel, X, most)

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
        chosen = self._first(part, near)
        for turn in count():
            rows = np.flatnonzero(chosen)
            found, hard = self._solve(rows, upper[rows], hard)
            coef = found * self.signs[rows]
            sums = self.table.sums(rows[found > 0], coef[found > 0])
            margins = self.signs * (sums + _intercept(sums[rows], self.signs[rows], found, upper[rows]))
            objecting = np.flatnonzero(part & ~chosen & (margins < 1 - TOLERANCE))
            if not len(objecting):
                break
            most = max(_FIRST, len(rows) // 2)
            chosen[objecting[np.argsort(margins[objecting], kind="stable")[:most]]] = True
            if turn < _LEAVING:  # later none leaves, so that it ends
                chosen[rows[(found == 0) & (margins[rows] > _NEAR)]] = False
        whole = np.zeros(len(part))
        whole[rows] = coef
        # Where all coefficients are at a bound, the rows left out have a say in the intercept.
        intercept = _intercept(sums[part], self.signs[part], np.abs(whole[part]), upper[part])
        return Border(whole, intercept, self.signs * (sums + intercept), bool((found >= upper[rows]).any()), hard)

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

    def _solve(self, rows: IntArray, upper: FloatArray, hard: bool) -> tuple[FloatArray, bool]:
        """The coefficients' sizes of these rows alone, and whether that was hard."""
        if len(rows) <= _MANY:
            return solve(self.table.square(rows), self.signs[rows], upper, hard=hard)
        svc = self.kernel.svc(1.0, len(rows)).fit(self.X[rows].astype(np.float64), self.signs[rows] < 0, upper)
        found = np.zeros(len(rows))
        found[svc.support_] = np.abs(svc.dual_coef_[0])
        return found, False


def _intercept(sums: FloatArray, signs: FloatArray, found: FloatArray, upper: FloatArray) -> float:
    """libsvm's: the mean over the rows strictly between their bounds, or the middle of what the others allow."""
    wanted = signs - sums
    free = (found > 0) & (found < upper)
    if free.any():
        return float(wanted[free].mean())
    # At 0 a row wants to be on its side of the margin at least; at the upper bound, at most.
    at_least = np.where(signs > 0, found <= 0, found > 0)
    return float((wanted[at_least].max() + wanted[~at_least].min()) / 2)
