"""D2…: classes, how many images they have, and in which part."""

from __future__ import annotations

import unicodedata

import numpy as np

from secondlook.judge.findings.context import DataContext, needs_labels
from secondlook.judge.findings.parts import CHECKS as CHECKS_OF_PARTS
from secondlook.judge.findings.parts import counts_by_part
from secondlook.judge.findings.words import many, percent, quoted, verb
from secondlook.judge.registry import Check
from secondlook.measure.intervals import wilson
from secondlook.types import PARTS, Finding, IntArray, Severity

# How far the majority is on the way from chance to all: 75 % and 60 % of two classes.
_FAR, _SOME = 0.5, 0.2
_RATIO = 3
_FEW_IN_TEST = 20


def _needs_two_classes(context: DataContext) -> str:
    return "" if len(_compared(context)) >= 2 else "fewer than two classes"


def _counts(context: DataContext) -> IntArray:
    """Images of each class, int64 (k,)."""
    return np.array([*context.images.counts().values()], dtype=np.int64)


def _compared(context: DataContext) -> IntArray:
    """The classes that a comparison tells apart: those with images, but for the ones that its split leaves out."""
    if context.split is None:
        return np.flatnonzero(_counts(context))
    labels = context.images.labels[np.concatenate([context.split[part] for part in PARTS])]
    return np.unique(labels[labels >= 0])


def _imbalance(context: DataContext) -> Finding | None:
    classes, counts = context.images.classes, _counts(context)
    there = _compared(context)
    chance = 1 / len(there)
    by_part = counts_by_part(context)
    judged = by_part["test"] if context.split is not None else counts
    learnt = by_part["train"] if context.split is not None else counts
    major, minor = int(learnt.argmax()), int(there[counts[there].argmin()])
    majority, ratio = judged[major] / max(1, judged.sum()), counts.max() / counts[minor]
    # Where train and test have other mixes, the worse of both counts. A part that we cut is stratified within an image.
    largest = judged.max() / max(1, judged.sum())
    rounding = 1 / max(1, judged.sum()) if context.split is not None and "test" not in context.own_parts() else 0
    way = (max(majority, largest) - rounding - chance) / (1 - chance)
    if way < _SOME and ratio < _RATIO:
        return None
    severity: Severity = "warning" if way >= _FAR else "info"
    what = "test image" if context.split is not None else "image"
    said = [
        f"Always answering '{classes[major]}' is right for {percent(majority)} of {many(int(judged.sum()), what)} "
        f"(chance {percent(chance)})"
    ]
    said += [f"always answering '{classes[judged.argmax()]}' for {percent(largest)}"] * bool(largest > majority)
    said += [f"'{classes[minor]}' has {many(int(counts[minor]), 'image')}, the largest class {counts.max():,}"] * bool(
        ratio > 1
    )
    return Finding(
        code="D201",
        title=f"{'; '.join(said)}.",
        severity=severity,
        evidence={
            "n": int(judged.sum()),
            "majority_class": classes[major],
            "majority_accuracy": float(majority),
            "chance": chance,
            "ratio": float(ratio),
            "counts": dict(zip(classes, counts.tolist(), strict=True)),
            "shares": dict(zip(classes, (counts / counts.sum()).tolist(), strict=True)),
        },
        advice=(
            "Judge by balanced accuracy or macro F1; plain accuracy flatters a model that favours the large classes. "
            "More images of the small classes help most."
        ),
    )


def _tiny(context: DataContext) -> Finding | None:
    images, counts = context.images, _counts(context)
    tested = counts_by_part(context)["test"]
    tiny = np.flatnonzero((counts > 0) & (counts < len(PARTS)))
    few = np.flatnonzero((counts >= len(PARTS)) & (tested > 0) & (tested < _FEW_IN_TEST))
    if not len(tiny) and not len(few):
        return None
    said = []
    if len(tiny):
        said.append(
            f"{many(len(tiny), 'class has', 'classes have')} fewer images than there are parts "
            f"({quoted([images.classes[c] for c in tiny])})"
        )
    evidence = {
        "classes": len(images.classes),
        "fewer_than_parts": {images.classes[c]: int(counts[c]) for c in tiny},
        "few_in_test": {images.classes[c]: int(tested[c]) for c in few},
    }
    if len(few):
        least = int(few[tested[few].argmin()])
        low, high = wilson(round(0.9 * tested[least]), int(tested[least]))
        said.append(
            f"{many(len(few), 'class has', 'classes have')} fewer than {_FEW_IN_TEST} test images "
            f"(the fewest '{images.classes[least]}' with {tested[least]}: nine in ten of them right would mean "
            f"{percent(low)} to {percent(high)})"
        )
        evidence["interval_of_the_fewest"] = [low, high]
    return Finding(
        code="D202",
        title=f"{'; '.join(said)}.",
        severity="warning" if len(tiny) else "info",
        evidence=evidence,
        advice="Collect more images of them, or merge them with other classes; scores of so small a class say little.",
        items=tuple(context.items(np.flatnonzero(np.isin(images.labels, tiny)))),
    )


