"""Items with identical bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from secondlook.data.read.ids import codes
from secondlook.types import ImageSet, IntArray


@dataclass(frozen=True, eq=False)
class Copies:
    """Which items are the same, byte for byte, at the source.

    Attributes:
        groups: indices of items with equal bytes, two or more in each, sorted; the largest group first.
    """

    groups: tuple[IntArray, ...]


def copies(images: ImageSet) -> Copies:
    """Groups of items whose ids are equal before "#": the hash of their bytes is the same."""
    same = codes(images.ids)
    counts = np.bincount(same)
    # Only the repeated are sorted, in the order of the set, so that each group comes out sorted.
    repeated = np.flatnonzero(counts[same] > 1)
    repeated = repeated[np.argsort(same[repeated], kind="stable")]
    ends = np.flatnonzero(np.diff(same[repeated])) + 1
    groups = np.split(repeated.astype(np.int64), ends) if len(repeated) else []
    return Copies(tuple(sorted(groups, key=lambda group: (-len(group), int(group[0])))))
