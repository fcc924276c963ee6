"""Thresholds of the answers: how sure a model must be of each class, chosen for an objective.

The rule: the answer is the class whose probability exceeds its threshold by the largest factor, argmax p_c / t_c, with
thresholds that sum to 1. Equal thresholds are the usual arg-max; with two classes, class c is the answer from p_c = t_c
on. With costs and more than two classes the answer is the cheapest to expect, argmin_j Σ_i (p_i / t_i) C_ij.

Source of both: C. Elkan, The foundations of cost-sensitive learning, IJCAI 2001; dividing by thresholds is his change
of base rates (theorem 2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.measure.objectives import Objective
from secondlook.measure.scores import Margins, confusion
from secondlook.types import FloatArray, IntArray

# Rounds over all classes; with two classes, or an objective of one class, a single scan is exact.
_ROUNDS = 3
# With costs of many classes: what a threshold is multiplied by.
_FACTORS = np.geomspace(1 / 32, 32, 41)
# Draws of the validation items, fewer where they would take long: numbers that all scans of one draw look at.
DRAWS, _FEWEST_DRAWS, _DRAWN_NUMBERS = 200, 40, 3e8
_TINY = 1e-12
# Ratios so near are equal but for rounding: no threshold tells them apart.
_SAME = 1e-9


def even(k: int) -> FloatArray:
    """The thresholds of the usual arg-max, float64 (k,)."""
    return np.full(k, 1 / k)


def answers(probabilities: NDArray[Any], thresholds: FloatArray, costs: FloatArray | None = None) -> IntArray:
    """The classes answered, int64 (n,); the first of equals.

    Args:
        probabilities: (n, k). thresholds: float64 (k,), above 0.
        costs: float64 (k, k) with more than two classes; None takes all wrong answers as equal.
    """
    factors = probabilities.astype(np.float64) / thresholds
    if costs is not None and len(costs) > 2:  # with two classes any costs come down to a threshold
        return np.asarray((factors @ costs).argmin(axis=1), dtype=np.int64)
    return np.asarray(factors.argmax(axis=1), dtype=np.int64)


def choose(
    labels: IntArray,
    probabilities: NDArray[Any],
    objective: Objective,
    *,
    start: FloatArray | None = None,
    weights: FloatArray | None = None,
    rounds: int = _ROUNDS,
) -> FloatArray:
    """The thresholds with the best value of an objective on these items, float64 (k,), sum 1.

    Of equally good ones those nearest to the start are taken; between two items the geometric middle.

    Args:
        labels: int64 (n,). probabilities: (n, k).
        start: thresholds to begin with; even ones by default.
        weights: how often each item counts, float64 (n,).
    """
    k = probabilities.shape[1]
    said, found = probabilities.astype(np.float64), (even(k) if start is None else start).copy()
    weights = np.ones(len(labels)) if weights is None else weights
    if objective.of >= 0 or k == 2:
        found[objective.of] *= _scan(labels, said, found, objective, objective.of % k, weights)[0]
        return np.asarray(found / found.sum())
    best = -np.inf
    for _ in range(rounds):
        before = best
        for c in range(k):
            scan = _scan if objective.costs is None else _try
            factor, best = scan(labels, said, found, objective, c, weights)
            found[c] *= factor
        if best <= before + _TINY:
            break
    return np.asarray(found / found.sum())


def spread(
    labels: IntArray, probabilities: NDArray[Any], objective: Objective, chosen: FloatArray, *, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """How far the chosen thresholds depend on the items at hand: 2.5 % and 97.5 % quantiles, float64 (k,) each.

    They are chosen anew on draws of the items, with replacement within each class. NaN where that would take too long
    (hundreds of classes).
    """
    n, k = probabilities.shape
    draws = int(min(DRAWS, _DRAWN_NUMBERS / (n * k * (1 if objective.of >= 0 or k == 2 else k))))
    if draws < _FEWEST_DRAWS:
        return np.full(k, np.nan), np.full(k, np.nan)
    rng, found = seeds.stream(seed, "thresholds"), []
    members = [np.flatnonzero(labels == c) for c in range(k)]
    for _ in range(draws):
        drawn = np.concatenate([rng.choice(own, len(own)) for own in members if len(own)])
        weights = np.bincount(drawn, minlength=n).astype(np.float64)
        found.append(choose(labels, probabilities, objective, start=chosen, weights=weights, rounds=1))
    low, high = np.quantile(found, [0.025, 0.975], axis=0)
    return low, high


def value(labels: IntArray, answered: IntArray, objective: Objective, k: int) -> float:
    """What the objective names, of answers: its metric, or the mean cost."""
    matrix = confusion(labels, answered, k)
    cost = None if objective.costs is None else (matrix * objective.costs).sum()
    return float(objective.value(Margins.of(matrix), cost))


def _scan(
    labels: IntArray, said: FloatArray, thresholds: FloatArray, objective: Objective, c: int, weights: FloatArray
) -> tuple[float, float]:
    """The factor by which one class's threshold is best multiplied, and the utility then; exact.

    In the order of p_c / t_c over the best rival's p / t, items turn one by one from the rival to class c.
    """
    factors = said / thresholds
    own = factors[:, c].copy()
    factors[:, c] = -1
    rival = factors.argmax(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.nan_to_num(own / factors[np.arange(len(own)), rival], nan=1.0, posinf=np.inf)
    order = np.argsort(-ratio, kind="stable")
    ratio, rival, truth, weight = ratio[order], rival[order], labels[order], weights[order]
    counts, cost = _turning(truth, rival, weight, c, said.shape[1], objective.costs)
    utility = objective.utility(counts, cost)
    cuts = _cuts(ratio)
    utility = np.where(np.isnan(cuts) | np.isnan(utility), -np.inf, utility)
    best = utility.max()
    good = np.flatnonzero(utility >= best - _TINY)
    nearest = good[np.abs(np.log(cuts[good])).argmin()] if np.isfinite(best) else None
    return (1.0, -np.inf) if nearest is None else (float(cuts[nearest]), float(best))


def _turning(
    truth: IntArray, rival: IntArray, weight: FloatArray, c: int, k: int, costs: FloatArray | None
) -> tuple[Margins, FloatArray | None]:
    """Counts (n + 1, k) and the sum of costs (n + 1,) when the first 0, 1, … n items are answered with class c."""
    n = len(truth)
    line = np.arange(1, n + 1)
    hits, said = np.zeros((2, n + 1, k))
    # Where none has turned, each item is answered with its rival; each that turns takes that back.
    hits[0], said[0] = np.bincount(truth, weight * (truth == rival), k), np.bincount(rival, weight, k)
    hits[line, rival] -= weight * (truth == rival)
    said[line, rival] -= weight
    hits[line, c] += weight * (truth == c)
    said[line, c] += weight
    labels = np.broadcast_to(np.bincount(truth, weight, k), hits.shape)
    cost = None
    if costs is not None:
        changed = weight * (costs[truth, c] - costs[truth, rival])
        cost = np.concatenate([[0.0], np.cumsum(changed)]) + (weight * costs[truth, rival]).sum()
    return Margins(hits.cumsum(axis=0), said.cumsum(axis=0), labels), cost


def _cuts(ratio: FloatArray) -> FloatArray:
    """The factor (n + 1,) of the threshold at which exactly the first 0, 1, … n items turn; NaN where none
    does.

    Args:
        ratio: from the highest down; infinite where no other class is possible, 0 where class c is not.
    """
    above, below = np.concatenate([[np.inf], ratio]), np.concatenate([ratio, [0.0]])
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = np.sqrt(above) * np.sqrt(below)
    # At the ends there is a neighbour on one side only.
    middle = np.where(np.isinf(above), 2 * below, middle)
    middle = np.where(below == 0, np.where(np.isinf(above), 1.0, above / 2), middle)
    usable = (above > (1 + _SAME) * below) & (middle > 0) & np.isfinite(middle)
    return np.where(usable, middle, np.nan)


def _try(
    labels: IntArray, said: FloatArray, thresholds: FloatArray, objective: Objective, c: int, weights: FloatArray
) -> tuple[float, float]:
    """As `_scan`, where answers are the cheapest to expect: of a row of factors the best."""
    costs = objective.costs
    assert costs is not None
    factors = said / thresholds
    rest = factors @ costs - factors[:, [c]] * costs[c]
    found = []
    for factor in _FACTORS:
        answered = (rest + factors[:, [c]] / factor * costs[c]).argmin(axis=1)
        found.append(-float(weights @ costs[labels, answered]) / weights.sum())
    good = np.flatnonzero(np.array(found) >= max(found) - _TINY)
    nearest = good[np.abs(np.log(_FACTORS[good])).argmin()]
    return float(_FACTORS[nearest]), found[nearest]
