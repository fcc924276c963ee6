"""Paired differences: McNemar, Holm and the cluster-robust error equal statsmodels', the interval its own paper's."""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.multitest import multipletests

from secondlook.errors import UsageError
from secondlook.measure.intervals import nadeau_bengio
from secondlook.measure.pairs import FoldScores, agresti_min, clustered, compare_pairs, holm, mcnemar
from secondlook.measure.power import smallest_difference
from secondlook.types import Pair, Pairs


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_equals_statsmodels(only_a: int, only_b: int) -> None:
    theirs = their_mcnemar([[5, only_a], [only_b, 7]], exact=True).pvalue
    assert mcnemar(only_a, only_b) == pytest.approx(theirs, rel=1e-10, abs=1e-300)


@settings(max_examples=10, deadline=None)  # theirs takes a tenth of a second
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_equals_statsmodels(p: list[float]) -> None:
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1].tolist(), abs=1e-12)


def test_holm_of_nothing_is_nothing() -> None:
    assert holm([]) == []


@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_the_error_of_groups_equals_statsmodels_cluster_robust_regression(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    groups = np.concatenate([np.arange(count), rng.integers(0, count, 40)])
    gains = rng.integers(-1, 2, len(groups)).astype(float)
    ours = clustered(gains, groups)
    assume(ours[1] > 1e-9)
    options = {"cov_type": "cluster", "cov_kwds": {"groups": groups}, "use_t": True}
    theirs = sm.OLS(gains, np.ones(len(gains))).fit(**options)
    assert ours == pytest.approx((theirs.params[0], theirs.bse[0], theirs.df_resid_inference), rel=1e-9)
    pair = compare_pairs({"a": gains > 0, "b": gains < 0}, groups=groups.astype(str))[0]
    low, high = theirs.conf_int()[0]
    assert (pair.low, pair.high) == pytest.approx((max(low, -1), min(high, 1)), rel=1e-9)
    assert pair.p == pytest.approx(theirs.pvalues[0], rel=1e-7, abs=1e-12)
    assert pair.method == "groups"


def test_with_a_group_for_each_item_the_error_equals_statsmodels_hc1() -> None:
    gains = np.random.default_rng(0).integers(-1, 2, 60).astype(float)
    theirs = sm.OLS(gains, np.ones(60)).fit(cov_type="HC1")
    assert clustered(gains, np.arange(60))[:2] == pytest.approx((theirs.params[0], theirs.bse[0]), rel=1e-10)


def test_groups_widen_the_interval_where_their_items_go_together() -> None:
    won = np.repeat(np.random.default_rng(0).random(40) < 0.6, 10)
    lost = np.repeat(np.random.default_rng(1).random(40) < 0.5, 10)
    right = {"a": won, "b": lost}
    alone, together = compare_pairs(right)[0], compare_pairs(right, groups=np.repeat(np.arange(40), 10).astype(str))[0]
    assert together.difference == pytest.approx(alone.difference)
    assert together.high - together.low > 2.5 * (alone.high - alone.low)
    assert together.p > alone.p
    assert together.shows > 2.5 * alone.shows
    single = compare_pairs(right, groups=np.array([f"{i}" for i in range(400)]))[0]
    assert single == compare_pairs(right, groups=np.full(400, ""))[0] == alone


def test_items_without_a_group_stand_alone_beside_those_that_have_one() -> None:
    gains = np.array([1.0, 1, 1, -1, 1, 0, 0, 1])
    groups = np.array(["x", "x", "x", "y", "y", "", "", ""])
    pair = compare_pairs({"a": gains > 0, "b": gains < 0}, groups=groups)[0]
    mean, error, df = clustered(gains, np.array([0, 0, 0, 1, 1, 2, 3, 4]))
    assert (pair.low, pair.high) == pytest.approx((mean - stats.t.ppf(0.975, df) * error, 1))


@pytest.mark.parametrize(("a", "expected"), [(True, "better"), (False, "no difference seen")])
def test_groups_that_all_go_one_way_count_as_so_many_items(a: bool, expected: str) -> None:
    groups = np.repeat(np.arange(20), 3).astype(str)
    pair = compare_pairs({"a": np.full(60, a), "b": np.zeros(60, dtype=bool)}, groups=groups)[0]
    n = 20 if a else 0
    assert (pair.low, pair.high) == agresti_min(n, 0, 20)
    assert pair.p == mcnemar(n, 0)
    assert pair.shows == smallest_difference(20, disagreement=n / 20)
    assert pair.verdict == expected


def test_groups_that_all_gain_the_same_leave_the_spread_of_their_items() -> None:
    gains, groups = np.tile([1.0, 0, 0], 20), np.repeat(np.arange(20), 3).astype(str)
    pair = compare_pairs({"a": gains > 0, "b": gains < 0}, groups=groups)[0]
    assert pair == compare_pairs({"a": gains > 0, "b": gains < 0})[0]
    assert pair.low < pair.difference < pair.high


def test_one_group_alone_says_nothing() -> None:
    pair = compare_pairs({"a": np.ones(9, bool), "b": np.zeros(9, bool)}, groups=np.full(9, "x"))[0]
    assert (pair.low, pair.high, pair.p, pair.verdict) == (-1, 1, 1, "no difference seen")
    assert isnan(pair.shows)
    with pytest.raises(UsageError, match="expected items of two groups or more, got 1"):
        clustered(np.ones(3), np.zeros(3))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 400))
