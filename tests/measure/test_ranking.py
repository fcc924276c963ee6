"""Areas under curves equal scikit-learn's, their derivatives its weighted values', their spread DeLong's."""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk
from cases import answers
from hypothesis import given

from secondlook.measure import ranking
from secondlook.measure.intervals import wilson

BOTH = {"roc_auc": sk.roc_auc_score, "average_precision": sk.average_precision_score}


@given(answers())
def test_areas_equal_scikit_learns_class_by_class_with_ties(case: Any) -> None:
    labels, said = case
    for c in range(said.shape[1]):
        own = labels == c
        for name, (value, _) in ranking.ranked(own, said[:, c]).items():
            if own.all() or not own.any():
                assert isnan(value)
            else:
                assert value == pytest.approx(BOTH[name](own, said[:, c]), abs=1e-12)


def test_macro_areas_equal_scikit_learns_one_versus_rest() -> None:
    rng = np.random.default_rng(0)
    labels, said = rng.integers(0, 4, 200), rng.dirichlet(np.ones(4), 200)
    areas = [ranking.roc_auc(labels == c, said[:, c])[0] for c in range(4)]
    assert np.mean(areas) == pytest.approx(sk.roc_auc_score(labels, said, multi_class="ovr"), abs=1e-12)
    precisions = [ranking.average_precision(labels == c, said[:, c])[0] for c in range(4)]
    assert np.mean(precisions) == pytest.approx(sk.average_precision_score(labels, said), abs=1e-12)


@pytest.mark.parametrize("name", BOTH)
def test_slopes_are_the_derivatives_by_the_items_weights(name: str) -> None:
    rng = np.random.default_rng(1)
    own = rng.random(30) < 0.4
    values = np.round(rng.normal(size=30) + own, 1)  # some tie
    slopes, step = ranking.ranked(own, values)[name][1], 1e-6
    for i in range(30):
        ends = []
        for sign in (1, -1):
            weights = np.ones(30)
            weights[i] += sign * step
            ends.append(BOTH[name](own, values, sample_weight=weights))
        assert slopes[i] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-7)


def delong(own: Any, values: Any) -> float:
    """The variance of DeLong, DeLong and Clarke-Pearson (1988), by all pairs."""
    wins, losses = values[own], values[~own]
    kernel = (wins[:, None] > losses) + 0.5 * (wins[:, None] == losses)
    return float(kernel.mean(1).var(ddof=1) / len(wins) + kernel.mean(0).var(ddof=1) / len(losses))


def test_for_two_classes_the_interval_of_an_area_is_delong_s_on_log_odds() -> None:
    rng = np.random.default_rng(2)
    labels = (rng.random(80) < 0.3).astype(int)
    values = np.round(rng.normal(size=80) + labels, 1)
    area, slopes = ranking.roc_auc(labels == 1, values)
    low, high = ranking.interval(area, slopes, labels, int(labels.sum()))
    half = 1.959963984540054 * np.sqrt(delong(labels == 1, values)) / (area * (1 - area))
    odds = np.log(area / (1 - area))
    assert [np.log(end / (1 - end)) for end in (low, high)] == pytest.approx([odds - half, odds + half], abs=1e-9)


@pytest.mark.parametrize("name", BOTH)
def test_the_spread_is_that_of_the_stratified_bootstrap(name: str) -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 3, 240)
    values = rng.normal(size=240) + (labels == 1)
    value, slopes = ranking.ranked(labels == 1, values)[name]
    low, high = ranking.interval(value, slopes, labels, 60)
    drawn = []
    for _ in range(150):
        items = np.concatenate([rng.choice(np.flatnonzero(labels == c), (labels == c).sum()) for c in range(3)])
        drawn.append(BOTH[name](labels[items] == 1, values[items]))
    assert (low, high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.04)


def test_a_perfect_ranking_is_bounded_by_its_pairs_and_nothing_is_known_of_one_item() -> None:
    labels, values = np.array([0] * 9 + [1] * 5), np.arange(14.0)
    area, slopes = ranking.roc_auc(labels == 1, values)
    assert area == 1
    assert ranking.interval(area, slopes, labels, 5) == wilson(5, 5)
    assert ranking.interval(1 - area, slopes, labels, 5) == wilson(0, 5)
    assert all(isnan(end) for end in ranking.interval(0.5, slopes, labels, 1))
    assert all(isnan(end) for end in ranking.interval(float("nan"), slopes, labels, 5))
    assert all(isnan(end) for end in ranking.interval(0.5, np.zeros(14), labels, 5))
