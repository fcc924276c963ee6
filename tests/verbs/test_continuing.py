"""Going on with a finished run: a child that names its parent, on the same images and parts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, precision_score, recall_score

import secondlook as sl
from secondlook.errors import RunError, UsageError
from secondlook.runs.files import checksum, write_json
from secondlook.types import Seam

TINY = {"tiny": "conv 2 3x3, relu, dropout 0.2, globalavg", "other": "dense 4"}


def dots(n: int = 150, seed: int = 0) -> tuple[Any, Any]:
    """Noisy 8x8 images, one in five with a bright dot; half of those are too weak to be sure of."""
    rng = np.random.default_rng(seed)
    X, y = rng.integers(0, 160, (n, 8, 8), dtype=np.uint8), (np.arange(n) % 5 == 4).astype(int)
    for i in np.flatnonzero(y):
        X[i, rng.integers(8), rng.integers(8)] = rng.integers(150, 255)
    return X, np.array(["plain", "dot"])[y]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs")
    X, y = dots()
    np.savez(path / "dots.npz", X=X, y=y)
    return path


@pytest.fixture(scope="module")
def parent(folder: Path) -> sl.Run:
    return sl.compare(
        folder / "dots.npz", models=["knn"], nets=TINY, epochs=2, seed=3, mute="D202", out=folder / "first", quiet=True
    )


@pytest.fixture(scope="module")
def sealed(parent: sl.Run) -> dict[str, str]:
    return {str(p): checksum(p) for p in sorted(parent.path.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def child(parent: sl.Run, sealed: dict[str, str], folder: Path) -> sl.Run:
    return sl.continue_run(parent.path, "tiny", epochs=3, class_weight={"dot": 4}, out=folder / "second", quiet=True)


@pytest.fixture(scope="module", params=[2, pytest.param(3, marks=pytest.mark.slow)])
def rounds(request: pytest.FixtureRequest, parent: sl.Run, child: sl.Run, folder: Path) -> tuple[sl.Run, ...]:
    """A run, its child, and a child of that, whose options are all its parent's."""
    if request.param == 2:
        return parent, child
    return parent, child, sl.continue_run(child.path, out=folder / "third", quiet=True)


def test_the_parent_stays_as_it_was(parent: sl.Run, sealed: dict[str, str], rounds: tuple[sl.Run, ...]) -> None:
    assert {str(p): checksum(p) for p in sorted(parent.path.rglob("*")) if p.is_file()} == sealed


def test_a_child_names_its_parent_and_keeps_its_images_parts_and_options(parent: sl.Run, child: sl.Run) -> None:
    config = child.config
    assert config["parent"]["path"] == str(parent.path)
    assert config["parent"]["manifest"] == checksum(parent.path / "manifest.json")
    assert (config["parent"]["model"], config["parent"]["epochs"]) == ("tiny", 2)
    assert config["split"]["fingerprint"] == parent.config["split"]["fingerprint"]
    assert child.data["fingerprint"] == parent.data["fingerprint"]
    np.testing.assert_array_equal(child.predictions("tiny").items, parent.predictions("tiny").items)
    assert (config["seed"], config["mute"]) == (3, "D202")
    assert (config["class_weight"], config["class_weights"]) == ("dot=4", {"dot": 4.0, "plain": 1.0})
    assert [row.model for row in child.rows] == ["tiny"]
    assert child.path.joinpath("manifest.json").exists()
    sl.load_run(child.path, verify=True)


def test_the_histories_are_joined_and_the_seams_known(rounds: tuple[sl.Run, ...]) -> None:
    histories = [run.histories["tiny"] for run in rounds]
    last, ends = histories[-1], (2, 5, 8)[: len(rounds)]
    for history, end in zip(histories, ends, strict=True):
        assert last.epochs[:end] == history.epochs
    assert [e.epoch for e in last.epochs] == list(range(1, ends[-1] + 1))
    assert last.seams == (Seam(2, ("class weights",)), Seam(5))[: len(rounds) - 1]
    assert [e.weighted for e in last.epochs] == [False] * 2 + [True] * (ends[-1] - 2)
    # The first two are of another objective.
    losses = {e.epoch: e.valid_weighted_loss for e in last.epochs if e.epoch > 2}
    assert last.best == min(losses, key=lambda e: losses[e])
    assert rounds[1]["tiny"].reason == "went on from epoch 2, with other class weights"


def test_the_test_part_s_openings_are_counted_on(rounds: tuple[sl.Run, ...]) -> None:
    assert [run.config["test_opened"] for run in rounds] == [1, 2, 3][: len(rounds)]


