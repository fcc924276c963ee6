"""D4…: one number that gives the class away, so that a model need not look at the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from secondlook.data.audit.features import Kind
from secondlook.data.audit.shortcuts import SMALLEST_CLASS, Shortcut
from secondlook.judge.findings.context import DataContext, needs_labels
from secondlook.judge.findings.words import percent, quoted
from secondlook.judge.registry import Check
from secondlook.types import Finding, Item, Severity

# On the way from chance to perfect. One number that names all classes is rare in honest sets (.44 was the most of
# eight); one that tells some class from the others is not (.94: the digit 1 is the least sharp), so that only the
# nearly perfect is reported.
_SERIOUS, _WARNING, _PARTING = 0.9, 0.6, 0.97
_ALPHA = 0.05


def severity_of(shortcut: Shortcut) -> Severity | None:
    """How bad a shortcut is; None where it is none."""
    if shortcut.p > _ALPHA:
        return None
    if shortcut.naming >= _SERIOUS:
        return "serious"
    return "warning" if shortcut.naming >= _WARNING or shortcut.parting >= _PARTING else None


def _check(code: str, kind: Kind, about: str, advice: str, applies: Callable[[DataContext], str]) -> Check[DataContext]:
    def find(context: DataContext) -> Finding | None:
        return _finding(context, code, kind, advice)

    severity = (
        f"warning where it names the classes {percent(_WARNING)} of the way from chance to perfect, or tells some of "
        f"several classes from the others {percent(_PARTING)} of the way; serious where it names them "
        f"{percent(_SERIOUS)} of the way"
    )
    return Check(code, about, applies, find, severity)


def _finding(context: DataContext, code: str, kind: Kind, advice: str) -> Finding | None:
    tried = [shortcut for shortcut in context.measured.shortcuts if shortcut.kind == kind]
    judged = [(shortcut, severity) for shortcut in tried if (severity := severity_of(shortcut))]
    if not judged:
        return None
    best, severity = min(judged, key=lambda pair: (pair[1] != "serious", -pair[0].naming - pair[0].parting))
    classes = context.images.classes
    return Finding(
        code=code,
        title=_title(best, classes),
        severity=severity,
        evidence={
            "n": best.n,
            "classes": best.k,
            "best": _numbers(best, classes),
            "tried": {shortcut.name: _numbers(shortcut, classes) for shortcut in tried},
        },
        advice=advice,
        items=tuple(_items(context, best)),
    )


def _title(best: Shortcut, classes: tuple[str, ...]) -> str:
    name = f"The {best.name}" if best.kind != "pixel" else f"One {best.name},"
    span = best.low if best.low == best.high else f"{best.low} to {best.high}"
    hint = f"{span}" if best.within else f"not {span}"
    group = quoted([classes[c] for c in best.group])
    if best.naming >= _WARNING:
        chance = 1 / best.k
        right = chance + best.naming * (1 - chance)
        return (
            f"{name} alone tells the class of {percent(right)} of the images, classes counting alike "
            f"(chance {percent(chance)}); {group}: {hint}."
        )
    return (
        f"{name} alone tells {group} from the other classes: right for {percent((1 + best.parting) / 2)}, both sides "
        f"counting alike (chance 50 %); {group}: {hint}."
    )


def _numbers(shortcut: Shortcut, classes: tuple[str, ...]) -> dict[str, Any]:
    chance = 1 / shortcut.k
    return {
        "name": shortcut.name,
        "where": list(shortcut.where) if shortcut.where else None,
        "balanced_accuracy": chance + shortcut.naming * (1 - chance),
        "chance": chance,
        "naming": shortcut.naming,
        "parting": shortcut.parting,
        "group": [classes[c] for c in shortcut.group],
        "values": [shortcut.low, shortcut.high],
        "within": shortcut.within,
        "p": shortcut.p,
        "alike": shortcut.alike,
    }


def _items(context: DataContext, best: Shortcut) -> list[Item]:
    notes = [f"{context.label(e.index)}, {e.value}{'' if e.told else ': an exception'}" for e in best.examples]
    return context.items([e.index for e in best.examples], notes)


def _needs_classes(context: DataContext) -> str:
    if reason := needs_labels(context):
        return reason
    few = f"fewer than two classes with {SMALLEST_CLASS} different images"
    return "" if context.measured.shortcuts else few


def _needs_files(context: DataContext) -> str:
    return _needs_classes(context) if context.images.origins is not None else "the images are no files"


CHECKS: tuple[Check[DataContext], ...] = (
    _check(
        "D401",
        "pixel",
        "A single pixel that gives the class away: a watermark, a stamp, a burnt-in mark.",
        "Look at the items listed: mask or crop what marks them, or take the images of all classes from one source.",
        _needs_classes,
    ),
    _check(
        "D402",
        "border",
        "A border that gives the class away: a frame, a padding, a background.",
        "Crop or fill the border alike in all classes (see --resize), unless the background is what the classes are "
        "about.",
        _needs_classes,
    ),
    _check(
        "D403",
        "statistic",
        "A statistic of the pixels that gives the class away: brightness, contrast, sharpness, saturation, a tint.",
        "If classes were taken with other cameras or light, normalise the images or take them alike; if it is what the "
        "classes are about, a net is not needed for it.",
        _needs_classes,
    ),
    _check(
        "D404",
        "file",
        "A fact of the file that gives the class away: format, size in bytes, width, height, colour mode, orientation.",
        "The classes come from different sources: write all images alike, and expect other differences between them "
        "that cannot be seen.",
        _needs_files,
    ),
)
