"""Lines against statsmodels' formula interface, and their intervals against data from a known line."""

from __future__ import annotations

from math import isnan

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.stats.diagnostic import linear_reset

from secondlook.measure.laws.line import CONSTANT, fit_line


def cells(seed: int = 0, n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    classes, rows = rng.integers(3, 11, n), rng.integers(5, 33, n) * 100
    noise = rng.normal(0, 0.004 * classes)  # more classes, more noise
    return pd.DataFrame({"classes": classes, "rows": rows, "y": 0.95 - 0.012 * classes + 1.6e-5 * rows + noise})


def test_coefficients_and_robust_errors_are_those_of_the_formula_interface() -> None:
    table = cells()
    expected = smf.ols("y ~ classes + rows", table).fit(cov_type="HC3", use_t=True)
    found = fit_line("y", table["y"].to_numpy(), {"classes": table["classes"], "rows": table["rows"]})
    names = {"Intercept": CONSTANT}
    ends = expected.conf_int()
    for name, value in expected.params.items():
        one = found[names.get(name, name)]
        assert one.value == pytest.approx(value, rel=1e-9)
        assert one.error == pytest.approx(expected.bse[name], rel=1e-9)
        assert (one.low, one.high) == pytest.approx(tuple(ends.loc[name]), rel=1e-9)
        assert one.p == pytest.approx(expected.pvalues[name], rel=1e-6, abs=1e-300)
    assert found.r2 == pytest.approx(expected.rsquared)
    np.testing.assert_allclose(found.residuals, expected.resid, atol=1e-12)
    plain = smf.ols("y ~ classes + rows", table).fit()
    assert found.fits == pytest.approx(float(linear_reset(plain, power=2, use_f=True, cov_type="HC3").pvalue))


def test_intervals_hold_the_true_slopes_as_often_as_they_say() -> None:
    held = np.zeros(2)
    for seed in range(400):
        table = cells(seed)
        found = fit_line("y", table["y"].to_numpy(), {"classes": table["classes"], "rows": table["rows"]})
        for at, (name, true) in enumerate((("classes", -0.012), ("rows", 1.6e-5))):
            held[at] += found[name].low <= true <= found[name].high
    assert ((held / 400 > 0.9) & (held / 400 < 0.985)).all(), held / 400


def test_a_bend_is_seen_and_a_line_is_not_taken_for_one() -> None:
    x = np.tile(np.arange(1, 21), 3).astype(float)
    noise = np.random.default_rng(0).normal(0, 0.002, len(x))
    assert fit_line("y", 0.9 - 0.3 / x + noise, {"x": x}).fits < 1e-3
    assert fit_line("y", 0.5 + 0.01 * x + noise, {"x": x}).fits > 0.05


def test_a_line_through_two_values_cannot_be_told_from_a_bend() -> None:
    for seed in range(10):
        y = np.random.default_rng(seed).random(6)
        assert isnan(fit_line("y", y, {"rows": np.repeat([100, 1000], 3)}).fits)


def test_what_does_not_vary_is_no_variable() -> None:
    found = fit_line("y", np.array([1.0, 2.0, 3.1]), {"rows": np.array([1, 2, 3]), "classes": np.array([10, 10, 10])})
    assert [one.name for one in found.coefficients] == [CONSTANT, "rows"]
    assert isnan(found.fits), "three cells cannot tell a line from a bend"


def test_where_nothing_varies_nothing_is_found() -> None:
    found = fit_line("y", np.ones(12), {"rows": np.arange(12)})
    assert found["rows"].value == pytest.approx(0, abs=1e-12)
    assert isnan(found.fits)
    assert isnan(found.r2)
    assert found.json()["r2"] is None


def test_a_line_needs_more_cells_than_numbers() -> None:
    with pytest.raises(ValueError, match="expected more cells than the 2 numbers of a line, got 2"):
        fit_line("y", np.array([1.0, 2.0]), {"rows": np.array([1, 2])})
