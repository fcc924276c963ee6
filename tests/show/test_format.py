"""How numbers are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.show import format as fmt


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (0.98415, 0.0031, ".984 ± .003"),
        (0.98412, 0.0019, ".9841 ± .0019"),
        (0.908, 0.034, ".91 ± .03"),
        (0.952, 0.0151, ".952 ± .015"),
        (1.0, 0.014, "1.000 ± .014"),
        (0.0, 0.014, ".000 ± .014"),
        (0.999999, 0.000003, ".9999 ± .0001"),
        (0.000001, 0.000003, ".0001 ± .0001"),
        (0.5, 0.4, ".50 ± .40"),
        (0.5, 0.0, ".5000 ± .0000"),
        (0.5, None, ".500"),
        (None, 0.1, "–"),
        (float("nan"), 0.1, "–"),
    ],
)
def test_a_share_has_the_digits_that_its_interval_supports(value, half, text):
    assert fmt.share(value, half) == text


@given(st.floats(0, 1), st.floats(0, 0.5))
def test_only_a_perfect_share_is_written_as_one_and_only_an_empty_one_as_zero(value, half):
    written = float(fmt.share(value, half).split(" ± ")[0])
    assert (written == 1) == (value == 1)
    assert (written == 0) == (value == 0)
    assert abs(written - value) <= 0.01


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_the_half_width_reaches_both_ends_of_the_interval(a, b, c):
    low, value, high = sorted([a, b, c])
    half = fmt.half_width(value, low, high)
    assert value - half <= low + 1e-12
    assert value + half >= high - 1e-12


@pytest.mark.parametrize(
    ("value", "half", "text"),
    [
        (0.872, None, "87.2 %"),
        (0.98415, 0.0031, "98.4 ± 0.3 %"),
        (0.9, 0.04, "90 ± 4 %"),
        (1.0, 0.0009, "100.00 ± 0.09 %"),
        (0.9999, 0.02, "99 ± 2 %"),
        (0.0001, 0.02, "1 ± 2 %"),
    ],
)
def test_a_percentage_stays_with_its_unit_on_one_line(value, half, text):
    assert fmt.percent(value, half) == text.replace(" ", "\u00a0")


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0 %"), (0.001, "under 1 %"), (0.116, "12 %"), (0.999, "over 99 %"), (1.0, "100 %")]
)
def test_a_round_percentage_is_never_rounded_to_none_or_all(value, text):
    assert fmt.round_percent(value).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("n", "text"),
    [
        (None, "–"), (0, "0"), (80, "80"), (9_610, "9,610"), (9_999, "9,999"), (10_000, "10k"), (44_426, "44k"),
        (390_218, "390k"), (999_499, "999k"), (999_500, "1.0M"), (1_615_970, "1.6M"), (23_049_600, "23M"),
        (2_300_000_000, "2.3G"), (5 * 10**12, "5.0T"), (10**17, "1.0e+17"),
    ],
)  # fmt: skip
def test_a_count_takes_at_most_five_characters_where_it_can(n, text):
    assert fmt.count(n) == text
    assert len(text) <= 5 or n >= 10**15


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (None, "–"), (0.0, "0"), (0.001, "<0.01"), (0.012, "0.01"), (0.12, "0.1"), (1.23, "1.2"), (9.96, "10"),
        (12.3, "12"), (1240.4, "1,240"), (float("inf"), "–"),
    ],
)  # fmt: skip
def test_a_measured_quantity_has_no_digits_to_spare(x, text):
    assert fmt.number(x) == text


@pytest.mark.parametrize(
    ("x", "text"), [(None, "–"), (0.0512, "0.051"), (0.9996, "1.00"), (2.303, "2.30"), (14.23, "14.2")]
)
def test_a_loss_is_written_in_three_digits(x, text):
    assert fmt.loss(x) == text


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.0, "under 0.1 s"), (0.84, "0.8 s"), (11.2, "11 s"), (59.6, "1 min"), (125.0, "2 min 5 s"), (3599.7, "1 h"),
        (3600.0, "1 h"), (4320.0, "1 h 12 min"), (90_000.0, "25 h"),
    ],
)  # fmt: skip
def test_a_time_is_written_as_people_say_it(x, text):
    assert fmt.seconds(x).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (list("abcde"), "a, b, c, d and 1 other"),
        (list("abcdefg"), "a, b, c, d and 3 others"),
    ],
)
def test_names_are_listed_as_in_a_sentence(names, text):
    assert fmt.listing(names) == text
