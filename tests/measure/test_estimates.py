"""Numbers with intervals from counts, seeds and one another: against statsmodels, SciPy and simulation."""

from __future__ import annotations

from math import exp, isnan, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from secondlook.measure.estimates import (
    UNKNOWN,
    alone,
    difference,
    exactly,
    geometric_mean,
    mean,
    paired_difference,
    published_share,
    share,
    share_over_seeds,
)
from secondlook.measure.pairs import agresti_min
from secondlook.types import Estimate


def ends(found: Estimate) -> tuple[float, float]:
    return found.low, found.high


@given(st.integers(1, 500), st.integers(0, 500), st.integers(1, 500), st.integers(0, 500))
def test_a_difference_of_shares_has_newcombes_interval(n1: int, x1: int, n2: int, x2: int) -> None:
    x1, x2 = min(x1, n1), min(x2, n2)
    found = difference(share(x1, n1), share(x2, n2))
    wanted = confint_proportions_2indep(x1, n1, x2, n2, method="newcomb", compare="diff")
    assert ends(found) == pytest.approx(wanted, abs=1e-9)
    assert found.value == pytest.approx(x1 / n1 - x2 / n2)


def test_a_published_share_need_not_be_a_whole_number_of_items() -> None:
    assert ends(published_share(0.4, 5)) == ends(share(2, 5))
    assert ends(published_share(0.472, 250)) == pytest.approx(proportion_confint(0.472 * 250, 250, method="wilson"))


def test_a_mean_has_students_interval() -> None:
    values = [0.91, 0.93, 0.9, 0.96]
    wanted = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert ends(mean(values)) == pytest.approx(wanted)
    ratios = geometric_mean(values)
    logs = mean([log(value) for value in values])
    assert (ratios.value, *ends(ratios)) == pytest.approx((exp(logs.value), exp(logs.low), exp(logs.high)))


def test_what_has_no_interval_has_none() -> None:
    assert mean([0.5]).value == alone(0.5).value == 0.5
    assert isnan(mean([0.5]).low)
    assert isnan(mean([0.5]).high)
    assert isnan(share(0, 0).value)
    assert all(found is UNKNOWN for found in (mean([]), share_over_seeds([], 5), exactly(None)))
    assert exactly(3) == Estimate(3, 3, 3)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_a_difference_on_the_same_items_has_the_paired_interval(answers: list[tuple[bool, bool]]) -> None:
    a, b = (np.array(column) for column in zip(*answers, strict=True))
    found = paired_difference(a, b)
    assert found.value == pytest.approx(a.mean() - b.mean())
    assert ends(found) == agresti_min(int((a & ~b).sum()), int((b & ~a).sum()), len(a))
    assert paired_difference(a[:0], b[:0]) is UNKNOWN


def test_seeds_widen_the_interval_of_the_items() -> None:
    assert ends(share_over_seeds([0.9], 100)) == ends(share(90, 100))
    alike, apart = share_over_seeds([0.9] * 4, 100), share_over_seeds([0.88, 0.92, 0.86, 0.94], 100)
    assert ends(alike) == pytest.approx(ends(share(90, 100)))
    assert apart.low < alike.low < apart.value < alike.high < apart.high


def test_the_interval_over_seeds_holds_the_truth() -> None:
    """Items differ in how hard they are, seeds in how good they are; the truth is the mean over both."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(600):
        hard = rng.beta(8, 2, 300)  # mean .8
        good = rng.normal(0, 0.02, 4)
        shares = [float((rng.random(300) < np.clip(hard + g, 0, 1)).mean()) for g in good]
        found = share_over_seeds(shares, 300)
        inside += found.low <= 0.8 <= found.high
    assert 0.95 <= inside / 600 <= 1
