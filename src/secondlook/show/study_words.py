"""A study in plain sentences, all made from its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np

from secondlook.show import format as fmt
from secondlook.types import Cell, ModelLaws, Needed, Study

VARIED = {
    "size": "images per class",
    "imbalance": "images of the minority",
    "classes": "classes",
    "grid": "classes, images per class",
    "noise": "% of wrong training labels",
}
QUESTION = {
    "size": "how many images?",
    "imbalance": "a class that is rare",
    "classes": "how many classes?",
    "grid": "classes and images",
    "noise": "wrong labels",
}

STUDY_TERMS = {
    "cell": "One training: a model, a part of the images, a seed.",
    "images per class": (
        "Training images of each class, all that a cell has: a model that needs some to choose its epoch by holds out "
        "a tenth of them. Smaller parts lie within larger ones of the same seed."
    ),
    "seed": "A draw of images and initial weights. Values of several seeds show how far chance moves a result.",
    "power law": (
        "err(n) = floor + scale · n^-power: the error falls by the same factor with each doubling of n, down to a "
        "floor that more images do not pass."
    ),
    "95 % interval of a law": (
        "From a bootstrap that draws errors anew around the law. It holds for these test images, and as far as the "
        "law's shape is right."
    ),
    "held out": "The largest sizes, foretold from the smaller ones and compared with what was measured there.",
    "robust standard error": (
        "HC3: right for a line's coefficients where cells vary by different amounts, as accuracies do."
    ),
    "RESET": "Ramsey's test whether a straight line is the right shape: a small p says that it is not.",
    "log-loss": "Mean negative logarithm of the probability given to the right class; lower is better.",
    "recall": "The share of a class's test images that are answered right.",
}


@dataclass(frozen=True)
class Line:
    """A row of the table: what was varied, and for each column the mean over seeds with its spread, as text."""

    label: str
    values: tuple[str, ...]


def columns(study: Study) -> list[tuple[str, str, str]]:
    """The columns of the table: a heading, the model, and the remedy or the order that it stands for."""
    found = dict.fromkeys((cell.model, cell.remedy or "", cell.order) for cell in study.cells)
    several = len({order for _, _, order in found}) > 1
    heads = []
    for model, remedy, order in found:
        words = [model] + ([remedy] if remedy else []) + ([f"{order} classes"] if several else [])
        heads.append((", ".join(words), model, remedy + "|" + order))
    return heads


def value_of(study: Study, cell: Cell) -> Any:
    """What a cell varies, as the table orders it."""
    if study.kind == "grid":
        return cell.classes, cell.rows
    return {"size": cell.rows, "imbalance": cell.minority, "classes": cell.classes, "noise": cell.noise}[study.kind]


def label_of(study: Study, value: Any) -> str:
    """The same as text."""
    if study.kind == "grid":
        return f"{value[0]} x {value[1]:,}"
    return f"{value:,g}" if isinstance(value, float) else f"{value:,}"


def judged_by(study: Study, cell: Cell) -> float | None:
    """What the table and the curves show of a cell: accuracy; with a minority, that class's recall."""
    return cell.recall(str(study.config["minority"])) if study.kind == "imbalance" else cell.test_accuracy


def spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean, and standard deviation over seeds (NaN for one)."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def table(study: Study) -> list[Line]:
    """The table of a study, one line per value, by the columns of `columns`."""
    cells: dict[Any, dict[tuple[str, str], list[float]]] = {}
    for cell in study.cells:
        known = cells.setdefault(value_of(study, cell), {})
        value = judged_by(study, cell)
        if value is not None:
            known.setdefault((cell.model, f"{cell.remedy or ''}|{cell.order}"), []).append(value)
    heads = columns(study)
    return [
        Line(label_of(study, value), tuple(_mean(known.get((model, key))) for _, model, key in heads))
        for value, known in sorted(cells.items())
    ]


def _mean(values: Sequence[float] | None) -> str:
    if not values:
        return fmt.MISSING
    mean, deviation = spread(values)
    return fmt.share(mean, digits=3) if isnan(deviation) else fmt.share(mean, deviation, digits=3)


def measure_name(study: Study) -> str:
    """What the table shows."""
    if study.kind == "imbalance":
        return f"recall of {study.config['minority']}"
    return "test accuracy"


def sentences(study: Study) -> list[str]:
    """Three to six sentences: what changed, by which law, and how many images are wanted."""
    found: list[str] = []
    for model in study.models:
        if not study.of(model):
            continue
        laws = study.laws.get(model, ModelLaws())
        found += [s for s in (_change(study, model), *_slopes(study, model, laws), _law(study, model, laws)) if s]
        found += list(_needs(study, model, laws))
    if study.kind == "imbalance":
        found += _remedies(study)
    return found


