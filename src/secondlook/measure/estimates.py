"""Numbers with intervals, from counts, from seeds, and from one another."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, hypot, log, nan, sqrt
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray

from secondlook.measure.intervals import wilson
from secondlook.measure.pairs import agresti_min
from secondlook.types import Estimate

BoolArray = NDArray[np.bool_]
UNKNOWN = Estimate(nan, nan, nan)


def share(hits: int, n: int) -> Estimate:
    """So many out of n, with Wilson's interval; NaN for n = 0."""
    return Estimate(hits / n if n else nan, *wilson(hits, n))


def exactly(value: float | None) -> Estimate:
    """A number that no chance moves; unknown where there is none."""
    return UNKNOWN if value is None else Estimate(value, value, value)


def alone(value: float) -> Estimate:
    """A number of which only one is known, and so no interval."""
    return Estimate(value, nan, nan)


def mean(values: Sequence[float]) -> Estimate:
    """The mean of independent numbers with Student's interval; without one of a single number, unknown of none."""
    if not values:
        return UNKNOWN
    middle = fmean(values)
    if len(values) == 1:
        return alone(middle)
    half = _half(values)
    return Estimate(middle, middle - half, middle + half)


def geometric_mean(values: Sequence[float]) -> Estimate:
    """The same of the logarithms, for ratios."""
    found = mean([log(value) for value in values])
    return Estimate(exp(found.value), exp(found.low), exp(found.high))


def share_over_seeds(shares: Sequence[float], n: int) -> Estimate:
    """The mean of shares that several seeds reach on the same n items.

    Two things move it: which items were drawn, by Wilson's interval for the mean, and which seeds, by Student's. Their
    arms add as squares, being independent. The first is taken as if every item were answered alike by all seeds, so
    that the interval is too wide rather than too narrow.

    Args:
        shares: one per seed, each out of the same n items; unknown of none.
    """
    if not shares:
        return UNKNOWN
    middle = fmean(shares)
    low, high = wilson(middle * n, n)
    half = _half(shares) if len(shares) > 1 else 0.0
    return Estimate(middle, max(0.0, middle - hypot(middle - low, half)), min(1.0, middle + hypot(high - middle, half)))


def published_share(value: float, n: int) -> Estimate:
    """A share that somebody measured once on n items."""
    return Estimate(value, *wilson(value * n, n))


def difference(a: Estimate, b: Estimate) -> Estimate:
    """a - b for two independent estimates, from their intervals alone.

    Source: Newcombe 1998, method 10, for shares with Wilson's intervals; Zou and Donner 2008 for any (MOVER).
    """
    value = a.value - b.value
    return Estimate(
        value, value - hypot(a.value - a.low, b.high - b.value), value + hypot(a.high - a.value, b.value - b.low)
    )


def paired_difference(a: BoolArray, b: BoolArray) -> Estimate:
    """The difference of two shares of the same items, by which items each gets right; Agresti and Min's interval.

    Args:
        a, b: bool (n,), whether each item is answered right. Unknown for n = 0.
    """
    n, only_a, only_b = len(a), int((a & ~b).sum()), int((b & ~a).sum())
    if not n:
        return UNKNOWN
    return Estimate((only_a - only_b) / n, *agresti_min(only_a, only_b, n))


def _half(values: Sequence[float]) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(len(values) - 1, 0.975)) * stdev(values) / sqrt(len(values))
