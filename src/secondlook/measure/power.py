"""How small a difference a test part can show."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from secondlook.errors import UsageError
from secondlook.types import FloatArray

# Halvings of [0, 1]: the difference is known to a millionth.
_STEPS = 20


def mcnemar_power(n: int, difference: float, disagreement: float, *, alpha: float = 0.05) -> float:
    """How likely McNemar's exact test tells two models apart on n items that both answer.

    It counts the items that only one of them gets right: m of n, of which m/2 would fall to each were they equally
    good. Exact: summed over m ~ Bin(n, disagreement).

    Source: Q. McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12
    (1947), 153-157.

    Args:
        n: items in the test part.
        difference: of the two accuracies, 0 to `disagreement`.
        disagreement: the share of items that exactly one of the models gets right.
        alpha: the test is two-sided at this level.

    Raises:
        UsageError: a difference that cannot be.
    """
    if n < 0 or not 0 <= difference <= disagreement <= 1:
        raise UsageError(
            f"expected n ≥ 0 and 0 ≤ difference ≤ disagreement ≤ 1, got n = {n}, difference = {difference}, "
            f"disagreement = {disagreement}"
        )
    m, few, chance = _disagreements(n, disagreement, alpha)
    better = (disagreement + difference) / (2 * disagreement) if disagreement else 0.5
    # Either model has so few of the m for itself.
    shown = _at_most(few, m, 1 - better) + _at_most(few, m, better)
    return float(np.clip(chance @ shown, 0, 1))


def smallest_difference(n: int, *, disagreement: float = 0.1, power: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest difference between two accuracies that McNemar's exact test shows on n items with this power.

    Args:
        n: items in the test part.
        disagreement: the share of items that exactly one of the models gets right. Where the difference itself must
            be larger to be shown, one model is taken to be right wherever the other is.
        power: how likely it is to be shown.
        alpha: the test is two-sided at this level.

    Returns:
        The difference, 0 to 1; NaN where n items cannot show any (fewer than 6 at alpha = 0.05).
    """

    def shows(difference: float) -> bool:
        return mcnemar_power(n, difference, max(disagreement, difference), alpha=alpha) >= power

    if not shows(1.0):
        return float("nan")
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if shows(middle) else (middle, high)
    return high


@lru_cache(maxsize=4)
def _disagreements(n: int, disagreement: float, alpha: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The numbers of items that one model alone may get right, what rejects each, and each one's chance."""
    from scipy.special import xlog1py, xlogy

    m = _likely(n, disagreement)
    log_chance = _log_ways(n, m) + xlogy(m, disagreement) + xlog1py(n - m, -disagreement)
    return m, _critical(m, alpha), np.asarray(np.exp(log_chance))


def _likely(n: int, share: float) -> FloatArray:
    """The counts that Bin(n, share) takes but for a chance of 1e-15, float64: twelve deviations around the mean."""
    mean, reach = n * share, 12 * (n * share * (1 - share)) ** 0.5 + 12
    return np.arange(max(0, int(mean - reach)), min(n, int(mean + reach)) + 1, dtype=np.float64)


def _critical(m: FloatArray, alpha: float) -> FloatArray:
    """The most that one side of m coins may show for the two-sided exact test to reject fairness; -1 for never."""
    from scipy.special import ndtri

    # The normal law is off by one at most.
    few: FloatArray = np.floor(m / 2 + ndtri(alpha / 2) * np.sqrt(m) / 2) + 1
    for _ in range(3):
        few = np.where(_at_most(few, m, 0.5) > alpha / 2, few - 1, few)
    return np.asarray(np.maximum(few, -1))


def _at_most(few: FloatArray, m: FloatArray, p: float) -> FloatArray:
    """The chance of `few` hits or fewer out of m, below m, by the incomplete beta function; 0 for few < 0."""
    from scipy.special import betainc

    k = np.maximum(few, 0)
    return np.asarray(np.where(few < 0, 0.0, betainc(np.maximum(m - k, 1), k + 1, 1 - p)))


def _log_ways(n: int, m: FloatArray) -> FloatArray:
    from scipy.special import gammaln

    return np.asarray(gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1))
