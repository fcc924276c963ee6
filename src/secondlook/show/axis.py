"""One common axis for shares: the interval bars of the report and of the terminal, the height of the frontier plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np

from secondlook.types import FloatArray, Run

_STRETCH_ABOVE = 0.95
# At both ends, as a share of what is drawn: a dot at the end is a whole dot.
_ROOM = 0.04
# In the order in which they are worth a label.
_STRETCHED_TICKS = (0.5, 0.9, 0.99, 0.1, 0.999, 0.01, 0.75, 0.25, 0.95, 0.98, 0.995, 0.9999, 0.001)


@dataclass(frozen=True)
class Axis:
    """From a share to a place between 0 (left) and 1 (right).

    Where a model is above .95 the axis is stretched towards both ends (log-odds), because there the differences
    that matter are between .98 and .99; elsewhere it is even.

    Attributes:
        start, end: the two ends in the units drawn evenly (shares, or log-odds).
        stretched: log-odds rather than even.
        margin: shares closer than this to 0 or 1 are drawn as if they were this close; log-odds would be infinite.
    """

    start: float
    end: float
    stretched: bool = False
    margin: float = 1e-4

    @classmethod
    def of(cls, run: Run) -> Axis:
        """The axis that holds every test interval of a run, chance and the majority value."""
        done = [r for r in run.rows if r.test_accuracy is not None]
        values = [v for r in done for v in (r.test_low, r.test_high) if v is not None]
        best = max((r.test_accuracy or 0.0 for r in done), default=0.0)
        if best <= _STRETCH_ABOVE:
            return cls.even([run.chance, run.majority, *values] if done else [])
        n = max(r.n_test or 1 for r in done)
        values += [run.chance, run.majority]
        ends = cls(0, 1, True, min(0.01, 0.25 / n))
        low, high = ends.warp(np.array([min(values), max(values)]))
        room = _ROOM * max(high - low, 1e-3)
        return cls(float(low - room), float(high + room), True, ends.margin)

    @classmethod
    def even(cls, values: Sequence[float]) -> Axis:
        """The even axis that holds these shares, in whole tenths; from 0 to 1 where there are none."""
        low = max(floor(min(values) * 10 - 0.3) / 10, 0.0) if values else 0.0
        high = ceil(max(values) * 10) / 10 if values else 1.0
        return cls(low - _ROOM * (high - low), high + _ROOM * (high - low))

    @property
    def low(self) -> float:
        """The share at the left end."""
        return float(self.unwarp(np.array(self.start)))

    @property
    def high(self) -> float:
        """The share at the right end."""
        return float(self.unwarp(np.array(self.end)))

    def warp(self, values: FloatArray) -> FloatArray:
        """Shares to the units that are drawn evenly."""
        if not self.stretched:
            return np.asarray(values, dtype=float)
        inside = np.clip(values, self.margin, 1 - self.margin)
        return np.asarray(np.log(inside / (1 - inside)))

    def unwarp(self, values: FloatArray) -> FloatArray:
        """The inverse of `warp`, where nothing was clipped."""
        return np.asarray(1 / (1 + np.exp(-values)) if self.stretched else values, dtype=float)

    def position(self, value: float) -> float:
        """The place of a share, in [0, 1]."""
        here = float(self.warp(np.array(value)))
        return min(max((here - self.start) / (self.end - self.start), 0.0), 1.0)

    def ticks(self, gap: float = 0.12) -> list[float]:
        """Shares worth a label, at least `gap` of the axis apart, in rising order."""
        if not self.stretched:
            step = next(s for s in (0.05, 0.1, 0.2, 0.25, 0.5, 1.0) if s / (self.high - self.low) >= gap or s == 1)
            first = ceil(round(self.low / step, 6))
            return [round(i * step, 2) for i in range(first, floor(round(self.high / step, 6)) + 1)]
        kept: list[float] = []
        for tick in _STRETCHED_TICKS:
            apart = all(abs(self.position(tick) - self.position(other)) >= gap for other in kept)
            if self.low < tick < self.high and apart:
                kept.append(tick)
        return sorted(kept)


def tick_label(value: float) -> str:
    """.5, .99, 0, 1: no zeros that say nothing."""
    text = f"{value:g}"
    return text[1:] if text.startswith("0.") else text
