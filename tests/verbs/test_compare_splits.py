"""Comparisons on honest parts: folds of small sets, groups, classes that are too small, test images that leak."""

from __future__ import annotations

import json
import os
import shlex
import signal
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import secondlook as sl
from secondlook.errors import DataError, InterruptedRunError, UsageError
from secondlook.measure.intervals import nadeau_bengio, wilson
from secondlook.show.terminal import table_text
from secondlook.verbs.options import Options, command_line

TINY = {"tiny": "conv 2 3x3, relu, globalavg"}


def bars(n: int = 60, seed: int = 0) -> tuple[Any, Any]:
    """Noisy 8x8 images with a bright row or a bright column."""
    rng = np.random.default_rng(seed)
    X, y = rng.integers(0, 160, (n, 8, 8), dtype=np.uint8), np.arange(n) % 2
    for i in range(n):
        if y[i]:
            X[i, rng.integers(8)] = 250
        else:
            X[i, :, rng.integers(8)] = 250
    return X, np.array(["column", "row"])[y]


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> sl.Run:
    out = tmp_path_factory.mktemp("runs") / "bars"
    return sl.compare(bars(), models=["majority", "knn"], nets=TINY, epochs=2, cv="3x2", out=out, quiet=True)


def test_with_folds_every_score_is_a_mean_with_nadeau_s_and_bengio_s_interval(crossed: sl.Run) -> None:
    assert crossed.cv == (3, 2)
    for row in crossed.rows:
        folds = crossed.folds(row.model)
        assert folds[["repeat", "fold"]].to_numpy().tolist() == [[r, f] for r in (1, 2) for f in (1, 2, 3)]
        assert row.n_test == 60
        for name in ("train_accuracy", "valid_accuracy", "valid_score", "test_accuracy", "test_balanced_accuracy",
                     "test_macro_f1", "test_log_loss", "fit_seconds"):  # fmt: skip
            assert getattr(row, name) == pytest.approx(folds[name].mean(), abs=1e-12)
        scores = folds["test_accuracy"].tolist()
        expected = nadeau_bengio(scores, folds["n_train"].mean(), 20) if len(set(scores)) > 1 else wilson(30, 60)
        assert (row.test_low, row.test_high) == pytest.approx(expected)
    assert len(crossed.folds()) == 18
    assert crossed.config["test_opened"] == 1
    scores = [row.valid_score for row in crossed.rows]
    assert scores == sorted(scores, reverse=True)


def test_with_folds_the_answers_are_those_of_models_that_had_not_seen_the_image(crossed: sl.Run) -> None:
    with np.load(crossed.path / "items.npz") as items:
        folds, labels = items["folds"], items["labels"]
    assert folds.shape == (6, 60)
    assert ((folds[:3] == 3).sum(axis=0) == 1).all()
    assert ((folds[3:] == 3).sum(axis=0) == 1).all()
    for row in crossed.rows:
        said = crossed.predictions(row.model)
        np.testing.assert_array_equal(said.items, np.arange(60))
        np.testing.assert_array_equal(said.labels, labels)
        for fold in range(6):
            with np.load(crossed.path / "predictions" / row.model / f"fold-{fold + 1}.npz") as file:
                answers = file["test"]
            tested = np.flatnonzero(folds[fold] == 3)
            share = (answers.argmax(axis=1) == labels[tested]).mean()
            assert share == pytest.approx(crossed.folds(row.model)["test_accuracy"][fold], abs=1e-12)
            if fold < 3:
                np.testing.assert_array_equal(said.probabilities[tested], answers)


def test_a_run_with_folds_reopens_verifies_and_says_what_its_scores_are(crossed: sl.Run) -> None:
    again = sl.load_run(crossed.path, verify=True)
    assert again.rows == crossed.rows
    assert again.folds("knn").equals(crossed.folds("knn"))
    assert set(again.histories) == {"tiny"}
    assert (crossed.path / "models" / "tiny" / "weights.safetensors").exists()
    assert [p.name for p in (crossed.path / "models" / "tiny" / "fold-2").iterdir() if "weights" in p.name] == []
    text = table_text(crossed)
    assert "every score is the mean of 6 folds (3-fold, twice), the interval Nadeau and Bengio's" in text
    assert "in 3 folds, twice, chance .5" in text
    page = (crossed.path / "report.html").read_text()
    assert "accuracy, mean of 6 folds (3-fold, twice), with its 95 % interval by Nadeau and Bengio" in page
    assert "each of the 60 images was tested twice, in 3 folds" in page
    assert "Wilson" not in page.replace("Where all folds score the same it is Wilson", "")
    assert "--cv 3x2" in crossed.config["command"]


def test_ctrl_c_keeps_the_folds_that_are_done(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"models": ["majority", "knn"], "cv": "3x4", "out": tmp_path / "r", "quiet": True}
    models = tmp_path / "r" / "models"

    def interrupt() -> None:
        while len(list(models.glob("*/fold-2/facts.json"))) < 2:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(InterruptedRunError, match="what is done is kept in"):
        sl.compare(bars(), **settings)
    assert not (tmp_path / "r" / "folds.csv").exists(), "the test part stays closed"
    begun = next(
        p.parent.parent for p in models.glob("*/fold-2/facts.json") if not (p.parents[1] / "facts.json").exists()
    )
    done = {i: (begun / f"fold-{i}" / "facts.json").read_bytes() for i in (1, 2)}
    run = sl.compare(bars(), **settings)
    assert {i: (begun / f"fold-{i}" / "facts.json").read_bytes() for i in (1, 2)} == done
    assert len(run.folds(begun.name)) == 12
    assert run[begun.name].status == "ok"


