"""One cell of a study: what is learnt from, held out and scored."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from secondlook import seeds
from secondlook.errors import FitError
from secondlook.models import cell
from secondlook.models.cell import CellTask, fit_cell
from secondlook.models.ladder import ladder, own_net

NAMES = ("a", "b", "c")


def images(n: int = 120) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    X = rng.integers(0, 80, (n, 6, 6, 1), dtype=np.uint8)
    X[np.arange(n), y * 2] += 120
    return X, y.astype(np.int64)


def task(model: str = "logistic", rare: int = 20, **more: Any) -> tuple[Any, CellTask]:
    """30 images of two classes and some of the third to learn from, the last 30 to answer."""
    X, y = images()
    items = np.concatenate([np.flatnonzero(y[:90] == c)[: 30 if c < 2 else rare] for c in range(3)])
    entry = own_net("mine", "dense 4, relu") if model == "mine" else ladder()[model]
    return X, CellTask(entry, np.sort(items), y[np.sort(items)], np.arange(90, 120), y[90:], NAMES, 0, **more)


def told(kind: str, data: Any) -> None:
    assert kind == "epoch"


def test_scores_are_those_of_the_answers_to_the_test_images(tmp_path: Path) -> None:
    X, one = task()
    found = fit_cell(X, one, told)
    assert found["test_accuracy"] == sum(found["hits"]) / 30
    assert found["n_test"] == [10, 10, 10]
    assert np.diag(found["confusion"]).tolist() == found["hits"]
    np.save(tmp_path / "images.npy", X)
    mapped = fit_cell(tmp_path / "images.npy", one, told)
    assert {k: v for k, v in mapped.items() if k != "fit_seconds"} == {
        k: v for k, v in found.items() if k != "fit_seconds"
    }


@pytest.mark.parametrize(("least", "asked"), [(1_000, 80), (40, 40)])
def test_the_training_accuracy_is_of_images_that_were_learnt_from(
    monkeypatch: pytest.MonkeyPatch, least: int, asked: int
) -> None:
    monkeypatch.setattr(cell, "LEAST_KNOWN", least)
    X, one = task("linear-svm")
    found = fit_cell(X, one, told)
    known = one.entry.make(seeds.integer(0, "fit", "linear-svm")).fit(X[one.items], one.labels)
    some = np.linspace(0, 79, asked).astype(int)
    assert found["train_accuracy"] == accuracy_score(one.labels[some], known.predict(X[one.items[some]]))
    assert (found["trained"], found["stored"]) == (known.n_trained_, known.n_stored_)


class Spy:
    """Keeps what a model was fitted on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, model: str) -> None:
        kind = type(ladder()[model].make(0)) if model != "mine" else type(own_net("m", "dense 2").make(0))
        self.seen: dict[str, Any] = {}
        fit = kind.fit

        def spied(model: Any, X: Any, y: Any, sample_weight: Any = None, **options: Any) -> Any:
            self.seen = {"X": X, "y": y, "weights": sample_weight, **options}
            return fit(model, X, y, sample_weight, **options)

        monkeypatch.setattr(kind, "fit", spied)


@pytest.mark.parametrize("model", ["mine", "linear-svm", "knn"])
def test_where_images_come_again_none_is_on_both_sides(monkeypatch: pytest.MonkeyPatch, model: str) -> None:
    spy = Spy(monkeypatch, model)
    X, one = task(model, rare=5, remedy="oversample")
    fit_cell(X, one, lambda *_: None)
    counts = np.bincount(spy.seen["y"])
    assert len(set(counts)) == 1, "all classes are as large as the largest"
    learnt = {image.tobytes() for image in spy.seen["X"]}
    if model == "knn":
        assert "valid" not in spy.seen
        assert len(learnt) == 65
    else:
        held = {image.tobytes() for image in spy.seen["valid"][0]}
        assert held
        assert not held & learnt
        assert len(held | learnt) == 65


def test_weights_are_balanced_over_the_labels_that_are_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    spy = Spy(monkeypatch, "logistic")
    X, one = task(rare=5, remedy="weights")
    fit_cell(X, one, told)
    y, weights = spy.seen["y"], spy.seen["weights"]
    totals = [weights[y == c].sum() for c in range(3)]
    assert totals == pytest.approx([totals[0]] * 3)


def test_augmentation_goes_to_the_net() -> None:
    X, one = task("mine", remedy="augment", augment="shift=1")
    plain = fit_cell(*task("mine", remedy="oversample"), told)
    assert fit_cell(X, one, told)["test_log_loss"] != plain["test_log_loss"]


def test_a_net_s_history_comes_back_and_others_have_none() -> None:
    assert fit_cell(*task("mine"), told)["history"]["epochs"]
    assert fit_cell(*task(), told)["history"] is None


def test_answers_that_are_no_probabilities_are_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = type(ladder()["logistic"].make(0))
    monkeypatch.setattr(kind, "predict_proba", lambda self, X: np.full((len(X), 3), np.nan, np.float32))
    with pytest.raises(FitError, match="it answered with numbers that are no probabilities"):
        fit_cell(*task(), told)


def test_a_class_that_was_not_learnt_is_never_answered() -> None:
    X, one = task(rare=0)
    found = fit_cell(X, one, told)
    assert found["hits"][2] == 0
    assert np.array(found["confusion"])[:, 2].sum() == 0
    assert np.isfinite(found["test_log_loss"])


def test_half_a_training_is_no_cell() -> None:
    def press(kind: str, data: Any) -> None:
        if data["epoch"] == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit_cell(*task("mine"), press)
