"""Suspected labels end to end: what is ranked, written and carried over; refusals; the command."""

from __future__ import annotations

import csv
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import secondlook as sl
from secondlook.errors import DataError, InterruptedRunError, RunError, SecondlookError, UsageError
from secondlook.runs.jobs import Outcome
from secondlook.seeds import stream
from secondlook.show.suspects_terminal import suspects_text
from secondlook.types import ImageSet, IntArray, Suspects
from secondlook.verbs.crossfitting import Crossfit

FLIPS, COPIES = 12, 2


def flipped() -> tuple[ImageSet, IntArray]:
    """360 digits with 12 flipped labels, and copies of the first two under other labels; which were flipped."""
    digits = sl.read("digits")
    X, y = digits.pixels[:360, ..., 0], digits.labels[:360].copy()
    rng = stream(3, "flip")
    wrong = np.sort(rng.choice(np.arange(COPIES, 360), FLIPS, replace=False))
    y[wrong] = (y[wrong] + rng.integers(1, 10, FLIPS)) % 10
    X, y = np.concatenate([X, X[:COPIES]]), np.concatenate([y, (y[:COPIES] + 1) % 10])
    return sl.read((X, y)), wrong


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Suspects:
    return sl.suspects(flipped()[0], models="knn,logistic", out=tmp_path_factory.mktemp("s") / "out.csv", quiet=True)


