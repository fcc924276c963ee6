"""Comparisons by several seeds: how far chance alone moves a model."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
import pytest

import secondlook as sl
from secondlook.errors import InterruptedRunError, UsageError
from secondlook.models.entry import Size
from secondlook.models.ladder import ladder
from secondlook.runs.jobs import Outcome
from secondlook.types import Row
from secondlook.verbs import comparison

TINY = {"tiny": "conv 2 3x3, relu, globalavg"}


def stripes(n: int = 90, seed: int = 0) -> tuple[Any, Any]:
    """Images 6x6 of three classes, brighter by class, with much noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return (rng.integers(0, 150, (n, 6, 6)) + 50 * y[:, None, None]).astype(np.uint8), y


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> sl.Run:
    out = tmp_path_factory.mktemp("runs") / "stripes"
    return sl.compare(stripes(), models=["majority", "knn"], nets=TINY, epochs=2, seeds=3, out=out, quiet=True)


def test_a_row_holds_the_first_seed_and_the_spread_over_all(run: sl.Run) -> None:
    alone = run.path.with_name("alone")
    once = sl.compare(stripes(), models=["majority", "knn"], nets=TINY, epochs=2, out=alone, quiet=True)
    row, seeds = run["tiny"], run.seeds("tiny")
    assert row.test_accuracy == once["tiny"].test_accuracy == seeds["test_accuracy"][0]
    assert np.array_equal(run.predictions("tiny").probabilities, once.predictions("tiny").probabilities)
    tests = seeds["test_accuracy"].tolist()
    assert (row.seeds, row.seeds_low, row.seeds_high) == (3, min(tests), max(tests))
    assert (row.seeds_mean, row.seeds_sd) == (pytest.approx(fmean(tests)), pytest.approx(stdev(tests)))
    assert row.valid_score == pytest.approx(seeds["valid_score"].mean())


def test_every_seed_trains_another_net(run: sl.Run) -> None:
    said = [np.load(run.path / "predictions" / f"tiny{more}.npz")["test"] for more in ("", "/seed-2", "/seed-3")]
    assert not np.array_equal(said[0], said[1])
    assert not np.array_equal(said[1], said[2])


def test_models_that_no_seed_moves_are_fitted_once(run: sl.Run) -> None:
    assert run.seeds()["model"].value_counts().to_dict() == {"tiny": 3, "majority": 1, "knn": 1}
    assert run["knn"].seeds is None
    assert run["knn"].seeds_mean is None


def test_models_said_to_be_unmoved_by_seeds_are(tmp_path: Path) -> None:
    X, y = stripes(60)
    size = Size(60, 6, 6, (6, 6, 1), 3)
    unmoved = [entry for entry in ladder().values() if not entry.seeded(size)]
    assert {entry.name for entry in unmoved} >= {"majority", "logistic", "knn", "knn-tuned", "linear-svm", "rbf-svm"}
    for entry in unmoved:
        a, b = (entry.make(seed).fit(X, y, valid=(X[:6], y[:6])).predict_proba(X) for seed in (1, 2))
        assert np.array_equal(a, b), entry.name


def test_a_tuned_model_is_searched_anew_by_every_seed(tmp_path: Path) -> None:
    found = sl.compare(stripes(), models=["logistic"], seeds=2, tune=True, out=tmp_path / "run", quiet=True)
    assert found["logistic"].seeds == 2


def test_one_seed_leaves_no_table_of_seeds(tmp_path: Path) -> None:
    found = sl.compare(stripes(30), models=["majority"], out=tmp_path / "run", quiet=True)
    assert found.seeds().empty
    assert not (found.path / "seeds.csv").exists()


def test_a_seed_that_fails_is_named_and_the_others_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = comparison.ForkServer.run

    def second_fails(self: Any, function: Any, task: Any, **options: Any) -> Outcome:
        if task.folder.name == "seed-2":
            return Outcome("failed", None, "the disk was full", 0)
        return real(self, function, task, **options)

    monkeypatch.setattr(comparison.ForkServer, "run", second_fails)
    found = sl.compare(stripes(), models=[], nets=TINY, epochs=1, seeds=3, out=tmp_path / "run", quiet=True)
    row = found["tiny"]
    assert (row.status, row.seeds) == ("failed", 2)
    assert row.reason == "seed 2 of 3 gave no answers: the disk was full"
    assert row.test_accuracy is not None


def test_a_cut_comparison_goes_on_at_the_seed_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, fitted = comparison.ForkServer.run, []

    def cut(self: Any, function: Any, task: Any, **options: Any) -> Outcome:
        if len(fitted) == 2:
            options["interrupts"].count = 1
            return Outcome("interrupted", None, "", 0)
        fitted.append(task.folder.name)
        return real(self, function, task, **options)

    options: dict[str, Any] = {"models": [], "nets": TINY, "epochs": 1, "seeds": 3, "quiet": True}
    monkeypatch.setattr(comparison.ForkServer, "run", cut)
    with pytest.raises(InterruptedRunError, match="interrupted; what is done is kept"):
        sl.compare(stripes(), **options, out=tmp_path / "run")
    monkeypatch.setattr(comparison.ForkServer, "run", real)
    whole = sl.compare(stripes(), **options, out=tmp_path / "run")
    assert fitted == ["tiny", "seed-2"]
    undisturbed = sl.compare(stripes(), **options, out=tmp_path / "other")
    assert whole.seeds()["test_accuracy"].tolist() == undisturbed.seeds()["test_accuracy"].tolist()
    assert whole["tiny"].seeds == 3


def test_seeds_and_folds_are_refused_together() -> None:
    with pytest.raises(UsageError, match=r"expected --seeds without --cv, .* got --seeds 3 and --cv 5; leave one"):
        sl.compare(stripes(), seeds=3, cv=5, quiet=True)
    with pytest.raises(UsageError, match="expected --seeds above 0, got 0"):
        sl.compare(stripes(), seeds=0, quiet=True)


def test_rows_without_seeds_are_as_before() -> None:
    assert Row("m", "ok").json()["seeds"] is None
