"""How findings write numbers, and how the share of what is wrong makes a finding serious."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from secondlook.data.words import few
from secondlook.judge.findings.context import DataContext
from secondlook.types import IntArray, Item, Severity

# From this share on, what is left out or unusable changes what a score means.
SERIOUS_SHARE = 0.05


def percent(share: float) -> str:
    """A share in percent: "12.9 %"; never 0 or 100 % of something between."""
    if 0 < share < 0.0005:
        return "under 0.1 %"
    if 0.9995 < share < 1:
        return "over 99.9 %"
    return f"{100 * share:.1f} %".replace(".0 %", " %")


def many(n: int, noun: str, plural: str = "") -> str:
    """ "1 image", "1,200 images", "2 classes"."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"


def verb(n: int, one: str, more: str) -> str:
    """The verb that goes with n things: "is" or "are"."""
    return one if n == 1 else more


def quoted(names: Sequence[str]) -> str:
    """The first three names in quotes, and how many more there are; spaces at their ends can be seen."""
    return few([f"'{name}'" for name in names])


def noted(context: DataContext, indices: IntArray, said: Callable[[int], str]) -> tuple[Item, ...]:
    """Items of a finding, each with its class and what is said of it."""
    places = indices.tolist()
    return tuple(context.items(places, [f"{context.label(i)}, {said(i)}" for i in places]))


def by_share(n: int, of: int) -> Severity:
    """Warning; serious where more than 5 % are concerned."""
    return "serious" if n > SERIOUS_SHARE * of else "warning"


# The same in words, for `Check.severity`.
BY_SHARE = f"warning; serious where more than {percent(SERIOUS_SHARE)} are concerned"
