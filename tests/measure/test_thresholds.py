"""Thresholds chosen for an objective: against brute force and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_recall_curve, roc_curve

from secondlook.errors import UsageError
from secondlook.measure.curves import curve
from secondlook.measure.objectives import Objective, cost_objective, parse_objective
from secondlook.measure.scores import Margins, confusion
from secondlook.measure.thresholds import answers, choose, even, spread, value

PETS = ("cat", "dog", "eel")


def said(n: int, k: int, seed: int = 0, digits: int | None = None) -> tuple[Any, Any]:
    """Labels and probabilities of a model that is right more often than not; rounded, many are equal."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(k, n, p=np.arange(1, k + 1) / np.arange(1, k + 1).sum())
    logits = rng.normal(size=(n, k)) + 1.2 * np.eye(k)[labels]
    table = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    if digits is not None:
        table = np.maximum(table.round(digits), 10.0**-digits)
        table /= table.sum(axis=1, keepdims=True)
    return labels, table


def utility(labels: Any, table: Any, thresholds: Any, objective: Objective) -> float:
    matrix = confusion(labels, answers(table, thresholds, objective.costs), table.shape[1])
    cost = None if objective.costs is None else (matrix * objective.costs).sum()
    return float(objective.utility(Margins.of(matrix), cost))


def test_even_thresholds_are_the_arg_max() -> None:
    _, table = said(500, 4)
    assert np.array_equal(answers(table, even(4)), table.argmax(axis=1))


def test_with_two_classes_a_class_is_answered_from_its_threshold_on() -> None:
    table = np.array([[0.69, 0.31], [0.71, 0.29], [0.1, 0.9]])
    assert answers(table, np.array([0.7, 0.3])).tolist() == [1, 0, 1]


@pytest.mark.parametrize("seed", range(5))
def test_of_two_classes_the_best_threshold_is_that_of_a_search_over_all(seed: int) -> None:
    labels, table = said(80, 2, seed, digits=2)
    cuts = np.unique(np.concatenate([[0.0], table[:, 1]]))
    for text, oracle in (("f1:b", f1_score), ("balanced_accuracy", balanced_accuracy_score)):
        best = max(oracle(labels, table[:, 1] >= cut) for cut in cuts)
        objective = parse_objective(text, ("a", "b"))
        found = choose(labels, table, objective)
        assert oracle(labels, answers(table, found)) == pytest.approx(best, abs=1e-12)
        assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize("seed", range(5))
def test_a_demanded_recall_is_had_at_the_highest_precision_possible(seed: int) -> None:
    labels, table = said(120, 2, seed)
    precision, recall, _ = precision_recall_curve(labels, table[:, 1])
    best = precision[:-1][recall[:-1] >= 0.9].max()
    answered = answers(table, choose(labels, table, parse_objective("recall:b>=0.9", ("a", "b"))))
    hits = ((answered == 1) & (labels == 1)).sum()
    assert hits / (labels == 1).sum() >= 0.9
    assert hits / (answered == 1).sum() == pytest.approx(best)


@example(9765, "f1:cat")  # .3 / .3 and .1 / .1 differ in their last bit: no threshold lies between
@given(st.integers(0, 10_000), st.sampled_from(["recall:dog>=0.8", "precision:eel>=0.7", "f1:cat"]))
def test_no_other_threshold_of_the_class_does_better(seed: int, text: str) -> None:
    labels, table = said(40, 3, seed, digits=2)
    objective = parse_objective(text, PETS)
    best = utility(labels, table, choose(labels, table, objective), objective)
    for factor in np.geomspace(1e-3, 1e3, 61):
        other = even(3)
        other[objective.of] *= factor
        assert utility(labels, table, other / other.sum(), objective) <= best + 1e-9


