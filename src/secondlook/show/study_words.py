"""A study in plain sentences, all made from its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import PurePath
from typing import Any

import numpy as np

from secondlook.measure.laws.needed import two_digits
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
        "From a bootstrap that draws errors anew around the law, and around one whose floor falls slowly: a few sizes "
        "cannot tell the two. It holds for these test images, and as far as one of these shapes is right."
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


def name_of(study: Study) -> str:
    """What the images are called: the last part of their path."""
    source = str(study.data["source"])
    return PurePath(source).name or source


def columns(study: Study) -> list[tuple[str, str, str]]:
    """The columns of the table: a heading, the model, and the remedy or the order that it stands for."""
    found = dict.fromkeys((cell.model, cell.remedy or "", cell.order) for cell in study.cells)
    several = len({order for _, _, order in found}) > 1
    heads = []
    for model, remedy, order in found:
        words = [model] + ([remedy] if remedy else []) + ([f"{order} classes"] if several else [])
        heads.append((", ".join(words), model, remedy + "|" + order))
    return heads


def label_of(study: Study, value: Any) -> str:
    """What a cell varies, as text."""
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
        known = cells.setdefault(study.value(cell), {})
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
    """Two to six sentences: what changed, who leads, by which law, and how many images are wanted."""
    means = {model: found for model in study.models if (found := _means(study, model))}
    if not means:
        return ["No cell ended well, so there is nothing to compare."]
    best = max(means, key=lambda model: float(np.mean(list(means[model].values()))))
    if study.kind != "grid":
        best = max(means, key=lambda model: means[model][max(means[model])])
    laws = study.laws.get(best, ModelLaws())
    said = [_change(study, means), _lead(study, means, best), *_slopes(study, best, laws), _law(study, best, laws)]
    said += [f"{best}: {need(study, one)}." for one in laws.needed]
    said += _remedies(study, best) if study.kind == "imbalance" else []
    return [sentence for sentence in said if sentence]


def _means(study: Study, model: str) -> dict[Any, float]:
    """Mean over seeds of what is judged, by what was varied, where nothing was remedied."""
    values: dict[Any, list[float]] = {}
    for cell in study.of(model):
        value = judged_by(study, cell)
        if cell.plain and value is not None:
            values.setdefault(study.value(cell), []).append(value)
    return {varied: float(np.mean(some)) for varied, some in sorted(values.items())}


def _change(study: Study, means: Mapping[str, Mapping[Any, float]]) -> str:
    values = sorted({value for found in means.values() for value in found})
    if len(values) < 2:
        return ""
    first, last = values[0], values[-1]
    moved = [
        f"from {fmt.share(found[first], digits=3)} to {fmt.share(found[last], digits=3)} with {model}"
        for model, found in means.items()
        if first in found and last in found
    ]
    if not moved:
        return ""
    of = f"recall of {study.config['minority']}" if study.kind == "imbalance" else "accuracy"
    span = f"From {label_of(study, first)} to {label_of(study, last)} {VARIED[study.kind]}"
    if study.kind == "grid":
        (ka, na), (kb, nb) = first, last
        span = f"From {ka} classes of {na:,} images to {kb} of {nb:,}"
    return f"{span}, {of} goes {', '.join(moved)}."


def _lead(study: Study, means: Mapping[str, Mapping[Any, float]], best: str) -> str:
    """Whether the model that is best at the largest value is so all along; by means over seeds, nothing more."""
    if len(means) < 2 or study.kind == "grid":
        return ""
    behind = [
        value for value, mean in means[best].items()
        if any(value in other and other[value] >= mean for name, other in means.items() if name != best)
    ]  # fmt: skip
    if not behind:
        return f"{best} is ahead at every value, by the mean over seeds."
    ahead = [value for value in means[best] if value > max(behind)]
    if not ahead:
        return ""
    return f"{best} is ahead from {label_of(study, min(ahead))} {VARIED[study.kind]} on, by the mean over seeds."


def _slopes(study: Study, model: str, laws: ModelLaws) -> Iterator[str]:
    line = laws.lines.get("test_accuracy")
    if line is None or study.kind in ("size", "imbalance"):
        return
    units = unit_of(study)
    parts = []
    for name, (unit, words) in units.items():
        known = [one for one in line.coefficients if one.name == name]
        if known:
            value, low, high = (100 * unit * x for x in (known[0].value, known[0].low, known[0].high))
            parts.append(f"{words} more changes it by {value:+.2f} points ({low:+.2f} to {high:+.2f})")
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


def unit_of(study: Study) -> dict[str, tuple[int, str]]:
    """The unit that a variable's coefficient is given for, and its name: one that lies within what was measured."""
    most = max((max(cell.rows, cell.minority or 0) for cell in study.cells), default=0)
    many = next(unit for unit in (1000, 100, 10) if most >= 2 * unit or unit == 10)
    return {
        "rows": (many, f"{many:,} images per class"),
        "minority": (many, f"{many:,} images of the minority"),
        "classes": (1, "1 class"),
        "noise": (10, "10 % of wrong labels"),
    }


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
    """As many digits as a law supports."""
    return f"{two_digits(value):,.0f}"


def _remedies(study: Study, model: str) -> list[str]:
    """What the remedies do to the smallest minority."""
    cells = [cell for cell in study.of(model) if cell.minority is not None]
    if len({cell.remedy for cell in cells}) < 2:
        return []
    least = min(cell.minority or 0 for cell in cells)
    means: dict[str, list[float]] = {}
    for cell in cells:
        if cell.minority == least and (value := judged_by(study, cell)) is not None:
            means.setdefault(cell.remedy or "nothing", []).append(value)
    said = ", ".join(f"{fmt.share(spread(v)[0], digits=2)} with {name}" for name, v in means.items())
    return [f"With {least:,} images of {study.config['minority']}, {model}'s recall of it is {said}."]


def need_short(one: Needed) -> str:
    """The same in a cell of a table: "400", "some 1,200 (810 to 4,600)" or "no forecast"."""
    if one.reached is not None:
        return f"{one.reached:,}"
    if one.rows is None:
        return "no forecast"
    upper = _round(one.rows.high) if np.isfinite(one.rows.high) else "…"
    return f"some {_round(one.rows.value)} ({_round(one.rows.low)} to {upper})"


def terms(study: Study) -> Mapping[str, str]:
    """The glossary, without what does not occur."""
    left_out = set() if any(laws.power for laws in study.laws.values()) else {"power law", "held out"}
    left_out |= set() if study.laws else {"RESET", "robust standard error"}
    return {term: meaning for term, meaning in STUDY_TERMS.items() if term not in left_out}
