"""Doubtful labels: what cleanlab itself says is the oracle; copies, items without a judgement, weights."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_ensemble_scores, get_label_quality_scores
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from secondlook.judge.labels import TEMPERATURES, averaged, judge_labels, weights
from secondlook.seeds import stream
from secondlook.types import IntArray


def answers(
    n: int = 600, k: int = 4, flips: int = 30, sure: float = 3.0, seed: int = 0
) -> tuple[IntArray, np.ndarray, IntArray]:
    """Labels with some flipped, probabilities float32 (n, k) of a fair model, and which were flipped."""
    rng = stream(seed, "answers")
    truth = rng.integers(0, k, n)
    logits = rng.normal(0, 1, (n, k))
    logits[np.arange(n), truth] += sure
    table = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    wrong = rng.choice(n, flips, replace=False)
    labels = truth.copy()
    labels[wrong] = (labels[wrong] + rng.integers(1, k, flips)) % k
    return labels, table.astype(np.float32), wrong


def test_quality_is_cleanlabs_self_confidence_and_the_doubted_are_its_issues() -> None:
    labels, table, _ = answers()
    said = judge_labels(labels, table)
    np.testing.assert_allclose(
        said.quality, get_label_quality_scores(labels, table, method="self_confidence"), atol=1e-6
    )
    issues = find_label_issues(labels, table, filter_by="low_self_confidence", n_jobs=1)
    np.testing.assert_array_equal(said.doubted, issues & (table.argmax(axis=1) != labels))
    np.testing.assert_array_equal(said.suggested, table.argmax(axis=1))


def test_the_estimate_per_class_is_the_off_diagonal_of_the_confident_joint() -> None:
    labels, table, _ = answers(sure=2.0)
    confident = find_label_issues(labels, table, filter_by="confident_learning", n_jobs=1)
    wrong = judge_labels(labels, table).wrong
    np.testing.assert_array_equal(wrong, np.bincount(labels[confident], minlength=4))
    # By hand: another class is at least as probable as on average among its own items, and the most probable.
    means = np.array([table[labels == c, c].mean() for c in range(4)])
    reached = np.where(table >= means, table, 0)
    by_hand = (reached.max(axis=1) > 0) & (reached.argmax(axis=1) != labels) & (table.argmax(axis=1) != labels)
    assert wrong.sum() == by_hand.sum() > 10


def test_flipped_labels_come_first() -> None:
    labels, table, wrong = answers(sure=6.0)
    said = judge_labels(labels, table)
    first = np.argsort(said.quality, kind="stable")[:40]
    assert np.isin(wrong, first).mean() > 0.9
    assert said.doubted[wrong].mean() > 0.8


def test_a_label_that_a_copy_contradicts_is_worth_no_more_than_its_share_of_the_copies() -> None:
    labels, table, _ = answers(flips=1)
    a, b, c, d = np.flatnonzero(labels == 1)[:4]
    table[[a, b, c]] = [0.01, 0.97, 0.01, 0.01]
    labels[c], labels[d] = 2, -1
    said = judge_labels(labels, table, [np.array([a, b, c, d])])
    assert said.contradicted[[a, b, c, d]].tolist() == [True, True, True, False]
    assert said.quality[[a, b]] == pytest.approx([2 / 3, 2 / 3])
    assert said.quality[c] == pytest.approx(0.01, abs=1e-6)
    same = judge_labels(np.where(labels == 2, 3, labels), table, [np.array([a, b])])
    assert not same.contradicted.any()


def test_items_without_a_label_or_an_answer_are_not_judged() -> None:
    labels, table, _ = answers()
    labels[5], table[7] = -1, 0
    said = judge_labels(labels, table)
    assert np.isnan(said.quality[[5, 7]]).all()
    assert said.suggested[[5, 7]].tolist() == [-1, -1]
    assert not said.doubted[[5, 7]].any()
    assert np.isfinite(np.delete(said.quality, [5, 7])).all()


def test_a_class_without_items_changes_nothing_for_the_others() -> None:
    labels, table, _ = answers()
    wide = np.insert(table, 2, 0, axis=1)
    plain, said = judge_labels(labels, table), judge_labels(np.where(labels >= 2, labels + 1, labels), wide)
    np.testing.assert_allclose(said.quality, plain.quality, atol=1e-6)
    np.testing.assert_array_equal(said.doubted, plain.doubted)
    assert said.wrong.tolist() == np.insert(plain.wrong, 2, 0).tolist()


def test_items_of_one_class_alone_are_not_judged() -> None:
    said = judge_labels(np.zeros(5, dtype=np.int64), np.full((5, 2), 0.5, dtype=np.float32))
    assert np.isnan(said.quality).all()
    assert said.wrong.tolist() == [0, 0]


def test_weights_are_those_of_cleanlabs_log_loss_search() -> None:
    labels, good, _ = answers(sure=5.0)
    tables = [good, answers(sure=2.0)[1], np.full_like(good, 0.25)]
    shares = weights(labels, tables)
    mean = averaged(tables, shares)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it does not add float32 up to 1 exactly
        expected = get_label_quality_ensemble_scores(
            labels, [table.astype(np.float64) for table in tables], weight_ensemble_members_by="log_loss_search",
            log_loss_search_T_values=list(TEMPERATURES), verbose=False,
        )  # fmt: skip
    np.testing.assert_allclose(mean[np.arange(len(labels)), labels], expected, atol=1e-5)
    assert shares.sum() == pytest.approx(1)
    assert shares[0] > shares[1] > shares[2]


def test_models_that_are_equally_good_count_the_same() -> None:
    labels, table, _ = answers()
    assert weights(labels, [table, table]) == pytest.approx([0.5, 0.5])
    assert weights(labels, [table]) == pytest.approx([1.0])


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(2, 6))
def test_qualities_are_probabilities_and_the_order_of_items_plays_no_role(seed: int, k: int) -> None:
    labels, table, _ = answers(80, k, 6, seed=seed)
    said = judge_labels(labels, table)
    assert ((said.quality >= 0) & (said.quality <= 1)).all()
    assert said.doubted.sum() <= said.wrong.sum()
    order = stream(seed, "order").permutation(80)
    moved = judge_labels(labels[order], table[order])
    np.testing.assert_allclose(moved.quality, said.quality[order])
    np.testing.assert_array_equal(moved.wrong, said.wrong)


def test_a_label_that_the_models_agree_with_is_not_doubted_however_low_its_quality() -> None:
    labels = np.arange(40, dtype=np.int64) % 4
    table = np.full((40, 4), 0.5 / 3, dtype=np.float32)
    table[np.arange(40), labels] = 0.5
    table[[0, 1]] = [[0.4, 0.6, 0, 0], [0.6, 0.4, 0, 0]]  # two are surely another class,
    table[[4, 5]] = [[0.28, 0.24, 0.24, 0.24], [0.24, 0.28, 0.24, 0.24]]  # two are unclear
    said = judge_labels(labels, table)
    assert said.wrong.sum() == 2
    assert np.argsort(said.quality, kind="stable")[:2].tolist() == [4, 5]
    assert not said.doubted[[4, 5]].any()


def test_models_that_guess_doubt_nothing_and_estimate_nothing() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    said = rng.dirichlet([1, 1], 300).astype(np.float32)
    copies = [np.array([int(np.flatnonzero(labels == 0)[0]), int(np.flatnonzero(labels == 1)[0])])]
    found = judge_labels(labels, said, copies)
    assert not found.sees
    assert abs(found.kappa) < 0.2
    assert not found.doubted.any()
    assert not found.wrong.any()
    assert found.contradicted.sum() == 2, "what copies contradict needs no model"


def test_models_that_see_say_how_well_they_agree() -> None:
    labels = np.arange(200) % 2
    said = np.where(np.eye(2)[labels] > 0, 0.9, 0.1).astype(np.float32)
    said[:10] = said[:10, ::-1]
    found = judge_labels(labels, said)
    assert found.sees
    assert (found.agrees, found.kappa) == (0.95, pytest.approx(cohen_kappa_score(labels, said.argmax(axis=1))))
    assert found.wrong.sum() == 10