def test_the_paired_interval_is_wald_s_after_half_an_item_more_of_each_kind(a: int, b: int, rest: int) -> None:
    n = a + b + rest
    low, high = agresti_min(a, b, n)
    # Each item stands twice, so that half an item is one.
    gains = np.repeat([1.0, -1.0, 0.0], [2 * a + 1, 2 * b + 1, 2 * rest + 2])
    half = stats.norm.ppf(0.975) * sqrt(gains.var() / (n + 2))
    assert (low, high) == pytest.approx((max(-1, gains.mean() - half), min(1, gains.mean() + half)), abs=1e-12)
    assert low < high


@pytest.mark.parametrize(("a", "b", "n"), [(-1, 0, 5), (3, 3, 5), (0, 0, 0)])
def test_impossible_counts_are_refused(a: int, b: int, n: int) -> None:
    with pytest.raises(UsageError, match=f"expected counts of 0 or more, together at most n > 0, got {a} and {b} of"):
        agresti_min(a, b, n)
    if a < 0:
        with pytest.raises(UsageError, match="expected counts of 0 or more, got -1 and 0"):
            mcnemar(a, b)


FOLDS = {"a": [0.9, 0.92, 0.88, 0.95, 0.91], "b": [0.8, 0.85, 0.83, 0.86, 0.8], "c": [0.9, 0.9, 0.9, 0.93, 0.92]}


def test_folds_have_nadeau_s_and_bengio_s_test_of_the_fold_differences() -> None:
    rng = np.random.default_rng(0)
    right = {name: rng.random(100) < np.mean(scores) for name, scores in FOLDS.items()}
    found = {(p.a, p.b): p for p in compare_pairs(right, folds=FoldScores(FOLDS, 64, 20))}
    gains = np.array(FOLDS["a"]) - np.array(FOLDS["b"])
    error = np.sqrt((1 / 5 + 20 / 64) * gains.var(ddof=1))
    pair = found["a", "b"]
    assert (pair.difference, pair.method) == (pytest.approx(gains.mean()), "folds")
    assert (pair.low, pair.high) == nadeau_bengio(gains.tolist(), 64, 20, bounds=(-1, 1))
    assert pair.p == pytest.approx(2 * stats.t.sf(gains.mean() / error, 4))
    assert pair.verdict == "better"
    assert found["a", "c"].verdict == "no difference seen"
    assert pair.shows == pytest.approx((stats.t.ppf(1 - 0.05 / 6, 4) + stats.t.ppf(0.8, 4)) * error)


def test_folds_that_all_differ_by_the_same_fall_back_on_the_items() -> None:
    right = {"a": np.arange(50) < 45, "b": np.arange(50) < 30}
    pair = compare_pairs(right, folds=FoldScores({"a": [0.9, 0.9], "b": [0.6, 0.6]}, 40, 10))[0]
    assert pair == compare_pairs(right)[0]
    assert pair.method == "items"


def rights(n: int = 400) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    good = rng.random(n) < 0.9
    same = good.copy()
    same[np.flatnonzero(good)[:7]], same[np.flatnonzero(~good)[:5]] = False, True
    return {"good": good, "same": same, "bad": rng.random(n) < 0.6}


def test_every_pair_stands_once_in_the_order_given_with_its_verdict() -> None:
    right = rights()
    found = compare_pairs(right)
    assert [(p.a, p.b) for p in found] == [("good", "same"), ("good", "bad"), ("same", "bad")]
    assert [p.verdict for p in found] == ["no difference seen", "better", "better"]
    for pair in found:
        a, b = right[pair.a], right[pair.b]
        assert pair.difference == pytest.approx(a.mean() - b.mean())
        assert (pair.only_a, pair.only_b, pair.n) == ((a & ~b).sum(), (b & ~a).sum(), 400)
        assert pair.shows == smallest_difference(400, disagreement=(pair.only_a + pair.only_b) / 400, alpha=0.05 / 3)
    assert [p.p_holm for p in found] == holm([p.p for p in found])
    backwards = compare_pairs({name: right[name] for name in ("bad", "good")})[0]
    assert backwards.verdict == "worse"


def test_one_model_has_no_pair_and_two_alike_show_no_difference() -> None:
    assert compare_pairs({"a": np.ones(5, bool)}) == ()
    same = compare_pairs({"a": np.ones(50, bool), "b": np.ones(50, bool)})[0]
    assert (same.difference, same.p, same.p_holm, same.verdict) == (0, 1, 1, "no difference seen")
    assert same.low < 0 < same.high
    assert isnan(compare_pairs({"a": np.ones(5, bool), "b": np.zeros(5, bool)})[0].shows)


def test_a_pair_turned_round_says_the_same_of_the_other() -> None:
    pairs = Pairs(compare_pairs(rights()))
    pair, turned = pairs.between("good", "bad"), pairs.between("bad", "good")
    assert turned.flipped == pair
    assert (turned.difference, turned.low, turned.high) == (-pair.difference, -pair.high, -pair.low)
    assert (turned.verdict, turned.only_a) == ("worse", pair.only_b)
    assert pairs.between("good", "nobody") is None
    assert [(p.a, p.b) for p in pairs.of("same")] == [("same", "good"), ("same", "bad")]
    assert len(pairs) == len(pairs.frame()) == 3


def test_a_pair_goes_through_json_and_back_also_where_a_number_is_not_known() -> None:
    for pair in (*compare_pairs(rights()), compare_pairs({"a": np.ones(5, bool), "b": np.zeros(5, bool)})[0]):
        document = pair.json()
        assert {"a", "b", "difference", "low", "high", "p", "p_holm", "verdict"} <= set(document)
        again = Pair.from_json(document)
        assert again.json() == document
        assert document["shows"] is None or document["shows"] == pair.shows
