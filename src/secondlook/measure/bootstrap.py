"""The stratified bootstrap: what a score would be on other items of the same classes.

Within each true class as many items are drawn, with replacement, as there are. Counts are drawn as such: the answers to
one class are a multinomial draw, so time does not depend on the number of items. Means over items are weighted sums,
all columns in one matrix product.

Source: B. Efron and R. Tibshirani, An introduction to the bootstrap (1993), chapters 6, 8 and 13.
"""

from __future__ import annotations

import numpy as np

from secondlook.measure.scores import Margins
from secondlook.types import FloatArray, IntArray

DRAWS = 2_000
# Weights that are held at once: 8 MB of float32.
_BLOCK = 2**21


def draw_margins(matrix: IntArray, rng: np.random.Generator, draws: int = DRAWS) -> Margins:
    """Hits and answers of `draws` bootstrap samples, int64 (draws, k) each; the labels per class stay as they are."""
    k = len(matrix)
    hits, answers = np.zeros((draws, k), dtype=np.int64), np.zeros((draws, k), dtype=np.int64)
    labels = matrix.sum(axis=1)
    for c in np.flatnonzero(labels):
        said = np.flatnonzero(matrix[c])
        drawn = rng.multinomial(labels[c], matrix[c, said] / labels[c], size=draws)
        answers[:, said] += drawn
        hits[:, c] = drawn[:, said == c].sum(axis=1)
    return Margins(hits, answers, np.broadcast_to(labels, (draws, k)))


def draw_means(values: FloatArray, labels: IntArray, rng: np.random.Generator, draws: int = DRAWS) -> FloatArray:
    """Means of columns in `draws` bootstrap samples.

    Args:
        values: float64 (n, m), a line per item. labels: int64 (n,), the true classes.

    Returns:
        float64 (draws, m).
    """
    n = len(values)
    order = np.argsort(labels, kind="stable")
    counts = np.bincount(labels)
    counts = counts[counts > 0]
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    sizes = np.repeat(counts, counts)
    # In the order of the classes, a draw for an item's place is a place of the same class.
    table, sums = values[order].astype(np.float32), []
    mean = table.mean(axis=0, dtype=np.float64)
    table -= mean.astype(np.float32)  # single precision then suffices: only the spread is multiplied
    step = max(1, _BLOCK // n)
    for first in range(0, draws, step):
        rows = min(step, draws - first)
        places = (rng.random((rows, n), dtype=np.float32) * sizes).astype(np.int64)
        # Rounding to single precision may reach the class's end.
        np.minimum(places, sizes - 1, out=places)
        places += starts + n * np.arange(rows)[:, None]
        weights = np.bincount(places.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float32)
        sums.append(weights @ table)
    return np.asarray(np.concatenate(sums) / n + mean)


def percentiles(value: float, drawn: FloatArray, low: float, high: float) -> tuple[float, float]:
    """The middle 95 % of draws of a score, float64 (draws,), as an interval around its value.

    The draws are moved by the distance of their mean from the value: a score that is biased on few items (calibration
    error, F1 of a rare class) is biased twice in the draws, and its own value might lie outside.

    Args:
        low, high: what the score cannot fall below, or rise above.

    Returns:
        (low, high); NaN where no draw differs, which is no knowledge but the lack of it.
    """
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not len(known) or known.max() - known.min() < 1e-12:
        return float("nan"), float("nan")
    ends = np.quantile(known, [0.025, 0.975]) - (known.mean() - value)
    return float(max(low, min(ends[0], value))), float(min(high, max(ends[1], value)))
