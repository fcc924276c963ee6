"""Mistakes of a real run: what is asked for, the images read again, what is refused, the command."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import secondlook as sl
from secondlook.errors import DataError, RunError, UsageError
from secondlook.runs.items import items_of


def photos(path: Path, n: int = 24) -> Path:
    """Three classes of noise that differ by a bright stripe, so that a neighbour finds most and not all."""
    rng = np.random.default_rng(0)
    for c, name in enumerate(("4", "9", "seven")):
        (path / name).mkdir(parents=True)
        for i in range(n):
            pixels = rng.integers(0, 200, (8, 8), dtype=np.uint8)
            pixels[2 * c + 1] = rng.integers(60, 256, 8)
            Image.fromarray(pixels).save(path / name / f"{i}.png")
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the images and a run of them."""
    folder = tmp_path_factory.mktemp("mistakes")
    photos(folder / "photos")
    before = Path.cwd()
    os.chdir(folder)
    try:
        sl.compare("photos", models=["majority", "knn"], out="run", quiet=True)
    finally:
        os.chdir(before)
    return folder


@pytest.fixture(autouse=True)
def _there(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Callable[..., tuple[int, str, str]]:
    """Runs the command: (exit code, stdout, stderr)."""
    from secondlook.cli import main as entry

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["secondlook", *words])
        with pytest.raises(SystemExit) as end:
            entry()
        return (int(end.value.code or 0), *capfd.readouterr())

    return run


def test_the_chosen_models_mistakes_are_what_its_predictions_say(place: Path) -> None:
    run = sl.load_run("run")
    found = sl.mistakes("run", part="all", quiet=True)
    assert found.model == run.chosen
    assert found.parts == ("test", "train", "valid")
    for part in found.parts:
        said = run.predictions(run.chosen, part)
        wrong = said.items[said.predicted != said.labels]
        assert sorted(found.items[found.part_of == part].tolist()) == sorted(wrong.tolist())


def test_the_images_are_read_again_as_the_run_read_them(place: Path) -> None:
    found = sl.mistakes(sl.load_run("run"), model="majority", part="test,train", quiet=True)
    images = sl.read("photos")
    assert found.why_no_images == ""
    assert len(found) > 0
    for i in range(len(found)):
        np.testing.assert_array_equal(found.pixels(int(found.items[i])), images.pixels[found.items[i]])
        assert images.names[found.items[i]] == found.names[i]
        assert images.ids[found.items[i]] == found.ids[i]
    assert found.nearest is not None
    train = set(items_of(sl.load_run("run")).parts["train"].tolist())
    near = found.nearest.items
    assert set(near[near >= 0].tolist()) <= train
    assert not (near == found.items[:, None]).any()
    for item, name in found.nearest.names.items():
        assert images.names[item] == name
        assert images.labels[item] == found.nearest.labels[item]