@given(st.integers(0, 10_000), st.sampled_from(["macro_f1", "balanced_accuracy", "mcc", "accuracy"]))
def test_with_many_classes_the_choice_is_never_worse_than_the_arg_max(seed: int, text: str) -> None:
    labels, table = said(60, 3, seed)
    objective = parse_objective(text, PETS)
    found = choose(labels, table, objective)
    assert utility(labels, table, found, objective) >= utility(labels, table, even(3), objective) - 1e-12


def test_where_nothing_is_to_be_gained_the_thresholds_stay_even() -> None:
    labels = np.array([0, 1, 2, 0, 1, 2])
    table = np.eye(3)[labels] * 0.7 + 0.1
    for text in ("accuracy", "macro_f1", "recall:cat>=0.9"):
        found = choose(labels, table, parse_objective(text, PETS))
        assert answers(table, found).tolist() == labels.tolist()
        if text != "recall:cat>=0.9":
            assert found == pytest.approx(even(3), rel=2)


@pytest.mark.parametrize("seed", range(3))
def test_two_classes_with_costs_have_the_cheapest_threshold(seed: int) -> None:
    labels, table = said(90, 2, seed)
    objective = cost_objective([[0, 1], [7, 0]])
    found = value(labels, answers(table, choose(labels, table, objective)), objective, 2)
    cuts = np.concatenate([[0.0, 2.0], table[:, 1]])
    costs = [np.mean(np.where(table[:, 1] >= cut, labels == 0, 7 * (labels == 1))) for cut in cuts]
    assert found == pytest.approx(min(costs))


def test_many_classes_with_costs_are_answered_with_the_cheapest_to_expect() -> None:
    labels, table = said(400, 3, 1)
    costs = np.array([[0.0, 1, 9], [2, 0, 9], [1, 1, 0]])
    assert np.array_equal(answers(table, even(3), costs), (table @ costs).argmin(axis=1))
    objective = cost_objective(costs)
    usual = value(labels, table.argmax(axis=1), objective, 3)
    expected = value(labels, answers(table, even(3), costs), objective, 3)
    found = value(labels, answers(table, choose(labels, table, objective), costs), objective, 3)
    assert found <= expected < usual


def test_equal_costs_of_all_mistakes_are_the_accuracy() -> None:
    labels, table = said(300, 3, 2)
    objective = cost_objective(1 - np.eye(3))
    assert np.array_equal(answers(table, even(3), objective.costs), table.argmax(axis=1))
    assert value(labels, table.argmax(axis=1), objective, 3) == pytest.approx((table.argmax(axis=1) != labels).mean())


def test_weights_count_as_repeated_items() -> None:
    labels, table = said(60, 3, 4)
    times = np.random.default_rng(0).integers(0, 4, 60)
    rows = np.repeat(np.arange(60), times)
    for objective in (
        parse_objective("f1:dog", PETS),
        parse_objective("macro_f1", PETS),
        cost_objective(1 - np.eye(3)),
    ):
        weighted = choose(labels, table, objective, weights=times.astype(float))
        repeated = choose(labels[rows], table[rows], objective)
        assert utility(labels[rows], table[rows], weighted, objective) == pytest.approx(
            utility(labels[rows], table[rows], repeated, objective)
        )


def test_the_spread_of_a_threshold_shrinks_with_the_items_and_covers_the_chosen_one() -> None:
    widths = []
    for n in (100, 3_000):
        labels, table = said(n, 2, 3)
        objective = parse_objective("balanced_accuracy", ("a", "b"))
        chosen = choose(labels, table, objective)
        low, high = spread(labels, table, objective, chosen)
        assert (low <= chosen + 1e-9).all()
        assert (chosen <= high + 1e-9).all()
        assert np.array_equal(spread(labels, table, objective, chosen)[0], low)
        widths.append(high[1] - low[1])
    assert widths[1] < widths[0]  # with the cube root of the number of items


def test_hundreds_of_classes_have_thresholds_without_a_spread() -> None:
    labels, table = said(2_000, 300, 3)
    low, high = spread(labels, table, parse_objective("macro_f1", [str(i) for i in range(300)]), even(300))
    assert np.isnan(low).all()
    assert np.isnan(high).all()


