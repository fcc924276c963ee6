"""Scores computed from one set of stored predictions, so that no two numbers can disagree.

Names, edge cases and values follow scikit-learn's metrics; they are computed from the confusion matrix, so
the matrix always sums to the accuracy shown.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import UsageError
from secondlook.measure.intervals import wilson
from secondlook.types import FloatArray, IntArray, Score

Metric = Literal["balanced_accuracy", "accuracy", "macro_f1", "log_loss"]
METRICS: tuple[Metric, ...] = get_args(Metric)


def confusion(labels: IntArray, predicted: IntArray, k: int) -> IntArray:
    """Counts, int64 (k, k): the row is the given label, the column the answer."""
    return np.bincount(labels * k + predicted, minlength=k * k).reshape(k, k).astype(np.int64)


def accuracy(matrix: IntArray) -> float:
    """Share of right answers."""
    return float(np.trace(matrix) / matrix.sum())


def balanced_accuracy(matrix: IntArray) -> float:
    """Mean recall of the classes that occur among the labels; a classifier that always says the same gets 1/k."""
    support = matrix.sum(axis=1)
    present = support > 0
    return float((np.diag(matrix)[present] / support[present]).mean())


def macro_f1(matrix: IntArray) -> float:
    """Mean F1 of the classes that occur among labels or answers; F1 = 2 hits / (labels + answers)."""
    hits, total = np.diag(matrix), matrix.sum(axis=0) + matrix.sum(axis=1)
    present = total > 0
    return float((2 * hits[present] / total[present]).mean())


def log_loss(labels: IntArray, probabilities: NDArray[Any]) -> float:
    """Mean of -ln(probability given to the label), in nats; probabilities are clipped at their type's epsilon."""
    eps = np.finfo(probabilities.dtype).eps
    given = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(given, eps, 1 - eps).astype(np.float64)).mean())


def score(metric: Metric, labels: IntArray, probabilities: NDArray[Any]) -> float:
    """The value of a metric by name, in its own direction (a log-loss is better when lower: see `utility`)."""
    if metric not in METRICS:
        raise UsageError(f"expected a metric out of {', '.join(METRICS)}, got {metric!r}")
    if metric == "log_loss":
        return log_loss(labels, probabilities)
    matrix = confusion(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    return {"accuracy": accuracy, "balanced_accuracy": balanced_accuracy, "macro_f1": macro_f1}[metric](matrix)


def utility(metric: Metric, value: float) -> float:
    """The value turned so that higher is better."""
    return -value if metric == "log_loss" else value


def accuracy_score(labels: IntArray, predicted: IntArray, k: int, *, majority: float) -> Score:
    """Accuracy with its 95 % Wilson interval, beside chance (1/k) and the majority class's share."""
    n, hits = len(labels), int((labels == predicted).sum())
    low, high = wilson(hits, n)
    return Score("accuracy", hits / n, low, high, n, chance=1 / k, majority=majority)


def per_class(matrix: IntArray) -> dict[str, FloatArray]:
    """Support, precision, recall and F1 per class, float64 (k,); 0 where a ratio has no denominator."""
    hits, labels, answers = np.diag(matrix).astype(float), matrix.sum(axis=1), matrix.sum(axis=0)

    def ratio(top: FloatArray, bottom: NDArray[Any]) -> FloatArray:
        return np.asarray(np.divide(top, bottom, out=np.zeros(len(top)), where=bottom > 0))

    return {
        "support": labels.astype(float),
        "precision": ratio(hits, answers),
        "recall": ratio(hits, labels),
        "f1": ratio(2 * hits, labels + answers),
    }
