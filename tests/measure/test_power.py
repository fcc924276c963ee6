"""McNemar's power against a sum over all tables with SciPy's exact test, against Connor's formula, and as a law."""

from __future__ import annotations

from math import isnan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, multinomial, norm
from statsmodels.stats.contingency_tables import mcnemar

from secondlook.errors import UsageError
from secondlook.measure.power import mcnemar_power, smallest_difference


@pytest.mark.parametrize(("n", "difference", "disagreement"), [(10, 0.3, 0.5), (25, 0.2, 0.3), (12, 0.9, 0.9)])
def test_the_power_is_the_chance_of_all_tables_that_the_exact_test_rejects(
    n: int, difference: float, disagreement: float
) -> None:
    first, second = (disagreement + difference) / 2, (disagreement - difference) / 2
    tables = [(b, c, n - b - c) for b in range(n + 1) for c in range(n + 1 - b)]
    rejected = [t for t in tables if t[0] + t[1] and binomtest(t[0], t[0] + t[1]).pvalue <= 0.05]
    oracle = multinomial.pmf(np.array(rejected), n, [first, second, 1 - disagreement]).sum()
    assert mcnemar_power(n, difference, disagreement) == pytest.approx(oracle, abs=1e-9)


def test_the_power_is_the_share_of_simulated_pairs_that_statsmodels_tells_apart() -> None:
    n, difference, disagreement = 300, 0.06, 0.12
    rng = np.random.default_rng(0)
    only = rng.multinomial(
        n, [(disagreement + difference) / 2, (disagreement - difference) / 2, 1 - disagreement], 1500
    )
    shown = np.mean([mcnemar([[0, b], [c, 0]], exact=True).pvalue <= 0.05 for b, c, _ in only])
    assert mcnemar_power(n, difference, disagreement) == pytest.approx(shown, abs=0.03)


def connor(n: int, disagreement: float, power: float) -> float:
    """R. Connor, Sample size for testing differences in proportions for the paired-sample design, Biometrics 43 (1987).

    n d = z_a sqrt(n psi) + z_b sqrt(n (psi - d²)), solved for d.
    """
    za, zb = norm.ppf(0.975), norm.ppf(power)
    return float(sqrt(disagreement) * (za * sqrt(n) + zb * sqrt(n + zb**2 - za**2)) / (n + zb**2))


@pytest.mark.parametrize(("n", "slack"), [(500, 0.05), (2_000, 0.03), (10_000, 0.015), (100_000, 0.005)])
@pytest.mark.parametrize("disagreement", [0.05, 0.1, 0.3])
def test_on_many_items_the_smallest_difference_is_connors(n: int, slack: float, disagreement: float) -> None:
    ours, law = smallest_difference(n, disagreement=disagreement), connor(n, disagreement, 0.8)
    # The exact test asks for a little more than the normal law; the less the more items there are.
    assert law < ours < law * (1 + slack) + 1e-5


@pytest.mark.parametrize("n", [6, 30, 270, 5_000])
def test_the_smallest_difference_has_the_power_asked_for_and_less_has_not(n: int) -> None:
    found = smallest_difference(n, disagreement=0.1, power=0.8)
    assert mcnemar_power(n, found, max(0.1, found)) == pytest.approx(0.8, abs=1e-3)
    assert mcnemar_power(n, 0.9 * found, max(0.1, 0.9 * found)) < 0.8


def test_six_items_are_the_fewest_that_can_show_anything() -> None:
    # 2 / 2^6 < 0.05 < 2 / 2^5
    assert isnan(smallest_difference(5))
    assert smallest_difference(6) > 0.9
    assert isnan(smallest_difference(0))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 400), st.floats(0.01, 1), st.floats(0, 1))
def test_without_a_difference_the_test_errs_no_more_than_it_says(n: int, disagreement: float, share: float) -> None:
    assert 0 <= mcnemar_power(n, 0.0, disagreement) <= 0.05 + 1e-9
    assert mcnemar_power(n, share * disagreement, disagreement) <= mcnemar_power(n, disagreement, disagreement) + 1e-9


def test_a_difference_beyond_the_disagreement_is_refused() -> None:
    with pytest.raises(UsageError, match=r"expected n ≥ 0 and 0 ≤ difference ≤ disagreement ≤ 1, got n = 9, differ"):
        mcnemar_power(9, 0.2, 0.1)