def test_a_class_that_does_not_occur_leaves_the_others_their_thresholds() -> None:
    labels, table = said(50, 3, 5)
    labels[labels == 2] = 0
    for text in ("macro_f1", "recall:eel>=0.5"):
        found = choose(labels, table, parse_objective(text, PETS))
        assert np.isfinite(found).all()


def test_probabilities_of_0_and_1_leave_a_usable_threshold() -> None:
    labels = np.array([0, 0, 1, 1, 1])
    table = np.array([[1.0, 0], [0, 1], [0, 1], [0, 1], [1, 0]])
    found = choose(labels, table, parse_objective("balanced_accuracy", ("a", "b")))
    assert answers(table, found).tolist() == [0, 1, 1, 1, 0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("recall>=0.9", "expected --objective recall with a class, such as recall:cat, got 'recall>=0.9'"),
        ("recall:cat", "expected --objective recall:cat>=SHARE, got 'recall:cat': without a bound"),
        ("precision:cat", "without a bound the best precision is had by hardly ever answering 'cat'"),
        ("macro_f1:cat", "expected --objective macro_f1 with no class: macro_f1, got 'macro_f1:cat'"),
        ("recall:dgo>=0.9", "a class of the data, got 'dgo'; did you mean 'dog'?"),
        ("recall:zebra>=0.9", "got 'zebra'; the classes are 'cat', 'dog', 'eel'"),
        ("recall:dog>=1.5", "expected a bound above 0, at most 1, got '1.5' in --objective 'recall:dog>=1.5'"),
        ("recall:dog>=much", "expected a bound above 0, at most 1, got 'much'"),
        ("f1:dog>=0.9", "expected a bound of recall or precision alone, got 'f1:dog>=0.9'; leave '>=0.9' out"),
        ("loveliness", "there is no 'loveliness' to choose by"),
        ("recall:dog>0.9!", "expected --objective with a class of the data, got 'dog>0.9!'"),
        ("?", "expected --objective as recall:CLASS>=0.9, .*, got '?'"),
    ],
)  # fmt: skip
def test_an_objective_that_makes_no_sense_is_refused(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem.replace("?", r"\?")):
        parse_objective(text, PETS)


def test_a_class_may_have_a_colon_in_its_name() -> None:
    objective = parse_objective("recall:a:b>=0.5", ("a", "a:b"))
    assert (objective.of, objective.least, objective.maximised) == (1, 0.5, "precision")


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ([[0, 1]], r"--cost: expected a square table of finite costs, got one of shape \(1, 2\)"),
        ([[0, np.nan], [1, 0]], "expected a square table of finite costs"),
        ([[0, 1], [2, 3]], "cheapest for each class, but for class 2 the answer 1 costs 2, the right one 3"),
    ],
)
def test_costs_that_make_no_sense_are_refused(table: Any, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        cost_objective(table)


@pytest.mark.parametrize("digits", [None, 1])
def test_curves_equal_scikit_learn_s(digits: int | None) -> None:
    labels, table = said(200, 2, 6, digits)
    found, values = curve(labels == 1, table[:, 1]), table[:, 1]
    fpr, tpr, thresholds = roc_curve(labels, values, drop_intermediate=False)
    assert found.false_positive_rate == pytest.approx(fpr)
    assert found.recall == pytest.approx(tpr)
    assert found.threshold == pytest.approx(thresholds)
    precision, recall, _ = precision_recall_curve(labels, values)
    assert found.precision == pytest.approx(precision[::-1])
    assert found.recall == pytest.approx(recall[::-1])


def test_a_curve_without_items_of_the_class_has_no_recall() -> None:
    found = curve(np.zeros(3, dtype=bool), np.array([0.1, 0.2, 0.3]))
    assert np.isnan(found.recall).all()
    assert found.precision.tolist() == [1, 0, 0, 0]
