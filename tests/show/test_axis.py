"""The common axis of the interval bars."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import logit

from secondlook.show.axis import Axis, tick_label


def test_the_axis_is_stretched_only_where_a_model_is_above_95_percent(make_run):
    assert Axis.of(make_run()).stretched
    assert not Axis.of(make_run(scale=0.8)).stretched
    assert not Axis.of(make_run(all_failed=True)).stretched


def test_the_stretched_axis_is_the_log_odds():
    axis = Axis(-3, 6, stretched=True, margin=1e-4)
    shares = np.array([0.01, 0.5, 0.9, 0.99])
    np.testing.assert_allclose(axis.warp(shares), logit(shares), rtol=1e-12)
    np.testing.assert_allclose(axis.unwarp(axis.warp(shares)), shares, rtol=1e-12)


@pytest.mark.parametrize("variant", [{}, {"scale": 0.8}, {"perfect": True}, {"k": 2, "skew": 0.8}, {"n_test": 40}])
def test_every_interval_and_both_lines_lie_inside_the_axis(make_run, variant):
    run = make_run(**variant)
    axis = Axis.of(run)
    values = [v for r in run.rows if r.test_low is not None for v in (r.test_low, r.test_high)]
    for value in [*values, run.chance, run.majority]:
        assert 0.005 < axis.position(value) < 0.995


@given(st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_a_higher_share_never_stands_further_left(a, b, stretched):
    axis = Axis(-4, 8, True, 1e-4) if stretched else Axis(0, 1)
    low, high = sorted([a, b])
    assert 0 <= axis.position(low) <= axis.position(high) <= 1


def test_the_even_axis_ends_at_whole_tenths_with_some_room():
    axis = Axis.even([0.97, 0.64])
    assert (axis.low, axis.high) == pytest.approx((0.6 - 0.04 * 0.4, 1 + 0.04 * 0.4))
    assert not axis.stretched
    assert (Axis.even([]).low, Axis.even([]).high) == pytest.approx((-0.04, 1.04))


@pytest.mark.parametrize("variant", [{}, {"scale": 0.8}, {"perfect": True}, {"k": 2}, {"all_failed": True}])
def test_ticks_are_few_inside_and_apart(make_run, variant):
    axis = Axis.of(make_run(**variant))
    ticks = axis.ticks()
    places = [axis.position(t) for t in ticks]
    assert 3 <= len(ticks) <= 9
    assert axis.low <= ticks[0]
    assert ticks[-1] <= axis.high
    assert min(np.diff(places)) > 0.09


@pytest.mark.parametrize(("value", "text"), [(0.5, ".5"), (0.99, ".99"), (0.0, "0"), (1.0, "1"), (2.5, "2.5")])
def test_a_tick_says_no_more_zeros_than_it_needs(value, text):
    assert tick_label(value) == text
