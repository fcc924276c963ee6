from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from secondlook import read
from secondlook.data.read import bitmaps, strokes
from secondlook.data.read.compressed import opened
from secondlook.data.read.drawing import parse
from secondlook.errors import DataError
from secondlook.types import Fault

CAT = [[[0, 255, 100], [0, 100, 200]], [[30], [40]]]
DOG = [[[0, 100], [255, 0]]]
RAW = [[[10.5, 900.25, 400.0], [3.0, 200.5, 700.75], [0, 16, 40]]]


def line(drawing: Any, word: str | None = "cat", **fields: Any) -> str:
    return json.dumps({"word": word, "recognized": True, "key_id": "1", "drawing": drawing, **fields})


def write(file: Path, *lines: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{text}\n" for text in lines))
    return file


@pytest.fixture
def two(tmp_path: Path) -> Path:
    write(tmp_path / "two" / "dog.ndjson", line(DOG, "dog"), line(CAT, "dog"))
    write(tmp_path / "two" / "cat.ndjson", line(CAT))
    return tmp_path / "two"


def test_a_folder_has_a_class_per_word_and_an_item_per_line(two: Path) -> None:
    images = read(two)
    assert images.pixels.shape == (3, 28, 28, 1)
    assert images.classes == ("cat", "dog")
    assert images.labels.tolist() == [0, 1, 1]
    assert list(images.names) == ["cat.ndjson:1", "dog.ndjson:1", "dog.ndjson:2"]
    assert images.format == "Quick Draw strokes, simplified, drawn as bitmaps: 3 drawings of 28x28, grey, 2 classes"
    assert images.faults == ()


def test_the_same_strokes_have_the_same_id_whoever_drew_them(tmp_path: Path) -> None:
    file = write(
        tmp_path / "a.ndjson", line(CAT, key_id="1"), line(DOG), line(CAT, "dog", key_id="2", countrycode="DE")
    )
    ids = read(file).ids.tolist()
    assert ids[2] == f"{ids[0]}#2"
    assert ids[1] != ids[0]
    # Where one stroke ends and the next begins tells drawings apart.
    joined, parted = line([[[0, 9, 9, 255], [1, 2, 3, 4]]]), line([[[0, 9], [9, 255]], [[1, 2], [3, 4]]])
    assert not any(i.endswith("#2") for i in read(write(tmp_path / "b.ndjson", joined, parted)).ids.tolist())


def test_ids_are_those_of_strokes_not_of_pixels(tmp_path: Path) -> None:
    file = write(tmp_path / "a.ndjson", line([[[0, 255], [0, 0]]]), line([[[0, 128, 255], [0, 0, 0]]]))
    images = read(file)
    assert_array_equal(images.pixels[0], images.pixels[1])
    assert not images.ids[1].endswith("#2")
    assert_array_equal(read(file, size=14).ids, images.ids)


def test_one_file_may_hold_several_words(tmp_path: Path) -> None:
    images = read(write(tmp_path / "all.ndjson", line(CAT, "10"), line(DOG, " 2 "), line(DOG, "10")))
    assert images.counts() == {"2": 1, "10": 2}


@pytest.mark.parametrize("word", [None, "", 7])
def test_without_a_word_the_file_names_the_class(tmp_path: Path, word: Any) -> None:
    write(tmp_path / "full_simplified_The Eiffel Tower.ndjson", line(CAT, word))
    write(tmp_path / "full_raw_cat.ndjson", line(RAW, word))
    write(tmp_path / "t-shirt.NDJSON", line(CAT, word))
    assert read(tmp_path).classes == ("cat", "t-shirt", "The Eiffel Tower")


def test_gzipped_files_are_read_like_plain_ones(two: Path) -> None:
    expected = read(two)
    for file in list(two.iterdir()):
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    images = read(two)
    assert_array_equal(images.pixels, expected.pixels)
    assert images.classes == expected.classes
    assert images.names[0] == "cat.ndjson.gz:1"
    assert len(read(two / "dog.ndjson.gz")) == 2


def test_a_file_is_recognised_by_its_content_whatever_its_name(tmp_path: Path) -> None:
    assert len(read(write(tmp_path / "drawings.jsonl", "", line(CAT)))) == 1


def test_what_the_game_did_not_recognise_is_kept_and_counted(tmp_path: Path) -> None:
    file = write(tmp_path / "a.ndjson", line(CAT), line(DOG, recognized=False))
    assert read(file).format.endswith("; 1 not recognised by the game, kept")


def test_raw_strokes_are_simplified_first_and_said(tmp_path: Path) -> None:
    raw = read(write(tmp_path / "raw.ndjson", line(RAW)))
    assert raw.format.startswith("Quick Draw strokes, raw, drawn as bitmaps: 1 drawing")
    # By hand: x - 10.5 and y - 3, times 255 / 889.75; all three points stay.
    known = read(write(tmp_path / "known.ndjson", line([[[0, 255, 112], [0, 57, 200]]])))
    assert_array_equal(raw.pixels, known.pixels)
    mixed = read(write(tmp_path / "mixed.ndjson", line(RAW), line(CAT)))
    assert "; 1 from raw strokes, simplified first" in mixed.format
    assert_array_equal(mixed.pixels[0], raw.pixels[0])


@pytest.mark.parametrize(
    "drawing",
    [
        [[[0, 20, 10], [0, 5, 9]]],  # another scale
        [[[0, 255, 10.5], [0, 5, 9]]],
        [[[-1, 255], [0, 5]]],
        [[[0, 256], [0, 5]]],
        [[[0, 255], [0, 5], [0, 16]]],  # with times
    ],
)
def test_strokes_that_are_not_as_simplification_leaves_them_are_raw(drawing: Any) -> None:
    found = parse(line(drawing).encode())
    assert not isinstance(found, str)
    assert not found.simplified


BROKEN = {
    "no line of JSON": "{broken",
    "no line of JSON ": "[" * 100_000,
    "JSON without a list named drawing": '{"word": "cat"}',
    "JSON without a list named drawing ": "[1, 2]",
    "JSON without a list named drawing  ": '{"drawing": "[[[1],[2]]]"}',
    "an empty drawing": line([]),
    "a stroke that is not a list of x and a list of y": line([[1, 2, 3]]),
    "a stroke that is not a list of x and a list of y ": line([[[1, 2]]]),
    "a stroke that is not a list of x and a list of y  ": line([5]),
    "a stroke of 2 x and 1 y": line([[[1, 2], [3]]]),
    "a stroke without points": line([CAT[0], [[], []]]),
    "a coordinate that is no number": line([[["1"], ["2"]]]),
    "a coordinate that is no number ": line([[[[1]], [[2]]]]),
    "a coordinate that is no number  ": line([[[True], [None]]]),
    "a coordinate that is NaN, infinite or beyond a billion": line([[[1, float("nan"), 3], [1, 2, 3]]]),
    "a coordinate that is NaN, infinite or beyond a billion ": line([[[float("nan"), 1], [1, 2]]]),
    "a coordinate that is NaN, infinite or beyond a billion  ": line([[[1, float("-inf")], [1, 2]]]),
    "a coordinate that is NaN, infinite or beyond a billion   ": line([[[1], [10**400]]]),
    "a drawing of 10,001 points, more than 10,000": line([[[1] * 10_001, [2] * 10_001]]),
}


@pytest.mark.parametrize(("reason", "text"), BROKEN.items(), ids=range(len(BROKEN)))
def test_a_line_without_a_drawing_is_named_and_the_others_are_read(tmp_path: Path, reason: str, text: str) -> None:
    images = read(write(tmp_path / "a.ndjson", line(CAT), "", text, line(DOG)))
    assert list(images.names) == ["a.ndjson:1", "a.ndjson:4"]
    assert images.faults == (Fault("a.ndjson:3", "broken", reason.strip()),)


def test_a_line_that_is_too_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bitmaps, "LONGEST", 500)
    # One ends where a piece of it does, too.
    for long in (line(CAT, "x" * 3000), line(CAT, "x" * 500), "y" * 500, "y" * 1000, "y" * 1001, "y" * 1002):
        images = read(write(tmp_path / "a.ndjson", line(CAT), long, line(DOG)), cache=False)
        assert [fault.name for fault in images.faults] == ["a.ndjson:2"]
        assert "a line of more than" in images.faults[0].reason
        assert list(images.names) == ["a.ndjson:1", "a.ndjson:3"]
    (tmp_path / "b.ndjson").write_text(f"{line(CAT)}\n{line(CAT, 'x' * 3000)}")
    assert len(read(tmp_path / "b.ndjson")) == 1


