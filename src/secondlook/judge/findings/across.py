"""D101, D104 and D107: what of the source's own test and validation parts was seen in an earlier part.

A split that we cut keeps copies, near copies and groups on one side, so these are of the source's own parts alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from secondlook.data.read.ids import codes
from secondlook.judge.findings.bundles import blanks, bundles, grouped, so_blank, telling
from secondlook.judge.findings.context import DataContext
from secondlook.judge.findings.leaks import group_numbers, touched
from secondlook.judge.findings.words import many, percent, verb
from secondlook.judge.registry import Check
from secondlook.types import Finding, IntArray, Item, Part, Severity

_NAMES: dict[Part, str] = {"train": "training", "valid": "validation", "test": "test"}
# From this share of a part on, near copies are serious.
_LEAKED = 0.01

_BY_PART = "serious; warning where only validation images, or unlabelled ones, are concerned"
_REMOVE = "Remove the copies from training"


def _needs_parts(context: DataContext) -> str:
    parts = context.own_parts()
    if len(parts) >= 2:
        return ""
    return "the source has one part only" if parts else "the source has no parts of its own"


def _identical_across(context: DataContext) -> Finding | None:
    keys = codes(context.images.ids)
    found = _touched(context, keys)
    if not _any(found):
        return None
    blank = blanks(context, _every(found))
    return Finding(
        code="D101",
        title=f"{_leaks(context, found, 'byte-identical to')}{so_blank(blank)}.",
        severity=_worst(context, found),
        evidence={**_shares(context, found), "blank": blank},
        advice=_remedy(context, found, _REMOVE),
        items=_across(context, keys, found),
    )


def _near_across(context: DataContext) -> Finding | None:
    found = _touched(context, context.measured.near.together)
    identical = _touched(context, codes(context.images.ids))
    new = {part: np.setdiff1d(items, identical[part]) for part, items in found.items()}
    if not _any(new):
        return None
    serious = _judged(context, new) > _LEAKED * np.count_nonzero(context.images.parts == "test")
    return Finding(
        code="D104",
        title=f"{_leaks(context, new, 'nearly the same as')}, though not byte for byte.",
        severity="serious" if serious else "warning",
        evidence=_shares(context, new),
        advice=f"Look at them. {_remedy(context, new, _REMOVE)}",
        items=_across(context, context.measured.near.together, new),
    )


def _needs_groups(context: DataContext) -> str:
    return _needs_parts(context) or ("" if (group_numbers(context.images) >= 0).any() else "no groups were given")


def _group_across(context: DataContext) -> Finding | None:
    keys = group_numbers(context.images)
    found = _touched(context, keys)
    if not _any(found):
        return None
    torn = np.unique(keys[_every(found)])
    return Finding(
        code="D107",
        title=(
            f"{len(torn):,} of {many(len(np.unique(keys[keys >= 0])), 'group')} "
            f"{verb(len(torn), 'lies', 'lie')} in more than one part: "
            f"{_leaks(context, found, 'of one group with')}."
        ),
        severity=_worst(context, found),
        evidence={"groups": len(np.unique(keys[keys >= 0])), "torn": len(torn), **_shares(context, found)},
        advice=(
            f"{_remedy(context, found, 'Move each group into one part')} "
            "Without parts of its own, a set is split by groups."
        ),
        items=_across(context, keys, found),
    )


def _touched(context: DataContext, keys: IntArray) -> dict[Part, IntArray]:
    """The items of each of the source's parts that share a key with an earlier part."""
    parts = np.asarray(context.images.parts)
    return touched(keys, parts, context.own_parts())


def _any(found: dict[Part, IntArray]) -> bool:
    return any(len(items) for items in found.values())


def _worst(context: DataContext, found: dict[Part, IntArray]) -> Severity:
    """A test part that was seen gives wrong scores; a validation part that was seen, a poor choice."""
    return "serious" if _judged(context, found) else "warning"


def _judged(context: DataContext, found: dict[Part, IntArray]) -> int:
    """How many of the test images found have a label: only those are scored."""
    return int((context.images.labels[found.get("test", [])] >= 0).sum())


def _remedy(context: DataContext, found: dict[Part, IntArray], change: str) -> str:
    """What to do; a comparison has scores with and without the test images concerned, if they have labels."""
    both = ", or look at the scores without these images: a comparison shows both"
    return f"{change}{both if _judged(context, found) else ''}."


def _every(found: dict[Part, IntArray]) -> IntArray:
    return np.concatenate([*found.values()])


def _leaks(context: DataContext, found: dict[Part, IntArray], how: str) -> str:
    """ "1 of 498 test images (0.2 %) is byte-identical to a training image", for each part that is concerned."""
    own, said = context.own_parts(), []
    for part, items in sorted(found.items(), key=lambda pair: telling(pair[0])):
        if len(items):
            n, before = int(np.count_nonzero(context.images.parts == part)), own[: own.index(part)]
            word = " or ".join(_NAMES[name] for name in before)
            said.append(
                f"{len(items):,} of {many(n, f'{_NAMES[part]} image')} ({percent(len(items) / n)}) "
                f"{verb(len(items), 'is', 'are')} {how} {verb(len(items), f'a {word} image', f'{word} images')}"
            )
    return "; ".join(said)


def _shares(context: DataContext, found: dict[Part, IntArray]) -> dict[str, Any]:
    """How many of each part are concerned, of how many, and their share."""
    evidence: dict[str, Any] = {}
    for part, items in found.items():
        n = int(np.count_nonzero(context.images.parts == part))
        evidence |= {f"n_{part}": n, f"leaked_{part}": len(items), f"share_{part}": len(items) / n}
    return evidence


def _across(context: DataContext, keys: IntArray, found: dict[Part, IntArray]) -> tuple[Item, ...]:
    """The items concerned with all that share their key in another part; the bundles with test images first."""
    concerned = np.flatnonzero(np.isin(keys, keys[_every(found)]))
    parts = np.asarray(context.images.parts)
    found_together = bundles(keys[concerned], concerned)
    found_together.sort(key=lambda bundle: min(map(telling, parts[bundle].tolist())))
    return grouped(context, found_together, parts)


CHECKS: tuple[Check[DataContext], ...] = (
    Check(
        "D101",
        "Images of the source's own test or validation part that are byte-identical to one of an earlier part.",
        _needs_parts,
        _identical_across,
        _BY_PART,
    ),
    Check(
        "D104",
        "Images of the source's own test or validation part that are nearly the same as one of an earlier part: "
        "resized, re-encoded, shifted by a little, brighter or darker.",
        _needs_parts,
        _near_across,
        f"warning; serious where more than {percent(_LEAKED)} of the test part are concerned and have labels",
    ),
    Check(
        "D107",
        "Groups (of --group, or a manifest) that lie in more than one of the source's own parts.",
        _needs_groups,
        _group_across,
        _BY_PART,
    ),
)