def _change(study: Study, model: str) -> str:
    if study.kind == "grid":
        return ""
    means: dict[Any, list[float]] = {}
    for cell in study.of(model):
        value = judged_by(study, cell)
        if not cell.remedy and cell.order != "hardest" and value is not None:
            means.setdefault(value_of(study, cell), []).append(value)
    if len(means) < 2:
        return ""
    first, last = min(means), max(means)
    a, b = (spread(means[value])[0] for value in (first, last))
    verb = "rises" if b > a else "falls" if b < a else "stays"
    of = f"recall of {study.config['minority']}" if study.kind == "imbalance" else "accuracy"
    return (
        f"From {label_of(study, first)} to {label_of(study, last)} {VARIED[study.kind]} {model}'s {of} {verb} "
        f"from {fmt.share(a, digits=3)} to {fmt.share(b, digits=3)}."
    )


def _slopes(study: Study, model: str, laws: ModelLaws) -> Iterator[str]:
    line = laws.lines.get("test_accuracy")
    if line is None or study.kind in ("size", "imbalance"):
        return
    units = {
        "classes": (1, "1 class more"),
        "rows": (1000, "1,000 images more per class"),
        "noise": (10, "10 % more wrong labels"),
    }
    parts = []
    for name, (unit, words) in units.items():
        known = [one for one in line.coefficients if one.name == name]
        if known:
            value, low, high = (100 * unit * x for x in (known[0].value, known[0].low, known[0].high))
            parts.append(f"{words} changes it by {value:+.2f} points ({low:+.2f} to {high:+.2f})")
    if parts:
        yield f"By a straight line through {model}'s accuracy, {'; '.join(parts)}; n = {line.n}, R² = {line.r2:.2f}."


def _law(study: Study, model: str, laws: ModelLaws) -> str:
    law = laws.power
    if law is None or law.scale == 0:
        return ""
    factor = 2.0**-law.power
    ends = np.quantile(2.0 ** -law.draws[:, 2], (0.025, 0.975))
    of = "the part of its error that images can take away" if law.floor > 0 else "its error"
    floor = f", down to a floor of {fmt.share(law.floor, digits=3)}" if law.floor > 0 else ""
    return (
        f"Each doubling of the images takes {model} to {factor:.2f} times ({ends[0]:.2f} to {ends[1]:.2f}) {of}{floor}."
    )


def _needs(study: Study, model: str, laws: ModelLaws) -> Iterator[str]:
    for one in laws.needed:
        yield f"{model}: {need(study, one)}."


def need(study: Study, one: Needed) -> str:
    """How many images an accuracy asks for, in words."""
    what = f"recall of {study.config['minority']}" if study.kind == "imbalance" else "accuracy"
    goal = f"an {what} of" if what == "accuracy" else f"a {what} of"
    of = "images of it" if study.kind == "imbalance" else "images per class"
    head = f"{goal} {fmt.share(one.accuracy, digits=3)}"
    if one.reached is not None:
        return f"{head} is there from {one.reached:,} {of} on"
    if one.rows is None:
        return f"{head}: no forecast, {one.refused}"
    low, high = one.rows.low, one.rows.high
    upper = f"{_round(high)}" if np.isfinite(high) else "more than can be said"
    return f"{head} asks for some {_round(one.rows.value)} {of} ({_round(low)} to {upper})"


def _round(value: float) -> str:
    """Two significant digits, since the law supports no more."""
    if value < 10:
        return f"{value:.0f}"
    unit = 10 ** (len(f"{value:.0f}") - 2)
    return f"{round(value / unit) * unit:,.0f}"


def _remedies(study: Study) -> list[str]:
    found = []
    for model in study.models:
        cells = [cell for cell in study.of(model) if cell.minority is not None]
        if not cells or len({cell.remedy for cell in cells}) < 2:
            continue
        least = min(cell.minority or 0 for cell in cells)
        means: dict[str, list[float]] = {}
        for cell in cells:
            if cell.minority == least and (value := judged_by(study, cell)) is not None:
                means.setdefault(cell.remedy or "nothing", []).append(value)
        said = ", ".join(f"{fmt.share(spread(v)[0], digits=2)} with {name}" for name, v in means.items())
        found.append(f"With {least:,} images of {study.config['minority']}, {model}'s recall of it is {said}.")
    return found


def terms(study: Study) -> Mapping[str, str]:
    """The glossary, without what does not occur."""
    left_out = set() if any(laws.power for laws in study.laws.values()) else {"power law", "held out"}
    left_out |= set() if study.laws else {"RESET", "robust standard error"}
    return {term: meaning for term, meaning in STUDY_TERMS.items() if term not in left_out}
