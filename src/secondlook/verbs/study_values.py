"""What a study varies, as text: ``500,1000,2000``, ``3..10``, ``7000..20000:1000``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from secondlook.errors import UsageError
from secondlook.types import KINDS
from secondlook.verbs.study_cells import REMEDIES, Varied

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


# How messages call the values of a kind.
_VALUES = {"size": "sizes", "imbalance": "sizes of the minority", "classes": "numbers of classes"}


def what_varies(kind: str, values: Any, rows: Any, classes: Any, minority: str, remedy: str | Sequence[str]) -> Varied:
    """What a study varies, checked as far as that can be without the images.

    Raises:
        UsageError: a kind, a number or a remedy that is none; or what goes with another kind.
    """
    if kind not in KINDS:
        raise UsageError(f"expected a study of {', '.join(KINDS)}, got '{kind}'")
    remedies = [word.strip() for word in remedy.split(",") if word.strip()] if isinstance(remedy, str) else list(remedy)
    _check_goes_together(kind, values, rows, classes, minority, remedies)
    numbers: tuple[float, ...] = ()
    if _given(values):
        numbers = percentages(values) if kind == "noise" else whole_numbers(_VALUES[kind], values)
    sizes = whole_numbers("--rows", [rows] if isinstance(rows, int) else rows) if _given(rows) else ()
    if kind != "grid" and len(sizes) > 1:
        raise UsageError(f"expected one number of --rows for a study of {kind}, got {len(sizes)}; a grid varies both")
    counts = whole_numbers("--classes", classes) if _given(classes) else ()
    return Varied(kind, numbers, sizes, counts, minority, tuple(dict.fromkeys(remedies)))


def _given(several: Any) -> bool:
    """Whether there is anything: text, a number, or numbers in a list or an array."""
    return isinstance(several, int) or len(several) > 0


def _check_goes_together(
    kind: str, values: Any, rows: Any, classes: Any, minority: str, remedies: Sequence[str]
) -> None:
    if kind == "grid" and _given(values):
        raise UsageError(f"expected --classes and --rows for a grid, got '{values}'; say which of the two it is")
    if kind == "size" and _given(rows):
        raise UsageError("expected the sizes of a size study as its values, got --rows; leave the option's name out")
    if kind != "grid" and _given(classes):
        raise UsageError(f"expected --classes for a grid only, got it for a study of {kind}; leave it out")
    for word in remedies:
        if word not in REMEDIES:
            raise UsageError(f"expected --remedy out of {', '.join(REMEDIES)}, got '{word}'")
    if kind != "imbalance" and (remedies or minority):
        raise UsageError(f"expected --minority and --remedy for a study of imbalance only, got them for {kind}")


def accuracies(given: str | Sequence[float]) -> tuple[float, ...]:
    """The accuracies of a text or a list, each once, ascending.

    Raises:
        UsageError: what is no number between 0 and 1.
    """
    found = []
    for part in given.split(",") if isinstance(given, str) and given else given:
        try:
            value = float(part)
        except ValueError:
            value = -1.0
        if not 0 < value < 1:
            raise UsageError(f"expected --accuracy as numbers between 0 and 1 such as 0.95,0.99, got '{part}'")
        found.append(value)
    return tuple(sorted(set(found)))
