"""What of a part was seen before: in the parts that fit a model, or choose it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.ids import codes
from secondlook.judge.findings.context import DataContext
from secondlook.types import PARTS, ImageSet, IntArray, Part


@dataclass(frozen=True, eq=False)
class Leaked:
    """Items of one part that a model could know from the parts before it.

    Attributes:
        items: their indices into the ImageSet, sorted, int64 (m,).
        reasons: why, str (m,): "identical", "near" or "group", the strongest in this order.
        twins: for each the first item of an earlier part that gives it away, int64 (m,).
    """

    items: IntArray
    reasons: NDArray[np.str_]
    twins: IntArray


def leaked(context: DataContext, part: Part = "test") -> Leaked:
    """What of a part has an identical or nearly identical twin, or a member of its group, in an earlier part.

    Earlier than "test" are "train" and "valid": the one fits a model, the other chooses it. Earlier than "valid" is
    "train", and nothing is earlier than "train". A twin without a label teaches nothing, and does not count.
    """
    labelled = context.images.labels >= 0
    items = np.flatnonzero(context.part_of == part)
    before = np.flatnonzero(np.isin(context.part_of, earlier(part)) & labelled)
    twins, reasons = np.full(len(items), -1, np.int64), np.full(len(items), "", "<U9")
    for reason, keys in (
        ("identical", codes(context.images.ids)),
        ("near", context.measured.near.together),
        ("group", group_numbers(context.images)),
    ):
        found = twins_before(keys, items, before)
        new = (twins < 0) & (found >= 0)
        twins[new], reasons[new] = found[new], reason
    kept = twins >= 0
    return Leaked(items[kept].astype(np.int64), reasons[kept], twins[kept])


def earlier(part: Part) -> tuple[Part, ...]:
    """The parts that teach or choose before this one is looked at."""
    return PARTS[: PARTS.index(part)]


def group_numbers(images: ImageSet) -> IntArray:
    """The number of every item's group, -1 for none, (n,)."""
    if images.groups is None:
        return np.full(len(images), -1, np.int64)
    numbers = np.unique(images.groups, return_inverse=True)[1]
    return np.where(images.groups == "", -1, numbers).astype(np.int64)


def twins_before(keys: IntArray, items: IntArray, before: IntArray) -> IntArray:
    """For each of some items the first of others that has the same key, -1 for none; a key below 0 is like no other."""
    known, first = np.unique(keys[before], return_index=True)
    if not len(known):
        return np.full(len(items), -1, np.int64)
    place = np.minimum(np.searchsorted(known, keys[items]), len(known) - 1)
    there = (known[place] == keys[items]) & (keys[items] >= 0)
    return np.where(there, before[first[place]], -1).astype(np.int64)


def touched(keys: IntArray, parts: NDArray[np.str_], own: Sequence[Part]) -> dict[Part, IntArray]:
    """The items of each of a source's own parts, but the first, that share a key with an item of an earlier one."""
    found: dict[Part, IntArray] = {}
    for part in own[1:]:
        items, before = np.flatnonzero(parts == part), np.flatnonzero(np.isin(parts, earlier(part)))
        found[part] = items[twins_before(keys, items, before) >= 0].astype(np.int64)
    return found
