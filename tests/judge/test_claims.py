"""What becomes of a published figure or claim."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.judge.claims import all_hold, figure, more, same, within
from secondlook.measure.estimates import UNKNOWN, alone, difference, exactly, share
from secondlook.types import Estimate, Holds

HOLDS, NOT, OPEN = "holds", "does not hold", "cannot be told"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.4, 0.6, HOLDS), (0.45, 0.55, HOLDS), (0.3, 0.44, NOT), (0.56, 0.9, NOT), (0.5, 0.6, OPEN), (0.3, 0.5, OPEN)],
)
def test_an_interval_inside_holds_outside_does_not_and_across_cannot_be_told(
    low: float, high: float, verdict: Holds
) -> None:
    assert within(Estimate(0.5, 0.45, 0.55), low, high) == verdict


def test_what_has_no_interval_cannot_be_told() -> None:
    for found in (UNKNOWN, alone(0.5)):
        assert within(found, 0, 1) == OPEN
        assert more(found, exactly(0)) == OPEN
        assert same(found, 0.5, 100, 0.1) == OPEN
    assert within(exactly(50), 0, 80) == HOLDS
    assert within(exactly(81), 0, 80) == NOT


@given(st.integers(0, 200), st.integers(0, 200))
def test_more_is_the_sign_of_the_difference(a: int, b: int) -> None:
    first, second = share(a, 200), share(b, 200)
    apart = difference(first, second)
    verdict = more(first, second)
    assert (verdict == HOLDS) == (apart.low > 0)
    if verdict == HOLDS:
        assert more(second, first) == NOT


def test_the_same_is_shown_and_not_only_not_refuted() -> None:
    ours = share(9_940, 10_000)
    assert same(ours, 0.9938, 10_000, 0.003) == HOLDS
    assert same(ours, 0.9938, 100, 0.003) == OPEN, "a hundred items say too little"
    assert same(ours, 0.98, 10_000, 0.003) == NOT


def test_a_claim_of_parts_holds_where_all_do() -> None:
    assert all_hold(HOLDS, HOLDS) == HOLDS
    assert all_hold(HOLDS, OPEN) == OPEN
    assert all_hold(OPEN, NOT, HOLDS) == NOT
    assert all_hold() == OPEN, "nothing shows nothing"


def test_a_figure_agrees_where_the_difference_may_be_zero() -> None:
    assert figure("a", "m", 0.908, share(235, 250), n=250).agrees
    assert figure("a", "m", 0.908, share(249, 250), n=250).agrees is False
    assert figure("a", "m", 80, exactly(80), "count").agrees
    assert figure("a", "m", 80, exactly(50), "count").agrees is False
    assert figure("a", "m", None, exactly(50), "count").agrees is None
    assert figure("a", "m", 13, alone(13), "times").agrees is None
    # What was printed as 1.00 may have been .995.
    assert figure("a", "m", 1.0, share(797, 800), n=10_000).agrees
    assert figure("a", "m", 0.82, Estimate(0.8244, 0.8224, 0.8264), n=100_000).agrees
    assert figure("a", "m", 13, Estimate(13.4, 13.3, 13.5), "times").agrees
    assert figure("a", "m", 13, Estimate(13.8, 13.7, 13.9), "times").agrees is False
    assert figure("a", "m", -0.0056, Estimate(-0.0058, -0.0059, -0.00566), "points").agrees is False
    missing = figure("a", "m", 0.5, UNKNOWN, why="not at hand")
    assert (missing.ours, missing.agrees, missing.why) == (None, None, "not at hand")
    assert figure("a", "m", 0.5, share(1, 2), why="not at hand").why == ""
