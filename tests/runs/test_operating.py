"""Operating points: thresholds chosen on validation, judged on test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, precision_score, recall_score
from statsmodels.stats.proportion import proportion_confint

import secondlook as sl
from secondlook.errors import UsageError
from secondlook.measure.objectives import parse_objective
from secondlook.measure.thresholds import answers
from secondlook.runs.operating import operating_point, read_objective
from secondlook.show.operating import operating
from secondlook.show.terminal import table_text
from secondlook.types import OperatingPoint, Predictions

PETS = ("cat", "dog", "eel")


def rare(n: int = 240, seed: int = 0) -> tuple[Any, Any]:
    """Images 6x6 of two overlapping classes, one of them rare."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 6 == 0).astype(int)
    X = rng.integers(0, 200, (n, 6, 6)) + 14 * y[:, None, None]
    return X.astype(np.uint8), np.array(["often", "seldom"])[y]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> sl.Run:
    out = tmp_path_factory.mktemp("runs") / "rare"
    return sl.compare(rare(), models=["majority", "logistic"], objective="recall:seldom>=0.9", out=out, quiet=True)


def said(run: sl.Run, part: Any, point: OperatingPoint) -> tuple[Any, Any]:
    """The labels of a part, and what a model answers with its thresholds."""
    found = run.predictions(point.model, part)
    return found.labels, answers(found.probabilities, np.array([t.value for t in point.thresholds]))


