"""Whether probabilities mean what they say: reliability, calibration error, and the temperature that repairs it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import UsageError
from secondlook.types import FloatArray, IntArray

BINS = 15


def bin_of(confidence: NDArray[Any], bins: int = BINS) -> IntArray:
    """The bin (b / bins, (b + 1) / bins] that a probability falls into, int64 (n,); 0 belongs to the first."""
    if bins < 1:
        raise UsageError(f"expected one bin or more, got {bins}")
    places = np.ceil(np.asarray(confidence, dtype=np.float64) * bins) - 1
    return np.asarray(np.clip(places, 0, bins - 1), dtype=np.int64)


def reliability(labels: IntArray, probabilities: NDArray[Any], bins: int = BINS) -> dict[str, FloatArray]:
    """Per bin of the answers' probability, all float64 (bins,): its ends `low` and `high`, the `n` answers in it, their
    mean `confidence`, and the `accuracy` they had; NaN where a bin is empty.
    """
    confidence, right = probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == labels
    place, ends = bin_of(confidence, bins), np.arange(bins + 1) / bins
    n = np.bincount(place, minlength=bins).astype(np.float64)
    some = np.where(n > 0, n, np.nan)
    return {
        "low": ends[:-1],
        "high": ends[1:],
        "n": n,
        "confidence": np.bincount(place, confidence, bins) / some,
        "accuracy": np.bincount(place, right, bins) / some,
    }


def surplus(labels: IntArray, probabilities: NDArray[Any], bins: int = BINS) -> FloatArray:
    """What each item adds to its bin's gap, float64 (n, bins): confidence minus hit in its bin, 0 in the others."""
    confidence, right = probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == labels
    table = np.zeros((len(labels), bins))
    table[np.arange(len(labels)), bin_of(confidence, bins)] = confidence - right
    return table


def calibration_error(gaps: FloatArray) -> FloatArray:
    """Expected calibration error from the mean `surplus` of the items, float64 (…, bins) to (…): the sum of |gap|.

    It is the mean over the items of |confidence - accuracy| of their bin.

    Source: C. Guo, G. Pleiss, Y. Sun and K. Weinberger, On calibration of modern neural networks, ICML 2017.
    """
    return np.asarray(np.abs(gaps).sum(axis=-1))


def expected_calibration_error(labels: IntArray, probabilities: NDArray[Any], bins: int = BINS) -> float:
    """How far the answers' probabilities are from their hit rate, 0 to 1, over equally wide bins; see
    `calibration_error`. On few items it is too high: bins differ by chance alone.
    """
    return float(calibration_error(surplus(labels, probabilities, bins).mean(axis=0)))


def temperature(
    logits: FloatArray, labels: IntArray, weights: FloatArray | None = None, *, smooth: bool = False
) -> float:
    """The T > 0 for which softmax(logits / T) has the least log-loss on these labels.

    Above 1 the model was too sure. It never changes an answer. Searched between e^-10 and e^10.

    Args:
        logits: float64 (n, k); of probabilities, their logarithms. labels: int64 (n,).
        weights: how much each item counts, float64 (n,); all the same when left out.
        smooth: with n items the label counts (n + 1) / (n + 2) and the others share the rest, as in Platt (1999):
            where every answer is right, certainty stays finite.

    Source: Guo et al., ICML 2017; J. Platt, Probabilistic outputs for support vector machines (1999).
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    n, k = logits.shape
    rest = 1 / (n + 2) if smooth else 0.0

    def loss(log_beta: float) -> float:
        logs = log_softmax(np.exp(log_beta) * logits, axis=1)
        given = logs[np.arange(n), labels]
        if not rest:
            return -float(np.average(given, weights=weights))
        others = (logs.sum(axis=1) - given) / (k - 1)
        return -float(np.average((1 - rest) * given + rest * others, weights=weights))

    return float(np.exp(-minimize_scalar(loss, bounds=(-10, 10), method="bounded").x))
