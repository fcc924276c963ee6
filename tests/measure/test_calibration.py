"""Calibration against closed cases and a plain loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import answers, made
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from secondlook.errors import UsageError
from secondlook.measure.calibration import bin_of, expected_calibration_error, reliability, temperature


def closed() -> tuple[Any, Any]:
    """Ten answers at .8, of which 6 are right; ten at .6, of which 9 are: gaps of .2 and .3."""
    said = np.array([[0.8, 0.2]] * 10 + [[0.6, 0.4]] * 10)
    return np.array([0] * 6 + [1] * 4 + [0] * 9 + [1]), said


def test_the_error_of_a_closed_case_is_the_mean_gap() -> None:
    labels, said = closed()
    assert expected_calibration_error(labels, said, bins=10) == pytest.approx(0.5 * 0.2 + 0.5 * 0.3, abs=1e-12)


def test_the_reliability_table_of_a_closed_case_holds_its_bins() -> None:
    table = reliability(*closed(), bins=10)
    assert table["n"].tolist() == [0, 0, 0, 0, 0, 10, 0, 10, 0, 0]
    assert table["accuracy"][[5, 7]] == pytest.approx([0.9, 0.6])
    assert table["confidence"][[5, 7]] == pytest.approx([0.6, 0.8])
    assert (table["low"][5], table["high"][5]) == (0.5, 0.6)
    assert np.isnan(table["accuracy"][0])


def test_a_model_as_sure_as_it_is_right_has_no_error_and_one_that_is_sure_and_wrong_all() -> None:
    said = np.array([[0.75, 0.25]] * 4)
    assert expected_calibration_error(np.array([0, 0, 0, 1]), said) == pytest.approx(0, abs=1e-12)
    assert expected_calibration_error(np.array([1, 1]), np.array([[1.0, 0.0]] * 2)) == 1


@given(answers(), st.integers(1, 20))
def test_the_error_is_that_of_a_loop_over_the_bins(case: Any, bins: int) -> None:
    labels, said = case
    sure, right, total = said.max(axis=1), said.argmax(axis=1) == labels, 0.0
    table = reliability(labels, said, bins)
    for b in range(bins):
        inside = bin_of(sure, bins) == b
        assert table["n"][b] == inside.sum()
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    assert expected_calibration_error(labels, said, bins) == pytest.approx(total, abs=1e-12)


@given(st.floats(0, 1), st.integers(1, 30))
def test_a_probability_falls_into_the_bin_that_ends_at_or_above_it(value: float, bins: int) -> None:
    b = int(bin_of(np.array([value]), bins)[0])
    assert b / bins - 1e-12 <= value <= (b + 1) / bins + 1e-12


def test_no_bin_is_refused() -> None:
    with pytest.raises(UsageError, match="expected one bin or more, got 0"):
        bin_of(np.array([0.5]), 0)


@pytest.mark.parametrize("sure", [0.6, 0.9, 0.99])
def test_the_temperature_of_a_closed_case_makes_certainty_the_hit_rate(sure: float) -> None:
    # Two classes, always the same logits, right in 3 of 4: the loss is least where the answer has 3/4.
    logits = np.log(np.array([[sure, 1 - sure]] * 4))
    found = temperature(logits, np.array([0, 0, 0, 1]))
    assert softmax(logits / found, axis=1)[0, 0] == pytest.approx(0.75, abs=1e-4)
    assert found == pytest.approx(np.log(sure / (1 - sure)) / np.log(3), rel=1e-3)


@pytest.mark.parametrize("true", [0.25, 1.0, 3.0])
def test_a_known_temperature_is_found_again(true: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20_000, 4)) * 2
    labels = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    assert temperature(logits * true, labels) == pytest.approx(true, rel=0.05)


def test_smoothing_keeps_certainty_finite_where_all_are_right() -> None:
    # The label counts 5/6 with four items: there the loss is least.
    logits = np.log(np.array([[0.9, 0.1]] * 4))
    found = temperature(logits, np.zeros(4, dtype=np.int64), smooth=True)
    assert softmax(logits / found, axis=1)[0, 0] == pytest.approx(5 / 6, abs=1e-4)


def test_the_right_temperature_lowers_the_error() -> None:
    labels, said = made(4_000, 5, 1.0)  # whose probabilities are the true ones
    hot = softmax(3 * np.log(said.astype(float)), axis=1)
    t = temperature(np.log(hot), labels)
    assert t > 2
    cooled = softmax(np.log(hot) / t, axis=1)
    assert expected_calibration_error(labels, cooled) < 0.3 * expected_calibration_error(labels, hot)
