"""Intervals for the numbers we show."""

from __future__ import annotations

from math import sqrt

from secondlook.errors import UsageError

# The 97.5 % quantile of the normal law, for two-sided 95 % intervals.
Z95 = 1.959963984540054


def wilson(hits: int, n: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval for a proportion of `hits` out of `n`.

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