def test_the_rounds_stand_side_by_side_and_equal_scikit_learn(rounds: tuple[sl.Run, ...]) -> None:
    assert rounds[0].rounds == ()
    last, found = rounds[-1], rounds[-1].rounds
    assert [(r.first, r.last) for r in found] == [(1, 2), (3, 5), (6, 8)][: len(rounds)]
    assert [r.kept for r in found] == [run.histories["tiny"].best for run in rounds]
    assert [r.class_weight for r in found] == ["", "dot=4", "dot=4"][: len(rounds)]
    assert [r.run for r in found] == [str(run.path) for run in rounds]
    for run, one in zip(rounds, found, strict=True):
        said = run.predictions("tiny")
        y, answers = said.labels, said.predicted
        np.testing.assert_array_equal(one.matrix, confusion_matrix(y, answers, labels=[0, 1]))
        np.testing.assert_allclose(one.recall, recall_score(y, answers, average=None, labels=[0, 1]))
        precision = precision_score(y, answers, average=None, labels=[0, 1], zero_division=0)
        np.testing.assert_allclose(one.precision, precision)
        assert one.balanced_accuracy == pytest.approx(balanced_accuracy_score(y, answers))
        assert one.accuracy == run["tiny"].test_accuracy
        score = run.scores("tiny")["balanced_accuracy"]
        if one.balanced_low is not None:
            assert (one.balanced_low, one.balanced_high) == pytest.approx((score.low, score.high))
    document = json.loads((last.path / "run.json").read_text())
    assert document == json.loads(json.dumps(last.json()))
    assert len(document["rounds"]) == len(rounds)
    assert "rounds" not in rounds[0].json()


def test_the_report_and_the_terminal_show_the_rounds(rounds: tuple[sl.Run, ...]) -> None:
    from secondlook.show.terminal import table_text

    last, n = rounds[-1], len(rounds)
    page = (last.path / "report.html").read_text()
    assert "<h2>Rounds</h2>" in page
    assert f"Confusion matrix of tiny after round {n}" in page
    assert f"<dd>{n} times</dd>" in page, "how often the test part was opened"
    assert f"{rounds[-2].path}, tiny after epoch {last.config['parent']['epochs']}" in page
    assert "Rounds" not in (rounds[0].path / "report.html").read_text()
    lines = table_text(last).splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("rounds of tiny, on the same"))
    assert lines[at + 1].split() == ["round", "epochs", "weights", "kept", "accuracy", "balanced", "dot", "plain"]
    assert lines[at + 3].split()[:4] == ["2", "3–5", "dot=4", str(last.rounds[1].kept)]
    assert all(len(line) <= 100 for line in lines[at : at + 2 + n])


def test_the_same_command_makes_or_shows_the_same_child(child: sl.Run, capfd: Any) -> None:
    assert child.config["command"] == (
        f"secondlook compare --continue {child.config['parent']['path']} --model tiny --epochs 3 "
        f"--class-weight dot=4 --out {child.path}"
    )
    code, out, err = run_cli(child.config["command"].split()[1:], capfd)
    assert code in (0, 3), err
    assert "is finished already; nothing was fitted again" in err
    assert "rounds of tiny" in out


@pytest.mark.slow
def test_weights_can_be_left_off_and_arrays_given_again(child: sl.Run, folder: Path) -> None:
    plain = sl.continue_run(child.path, data=dots(), epochs=1, class_weight="none", out=folder / "plain", quiet=True)
    assert plain.config["class_weight"] == ""
    assert plain.histories["tiny"].seams[1] == Seam(5, ("class weights",))
    assert plain.histories["tiny"].best == 6


# --- refusals ------------------------------------------------------------------------------------------------------


