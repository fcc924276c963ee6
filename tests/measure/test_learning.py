"""Learning curves: made ones whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.measure.learning import falling_at_end, overfitting_from
from secondlook.seeds import stream
from secondlook.types import Epoch, History, Seam


def history(train, valid) -> History:
    lines = [Epoch(i + 1, 1.0, 0.1, t, t, 0.5, v, 0.5) for i, (t, v) in enumerate(zip(train, valid, strict=True))]
    return History(tuple(lines), 1, "")


def learning(epochs: int) -> np.ndarray:
    """A training loss that falls all the way."""
    return np.exp(-np.arange(epochs) / 10)


def noisy(rng: np.random.Generator, epochs: int, sd: float, lasting: float) -> np.ndarray:
    """A flat validation loss after a fast fall, times noise of which a share lasts into the next epoch."""
    fresh, noise = rng.normal(0, 1, epochs + 50), np.zeros(epochs + 50)
    for i in range(1, epochs + 50):
        noise[i] = lasting * noise[i - 1] + np.sqrt(1 - lasting**2) * fresh[i]
    return 0.5 * np.exp(2 * np.exp(-np.arange(1, epochs + 1) / (epochs / 8)) + sd * noise[50:])


@pytest.mark.parametrize(
    ("train", "valid", "start"),
    [
        ([3, 2, 1, 0.8, 0.6, 0.5, 0.4], [3, 2, 1.5, 2, 2.5, 3, 3.5], 3),
        ([3, 2, 1, 0.8, 0.6, 0.5, 0.4], [3, 2.5, 2, 1.8, 1.5, 1.2, 1], None),  # still learning
        ([3, 2, 1, 1.5, 2, 2.5, 3], [3, 2, 1.5, 2, 2.5, 3, 3.5], None),  # both rise: it falls apart
        ([3, 2, 1, 0.8, 0.6, 0.5, 0.4], [3, 2, 1.5, 1.501, 1.502, 1.503, 1.504], None),  # too little
        ([3, 2, 1, 0.8, 0.6, 0.5, 0.4], [3, 2, 1.5, 1.49, 1.48, 1.47, 9], None),  # one bad epoch, the last
        ([3, 2, 1, 0.8, 0.6], [3, 2, 1.5, 2, 3], None),  # two epochs are no trend
        ([3, 2, 1, 0.8, 0.6, 0.5, 0.4], [3, 2, 1.5, 2, np.nan, np.nan, np.nan], 3),
        ([0.5], [0.5], None),
        ([], [], None),
    ],
)
def test_overfitting_begins_where_validation_rises_while_training_falls(train, valid, start):
    assert overfitting_from(history(train, valid)) == start


@pytest.mark.parametrize("epochs", [8, 15, 30, 60, 120])
def test_noise_alone_is_hardly_ever_taken_for_overfitting(epochs):
    rng = stream(0, "noise", epochs)
    for lasting, most in ((0.0, 0.01), (0.5, 0.08)):
        curves = [history(learning(epochs), noisy(rng, epochs, 0.1, lasting)) for _ in range(200)]
        alarms = sum(overfitting_from(curve) is not None for curve in curves)
        assert alarms / len(curves) <= most, lasting


@pytest.mark.parametrize(("epochs", "sd"), [(15, 0.02), (30, 0.04), (60, 0.06)])
def test_a_loss_that_rises_by_half_is_found_near_its_lowest_point(epochs, sd):
    rng = stream(1, "rise", epochs)
    at = np.arange(1, epochs + 1)
    turn = epochs // 3
    true = np.log(0.5) + 1.5 * np.exp(-at / (epochs / 15)) + 0.4 * np.maximum(0, at - turn) / (epochs - turn)
    starts = [overfitting_from(history(learning(epochs), np.exp(true + rng.normal(0, sd, epochs)))) for _ in range(200)]
    found = np.array([start for start in starts if start is not None])
    assert len(found) >= 190
    assert abs(np.median(found) - turn) <= max(2, epochs // 10)


@settings(max_examples=60, deadline=None)
@given(
    factor=st.floats(1e-3, 1e3), values=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=40), seed=st.integers(0, 9)
)
def test_the_unit_of_the_loss_does_not_matter(factor, values, seed):
    train = stream(seed, "train").uniform(0.1, 1, len(values))
    valid = np.array(values)
    one, other = history(train, valid), history(train * factor, valid * factor)
    start = overfitting_from(one)
    assert overfitting_from(other) == start
    assert falling_at_end(other) == pytest.approx(falling_at_end(one), abs=1e-9)
    assert start is None or 1 <= start <= len(values) - 3
    assert 0 <= falling_at_end(one) < 1


@pytest.mark.parametrize(
    ("valid", "fall"),
    [
        ([1, 0.5], 0.5),
        ([1, 0.9, 0.8], 1 - 0.8 / 0.9),
        ([1, 0.99], 0.0),
        ([0.5, 1], 0.0),
        ([0.5], 0.0),
        ([], 0.0),
        (np.exp(-np.arange(20) / 10), 1 - np.exp(-0.4)),
        (np.full(20, 0.3), 0.0),
    ],
)
def test_a_fall_at_the_end_is_that_of_the_last_fifth(valid, fall):
    assert falling_at_end(history(valid, valid)) == pytest.approx(fall)


@pytest.mark.parametrize("epochs", [15, 30, 60])
def test_noise_alone_is_seldom_taken_for_a_fall(epochs):
    rng = stream(2, "fall", epochs)
    flat = [0.5 * np.exp(rng.normal(0, 0.05, epochs)) for _ in range(300)]
    assert sum(falling_at_end(history(v, v)) > 0 for v in flat) <= 6


def test_with_class_weights_the_weighted_losses_decide():
    plain, weighted = [3, 2, 1.5, 2, 2.5, 3, 3.5], [3, 2, 1.8, 1.6, 1.4, 1.2, 1]
    fall = [3, 2, 1, 0.8, 0.6, 0.5, 0.4]

    def curve(valid, valid_weighted):
        lines = [
            Epoch(i + 1, 1.0, 0.1, t, t, 0.5, v, 0.5, t, w)
            for i, (t, v, w) in enumerate(zip(fall, valid, valid_weighted, strict=True))
        ]
        return History(tuple(lines), 1, "")

    assert overfitting_from(curve(plain, weighted)) is None
    assert overfitting_from(curve(weighted, plain)) == 3
    assert falling_at_end(curve(plain, weighted)) == pytest.approx(1 / 7)


def test_after_another_objective_only_the_epochs_since_compare():
    train, valid = [3, 2, 1, 0.8, 0.6, 0.5, 0.4], [3, 2, 1.5, 2, 2.5, 3, 3.5]
    whole = history([*train, *(np.array(train) / 10)], [*(np.array(train) / 100), *valid])
    changed = History(whole.epochs, 10, "", (Seam(7, ("weights",)),))
    same = History(whole.epochs, 10, "", (Seam(7, ()),))
    assert overfitting_from(changed) == 10
    assert overfitting_from(same) == 7
