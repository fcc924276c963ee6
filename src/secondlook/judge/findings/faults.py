"""D5…: what was left out when the source was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any

from secondlook.data.words import few
from secondlook.judge.findings.context import DataContext, always
from secondlook.judge.findings.words import BY_SHARE, SERIOUS_SHARE, by_share, many, percent, verb
from secondlook.judge.registry import Check
from secondlook.types import Fault, FaultKind, Finding, Item

# Reasons and suffixes that are counted one by one; the items have all.
_MOST_COUNTED = 20

Find = Callable[[DataContext], Finding | None]


def _of_kind(context: DataContext, kind: FaultKind) -> list[Fault]:
    return [fault for fault in context.images.faults if fault.kind == kind]


def _evidence(context: DataContext, faults: list[Fault]) -> dict[str, Any]:
    """n is how many there would be with them."""
    n = len(context.images) + len(faults)
    reasons = _counted(fault.reason for fault in faults)
    return {"n": n, "left_out": len(faults), "share": len(faults) / n, "reasons": reasons}


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(words).most_common(_MOST_COUNTED))


def _items(faults: list[Fault]) -> tuple[Item, ...]:
    return tuple(Item(fault.name, note=fault.reason) for fault in faults)


def _why(reasons: dict[str, int]) -> str:
    """The reason that holds for all or most, as the end of a title."""
    reason, n = next(iter(reasons.items()))
    return f": {few([reason])}" if len(reasons) == 1 else f"; {n:,} of them: {few([reason])}"


def _lost(code: str, kind: FaultKind, one: str, more: str, advice: str, *, why: bool = False) -> Find:
    """A check of images that should be there; with `why` its title gives the most frequent reason."""

    def find(context: DataContext) -> Finding | None:
        faults = _of_kind(context, kind)
        if not faults:
            return None
        evidence = _evidence(context, faults)
        n, lost = evidence["n"], len(faults)
        title = f"{lost:,} of {many(n, 'image')} ({percent(lost / n)}) {verb(lost, one, more)} left out"
        title = f"{title}{_why(evidence['reasons']) if why else ''}."
        return Finding(code, title, by_share(lost, n), evidence, advice, _items(faults))

    return find


def _unlabelled(context: DataContext) -> Finding | None:
    faults = _of_kind(context, "unlabelled")
    if not faults:
        return None
    evidence = _evidence(context, faults)
    left = len(faults)
    return Finding(
        code="D505",
        title=f"{many(left, 'image')} {verb(left, 'lies', 'lie')} outside the class folders and "
        f"{verb(left, 'was', 'were')} left out.",
        severity="warning" if left > SERIOUS_SHARE * evidence["n"] else "info",
        evidence=evidence,
        advice="Move them into the folders of their classes, or out of the source.",
        items=_items(faults),
    )


def _ignored(context: DataContext) -> Finding | None:
    faults = _of_kind(context, "ignored")
    if not faults:
        return None
    suffixes = _counted(PurePosixPath(fault.name).suffix.lower() or "none" for fault in faults)
    kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in list(suffixes.items())[:3])
    return Finding(
        code="D506",
        title=f"{many(len(faults), 'file')} not meant as {verb(len(faults), 'an image', 'images')} "
        f"{verb(len(faults), 'was', 'were')} passed over (by suffix: {kinds}).",
        severity="info",
        evidence={**_evidence(context, faults), "suffixes": suffixes},
        advice="Nothing to do, unless one of them should be an image.",
        items=_items(faults),
    )


CHECKS: tuple[Check[DataContext], ...] = (
    Check(
        "D501",
        "Files or rows meant as images that cannot be used: truncated, empty, not finite, of the wrong length, or "
        "without a part where others have one.",
        always,
        _lost(
            "D501",
            "broken",
            "cannot be used and was",
            "cannot be used and were",
            "Mend or remove them. --strict refuses a source that has any.",
            why=True,
        ),
        BY_SHARE,
    ),
    Check(
        "D502",
        "Images that a manifest names and that are not there.",
        always,
        _lost(
            "D502",
            "missing",
            "is named but not there and was",
            "are named but not there and were",
            "Put them where the manifest says, or mend its paths.",
        ),
        BY_SHARE,
    ),
    Check(
        "D503",
        "Images that there is no permission to read.",
        always,
        _lost(
            "D503",
            "permission",
            "may not be read and was",
            "may not be read and were",
            "Give yourself the right to read them (chmod u+r).",
        ),
        BY_SHARE,
    ),
    Check(
        "D504",
        "Links and paths that lead out of the source; they are not followed.",
        always,
        _lost(
            "D504",
            "unsafe",
            "leads out of the source and was",
            "lead out of the source and were",
            "Copy what they point to into the source, if you trust it.",
        ),
        BY_SHARE,
    ),
    Check(
        "D505",
        "Images outside the class folders of a source that has such folders.",
        always,
        _unlabelled,
        f"info; warning where more than {percent(SERIOUS_SHARE)} are concerned",
    ),
    Check("D506", "Files that are not meant as images.", always, _ignored, "info"),
)
