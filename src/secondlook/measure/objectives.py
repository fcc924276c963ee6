"""What an operating point is to achieve: a wish in words, or what each wrong answer costs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from typing import Any

import numpy as np

from secondlook.errors import UsageError
from secondlook.measure.scores import Margins, by_class, overall
from secondlook.types import FloatArray

# Of all classes together, and of one class.
OVERALL = ("accuracy", "balanced_accuracy", "macro_f1", "mcc")
OF_CLASS = ("recall", "precision", "f1")
# What is maximised where this much of the other is asked for.
_OTHER = {"recall": "precision", "precision": "recall"}
_FORM = "recall:CLASS>=0.9, precision:CLASS>=0.9, f1:CLASS, " + ", ".join(OVERALL[:-1]) + f" or {OVERALL[-1]}"
_GRAMMAR = re.compile(r"(?P<metric>[a-z_0-9]+)(?::(?P<of>.+?))?(?:\s*>=\s*(?P<least>[^>=]*))?")


@dataclass(frozen=True, eq=False)
class Objective:
    """What thresholds are chosen for.

    Attributes:
        text: as it was asked for: "recall:hotdog>=0.9", "macro_f1", "cost".
        metric: what the text names: one of `OVERALL`, of `OF_CLASS`, or "cost".
        of: the class of a metric of one class; -1 for all.
        least: how much of the metric is asked for; 0 where it is to be as high as can be.
        costs: float64 (k, k), the cost of each answer (column) for each true class (row); None without.
    """

    text: str
    metric: str
    of: int = -1
    least: float = 0.0
    costs: FloatArray | None = None

    @property
    def maximised(self) -> str:
        """What is as high as can be where the objective asks for so much of something else."""
        return _OTHER[self.metric] if self.least else self.metric

    def value(self, counts: Margins, cost: Any = None) -> FloatArray:
        """The named metric, float64 (…), of counts (…, k); for costs the mean cost of an item."""
        return self._of(self.metric, counts, cost)

    def utility(self, counts: Margins, cost: Any = None) -> FloatArray:
        """What is maximised, float64 (…): anything that meets a demand is above anything that does not.

        Args:
            counts: hits, answers and labels (…, k).
            cost: the sum of costs (…), for costs.
        """
        value = self._of(self.metric, counts, cost)
        if self.costs is not None:
            return -value
        if not self.least:
            return value
        # What falls short counts by how near it comes, below all that does not.
        return np.where(value >= self.least, self._of(self.maximised, counts, cost), value - 2)

    def _of(self, metric: str, counts: Margins, cost: Any) -> FloatArray:
        if metric == "cost":
            return np.asarray(np.asarray(cost) / counts.labels.sum(axis=-1))
        found = by_class(counts)[metric][..., self.of] if metric in OF_CLASS else overall(counts)[metric]
        return np.asarray(found)


def parse_objective(text: str, classes: Sequence[str]) -> Objective:
    """An objective from its text.

    Raises:
        UsageError: it has another form, or names a class or metric that there is not.
    """
    found = _GRAMMAR.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"expected --objective as {_FORM}, got '{text}'")
    metric, of, least = found["metric"], found["of"], found["least"]
    if metric not in (*OVERALL, *OF_CLASS):
        raise UsageError(f"expected --objective as {_FORM}, got '{text}': there is no '{metric}' to choose by")
    if (metric in OF_CLASS) != bool(of):
        what = f"a class, such as {metric}:{classes[0]}" if metric in OF_CLASS else f"no class: {metric}"
        raise UsageError(f"expected --objective {metric} with {what}, got '{text}'")
    if of and of.strip() not in classes:
        raise UsageError(f"expected --objective with a class of the data, got '{of.strip()}'{_hint(of, classes)}")
    place = classes.index(of.strip()) if of else -1
    if least is None:
        if metric in _OTHER:
            raise UsageError(
                f"expected --objective {metric}:{of}>=SHARE, got '{text}': without a bound the best {metric} is had by "
                f"{'always' if metric == 'recall' else 'hardly ever'} answering '{of}'"
            )
        return Objective(text.strip(), metric, place)
    if metric not in _OTHER:
        raise UsageError(f"expected a bound of recall or precision alone, got '{text}'; leave '>={least}' out")
    return Objective(text.strip(), metric, place, _share(least, text))


def _share(least: str, text: str) -> float:
    try:
        share = float(least)
    except ValueError:
        share = float("nan")
    if not 0 < share <= 1:
        raise UsageError(f"expected a bound above 0, at most 1, got '{least}' in --objective '{text}'")
    return share


def _hint(name: str, classes: Sequence[str]) -> str:
    near = get_close_matches(name.strip(), classes, n=1)
    shown = ", ".join(f"'{c}'" for c in classes[:10]) + (" …" if len(classes) > 10 else "")
    return f"; did you mean '{near[0]}'?" if near else f"; the classes are {shown}"


def cost_objective(costs: Any, source: str = "--cost") -> Objective:
    """The objective of the lowest mean cost.

    Args:
        costs: (k, k), the cost of each answer (column) for each true class (row).

    Raises:
        UsageError: it is no square table of finite numbers, or a right answer costs more than a wrong one.
    """
    table = np.asarray(costs, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not all(isfinite(x) for x in table.flat):
        raise UsageError(f"{source}: expected a square table of finite costs, got one of shape {table.shape}")
    if (table < np.diag(table)[:, None]).any():
        i, j = np.argwhere(table < np.diag(table)[:, None])[0]
        raise UsageError(
            f"{source}: expected the right answer to be the cheapest for each class, but for class {i + 1} the answer "
            f"{j + 1} costs {table[i, j]:g}, the right one {table[i, i]:g}"
        )
    return Objective("cost", "cost", costs=table)