def test_what_else_lies_in_the_folder_is_told(two: Path, tmp_path: Path) -> None:
    write(two / "goatee.ndjson")
    (two / "LICENSE").write_text("CC BY 4.0")
    (two / ".hidden.ndjson").touch()
    write(tmp_path / "secret.ndjson", line(CAT, "secret"))
    (two / "out.ndjson").symlink_to(tmp_path / "secret.ndjson")
    (two / "round.ndjson").symlink_to(two / "round.ndjson")
    images = read(two)
    assert len(images) == 3
    assert {(fault.name, fault.kind) for fault in images.faults} == {
        ("goatee.ndjson", "broken"),
        ("LICENSE", "ignored"),
        (".hidden.ndjson", "ignored"),
        ("out.ndjson", "unsafe"),
        ("round.ndjson", "unsafe"),
    }


def test_a_damaged_file_gives_what_comes_before_the_damage(two: Path) -> None:
    packed = gzip.compress("\n".join(line(CAT, "owl", key_id=str(i)) for i in range(5000)).encode())
    (two / "owl.ndjson.gz").write_bytes(packed[: len(packed) // 2])
    images = read(two)
    assert 1000 < images.counts()["owl"] < 5000
    fault = images.faults[-1]
    assert fault.name == "owl.ndjson.gz"
    assert fault.reason.startswith(f"damaged after line {images.counts()['owl']:,} (Compressed file ended")


def test_a_file_that_may_not_be_read_is_told(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: Path) -> Any:
        if file.name == "dog.ndjson":
            raise PermissionError(13, "Permission denied")
        return opened(file)

    monkeypatch.setattr(bitmaps, "opened", refuse)
    images = read(two)
    assert images.classes == ("cat",)
    assert images.faults == (Fault("dog.ndjson", "permission", "no permission to read it"),)


def test_a_file_of_something_else_is_left_soon(tmp_path: Path) -> None:
    write(tmp_path / "a" / "log.ndjson", *['{"level": "info"}'] * 5000)
    write(tmp_path / "a" / "cat.ndjson", line(CAT))
    images = read(tmp_path / "a")
    assert len(images.faults) == 1001
    assert images.faults[-1] == Fault("log.ndjson", "broken", "no drawing in its first 1,000 lines")


def test_where_no_drawing_can_be_read_the_first_reason_is_given(tmp_path: Path) -> None:
    message = r"a\.ndjson: expected Quick Draw drawings.* got none that can be read; a\.ndjson:2: no line of JSON"
    with pytest.raises(DataError, match=message):
        read(write(tmp_path / "a.ndjson", "", "{broken"))
    with pytest.raises(DataError, match=r"got none that can be read; b\.ndjson: an empty file"):
        read(write(tmp_path / "b.ndjson"))
    with pytest.raises(DataError, match="got none that can be read; it is empty"):
        read(write(tmp_path / "c.ndjson", "", ""))


def test_json_lines_beside_photos_do_not_make_them_drawings(tmp_path: Path, photo: Callable[..., Path]) -> None:
    photo("cat/1.png")
    photo("dog/1.png")
    write(tmp_path / "photos" / "boxes.ndjson", '{"image": "cat/1.png", "boxes": []}')
    assert read(tmp_path / "photos").classes == ("cat", "dog")


def test_bitmaps_are_drawn_once_and_again_when_a_file_changes(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = read(two)
    with monkeypatch.context() as context:
        context.delattr(bitmaps, "render")
        again = read(two)
    assert_array_equal(again.pixels, first.pixels)
    assert_array_equal(again.ids, first.ids)
    assert (again.classes, list(again.names), again.format) == (first.classes, list(first.names), first.format)
    write(two / "cat.ndjson", line(DOG), line(CAT))
    assert read(two).counts() == {"cat": 2, "dog": 2}
    write(two / "cat.ndjson", line(DOG, "owl"), line(CAT, "owl"))  # of the same size
    os.utime(two / "cat.ndjson", (1, 1))
    assert read(two).counts() == {"dog": 2, "owl": 2}


def test_without_the_cache_nothing_is_kept(two: Path, cache_of_the_test: Path) -> None:
    assert len(read(two, cache=False)) == 3
    assert not any(cache_of_the_test.rglob("*"))


def test_many_drawings_are_mapped_from_the_file(two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read(two).pixels
    monkeypatch.setattr(bitmaps, "LARGE", 1)
    folder = strokes.entry(
        "strokes", "x", lambda folder: bitmaps.write([two / "cat.ndjson", two / "dog.ndjson"], folder)
    )
    kept = bitmaps.load(folder)
    assert isinstance(kept.pixels.base, np.memmap) or isinstance(kept.pixels, np.memmap)
    assert_array_equal(kept.pixels, expected[..., 0])


def test_drawings_are_resized_like_other_images(two: Path) -> None:
    images = read(two, size=14)
    assert images.shape == (14, 14, 1)
    assert images.format.endswith("; resized from 28x28")


@pytest.mark.slow
def test_the_public_simplified_drawings_are_read(real_data: Path) -> None:
    images = read(real_data / "quickdraw/strokes_simplified_344x25")
    assert images.pixels.shape == (8600, 28, 28, 1)
    assert set(images.counts().values()) == {25}
    assert "; 680 not recognised by the game" in images.format
    assert images.faults == ()


def test_the_public_raw_drawings_are_read(real_data: Path) -> None:
    images = read(real_data / "quickdraw/strokes_raw_345")
    assert len(images) == 1386
    broken = [fault.name for fault in images.faults if fault.kind == "broken"]
    assert broken == ["camouflage.ndjson", "goatee.ndjson", "trumpet.ndjson"]


def test_another_name_of_a_file_is_another_class(tmp_path: Path) -> None:
    file = write(tmp_path / "cat.ndjson", line(DOG, None))
    other = tmp_path / "dog.ndjson"
    other.symlink_to(file.name)
    assert [read(path).classes for path in (file, other)] == [("cat",), ("dog",)]


def test_half_a_character_in_a_word_can_be_printed(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.ndjson", line(DOG, "cat\ud800"))).classes == ("cat\\ud800",)
