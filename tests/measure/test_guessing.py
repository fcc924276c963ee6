"""Guesses against answers: scipy's exact test, permutations, statsmodels' test of kappa."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, fisher_exact
from statsmodels.stats.inter_rater import cohens_kappa

from secondlook.errors import UsageError
from secondlook.measure.guessing import agreement_p, binomial_p, binomial_power
from secondlook.measure.scores import confusion
from secondlook.seeds import stream


@settings(max_examples=80, deadline=None)
@given(n=st.integers(1, 400), share=st.floats(0, 1), p=st.floats(0.01, 0.99))
def test_the_binomial_test_is_scipys(n, share, p):
    hits = round(share * n)
    assert binomial_p(hits, n, p) == pytest.approx(binomtest(hits, n, p, alternative="greater").pvalue, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(1, 60), p=st.floats(0.05, 0.95), gain=st.floats(0, 1))
def test_power_is_the_chance_of_a_count_that_the_test_rejects(n, p, gain):
    better = p + gain * (0.99 - p)
    counts = range(n + 1)
    rejected = [k for k in counts if binomtest(k, n, p, alternative="greater").pvalue <= 0.05]
    assert binomial_power(n, p, better) == pytest.approx(
        binom.pmf(rejected, n, better).sum() if rejected else 0, abs=1e-9
    )


@pytest.mark.parametrize("case", [(-1, 3, 0.5), (4, 3, 0.5), (1, 3, 1.5)])
def test_counts_that_cannot_be_are_refused(case):
    with pytest.raises(UsageError, match="expected 0 ≤ hits ≤ n and 0 ≤ p ≤ 1, got hits"):
        binomial_p(*case)


@pytest.mark.parametrize(("k", "n"), [(2, 60), (3, 200), (10, 300)])
def test_agreement_is_judged_as_permutations_of_the_answers_judge_it(k, n):
    rng = stream(0, "permutations", k)
    labels = rng.choice(k, n, p=np.arange(1, k + 1) / (k * (k + 1) / 2))
    answers = np.where(rng.random(n) < 0.08, labels, rng.choice(k, n))
    hits = (labels == answers).sum()
    drawn = np.array([(rng.permutation(answers) == labels).sum() for _ in range(4000)])
    found = agreement_p(confusion(labels, answers, k))
    assert found == pytest.approx((drawn >= hits).mean(), abs=0.03)


def test_agreement_of_two_classes_is_near_fishers_exact_test_and_of_many_items_statsmodels_kappa():
    matrix = np.array([[40, 20], [22, 38]])
    assert agreement_p(matrix) == pytest.approx(fisher_exact(matrix, alternative="greater").pvalue, rel=0.15)
    large = np.array([[5100, 4900, 50], [4900, 5100, 60], [50, 60, 70]])
    assert agreement_p(large) == pytest.approx(cohens_kappa(large).pvalue_one_sided, rel=0.05)


def test_a_model_that_always_says_the_same_agrees_by_chance_and_one_that_is_right_does_not():
    assert agreement_p(np.array([[90, 0], [10, 0]])) == 1.0
    assert agreement_p(np.array([[1, 0], [0, 0]])) == 1.0
    assert agreement_p(np.array([[50, 0], [0, 50]])) < 1e-20
    assert agreement_p(np.array([[0, 50], [50, 0]])) > 0.999


def test_guessers_are_called_so_nineteen_times_out_of_twenty():
    rng = stream(1, "guessers")
    labels = np.repeat([0, 1, 2], [150, 40, 10])
    p = [agreement_p(confusion(labels, rng.choice(3, 200, p=[0.6, 0.3, 0.1]), 3)) for _ in range(1000)]
    assert np.mean(np.array(p) < 0.05) <= 0.065
