"""The kernel of one pair's rows, computed as far as it is asked for."""

from __future__ import annotations

import numpy as np

from secondlook.models.base import Rows
from secondlook.models.classical.kernels import Kernel
from secondlook.types import FloatArray, IntArray


class Table:
    """Kernel values among rows, float32 (n, d).

    Lines of a kernel other than the linear one are kept, as long as they hold no more than `most` numbers. A linear
    one has nothing to keep: the rows of a machine add up to one weight per number of an image.
    """

    def __init__(self, kernel: Kernel, X: Rows, most: int) -> None:
        self.kernel, self.X, self.most = kernel, X, 0 if kernel.name == "linear" else most
        self._place = np.full(len(X), -1)
        self._known = 0
        self._lines = np.empty((0, len(X)))

    def square(self, rows: IntArray) -> FloatArray:
        """Kernel values of these rows with each other, float64 (r, r)."""
        if not self._keep(rows):
            own = self.X[rows].astype(np.float64)
            return self.kernel.table(own, own)
        return np.asarray(self._lines[np.ix_(self._place[rows], rows)])

    def sums(self, rows: IntArray, coef: FloatArray) -> FloatArray:
        """What all rows have of these, weighted by `coef`: float64 (n,)."""
        if not self._keep(rows):
            return self.kernel.sums(self.X, self.X[rows], coef)
        weights = np.zeros(self._known)
        weights[self._place[rows]] = coef
        return np.asarray(weights @ self._lines[: self._known])

    def _keep(self, rows: IntArray) -> bool:
        """Sees that the lines of these rows are known, where they may be kept."""
        new = rows[self._place[rows] < 0]
        known = self._known + len(new)
        if known * len(self.X) > self.most:
            return False
        if known > len(self._lines):
            room = np.empty((min(len(self.X), max(known, 2 * len(self._lines))), len(self.X)))
            room[: self._known] = self._lines[: self._known]
            self._lines = room
        if len(new):
            self._lines[self._known : known] = self.kernel.table(self.X[new], self.X)
            self._place[new] = np.arange(self._known, known)
            self._known = known
        return True
