"""Every score equals scikit-learn's; intervals equal statsmodels'."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk
from cases import answers
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from secondlook.errors import UsageError
from secondlook.measure import scores
from secondlook.measure.intervals import wilson


@given(answers())
def test_scores_equal_scikit_learns(case: tuple[Any, Any]) -> None:
    labels, said = case
    k, predicted = said.shape[1], said.argmax(1)
    matrix = scores.confusion(labels, predicted, k)
    np.testing.assert_array_equal(matrix, sk.confusion_matrix(labels, predicted, labels=range(k)))
    assert scores.accuracy(matrix) == pytest.approx(sk.accuracy_score(labels, predicted), abs=1e-12)
    assert scores.macro_f1(matrix) == pytest.approx(sk.f1_score(labels, predicted, average="macro"), abs=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of answers that no label has
        assert scores.balanced_accuracy(matrix) == pytest.approx(
            sk.balanced_accuracy_score(labels, predicted), abs=1e-12
        )
    assert scores.log_loss(labels, said) == pytest.approx(sk.log_loss(labels, said, labels=range(k)), abs=1e-12)
    table = scores.per_class(matrix)
    theirs = sk.precision_recall_fscore_support(labels, predicted, labels=range(k), zero_division=0)
    for ours, other in zip((table["precision"], table["recall"], table["f1"], table["support"]), theirs, strict=True):
        np.testing.assert_allclose(ours, other, atol=1e-12)


@given(answers())
def test_averages_over_classes_and_correlations_equal_scikit_learns(case: tuple[Any, Any]) -> None:
    labels, said = case
    predicted = said.argmax(1)
    found = scores.overall(scores.Margins.of(scores.confusion(labels, predicted, said.shape[1])))
    for average in ("macro", "weighted"):
        theirs = sk.precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)
        for name, value in zip(("precision", "recall", "f1"), theirs, strict=False):
            assert found[f"{average}_{name}"] == pytest.approx(value, abs=1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns where only one class is there
        assert found["mcc"] == pytest.approx(sk.matthews_corrcoef(labels, predicted), abs=1e-12)
        assert found["kappa"] == pytest.approx(sk.cohen_kappa_score(labels, predicted), abs=1e-12, nan_ok=True)


def test_scores_of_many_tables_at_once_are_those_of_each() -> None:
    rng = np.random.default_rng(0)
    tables = rng.integers(0, 9, (5, 4, 4))
    each = [scores.Margins.of(table) for table in tables]
    many = scores.Margins(*(np.stack([getattr(one, name) for one in each]) for name in ("hits", "answers", "labels")))
    for name, values in scores.overall(many).items():
        np.testing.assert_allclose(values, [scores.overall(one)[name] for one in each], rtol=1e-14)


def test_one_class_alone_has_no_kappa_and_a_correlation_of_zero() -> None:
    found = scores.overall(scores.Margins.of(np.array([[7, 0], [0, 0]])))
    assert np.isnan(found["kappa"])
    assert found["mcc"] == 0


@given(answers(), st.sampled_from(scores.METRICS))
def test_a_metric_by_name_is_the_metric_and_its_utility_rises_with_quality(case: Any, metric: Any) -> None:
    labels, said = case
    matrix = scores.confusion(labels, said.argmax(1), said.shape[1])
    direct = {
        "accuracy": scores.accuracy(matrix),
        "balanced_accuracy": scores.balanced_accuracy(matrix),
        "macro_f1": scores.macro_f1(matrix),
        "log_loss": scores.log_loss(labels, said),
    }
    value = scores.score(metric, labels, said)
    assert value == direct[metric]
    assert scores.utility(metric, value) == (-value if metric == "log_loss" else value)


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="expected a metric out of balanced_accuracy, accuracy"):
        scores.score("beauty", np.array([0]), np.ones((1, 2)) / 2)  # type: ignore[arg-type]


@given(st.integers(0, 500), st.integers(0, 500))
def test_wilson_equals_statsmodels(hits: int, misses: int) -> None:
    n = hits + misses
    low, high = wilson(hits, n)
    assert 0 <= low <= (hits / n if n else 0) <= high <= 1
    if n:
        expected = proportion_confint(hits, n, method="wilson")
        assert (low, high) == pytest.approx(expected, abs=1e-12)


def test_wilson_touches_the_ends_exactly_and_knows_nothing_of_no_items() -> None:
    assert wilson(0, 7)[0] == 0.0
    assert wilson(7, 7)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("hits", "n"), [(3, 2), (-1, 2)])
def test_wilson_refuses_impossible_counts(hits: int, n: int) -> None:
    with pytest.raises(UsageError, match=r"expected 0 ≤ hits ≤ n"):
        wilson(hits, n)


def test_an_accuracy_stands_beside_chance_and_majority() -> None:
    labels, predicted = np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0])
    found = scores.accuracy_score(labels, predicted, 2, majority=0.5)
    assert (found.value, found.n, found.chance, found.majority) == (0.75, 4, 0.5, 0.5)
    assert (found.low, found.high) == wilson(3, 4)
    assert found.frame().loc[0, "value"] == 0.75
