"""Studies end to end: what is varied, what is kept, going on, refusals, the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import secondlook as sl
from secondlook.cli import main
from secondlook.errors import InterruptedRunError, RunError, UsageError
from secondlook.seeds import stream
from secondlook.types import Cell, Study

TINY = "conv 2 3x3, relu, maxpool 2"


def bars(n: int = 240, k: int = 3, seed: int = 0) -> tuple[Any, Any]:
    """Bars of k directions in noise, 8x8: classes that any model tells apart, better from more images."""
    rng = stream(seed, "bars")
    y = np.arange(n) % k
    X = rng.integers(0, 150, (n, 8, 8), dtype=np.uint8)
    for image, label in zip(X, y, strict=True):
        at = rng.integers(1, 7)
        image[(slice(at, at + 1), slice(None)) if label == 0 else (slice(None), slice(at, at + 1))] += 90
        if label == 2:
            image[np.arange(8), np.arange(8)] = 250
    return X, np.array(["row", "column", "slash"])[:k][y]


def made(out: Path, kind: Any = "size", values: Any = (10, 20, 40), **more: Any) -> Study:
    settings = {"models": ["logistic"], "seeds": 2, "quiet": True, "workers": 2, "out": out, **more}
    return sl.study(kind, bars(), values, **settings)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return made(tmp_path_factory.mktemp("study") / "s", models=["logistic", "knn"], nets={"tiny": TINY}, epochs=3)


def numbers(study: Study) -> list[dict[str, Any]]:
    """What a study found, without what differs from one hour to the next."""
    return [{k: v for k, v in cell.json().items() if k != "fit_seconds"} for cell in study.cells]


def test_every_model_has_a_cell_for_each_size_and_seed_on_the_same_test_items(found: Study) -> None:
    assert len(found.cells) == 3 * 3 * 2
    assert {(c.model, c.rows, c.seed) for c in found.cells} == {
        (m, n, s) for m in ("logistic", "knn", "tiny") for n in (10, 20, 40) for s in (0, 1)
    }
    assert all(c.status == "ok" and c.n_test == 36 and c.classes == 3 for c in found.cells)
    for cell in found.cells:
        assert cell.test_accuracy == pytest.approx(sum(cell.hits) / cell.n_test)
        assert sum(cell.counts) == cell.n_test
        low, high = cell.test_low or 0, cell.test_high or 0
        assert low <= (cell.test_accuracy or 0) <= high


def test_a_cell_is_the_model_fitted_on_its_images_alone(found: Study) -> None:
    from sklearn.metrics import accuracy_score, log_loss

    from secondlook import seeds
    from secondlook.data.subsets import Pool, subset
    from secondlook.models.ladder import ladder

    images = sl.read(bars())
    with np.load(found.path / "items.npz") as items:
        pool = Pool(images.labels, items["train"], items["test"], tuple(images.classes))
    seed = seeds.integer(0, "cell", 1)
    learnt = subset(pool, dict.fromkeys(range(3), 20), seed)
    model = ladder()["logistic"].make(seeds.integer(seed, "fit", "logistic"))
    said = model.fit(images.pixels[learnt], images.labels[learnt]).predict_proba(images.pixels[pool.test])
    cell = next(c for c in found.of("logistic") if (c.rows, c.seed) == (20, 1))
    assert cell.test_accuracy == accuracy_score(images.labels[pool.test], said.argmax(1))
    table = said.astype(np.float64)
    expected = log_loss(images.labels[pool.test], table / table.sum(axis=1, keepdims=True))
    assert cell.test_log_loss == pytest.approx(expected, rel=1e-5)


def test_nets_keep_their_learning_curve(found: Study) -> None:
    curves = found.curves()
    assert set(curves["model"]) == {"tiny"}
    assert len(curves) == 3 * 2 * 3
    assert set(found.of("tiny")[0].json()) >= {"model", "seed", "rows", "classes", "test_accuracy", "fit_seconds"}


def test_the_same_numbers_come_out_however_many_run_at_a_time(found: Study, tmp_path: Path) -> None:
    alone = made(tmp_path / "a", models=["logistic", "knn"], nets={"tiny": TINY}, epochs=3, workers=1)
    assert numbers(alone) == numbers(found)
    assert alone.laws["knn"].json() == found.laws["knn"].json()


def test_a_study_reopens_as_it_was_and_is_complete(found: Study) -> None:
    again = sl.load_study(found.path)
    assert again.json() == found.json()
    kept = json.loads((found.path / "study.json").read_text())
    assert {k: kept[k] for k in found.json()} == found.json()
    assert pd.read_csv(found.path / "cells.csv")["test_accuracy"].tolist() == found.frame()["test_accuracy"].tolist()
    assert len(pd.read_csv(found.path / "classes.csv")) == 3 * len(found.cells)
    listed = json.loads((found.path / "manifest.json").read_text())["files"]
    assert {"study.json", "report.html", "cells.csv"} <= set(listed)


def test_a_finished_study_is_shown_again_and_fits_nothing(found: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise AssertionError("it was fitted again")

    monkeypatch.setattr("secondlook.verbs.study_making.fitted", fail)
    again = made(found.path, models=["logistic", "knn"], nets={"tiny": TINY}, epochs=3)
    assert again.json() == found.json()


def test_another_study_in_the_same_folder_is_refused(found: Study) -> None:
    with pytest.raises(RunError, match="holds a run with another configuration"):
        made(found.path, values=(10, 20))


def test_a_comparison_is_no_study_and_an_unfinished_one_says_how_to_go_on(tmp_path: Path) -> None:
    run = sl.compare(bars(), models=["majority"], out=tmp_path / "run", quiet=True)
    with pytest.raises(
        RunError, match=r"expected the directory of a study, but .* holds a comparison; open it with load_run"
    ):
        sl.load_study(run.path)
    study = made(tmp_path / "s", values=(10, 20))
    (study.path / "manifest.json").unlink()
    with pytest.raises(RunError, match="is incomplete; go on with it by the same command: secondlook study size"):
        sl.load_study(study.path)
    (study.path / "manifest.json").write_text("{}")
    (study.path / "cells" / f"{study.cells[0].name}.json").unlink()
    with pytest.raises(RunError, match=r"is damaged: .* is missing"):
        sl.load_study(study.path)


@pytest.mark.slow
def test_cells_that_are_done_are_not_fitted_again(tmp_path: Path) -> None:
    whole = made(tmp_path / "a")
    part = made(tmp_path / "b")
    for name in ("manifest.json", f"cells/{part.cells[0].name}.json", "study.json"):
        (part.path / name).unlink()
    kept = part.path / "cells" / f"{part.cells[1].name}.json"
    before = kept.stat().st_mtime_ns
    again = made(tmp_path / "b")
    assert numbers(again) == numbers(whole)
    assert kept.stat().st_mtime_ns == before


def test_imbalance_keeps_the_others_and_tries_remedies(tmp_path: Path) -> None:
    study = made(tmp_path / "s", "imbalance", (3, 12), minority="slash", remedy="weights,oversample", rows=40, seeds=1)
    assert {(c.minority, c.remedy, c.rows) for c in study.cells} == {
        (n, r, 40) for n in (3, 12) for r in ("", "weights", "oversample")
    }
    recall = {(c.minority, c.remedy): c.recall("slash") for c in study.cells}
    assert all(value is not None for value in recall.values())
    assert study.cells[0].json()["minority"] == 3
    assert "minority" not in made(tmp_path / "t", seeds=1).cells[0].json()


def test_augmentation_as_a_remedy_varies_the_images_of_nets(tmp_path: Path) -> None:
    study = made(
        tmp_path / "s", "imbalance", (6, 12), minority="slash", remedy="oversample,augment", rows=30, seeds=1,
        models=["logistic"], nets={"tiny": TINY}, epochs=2,
    )  # fmt: skip
    tiny = {(c.minority, c.remedy): c.test_log_loss for c in study.of("tiny")}
    assert tiny[6, "augment"] != tiny[6, "oversample"]
    assert all(c.status == "ok" for c in study.cells)
    assert {c.remedy for c in study.of("logistic")} == {"", "oversample"}, "only nets can vary their images"


def test_fewer_classes_are_tested_on_their_own_items(tmp_path: Path) -> None:
    study = made(tmp_path / "s", "classes", (2, 3), rows=20, seeds=1)
    assert {(c.classes, c.order) for c in study.cells} == {(k, o) for k in (2, 3) for o in ("random", "hardest")}
    for cell in study.cells:
        assert len(cell.members) == cell.classes == len(cell.hits)
        assert cell.n_test == 12 * cell.classes
    assert set(study.cells[0].members) <= set(next(c for c in study.cells if c.classes == 3).members)


def test_wrong_labels_cost_accuracy_and_test_labels_stay_right(tmp_path: Path) -> None:
    study = made(tmp_path / "s", "noise", (0, 60), rows=40, models=["knn"])
    clean, noisy = (np.mean([c.test_accuracy for c in study.cells if c.noise == n]) for n in (0, 60))
    assert clean > noisy + 0.1


def test_a_grid_varies_both_and_its_law_has_a_growth(tmp_path: Path) -> None:
    study = made(tmp_path / "s", "grid", (), classes="2..3", rows="10,20,40", seeds=2)
    assert {(c.classes, c.rows) for c in study.cells} == {(k, n) for k in (2, 3) for n in (10, 20, 40)}
    laws = study.laws["logistic"]
    assert [one.name for one in laws.lines["test_accuracy"].coefficients] == ["intercept", "classes", "rows"]
    assert laws.power is not None
    assert "growth" in laws.power.json()


def failing(image: Any, outputs: int) -> Any:
    raise ValueError("no such net")


def test_a_cell_that_fails_is_a_row_and_a_serious_finding(tmp_path: Path) -> None:
    study = made(tmp_path / "s", models=["logistic"], nets={"broken": failing}, seeds=1)
    broken = [c for c in study.cells if c.model == "broken"]
    assert {(c.status, c.reason) for c in broken} == {("failed", "no such net")}
    assert all(c.status == "ok" for c in study.of("logistic"))
    assert study.findings[0].code == "S101"
    assert "broken" not in study.laws


def endless(image: Any, outputs: int) -> Any:
    time.sleep(60)


def test_a_cell_beyond_its_limit_is_a_row_that_says_so(tmp_path: Path) -> None:
    study = made(tmp_path / "s", values=(10, 20), models=["knn"], nets={"slow": endless}, seeds=1, limit=1.0)
    assert {c.status for c in study.cells if c.model == "slow"} == {"timeout"}
    assert "not done within its limit of 1 s" in study.cells[-1].reason


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"kind": "sizes"}, "expected a study of size, imbalance, classes, grid, noise, got 'sizes'"),
    ({"values": "10,100"}, "expected at most 68 images per class, all that .* has to train on, got 100"),
    ({"values": "20"}, "expected two values at least to vary in a study of size, got one cell"),
    ({"values": "1,20"}, "expected 2 images per class at least, got 1"),
    ({"values": "a"}, "expected sizes as numbers such as 500,1000,2000 or a range such as 3..10, got 'a'"),
    ({"values": "9..3"}, "expected sizes as a range from low to high such as 3..10, got '9..3'"),
    ({"values": "1..999999"}, "expected at most 10,000 numbers in sizes"),
    ({"values": [1.5, 2]}, "expected sizes as whole numbers of 1 or more, got"),
    ({"rows": 10}, "expected the sizes of a size study as its values, got --rows"),
    ({"classes": "2,3"}, "expected --classes for a grid only, got it for a study of size"),
    ({"minority": "row"}, "expected --minority and --remedy for a study of imbalance only, got them for size"),
    ({"kind": "imbalance", "values": "5,10"}, "expected --minority NAME, the class that is to be rare"),
    ({"kind": "imbalance", "values": "5,10", "minority": "rwo"}, "got 'rwo', did you mean 'row'"),
    ({"kind": "imbalance", "values": "5,900", "minority": "row"}, "expected at most 68 images of row, .* got 900"),
    ({"kind": "imbalance", "values": "5,10", "minority": "row", "remedy": "luck"}, "expected --remedy out of weights"),
    (
        {"kind": "imbalance", "values": "5,10", "minority": "row", "remedy": "augment"},
        "expected a net among the models for --remedy augment, got logistic",
    ),
    ({"kind": "imbalance", "values": "0,10", "minority": "row"}, "expected sizes of the minority as numbers"),
    ({"kind": "classes", "values": "2..9"}, "expected from 2 to 3 classes, which is all there are, got 4"),
    ({"kind": "noise", "values": "0,100"}, "expected shares of wrong labels in per cent, .* got '100'"),
    ({"kind": "noise", "values": "0,5", "rows": "10,20"}, "expected one number of --rows for a study of noise, got 2"),
    ({"kind": "grid", "values": "3"}, "expected --classes and --rows for a grid, got '3'"),
    ({"seeds": 0}, "expected --seeds above 0"),
    ({"accuracy": "1.2"}, "expected --accuracy as numbers between 0 and 1 such as 0.95,0.99, got '1.2'"),
    ({"on": "moon"}, "expected --on local, ray, auto or ray://HOST:PORT, got 'moon'"),
    ({"workers": 0}, "expected --workers of 1 or more, got 0"),
    ({"on": "ray", "limit": 5.0}, "expected --limit with --on local, since Ray ends no cell by itself, got --on ray"),
    ({"recipe": "batches=3"}, "expected --recipe with names out of batch, learning_rate, .* got 'batches'"),
    ({"recipe": "batch=many"}, "expected batch in --recipe to be a whole number of 1 or more, got 'many'"),
    ({"recipe": {"schedule": "flat"}}, "expected schedule in --recipe to be one of cosine, constant, got 'flat'"),
    ({"mute": "S999"}, "expected --mute with codes out of"),
]


@pytest.mark.parametrize(("wrong", "message"), REFUSALS)
def test_what_cannot_be_is_refused_before_anything_is_written(wrong: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        made(tmp_path / "s", **wrong)
    assert not (tmp_path / "s").exists()


def test_a_minority_too_small_for_every_part_is_no_class(tmp_path: Path) -> None:
    X, y = bars()
    lone = np.concatenate([y[:-2], ["rare", "rare"]])
    with pytest.raises(
        UsageError, match=r"expected --minority to name a class, got 'rare'\. They are column, row, slash"
    ):
        sl.study("imbalance", (X, lone), "5,10", minority="rare", models=["knn"], out=tmp_path / "s", quiet=True)


@pytest.mark.parametrize("kind", ["classes", "grid"])
def test_classes_of_two_cannot_be_varied(kind: Any, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=f"expected images of 3 classes at least for a study of {kind}, got column, row"
    ):
        sl.study(kind, bars(k=2), models=["knn"], out=tmp_path / "s", quiet=True)


def test_without_values_sizes_are_doubled_up_to_all_there_is(tmp_path: Path) -> None:
    study = made(tmp_path / "s", values=(), models=["knn"], seeds=1)
    sizes = sorted({c.rows for c in study.cells})
    assert sizes[-1] == 68
    assert sizes == [4, 8, 17, 34, 68]


def test_own_nets_join_the_default_models() -> None:
    from secondlook.models.ladder import choose
    from secondlook.verbs.study import DEFAULT_MODELS

    assert [entry.name for entry in choose(DEFAULT_MODELS, {"mine": TINY})] == ["logistic", "lenet", "mine"]


def test_another_seed_picks_other_classes(tmp_path: Path) -> None:
    digits = sl.read("digits")
    found = [
        sl.study(
            "grid", (digits.pixels[:600], digits.labels[:600]), classes="3,5", rows="5,10", models=["knn"], seeds=1,
            seed=seed, quiet=True, out=tmp_path / f"{seed}",
        ).cells[0].members
        for seed in range(3)
    ]  # fmt: skip
    assert len(set(found)) > 1


def test_ctrl_c_before_the_hardest_classes_are_known_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from secondlook.runs.workers import LocalWorkers

    monkeypatch.setattr(LocalWorkers, "run", lambda *_: iter(()))
    with pytest.raises(InterruptedRunError, match="interrupted; nothing was fitted yet"):
        made(tmp_path / "s", "classes", (2, 3), rows=20)


def test_a_pilot_that_fails_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from secondlook.runs.job import Outcome
    from secondlook.runs.workers import LocalWorkers

    monkeypatch.setattr(LocalWorkers, "run", lambda *_: iter([(None, Outcome("failed", reason="no room"))]))
    with pytest.raises(RunError, match="the hardest classes could not be found, since logistic failed: no room"):
        made(tmp_path / "s", "classes", (2, 3), rows=20)


def test_the_command_that_is_kept_has_all_that_decides(tmp_path: Path) -> None:
    study = made(tmp_path / "s", "noise", (0, 100 / 3), rows=20, mute="s103,S105", accuracy=(0.9,), seeds=1)
    assert " 0.0,33.333333333333336 " in study.config["command"]
    assert "--mute S103,S105" in study.config["command"]
    assert "--accuracy 0.9" in study.config["command"]


def test_tables_say_which_cell_a_line_is_of(tmp_path: Path) -> None:
    study = made(
        tmp_path / "s", "imbalance", (3, 12), minority="slash", remedy="weights", rows=30, seeds=1, models=["knn"],
        nets={"tiny": TINY}, epochs=2,
    )  # fmt: skip
    for table in (study.recalls(), study.curves()):
        keys = ["model", "seed", "rows", "classes", "minority", "remedy"]
        assert not table.duplicated([*keys, "class" if "class" in table else "epoch"]).any()


def test_a_recipe_is_how_nets_are_trained(tmp_path: Path) -> None:
    words: dict[str, Any] = {"values": (10, 20), "models": ["knn"], "nets": {"tiny": TINY}, "epochs": 4, "seeds": 1}
    study = made(tmp_path / "a", recipe="batch=8, schedule=constant, learning_rate=0.01, patience=4", **words)
    rates = {epoch.learning_rate for cell in study.of("tiny") for epoch in cell.history.epochs}  # type: ignore[union-attr]
    assert rates == {0.01}
    assert all(len(cell.history.epochs) == 4 for cell in study.of("tiny"))  # type: ignore[union-attr]
    assert "--recipe batch=8,schedule=constant,learning_rate=0.01,patience=4" in study.config["command"]
    with pytest.raises(RunError, match=r"another configuration \(recipe was"):
        made(tmp_path / "a", **words)


def test_muted_findings_are_left_out(tmp_path: Path) -> None:
    plain = made(tmp_path / "a", nets={"broken": failing}, seeds=1)
    muted = made(tmp_path / "b", nets={"broken": failing}, seeds=1, mute="s101")
    assert {f.code for f in plain.findings} - {f.code for f in muted.findings} == {"S101"}


def test_ctrl_c_keeps_finished_cells_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from secondlook.show.study_progress import Progress

    whole = made(tmp_path / "a")
    told = Progress.ended

    def press(self: Progress, cell: Cell, seconds: float) -> None:
        told(self, cell, seconds)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Progress, "ended", press)
    with pytest.raises(InterruptedRunError, match=r"interrupted; [1-3] of 6 cells are kept"):
        made(tmp_path / "b")
    monkeypatch.setattr(Progress, "ended", told)
    assert not (tmp_path / "b" / "manifest.json").exists()
    assert numbers(made(tmp_path / "b")) == numbers(whole)


def write(path: Path) -> None:
    X, y = bars()
    np.savez(path, X=X, y=y)


MAIN = "import sys; from secondlook.cli import main; sys.argv[0] = 'secondlook'; main()"


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", MAIN, "study", *words], cwd=cwd, capture_output=True, text=True)


@pytest.mark.slow
def test_a_study_killed_at_ten_random_moments_ends_with_the_same_table(tmp_path: Path) -> None:
    write(tmp_path / "bars.npz")
    words = ["size", "bars.npz", "6,12,24,48", "--models", "logistic,knn,forest,lenet", "--epochs", "6", "--seeds", "3"]
    assert run(*words, "--out", "whole", cwd=tmp_path).returncode == 0
    whole, rng = sl.load_study(tmp_path / "whole"), stream(0, "kill")
    killed, most = 0, 14.0
    while killed < 10 and not (tmp_path / "cut" / "manifest.json").exists():
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN, "study", *words, "--out", "cut"], cwd=tmp_path, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            process.wait(timeout=float(rng.uniform(1.0, most)))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            killed += 1
            most = 6.0
    assert killed >= 5, "it was hardly disturbed"
    assert run(*words, "--out", "cut", cwd=tmp_path).returncode in (0, 3)
    assert numbers(sl.load_study(tmp_path / "cut")) == numbers(whole)


def test_the_command_prints_its_table_and_json_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["secondlook", "study", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    write(tmp_path / "bars.npz")
    monkeypatch.chdir(tmp_path)
    words = ["size", "bars.npz", "10,20,40", "--models", "logistic", "--seeds", "2", "--accuracy", "0.9"]
    code, out, err = said(*words)
    assert code == 0, err
    assert "images per class" in out
    assert out.rstrip().endswith("runs/bars-study-1/report.html")
    assert "6 of 6 cells" in err
    code, out, err = said(*words, "--json", "--out", "j")
    assert set(json.loads(out)) == {"run", "kind", "data", "cells", "laws", "findings"}
    assert (code, err) == (0, "")
    code, out, err = said("size", "bars.npz", "10,4000", "--json")
    assert (code, out) == (2, "")
    assert err.startswith("secondlook: expected at most 68 images per class")
    config = json.loads((tmp_path / "runs/bars-study-1/config.json").read_text())
    assert config["command"].startswith("secondlook study size bars.npz 10,20,40 --models logistic --accuracy 0.9")
