"""Scores of answers, from the confusion matrix alone, so that no two numbers can disagree.

Names, edge cases and values follow scikit-learn's metrics. Everything here depends on three counts per class: hits,
answers and labels (`Margins`), which may have leading axes: one line per bootstrap draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import UsageError
from secondlook.measure.intervals import wilson
from secondlook.measure.probabilities import log_loss as log_loss
from secondlook.types import FloatArray, IntArray, Score

Metric = Literal["balanced_accuracy", "accuracy", "macro_f1", "log_loss"]
METRICS: tuple[Metric, ...] = get_args(Metric)


def confusion(labels: IntArray, predicted: IntArray, k: int) -> IntArray:
    """Counts, int64 (k, k): the row is the given label, the column the answer."""
    return np.bincount(labels * k + predicted, minlength=k * k).reshape(k, k).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Margins:
    """What all these scores are made of: arrays (…, k) of hits, of answers and of labels per class."""

    hits: NDArray[Any]
    answers: NDArray[Any]
    labels: NDArray[Any]

    @classmethod
    def of(cls, matrix: IntArray) -> Margins:
        """Those of a confusion matrix, (k, k)."""
        return cls(np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1))


def ratio(top: NDArray[Any], bottom: NDArray[Any], otherwise: float = 0.0) -> FloatArray:
    """top / bottom, float64; `otherwise` where there is nothing below the line."""
    top, bottom = np.broadcast_arrays(np.asarray(top, dtype=np.float64), np.asarray(bottom, dtype=np.float64))
    return np.asarray(np.divide(top, bottom, out=np.full(top.shape, otherwise), where=bottom != 0))


def by_class(counts: Margins) -> dict[str, FloatArray]:
    """Precision, recall and F1 of each class, float64 (…, k); 0 where a ratio has no denominator.

    precision = hits / answers, recall = hits / labels, F1 = 2 hits / (labels + answers).
    """
    return {
        "precision": ratio(counts.hits, counts.answers),
        "recall": ratio(counts.hits, counts.labels),
        "f1": ratio(2 * counts.hits, counts.labels + counts.answers),
    }


def overall(counts: Margins) -> dict[str, FloatArray]:
    """The scores of all classes together, float64 (…).

    - accuracy: hits / items.
    - balanced_accuracy: mean recall of the classes that occur among the labels.
    - macro_…: mean over the classes that occur among labels or answers. weighted_…: mean weighted by the classes'
      labels; weighted recall is the accuracy.
    - mcc: Matthews' correlation, for k classes R_k of J. Gorodkin, Comparing two K-category assignments by a K-category
      correlation coefficient, Computational Biology and Chemistry 28 (2004); 0 where labels or answers are one class.
    - kappa: J. Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20
      (1960); NaN where all labels and answers are one class.
    """
    hits, answers, labels = (np.asarray(x, dtype=np.float64) for x in (counts.hits, counts.answers, counts.labels))
    n, right = labels.sum(axis=-1), hits.sum(axis=-1)
    shares = by_class(counts)
    given, seen = labels > 0, labels + answers > 0
    found = {
        "accuracy": ratio(right, n, np.nan),
        "balanced_accuracy": ratio((shares["recall"] * given).sum(axis=-1), given.sum(axis=-1), np.nan),
    }
    for name, share in shares.items():
        found[f"macro_{name}"] = ratio((share * seen).sum(axis=-1), seen.sum(axis=-1), np.nan)
        found[f"weighted_{name}"] = ratio((share * labels).sum(axis=-1), n, np.nan)
    both = (answers * labels).sum(axis=-1)
    spread = (n * n - (answers**2).sum(axis=-1)) * (n * n - (labels**2).sum(axis=-1))
    found["mcc"] = ratio(right * n - both, np.sqrt(spread))
    found["kappa"] = 1 - ratio((n - right) * n, n * n - both, np.nan)
    return found


def accuracy(matrix: IntArray) -> float:
    """Share of right answers."""
    return float(overall(Margins.of(matrix))["accuracy"])


def balanced_accuracy(matrix: IntArray) -> float:
    """Mean recall of the classes that occur among the labels; a classifier that always says the same gets 1/k."""
    return float(overall(Margins.of(matrix))["balanced_accuracy"])


def macro_f1(matrix: IntArray) -> float:
    """Mean F1 of the classes that occur among labels or answers; F1 = 2 hits / (labels + answers)."""
    return float(overall(Margins.of(matrix))["macro_f1"])


def score(metric: Metric, labels: IntArray, probabilities: NDArray[Any]) -> float:
    """The value of a metric by name, in its own direction (a log-loss is better when lower: see `utility`)."""
    if metric not in METRICS:
        raise UsageError(f"expected a metric out of {', '.join(METRICS)}, got {metric!r}")
    if metric == "log_loss":
        return log_loss(labels, probabilities)
    matrix = confusion(labels, probabilities.argmax(axis=1), probabilities.shape[1])
    return float(overall(Margins.of(matrix))[metric])


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
    counts = Margins.of(matrix)
    return {"support": counts.labels.astype(float), **by_class(counts)}
