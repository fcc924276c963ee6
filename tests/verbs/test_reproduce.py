"""Published studies made again: refusals, going on, and the shortened versions of all five."""

from __future__ import annotations

import ast
import json
import os
import sys
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import secondlook as sl
from secondlook.cli import main
from secondlook.errors import DataError, RunError, UsageError
from secondlook.judge.claims import figure, within
from secondlook.measure.estimates import UNKNOWN, exactly
from secondlook.models.ladder import ladder
from secondlook.models.net import parse
from secondlook.types import Cell, Epoch, FigureTable, History, Reproduced, Reproduction, Row
from secondlook.verbs import reproductions
from secondlook.verbs.reproduce import NAMES
from secondlook.verbs.reproductions import (
    digits,
    hard_digits,
    hotdog,
    quickdraw,
    quickdraw_imbalance,
    quickdraw_models,
    slash,
)
from secondlook.verbs.reproductions.setting import Given, Outcome, Setting

DATA = os.environ.get("SECONDLOOK_DATA", "")
needs_data = pytest.mark.skipif(not DATA, reason="SECONDLOOK_DATA is not set: the studies' images are not at hand")


def test_the_published_numbers_of_weights_are_those_of_the_nets_texts() -> None:
    nets = {name: ladder()[name].net for name in (*quickdraw_models.NUMBERS, "convnet")}
    for name, n in quickdraw_models.NUMBERS.items():
        assert parse(nets[name]).count((28, 28, 1), 10).trained == n
    assert parse(nets["convnet"]).count((28, 28, 1), 10).trained == hard_digits.NUMBERS
    assert parse(digits.NETS["cnn"]).count((28, 28, 1), 10).trained == digits.CNN_NUMBERS


