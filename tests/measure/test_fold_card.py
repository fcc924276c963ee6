"""Scores over folds are means, with the corrected interval; what a fold lacks is left out."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from cases import made

from secondlook.measure.fold_card import fold_interval, fold_scorecards
from secondlook.measure.intervals import nadeau_bengio, wilson
from secondlook.measure.scorecard import plain_scores

CLASSES = ("a", "b", "c")


@pytest.fixture(scope="module")
def folds():
    each = [made(60, 3, seed=i) for i in range(4)]
    return [(labels, {"m": said}) for labels, said in each]


def test_scores_are_the_means_of_each_fold_s_with_nadeau_s_and_bengio_s_interval(folds):
    found = fold_scorecards(folds, CLASSES, most=[0, 0, 1, 2], n_train=180, repeats=2)["m"]
    plain = [plain_scores(labels, said["m"], CLASSES, most=0) for labels, said in folds]
    for score, *each in zip(found, *plain, strict=True):
        values = [one.value for one in each]
        if score.metric == "support":
            assert score.value == score.n == pytest.approx(sum(values) / 2, abs=0.5)
            continue
        assert score.value == pytest.approx(np.mean(values))
        bounds = {"mcc": (-1, 1), "kappa": (-1, 1), "log_loss": (0, np.inf), "brier": (0, 2)}.get(score.metric, (0, 1))
        assert (score.low, score.high) == nadeau_bengio(values, 180, 60, bounds=bounds)
    assert found["accuracy"].n == 120


def test_where_all_folds_agree_shares_have_wilson_s_interval_and_other_scores_none(folds):
    labels, said = folds[0]
    same = fold_scorecards([(labels, said)] * 3, CLASSES, most=[0] * 3, n_train=120, repeats=1)["m"]
    hits = int((said["m"].argmax(1) == labels).sum())
    assert (
        (same["accuracy"].low, same["accuracy"].high)
        == wilson(3 * hits, 180)
        == fold_interval([hits / 60] * 2, 1, 1, 180)
    )
    assert isnan(same["macro_f1"].low)


def test_a_fold_without_a_class_is_left_out_of_its_ranking(folds):
    labels, said = folds[0]
    lacking = np.where(labels == 2, 0, labels)
    found = fold_scorecards([*folds[1:], (lacking, said)], CLASSES, most=[0] * 4, n_train=180, repeats=1)["m"]
    rest = [plain_scores(y, p["m"], CLASSES, most=0) for y, p in folds[1:]]
    each = [next(s.value for s in one if (s.metric, s.of) == ("roc_auc", "c")) for one in rest]
    assert found["roc_auc", "c"].value == pytest.approx(np.mean(each))