def test_a_fold_that_takes_too_long_ends_its_model_and_is_named(tmp_path: Path) -> None:
    run = sl.compare(bars(), models=["knn"], cv="2x1", limit=0.001, out=tmp_path / "r", quiet=True)
    assert (run["knn"].status, run["knn"].reason) == ("timeout", "fold 1 of 2: not done within its limit of 0.001 s")
    assert len(run.folds("knn")) == 0
    assert run.chosen == ""


def test_a_budget_that_is_used_up_skips_the_rest_of_the_folds(tmp_path: Path) -> None:
    run = sl.compare(bars(), models=["majority", "knn"], cv=2, budget=0.001, out=tmp_path / "r", quiet=True)
    assert {row.reason for row in run.rows} == {"fold 1 of 4: not started: the budget was used up"}
    assert (run.chosen, run.config["test_opened"]) == ("", 0)


@pytest.mark.parametrize("cv", ["1", "5x0", "many", "5x", 0, True, 2.5])
def test_folds_that_cannot_be_are_refused(cv: Any) -> None:
    with pytest.raises(UsageError, match="expected --cv as a number of folds such as 5, or of folds and repeats"):
        sl.compare(bars(), cv=cv, quiet=True)


def test_folds_and_a_test_part_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected --test without --cv, .* got --test 0.3 and --cv 5x2; leave one"):
        sl.compare(bars(), cv=5, test=0.3, quiet=True)
    images = replace(sl.read(bars()), parts=np.repeat(["train", "test"], [40, 20]))
    with pytest.raises(UsageError, match="without parts of its own for folds, got its own test; leave --cv out"):
        sl.compare(images, cv=5, out=tmp_path / "r", quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_options_become_the_command_that_makes_the_run_again() -> None:
    options = Options(
        0.15, 0.15, "accuracy", True, None, None, None, None, 0, 5, "(.*)_", "pad", True, False
    )  # fmt: skip
    assert options.folds == (5, 2)
    assert shlex.split(command_line("photos", None, None, options, Path("r"))) == [
        "secondlook", "compare", "photos", "--metric", "accuracy", "--tune", "--cv", "5x2", "--group", "(.*)_",
        "--resize", "pad", "--strict", "--no-cache", "--out", "r",
    ]  # fmt: skip
    assert {"cv", "group", "resize"} <= set(options.identity())
    assert not {"strict", "cache"} & set(options.identity())


def test_groups_stay_on_one_side_and_are_part_of_what_makes_a_run_the_same(tmp_path: Path) -> None:
    images = sl.read(bars())
    named = replace(images, names=[f"person{i // 5:02}/{i}.png" for i in range(60)])
    run = sl.compare(named, models=["majority"], group="person[0-9]+", out=tmp_path / "r", quiet=True)
    parts = [{i // 5 for i in run.predictions("majority", part).items.tolist()} for part in ("train", "valid", "test")]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 12
    assert "groups kept together" in run.config["split"]["method"]
    assert run.config["group"] == "person[0-9]+"
    assert run.config["identity"]["group"] == "person[0-9]+"


def test_a_class_that_is_too_small_is_left_out_and_named_and_strict_refuses_it(tmp_path: Path) -> None:
    X, y = bars()
    y = np.array([*y[:58], "blob", "blob"])
    run = sl.compare((X, y), models=["majority"], out=tmp_path / "r", quiet=True)
    assert run.data["classes"] == ["column", "row"]
    assert run.chance == 0.5
    assert "class blob left out, with too few images for every part" in run.config["split"]["method"]
    assert run.cv is None
    assert len(run.folds()) == len(run.folds("majority")) == 0
    assert not run.leaked.any()
    assert len(run.leaked) == run["majority"].n_test
    with pytest.raises(DataError, match=r"at least 3 images per class, .* got 2 of class blob"):
        sl.compare((X, y), strict=True, out=tmp_path / "strict", quiet=True)


def test_scores_with_and_without_leaked_test_images_stand_side_by_side(tmp_path: Path) -> None:
    X, y = bars(120)
    X[100:106], y[100:106] = X[:6], y[:6]
    images = replace(sl.read((X, y)), parts=np.repeat(["train", "valid", "test"], [80, 20, 20]))
    run = sl.compare(images, models=["majority", "knn"], out=tmp_path / "r", quiet=True)
    assert run.leaked.tolist() == [True] * 6 + [False] * 14
    for row in run.rows:
        said = run.predictions(row.model)
        right = (said.predicted == said.labels)[~run.leaked]
        assert (row.n_clean, row.clean_accuracy) == (14, pytest.approx(right.mean()))
        assert (row.clean_low, row.clean_high) == wilson(int(right.sum()), 14)
    document = json.loads((run.path / "run.json").read_text())
    assert document["rows"][0]["n_clean"] == 14
    text = table_text(run)
    assert " clean " in text
    assert "clean: without the 6 leaked test images the best" in text
    assert "20 test images, 6 of which leak" in (run.path / "report.html").read_text()
    assert sl.load_run(run.path).leaked.tolist() == run.leaked.tolist()


def test_unlabelled_images_are_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no labels: expected a column 'label' in a CSV, .* or a folder per class"):
        sl.compare((bars()[0], None), cv=3, out=tmp_path / "r", quiet=True)
