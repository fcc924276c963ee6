"""A straight line through a study's cells, with errors that unequal variances do not mislead."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from math import nan

import numpy as np

from secondlook.types import Coefficient, FloatArray, IntArray, Line

CONSTANT = "intercept"
# Residuals whose squares are so small a share of all are rounding.
_NOTHING = 1e-24


def fit_line(response: str, y: FloatArray, variables: Mapping[str, FloatArray | IntArray]) -> Line:
    """Ordinary least squares with heteroscedasticity-robust standard errors.

    Source: MacKinnon and White 1985 (HC3); Ramsey 1969 (RESET) for whether a line is the right shape. By statsmodels.

    Args:
        response: the name of what is explained. y: (n,), its values.
        variables: what explains it, each (n,); one that does not vary is left out.

    Raises:
        ValueError: no more cells than coefficients.
    """
    from statsmodels.regression.linear_model import OLS  # not statsmodels.api, which imports all there is

    varying = {name: np.asarray(x, dtype=np.float64) for name, x in variables.items() if len(np.unique(x)) > 1}
    X = np.column_stack([np.ones(len(y)), *varying.values()])
    if len(y) <= X.shape[1]:
        raise ValueError(f"expected more cells than the {X.shape[1]} numbers of a line, got {len(y)}")
    y = np.asarray(y, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):  # a perfect fit has errors of 0, and no p-value
        found = OLS(y, X).fit(cov_type="HC3", use_t=True)
        ends, ps = found.conf_int(), found.pvalues
    spread = float(np.square(y - y.mean()).sum())
    coefficients = tuple(
        Coefficient(
            name, float(found.params[i]), float(found.bse[i]), float(ends[i][0]), float(ends[i][1]),
            float(ps[i]),
        )
        for i, name in enumerate((CONSTANT, *varying))
    )  # fmt: skip
    r2 = 1 - float(found.ssr) / spread if spread else nan
    fitted, residuals = np.asarray(found.fittedvalues), np.asarray(found.resid)
    return Line(response, coefficients, len(y), r2, _reset(y, X), fitted, residuals)


def _reset(y: FloatArray, X: FloatArray) -> float:
    """RESET's p-value with the squared fit added, robust errors; NaN where there are too few cells, or no residuals."""
    from statsmodels.regression.linear_model import OLS
    from statsmodels.stats.diagnostic import linear_reset

    plain = OLS(y, X).fit()
    if len(y) <= X.shape[1] + 1 or X.shape[1] < 2 or plain.ssr <= _NOTHING * float(np.square(y).sum()):
        return nan
    wider = np.column_stack([X[:, 1:], np.square(plain.fittedvalues)])
    wider = (wider - wider.mean(axis=0)) / np.maximum(wider.std(axis=0), 1e-300)
    if np.linalg.matrix_rank(wider, tol=1e-6 * len(y)) < wider.shape[1]:
        return nan  # the square is a straight line itself, as where a variable has two values only
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a fit with the square in it may be perfect, and divides by zero: NaN, then
        return float(linear_reset(plain, power=2, use_f=True, cov_type="HC3").pvalue)
