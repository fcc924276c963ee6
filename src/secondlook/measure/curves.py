"""ROC and precision-recall curves of one class against the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.measure.ranking import steps
from secondlook.types import FloatArray


@dataclass(frozen=True, eq=False)
class Curve:
    """How the class fares at every threshold, from the strictest down; float64 (m,) each.

    Attributes:
        threshold: items whose probability reaches it are answered with the class; the first is infinite: none is.
        recall: of the class's items, those answered with it (the true positive rate); NaN without any.
        false_positive_rate: of the other items, those answered with it; NaN without any.
        precision: of the items answered with the class, those that are of it; 1 where none is answered.
    """

    threshold: FloatArray
    recall: FloatArray
    false_positive_rate: FloatArray
    precision: FloatArray


def curve(positive: NDArray[np.bool_], values: NDArray[Any]) -> Curve:
    """The curve of a class.

    Args:
        positive: bool (n,), the items of the class. values: (n,), its probabilities.
    """
    own, others, place = steps(positive, values)
    hits, alarms = (np.concatenate([[0.0], np.cumsum(counts)]) for counts in (own, others))
    thresholds = np.empty(len(own))
    thresholds[place] = values
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = np.where(hits + alarms > 0, hits / (hits + alarms), 1.0)
        recall, false_positives = hits / own.sum(), alarms / others.sum()
    return Curve(np.concatenate([[np.inf], thresholds]), recall, false_positives, precision)
