"""Scores of probabilities that are means over the items: what each item costs, or whether it counts as a hit."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.types import FloatArray, IntArray


def log_losses(labels: IntArray, probabilities: NDArray[Any]) -> FloatArray:
    """-ln(probability given to the label) of each item, in nats, float64 (n,).

    Probabilities are clipped at their type's epsilon, as in scikit-learn.
    """
    eps = np.finfo(probabilities.dtype).eps
    given = probabilities[np.arange(len(labels)), labels]
    return np.asarray(-np.log(np.clip(given, eps, 1 - eps).astype(np.float64)))


def log_loss(labels: IntArray, probabilities: NDArray[Any]) -> float:
    """Mean of `log_losses`."""
    return float(log_losses(labels, probabilities).mean())


def brier_losses(labels: IntArray, probabilities: NDArray[Any]) -> FloatArray:
    """The squared distance of each item's probabilities from the truth, float64 (n,).

    For more than two classes the sum over the classes c of (p_c - [c is the label])², 0 to 2, as Brier defined it; for
    two classes half of that, which is the (p - y)² that binary tools give. So does scikit-learn.

    Source: G. Brier, Verification of forecasts expressed in terms of probability, Monthly Weather Review 78 (1950).
    """
    away = np.asarray(probabilities, dtype=np.float64).copy()
    away[np.arange(len(labels)), labels] -= 1
    return np.asarray((away**2).sum(axis=1) * (0.5 if away.shape[1] == 2 else 1.0))


def brier(labels: IntArray, probabilities: NDArray[Any]) -> float:
    """Mean of `brier_losses`."""
    return float(brier_losses(labels, probabilities).mean())


def top_hits(labels: IntArray, probabilities: NDArray[Any], top: int) -> NDArray[np.bool_]:
    """Whether the label is among the `top` most probable classes, bool (n,); of equals the later class comes first, as
    in scikit-learn.
    """
    given = probabilities[np.arange(len(labels)), labels][:, None]
    later = np.arange(probabilities.shape[1]) > labels[:, None]
    before = (probabilities > given) | ((probabilities == given) & later)
    return np.asarray(before.sum(axis=1) < top)
