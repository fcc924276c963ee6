"""D1…: images that are there more than once. Those in more than one part are found in `across`."""

from __future__ import annotations

import numpy as np

from secondlook.judge.findings.across import CHECKS as CHECKS_ACROSS_PARTS
from secondlook.judge.findings.bundles import blanks, bundles, grouped, so_blank
from secondlook.judge.findings.context import DataContext, always, needs_labels
from secondlook.judge.findings.leaks import Leaked as Leaked
from secondlook.judge.findings.leaks import leaked as leaked
from secondlook.judge.findings.words import many, percent, verb
from secondlook.judge.registry import Check
from secondlook.types import Finding, IntArray, Severity

# Shares of the images, from which on a finding is more than it is for one.
_CONTRADICTED, _SURPLUS = 0.01, 0.05


def _contradicted(context: DataContext) -> Finding | None:
    labels = context.images.labels
    groups = [
        group for group in context.measured.copies.groups if len(np.unique(labels[group][labels[group] >= 0])) > 1
    ]
    if not groups:
        return None
    n, blank = sum(map(len, groups)), blanks(context, np.concatenate(groups))
    severity: Severity = "serious" if n > _CONTRADICTED * np.count_nonzero(labels >= 0) else "warning"
    return Finding(
        code="D102",
        title=(
            f"{many(len(groups), 'image')} {verb(len(groups), 'stands', 'stand')} under different labels, "
            f"byte for byte the same, {n:,} times in all{so_blank(blank)}."
        ),
        severity=severity,
        evidence={"n": len(labels), "images": len(groups), "items": n, "blank": blank},
        advice="Decide which label is right and remove the others: no model can be right about all of them.",
        items=grouped(context, groups),
    )


def _identical_within(context: DataContext) -> Finding | None:
    groups = [same for group in context.measured.copies.groups for same in _by_part(context, group) if len(same) > 1]
    if not groups:
        return None
    n, surplus = len(context.images), sum(len(group) - 1 for group in groups)
    blank = blanks(context, np.concatenate([group[1:] for group in groups]))
    where = " of the same part" if context.own_parts() else ""
    return Finding(
        code="D103",
        title=(
            f"{surplus:,} of {many(n, 'image')} ({percent(surplus / n)}) {verb(surplus, 'is a copy', 'are copies')}, "
            f"byte for byte, of another{where}{so_blank(blank)}."
        ),
        severity="warning" if surplus > _SURPLUS * n else "info",
        evidence={"n": n, "copies": surplus, "images": len(groups), "most": max(map(len, groups)), "blank": blank},
        advice=_advice_within(context),
        items=grouped(context, groups),
    )


def _near_within(context: DataContext) -> Finding | None:
    near = context.measured.near
    pairs = near.pairs
    if context.own_parts():
        parts = np.asarray(context.images.parts)
        pairs = pairs[parts[pairs[:, 0]] == parts[pairs[:, 1]]]
    if not len(pairs):
        return None
    items, n = np.unique(pairs), len(context.images)
    where = " of the same part" if context.own_parts() else ""
    groups = bundles(near.together[items], items)
    return Finding(
        code="D105",
        title=(
            f"{len(items):,} of {many(n, 'image')} ({percent(len(items) / n)}) are nearly the same as another{where}, "
            "though not byte for byte."
        ),
        severity="info",
        evidence={"n": n, "near": len(items), "pictures": len(groups), "most": max(map(len, groups))},
        advice=_advice_within(context, torn=_torn(context, items)),
        items=grouped(context, groups),
    )


def _near_contradicted(context: DataContext) -> Finding | None:
    labels, near = context.images.labels, context.measured.near
    one, other = labels[near.pairs].T
    pairs = near.pairs[(one != other) & (one >= 0) & (other >= 0)]
    if not len(pairs):
        return None
    items = np.unique(pairs)
    groups = bundles(near.together[items], items)
    return Finding(
        code="D106",
        title=(
            f"{many(len(items), 'image')} {verb(len(items), 'is', 'are')} nearly the same as one of another label, "
            "though not byte for byte."
        ),
        severity="warning",
        evidence={"n": len(labels), "items": len(items), "pairs": len(pairs)},
        advice="Look at them: where both show the same, one label is wrong, and no model can be right about both.",
        items=grouped(context, groups),
    )


def _advice_within(context: DataContext, *, torn: bool = False) -> str:
    counted = "They count more than once in training and in scores; remove them if that is not meant."
    if context.own_parts():
        return counted
    if torn:
        return f"{counted} The split could not keep all of them in one part: they hang together in bundles too large."
    return f"{counted} A split keeps them in one part."


def _torn(context: DataContext, items: IntArray) -> bool:
    """Whether a split has items of one near-duplicate bundle in several parts."""
    if context.split is None:
        return False
    items = items[context.part_of[items] != ""]
    keys = context.measured.near.together[items]
    return len(np.unique(np.stack([keys.astype(str), context.part_of[items]]), axis=1)[0]) > len(np.unique(keys))


def _by_part(context: DataContext, items: IntArray) -> list[IntArray]:
    """Items in the order of the set, those of each of the source's parts on their own."""
    if context.images.parts is None:
        return [items]
    parts = context.images.parts[items]
    return [items[parts == part] for part in np.unique(parts)]


CHECKS: tuple[Check[DataContext], ...] = (
    *CHECKS_ACROSS_PARTS,
    Check(
        "D102",
        "Byte-identical images under different labels.",
        needs_labels,
        _contradicted,
        f"warning; serious where more than {percent(_CONTRADICTED)} of the images are concerned",
    ),
    Check(
        "D103",
        "Byte-identical images within one part, or in a set without parts.",
        always,
        _identical_within,
        f"info; warning where more than {percent(_SURPLUS)} of the images are copies",
    ),
    Check("D105", "Near duplicates within one part, or in a set without parts.", always, _near_within, "info"),
    Check("D106", "Near duplicates under different labels.", needs_labels, _near_contradicted, "warning"),
)