def test_scores_at_the_operating_point_are_those_of_the_stored_predictions(run: sl.Run) -> None:
    assert [point.model for point in run.operating] == [row.model for row in run.rows]
    for point in run.operating:
        for part, scores in (("valid", point.valid), ("test", point.test)):
            labels, answered = said(run, part, point)
            assert scores["recall"] == pytest.approx(recall_score(labels, answered))
            assert scores["precision"] == pytest.approx(precision_score(labels, answered, zero_division=0), abs=1e-12)
            assert scores["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, answered))
            hits, n = (answered[labels == 1] == 1).sum(), (labels == 1).sum()
            ends = proportion_confint(hits, n, method="wilson")
            assert (scores["recall_low"], scores["recall_high"]) == pytest.approx(ends, abs=1e-12)
        assert point.test_before["accuracy"] == pytest.approx(run[point.model].test_accuracy)


def test_a_demanded_recall_is_met_on_validation(run: sl.Run) -> None:
    for point in run.operating:
        assert point.met
        assert point.valid["recall"] is not None
        assert point.valid["recall"] >= 0.9
    seldom = run.operating[0].thresholds[1]
    assert seldom.of == "seldom"
    assert seldom.value < 0.5


def test_the_test_part_does_not_move_the_thresholds(run: sl.Run) -> None:
    valid, test = run.predictions("logistic", "valid"), run.predictions("logistic", "test")
    objective = parse_objective("recall:seldom>=0.9", ("often", "seldom"))
    turned = Predictions(**{**vars(test), "labels": 1 - test.labels})
    assert operating_point(valid, test, objective).thresholds == operating_point(valid, turned, objective).thresholds


def test_what_cannot_be_reached_is_said(run: sl.Run) -> None:
    valid, test = run.predictions("majority", "valid"), run.predictions("majority", "test")
    point = operating_point(valid, test, parse_objective("precision:seldom>=0.9", ("often", "seldom")))
    assert not point.met


def test_an_operating_point_comes_back_from_the_run(run: sl.Run) -> None:
    again = sl.load_run(run.path)
    assert again.operating == run.operating
    assert again.json()["operating"] == [point.json() for point in run.operating]
    table = run.operating[0].frame()
    assert table["of"].tolist() == ["often", "seldom"]
    assert table["value"].sum() == pytest.approx(1)
    assert run.operating[0].plot().get_xlabel() == "threshold"


def test_terminal_and_report_say_what_the_threshold_does(run: sl.Run) -> None:
    text = " ".join(table_text(run).split())
    assert "For a recall of at least .90 for “seldom”, chosen on validation, " in text
    page = (run.path / "report.html").read_text()
    assert '<section id="operating">' in page
    assert "recall of seldom, validation" in page


def test_without_an_objective_the_report_has_the_curves_and_says_how_to_ask(tmp_path: Path) -> None:
    found = sl.compare(rare(), models=["logistic"], out=tmp_path / "run", quiet=True)
    assert found.operating == ()
    assert "operating" not in found.json()
    shown = operating(found)
    assert shown is not None
    assert (shown.of, shown.lines, len(shown.curves)) == ("seldom", (), 2)
    assert '--objective "recall:seldom>=0.9"' in (found.path / "report.html").read_text()


def test_costs_come_from_a_file_and_make_the_rare_class_cheaper_to_answer(tmp_path: Path) -> None:
    (tmp_path / "costs.csv").write_text("true,seldom,often\noften,1,0\nseldom,0,20\n")
    costs = tmp_path / "costs.csv"
    found = sl.compare(rare(), models=["logistic"], cost=costs, out=tmp_path / "run", quiet=True)
    point = found.operating[0]
    labels, answered = said(found, "test", point)
    cost = np.where(answered == labels, 0, np.where(labels == 1, 20, 1)).mean()
    assert point.test["value"] == pytest.approx(cost)
    assert point.valid["value"] is not None
    assert point.valid_before["value"] is not None
    assert point.valid["value"] <= point.valid_before["value"]
    assert found.config["costs"] == [[0, 1], [20, 0]]
    assert "costs" in table_text(found)


def test_other_costs_are_another_comparison(tmp_path: Path) -> None:
    costs = tmp_path / "costs.csv"
    costs.write_text(",often,seldom\noften,0,1\nseldom,5,0\n")
    first = sl.compare(rare(), models=["majority"], cost=costs, out=tmp_path / "run", quiet=True)
    assert first.operating[0].objective == "cost"
    costs.write_text(",often,seldom\noften,0,1\nseldom,6,0\n")
    with pytest.raises(sl.SecondlookError, match="holds a run with another configuration \\(costs was"):
        sl.compare(rare(), models=["majority"], cost=costs, out=tmp_path / "run", quiet=True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "got an empty file"),
        (",cat,dog\ncat,0,1\ndog,1,0\neel,1,1\n", "there is no column for 'eel'"),
        (",cat,dog,eel\ncat,0,1,1\ndog,1,0,1\n", "there is no line for 'eel'"),
        (",cat,dog,eel,owl\ncat,0,1,1,1\ndog,1,0,1,1\neel,1,1,0,1\n", "there is a column for 'owl', which is no class"),
        (",cat,dog,eel\ncat,0,1,1\ndog,1,0,1\neel,1,1,0\neel,1,1,0\n", "a line stands there twice"),
        (",cat,dog,eel\ncat,0,1,1\ndog,1,much,1\neel,1,1,0\n", "a number in line 3, column 'dog', got 'much'"),
        (",cat,dog,eel\ncat,0,1,1\ndog,1,0\neel,1,1,0\n", "a number in line 3, column 'eel', got ''"),
        (",cat,dog,eel\ncat,0,1,1\ndog,1,0,1\neel,-1,1,0\n", "for class 3 the answer 1 costs -1, the right one 0"),
    ],
)  # fmt: skip
def test_a_file_of_costs_that_does_not_fit_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "costs.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=f"--cost .*costs.csv: .*{problem}"):
        read_objective("", str(path), PETS)


def test_a_file_of_costs_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"but it cannot be read .No such file or directory."):
        read_objective("", str(tmp_path / "none.csv"), PETS)
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00,a")
    with pytest.raises(UsageError, match=r"but it cannot be read .it is no UTF-8 text."):
        read_objective("", str(tmp_path / "bytes.csv"), PETS)


def test_one_objective_at_a_time_and_none_in_folds(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected --objective or --cost, got both"):
        read_objective("macro_f1", "costs.csv", PETS)
    assert read_objective("", "", PETS) is None
    with pytest.raises(UsageError, match=r"expected --objective and --cost without --cv, .* got --cv 3;"):
        sl.compare(rare(), cv=3, objective="macro_f1", out=tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()


def test_an_unknown_class_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"got 'selden'; did you mean 'seldom'\?"):
        sl.compare(rare(), models=["majority"], objective="recall:selden>=0.9", out=tmp_path / "run", quiet=True)
    assert not (tmp_path / "run").exists()
