"""The rounds of a training that was gone on with: side by side in the report, a line each in the terminal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from secondlook.measure.learning import overfitting_from
from secondlook.measure.scores import balanced_accuracy, per_class
from secondlook.show.made import made
from secondlook.show.palette import LIGHT
from secondlook.show.plots import plot_history
from secondlook.show.report import write_report
from secondlook.show.rounds import round_lines, rounds
from secondlook.types import Epoch, History, Round, Row, Seam


def one_round(matrix: Any, first: int, last: int, kept: int, weights: str = "", augment: str = "") -> Round:
    matrix = np.array(matrix)
    classes, share = per_class(matrix), float(np.trace(matrix) / matrix.sum())
    return Round(
        "runs/r", "lenet", first, last, kept, weights, augment, share, share - 0.02, share + 0.02,
        balanced_accuracy(matrix), 0.5, 0.75, tuple(classes["precision"]), tuple(classes["recall"]), matrix,
    )  # fmt: skip


HOTDOGS = (
    one_round([[35, 85], [39, 761]], 1, 10, 5),
    one_round([[59, 61], [189, 611]], 11, 20, 11, "hotdog=7"),
)


@pytest.fixture
def two_classes(make_run: Any) -> Any:
    """A run of two classes, with these rounds."""
    run = make_run(k=2, classes=("hotdog", "other"), n_test=920, lost=False)
    return lambda found=HOTDOGS: replace(run, rounds=found)


def test_the_sentence_is_made_from_the_numbers(two_classes: Any) -> None:
    found = rounds(two_classes())
    assert found is not None
    assert found.text.replace("\u00a0", " ") == (
        "Every round is judged on the same 920 test images. From the first round to the last the recall of hotdog (120 "
        "images) rose from 29 % to 49 %; its precision went from 47 % to 24 %."
    )
    fell = rounds(two_classes(HOTDOGS[::-1]))
    assert fell is not None
    assert "fell from 49" in fell.text


def test_every_round_has_its_cell_in_every_line(two_classes: Any) -> None:
    found = rounds(two_classes())
    assert found is not None
    table = dict(found.lines)
    assert found.heads == ("round 1", "round 2")
    assert table["epochs"] == ("1–10", "11–20")
    assert table["class weights"] == ("none", "hotdog=7")
    assert table["kept epoch"] == ("5", "11")
    assert table["balanced accuracy"] == (".62 ± .13", ".63 ± .13")
    assert table["recall of hotdog"] == (".29 ± .09", ".49 ± .09")
    assert table["precision of hotdog"][1] == ".24 ± .06"
    assert "augmentation" not in table, "nobody augmented"
    augmented = rounds(two_classes((HOTDOGS[0], replace(HOTDOGS[1], augment="flip"))))
    assert augmented is not None
    assert dict(augmented.lines)["augmentation"] == ("none", "flip")


def test_a_round_that_brought_nothing_says_so(two_classes: Any) -> None:
    idle = replace(HOTDOGS[1], first=21, last=40, kept=11)
    found = rounds(two_classes((*HOTDOGS, idle)))
    assert found is not None
    assert found.text.endswith(
        "The last round brought no lower validation loss: what it keeps are the weights of epoch 11, from before it."
    )
    same = rounds(two_classes((HOTDOGS[1], idle)))
    assert same is not None
    assert "No class's recall changed. The last round brought no lower" in same.text


def test_a_class_that_is_never_answered_has_no_precision(two_classes: Any) -> None:
    never = one_round([[0, 120], [0, 800]], 1, 2, 1)
    found = rounds(two_classes((never, HOTDOGS[1])))
    assert found is not None
    assert dict(found.lines)["precision of hotdog"][0] == "–"
    assert "its precision went from none (it was never answered) to 24" in found.text
    assert dict(rounds(two_classes((replace(never, balanced_low=None, balanced_high=None), never))).lines)[  # type: ignore[union-attr]
        "balanced accuracy"
    ] == (".500", ".50 ± .25")


@pytest.mark.parametrize(("k", "svg"), [(12, True), (25, False)])
def test_of_many_classes_those_that_changed_the_most_are_listed(k: int, svg: bool, make_run: Any) -> None:
    first, last = np.eye(k, dtype=int) * 10, np.eye(k, dtype=int) * 10
    for c in (3, 5, 11):
        last[c, c], last[c, 0] = 10 - c % 7, c % 7
    run = replace(make_run(k=k, n_test=500, lost=False), rounds=(one_round(first, 1, 2, 2), one_round(last, 3, 4, 4)))
    found = rounds(run)
    assert found is not None
    named = [name for name, _ in found.lines if name.startswith("recall of")]
    assert len(named) == 8
    assert {"recall of 3", "recall of 5", "recall of 11"} <= set(named)
    assert "Listed are the 8 classes whose recall changed the most." in found.text
    assert all((panel[2] is not None) is svg and bool(panel[3]) is not svg for panel in found.matrices)
    text = [line.plain for line in round_lines(run, 100)]
    assert text[0] == f"rounds of lenet, on the same {10 * k} test images"
    assert text[1].split() == ["round", "epochs", "weights", "kept", "accuracy", "balanced"]


def test_the_terminal_has_a_line_per_round_within_its_width(two_classes: Any) -> None:
    lines = [line.plain for line in round_lines(two_classes(), 100)]
    assert lines[0] == "rounds of lenet, on the same 920 test images: precision/recall"
    assert lines[1].split() == ["round", "epochs", "weights", "kept", "accuracy", "balanced", "hotdog", "other"]
    assert lines[3].split()[-2:] == [".24/.49", ".91/.76"]
    assert all(len(line) <= 100 for line in lines)
    long = replace(HOTDOGS[1], class_weight="hotdog=7,other=0.123456789,and=so,on=1")
    narrow = [line.plain for line in round_lines(two_classes((HOTDOGS[0], long)), 60)]
    assert all(len(line) <= 60 for line in narrow)
    assert "hotdog=7,other=0.12…" in narrow[3]


def test_a_run_that_began_by_itself_shows_no_rounds(tmp_path: Any, make_run: Any) -> None:
    run = make_run(lost=False)
    assert rounds(run) is None
    assert round_lines(run, 100) == []
    assert "<h2>Rounds</h2>" not in write_report(run, tmp_path / "r.html").read_text()


# --- the joined curve ----------------------------------------------------------------------------------------------


def joined() -> History:
    """Ten plain epochs, ten weighted, ten more: the weighted loss is lowest in epoch 13 and rises from there."""
    plain = [Epoch(e, e, 1e-3, 0.5, 0.6 / e, 0.9, 0.3 + 0.02 * abs(e - 5), 0.9) for e in range(1, 11)]
    weighted = [
        Epoch(e, e, 1e-3, 0.5, 0.5 / e, 0.9, 0.6, 0.9, 0.7 / e, 0.4 + 0.03 * abs(e - 13)) for e in range(11, 31)
    ]
    return History((*plain, *weighted), 13, "all 30 epochs done", (Seam(10, ("class weights",)), Seam(20)))


def test_overfitting_is_sought_in_what_is_optimised_since_that_last_changed() -> None:
    assert overfitting_from(joined()) == 13
    assert overfitting_from(replace(joined(), epochs=joined().epochs[:10], seams=())) == 5


def test_seams_are_thin_lines_with_a_word_and_weighted_losses_are_quiet() -> None:
    ax = plot_history(joined())
    assert [text.get_text() for text in ax.texts] == ["class weights", "continued"]
    upright = [line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2]
    assert {10.5, 20.5} <= set(upright)
    curves = [line for line in ax.lines if len(line.get_xdata()) == 30]
    assert [round(line.get_linewidth(), 1) for line in curves] == [1.3, 1.7, 0.7, 0.7]
    thin = np.array(curves[3].get_ydata(), dtype=float)
    assert np.isnan(thin[:10]).all(), "the same as the plain one there"
    np.testing.assert_allclose(thin[10:], [e.valid_weighted_loss for e in joined().epochs[10:]])
    np.testing.assert_allclose(curves[1].get_ydata(), [e.valid_loss for e in joined().epochs])
    plain = plot_history(replace(joined(), epochs=joined().epochs[:10], seams=()), palette=LIGHT)
    assert len([line for line in plain.lines if len(line.get_xdata()) == 10]) == 2


def test_how_it_was_made_names_the_weights_and_the_parent(two_classes: Any) -> None:
    run = two_classes()
    config = {
        **run.config, "class_weight": "balanced", "class_weights": {"hotdog": 3.8333333, "other": 0.575},
        "parent": {"path": "runs/a-1", "manifest": "0123456789abcdef" * 4, "model": "lenet", "epochs": 10},
    }  # fmt: skip
    lines = {name: value for name, value, _ in made(replace(run, config=config))}
    assert lines["Class weights"] == "balanced: hotdog 3.833 and other 0.575"
    assert lines["Goes on from"] == "runs/a-1, lenet after epoch 10 (its manifest: 0123456789abcdef…)"
    assert {"Class weights", "Goes on from"}.isdisjoint(name for name, _, _ in made(run))
    assert isinstance(run.rows[0], Row)
