"""Comparisons end to end on small made-up images: the table, the directory, limits, going on, refusals."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss

import secondlook as sl
from secondlook.errors import DataError, InterruptedRunError, RunError, UsageError

QUICK = ["majority", "knn", "logistic"]
TINY = {"tiny": "conv 2 3x3, relu, globalavg"}


def bars(n: int = 90, seed: int = 0) -> tuple[Any, Any]:
    """Noisy 8x8 images with a bright row, a bright column, or neither."""
    rng = np.random.default_rng(seed)
    X, y = rng.integers(0, 120, (n, 8, 8), dtype=np.uint8), np.arange(n) % 3
    for i in range(n):
        if y[i] == 0:
            X[i, rng.integers(8)] = 250
        if y[i] == 1:
            X[i, :, rng.integers(8)] = 250
    return X, np.array(["row", "column", "none"])[y]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> sl.Run:
    return sl.compare(
        bars(), models=QUICK, nets=TINY, epochs=3, out=tmp_path_factory.mktemp("runs") / "bars", quiet=True
    )


def test_every_model_gets_a_row_and_the_best_on_validation_comes_first(run: sl.Run) -> None:
    assert {row.model for row in run.rows} == {*QUICK, "tiny"}
    scores = [row.valid_score for row in run.rows]
    assert scores == sorted(scores, reverse=True)
    assert run.chosen == run.rows[0].model
    assert all(row.status == "ok" for row in run.rows)


def test_every_number_comes_from_the_stored_predictions(run: sl.Run) -> None:
    for row in run.rows:
        for part in ("train", "valid", "test"):
            said = run.predictions(row.model, part)
            assert getattr(row, f"n_{part}") == len(said.labels)
            assert getattr(row, f"{part}_accuracy") == pytest.approx((said.predicted == said.labels).mean(), abs=1e-12)
            assert said.probabilities.dtype == np.float32
        said = run.predictions(row.model, "test")
        assert row.test_balanced_accuracy == pytest.approx(balanced_accuracy_score(said.labels, said.predicted))
        assert row.test_macro_f1 == pytest.approx(f1_score(said.labels, said.predicted, average="macro"))
        assert row.test_log_loss == pytest.approx(log_loss(said.labels, said.probabilities), rel=1e-5)


def test_the_run_reopens_as_it_was_returned_and_verifies(run: sl.Run) -> None:
    again = sl.load_run(run.path, verify=True)
    assert again.rows == run.rows
    assert again.json() == run.json()
    assert again.histories == run.histories
    assert (again.chance, again.majority) == (1 / 3, pytest.approx(run["majority"].test_accuracy))


def test_run_json_is_what_json_prints_and_the_table_is_the_same_in_csv(run: sl.Run) -> None:
    document = json.loads((run.path / "run.json").read_text())
    assert document == json.loads(json.dumps(run.json()))
    assert set(document) >= {"run", "data", "chance", "majority", "findings", "pairs", "rows"}
    assert set(document["data"]) >= {"source", "n", "classes", "shape", "fingerprint"}
    public = {
        "model", "status", "reason", "trained", "stored", "macs", "n_train", "n_valid", "n_test", "train_accuracy",
        "train_low", "train_high", "valid_accuracy", "valid_low", "valid_high", "test_accuracy", "test_low",
        "test_high", "test_balanced_accuracy", "test_macro_f1", "test_log_loss", "fit_seconds", "predict_us", "peak_mb",
    }  # fmt: skip
    assert all(set(row) >= public for row in document["rows"])
    with (run.path / "table.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert [line["model"] for line in lines] == [row.model for row in run.rows]
    assert [float(line["test_accuracy"]) for line in lines] == [row.test_accuracy for row in run.rows]


def test_the_directory_is_complete_and_holds_only_images_that_its_report_shows(run: sl.Run) -> None:
    there = {p.name for p in run.path.iterdir()}
    assert there == {
        "audit.json", "audit.npz", "config.json", "data.json", "findings.npz", "items.npz", "made.json",
        "manifest.json", "models", "predictions", "report.html", "run.json", "scores.csv", "table.csv",
        "thumbnails.npz",
    }  # fmt: skip
    assert run.config["test_opened"] == 1
    missed = set()
    for model, part in product((row.model for row in run.rows), ("test", "train")):
        said = run.predictions(model, part)
        missed |= set(said.items[said.predicted != said.labels].tolist())
    chosen = run.predictions(run.chosen, "test")
    hit = chosen.predicted == chosen.labels
    kept = set(run.thumbnails().items.tolist())
    assert set(chosen.items[~hit].tolist()) <= kept <= missed | set(chosen.items[hit].tolist())
    found = {item.index for finding in run.findings for item in finding.items}
    assert set(run.audit.thumbnails.items.tolist()) <= found


def test_a_changed_file_is_found_on_verification(run: sl.Run, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(run.path, copy)
    (copy / "table.csv").write_text("better")
    with pytest.raises(RunError, match=r"table.csv is missing or was changed"):
        sl.load_run(copy, verify=True)


def test_a_missing_model_is_named(run: sl.Run) -> None:
    with pytest.raises(KeyError, match="no model 'svm' in this run; it has"):
        run["svm"]
    with pytest.raises(RunError, match="has no predictions of 'svm'"):
        run.predictions("svm")


def test_the_same_seed_gives_the_same_table_and_another_seed_another_split(run: sl.Run, tmp_path: Path) -> None:
    again = sl.compare(bars(), models=QUICK, nets=TINY, epochs=3, out=tmp_path / "again", quiet=True)
    for row in run.rows:
        for part in ("train", "valid", "test"):
            np.testing.assert_array_equal(
                again.predictions(row.model, part).probabilities, run.predictions(row.model, part).probabilities
            )
    other = sl.compare(bars(), models=["majority"], seed=1, out=tmp_path / "other", quiet=True)
    assert other.config["split"]["fingerprint"] != run.config["split"]["fingerprint"]


def test_a_finished_run_is_shown_again_and_never_changed(run: sl.Run) -> None:
    before = (run.path / "manifest.json").read_bytes()
    again = sl.compare(bars(), models=QUICK, nets=TINY, epochs=3, out=run.path, quiet=True)
    assert again.rows == run.rows
    assert (run.path / "manifest.json").read_bytes() == before
    with pytest.raises(RunError, match="holds a run with another configuration"):
        sl.compare(bars(), models=["knn"], out=run.path, quiet=True)


def test_labels_of_the_test_part_decide_nothing_but_test_scores(tmp_path: Path) -> None:
    X, y = bars(120)
    plain = sl.read((X, y))
    parts = np.array(["train"] * 60 + ["valid"] * 30 + ["test"] * 30)
    from dataclasses import replace

    honest = replace(plain, parts=parts)
    shuffled = honest.labels.copy()
    shuffled[90:] = np.roll(shuffled[90:], 1)
    a = sl.compare(honest, models=QUICK, out=tmp_path / "a", quiet=True)
    b = sl.compare(replace(honest, labels=shuffled), models=QUICK, out=tmp_path / "b", quiet=True)
    assert a.chosen == b.chosen
    for model in QUICK:
        np.testing.assert_array_equal(a.predictions(model).probabilities, b.predictions(model).probabilities)


def failing(image: tuple[int, int, int], outputs: int) -> Any:
    raise RuntimeError("no such layer")


def test_a_model_that_fails_is_a_row_and_the_others_go_on(tmp_path: Path) -> None:
    run = sl.compare(bars(), models=["knn"], nets={"broken": failing}, out=tmp_path / "run", quiet=True)
    assert run["knn"].status == "ok"
    assert (run["broken"].status, run["broken"].reason) == ("failed", "no such layer")
    assert run.rows[-1].model == "broken"


def test_a_user_s_own_module_takes_the_same_slot(tmp_path: Path) -> None:
    def module(image: tuple[int, int, int], outputs: int) -> Any:
        from torch import nn

        h, w, c = image
        return nn.Sequential(nn.Flatten(), nn.Linear(h * w * c, outputs))

    run = sl.compare(bars(), models=["majority"], nets={"mine": module}, epochs=2, out=tmp_path / "run", quiet=True)
    assert run["mine"].trained == 64 * 3 + 3
    assert run["mine"].macs == 64 * 3


def test_a_fit_beyond_its_limit_is_a_row_that_says_so(tmp_path: Path) -> None:
    def endless(image: tuple[int, int, int], outputs: int) -> Any:
        while True:
            time.sleep(0.1)

    run = sl.compare(bars(), models=["majority"], nets={"endless": endless}, limit=1.5, out=tmp_path / "r", quiet=True)
    assert (run["endless"].status, run["endless"].reason) == ("timeout", "not done within its limit of 1.5 s")
    assert run["majority"].status == "ok"


@pytest.mark.slow
def test_a_net_at_its_limit_keeps_its_best_so_far(tmp_path: Path) -> None:
    run = sl.compare(bars(), models=["majority"], nets=TINY, epochs=1_000_000, limit=6, out=tmp_path / "r", quiet=True)
    row = run["tiny"]
    assert row.status == "timeout"
    assert "stopped at its time limit in epoch" in row.reason
    assert row.test_accuracy is not None
    assert run.histories["tiny"].ended == "time limit"


def test_a_budget_that_is_used_up_skips_the_rest(tmp_path: Path) -> None:
    run = sl.compare(bars(), models=QUICK, budget=0.001, out=tmp_path / "r", quiet=True)
    assert {(row.status, row.reason) for row in run.rows} == {("skipped", "not started: the budget was used up")}
    assert run.chosen == ""
    assert run.config["test_opened"] == 0


def test_tuning_searches_on_the_training_part_and_says_what_it_chose(tmp_path: Path) -> None:
    run = sl.compare(bars(), models=["majority", "knn"], tune=True, out=tmp_path / "r", quiet=True)
    assert "n_neighbors=" in run["knn"].params
    assert "settings on 3 folds" in run["knn"].reason
    assert run["majority"].params == ""


def test_a_search_with_too_few_images_of_a_class_is_left_out_and_said(tmp_path: Path) -> None:
    X, y = bars(90)
    parts = np.array(["train"] * 30 + ["valid"] * 30 + ["test"] * 30)
    parts[[0, 3, 6, 9, 12, 15, 18, 21, 24]] = "valid"
    from dataclasses import replace

    images = replace(sl.read((X, y)), parts=parts)
    run = sl.compare(images, models=["knn"], tune=True, out=tmp_path / "r", quiet=True)
    assert run["knn"].reason == "not tuned: a class has one training image only"


def test_a_model_whose_answers_are_no_probabilities_fails_alone(tmp_path: Path) -> None:
    def broken(image: tuple[int, int, int], outputs: int) -> Any:
        import torch

        class Broken(torch.nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.linear = torch.nn.Linear(64, outputs)

            def forward(self, x: Any) -> Any:
                return self.linear(x.flatten(1)) * (1.0 if len(x) != 14 else float("nan"))

        return Broken()

    run = sl.compare(bars(), models=["knn"], nets={"nan": broken}, epochs=1, out=tmp_path / "r", quiet=True)
    assert run["nan"].status == "failed"
    assert run["nan"].reason == (
        "it answered the test part with numbers that are no probabilities (NaN, or sums other than 1)"
        if run["nan"].n_valid
        else run["nan"].reason
    )
    assert run["knn"].status == "ok"


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "models": ["majority"],
        "nets": TINY,
        "epochs": 100_000,
        "engine": "torch",  # nothing is compiled first: training is what Ctrl-C meets
        "out": tmp_path / "r",
        "quiet": True,
    }
    done = tmp_path / "r" / "models" / "majority" / "facts.json"

    def interrupt() -> None:
        while not done.exists():
            time.sleep(0.05)
        time.sleep(4)  # so that training has begun, on a busy machine too
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(InterruptedRunError, match="what is done is kept in"):
        sl.compare(bars(), **settings)
    facts = json.loads((tmp_path / "r" / "models" / "tiny" / "facts.json").read_text())
    assert facts["interrupted"]
    assert "interrupted in epoch" in facts["reason"]
    assert (tmp_path / "r" / "models" / "tiny" / "weights.safetensors").exists()
    assert not (tmp_path / "r" / "run.json").exists(), "the test part stays closed"
    assert (tmp_path / "r" / "INCOMPLETE.txt").exists()
    before = done.read_bytes()
    settings["epochs"] = 2
    with pytest.raises(RunError, match="another configuration"):
        sl.compare(bars(), **settings)
    assert done.read_bytes() == before


def command(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from secondlook.cli import main; main()", *words]
    return subprocess.run(program, capture_output=True, text=True, cwd=cwd, timeout=120)


def write_bars(path: Path, n: int = 90) -> None:
    X, y = bars(n)
    np.savez(path, x=X, y=y)


@pytest.mark.slow
def test_sigkill_leaves_an_incomplete_run_and_the_same_command_ends_with_the_same_table(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.npz")
    words = ["compare", "bars.npz", "--models", ",".join(QUICK), "--net", f"tiny={TINY['tiny']}", "--epochs", "60"]
    program = [sys.executable, "-c", "from secondlook.cli import main; main()", *words]
    process = subprocess.Popen(program, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    folder = tmp_path / "runs" / "bars-1"
    end = time.monotonic() + 60
    while not (folder / "models" / "knn" / "facts.json").exists():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert "not complete" in (folder / "INCOMPLETE.txt").read_text()
    kept = (folder / "models" / "knn" / "facts.json").read_bytes()
    done = command(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "going on with runs/bars-1" in done.stderr
    assert (folder / "models" / "knn" / "facts.json").read_bytes() == kept
    assert not (tmp_path / "runs" / "bars-2").exists()
    undisturbed = command(*words, "--out", "whole", cwd=tmp_path)
    assert undisturbed.returncode == 0
    timed = {"fit_seconds", "predict_us", "peak_mb"}
    tables = [json.loads((tmp_path / p / "run.json").read_text())["rows"] for p in (folder, "whole")]
    first, second = ([{k: v for k, v in row.items() if k not in timed} for row in rows] for rows in tables)
    assert first == second


def test_json_prints_one_object_and_nothing_else(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.npz")
    done = command("compare", "bars.npz", "--models", "majority,knn", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == json.loads((tmp_path / "runs" / "bars-1" / "run.json").read_text())


@pytest.mark.slow
def test_without_a_terminal_progress_is_plain_lines_on_stderr_and_the_table_on_stdout(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.npz")
    done = command("compare", "bars.npz", "--models", "majority,knn", cwd=tmp_path)
    assert "knn  done in" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "runs/bars-1/report.html" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 100


@pytest.mark.slow
def test_a_failed_model_ends_in_exit_code_three(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.npz")
    done = command("compare", "bars.npz", "--models", "majority", "--net", "big=dense 60000, dense 60000", cwd=tmp_path)
    assert done.returncode == 3
    assert "at most 500,000,000 trained numbers" in done.stdout


def png(path: Path, value: int) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), value).save(path)


def _empty(p: Path) -> list[str]:
    (p / "data").mkdir()
    return ["data"]


def _one_class(p: Path) -> list[str]:
    for i in range(20):
        png(p / "data" / "cat" / f"{i}.png", i)
    return ["data"]


def _three_images(p: Path) -> list[str]:
    for i, name in enumerate(["cat", "cat", "dog"]):
        png(p / "data" / name / f"{i}.png", i)
    return ["data"]


def _no_label_column(p: Path) -> list[str]:
    (p / "data.csv").write_text("name,age\nann,3\nbob,4\n")
    return ["data.csv"]


def _pixels_only(p: Path) -> list[str]:
    (p / "data.csv").write_text(",".join(f"pixel{i}" for i in range(4)) + "\n" + "1,2,3,4\n" * 30)
    return ["data.csv"]


def _pickled(p: Path) -> list[str]:
    np.savez(p / "data.npz", x=np.array([{"a": 1}] * 20, dtype=object), y=np.arange(20) % 2)
    return ["data.npz"]


def _several_labels(p: Path) -> list[str]:
    np.savez(p / "data.npz", x=np.zeros((30, 8, 8), np.uint8), y=np.ones((30, 4), int))
    return ["data.npz"]


def _something_else(p: Path) -> list[str]:
    (p / "thesis").mkdir()
    (p / "thesis" / "chapter.txt").write_text("dear")
    return ["digits", "--models", "majority", "--out", "thesis"]


WRONG: list[tuple[Any, int, str]] = [
    (lambda p: ["photoz"], 2, "photoz"),
    (_empty, 1, "data"),
    (_one_class, 1, "at least 2 classes"),
    (_three_images, 1, "at least"),
    (_no_label_column, 1, "label"),
    (_pixels_only, 1, "label"),
    (_pickled, 1, "pickle"),
    (_several_labels, 1, "one label per image"),
    (lambda p: ["digits", "--models", "knn,forrest"], 2, "did you mean 'forest'?"),
    (lambda p: ["digits", "--net", "mine=conv 8 3x3, maxpol 2"], 2, "layer 2, character 13"),
    (lambda p: ["digits", "--net", "conv 8 3x3"], 2, "expected --net NAME="),
    (lambda p: ["digits", "--net", "lenet=relu"], 2, "rename it"),
    (lambda p: ["digits", "--net", "../up=relu"], 2, "letters, digits, - and _, got '../up'"),
    (lambda p: ["digits", "--models", ""], 2, "expected at least one model"),
    (lambda p: ["digits", "--models", "LENET"], 2, "did you mean 'lenet'?"),
    (lambda p: ["digits", "--budget", "nan"], 2, "expected --budget to be a number, got nan"),
    (lambda p: ["digits", "--out", "/dev/null/run"], 2, "cannot write the run to /dev/null/run"),
    (lambda p: ["digits", "--net", "a=relu", "--net", "a=relu"], 2, "got 'a' twice"),
    (_something_else, 2, "holds something else"),
    (lambda p: ["digits", "--test", "many"], 2, "expected --test to be a share"),
    (lambda p: ["digits", "--test", "1.5"], 2, "test"),
    (lambda p: ["digits", "--metric", "beauty"], 2, "balanced_accuracy"),
    (lambda p: ["digits", "--budget", "soon"], 2, "expected a time such as 90s, 10m or 1.5h, got 'soon'"),
    (lambda p: ["digits", "--epochs", "0"], 2, "expected --epochs above 0"),
    (lambda p: ["digits", "--seed", "-1"], 2, "expected a --seed of 0 or more"),
    (lambda p: ["digits", "--modles", "knn"], 2, "--modles"),
]


@pytest.mark.parametrize(("prepare", "code", "words"), WRONG, ids=[w for _, _, w in WRONG])
@pytest.mark.parametrize("json_too", [False, True], ids=["", "json"])
def test_wrong_use_gets_one_plain_sentence_and_leaves_nothing(
    tmp_path: Path, prepare: Any, code: int, words: str, json_too: bool, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    from secondlook.cli import main

    arguments = prepare(tmp_path)
    before = sorted(str(p) for p in tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["secondlook", "compare", *arguments, *(["--json"] if json_too else [])])
    with pytest.raises(SystemExit) as end:
        main()
    out, err = capfd.readouterr()
    assert end.value.code == code, err
    assert out == ""
    sentence = err.strip().splitlines()[-1]
    assert words in sentence
    assert "Traceback" not in err
    assert sentence.startswith("secondlook: ")
    assert sorted(str(p) for p in tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("settings", "kind", "message"),
    [
        ({"models": ["lenett"]}, UsageError, "there is no model 'lenett', did you mean 'lenet'"),
        ({"limit": -1}, UsageError, "expected --limit above 0"),
        ({"seed": 0.5}, UsageError, r"expected --seed to be a whole number, got 0.5"),
        ({"epochs": True}, UsageError, "expected --epochs to be a whole number, got True"),
        ({"nets": {"a/b": "relu"}}, UsageError, "got 'a/b'; rename it"),
        ({"test": 1.5}, UsageError, "test"),
    ],
)
def test_wrong_arguments_are_refused_in_python_too(settings: Any, kind: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(kind, match=message):
        sl.compare(bars(), out=tmp_path / "r", quiet=True, **settings)
    assert list(tmp_path.iterdir()) == []


def test_numpy_s_numbers_and_names_with_commas_are_welcome(tmp_path: Path) -> None:
    run = sl.compare(
        bars(), models="majority, knn", test=np.int64(12), seed=np.int32(3), out=tmp_path / "r", quiet=True
    )
    assert {row.model for row in run.rows} == {"majority", "knn"}
    assert run["knn"].n_test == 12


@pytest.mark.slow
def test_the_command_that_is_kept_is_the_same_command(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.npz")
    words = [
        "compare",
        "bars.npz",
        "--models",
        "majority",
        "--test",
        "0.123456789",
        "--budget",
        "1234567s",
        "--out",
        "r",
    ]
    assert command(*words, cwd=tmp_path).returncode == 0
    import shlex

    kept = shlex.split(json.loads((tmp_path / "r" / "config.json").read_text())["command"])
    again = command(*kept[1:], cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "is finished already" in again.stderr


@pytest.mark.slow
def test_a_run_in_which_nothing_was_fitted_says_look(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.npz")
    done = command("compare", "bars.npz", "--models", "majority", "--budget", "0.0001", cwd=tmp_path)
    assert done.returncode == 3
    assert "no model finished" in done.stdout


@pytest.mark.slow
def test_a_listener_that_leaves_early_does_not_end_the_comparison(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.npz")
    program = [
        sys.executable,
        "-c",
        "from secondlook.cli import main; main()",
        "compare",
        "bars.npz",
        "--models",
        "majority,knn",
    ]
    process = subprocess.Popen(program, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.readline()
    process.stderr.close()
    process.wait(timeout=120)
    assert sl.load_run(tmp_path / "runs" / "bars-1").chosen


@pytest.mark.slow
def test_a_terminal_without_our_characters_still_gets_its_table(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.npz")
    program = [
        sys.executable,
        "-c",
        "from secondlook.cli import main; main()",
        "compare",
        "bars.npz",
        "--models",
        "majority",
    ]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(program, capture_output=True, cwd=tmp_path, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    assert b"majority" in done.stdout


def test_without_words_the_command_shows_its_help(capfd: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from secondlook.cli import main

    monkeypatch.setattr(sys, "argv", ["secondlook"])
    with pytest.raises(SystemExit):
        main()
    out, err = capfd.readouterr()
    assert (out + err).lstrip().startswith("Usage: ")


def test_unlabelled_images_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="label"):
        sl.compare((np.zeros((30, 8, 8), np.uint8), np.full(30, -1)), out=tmp_path / "r", quiet=True)


@pytest.mark.parametrize(
    ("text", "value"), [("90", 90), ("90s", 90), ("10m", 600), ("1.5h", 5400), (7, 7), (None, None)]
)
def test_times_are_read_as_written(text: Any, value: float | None) -> None:
    from secondlook.verbs.options import seconds

    assert seconds(text) == value


def test_a_recipe_is_how_nets_are_trained(tmp_path: Path) -> None:
    recipe = {"batch": 8, "schedule": "constant", "learning_rate": 0.01, "patience": 1}
    run = sl.compare(bars(), models=["knn"], nets=TINY, epochs=3, recipe=recipe, out=tmp_path / "a", quiet=True)
    assert {epoch.learning_rate for epoch in run.histories["tiny"].epochs} == {0.01}
    assert "--recipe batch=8,schedule=constant,learning_rate=0.01,patience=1" in run.config["command"]
    with pytest.raises(RunError, match=r"another configuration \(recipe was"):
        sl.compare(bars(), models=["knn"], nets=TINY, epochs=3, out=tmp_path / "a", quiet=True)
    with pytest.raises(UsageError, match="expected --recipe with names out of batch"):
        sl.compare(bars(), models=["knn"], recipe="batches=3", out=tmp_path / "b", quiet=True)
    more = sl.continue_run(run.path, "tiny", data=bars(), epochs=6, out=tmp_path / "more", quiet=True)
    # The same rate goes on; patience is off, so that all six are trained.
    assert len(more.histories["tiny"].epochs) == len(run.histories["tiny"].epochs) + 6
    assert {epoch.learning_rate for epoch in more.histories["tiny"].epochs} == {0.01}


def test_the_last_epoch_may_be_kept_in_place_of_the_best(tmp_path: Path) -> None:
    recipe = "schedule=constant,learning_rate=0.3,patience=9,keep=last"
    run = sl.compare(bars(), models=["knn"], nets=TINY, epochs=9, recipe=recipe, out=tmp_path / "a", quiet=True)
    history = run.histories["tiny"]
    assert history.best == 9
    losses = [epoch.valid_loss for epoch in history.epochs]
    assert min(losses) < losses[-1], "a rate that is far too high: the last is not the best"
    said = run.predictions("tiny", "valid")
    loss = -np.log(said.probabilities[np.arange(len(said.labels)), said.labels].astype(float)).mean()
    assert loss == pytest.approx(losses[-1], rel=1e-4)
