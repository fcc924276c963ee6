"""Operating points: thresholds chosen on the validation part, and what they do on the test part."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import UsageError
from secondlook.measure import thresholds
from secondlook.measure.intervals import wilson
from secondlook.measure.objectives import Objective, cost_objective, parse_objective
from secondlook.measure.scores import balanced_accuracy, confusion
from secondlook.runs.files import number
from secondlook.types import IntArray, OperatingPoint, Predictions, Threshold


def read_objective(text: str, cost: str, classes: Sequence[str]) -> Objective | None:
    """The objective that was asked for, by its text or by a file of costs; None for neither.

    Raises:
        UsageError: both were given, or one that does not fit the classes.
    """
    if text and cost:
        raise UsageError(f"expected --objective or --cost, got both ('{text}', {cost}); leave one of them out")
    if text:
        return parse_objective(text, classes)
    return cost_objective(_read_costs(Path(cost), classes), f"--cost {cost}") if cost else None


def operating_point(valid: Predictions, test: Predictions, objective: Objective, *, seed: int = 0) -> OperatingPoint:
    """The thresholds that serve an objective best on the validation part, and the scores on both parts."""
    classes, k = valid.classes, len(valid.classes)
    chosen = thresholds.choose(valid.labels, valid.probabilities, objective)
    low, high = thresholds.spread(valid.labels, valid.probabilities, objective, chosen, seed=seed)
    after = [thresholds.answers(said.probabilities, chosen, objective.costs) for said in (valid, test)]
    on_valid = _scores(valid.labels, after[0], objective, k)
    reached = on_valid["value"]
    return OperatingPoint(
        model=valid.model,
        objective=objective.text,
        met=objective.least == 0 or (reached is not None and reached >= objective.least),
        thresholds=tuple(
            Threshold(name, float(chosen[c]), number(low[c]), number(high[c])) for c, name in enumerate(classes)
        ),
        valid=on_valid,
        valid_before=_scores(valid.labels, valid.predicted, objective, k),
        test=_scores(test.labels, after[1], objective, k),
        test_before=_scores(test.labels, test.predicted, objective, k),
    )


def _scores(labels: IntArray, answered: IntArray, objective: Objective, k: int) -> dict[str, float | None]:
    matrix = confusion(labels, answered, k)
    found: dict[str, float | None] = {
        "value": number(thresholds.value(labels, answered, objective, k)),
        "balanced_accuracy": balanced_accuracy(matrix),
        **_share("accuracy", np.trace(matrix), matrix.sum()),
    }
    if objective.of >= 0:
        hits = matrix[objective.of, objective.of]
        found |= _share("recall", hits, matrix[objective.of].sum())
        found |= _share("precision", hits, matrix[:, objective.of].sum())
    return found


def _share(name: str, hits: Any, n: Any) -> dict[str, float | None]:
    """A proportion with the ends of Wilson's interval; None of nothing."""
    if not n:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    low, high = wilson(int(hits), int(n))
    return {name: float(hits / n), f"{name}_low": low, f"{name}_high": high}


def _read_costs(path: Path, classes: Sequence[str]) -> NDArray[Any]:
    """The table of a CSV: true classes down, answers across, both by name and in any order.

    Raises:
        UsageError: it cannot be read, or lacks a class, or holds what is no number.
    """
    form = "a CSV with a line per true class and a column per answer, both by name"
    try:
        with path.expanduser().open(newline="", encoding="utf-8-sig") as file:
            lines = [line for line in csv.reader(file) if any(cell.strip() for cell in line)]
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise UsageError(f"--cost {path}: expected {form}, but it cannot be read ({why})") from None
    if not lines:
        raise UsageError(f"--cost {path}: expected {form}, got an empty file")
    answers, table = [cell.strip() for cell in lines[0][1:]], np.full((len(classes), len(classes)), np.nan)
    truths = [line[0].strip() for line in lines[1:]]
    for what, names in (("column", answers), ("line", truths)):
        if sorted(names) != sorted(classes):
            raise UsageError(f"--cost {path}: expected {form}; {_difference(what, names, classes)}")
    for at, line in enumerate(lines[1:], 2):
        for name, cell in zip(answers, [*line[1:], *[""] * len(answers)], strict=False):
            try:
                table[classes.index(line[0].strip()), classes.index(name)] = float(cell)
            except ValueError:
                raise UsageError(
                    f"--cost {path}: expected a number in line {at}, column '{name}', got '{cell}'"
                ) from None
    return table


def _difference(what: str, names: Sequence[str], classes: Sequence[str]) -> str:
    missing = [name for name in classes if name not in names]
    if missing:
        return f"there is no {what} for '{missing[0]}'"
    extra = [name for name in names if name not in classes]
    return f"there is a {what} for '{extra[0]}', which is no class" if extra else f"a {what} stands there twice"
