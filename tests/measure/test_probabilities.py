"""Scores of probabilities equal scikit-learn's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.metrics as sk
from cases import answers
from hypothesis import assume, given
from hypothesis import strategies as st

from secondlook.measure import probabilities


@given(answers())
def test_brier_and_log_loss_equal_scikit_learns_in_its_own_form_for_two_classes_and_for_more(case: Any) -> None:
    labels, said = case
    k = said.shape[1]
    ours, theirs = probabilities.brier(labels, said), sk.brier_score_loss(labels, said, labels=list(range(k)))
    assert ours == pytest.approx(theirs, abs=1e-12)
    assert probabilities.log_loss(labels, said) == pytest.approx(
        sk.log_loss(labels, said, labels=list(range(k))), abs=1e-12
    )
    if k == 2:
        both = {0, 1} <= set(labels.tolist())
        binary = sk.brier_score_loss(labels, said[:, 1], pos_label=1) if both else ours
        assert ours == pytest.approx(binary, abs=1e-12)


def test_the_worst_brier_is_one_for_two_classes_and_two_for_more() -> None:
    assert probabilities.brier(np.array([0]), np.array([[0.0, 1.0]])) == 1
    assert probabilities.brier(np.array([0]), np.array([[0.0, 1.0, 0.0]])) == 2


@given(answers(), st.integers(1, 4))
def test_top_k_equals_scikit_learns_with_its_rule_for_ties(case: Any, top: int) -> None:
    labels, said = case
    k = said.shape[1]
    assume(k > 2)  # with two classes scikit-learn takes another shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where top reaches the number of classes
        theirs = sk.top_k_accuracy_score(labels, said, k=top, labels=range(k))
    assert probabilities.top_hits(labels, said, top).mean() == pytest.approx(theirs, abs=1e-12)


def test_a_sure_and_wrong_answer_costs_what_its_precision_allows() -> None:
    said = np.array([[1.0, 0.0]], dtype=np.float32)
    assert probabilities.log_loss(np.array([1]), said) == pytest.approx(-np.log(np.finfo(np.float32).eps))
