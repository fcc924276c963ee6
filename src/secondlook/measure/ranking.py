"""How well a class's probability ranks its items before the others: ROC-AUC and average precision, and their intervals.

The intervals need no draws. A statistic of weighted items has a derivative by each item's weight; within each true
class these derivatives vary, and their variance is that of the stratified bootstrap with endlessly many draws (the
infinitesimal jackknife). For the area under one ROC curve it is DeLong's variance.

Sources: L. Jaeckel, The infinitesimal jackknife, Bell Laboratories memorandum 72-1215-11 (1972); E. DeLong, D. DeLong
and D. Clarke-Pearson, Comparing the areas under two or more correlated receiver operating characteristic curves,
Biometrics 44 (1988); logit intervals: K. Boyd, K. Eng and C. Page, Area under the precision-recall curve, ECML 2013.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.measure.intervals import Z95, wilson
from secondlook.types import FloatArray, IntArray

# A statistic and its derivative by each item's weight, float64 (n,).
Ranked = tuple[float, FloatArray]


def roc_auc(positive: NDArray[np.bool_], values: NDArray[Any]) -> Ranked:
    """The chance that an item of the class has a higher value than another item; ties count half.

    Args:
        positive: bool (n,), the items of the class. values: (n,), higher speaks for the class.

    Returns:
        The area and its derivatives; NaN where there are only items of the class, or none.
    """
    return ranked(positive, values)["roc_auc"]


def average_precision(positive: NDArray[np.bool_], values: NDArray[Any]) -> Ranked:
    """Mean of the precision at each item of the class when items are answered from the highest value down.

    Args, Returns: as for `roc_auc`.
    """
    return ranked(positive, values)["average_precision"]


def ranked(positive: NDArray[np.bool_], values: NDArray[Any]) -> dict[str, Ranked]:
    """`roc_auc` and `average_precision` by name, for one sorting."""
    wins = int(positive.sum())
    if wins in (0, len(positive)):
        nothing = float("nan"), np.zeros(len(positive))
        return {"roc_auc": nothing, "average_precision": nothing}
    own, others, place = steps(positive, values)
    return {"roc_auc": _area(positive, own, others, place), "average_precision": _mean(positive, own, others, place)}


def _area(positive: NDArray[np.bool_], own: FloatArray, others: FloatArray, place: IntArray) -> Ranked:
    wins, losses = own.sum(), others.sum()
    # Of the other kind: those strictly below (above) an item's step, and half of those on it.
    others_below = losses - np.cumsum(others) + 0.5 * others
    own_above = np.cumsum(own) - 0.5 * own
    share = np.where(positive, others_below[place] / losses, own_above[place] / wins)
    area = float((own * others_below).sum() / (wins * losses))
    return area, np.asarray((share - area) / np.where(positive, wins, losses))


def _mean(positive: NDArray[np.bool_], own: FloatArray, others: FloatArray, place: IntArray) -> Ranked:
    wins, hits, said = own.sum(), np.cumsum(own), np.cumsum(own + others)
    precision = hits / said
    area = float((own * precision).sum() / wins)
    # One more item on a step changes the precision there and on all later ones.
    rises = np.cumsum((own * (said - hits) / said**2)[::-1])[::-1]
    falls = np.cumsum((own * hits / said**2)[::-1])[::-1]
    slope = np.where(positive, precision[place] - area + rises[place], -falls[place])
    return area, np.asarray(slope / wins)


def steps(positive: NDArray[np.bool_], values: NDArray[Any]) -> tuple[FloatArray, FloatArray, IntArray]:
    """Items of the class, and others, on each step of equal values, from the highest down; and each item's step."""
    order = np.argsort(-values, kind="stable")
    ordered = values[order]
    step = np.concatenate([[0], np.cumsum(ordered[1:] != ordered[:-1])]).astype(np.int64)
    place = np.empty(len(values), dtype=np.int64)
    place[order] = step
    steps = int(step[-1]) + 1
    own = np.bincount(place[positive], minlength=steps).astype(np.float64)
    return own, np.bincount(place[~positive], minlength=steps).astype(np.float64), place


def interval(value: float, slopes: FloatArray, labels: IntArray, pairs: int) -> tuple[float, float]:
    """The 95 % interval of a ranking score, on the scale of log-odds, within [0, 1].

    Args:
        value: the score. slopes: float64 (n,), its derivatives by the items' weights.
        labels: int64 (n,), the true classes, within which items are exchanged.
        pairs: the smaller of the numbers of items of the class and of others. A perfect ranking has no spread to
            measure; but so many pairs without a common item were all ranked rightly, which bounds the area under the
            ROC curve by Wilson's interval.

    Returns:
        (low, high); NaN where nothing is known: a class of one item, or none.
    """
    if not np.isfinite(value) or pairs < 2:
        return float("nan"), float("nan")
    if value in (0.0, 1.0):
        return wilson(int(value) * pairs, pairs)
    counts = np.bincount(labels)
    means = np.bincount(labels, slopes) / np.maximum(counts, 1)
    squares = np.bincount(labels, (slopes - means[labels]) ** 2)
    # n · S² per class, S² with n - 1 below the line; a class of one item shows no spread.
    variance = float((squares * counts / np.maximum(counts - 1, 1)).sum())
    if variance == 0:
        return float("nan"), float("nan")
    half = Z95 * np.sqrt(variance) / (value * (1 - value))
    odds = np.log(value / (1 - value))
    low, high = (float(1 / (1 + np.exp(-end))) for end in (odds - half, odds + half))
    return low, high
