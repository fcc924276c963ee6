"""Out-of-fold answers: the ring of folds, one fit, and what no model could know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

import secondlook as sl
from secondlook.errors import FitError
from secondlook.judge.crossfit import FoldTask, Ring, blind, fit_fold
from secondlook.models.ladder import choose


def ring(sizes: tuple[int, ...] = (4, 3, 5)) -> Ring:
    items = np.random.default_rng(0).permutation(sum(sizes))
    return Ring(tuple(np.sort(part) for part in np.split(items, np.cumsum(sizes)[:-1])))


@pytest.mark.parametrize("sizes", [(4, 3, 5), (2, 2), (1, 7, 2, 3, 3)])
def test_the_rows_that_train_are_all_folds_but_one(sizes: tuple[int, ...], tmp_path: Path) -> None:
    folds = ring(sizes)
    pixels = np.arange(sum(sizes) * 4, dtype=np.uint8).reshape(-1, 2, 2, 1)
    folds.write(tmp_path / "images.npy", pixels)
    rows = np.load(tmp_path / "images.npy")
    for fold, items in enumerate(folds.folds):
        np.testing.assert_array_equal(folds.items[folds.answers(fold)], items)
        np.testing.assert_array_equal(rows[folds.answers(fold)], pixels[items])
        trained = folds.items[folds.trains(fold)]
        assert sorted([*trained, *items]) == list(range(sum(sizes)))
        np.testing.assert_array_equal(rows[folds.trains(fold)], pixels[trained])


def task(tmp_path: Path, **changes: Any) -> tuple[FoldTask, Ring, Any]:
    images = sl.read("digits")
    folds = ring((100, 90, 110))
    folds.write(tmp_path / "images.npy", images.pixels)
    found = FoldTask(
        entry=choose("knn", {})[0], pixels=tmp_path / "images.npy", trains=folds.trains(1), answers=folds.answers(1),
        y=images.labels[folds.items[folds.trains(1)]], classes=10, seed=0, rows=1000, seconds=None,
        out=tmp_path / "answers.npy",
    )  # fmt: skip
    return replace(found, **changes), folds, images


def test_a_fold_is_answered_by_a_model_that_learnt_from_the_others(tmp_path: Path) -> None:
    job, folds, images = task(tmp_path)
    assert fit_fold(job, lambda kind, data: None) == []
    trained, asked = folds.items[folds.trains(1)], folds.folds[1]
    flat = images.pixels.reshape(len(images), -1) / np.float32(255)
    peer = KNeighborsClassifier(5, algorithm="brute").fit(flat[trained], images.labels[trained])
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy"), peer.predict_proba(flat[asked]), atol=1e-6)


def test_a_class_that_no_other_fold_has_gets_no_probability(tmp_path: Path) -> None:
    job, _, _ = task(tmp_path)
    fit_fold(replace(job, y=np.where(job.y == 3, 4, job.y)), lambda kind, data: None)
    table = np.load(tmp_path / "answers.npy")
    assert table.shape == (90, 10)
    assert (table[:, 3] == 0).all()


def test_a_model_that_may_learn_from_fewer_rows_says_so(tmp_path: Path) -> None:
    job, _, _ = task(tmp_path, rows=60)
    assert fit_fold(job, lambda kind, data: None) == ["learnt from 60 of 210 images"]


def test_a_net_tells_of_its_epochs(tmp_path: Path) -> None:
    told: list[str] = []
    entry = choose(None, {"tiny": "dense 4, relu"})[-1]
    net = replace(entry, make=lambda seed: entry.make(seed).set_params(epochs=2))
    job, _, _ = task(tmp_path, entry=net, seconds=60.0)
    fit_fold(job, lambda kind, data: told.append(f"{kind} {data['epoch']}/{data['epochs']}"))
    assert told == ["epoch 1/2", "epoch 2/2"]
    np.testing.assert_allclose(np.load(tmp_path / "answers.npy").sum(axis=1), 1, atol=1e-5)


def test_numbers_that_are_no_probabilities_are_refused(tmp_path: Path) -> None:
    class Odd:
        notes_ = ()
        classes_ = np.arange(10)

        def fit(self, X: Any, y: Any) -> None:
            pass

        def predict_proba(self, X: Any) -> Any:
            return np.full((len(X), 10), np.nan)

    job, _, _ = task(tmp_path)
    with pytest.raises(FitError, match="answered with numbers that are no probabilities"):
        fit_fold(replace(job, entry=replace(job.entry, make=lambda seed: Odd())), lambda kind, data: None)


def test_items_whose_class_no_other_fold_has_are_known() -> None:
    labels = np.array([0, 0, 1, 1, 2, 2])
    assert blind(labels, [np.array([0, 2]), np.array([1, 3]), np.array([4, 5])]).tolist() == [False] * 4 + [True] * 2
