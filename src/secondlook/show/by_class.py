"""How the chosen model does on each class: what stands in each cell of the report's small table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from secondlook.measure.intervals import wilson
from secondlook.measure.scores import per_class
from secondlook.show import format as fmt
from secondlook.show.axis import Axis, tick_label
from secondlook.show.facts import by_recall
from secondlook.show.table import Bar
from secondlook.types import FloatArray, IntArray, Score, Scores

# As many lines as are taken in at one look.
CLASSES_UP_TO = 30
RANKS = ("roc_auc", "average_precision")


@dataclass(frozen=True)
class ClassLine:
    """One class: its name, whether it is the one missed most, its recall drawn, and its cells as text."""

    name: str
    worst: bool
    bar: Bar | None
    support: str
    precision: str
    recall: str
    f1: str
    roc_auc: str
    average_precision: str
    hover: str


@dataclass(frozen=True)
class ClassTable:
    """The classes in their order; where there are too many, those with the lowest recall, lowest first."""

    lines: tuple[ClassLine, ...]
    ticks: tuple[tuple[float, str], ...]
    classes: int
    ranked: bool


def class_table(counts: IntArray, classes: tuple[str, ...], scores: Scores | None = None) -> ClassTable:
    """The lines of a confusion matrix, int64 (k, k): the row is the given label, the column the answer.

    Recall is drawn with its 95 % Wilson interval. A ratio without a denominator (the recall of a class without test
    images, the precision of one that is never answered) is a dash.

    Args:
        scores: of the same answers, for the columns that rest on the probabilities; None leaves these out.
    """
    support, hits, k = counts.sum(axis=1), np.diag(counts), len(classes)
    recall, order = per_class(counts)["recall"], by_recall(counts)
    shown = order[:CLASSES_UP_TO] if k > CLASSES_UP_TO else np.arange(k)
    ends = np.array([wilson(int(hits[c]), int(support[c])) for c in range(k)])
    known = shown[support[shown] > 0]
    axis = Axis.even(ends[known].ravel().tolist())
    halves = [fmt.half_width(float(recall[c]), *ends[c]) for c in known]
    places = fmt.decimals(max(halves, default=None))
    worst = int(order[0]) if hits.sum() < support.sum() else -1
    ranks = {} if scores is None else {(s.metric, s.of): s for s in scores if s.metric in RANKS and s.of}
    return ClassTable(
        tuple(_line(int(c), counts, classes, ends, axis, places, int(c) == worst, ranks) for c in shown),
        tuple((round(100 * axis.position(t), 2), tick_label(t)) for t in axis.ticks(gap=0.2)),
        k,
        bool(ranks),
    )


def _line(
    c: int,
    counts: IntArray,
    classes: tuple[str, ...],
    ends: FloatArray,
    axis: Axis,
    places: int,
    worst: bool,
    ranks: Mapping[tuple[str, str], Score],
) -> ClassLine:
    scores, n, answers, hits = per_class(counts), int(counts[c].sum()), int(counts[:, c].sum()), int(counts[c, c])
    bar = None
    if n:
        low, high = ends[c]
        dot, left, right = (round(100 * axis.position(float(v)), 2) for v in (scores["recall"][c], low, high))
        interval = f"95 % interval {fmt.share(low, digits=4)} to {fmt.share(high, digits=4)}"
        bar = Bar(dot, left, right, f"{classes[c]}: {fmt.whole(hits)} of {fmt.whole(n)} found, {interval}")

    def share(name: str, bottom: int) -> str:
        return fmt.share(float(scores[name][c]) if bottom else None, digits=places)

    def rank(name: str) -> str:
        return fmt.share(ranks[name, classes[c]].value if ranks else None, digits=max(places, 3))

    return ClassLine(
        classes[c],
        worst,
        bar,
        fmt.whole(n),
        share("precision", answers),
        share("recall", n),
        share("f1", n + answers),
        rank("roc_auc"),
        rank("average_precision"),
        f"{fmt.whole(hits)} of the {fmt.whole(answers)} answers “{classes[c]}” are right",
    )
