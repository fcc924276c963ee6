"""Intervals for the numbers we show."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, variance

from secondlook.errors import UsageError

# The 97.5 % quantile of the normal law, for two-sided 95 % intervals.
Z95 = 1.959963984540054


def wilson(hits: float, n: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval for a proportion of `hits` out of `n`; a mean of several counts need not be whole.

    It keeps its coverage near 0 and 1 and for small n, where the textbook interval p ± z·sqrt(p(1-p)/n) fails.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927), 209-212.

    Returns:
        (low, high), both within [0, 1]; (0, 1) for n = 0.
    """
    if not 0 <= hits <= n:
        raise UsageError(f"expected 0 ≤ hits ≤ n, got hits = {hits}, n = {n}")
    if n == 0:
        return 0.0, 1.0
    p, zz = hits / n, z * z
    centre = (p + zz / (2 * n)) / (1 + zz / n)
    half = z * sqrt(p * (1 - p) / n + zz / (4 * n * n)) / (1 + zz / n)
    # At the ends the exact bound is 0 or 1; rounding must not leave 1e-17 or 1 - 1e-16.
    return (0.0 if hits == 0 else max(0.0, centre - half)), (1.0 if hits == n else min(1.0, centre + half))


def nadeau_bengio(
    scores: Sequence[float], n_train: float, n_test: float, *, bounds: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float]:
    """The corrected 95 % interval for the mean of scores from folds or other repeated divisions of one set.

    The scores are not independent, since their training parts overlap: the textbook's variance, S^2 / J, is far too
    small. It becomes (1/J + n_test/n_train) · S^2, with Student's t of J - 1 degrees of freedom. S^2 estimates how much
    scores differ from one division to the next; where all are equal there is nothing to estimate it from, and the
    interval has no width.

    Source: C. Nadeau and Y. Bengio, Inference for the generalization error, Machine Learning 52 (2003), 239-281; for
    repeated k-fold: R. Bouckaert and E. Frank, Evaluating the replicability of significance tests, PAKDD 2004.

    Args:
        scores: J scores, or differences of two, one per fold and repeat; two at least.
        n_train, n_test: items in a training part, and in the part that was scored.
        bounds: what the mean cannot leave; those of a share by default.

    Returns:
        (low, high), clipped to the bounds.
    """
    if len(scores) < 2 or n_train <= 0 or n_test <= 0:
        raise UsageError(
            f"expected two scores or more of parts that hold items, got {len(scores)} scores, "
            f"n_train = {n_train}, n_test = {n_test}"
        )
    from scipy.special import stdtrit

    mean = fmean(scores)
    half = stdtrit(len(scores) - 1, 0.975) * sqrt((1 / len(scores) + n_test / n_train) * variance(scores))
    return max(bounds[0], float(mean - half)), min(bounds[1], float(mean + half))
