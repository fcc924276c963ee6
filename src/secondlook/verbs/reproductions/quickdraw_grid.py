"""Quick, Draw!, the grid: numbers of classes by drawings per class, and a straight line through them."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from typing import Any

from secondlook.judge.claims import all_hold, figure, within
from secondlook.measure.estimates import UNKNOWN
from secondlook.types import Claim, Estimate, Figure, FigureTable, Line, Study
from secondlook.types.reproduction import FAILED
from secondlook.verbs.reproductions.quickdraw_recipe import CNN_2, GRID_SEEDS, most, recipe
from secondlook.verbs.reproductions.setting import Outcome, Setting
from secondlook.verbs.study import study

# What one more class, and one more drawing per class, change: accuracy in points, loss in hundredths of a nat.
PUBLISHED = {
    ("test_accuracy", "classes"): -1.88,
    ("test_log_loss", "classes"): 6.4,
    ("test_accuracy", "rows"): 0.0016,
    ("test_log_loss", "rows"): -0.0056,
}
CLASSES = range(3, 11)
ROWS = range(7_000, 20_001, 1_000)
FEWER, LAST = range(500, 3_001, 500), 3_200
QUICK_CLASSES, QUICK_ROWS = (3, 6, 10), (200, 400, 800)


def grid(at: Setting, data: tuple[Any, Any]) -> Outcome:
    """The study's grid where there are so many drawings, else one of fewer per class."""
    here = most(data)
    rows: tuple[int, ...] = tuple(n for n in ROWS if n <= here)
    if len(rows) < 2:
        rows = tuple(n for n in (*FEWER, LAST) if n <= here)
    classes: tuple[int, ...] = tuple(CLASSES)
    if at.quick:
        classes, rows = QUICK_CLASSES, QUICK_ROWS
    found = study(
        "grid",
        data,
        models=CNN_2,
        classes=classes,
        rows=rows,
        seeds=2 if at.quick else GRID_SEEDS,
        **recipe(at),
        **at.options("grid"),
    )
    ours = f"{min(classes)} to {max(classes)} classes by {min(rows):,} to {max(rows):,} drawings per class"
    table = FigureTable(
        "The grid: what one more class or drawing changes",
        tuple(_figures(found)),
        f"Ordinary least squares with robust errors over {len(found.of(CNN_2)):,} trainings of {ours}; the study's 112 "
        "had 7,000 to 20,000 per class. Accuracy in points, loss in hundredths of a nat, as we read its per cents. "
        "Cells of one seed share their order of classes, and all share their test drawings, which the errors do not "
        "know.",
    )
    return Outcome((table,), tuple(_claims(at, found, ours)), ())


def slope(found: Study, response: str, variable: str) -> Estimate:
    """100 times a coefficient, with its interval."""
    line = _line(found, response)
    if line is None:
        return UNKNOWN
    one = line[variable]
    return Estimate(100 * one.value, 100 * one.low, 100 * one.high)


def _line(found: Study, response: str) -> Line | None:
    return found.laws[CNN_2].lines.get(response) if CNN_2 in found.laws else None


def _figures(found: Study) -> Iterator[Figure]:
    for (response, variable), theirs in PUBLISHED.items():
        of = {"classes": "one more class", "rows": "one more drawing per class"}[variable]
        measure = {"test_accuracy": "test accuracy", "test_log_loss": "test loss"}[response]
        yield figure(of, measure, theirs, slope(found, response, variable), "points", why=FAILED)


def _claims(at: Setting, found: Study, ours: str) -> Iterator[Claim]:
    of = {key: slope(found, *key) for key in PUBLISHED}
    less, gain = of["test_accuracy", "classes"], of["test_accuracy", "rows"]
    yield at.claim(
        "Every further class makes the net worse, in accuracy and in loss (H5).",
        all_hold(within(less, high=0), within(of["test_log_loss", "classes"], low=0)),
        f"{_said(less)} points of test accuracy and {_said(of['test_log_loss', 'classes'])} hundredths of a nat per "
        "class, where the study has -1.88 and +6.4",
    )
    yield at.claim(
        "More drawings per class make the net better, in accuracy and in loss (H6).",
        all_hold(within(gain, low=0), within(of["test_log_loss", "rows"], high=0)),
        f"{_said(gain, 4)} points of test accuracy and {_said(of['test_log_loss', 'rows'], 4)} hundredths of a nat per "
        "drawing, where the study has +0.0016 and -0.0056 between 7,000 and 20,000",
    )
    line = _line(found, "test_accuracy")
    p = float("nan") if line is None else line.fits
    yield at.claim(
        "A straight line describes accuracy over classes and drawings.",
        "cannot be told" if isnan(p) or p >= 0.05 else "does not hold",
        f"a test of its shape (RESET) over {ours} gives p = {p:.2g}; the power law in the study's report bends",
    )


def _said(found: Estimate, digits: int = 2) -> str:
    if isnan(found.value):
        return "no"
    return f"{found.value:+.{digits}f} ({found.low:+.{digits}f} to {found.high:+.{digits}f})"