def test_a_class_and_a_number_can_be_asked_for(place: Path) -> None:
    found = sl.mistakes("run", model="majority", class_=4, part=["train", "test"], top=2, quiet=True)
    assert {found.classes[c] for c in found.given.tolist()} == ({"4"} if len(found) else set())
    assert found.wanted == 0
    assert found.parts == ("train", "test")
    one = sl.mistakes("run", model="majority", top=1, quiet=True)
    assert one.nearest is not None
    beside = one.nearest.items[:, 0] >= 0
    assert beside.sum() == len(np.unique(one.given)) < len(one)
    assert [int(one.rows("test", c)[0]) for c in np.unique(one.given)] == np.flatnonzero(beside).tolist()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"model": "kn"}, r"expected --model out of .*knn.*, or all, got 'kn'; did you mean knn\?"),
        ({"model": "al"}, r"did you mean all\?"),
        ({"model": "zebra-7"}, "got 'zebra-7'$"),
        ({"class_": "sevn"}, r"expected --class out of 4, 9, seven, got 'sevn'; did you mean seven\?"),
        ({"class_": "SEVEN"}, r"did you mean seven\?"),
        (
            {"part": "tests"},
            "expected --part out of train, valid, test, several with commas between, or all, got 'tests'",
        ),
        ({"top": 0}, "expected --top as a whole number of 1 or more, got 0"),
        ({"top": 1.5}, r"expected --top as a whole number of 1 or more, got 1\.5"),
        ({"top": True}, "got True"),
        (
            {"out": "photos"},
            "expected --out to be new or from an earlier secondlook mistakes, but photos holds something",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(asked: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        sl.mistakes("run", quiet=True, **asked)


def test_a_model_without_answers_is_named_with_its_reason(place: Path) -> None:
    run = sl.load_run("run")
    lost = replace(run.rows[1], model="lost", status="failed", reason="out of memory", test_accuracy=None)
    with pytest.raises(UsageError, match=r"expected --model with answers, but lost has none in run \(out of memory\)"):
        sl.mistakes(replace(run, rows=(*run.rows, lost)), model="lost", quiet=True)
    with pytest.raises(UsageError, match="expected a run with a model that finished, but in run none did"):
        sl.mistakes(replace(run, rows=(lost,)), quiet=True)


def test_what_is_no_run_is_refused(place: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="expected the directory of a comparison, got nowhere, which is not there"):
        sl.mistakes("nowhere", quiet=True)
    shutil.copytree("run", tmp_path / "damaged")
    (tmp_path / "damaged" / "items.npz").write_bytes(b"no")
    whole = sl.load_run("run")
    with pytest.raises(RunError, match=r"items\.npz is missing or damaged .*; delete the run and make it again"):
        sl.mistakes(replace(whole, path=tmp_path / "damaged"), quiet=True)


def test_where_the_images_are_gone_it_says_so_and_shows_the_runs_own_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Path
) -> None:
    shutil.copytree("run", tmp_path / "run")
    images = sl.read("photos")
    monkeypatch.chdir(tmp_path)
    found = sl.mistakes("run", part="all", quiet=True)
    assert found.why_no_images == (
        "The images cannot be read again from photos; give the place where they are now as --data."
    )
    assert found.nearest is None
    assert len(found) > 0
    for i in np.flatnonzero(found.part_of == "test"):
        np.testing.assert_array_equal(found.pixels(int(found.items[i])), images.pixels[found.items[i]])
    elsewhere = sl.mistakes("run", part="all", data=place / "photos", quiet=True)
    assert elsewhere.why_no_images == ""
    assert elsewhere.nearest is not None
    with pytest.raises(UsageError, match="no such file or folder: gone"):
        sl.mistakes("run", data="gone", quiet=True)


def test_where_the_images_were_changed_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("run", "photos"):
        shutil.copytree(name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    Image.new("L", (8, 8), 7).save("photos/4/0.png")
    found = sl.mistakes("run", quiet=True)
    assert found.why_no_images == (
        "The images in photos were changed since the run (71 of 72 are still the same); "
        "give the place of those that were compared as --data."
    )
    with pytest.raises(DataError, match="photos: expected the 72 images of run, got 72, 71 of them the same; give the"):
        sl.mistakes("run", data="photos", quiet=True)


def test_arrays_are_asked_for(place: Path) -> None:
    run = sl.load_run("run")
    found = sl.mistakes(replace(run, data={**run.data, "source": "arrays"}), quiet=True)
    assert found.why_no_images.startswith("The images came from Python as arrays and cannot be read again; give them")


def test_the_command_prints_a_list_and_writes_what_is_asked_for(main: Any, tmp_path: Path) -> None:
    code, out, _ = main("mistakes", "run", "--model", "majority")
    assert code == 0
    assert out.splitlines()[0].startswith("majority misses ")
    assert all(len(line) <= 100 for line in out.splitlines())
    for name in ("m.html", "m.csv", "folder"):
        code, out, _ = main("mistakes", "run", "--model", "majority", "--out", str(tmp_path / name))
        assert code == 0
        assert out.splitlines()[-1] == str(tmp_path / name)
        assert (tmp_path / name).exists()
    assert (tmp_path / "folder" / "mistakes.csv").is_file()
    assert list((tmp_path / "folder").glob("given-*/test-001-says-*.png"))


def test_json_is_one_object_and_errors_leave_stdout_empty(main: Any) -> None:
    code, out, err = main("mistakes", "run", "--model", "all", "--part", "train", "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["model"] == "all"
    assert document["voters"] == ["knn"]
    keys = {"part", "id", "name", "given", "answer", "confidence", "loss", "missed_by", "said", "nearest"}
    assert document["mistakes"]
    assert all(set(one) == keys for one in document["mistakes"])
    code, out, err = main("mistakes", "run", "--class", "fuor", "--json")
    assert (code, out) == (2, "")
    assert err.startswith("secondlook: expected --class out of 4, 9, seven, got 'fuor'")


def test_the_report_of_the_run_opens_its_cells_without_the_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree("run", tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    run = sl.load_run("run", verify=True)
    text = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert text.count('class="cell-panel"') >= 3
    kept = set(run.thumbnails().items.tolist())
    for part in ("test", "train"):
        said = run.predictions(run.chosen, part)
        assert set(said.items[said.predicted != said.labels].tolist()) <= kept
