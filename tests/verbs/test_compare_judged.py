"""A comparison judges its models: findings and probes in the run, the table, the report and the exit code."""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

import secondlook as sl
from secondlook.judge.findings import model_checks
from secondlook.judge.probes import sample
from secondlook.models.probing import read_probes
from secondlook.types import Run

CODES = sorted(check.code for check in model_checks())


def bars(n: int, rare: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a bright bar on the left (class 0) or, for this share of the images, on the right (class 1)."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) < rare * n).astype(int)
    x = rng.integers(0, 200, (n, 10, 10)).astype(np.uint8)
    x[y == 0, :, 1:4] = 230
    x[y == 1, :, 6:9] = 230
    return x, y


def run_main(words: list[str], folder: Path) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of a command in a folder."""
    from secondlook.cli import main

    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["secondlook", *words])
        try:
            code = main()
        except SystemExit as exit:
            code = int(exit.code or 0)
    return int(code or 0), out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("judged") / "r"
    return sl.compare(bars(240, 0.15), models="majority,logistic,knn", out=path, quiet=True)


def test_every_check_of_models_is_made_and_kept_with_the_run(run: Run) -> None:
    found = [finding.code for finding in run.findings if finding.on_models]
    assert sorted([*found, *run.checks["silent"], *run.checks["not_applicable"], *run.checks["muted"]]) == CODES
    assert "M101" in found
    document = json.loads((run.path / "run.json").read_text())
    assert document == run.json() == sl.load_run(run.path).json()
    order = [(["serious", "warning", "info"].index(f["severity"]), f["code"]) for f in document["findings"]]
    assert order == sorted(order)
    assert [f.code for f in run.audit.findings] == [f.code for f in run.findings if f.code.startswith("D")]
    assert "findings.npz" in json.loads((run.path / "manifest.json").read_text())["files"]


def test_the_probe_asks_every_model_but_the_baseline_about_the_same_images(run: Run) -> None:
    table = run.probes()
    assert set(table["model"]) == {"logistic", "knn"}
    assert list(table[table["model"] == "knn"]["probe"]) == list(run.invariance.kinds)
    assert set(table["n"]) == {run["knn"].n_test}
    for model in ("logistic", "knn"):
        untouched = run.probes(model).iloc[0]
        assert untouched["accuracy"] == pytest.approx(run[model].test_accuracy)
        kept = read_probes(run.path / "models" / model / "probes.npz")
        np.testing.assert_array_equal(kept["items"], sample(run.predictions(model).labels, (10, 10, 1), 0))
    assert run.invariance.skipped == {}
    assert run.json()["probes"]["n"] == run["knn"].n_test


def test_accuracy_is_doubted_before_any_number_is_praised(run: Run) -> None:
    from secondlook.show.terminal import table_text
    from secondlook.show.words import sentences

    (doubt,) = [finding for finding in run.findings if finding.code == "M101"]
    first = sentences(run)[0]
    assert first.text == doubt.title
    assert first.anchor == "M101"
    text = (run.path / "report.html").read_text()
    assert text.index("Accuracy misleads here") < text.index("was chosen on validation")
    assert 'id="M101"' in text
    lines = table_text(run).splitlines()
    assert lines[1].startswith("M101 warning Accuracy misleads here:")
    assert not any(line.startswith(("D201", "M101")) for line in lines[2:])


def test_a_chosen_model_that_guesses_fails_the_pipeline_unless_it_is_muted(tmp_path: Path) -> None:
    x, _ = bars(150, 0.0)
    np.savez(tmp_path / "s.npz", x=x, y=np.random.default_rng(3).integers(0, 2, 150))
    words = ["compare", "s.npz", "--models", "logistic", "--test", "50", "--json"]
    code, out, _ = run_main([*words, "--out", "a"], tmp_path)
    found = {finding["code"]: finding for finding in json.loads(out)["findings"]}
    assert (code, found["M106"]["severity"]) == (3, "serious")
    code, out, _ = run_main([*words, "--out", "b", "--mute", "m106,M107"], tmp_path)
    document = json.loads(out)
    assert code == 0
    assert not {"M106", "M107"} & {finding["code"] for finding in document["findings"]}
    assert document["checks"]["muted"] == ["M106", "M107"]
    assert "muted: M106, M107." in (tmp_path / "b" / "report.html").read_text()
    code, _, err = run_main([*words, "--out", "c", "--mute", "M999"], tmp_path)
    assert code == 2
    assert "expected --mute with codes out of D101" in err


@pytest.mark.slow
def test_with_folds_the_first_is_probed_and_calibration_is_not_asked(tmp_path: Path) -> None:
    run = sl.compare(bars(90, 0.4), models="logistic", cv="3x1", out=tmp_path / "r", quiet=True)
    assert run.checks["not_applicable"]["M108"] == "with folds every part is answered by models of its own"
    with np.load(run.path / "items.npz") as file:
        first = np.flatnonzero(file["folds"][0] == 3)
    table = run.probes("logistic")
    assert set(table["n"]) == {len(first)} == {30}
    said = run.predictions("logistic")
    right = (said.predicted == said.labels)[np.isin(said.items, first)]
    assert table["accuracy"][0] == pytest.approx(right.mean())


@pytest.mark.slow
def test_slashes_leave_linear_models_at_chance_and_a_convolution_flat(real_data: Path, tmp_path: Path) -> None:
    run = sl.compare(
        real_data / "slash" / "slash_data.npz", models="logistic,linear-svm,cnn-tiny", test=250, out=tmp_path / "r",
        quiet=True,
    )  # fmt: skip
    table = run.probes().set_index(["model", "probe"])["accuracy"]
    for model in ("logistic", "linear-svm"):
        assert all(abs(table[model, kind] - 0.5) < 0.1 for kind in run.invariance.kinds)
    assert all(table["cnn-tiny", kind] > 0.9 for kind in ("untouched", "shift 1", "shift 2", "shift 3", "shift 4"))