def _needs_classes(context: DataContext) -> str:
    return "" if context.images.classes or context.images.empty_classes else "no classes"


def _empty(context: DataContext) -> Finding | None:
    classes = [name for name, n in context.images.counts().items() if not n] + list(context.images.empty_classes)
    if not classes:
        return None
    n = len(context.images.classes) + len(context.images.empty_classes)
    return Finding(
        code="D205",
        title=(
            f"{many(len(classes), 'class', 'classes')} of {n:,} "
            f"{verb(len(classes), 'has', 'have')} no image: {quoted(classes)}."
        ),
        severity="warning",
        evidence={"n": n, "empty": classes},
        advice="Add images of these classes, or leave them out of the list: no model can learn or be judged on them.",
    )


def _unlabelled(context: DataContext) -> Finding | None:
    items = np.flatnonzero(context.images.labels < 0)
    if not len(items):
        return None
    n = len(context.images)
    parts, counts = np.unique(context.part_of[items], return_counts=True)
    return Finding(
        code="D206",
        title=f"{len(items):,} of {many(n, 'image')} ({percent(len(items) / n)}) {verb(len(items), 'has', 'have')} "
        f"no label and {verb(len(items), 'takes', 'take')} no part in fitting or judging.",
        severity="info",
        evidence={
            "n": n,
            "unlabelled": len(items),
            "by_part": {str(part) or "none": int(count) for part, count in zip(parts, counts, strict=True)},
        },
        advice="Nothing to do if they are meant to be predicted; else give them labels.",
        items=tuple(context.items(items)),
    )


def _key(name: str) -> str:
    """What is left of a name without what a person hardly sees: Unicode form, kind of spaces, case."""
    plain = " ".join(unicodedata.normalize("NFKC", name).replace("_", " ").split())
    # 'a' and 'A' are two letters, 'Cat' and 'cat' one animal.
    return plain.casefold() if len(plain) > 1 else plain


def _alike(context: DataContext) -> Finding | None:
    images, counts = context.images, _counts(context)
    keys = [_key(name) for name in images.classes]
    groups = [[c for c, other in enumerate(keys) if other == key] for key in dict.fromkeys(keys)]
    groups = [sorted(group, key=lambda c: -counts[c]) for group in groups if len(group) > 1]
    if not groups:
        return None
    names = [" and ".join(f"'{images.classes[c]}'" for c in group) for group in groups]
    items = [item for group in groups for item in context.items(np.flatnonzero(np.isin(images.labels, group[1:])))]
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return Finding(
        code="D207",
        title=f"Class names differ only by case, spaces or Unicode form: {'; '.join(names[:3])}{more}.",
        severity="warning",
        evidence={"n": len(images.classes), "alike": [{images.classes[c]: int(counts[c]) for c in g} for g in groups]},
        advice="If they mean the same, give them one name; the items listed are those of the rarer spelling.",
        items=tuple(items),
    )


CHECKS: tuple[Check[DataContext], ...] = (
    Check(
        "D201",
        "Classes of very different size, and what a classifier that always answers the largest one would get.",
        _needs_two_classes,
        _imbalance,
        "info where that is a fifth of the way from chance to perfect (60 % of two classes), or the largest class has "
        "3 times as many images as the smallest; warning from half of the way on (75 % of two classes)",
    ),
    Check(
        "D202",
        f"Classes with fewer images than there are parts, or with fewer than {_FEW_IN_TEST} in the test part.",
        needs_labels,
        _tiny,
        "info; warning where a class has fewer images than there are parts",
    ),
    Check("D205", "Classes without any image.", _needs_classes, _empty, "warning"),
    Check("D206", "Images without a label in a set that has labels.", needs_labels, _unlabelled, "info"),
    Check(
        "D207",
        "Class names that differ only by case, spaces, underscores or Unicode form; single letters may differ by case.",
        _needs_classes,
        _alike,
        "warning",
    ),
    *CHECKS_OF_PARTS,
)
