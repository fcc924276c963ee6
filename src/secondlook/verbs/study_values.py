"""What a study varies, as text: ``500,1000,2000``, ``3..10``, ``7000..20000:1000``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from secondlook.errors import UsageError

_RANGE = re.compile(r"([0-9]+)\.\.([0-9]+)(?::([0-9]+))?")
# More values than this are a slip of the pen: a cell each, times models and seeds.
_MOST = 10_000


def whole_numbers(name: str, given: str | Sequence[int] | range) -> tuple[int, ...]:
    """The numbers of a text or a list, each once, ascending.

    Args:
        name: how a message calls them.
        given: numbers with commas between, each of which may be a range: ``3..10`` (both ends), ``500..3000:500``.

    Raises:
        UsageError: what is no whole number of 1 or more, or a range without numbers.
    """
    if not isinstance(given, str):
        found = list(given)
        if any(isinstance(n, bool) or int(n) != n or n < 1 for n in found):
            raise UsageError(f"expected {name} as whole numbers of 1 or more, got {list(given)}")
        return tuple(sorted({int(n) for n in found}))
    numbers: set[int] = set()
    for part in (word.strip() for word in given.split(",")):
        if match := _RANGE.fullmatch(part):
            first, last, step = int(match[1]), int(match[2]), int(match[3] or 1)
            if step < 1 or last < first:
                raise UsageError(f"expected {name} as a range from low to high such as 3..10, got '{part}'")
            if (last - first) // step >= _MOST:
                raise UsageError(f"expected at most {_MOST:,} numbers in {name}, got '{part}'; give a larger step")
            numbers.update(range(first, last + 1, step))
        elif part.isdecimal() and int(part):
            numbers.add(int(part))
        else:
            raise UsageError(
                f"expected {name} as numbers such as 500,1000,2000 or a range such as 3..10, got '{part or given}'"
            )
    return tuple(sorted(numbers))


def percentages(given: str | Sequence[float]) -> tuple[float, ...]:
    """Shares of wrong labels in per cent, each once, ascending.

    Raises:
        UsageError: what is no number from 0 to below 100.
    """
    found: set[float] = set()
    for part in given.split(",") if isinstance(given, str) else given:
        try:
            value = float(str(part).strip().removesuffix("%"))
        except ValueError:
            value = -1.0
        if not 0 <= value < 100:
            raise UsageError(f"expected shares of wrong labels in per cent, from 0 to below 100, got '{part}'")
        found.add(value)
    return tuple(sorted(found))