class Inline:
    """In place of the fork server, whose start takes a second: jobs run in this process."""

    failing: dict[str, Outcome] = {}  # noqa: RUF012  # replaced as a whole

    def __init__(self, preload: Any) -> None:
        pass

    def close(self) -> None:
        pass

    def run(self, function: Any, task: Any, *, on_event: Any, **_: Any) -> Outcome:
        if task.entry.name in self.failing:
            return self.failing[task.entry.name]
        return Outcome("ok", value=function(task, on_event))


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Fits in this process; given outcomes by name, those models end so."""
    monkeypatch.setattr("secondlook.verbs.suspects.ForkServer", Inline)

    def failing(**outcomes: Outcome) -> None:
        monkeypatch.setattr(Inline, "failing", outcomes)

    return failing


def rows_of(path: Path | None) -> list[dict[str, str]]:
    assert path is not None
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_flipped_labels_stand_first_and_are_suspected(found: Suspects) -> None:
    _, wrong = flipped()
    assert np.isin(wrong, found.items[: FLIPS + 6]).mean() >= 0.9
    assert found.suspected[np.isin(found.items, wrong)].mean() >= 0.8
    assert abs(found.estimated - FLIPS - COPIES) <= 6


def test_the_suggestions_are_the_labels_before_they_were_flipped(found: Suspects) -> None:
    _, wrong = flipped()
    truth = sl.read("digits").labels
    here = np.isin(found.items, wrong)
    assert (found.suggested[here] == truth[found.items[here]]).mean() >= 0.9


def test_every_item_is_written_worst_first(found: Suspects) -> None:
    images, _ = flipped()
    rows = rows_of(found.path)
    columns = ["name", "id", "label", "suggested", "quality", "suspected", "reason", "decision", "by", "when"]
    assert list(rows[0]) == columns
    assert sorted(row["id"] for row in rows) == sorted(images.ids.tolist())
    qualities = [float(row["quality"]) for row in rows]
    assert qualities == sorted(qualities)
    assert {row["decision"] + row["by"] + row["when"] for row in rows} == {""}
    assert [row["suspected"] == "yes" for row in rows] == found.suspected.tolist()
    assert [row["label"] for row in rows] == [images.classes[images.labels[i]] for i in found.items]
    assert found.page is not None
    assert found.page.is_file()


def test_copies_under_different_labels_are_suspects_anyway(found: Suspects) -> None:
    place = {int(item): i for i, item in enumerate(found.items)}
    for a, b in ((0, 360), (1, 361)):
        at = [place[a], place[b]]
        assert found.suspected[at].all()
        assert all("copies" in reason for reason in found.reasons[at])
        assert (found.quality[at] <= 0.5).all()
    copies = {i for i, reason in zip(found.items.tolist(), found.reasons.tolist(), strict=True) if "copies" in reason}
    assert copies == {0, 1, 360, 361}


def test_the_result_is_a_table_a_document_and_a_picture(found: Suspects) -> None:
    frame = found.frame()
    assert frame.columns.tolist() == ["name", "id", "label", "suggested", "quality", "suspected", "reason"]
    assert len(frame) == len(found) == 362
    document = found.json()
    assert document["suspected"] == len(document["items"]) == int(found.suspected.sum())
    assert [row["n"] for row in document["classes"]] == frame["label"].value_counts().sort_index().tolist()
    assert json.loads(json.dumps(document)) == document
    assert document["data"]["folds"] == 5
    models = document["data"]["models"]
    assert list(models) == ["logistic", "knn"]
    assert sum(model["weight"] for model in models.values()) == pytest.approx(1)
    assert all(0.8 < model["agrees"] < 1 for model in models.values())
    ax = found.plot()
    assert len(ax.images) == min(30, int(found.suspected.sum()))
    assert "suggested" in found._repr_html_()


def test_the_same_seed_gives_the_same_qualities_and_another_one_other_folds(
    inline: Any, found: Suspects, tmp_path: Path
) -> None:
    images, _ = flipped()
    again = sl.suspects(images, models="logistic,knn", out=tmp_path / "a", quiet=True)
    np.testing.assert_array_equal(again.quality, found.quality)
    np.testing.assert_array_equal(again.items, found.items)
    assert again.path == tmp_path / "a" / "suspects.csv"
    other = sl.suspects(images, models="knn", seed=1, out=tmp_path / "b", quiet=True)
    assert not np.array_equal(other.quality, found.quality)


def test_what_cannot_be_judged_stands_last_without_a_quality(inline: Any, tmp_path: Path) -> None:
    images, _ = flipped()
    labels = images.labels.copy()
    labels[:3] = -1
    labels[[10, 20]] = 10
    parts = np.array(["train", "valid", "test"])[np.arange(362) % 3]  # play no role
    odd = replace(images, labels=labels, classes=(*images.classes, "rare"), parts=parts)
    found = sl.suspects(odd, models="knn", out=tmp_path, quiet=True)
    assert sorted(found.items[-5:].tolist()) == [0, 1, 2, 10, 20]
    assert np.isnan(found.quality[-5:]).all()
    assert found.data["judged"] == 357
    assert found.data["left_out"] == ["3 images without a label", "class rare, with fewer than 3 images"]
    assert [row["quality"] + row["suggested"] for row in rows_of(found.path)[-5:]] == [""] * 5


def test_a_class_whose_images_are_copies_of_one_is_not_judged(inline: Any, tmp_path: Path) -> None:
    digits = sl.read("digits")
    X = np.concatenate([digits.pixels[:100, ..., 0], np.full((5, 8, 8), 7, np.uint8)])
    found = sl.suspects((X, [*digits.labels[:100], *[10] * 5]), models="knn", out=tmp_path, quiet=True)
    assert np.isnan(found.quality[np.isin(found.items, np.arange(100, 105))]).all()
    assert found.data["left_out"] == ["5 images of a class that is in one bundle of copies only"]


def test_decisions_in_the_table_stay_with_their_images(inline: Any, tmp_path: Path) -> None:
    images, _ = flipped()
    first = sl.suspects(images, models="knn", out=tmp_path / "s.csv", quiet=True)
    rows = rows_of(first.path)
    rows[0] |= {"decision": "relabel", "by": "ann", "when": "today"}
    rows[5]["decision"] = "keep"
    with (tmp_path / "s.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    sl.suspects(images, models="knn", seed=1, out=tmp_path / "s.csv", quiet=True)
    again = {row["id"]: row for row in rows_of(tmp_path / "s.csv")}
    assert again[rows[0]["id"]]["decision"] == f"relabel={rows[0]['suggested']}"
    assert again[rows[0]["id"]]["by"] == "ann"
    assert again[rows[5]["id"]]["decision"] == "keep"
    assert sum(row["decision"] != "" for row in again.values()) == 2
    fewer = replace(
        images, pixels=images.pixels[:5], labels=images.labels[:5], ids=images.ids[:5], names=images.names[:5]
    )
    with pytest.raises(RunError, match=r"s\.csv holds [12] decisions? about images that are not in arrays, first "):
        sl.suspects(fewer, models="knn", out=tmp_path / "s.csv", quiet=True)
    (tmp_path / "s.csv").write_text((tmp_path / "s.csv").read_text().replace(",keep,", ",kep,"))
    with pytest.raises(RunError, match=r"expected an older table at --out to be whole, but .*got 'kep'"):
        sl.suspects(images, models="knn", out=tmp_path / "s.csv", quiet=True)


def test_a_model_that_fails_is_left_out_and_named(inline: Any, tmp_path: Path) -> None:
    images, _ = flipped()
    inline(logistic=Outcome("failed", reason="out of memory"))
    found = sl.suspects(images, models="knn,logistic", out=tmp_path / "a", quiet=True)
    assert list(found.data["models"]) == ["knn"]
    assert found.data["failed"] == {"logistic": "out of memory"}
    assert "logistic was left out: out of memory" in suspects_text(found)
    inline(knn=Outcome("timeout"))
    why = r"expected an answer from one model at least, got none \(knn: fold 1 was not done within its limit of 90 s\)"
    with pytest.raises(RunError, match=why):
        sl.suspects(images, models="knn", limit="90s", out=tmp_path / "b", quiet=True)
    assert not (tmp_path / "b").exists()


def test_a_model_that_would_not_fit_into_memory_is_left_out(
    inline: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secondlook.verbs.crossfitting.memory", lambda: 1000)
    with pytest.raises(RunError, match=r"none \(knn: not started: it would take the images as 0\.0 GB of numbers"):
        sl.suspects(flipped()[0], models="knn", out=tmp_path, quiet=True)


def _array(n: int, k: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, (n, 8, 8), dtype=np.uint8), np.arange(n) % k


REFUSED: list[tuple[Any, dict[str, Any], type[SecondlookError], str]] = [
    ((_array(30, 1)[0], None), {}, DataError, "arrays has no labels"),
    (_array(30, 1), {}, DataError, "expected at least 2 classes to tell apart, got 1: 0"),
    (_array(8, 2), {}, DataError, "expected at least 10 labelled images, got 8"),
    (_array(30, 15), {}, DataError, "expected at least 3 images per class"),
    (_array(30, 2), {"models": "knm"}, UsageError, "there is no model 'knm', did you mean 'knn'"),
    (_array(30, 2), {"limit": "soon"}, UsageError, "expected a time such as 90s"),
    (_array(30, 2), {"epochs": 0}, UsageError, "expected --epochs above 0"),
    (_array(30, 2), {"seed": -1}, UsageError, "expected a --seed of 0 or more"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "options", "kind", "message"), REFUSED, ids=[r[3] for r in REFUSED])
def test_what_cannot_be_done_is_refused_in_a_sentence(
    inline: Any, data: Any, options: dict[str, Any], kind: type[SecondlookError], message: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=message):
        sl.suspects(data, out=tmp_path / "o", quiet=True, **{"models": "knn", **options})
    assert list(tmp_path.iterdir()) == []


def test_places_that_hold_something_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.csv").write_text("chapter,pages\n1,20\n")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "a.csv").mkdir()
    (tmp_path / "b.html").write_text("mine")
    for name, message in (
        ("thesis.csv", r"expected --out as a new or an older table of suspects, but .*thesis\.csv is something else"),
        ("file", r"expected --out as NAME\.csv or a folder, but .*file is a file"),
        ("a.csv", r"expected --out as NAME\.csv or a folder, but .*a\.csv is a folder"),
        ("b.csv", r"expected a free place for the page beside .*b\.csv, but .*b\.html is there"),
    ):
        with pytest.raises(RunError, match=message):
            sl.suspects("digits", models="knn", out=tmp_path / name, quiet=True)


@pytest.mark.parametrize("out", [None, "s.csv"])
def test_a_full_disk_leaves_nothing_half_written(
    out: str | None, found: Suspects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from secondlook.verbs.suspects_files import keep

    monkeypatch.chdir(tmp_path)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(RunError, match=r"cannot write the suspects to .*No space left"):
        keep(found, flipped()[0], None if out is None else tmp_path / out)
    assert [p for p in tmp_path.rglob("*") if p.is_file() or "suspects" in p.name] == []


def test_a_scratch_disk_without_room_is_said(inline: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("secondlook.judge.crossfit.write_rows", full)
    with pytest.raises(RunError, match=r"cannot write the images to .*No space left.*set TMPDIR"):
        sl.suspects("digits", models="knn", out=tmp_path / "o", quiet=True)
    assert not (tmp_path / "o").exists()


def test_interrupted_nothing_is_written(inline: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = Crossfit._fit

    def pressed(self: Any, server: Any, entry: Any, ring: Any, fold: int, folder: Any, interrupts: Any) -> Any:
        outcome = fit(self, server, entry, ring, fold, folder, interrupts)
        interrupts.count = 1
        return outcome

    monkeypatch.setattr(Crossfit, "_fit", pressed)
    with pytest.raises(InterruptedRunError, match="interrupted; nothing was written"):
        sl.suspects(flipped()[0], models="knn", out=tmp_path / "o", quiet=True)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch, capfd: Any, tmp_path: Path) -> Any:
    """Runs the command in tmp_path: (exit code, stdout, stderr)."""
    from secondlook.cli import main as entry

    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["secondlook", *words])
        with pytest.raises(SystemExit) as end:
            entry()
        return (int(end.value.code or 0), *capfd.readouterr())

    return run


def test_the_command_prints_a_page_or_one_json_object(inline: Any, main: Any, tmp_path: Path) -> None:
    images, _ = flipped()
    np.savez(tmp_path / "digits.npz", x=images.pixels[..., 0], y=images.labels)
    code, out, err = main("suspects", "digits.npz", "--models", "knn")
    assert code == 0, err
    assert out.splitlines()[-2:] == ["runs/digits-suspects-1/suspects.html", "runs/digits-suspects-1/suspects.csv"]
    assert max(map(len, out.splitlines())) <= 100
    assert "knn  done in" in err
    code, out, err = main("suspects", "digits.npz", "--models", "knn", "--json", "--out", "s.csv")
    assert (code, err) == (0, "")
    assert json.loads(out)["suspects"] == "s.csv"
    assert (tmp_path / "s.html").is_file()
    code, out, err = main("suspects", "nowhere")
    assert (code, out) == (2, "")
    assert err.startswith("secondlook: no such file or folder: nowhere")


@pytest.mark.slow
@pytest.mark.skipif("SECONDLOOK_DATA" not in os.environ, reason="needs SECONDLOOK_DATA")
def test_of_flipped_mnist_labels_four_fifths_are_among_the_first(tmp_path: Path) -> None:
    images = sl.read(Path(os.environ["SECONDLOOK_DATA"]) / "mnist")
    X, y = images.pixels[:6000, ..., 0], images.labels[:6000].copy()
    rng = stream(0, "flip")
    wrong = rng.choice(6000, 60, replace=False)
    y[wrong] = (y[wrong] + rng.integers(1, 10, 60)) % 10
    found = sl.suspects((X, y), out=tmp_path, quiet=True)
    assert np.isin(wrong, found.items[:80]).mean() >= 0.8


def test_nets_are_trained_briskly_unless_epochs_are_asked_for(inline: Any, tmp_path: Path, monkeypatch: Any) -> None:
    made: list[Any] = []

    def see(self: Inline, function: Any, task: Any, **_: Any) -> Outcome:
        made.append(task.entry.make(0))
        return Outcome("failed", reason="seen")

    monkeypatch.setattr(Inline, "run", see)
    for epochs in (None, 3):
        with pytest.raises(RunError, match="seen"):
            sl.suspects(flipped()[0], models="lenet,cnn-tiny", epochs=epochs, out=tmp_path, quiet=True)
    settings = [(model.epochs, model.learning_rate, model.batch) for model in made]
    # 290 images: 2,000 steps of 32 are 221 epochs, capped at 120.
    assert settings == [(48, 1e-2, 32), (48, 3e-3, 32), (3, 1e-2, None), (3, 1e-3, None)]
