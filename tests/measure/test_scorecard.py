"""The whole card: every score from one set of probabilities, each with an interval that holds it."""

from __future__ import annotations

from math import isnan, log

import numpy as np
import pytest
import sklearn.metrics as sk
from cases import made

from secondlook.measure.intervals import wilson
from secondlook.measure.scorecard import no_model, plain_scores, scorecards

CLASSES = ("a", "b", "c", "d")


@pytest.fixture(scope="module")
def card():
    labels, said = made(400, 4)
    return labels, said, scorecards(labels, {"m": said}, CLASSES, most=1, draws=400)["m"]


def test_every_score_has_an_interval_that_holds_it(card):
    labels, _, scores = card
    for score in scores:
        if score.metric == "support":
            assert score.value == score.n
            continue
        assert score.low <= score.value <= score.high, score
        assert score.high - score.low < 0.35, score
    assert scores["accuracy"].n == len(labels)
    assert scores.classes == CLASSES
    assert {score.metric for score in scores if not score.of} == {
        "accuracy", "balanced_accuracy", "macro_precision", "macro_recall", "macro_f1", "weighted_precision",
        "weighted_recall", "weighted_f1", "mcc", "kappa", "log_loss", "brier", "expected_calibration_error", "roc_auc",
        "average_precision", "top_3",
    }  # fmt: skip


def test_the_values_are_those_of_the_one_confusion_matrix_and_of_scikit_learn(card):
    labels, said, scores = card
    predicted = said.argmax(1)
    matrix = sk.confusion_matrix(labels, predicted)
    assert scores["accuracy"].value == matrix.trace() / matrix.sum()
    assert scores["roc_auc"].value == pytest.approx(sk.roc_auc_score(labels, said, multi_class="ovr"), abs=1e-12)
    assert scores["top_3"].value == sk.top_k_accuracy_score(labels, said, k=3)
    for c, name in enumerate(CLASSES):
        assert scores["recall", name].value == matrix[c, c] / matrix[c].sum()
        assert (scores["recall", name].low, scores["recall", name].high) == wilson(matrix[c, c], matrix[c].sum())
        assert (scores["precision", name].n, scores["recall", name].n) == (matrix[:, c].sum(), matrix[c].sum())
    assert (scores["accuracy"].low, scores["accuracy"].high) == wilson(matrix.trace(), len(labels))
    plain = plain_scores(labels, said, CLASSES, most=1)
    for score, other in zip(scores, plain, strict=True):
        assert (score.metric, score.of, score.value, score.n) == (other.metric, other.of, other.value, other.n)
        assert isnan(other.low)


def test_guessing_and_the_lazy_answer_stand_beside_every_score():
    labels = np.array([0] * 10 + [1] * 30)
    chance, majority = no_model(labels, ("a", "b"), 1)
    lazy = np.ones(40, dtype=int)
    assert majority["accuracy", ""] == 0.75
    assert majority["macro_f1", ""] == pytest.approx(sk.f1_score(labels, lazy, average="macro"))
    assert majority["mcc", ""] == majority["kappa", ""] == 0
    assert (majority["recall", "a"], majority["recall", "b"], majority["precision", "b"]) == (0, 1, 0.75)
    assert (chance["accuracy", ""], chance["balanced_accuracy", ""]) == (0.5, 0.5)
    assert chance["log_loss", ""] == pytest.approx(log(2))
    even = np.full((40, 2), 0.5)
    assert chance["brier", ""] == pytest.approx(sk.brier_score_loss(labels, even[:, 1]))
    assert chance["roc_auc", ""] == 0.5
    assert chance["average_precision", "a"] == pytest.approx(sk.average_precision_score(labels == 0, even[:, 0]))
    assert ("log_loss", "") not in majority


def test_unlabelled_items_are_left_out(card):
    labels, said, scores = card
    more = np.concatenate([labels, np.full(50, -1)])
    padded = np.concatenate([said, np.full((50, 4), 0.25, np.float32)])
    again = scorecards(more, {"m": padded}, CLASSES, most=1, draws=400)["m"]
    assert again.frame().equals(scores.frame())
    assert len(scorecards(np.full(3, -1), {"m": said[:3]}, CLASSES, most=1)["m"]) == 0


def test_a_class_without_items_has_no_ranking_and_no_interval():
    labels, said = made(60, 4)
    labels[labels == 3] = 0
    scores = scorecards(labels, {"m": said}, CLASSES, most=0, draws=100)["m"]
    assert isnan(scores["roc_auc", "d"].value)
    assert scores["recall", "d"].value == 0
    assert isnan(scores["recall", "d"].low)
    assert scores["support", "d"].value == 0
    assert scores["roc_auc"].value == pytest.approx(
        np.mean([sk.roc_auc_score(labels == c, said[:, c]) for c in range(3)]), abs=1e-12
    )


def test_a_model_without_a_mistake_has_wilson_s_interval_and_no_made_up_ones():
    labels = np.arange(60) % 4
    scores = scorecards(labels, {"m": np.eye(4, dtype=np.float32)[labels]}, CLASSES, most=0, draws=100)["m"]
    assert (scores["accuracy"].low, scores["accuracy"].high) == wilson(60, 60)
    assert scores["macro_f1"].value == 1
    assert isnan(scores["macro_f1"].low)
    assert scores["roc_auc"].low == wilson(15, 15)[0]


def test_models_share_the_drawn_items_so_that_the_same_answers_have_the_same_intervals():
    labels, said = made(200, 4)
    found = scorecards(labels, {"x": said, "y": said}, CLASSES, most=0, draws=200)
    assert found["x"]["log_loss"] == found["y"]["log_loss"]
    again = scorecards(labels, {"x": said}, CLASSES, most=0, draws=200)
    assert again["x"]["brier"].low == pytest.approx(found["x"]["brier"].low, abs=1e-7)
    assert again["x"]["macro_f1"] == found["x"]["macro_f1"]
    other = scorecards(labels, {"x": said}, CLASSES, most=0, draws=200, seed=1)
    assert other["x"]["brier"].low != again["x"]["brier"].low


def test_a_score_that_is_not_there_is_named_with_those_that_are(card):
    scores = card[2]
    with pytest.raises(KeyError, match="no score 'beauty' of 'm'; it has accuracy"):
        scores["beauty"]
    with pytest.raises(KeyError, match="no score 'recall' of 'z' of 'm'; it has precision, recall"):
        scores["recall", "z"]
    assert list(scores.frame().columns) == ["metric", "of", "value", "low", "high", "n", "chance", "majority"]
    assert len(scores.frame()) == len(scores)
