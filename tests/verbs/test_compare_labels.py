"""Decisions on labels in a comparison: what they change, what they leave alone, scores before and after."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import secondlook as sl
from secondlook.data.audit import Measured
from secondlook.data.decisions import Decision, write_decisions
from secondlook.data.plan import plan
from secondlook.errors import DataError, UsageError
from secondlook.measure.intervals import wilson
from secondlook.runs.jobs import Outcome
from secondlook.seeds import stream
from secondlook.show.decisions import change_lines, decided_text, decision_lines, judged_text, signed
from secondlook.show.report import write_report
from secondlook.show.terminal import table_text
from secondlook.types import Change, ImageSet, Replay, Run
from secondlook.verbs.deciding import Before, deciding

FLIPS = 60


def flipped() -> tuple[ImageSet, list[Decision]]:
    """300 digits, 60 of them with a wrong label, and the decisions that put them right; two more, exclude and keep."""
    digits = sl.read("digits")
    X, y = digits.pixels[:300, ..., 0], digits.labels[:300].copy()
    rng = stream(0, "flip")
    wrong = np.sort(rng.choice(300, FLIPS, replace=False))
    y[wrong] = (y[wrong] + rng.integers(1, 10, FLIPS)) % 10
    images = sl.read((X, y))
    rest = np.setdiff1d(np.arange(300), wrong)[:2]
    decisions = [Decision(str(images.ids[i]), "relabel", str(digits.labels[i]), by="ann") for i in wrong]
    more = [Decision(str(images.ids[rest[0]]), "exclude"), Decision(str(images.ids[rest[1]]), "keep")]
    return images, [*decisions, *more]


class Inline:
    """In place of the fork server, whose start takes a second: jobs run in this process."""

    def __init__(self, preload: Any) -> None:
        pass

    def close(self) -> None:
        pass

    def run(self, function: Any, task: Any, *, on_event: Any, **_: Any) -> Outcome:
        return Outcome("ok", value=function(task, on_event))


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("labels")
    images, decisions = flipped()
    file = write_decisions(folder / "d.csv", decisions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("secondlook.verbs.comparing.ForkServer", Inline)
        return sl.compare(images, models="majority,knn", labels=file, out=folder / "run", quiet=True)


def test_train_and_valid_follow_the_decisions_and_test_does_not(tmp_path: Path) -> None:
    images, decisions = flipped()
    given = plan(Measured(images))
    found = deciding(given, write_decisions(tmp_path / "d.csv", decisions))
    after, before = found.plan, found.given
    np.testing.assert_array_equal(after.split.test, before.split.test)
    np.testing.assert_array_equal(after.images.labels[after.split.test], images.labels[after.split.test])
    truth, learnt = sl.read("digits").labels[:300], np.concatenate([after.split.train, after.split.valid])
    np.testing.assert_array_equal(after.images.labels[learnt], truth[learnt])
    gone = np.setdiff1d(np.concatenate([before.split.train, before.split.valid]), learnt)
    places = {str(id): i for i, id in enumerate(images.ids)}
    excluded = places[decisions[-2].id]
    assert gone.tolist() == ([] if excluded in before.split.test else [excluded])
    np.testing.assert_array_equal(given.images.labels, images.labels)
    assert "decisions on labels of train and valid applied" in after.method


def test_a_run_says_what_the_decisions_changed(decided: Run) -> None:
    replay = decided.decisions
    assert replay is not None
    _, decisions = flipped()
    counts = [sum(what.values()) for what in (replay.changed, replay.excluded, replay.kept)]
    assert sum(counts) + replay.test == len(decisions)
    assert replay.elsewhere == 0
    assert replay.data == flipped()[0].fingerprint
    assert (
        decided.json()["decisions"] == json.loads((decided.path / "run.json").read_text())["decisions"] == replay.json()
    )
    assert sl.load_run(decided.path, verify=True).decisions == replay


def test_before_and_after_are_scores_of_the_same_models_on_the_same_test_items(decided: Run) -> None:
    replay = decided.decisions
    assert replay is not None
    before = sl.load_run(replay.given)
    assert Path(replay.given) == decided.path / "given"
    assert [change.model for change in replay.changes] == [row.model for row in decided.rows]
    for change in replay.changes:
        was, now = before.predictions(change.model), decided.predictions(change.model)
        np.testing.assert_array_equal(was.items, now.items)
        np.testing.assert_array_equal(was.labels, now.labels)
        np.testing.assert_array_equal(was.labels, flipped()[0].labels[was.items])
        assert change.before == before[change.model].test_accuracy == (was.predicted == was.labels).mean()
        assert change.after == decided[change.model].test_accuracy == (now.predicted == now.labels).mean()
        assert (change.before_low, change.before_high) == wilson(round(change.before * change.n), change.n)
        assert change.difference == pytest.approx(change.after - change.before)
        assert change.difference_low <= change.difference <= change.difference_high
    assert before.config["command"].startswith("secondlook compare DATA --models majority,knn --out ")
    knn = next(change for change in replay.changes if change.model == "knn")
    assert knn.difference > 0
    assert replay.frame()["model"].tolist() == [change.model for change in replay.changes]


def test_the_terminal_and_the_report_show_before_and_after(decided: Run, tmp_path: Path) -> None:
    text = " ".join(table_text(decided).split())
    replay = decided.decisions
    assert replay is not None
    assert " ".join(judged_text(decided, replay).split()) in text
    assert "test accuracy before → after, difference (95 %): knn" in text
    report = write_report(decided, tmp_path / "r.html").read_text(encoding="utf-8")
    assert '<section id="decisions">' in report
    assert "labels as decided" in report
    assert change_lines(replay)[0].difference in report
    plain = replace(decided, decisions=None)
    assert '<section id="decisions">' not in write_report(plain, tmp_path / "p.html").read_text(encoding="utf-8")
    assert decision_lines(plain, 100) == []


def test_another_file_of_decisions_is_another_run(decided: Run, tmp_path: Path) -> None:
    images, decisions = flipped()
    file = Path(decided.config["labels"])
    again = sl.compare(images, models="majority,knn", labels=file, out=decided.path, quiet=True)
    assert again.path == decided.path
    before = file.read_bytes()
    try:
        write_decisions(file, decisions[:-1])
        with pytest.raises(sl.SecondlookError, match="holds a run with another configuration"):
            sl.compare(images, models="majority,knn", labels=file, out=decided.path, quiet=True)
    finally:
        file.write_bytes(before)


def test_a_finished_run_on_the_labels_as_given_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("secondlook.verbs.comparing.ForkServer", Inline)
    images, decisions = flipped()
    first = sl.compare(images, models="majority", quiet=True)
    write_decisions("d.csv", decisions)
    second = sl.compare(images, models="majority", labels="d.csv")
    assert second.decisions is not None
    assert second.decisions.given == str(first.path) == "runs/arrays-1"
    assert not (second.path / "given").exists()
    assert "scores on the labels as given are those of runs/arrays-1" in capfd.readouterr().err


def test_a_table_of_suspects_is_a_file_of_decisions(tmp_path: Path) -> None:
    images, _ = flipped()
    ids = images.ids.tolist()
    with (tmp_path / "s.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["name", "id", "label", "suggested", "quality", "suspected", "reason", "decision", "by", "when"]
        )
        for i, id in enumerate(ids):
            label = images.classes[images.labels[i]]
            writer.writerow([i, id, label, "3", ".1", "yes", "models", "relabel" if i < 50 else "", "", ""])
    found = deciding(plan(Measured(images)), tmp_path / "s.csv")
    learnt = np.setdiff1d(np.arange(50), found.given.split.test)
    assert {images.classes[c] for c in found.plan.images.labels[learnt]} == {"3"}


def test_without_a_twin_on_the_labels_as_given_only_the_decisions_are_told(tmp_path: Path) -> None:
    images, decisions = flipped()
    found = deciding(plan(Measured(images)), write_decisions(tmp_path / "d.csv", decisions))
    counted = Before(found, None).replay([], {})
    assert (counted.given, counted.changes) == ("", ())
    assert sum(counted.changed.values()) > 0


def test_decisions_that_leave_nothing_to_learn_are_refused(tmp_path: Path) -> None:
    images, _ = flipped()
    file = write_decisions(tmp_path / "d.csv", [Decision(str(id), "relabel", "3") for id in images.ids])
    with pytest.raises(DataError, match=r"d\.csv: expected decisions that leave two classes to train on"):
        deciding(plan(Measured(images)), file)
    file = write_decisions(tmp_path / "d.csv", [Decision(str(id), "exclude") for id in images.ids])
    with pytest.raises(DataError, match=r"got 0 to train on and 0 to choose by"):
        deciding(plan(Measured(images)), file)


def test_wrong_use_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    images, decisions = flipped()
    file = write_decisions(tmp_path / "d.csv", decisions)
    with pytest.raises(UsageError, match="expected --labels without --cv, since in folds every image judges"):
        sl.compare(images, labels=file, cv=3, out=tmp_path / "o", quiet=True)
    with pytest.raises(UsageError, match=r"expected --labels to name a file of decisions, got .*no\.csv"):
        sl.compare(images, models="majority", labels=tmp_path / "no.csv", out=tmp_path / "o", quiet=True)
    assert not (tmp_path / "o").exists()


def replay(**changes: Any) -> Replay:
    change = Change("knn", 200, 0.9, 0.85, 0.94, 0.92, 0.87, 0.95, 0.9, 0.92, 0.02, -0.008, 0.048, 0.134)
    none = {"train": 0, "valid": 0}
    return Replay(**{"file": "d.csv", "fingerprint": "0", "changed": none, "excluded": none, "kept": none, "test": 0,
                     "elsewhere": 0, "given": "runs/a-1", "data": "1", "changes": (change,), **changes})  # fmt: skip


def test_sentences_count_one_and_many(decided: Run) -> None:
    assert decided_text(replay()) == "Decisions in d.csv: none apply."
    one = replay(changed={"train": 1, "valid": 0}, excluded={"train": 1, "valid": 0}, kept={"train": 0, "valid": 1})
    assert decided_text(one) == (
        "Decisions in d.csv: 1 label was changed, 1 image left out and 1 label kept after a look in train and valid."
    )
    assert judged_text(decided, replay()).startswith("None of the 45 test images has a decision; all scores")
    assert judged_text(decided, replay(test=1)) == (
        "1 of the 45 test images has a decision; it is judged by the label given."
    )
    assert judged_text(decided, replay(test=2)).endswith("have decisions; they are judged by the labels given.")


def test_differences_have_a_sign_and_the_digits_their_interval_supports() -> None:
    (line,) = change_lines(replay())
    assert (line.before, line.after, line.difference, line.p) == (".90", ".92", "+.02 (−.01 to +.05)", ".134")
    assert [signed(value, 3) for value in (0.0123, -0.5, 0.0001, 0.0)] == ["+.012", "−.500", "0", "0"]
    small = replay(changes=(replace(replay().changes[0], p=0.0001),))
    assert change_lines(small)[0].p == "< .001"
