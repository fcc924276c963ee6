"""What the report and the terminal say of thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from secondlook.measure.objectives import Objective
from secondlook.show import format as fmt
from secondlook.show.canvas import new_axes
from secondlook.show.curves import Mark, plot_curve
from secondlook.show.facts import finished, matrix, most_missed
from secondlook.show.operating_words import cell, goal_of, sentence, thresholds_of, value_name
from secondlook.show.palette import SENTINELS
from secondlook.show.svg import themed
from secondlook.types import OperatingPoint, Predictions, Run


@dataclass(frozen=True)
class Line:
    """One model's thresholds in the report: cells of text, and the hovers of some."""

    model: str
    chosen: bool
    thresholds: str
    valid: str
    test: str
    before: str
    balanced: str
    met: bool


@dataclass(frozen=True)
class Operating:
    """The report's part on thresholds and curves.

    `value` is what the objective names, in words; `curves` are (title, svg).
    """

    of: str
    text: str
    value: str
    lines: tuple[Line, ...]
    curves: tuple[tuple[str, Markup], ...]
    others: bool


def operating(run: Run) -> Operating | None:
    """What the report says of thresholds and curves; nothing where no model was chosen or no class can be drawn."""
    if not run.chosen:
        return None
    said = run.predictions(run.chosen)
    goal = goal_of(run)
    of = said.classes[goal.of] if goal is not None and goal.of >= 0 else _class_to_show(said)
    place = said.classes.index(of)
    if not 0 < (said.labels == place).sum() < len(said.labels):
        return None
    others = tuple(run.predictions(row.model) for row in finished(run) if row.model != run.chosen)
    chosen = next((point for point in run.operating if point.model == run.chosen), None)
    curves = []
    for kind, name in (("precision-recall", "Precision and recall"), ("roc", "ROC")):
        ax = new_axes(3.6, 3.4)
        marks = _marks(said, place, chosen if goal is not None and goal.of >= 0 else None, roc=kind == "roc")
        plot_curve(said, of, ax, kind=kind, others=others, marks=marks, palette=SENTINELS)
        label = f"{name} of {run.chosen} for {of}"
        curves.append((name, Markup(themed(ax.figure, f"operating{kind[0]}", label))))  # type: ignore[arg-type]
    lines = tuple(_line(point, run, goal) for point in run.operating)
    text = sentence(chosen, goal, said.classes) if chosen is not None else ""
    return Operating(of, text, value_name(goal, said.classes), lines, tuple(curves), bool(others))


def _class_to_show(said: Predictions) -> str:
    """Of two classes the rarer; of more the one missed most, or the rarest where none is missed."""
    counts = matrix(said)
    if len(said.classes) > 2 and (worst := most_missed(counts, said.classes)):
        return worst.name
    support = counts.sum(axis=1)
    return said.classes[int(np.where(support > 0, support, support.max() + 1).argmin())]


def _marks(said: Predictions, place: int, point: OperatingPoint | None, *, roc: bool) -> tuple[Mark, ...]:
    """The usual answers, and with thresholds those they make."""
    counts = matrix(said)
    hits, support, answers = counts[place, place], counts[place].sum(), counts[:, place].sum()
    found = []
    alarms = (answers - hits) / max(1, counts.sum() - support)
    usual = (float(alarms), float(hits / support)) if roc else (float(hits / support), float(hits / max(1, answers)))
    if answers or roc:
        found.append((*usual, "as usual" if point else "most probable class"))
    if point is not None and point.test.get("recall") is not None:
        recall, precision = point.test["recall"] or 0.0, point.test["precision"]
        if roc and precision:
            found.append((recall * support * (1 / precision - 1) / max(1, counts.sum() - support), recall, "chosen"))
        elif precision is not None and not roc:
            found.append((recall, precision, "chosen"))
    return tuple(found)


def _line(point: OperatingPoint, run: Run, goal: Objective | None) -> Line:
    return Line(
        point.model,
        point.model == run.chosen,
        thresholds_of(point, goal),
        cell(point.valid, goal),
        cell(point.test, goal),
        cell(point.test_before, goal),
        f"{fmt.share(point.test['balanced_accuracy'], digits=3)}, "
        f"was {fmt.share(point.test_before['balanced_accuracy'], digits=3)}",
        point.met,
    )
