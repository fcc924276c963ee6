"""Items that belong together, as findings list them: bundle by bundle."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from secondlook.judge.findings.context import DataContext
from secondlook.judge.findings.words import verb
from secondlook.types import PARTS, IntArray, Item

# Places in the order in which one looks at parts.
_TELLING = {part: place for place, part in enumerate((*reversed(PARTS), ""))}


def telling(part: str) -> int:
    """The place of a part among others: test images are the most telling, then those of validation."""
    return _TELLING[part]


def bundles(keys: IntArray, items: IntArray) -> list[IntArray]:
    """Items with the same key, each bundle sorted, the largest first."""
    order = np.lexsort((items, keys))
    runs = np.split(items[order], np.flatnonzero(np.diff(keys[order])) + 1)
    return sorted(runs, key=lambda run: (-len(run), int(run[0])))


def grouped(
    context: DataContext, groups: Iterable[IntArray], parts: NDArray[np.str_] | None = None
) -> tuple[Item, ...]:
    """Items that belong together under one number, those of test first, each with its part and its label."""
    part_of, items = (context.part_of if parts is None else parts).tolist(), []
    for number, group in enumerate(groups):
        places = sorted(group.tolist(), key=lambda i: (telling(part_of[i]), i))
        notes = [", ".join(filter(None, (part_of[i], context.label(i)))) for i in places]
        items += context.items(places, notes, number)
    return tuple(items)


def blanks(context: DataContext, items: IntArray) -> int:
    """How many of these show nothing at all: blank images are all the same."""
    return sum(int(pixels.min() == pixels.max()) for pixels in (context.images.pixels[i] for i in items))


def so_blank(n: int) -> str:
    """The clause on blank images at the end of a title; "" for none."""
    return f"; {n:,} of them {verb(n, 'is', 'are')} blank" if n else ""
