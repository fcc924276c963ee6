"""A number, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite


def finite(value: float) -> float | None:
    """A number as JSON has it: None for what is beyond all bounds, or no number."""
    return float(value) if isfinite(value) else None


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    def json(self) -> dict[str, float | None]:
        """A plain dictionary; what is beyond all bounds is None."""
        return {name: finite(value) for name, value in vars(self).items()}
