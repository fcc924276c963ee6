"""Power laws against curve fitting by scipy, and their intervals against data from known laws."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import curve_fit

from secondlook.measure.laws.needed import needed
from secondlook.measure.laws.power import fit_power, foretell, hold_out
from secondlook.types import Estimate, HeldOut, PowerLaw

SIZES = np.repeat([50, 100, 200, 400, 800, 1600], 3)


def errors(
    rng: np.random.Generator,
    rows: Any,
    floor: float = 0.04,
    scale: float = 2.0,
    power: float = 0.6,
    sigma: float = 0.03,
) -> Any:
    true = floor + scale * np.asarray(rows, float) ** -power
    return np.clip(true + sigma * np.sqrt(true * (1 - true)) * rng.standard_normal(len(true)), 0, 1)


def test_the_fit_is_that_of_a_general_optimiser() -> None:
    y = errors(np.random.default_rng(0), SIZES)
    found = fit_power(SIZES, y, draws=10)
    fitted = found.floor + found.scale * SIZES**-found.power
    theirs, _ = curve_fit(
        lambda n, c, a, b: c + a * n**-b, SIZES.astype(float), y, p0=(0.1, 1, 0.5),
        sigma=np.sqrt(fitted * (1 - fitted)), bounds=([0, 0, 0.02], [1, 100, 3]),
    )  # fmt: skip
    assert fitted == pytest.approx(theirs[0] + theirs[1] * SIZES ** -theirs[2], abs=2e-4)


@given(st.floats(0, 0.3), st.floats(0.3, 3), st.floats(0.2, 1.2))
def test_a_law_without_noise_is_found_again(floor: float, scale: float, power: float) -> None:
    true = floor + scale * SIZES.astype(float) ** -power
    if true.max() > 0.95:
        return
    found = fit_power(SIZES, true, draws=10)
    assert floor + scale * 800.0**-power == pytest.approx(foretell(found, 800).value, abs=2e-3)


@pytest.mark.parametrize(("floor", "power"), [(0.05, 0.6), (0.0, 0.4), (0.02, 0.9)])
def test_intervals_hold_the_law_where_it_was_measured_and_beyond(floor: float, power: float) -> None:
    rng = np.random.default_rng(1)
    inside = beyond = 0
    for seed in range(200):
        found = fit_power(SIZES, errors(rng, SIZES, floor, 2.0, power), seed=seed, draws=300)
        for n in (400, 6_400):
            true = floor + 2.0 * n**-power
            said = foretell(found, n)
            held = said.low <= true <= said.high
            inside += held and n == 400
            beyond += held and n == 6_400
    assert 0.90 <= inside / 200 <= 0.985
    assert 0.90 <= beyond / 200 <= 0.985


@pytest.mark.parametrize(
    ("floor", "slow", "power"), [(0.14, 0.1, 0.8), (0.3, 0.2, 0.9), (0.1, 0.0, 0.7), (0.0, 0.0, 0.5)]
)
def test_intervals_hold_whether_the_floor_stays_or_falls(floor: float, slow: float, power: float) -> None:
    """At six times the largest size. A falling floor that is neither of the two fitted may be held more often."""
    rng = np.random.default_rng(2)
    rows, held = np.repeat([50, 100, 200, 400, 800], 5), 0
    for seed in range(200):
        true = floor * rows.astype(float) ** -slow + 2.0 * rows.astype(float) ** -power
        y = true + 0.01 * np.sqrt(true * (1 - true)) * rng.standard_normal(len(rows))
        said = foretell(fit_power(rows, y, seed=seed, draws=300), 4_800)
        held += said.low <= floor * 4_800**-slow + 2.0 * 4_800**-power <= said.high
    assert 0.90 <= held / 200 <= (1.0 if slow else 0.985)


def test_cells_of_one_seed_are_nested_and_their_errors_go_together() -> None:
    """Half the images of a cell are those of the next smaller one: a seed that is lucky at 800 was so at 400."""
    rng = np.random.default_rng(5)
    sizes, draws = np.array([50, 100, 200, 400, 800]), 5
    rows, nests = np.tile(sizes, draws), np.repeat(np.arange(draws), len(sizes))
    shared = np.minimum(sizes[:, None], sizes) / np.maximum(sizes[:, None], sizes)
    make, true = np.linalg.cholesky(shared), 0.05 + 2.0 * sizes**-0.6
    held = {(n, nested): 0 for n in (800, 3_200) for nested in (True, False)}
    for seed in range(200):
        noise = (make @ rng.standard_normal((len(sizes), draws))).T
        y = (true + 0.03 * np.sqrt(true * (1 - true)) * noise).ravel()
        for nested in (True, False):
            law = fit_power(rows, y, nests=nests if nested else None, seed=seed, draws=300)
            for n in (800, 3_200):
                said = foretell(law, n)
                held[n, nested] += said.low <= 0.05 + 2.0 * n**-0.6 <= said.high
    assert all(0.90 <= held[n, True] / 200 <= 0.99 for n in (800, 3_200)), held
    assert held[800, False] < held[800, True], "taken as independent, they say more than they know"


def test_nests_of_one_cell_each_are_independent_cells() -> None:
    y = errors(np.random.default_rng(0), SIZES)
    alone, none = fit_power(SIZES, y, nests=np.arange(len(SIZES)), draws=20), fit_power(SIZES, y, draws=20)
    assert alone.samples == pytest.approx(none.samples)


def test_a_floor_that_falls_is_found_as_a_general_optimiser_finds_it() -> None:
    true = 0.3 * SIZES.astype(float) ** -0.15 + 3.0 * SIZES.astype(float) ** -0.9
    y = true + 0.005 * np.sqrt(true * (1 - true)) * np.random.default_rng(0).standard_normal(len(true))
    found = fit_power(SIZES, y, draws=400)
    theirs, _ = curve_fit(
        lambda n, c, d, a, b: c * n**-d + a * n**-b, SIZES.astype(float), y, p0=(0.3, 0.15, 3, 0.9),
        sigma=np.sqrt(true * (1 - true)), bounds=(0, [2, 1, 100, 3]),
    )  # fmt: skip
    floor, scale, power, growth, slow = found.falling.T
    assert not growth.any()
    for n in (50.0, 400.0, 1600.0):
        mean = float(np.mean(floor * n**-slow + scale * n**-power))
        assert mean == pytest.approx(theirs[0] * n ** -theirs[1] + theirs[2] * n ** -theirs[3], rel=0.005)


def test_classes_are_a_factor_where_they_vary() -> None:
    rng = np.random.default_rng(0)
    rows, classes = (each.ravel() for each in np.meshgrid([200, 400, 800, 1600, 3200], [3, 5, 7, 10]))
    true = (0.01 + 0.6 * rows.astype(float) ** -0.5) * (classes - 1) ** 0.8
    y = true + 0.02 * np.sqrt(true * (1 - true)) * rng.standard_normal(len(true))
    found = fit_power(rows, y, classes)
    assert found.growth == pytest.approx(0.8, abs=0.15)
    assert foretell(found, 800, 7).value == pytest.approx((0.01 + 0.6 * 800**-0.5) * 6**0.8, rel=0.05)
    assert found.json()["growth"]["low"] < 0.8 < found.json()["growth"]["high"]


def test_the_forecast_of_a_training_is_wider_than_that_of_the_law() -> None:
    found = fit_power(SIZES, errors(np.random.default_rng(3), SIZES))
    law, training = foretell(found, 800), foretell(found, 800, trainings=1)
    assert training.low < law.low < law.value < law.high < training.high
    assert foretell(found, 800, trainings=1) == training, "the same seed, the same draws"


def test_the_largest_sizes_are_foretold_by_the_smaller_ones() -> None:
    y = errors(np.random.default_rng(0), SIZES)
    found = hold_out(SIZES, y)
    assert found is not None
    assert found.rows == (1600,)
    assert found.holds
    broken = y.copy()
    broken[SIZES == 1600] += 0.2
    assert not hold_out(SIZES, broken).holds  # type: ignore[union-attr]
    assert hold_out(SIZES[SIZES < 400], y[SIZES < 400]) is None, "three sizes, two of which fit any law"


def test_a_law_needs_three_sizes() -> None:
    with pytest.raises(ValueError, match="expected 3 sizes and 4 cells at least, got 2 sizes"):
        fit_power(np.array([10, 10, 20, 20]), np.array([0.2, 0.2, 0.1, 0.1]))


def law_of(y: Any) -> PowerLaw:
    return replace(fit_power(SIZES, y), held_out=hold_out(SIZES, y))


def test_how_many_images_an_accuracy_asks_for_is_the_law_s_inverse() -> None:
    y = errors(np.random.default_rng(5), SIZES, floor=0.0, power=0.6, sigma=0.01)
    said = needed(law_of(y), 0.985, SIZES, y)
    true = (2.0 / 0.015) ** (1 / 0.6)
    assert said.rows is not None
    assert said.rows.low <= true <= said.rows.high
    assert said.rows.value == pytest.approx(true, rel=0.2)


def test_an_accuracy_that_was_measured_is_said_to_be_there() -> None:
    y = errors(np.random.default_rng(5), SIZES, floor=0.0, power=0.6, sigma=0.01)
    assert needed(law_of(y), 0.9, SIZES, y).reached == 200
    assert 1 - y[SIZES == 200].mean() >= 0.9 > 1 - y[SIZES == 100].mean()


def test_what_the_law_does_not_support_is_refused() -> None:
    y = errors(np.random.default_rng(5), SIZES, floor=0.1, power=0.9, sigma=0.005)
    assert needed(law_of(y), 0.99, SIZES, y).refused.startswith(
        "the law that fits best does not get there, it ends at ."
    )
    flat = errors(np.random.default_rng(5), SIZES, floor=0.0, scale=0.5, power=0.1, sigma=0.002)
    assert "beyond 20 times the largest size measured, 1,600" in needed(law_of(flat), 0.95, SIZES, flat).refused
    missed = HeldOut((1600,), (0.5,), (Estimate(0.1, 0.05, 0.2),))
    law = replace(law_of(y), held_out=missed)
    assert needed(law, 0.99, SIZES, y).refused == "the smaller sizes do not foretell what was measured at 1,600"
    noisy = errors(np.random.default_rng(1), SIZES, floor=0.05, power=0.5, sigma=0.4)
    assert "would agree with what was measured" in needed(law_of(noisy), 0.92, SIZES, noisy).refused


def test_a_forecast_lies_in_its_interval_and_errors_that_fall_faster_than_a_law_are_refused() -> None:
    rng = np.random.default_rng(0)
    rows = np.repeat([100, 200, 400, 800, 1600], 3)
    y = np.repeat([0.2, 0.155, 0.115, 0.08, 0.055], 3) + rng.normal(0, 0.0015, 15)
    law = fit_power(rows, y)
    for n in (1600, 3200, 6400):
        said = foretell(law, n)
        assert said.low <= said.value <= said.high
    assert needed(law, 0.96, rows, y).refused == "the error falls faster than a power law does, so none can be followed"


def test_nothing_is_said_beyond_twenty_times_the_largest_size() -> None:
    draws = np.tile([0.0, 1.6, 0.5, 0.0], (50, 1)) * np.linspace(0.8, 1.2, 50)[:, None] ** [0, 1, 0, 0]
    law = PowerLaw(0.0, 1.6, 0.5, 0.0, 0.01, draws, np.full(50, 0.01), (250, 500, 1000), (2,))
    rows = np.array([250, 500, 1000])
    said = needed(law, 0.99, rows, 1.6 * rows**-0.5)
    assert said.refused == "it lies beyond 20 times the largest size measured, 1,000"


def test_images_for_an_accuracy_are_as_few_as_a_falling_floor_says() -> None:
    rows = np.array([250, 500, 1000])
    draws = np.tile([0.0, 1.6, 0.5, 0.0], (50, 1)) * np.linspace(0.95, 1.05, 50)[:, None] ** [0, 1, 0, 0]
    falling = np.tile([0.0, 1.2, 0.5, 0.0, 0.3], (50, 1))
    alone = PowerLaw(0.0, 1.6, 0.5, 0.0, 0.01, draws, np.full(50, 0.01), (250, 500, 1000), (2,))
    both = replace(alone, falling=falling)
    one, two = (needed(law, 0.97, rows, 1.6 * rows**-0.5).rows for law in (alone, both))
    assert one is not None
    assert two is not None
    assert two.low == pytest.approx((1.2 / 0.03) ** 2, rel=1e-3)
    assert two.value == one.value
    assert one.low < two.high <= one.high