def run_cli(words: list[str], capfd: Any) -> tuple[int, str, str]:
    from secondlook.cli import main

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["secondlook", *words])
        with pytest.raises(SystemExit) as end:
            main()
    out, err = capfd.readouterr()
    return int(end.value.code or 0), out, err


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("lenet", r"expected --model to be in the run .*first, got 'lenet'; it has .*knn"),
        ("knn", r"expected --model to be a net, got 'knn', which is not trained in epochs; the nets of .*first are"),
        ("", r"expected --model with the net to go on with, got none; the nets of .*first are"),
    ],
)  # fmt: skip
def test_a_model_that_cannot_go_on_is_refused(parent: sl.Run, model: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        sl.continue_run(parent.path, model, out=tmp_path / "r", quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_other_images_are_refused(parent: sl.Run, tmp_path: Path) -> None:
    X, y = dots()
    X[0] += 1
    with pytest.raises(RunError, match=r"expected the images of .*first \(fingerprint \w+\), got others \(\w+\); give"):
        sl.continue_run(parent.path, "tiny", data=(X, y), out=tmp_path / "r", quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_a_class_that_is_not_there_is_refused(parent: sl.Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"to name classes, got 'dto', did you mean 'dot'\?"):
        sl.continue_run(parent.path, "tiny", class_weight="dto=2", out=tmp_path / "r", quiet=True)
    assert list(tmp_path.iterdir()) == []


def altered(parent: sl.Run, to: Path, file: str, change: Any) -> Path:
    """A copy of the run whose JSON file is changed, sealed again."""
    import shutil

    shutil.copytree(parent.path, to)
    if file:
        document = json.loads((to / file).read_text())
        change(document)
        write_json(to / file, document)
    manifest = json.loads((to / "manifest.json").read_text())
    manifest["files"] = {
        name: {"bytes": (to / name).stat().st_size, "sha256": checksum(to / name)}
        for name in manifest["files"]
        if (to / name).exists()
    }
    write_json(to / "manifest.json", manifest)
    return to


def test_a_run_with_folds_is_refused(parent: sl.Run, tmp_path: Path) -> None:
    path = altered(parent, tmp_path / "r", "config.json", lambda config: config.update(cv="5x2"))
    with pytest.raises(
        UsageError, match=r"expected a run with one split to go on from, got .*, which was made with --cv"
    ):
        sl.continue_run(path, "tiny")


def test_a_module_of_one_s_own_is_refused(parent: sl.Run, tmp_path: Path) -> None:
    def own(run: dict[str, Any]) -> None:
        next(row for row in run["rows"] if row["model"] == "tiny")["net"] = "your own module, 1234abcd"

    path = altered(parent, tmp_path / "r", "run.json", own)
    with pytest.raises(UsageError, match="to be a net of one line of text, got 'tiny', a module of your own"):
        sl.continue_run(path, "tiny")


def test_a_run_without_a_state_is_refused(parent: sl.Run, tmp_path: Path) -> None:
    path = altered(parent, tmp_path / "r", "", None)
    (path / "models/tiny/state.safetensors").unlink()
    path = altered(sl.load_run(path), tmp_path / "s", "", None)
    with pytest.raises(RunError, match=r"keeps no state of 'tiny' to go on from \(it was made by an older version\)"):
        sl.continue_run(path, "tiny")


def test_a_changed_or_incomplete_parent_is_refused(parent: sl.Run, tmp_path: Path) -> None:
    path = altered(parent, tmp_path / "r", "", None)
    (path / "table.csv").write_text("nonsense")
    with pytest.raises(RunError, match=r"table.csv is missing or was changed after the run was finished"):
        sl.continue_run(path, "tiny")
    (path / "manifest.json").unlink()
    with pytest.raises(RunError, match="is incomplete; go on with it by the same command: secondlook compare"):
        sl.continue_run(path, "tiny")
    with pytest.raises(RunError, match=r"expected the directory of a comparison, got .*, which is not there"):
        sl.continue_run(tmp_path / "nowhere", "tiny")


def test_a_run_of_arrays_wants_them_again(parent: sl.Run, tmp_path: Path) -> None:
    path = altered(parent, tmp_path / "r", "data.json", lambda data: data.update(source="arrays"))
    run = json.loads((path / "run.json").read_text())
    assert run["data"]["source"].endswith("dots.npz")
    with pytest.raises(UsageError, match=r"expected data, since .* was made of arrays, got none; give them again"):
        sl.continue_run(path, "tiny")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--valid", "0.2"], "expected --continue without --valid, which the run has settled; leave it out"),
        (
            ["--seed", "1", "--metric", "accuracy"],
            "without --metric, --seed, which the run has settled; leave them out",
        ),
        (["--models", "knn"], "expected --continue without --models"),
    ],
)
def test_what_the_parent_has_settled_is_refused(parent: sl.Run, words: list[str], message: str, capfd: Any) -> None:
    code, out, err = run_cli(["compare", "--continue", str(parent.path), "--model", "tiny", *words], capfd)
    assert (code, out) == (2, "")
    assert message in err


def test_a_model_alone_is_refused(capfd: Any) -> None:
    code, _, err = run_cli(["compare", "--model", "lenet"], capfd)
    assert code == 2
    assert "expected --model with --continue RUN, got it alone; a comparison takes --models" in err
