"""scores.csv and the pairs of a run: written, read again, and made good for runs from before."""

from __future__ import annotations

import json
import shutil
from math import isnan
from pathlib import Path

import numpy as np
import pytest

import secondlook as sl
from secondlook.errors import RunError
from secondlook.measure.pairs import FoldScores, compare_pairs
from secondlook.runs.scorecards import read_scores, write_scores
from secondlook.types import Pairs, Score, Scores


def same(one: Scores, other: Scores) -> bool:
    return one.frame().equals(other.frame())


def test_scores_are_read_as_they_were_written_whatever_the_classes_are_called(tmp_path: Path) -> None:
    names = ("a,b", 'c"d', "line\nbreak", "\udce9", "", "日本")
    scores = [Score("accuracy", 1 / 3, 0.1, 0.7, 9, 0.25, float("nan"))]
    scores += [
        Score("recall", i / 7, float("nan"), float("nan"), i, 0.5, 0.0, name) for i, name in enumerate(names) if name
    ]
    cards = {model: Scores(model, "test", tuple(scores)) for model in ("m", "n")}
    write_scores(tmp_path / "scores.csv", cards)
    again = read_scores(tmp_path / "scores.csv", "m", names)
    assert same(again, cards["m"])
    assert again["recall", "line\nbreak"].value == 2 / 7
    assert len(read_scores(tmp_path / "scores.csv", "nobody", names)) == 0


def noisy(n: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """8x8 images of three classes whose brightness differs a little."""
    rng, y = np.random.default_rng(0), np.arange(n) % 3
    return (rng.integers(0, 160, (n, 8, 8)) + 30 * y[:, None, None]).astype(np.uint8), np.array(["x", "y", "z"])[y]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> sl.Run:
    path = tmp_path_factory.mktemp("runs") / "noisy"
    return sl.compare(noisy(), models=["majority", "knn", "logistic"], out=path, quiet=True)


def test_every_finished_model_has_scores_that_agree_with_its_row(run: sl.Run) -> None:
    for row in run.rows:
        scores = run.scores(row.model)
        assert (scores["accuracy"].value, scores["accuracy"].low) == (row.test_accuracy, row.test_low)
        assert scores["balanced_accuracy"].value == pytest.approx(row.test_balanced_accuracy, abs=1e-15)
        assert scores["macro_f1"].value == pytest.approx(row.test_macro_f1, abs=1e-15)
        assert scores["log_loss"].value == pytest.approx(row.test_log_loss, abs=1e-15)
        assert scores["accuracy"].chance == pytest.approx(run.chance)
        assert scores["accuracy"].majority == pytest.approx(run.majority)
    assert run.scores().model == run.chosen
    assert same(sl.load_run(run.path).scores("knn"), run.scores("knn"))
    with pytest.raises(KeyError, match="no model 'svm' in this run"):
        run.scores("svm")


def test_every_pair_stands_in_run_json_and_reopens(run: sl.Run) -> None:
    models = [row.model for row in run.rows]
    right = {m: run.predictions(m).predicted == run.predictions(m).labels for m in models}
    assert run.pairs == Pairs(compare_pairs(right)) == sl.load_run(run.path).pairs
    document = json.loads((run.path / "run.json").read_text())["pairs"]
    assert [(p["a"], p["b"]) for p in document] == [(a, b) for i, a in enumerate(models) for b in models[i + 1 :]]
    assert {"difference", "low", "high", "p", "p_holm", "verdict"} <= set(document[0])


def test_a_run_from_before_scores_and_pairs_were_kept_still_has_them(run: sl.Run, tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(run.path, old)
    (old / "scores.csv").unlink()
    document = json.loads((old / "run.json").read_text())
    del document["pairs"]
    (old / "run.json").write_text(json.dumps(document))
    again = sl.load_run(old)
    assert again.pairs == run.pairs
    for metric in ("accuracy", "macro_f1", "kappa", "roc_auc"):
        assert again.scores()[metric] == run.scores()[metric]
    config = json.loads((old / "config.json").read_text())
    (old / "config.json").write_text(json.dumps({**config, "cv": "3x2"}))
    folded = sl.load_run(old)
    assert folded.pairs == Pairs()
    with pytest.raises(RunError, match="was made before scores over folds were kept"):
        folded.scores()


@pytest.mark.slow
def test_over_folds_scores_are_means_and_pairs_rest_on_the_folds(tmp_path: Path) -> None:
    run = sl.compare(noisy(90), models=["majority", "knn", "logistic"], cv="3x2", out=tmp_path / "run", quiet=True)
    for row in run.rows:
        scores, folds = run.scores(row.model), run.folds(row.model)
        assert scores["accuracy"].value == pytest.approx(row.test_accuracy, abs=1e-12)
        assert (scores["accuracy"].low, scores["accuracy"].high) == pytest.approx((row.test_low, row.test_high))
        assert scores["macro_f1"].value == pytest.approx(folds["test_macro_f1"].mean())
        assert scores["accuracy"].n == row.n_test == 90
    pair = run.pairs.between("logistic", "knn")
    accuracies = {m: run.folds(m)["test_accuracy"].tolist() for m in ("logistic", "knn")}
    right = {m: run.predictions(m).predicted == run.predictions(m).labels for m in accuracies}
    folds = run.folds("knn")
    alone = compare_pairs(right, folds=FoldScores(accuracies, folds["n_train"].mean(), folds["n_test"].mean()))[0]
    assert pair.method == "folds"
    assert (pair.difference, pair.low, pair.p) == pytest.approx((alone.difference, alone.low, alone.p))


def test_groups_of_test_items_reach_the_pairs(tmp_path: Path) -> None:
    X, y = noisy(240)
    ids = np.array([f"{i:016x}" for i in range(240)])
    groups = np.array([f"g{i // 6}" for i in range(240)])
    images = sl.ImageSet(
        X[..., None],
        np.unique(y, return_inverse=True)[1],
        ("x", "y", "z"),
        ids,
        ids.tolist(),
        "made",
        "made",
        groups=groups,
    )
    run = sl.compare(images, models=["majority", "knn", "logistic"], out=tmp_path / "run", quiet=True)
    assert {pair.method for pair in run.pairs} == {"groups"}
    assert not any(isnan(pair.p) for pair in run.pairs)
