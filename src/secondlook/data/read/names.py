"""Names of rows, made when they are asked for: a million of them are no million strings."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from secondlook.types import IntArray

_BLOCK = 2**16


class RowNames(Sequence[str]):
    """ "x_train:0", "x_train:1", …, "x_test:0", …: prefixes, and the numbers of the rows of each."""

    def __init__(self, pieces: Sequence[tuple[str, range | IntArray]]) -> None:
        self._pieces = tuple(pieces)
        self._ends = np.cumsum([len(rows) for _, rows in pieces], dtype=np.int64).tolist()

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> RowNames: ...
    def __getitem__(self, at: int | slice) -> str | RowNames:
        if isinstance(at, slice):
            return self.take(np.arange(len(self))[at])
        i = int(at) + (len(self) if at < 0 else 0)
        if not 0 <= i < len(self):
            raise IndexError(f"no name {at} among {len(self)}")
        piece = bisect_right(self._ends, i)
        prefix, rows = self._pieces[piece]
        return f"{prefix}{rows[i - self._ends[piece] + len(rows)]}"

    def take(self, items: IntArray) -> RowNames:
        """The names of some items."""
        of = np.searchsorted(self._ends, items, "right")
        runs = np.split(np.arange(len(items)), np.flatnonzero(np.diff(of)) + 1) if len(items) else []
        found: list[tuple[str, IntArray]] = []
        for run in runs:
            prefix, rows = self._pieces[of[run[0]]]
            found.append((prefix, np.asarray(rows)[items[run] - self._ends[of[run[0]]] + len(rows)]))
        return RowNames(found)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        width = max((len(prefix) + len(str(np.max(rows))) for prefix, rows in self._pieces if len(rows)), default=1)
        names = np.empty(len(self), f"<U{width}")
        start = 0
        for prefix, rows in self._pieces:
            for at in range(0, len(rows), _BLOCK):
                some = np.asarray(rows[at : at + _BLOCK]).astype(f"<U{width}")
                names[start : start + len(some)] = np.strings.add(prefix, some)
                start += len(some)
        return names if dtype is None else names.astype(dtype, copy=False)


def taken(values: Sequence[str], items: IntArray) -> Sequence[str]:
    """Some of a sequence of names, parts or groups."""
    if isinstance(values, RowNames):
        return values.take(items)
    return [values[i] for i in items.tolist()]
