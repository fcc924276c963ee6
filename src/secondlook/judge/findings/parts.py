"""D203, D204, D208: whether the parts can do what they are there for."""

from __future__ import annotations

from math import isnan

import numpy as np

from secondlook.judge.findings.context import DataContext, needs_own_parts, needs_split
from secondlook.judge.findings.words import many, percent, quoted, verb
from secondlook.judge.registry import Check
from secondlook.measure.power import smallest_difference
from secondlook.types import PARTS, Finding, IntArray, Part

_ALPHA, _POWER, _DISAGREEMENT = 0.05, 0.8, 0.1
_COARSE, _ROUGH = 0.03, 0.10
_MIX = 0.1
_MIX_ALPHA = 0.01


def counts_by_part(context: DataContext) -> dict[Part, IntArray]:
    """Labelled images of each class in each part, int64 (k,)."""
    labels, k = context.images.labels, len(context.images.classes)
    known = labels >= 0
    return {part: np.bincount(labels[known & (context.part_of == part)], minlength=k) for part in PARTS}


def _small_test(context: DataContext) -> Finding | None:
    n = int(counts_by_part(context)["test"].sum())
    smallest = smallest_difference(n, disagreement=_DISAGREEMENT, power=_POWER, alpha=_ALPHA)
    if smallest < _COARSE:
        return None
    shows = (
        f"Too small a test part to compare models: {many(n, 'image')} cannot show any difference."
        if isnan(smallest)
        else f"The test part has {many(n, 'image')}: a difference between two models shows from about "
        f"{100 * smallest:.1f} points of accuracy on."
    )
    return Finding(
        code="D203",
        title=shows,
        severity="info" if smallest < _ROUGH else "warning",
        evidence={
            "n": n,
            "smallest_difference": None if isnan(smallest) else smallest,
            "power": _POWER,
            "alpha": _ALPHA,
            "disagreement": max(_DISAGREEMENT, 1.0 if isnan(smallest) else smallest),
        },
        advice=(
            "Take smaller differences for chance, or judge on more images: a larger --test, or folds (--cv 5). "
            f"This is for McNemar's exact test at {percent(_ALPHA)}, a power of {percent(_POWER)}, and models of which "
            f"only one is right on {percent(_DISAGREEMENT)} of the images."
        ),
    )


def _needs_parts(context: DataContext) -> str:
    return "" if (context.part_of != "").any() else "no parts"


def _missing(context: DataContext) -> Finding | None:
    images, by_part = context.images, counts_by_part(context)
    there = np.any([*by_part.values()], axis=0)
    missing = {part: np.flatnonzero(there & (counts == 0)) for part, counts in by_part.items() if counts.any()}
    missing = {part: classes for part, classes in missing.items() if len(classes)}
    if not missing:
        return None
    names = {part: [images.classes[c] for c in classes] for part, classes in missing.items()}
    said = "; ".join(f"{many(len(of), 'class', 'classes')} in {part} ({quoted(of)})" for part, of in names.items())
    untaught = np.flatnonzero(np.isin(images.labels, missing.get("train", [])))
    return Finding(
        code="D204",
        title=f"Missing {verb(len(next(iter(names.values()))), 'is', 'are')} {said}.",
        severity="serious" if "train" in missing else "warning",
        evidence={
            "n": int(there.sum()),
            "missing": names,
            "counts": {part: dict(zip(images.classes, by_part[part].tolist(), strict=True)) for part in missing},
        },
        advice=(
            "A class that is not in train is always answered wrongly, one that is not in test has no score. "
            + ("Add images of it there." if context.own_parts() else "Add images of it, or cut larger parts (--test).")
        ),
        items=tuple(context.items(untaught)),
    )


def _mix(context: DataContext) -> Finding | None:
    by_part = {part: counts for part, counts in counts_by_part(context).items() if part in context.own_parts()}
    train = by_part["train"]
    pairs = {
        part: (_distance(train, counts), _differ_by_chance(train, counts))
        for part, counts in by_part.items()
        if part != "train" and counts.sum()
    }
    # Holm's correction: at most two parts are compared, and the first step multiplies by their number.
    order = sorted(pairs, key=lambda part: pairs[part][1])
    moved = []
    for rank, part in enumerate(order):
        if pairs[part][1] * (len(order) - rank) > _MIX_ALPHA:
            break
        if pairs[part][0] >= _MIX:
            moved.append(part)
    if not moved:
        return None
    said = " and ".join(f"{percent(pairs[part][0])} of the {part} images" for part in moved)
    classes = context.images.classes
    return Finding(
        code="D208",
        title=f"The source's own parts hold another mix of classes: {said} would have to change class to match train.",
        severity="warning",
        evidence={
            "n": {part: int(counts.sum()) for part, counts in by_part.items()},
            "distance": {part: found[0] for part, found in pairs.items()},
            "p": {part: found[1] for part, found in pairs.items()},
            "shares": {
                part: dict(zip(classes, (counts / counts.sum()).tolist(), strict=True))
                for part, counts in by_part.items()
                if counts.sum()
            },
        },
        advice="Judge by balanced accuracy, which does not depend on the mix, and find out how the parts were drawn.",
    )


def _needs_two_own_parts(context: DataContext) -> str:
    if reason := needs_own_parts(context):
        return reason
    counts = counts_by_part(context)
    own = [part for part in context.own_parts() if counts[part].sum()]
    return "" if len(own) > 1 and "train" in own else "the source has no second labelled part of its own"


def _distance(a: IntArray, b: IntArray) -> float:
    """Half the sum of differences between two mixes: the share of one that would have to change class."""
    return float(np.abs(a / a.sum() - b / b.sum()).sum() / 2)


def _differ_by_chance(a: IntArray, b: IntArray) -> float:
    """The p-value of Pearson's chi-square test that two parts were drawn from one mix."""
    from scipy.special import chdtrc

    table = np.stack([a, b])[:, a + b > 0].astype(float)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    freedom = table.shape[1] - 1
    return float(chdtrc(freedom, ((table - expected) ** 2 / expected).sum())) if freedom else 1.0


CHECKS: tuple[Check[DataContext], ...] = (
    Check(
        "D203",
        "A test part so small that only large differences between models would show, and how large they must be.",
        needs_split,
        _small_test,
        f"info from {100 * _COARSE:g} points of accuracy on, warning from {100 * _ROUGH:g} on",
    ),
    Check(
        "D204",
        "Classes that have images, but none in one of the parts.",
        _needs_parts,
        _missing,
        "warning; serious where a class is missing from train",
    ),
    Check(
        "D208",
        "Parts of the source's own whose mix of classes differs from that of its training part.",
        _needs_two_own_parts,
        _mix,
        f"warning where {percent(_MIX)} of a part or more would have to change class, and chance does not explain it",
    ),
)