def test_a_study_is_made_of_what_anybody_can_call() -> None:
    """Of verbs a study uses those alone that are public."""
    public = {module for module in sl._PUBLIC.values() if module.startswith("secondlook.verbs")}
    for path in Path(reproductions.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            module = getattr(node, "module", "") or ""
            if isinstance(node, ast.ImportFrom) and module.startswith("secondlook.verbs."):
                assert module in public or module.startswith("secondlook.verbs.reproductions"), (path.name, module)


@pytest.mark.parametrize(
    ("studies", "more", "message"),
    [
        ("slashes", {}, "expected studies out of slash, digits, hard-digits, hotdog, quickdraw, or all, got 'slashes'"),
        ([], {}, "expected a study to make again, out of slash, .*, or all, got none"),
        ("slash", {"seed": -1}, "expected a --seed of 0 or more, got -1"),
        ("hotdog", {}, "expected --data DIR to make hotdog of, with train and test folders of hotdogs and other food, "
        "got none"),
        ("quickdraw", {}, "expected --data DIR to make quickdraw of, with ten categories as NAME.npy, got none"),
        ("hard-digits", {}, "expected --data DIR to make hard-digits of, with MNIST's four files, got none"),
        ("slash", {"data": "nowhere"}, "expected --data to be a folder or a file, got nowhere, which is not there"),
        ("all", {"data": "."}, "expected the study's slash_data.npz to make slash of, got ., which holds none; name"),
        ("digits,quickdraw", {"data": "."}, "expected Kaggle's train.csv or MNIST's four files to make digits of, got "
        "."),
        ("hotdog", {"data": "."}, "expected train and test folders of hotdogs and other food to make hotdog of"),
        ("quickdraw", {"data": "."}, "expected ten categories as NAME.npy to make quickdraw of"),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_refused_in_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    studies: Any,
    more: Any,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((UsageError, DataError), match=message) as caught:
        sl.reproduce(studies, quiet=True, **more)
    assert [*tmp_path.iterdir()] == [], "nothing is left behind"
    if isinstance(studies, str):
        words = ["reproduce", studies, "--json", *(word for name, x in more.items() for word in (f"--{name}", str(x)))]
        monkeypatch.setattr(sys, "argv", ["secondlook", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == caught.value.exit_code
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.count("\n") == 1


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Slash with two quick models; what was made, in order."""
    made: list[str] = []
    monkeypatch.setattr(slash, "PUBLISHED", {name: slash.PUBLISHED[name] for name in ("knn", "logistic")})
    monkeypatch.setattr(slash, "_claims", lambda at, cells: iter(()))

    def counted(at: Setting) -> Outcome:
        made.append(at.given.said)
        return slash.made(at)

    monkeypatch.setattr(slash, "STUDY", replace(slash.STUDY, made=counted))
    return made


def test_slash_is_fitted_on_all_750_and_kept(tmp_path: Path, small: list[str]) -> None:
    found = sl.reproduce("slash", quick=True, out=tmp_path / "r", quiet=True)
    one = found["slash"]
    table = one.tables[0]
    assert table.lines == ("knn", "logistic")
    kept = table.at("knn", "kept")
    assert kept is not None
    assert kept.ours == exactly(675_000), "750 images of 900 pixels"
    assert one.runs == ("sizes",)
    study = sl.load_study(found.path / "slash" / "sizes")
    assert {cell.n_test for cell in study.cells} == {250}
    test = table.at("logistic", "test accuracy")
    assert test is not None
    assert test.ours is not None
    assert test.ours.value == next(c.test_accuracy for c in study.of("logistic") if c.rows == 375)
    for name in ("report.html", "report.md", "reproduction.json", "figures.csv", "manifest.json"):
        assert (found.path / name).exists(), name
    assert json.loads((found.path / "reproduction.json").read_text())["studies"][0]["name"] == "slash"
    again = sl.load_reproduction(found.path)
    assert again.json() == found.json()
    assert sl.reproduce("slash", quick=True, out=tmp_path / "r", quiet=True).json() == found.json()
    assert len(small) == 1, "a finished one is not made again"
    with pytest.raises(RunError, match=r"another configuration \(seed was 0, now 1\)"):
        sl.reproduce("slash", quick=True, seed=1, out=tmp_path / "r", quiet=True)


def test_an_interrupted_one_is_gone_on_with(tmp_path: Path, small: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(at: Setting) -> Outcome:
        raise KeyboardInterrupt

    monkeypatch.setattr(digits, "STUDY", replace(digits.STUDY, made=fails))
    words: dict[str, Any] = {"quick": True, "out": tmp_path / "r", "quiet": True}
    with pytest.raises(KeyboardInterrupt):
        sl.reproduce("digits,slash", **words)
    with pytest.raises(
        RunError, match=r"is incomplete; go on with it by the same command: secondlook reproduce slash,digits --quick"
    ):
        sl.load_reproduction(tmp_path / "r")
    table = FigureTable("One", (figure("svm", "accuracy", 0.9, exactly(0.9)),))
    monkeypatch.setattr(digits, "STUDY", replace(digits.STUDY, made=lambda at: Outcome((table,), (), ())))
    found = sl.reproduce("digits,slash", **words)
    assert [one.name for one in found.studies] == ["slash", "digits"]
    assert len(small) == 1, "what was finished is kept"


def test_each_kind_of_directory_is_opened_by_its_own_function(tmp_path: Path, small: list[str]) -> None:
    found = sl.reproduce("slash", quick=True, out=tmp_path / "r", quiet=True)
    study = found.path / "slash" / "sizes"
    with pytest.raises(RunError, match=r"of a comparison, but .* holds a reproduction; open it with load_reproduction"):
        sl.load_run(found.path)
    with pytest.raises(RunError, match=r"of a comparison, but .* holds a study; open it with load_study"):
        sl.load_run(study)
    with pytest.raises(RunError, match=r"of a reproduction, but .* holds a study; open it with load_study"):
        sl.load_reproduction(study)
    with pytest.raises(RunError, match=r"of a reproduction, got .*, which is not there"):
        sl.load_reproduction(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"of a reproduction, but .* holds no run's config\.json"):
        sl.load_reproduction(tmp_path)


def test_a_study_that_cannot_be_made_is_said_and_the_others_are_made(
    tmp_path: Path, small: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(at: Setting) -> Outcome:
        raise RunError("the net has no state to go on from")

    monkeypatch.setattr(digits, "STUDY", replace(digits.STUDY, made=fails))
    for studies, code in (("slash", 0), ("digits,slash", 3)):
        words = ["secondlook", "reproduce", studies, "--quick", "--out", str(tmp_path / studies)]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == code
        printed = capsys.readouterr().out
        assert printed.splitlines()[-1] == str(tmp_path / studies / "report.html")
        assert ("It could not be made: the net has no state to go on from." in printed) == (code == 3)
    found = sl.load_reproduction(tmp_path / "digits,slash")
    assert [one.failed for one in found.studies] == ["", "the net has no state to go on from"]
    assert "could not be made" in (found.path / "report.html").read_text()
    assert "could not be made" in found.markdown()


def test_a_model_that_failed_leaves_its_figures_empty_and_its_claims_open() -> None:
    table = FigureTable("One", (figure("svm", "accuracy", 0.9, UNKNOWN, why="the model failed: no memory"),))
    one = Reproduced("slash", "", "", "", (), (table,), (), (), False, 1.0)
    assert not Reproduction(Path(), {}, (one,)).complete
    assert within(UNKNOWN, 0, 1) == "cannot be told"
    runs = [fake({"mlp-small": None, "cnn-small": (0.5, 0.9)})]
    assert isnan(quickdraw_models._ratio(runs, quickdraw_models._to_learn).value)
    assert isnan(quickdraw_models._gap(runs, "mlp-small").value)
    (test,) = [f for f in quickdraw_models._figures(runs, "mlp-small", UNKNOWN) if f.measure == "test accuracy"]
    assert (test.ours, test.why) == (None, "the model failed: no memory")


def fake(nets: dict[str, Any]) -> Any:
    """A run of nets by their validation accuracies, one epoch a second; None for one that failed."""
    epochs = {
        name: History(tuple(Epoch(i, float(i), 1e-3, 1.0, 1.0, 0.99, 1.0, v) for i, v in enumerate(values, 1)), 1, "")
        for name, values in nets.items() if values is not None
    }  # fmt: skip
    rows = {
        name: Row(name, "ok" if values else "failed", reason="" if values else "no memory")
        for name, values in nets.items()
    }

    class Fake(dict[str, Row]):
        histories = epochs

    return Fake(rows)


def test_time_to_learn_is_until_the_dense_nets_best_is_reached() -> None:
    run = fake({"mlp-small": (0.6, 0.7, 0.69), "cnn-small": (0.65, 0.71, 0.8), "cnn-nopool": (0.1, 0.2, 0.3)})
    assert quickdraw_models._to_learn(run, "mlp-small") == 2
    assert quickdraw_models._to_learn(run, "cnn-small") == 2
    assert isnan(quickdraw_models._to_learn(run, "cnn-nopool")), "it never becomes so good"
    assert quickdraw_models._per_epoch(run, "mlp-small") == 1
    assert quickdraw_models._ratio([run] * 3, quickdraw_models._to_learn).value == pytest.approx(1)
    assert quickdraw_models._gap([run], "cnn-small").value == pytest.approx(0.99 - 0.8)


def test_an_uneven_test_part_weighs_recalls_as_training_does() -> None:
    cells = [
        Cell("a", "cnn-small", seed, 90, 2, ("common", "rare"), minority=10, hits=(95 + seed, 40), counts=(100, 100))
        for seed in range(2)
    ]
    found = quickdraw_imbalance.as_uneven(cells, ("common", "rare"), 90, 10)
    assert found.value == pytest.approx(0.9 * 0.955 + 0.1 * 0.4)
    assert quickdraw_imbalance.recall(cells, "rare").value == 0.4
    assert isnan(quickdraw_imbalance.as_uneven([], ("common", "rare"), 90, 10).value)


@pytest.mark.parametrize(
    ("quick", "stand_in", "verdict"), [(0, 0, "holds"), (1, 0, "cannot be told"), (0, 1, "cannot be told")]
)
def test_levels_are_not_told_by_short_trainings_or_other_images(quick: bool, stand_in: bool, verdict: str) -> None:
    at = Setting(Given("x", "images", bool(stand_in)), Path(), bool(quick), 0, True)
    assert at.claim("It is high.", "holds", "so", levels=True).verdict == verdict
    assert at.claim("It is higher.", "holds", "so").verdict == "holds"


def test_photos_of_hotdogs_are_known_by_their_folder(tmp_path: Path) -> None:
    (tmp_path / "train" / "Other food").mkdir(parents=True)
    with pytest.raises(DataError, match=r"expected a folder of hotdogs in .*train, got none of that name; rename it"):
        hotdog.find(tmp_path)
    (tmp_path / "train" / "Hot Dogs").mkdir()
    assert hotdog.find(tmp_path).stand_in


def test_drawings_are_found_by_their_names_and_only_those_asked_for_are_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name in (*quickdraw.CATEGORIES, "zebra"):
        np.save(tmp_path / f"full_numpy_bitmap_{name}.npy", rng.integers(0, 255, (1_300, 784), dtype=np.uint8))
    given = quickdraw.find(tmp_path)
    assert not given.stand_in
    assert "1,300 drawings of each" in given.said
    files = quickdraw._ten(quickdraw._files(tmp_path))
    assert set(files) == set(quickdraw.CATEGORIES)
    two = {name: files[name] for name in ("fork", "fish")}
    pixels, names = quickdraw.some_of(two, 7, 0)
    assert (pixels.shape, list(names)) == ((14, 28, 28), ["fork"] * 7 + ["fish"] * 7)
    forks = np.load(files["fork"]).reshape(-1, 28, 28)
    assert all((forks == one).all(axis=(1, 2)).any() for one in pixels[:7])
    assert np.array_equal(quickdraw.some_of(two, 7, 0)[0], pixels)
    assert not np.array_equal(quickdraw.some_of(two, 7, 1)[0], pixels)
    np.save(files["fork"], forks[:9])
    with pytest.raises(DataError, match="expected 1,250 drawings of each category for quickdraw, got 9 of one in"):
        quickdraw.find(tmp_path)


def test_what_is_not_mnist_is_a_stand_in(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"")
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(b"12")
    for study in (digits, hard_digits):
        given = study.find(tmp_path)
        assert given.stand_in
        assert "not MNIST" in given.said
    (tmp_path / "own.npz").write_bytes(b"")
    assert slash.find(tmp_path / "own.npz").stand_in
    (tmp_path / "train.csv").write_text("path,label\n")
    with pytest.raises(DataError, match=r"expected Kaggle's train.csv"):
        digits.find(tmp_path / "train.csv")
    (tmp_path / "train.csv").write_text("label,pixel0,pixel1\n")
    assert not digits.find(tmp_path / "train.csv").stand_in


@needs_data
def test_mnist_is_known_by_its_labels() -> None:
    assert not hard_digits.find(Path(DATA)).stand_in
    assert not digits.find(Path(DATA) / "mnist").stand_in
    assert hard_digits.find(Path(DATA) / "fashion_mnist").stand_in


@pytest.mark.slow
def test_digits_are_made_of_a_stand_in_that_is_said(tmp_path: Path) -> None:
    found = sl.reproduce("digits", quick=True, out=tmp_path / "r", quiet=True)["digits"]
    assert "1,797" in found.data
    assert any("not the study's digits" in said for said in found.differences)
    assert all(one.ours is not None for one in found.figures)


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_study_is_made_quickly(tmp_path: Path, name: str) -> None:
    found = sl.reproduce(name, DATA, quick=True, out=tmp_path / "r", quiet=True)
    (one,) = found.studies
    assert one.claims
    assert one.quick
    there = [f for f in one.figures if f.published is not None and f.ours is not None]
    assert len(there) >= 3
    assert not [f for f in one.figures if f.why == "the model failed"]
    counts = {(f.of, f.measure): f for f in one.figures if f.unit == "count" and f.published is not None}
    if name in ("hard-digits", "quickdraw"):
        assert all(f.agrees for f in counts.values()), "numbers of weights are exact"
    assert found.markdown().count("**holds**") == sum(c.verdict == "holds" for c in one.claims)
