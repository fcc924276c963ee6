"""Which of two models is really better on the same items: differences, exact tests, and Holm's correction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan, sqrt
from statistics import fmean, variance
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import UsageError
from secondlook.measure.intervals import Z95, nadeau_bengio
from secondlook.measure.power import smallest_difference
from secondlook.types import FloatArray, Pair, Verdict
from secondlook.types.pair import PairMethod

ALPHA, POWER = 0.05, 0.8


def mcnemar(only_a: int, only_b: int) -> float:
    """The exact two-sided p-value that two models are equally often right, from the items that only one gets right.

    Were they equally good, each such item would be a toss of a coin.

    Source: Q. McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12
    (1947), 153-157.
    """
    if only_a < 0 or only_b < 0:
        raise UsageError(f"expected counts of 0 or more, got {only_a} and {only_b}")
    from scipy.special import bdtr

    return min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def agresti_min(only_a: int, only_b: int, n: int) -> tuple[float, float]:
    """The 95 % interval for the difference of two accuracies on the same n items.

    Wald's interval after half an item more of each of the four kinds (both right, only one, none): with
    p = (only_a + 1/2) / (n + 2) and q = (only_b + 1/2) / (n + 2) it is p - q ± z sqrt((p + q - (p - q)²) / (n + 2)). It
    has width even where the models never differ. Of the methods tried in bench/coverage.py (Wald's, Newcombe's, Bonett
    and Price's with a whole item) its coverage stays nearest to 95 %, also where the models seldom differ.

    Source: A. Agresti and Y. Min, Simple improved confidence intervals for comparing matched proportions, Statistics in
    Medicine 24 (2005), 729-740.
    """
    if min(only_a, only_b) < 0 or only_a + only_b > n or n == 0:
        raise UsageError(f"expected counts of 0 or more, together at most n > 0, got {only_a} and {only_b} of {n}")
    p, q = (only_a + 0.5) / (n + 2), (only_b + 0.5) / (n + 2)
    half = Z95 * sqrt((p + q - (p - q) ** 2) / (n + 2))
    return max(-1.0, p - q - half), min(1.0, p - q + half)


def clustered(gains: FloatArray, groups: NDArray[Any]) -> tuple[float, float, float]:
    """Mean, standard error and degrees of freedom of a difference on items that hang together in groups.

    Images of one person are right or wrong together, so they count for less than as many images of different people.
    The error is the cluster-robust one of a regression on a constant, G / (G - 1) · Σ_g (Σ_{i in g} (d_i - mean))² / n²
    with G groups, and Student's t has G - 1 degrees of freedom.

    Source: K.-Y. Liang and S. Zeger, Longitudinal data analysis using generalized linear models, Biometrika 73 (1986);
    A. C. Cameron and D. Miller, A practitioner's guide to cluster-robust inference, Journal of Human Resources 50
    (2015).

    Args:
        gains: float64 (n,): 1 where only a is right, -1 where only b is, else 0.
        groups: (n,), any labels; at least two different ones.
    """
    names, place = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise UsageError(f"expected items of two groups or more, got {len(names)}")
    n, mean = len(gains), float(gains.mean())
    sums = np.bincount(place, gains - mean)
    g = len(names)
    return mean, sqrt(g / (g - 1) * float((sums**2).sum())) / n, g - 1


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number, so that the chance of any false alarm stays below the level.

    The smallest is multiplied by m, the next by m - 1 and so on; none falls below the one before.

    Source: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6
    (1979), 65-70.
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1)
    return [float(value) for value in corrected]


@dataclass(frozen=True)
class FoldScores:
    """Accuracies of models in the folds of a cross-validation, in the same order, and the folds' mean sizes."""

    accuracies: Mapping[str, Sequence[float]]
    n_train: float
    n_test: float


@dataclass(frozen=True)
class _Found:
    """What is known of a pair before it is corrected for the others."""

    difference: float
    low: float
    high: float
    p: float
    only_a: int
    only_b: int
    method: PairMethod
    error: float = nan
    df: float = nan
    groups: int = 0


def compare_pairs(
    right: Mapping[str, NDArray[np.bool_]],
    *,
    groups: NDArray[Any] | None = None,
    folds: FoldScores | None = None,
) -> tuple[Pair, ...]:
    """Every pair of models, in the order given, the earlier one as a.

    - Independent items: Agresti and Min's interval, McNemar's exact test.
    - Groups of items: interval and t-test with the cluster-robust error, see `clustered`.
    - Folds: the mean difference over folds, with Nadeau and Bengio's corrected interval and t-test.

    Holm's correction is over all pairs; the verdict rests on the corrected p-value.

    Args:
        right: bool (n,) by model: which of the same items it gets right. With folds: each item once.
        groups: (n,), what each item belongs to, "" for nothing else; None where there are no groups.
        folds: accuracies per fold of all these models.
    """
    models = [*right]
    found = {
        (a, b): _compare(a, b, right, None if groups is None else _filled(groups), folds)
        for i, a in enumerate(models)
        for b in models[i + 1 :]
    }
    corrected = holm([pair.p for pair in found.values()])
    alpha = ALPHA / max(len(found), 1)
    return tuple(
        _pair(a, b, pair, p_holm, len(right[a]), alpha)
        for ((a, b), pair), p_holm in zip(found.items(), corrected, strict=True)
    )


def _filled(groups: NDArray[Any]) -> NDArray[Any] | None:
    """Group numbers (n,), an item without a group being its own; None where every item stands alone."""
    names, place, counts = np.unique(groups, return_inverse=True, return_counts=True)
    alone = groups == ""
    if not ((counts[place] > 1) & ~alone).any():
        return None
    return np.where(alone, len(names) + np.arange(len(groups)), place)


def _compare(
    a: str, b: str, right: Mapping[str, NDArray[np.bool_]], groups: NDArray[Any] | None, folds: FoldScores | None
) -> _Found:
    only_a, only_b = int((right[a] & ~right[b]).sum()), int((right[b] & ~right[a]).sum())
    if folds is not None:
        found = _by_folds(folds.accuracies[a], folds.accuracies[b], folds, only_a, only_b)
        if found is not None:
            return found
    if groups is not None and folds is None:
        return _by_groups(right[a].astype(float) - right[b], groups, only_a, only_b)
    return _by_items(only_a, only_b, len(right[a]))


def _by_items(only_a: int, only_b: int, n: int) -> _Found:
    low, high = agresti_min(only_a, only_b, n)
    return _Found((only_a - only_b) / n, low, high, mcnemar(only_a, only_b), only_a, only_b, "items")


def _by_folds(
    first: Sequence[float], second: Sequence[float], folds: FoldScores, only_a: int, only_b: int
) -> _Found | None:
    """By the differences in each fold; None where they are all the same, and so say nothing of their spread."""
    from scipy.special import stdtr

    gains = [x - y for x, y in zip(first, second, strict=True)]
    if len(gains) < 2 or max(gains) - min(gains) < 1e-12:
        return None
    low, high = nadeau_bengio(gains, folds.n_train, folds.n_test, bounds=(-1.0, 1.0))
    error = sqrt((1 / len(gains) + folds.n_test / folds.n_train) * variance(gains))
    mean, df = fmean(gains), len(gains) - 1
    return _Found(mean, low, high, 2 * float(stdtr(df, -abs(mean) / error)), only_a, only_b, "folds", error, df)


def _by_groups(gains: FloatArray, groups: NDArray[Any], only_a: int, only_b: int) -> _Found:
    from scipy.special import stdtr, stdtrit

    count = len(np.unique(groups))
    if count < 2:
        # One group is one observation: it says nothing of others.
        return _Found(float(gains.mean()), -1.0, 1.0, 1.0, only_a, only_b, "groups")
    mean, error, df = clustered(gains, groups)
    if error < 1e-12 and (gains == gains[0]).all():
        # Every item went the same way: as many observations as groups.
        won, lost = count * int(gains[0] > 0), count * int(gains[0] < 0)
        ends = agresti_min(won, lost, count)
        return _Found(mean, *ends, mcnemar(won, lost), only_a, only_b, "groups", groups=count)
    if error < 1e-12:
        # All groups gained the same, which leaves no spread to judge by but that of the items.
        return _by_items(only_a, only_b, len(gains))
    half = float(stdtrit(df, 0.975)) * error
    p = 2 * float(stdtr(df, -abs(mean) / error))
    return _Found(mean, max(-1.0, mean - half), min(1.0, mean + half), p, only_a, only_b, "groups", error, df)


def _pair(a: str, b: str, found: _Found, p_holm: float, n: int, alpha: float) -> Pair:
    verdict: Verdict = "no difference seen"
    if p_holm < ALPHA and found.difference:
        verdict = "better" if found.difference > 0 else "worse"
    return Pair(
        a, b, found.difference, found.low, found.high, found.p, p_holm, verdict, _shows(found, n, alpha), n,
        found.only_a, found.only_b, found.method,
    )  # fmt: skip


def _shows(found: _Found, n: int, alpha: float) -> float:
    """The smallest difference that would have been shown at this level with a power of 80 %."""
    if found.df == found.df:
        from scipy.special import stdtrit

        gap = float(stdtrit(found.df, 1 - alpha / 2) + stdtrit(found.df, POWER)) * found.error
        return gap if gap <= 1 else nan
    if found.method == "groups":
        # Without any spread: as many observations as groups, which all went the same way.
        return smallest_difference(found.groups, disagreement=abs(found.difference), power=POWER, alpha=alpha)
    return smallest_difference(n, disagreement=(found.only_a + found.only_b) / n, power=POWER, alpha=alpha)
