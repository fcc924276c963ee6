"""Augmentation in comparisons: what nets are given, what auto decides, what the run says of it."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from sklearn.datasets import load_digits

import secondlook as sl
from secondlook.errors import UsageError
from secondlook.models.safety_candidates import CANDIDATES
from secondlook.show.terminal import table_text
from secondlook.types import LabelSafety, Moved, Run, Trial
from secondlook.verbs import augmenting
from secondlook.verbs.continuing import continue_run
from secondlook.verbs.options import Options

NET = {"tiny": "conv 4 3x3, relu, globalmax"}


def some(n: int = 300) -> tuple[Any, Any]:
    images, y = load_digits(return_X_y=True)
    keep = y < 3
    return images.reshape(-1, 8, 8)[keep][:n], y[keep][:n]


def compare(out: Path, **more: Any) -> Run:
    more = {"models": "logistic", "nets": NET, "epochs": 2, "quiet": True, **more}
    return sl.compare(some(), out=out, **more)


def test_what_was_asked_for_is_used_by_nets_and_said(tmp_path: Path) -> None:
    run = compare(tmp_path / "run", augment="flip, shift=1")
    assert run.config["augment"] == "shift=1,flip"
    assert "--augment shift=1,flip" in run.config["command"]
    said = " ".join(table_text(run).split())
    assert "The training images of tiny were varied by shift=1,flip; logistic learnt from images as they are." in said
    assert "varied by shift=1,flip" in (run.path / "report.html").read_text()
    assert run.label_safety is None


def test_auto_is_decided_in_a_child_kept_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def decide(task: Any, emit: Any) -> LabelSafety:
        emit("trial", {"augment": "flip", "verdict": "refused"})
        flip = Trial("flip", "refused", 1.0, 1.1, task.classes[2], 40, (Moved(task.classes[2], 40, 39, "1", 39),))
        known = dict.fromkeys(task.classes, 0.9)
        return LabelSafety(
            "rotate=10", "", (flip, Trial("rotate=10", "kept", 0.0, 0.05, "0", 40)), known, "", 3, 1, 120, 0.1
        )

    monkeypatch.setattr(augmenting, "decide", decide)
    run = compare(tmp_path / "run", augment="auto", quiet=False)
    lines = capsys.readouterr().err.splitlines()
    assert "augment auto: rotate=10" in lines
    assert "  flip: refused: 39 of 40 images of '2' become '1'" in lines
    assert run.config["augment"] == "auto"
    kept = run.label_safety
    assert kept is not None
    assert kept == LabelSafety.from_json(json.loads((run.path / "augment.json").read_text()))
    page = (run.path / "report.html").read_text()
    assert "varied by rotate=10, as auto decided" in page
    assert "39 of 40 images of &#39;2&#39; become" in page


@pytest.mark.slow
def test_a_run_that_goes_on_takes_what_its_parent_decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decide(task: Any, emit: Any) -> LabelSafety:
        return LabelSafety(
            "rotate=10", "", (Trial("rotate=10", "kept", 0.0, 0.05, "0", 40),), {"0": 0.9}, "", 3, 1, 120, 0.1
        )

    monkeypatch.setattr(augmenting, "decide", decide)
    run = compare(tmp_path / "run", augment="auto")
    monkeypatch.setattr(augmenting, "decide", None)
    child = continue_run(run.path, "tiny", data=some(), epochs=1, out=tmp_path / "child", quiet=True)
    assert child.label_safety == run.label_safety


@pytest.mark.slow
def test_where_nothing_can_be_decided_nothing_is_varied(tmp_path: Path) -> None:
    run = sl.compare(some(60), models="", nets=NET, epochs=1, augment="auto", out=tmp_path / "run", quiet=True)
    assert run.label_safety is not None
    assert run.label_safety.augment == ""
    said = " ".join(table_text(run).split())
    assert (
        "Augment auto: nothing is varied, since nothing could be decided: the training and validation parts have"
        in said
    )


def test_without_a_net_there_is_nothing_to_decide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = compare(tmp_path / "run", nets=None, augment="auto", quiet=False)
    assert "augment auto: none of these models is a net, so nothing is varied" in capsys.readouterr().err
    assert run.label_safety is None
    assert "varied" not in table_text(run)


def test_what_cannot_be_is_refused_before_anything_is_fitted(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected --augment auto without --cv, since each fold would have to decide"):
        compare(tmp_path / "run", augment="auto", cv=3)
    with pytest.raises(UsageError, match="there is no augmentation 'flipp', did you mean 'flip'"):
        compare(tmp_path / "run", augment="flipp")
    with pytest.raises(UsageError, match="expected shift in --augment below the images' 8 pixels, got 9"):
        compare(tmp_path / "run", augment="shift=9")
    assert not (tmp_path / "run" / "run.json").exists()


@pytest.mark.slow
def test_a_decision_that_fails_leaves_images_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def decide(task: Any, emit: Any) -> LabelSafety:
        raise ValueError("no such thing")

    monkeypatch.setattr(augmenting, "decide", decide)
    run = compare(tmp_path / "run", augment="auto")
    assert run.label_safety is not None
    assert run.label_safety.augment == ""
    assert "no such thing" in run.label_safety.problem
    assert run["tiny"].status == "ok"


@pytest.mark.slow
def test_on_the_slash_studys_file_auto_refuses_mirrors_and_takes_shifts(real_data: Path, tmp_path: Path) -> None:
    path = real_data / "slash" / "slash_data.npz"
    run = sl.compare(path, models="cnn-tiny", epochs=1, augment="auto", out=tmp_path / "run", quiet=True)
    found = run.label_safety
    assert found is not None
    assert "shift=" in found.augment
    assert "flip" not in found.augment
    refused = {t.augment.partition("=")[0]: t for t in found.trials if t.verdict == "refused"}
    assert refused["flip"].moved[0].lost == refused["flip"].moved[0].right
    assert {c.name for c in CANDIDATES} >= {*refused}


@pytest.mark.slow
def test_a_decision_that_takes_too_long_leaves_images_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decide(task: Any, emit: Any) -> LabelSafety:
        import time

        time.sleep(600)
        raise AssertionError

    monkeypatch.setattr(augmenting, "decide", decide)
    run = compare(tmp_path / "run", augment="auto", limit=8)
    assert run.label_safety is not None
    assert run.label_safety.problem == "it was not done within the 8 s it had"


def test_the_time_for_a_decision_is_the_limit_or_what_is_left_of_the_budget() -> None:
    def options(**more: Any) -> Options:
        return Options(
            0.15, 0.15, "accuracy", False, None, **{"budget": None, "limit": None, **more}, size=None, seed=0
        )

    began = perf_counter() - 100
    assert augmenting._seconds(options(), began) is None
    assert augmenting._seconds(options(limit=7), began) == 7
    assert augmenting._seconds(options(limit=70, budget=130), began) == pytest.approx(30, abs=5)
    assert augmenting._seconds(options(budget=50), began) == 0


def test_folds_take_words() -> None:
    assert Options(0.15, 0.15, "accuracy", False, None, None, None, None, 0, cv=5, augment="flip").augment == "flip"
