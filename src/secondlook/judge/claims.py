"""What became of a published figure or claim: one place for the rules by which they are judged.

A claim about a number holds where the whole 95 % interval of ours lies where the claim puts it, does not hold where it
lies wholly elsewhere, and cannot be told where it lies on both sides.
"""

from __future__ import annotations

from decimal import Decimal
from math import inf, isnan

from secondlook.measure.estimates import difference, exactly, published_share
from secondlook.types import Estimate, Figure, Holds
from secondlook.types.reproduction import Unit


def within(found: Estimate, low: float = -inf, high: float = inf) -> Holds:
    """Whether a number lies between two, the ends included; of one without an interval it cannot be told."""
    if low <= found.low and found.high <= high:
        return "holds"
    return "does not hold" if found.high < low or found.low > high else "cannot be told"


def more(a: Estimate, b: Estimate) -> Holds:
    """Whether a is more than b."""
    found = difference(a, b)
    return "holds" if found.low > 0 else "does not hold" if found.high <= 0 else "cannot be told"


def same(ours: Estimate, published: float, n: int | None, margin: float) -> Holds:
    """Whether a number is the published one, give or take `margin`: an equivalence test by the interval.

    Args:
        n: the items that the published share was counted on, which give its uncertainty; None where it is not known.
    """
    return within(difference(ours, _counted(published, n)), -margin, margin)


def all_hold(*verdicts: Holds) -> Holds:
    """A claim of several parts: it does not hold where one does not, and holds where all do; none tell nothing."""
    if "does not hold" in verdicts:
        return "does not hold"
    return "holds" if verdicts and all(one == "holds" for one in verdicts) else "cannot be told"


def figure(
    of: str, measure: str, published: float | None, ours: Estimate, unit: Unit = "share", *, n: int | None = None,
    why: str = "",
) -> Figure:  # fmt: skip
    """A published number beside ours, and whether the two can be the same.

    Args:
        ours: NaN where we have none. n: the items that a published share was counted on.
        why: why we have none.
    """
    agrees = None
    if published is not None and not isnan(ours.low):
        apart = difference(ours, printed(published, unit, n))
        agrees = apart.low <= 0 <= apart.high
    known = None if isnan(ours.value) else ours
    return Figure(of, measure, unit, published, known, agrees, "" if known else why)


def printed(value: float, unit: Unit, n: int | None) -> Estimate:
    """A published number with what is known of its uncertainty: half a unit of its last digit, and for a share that
    was counted on n items Wilson's interval around that.
    """
    if unit == "count":
        return exactly(value)
    digits = -int(Decimal(str(value)).normalize().as_tuple().exponent)
    rounding = 0.5 * 10.0 ** -(max(digits, 2) if unit == "share" else digits)
    counted = _counted(value, n)
    return Estimate(value, counted.low - rounding, counted.high + rounding)


def _counted(value: float, n: int | None) -> Estimate:
    """A published share that was counted on n items; without them the number alone."""
    return exactly(value) if n is None else published_share(value, n)
