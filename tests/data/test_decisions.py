"""Decisions on labels: read as people write them, found by the images' bytes, applied without touching the set."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import secondlook as sl
from secondlook.data.decisions import (
    COLUMNS,
    Decision,
    append_decisions,
    decide,
    located,
    plain,
    read_decisions,
    write_decisions,
)
from secondlook.errors import DataError, RunError, UsageError
from secondlook.types import ImageSet


@pytest.fixture
def images() -> ImageSet:
    """Twelve images of three classes; the last is a copy of the first under another label."""
    X = np.random.default_rng(0).integers(0, 256, (12, 6, 6), dtype=np.uint8)
    X[11] = X[0]
    return sl.read((X, np.array(["cat", "dog", "emu"])[np.arange(12) % 3]))


def table(path: Path, *rows: str, header: str = "name,id,label,suggested,decision,by,when") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_line_says_keep_relabel_or_exclude(tmp_path: Path) -> None:
    file = table(tmp_path / "d.csv", "a,id1,cat,dog,keep,ann,today", "b,id2,cat,dog,relabel,,", "c,id3,cat,dog,,,",
                 "d,id4,cat,dog,Relabel = emu,,", "e,id5,cat,dog, EXCLUDE ,bob,")  # fmt: skip
    found = read_decisions(file)
    assert [(d.id, d.verdict, d.to, d.by, d.when) for d in found] == [
        ("id1", "keep", "", "ann", "today"), ("id2", "relabel", "dog", "", ""), ("id4", "relabel", "emu", "", ""),
        ("id5", "exclude", "", "bob", ""),
    ]  # fmt: skip
    assert [d.place for d in found] == [f"{file}:{line}" for line in (2, 3, 5, 6)]


@pytest.mark.parametrize(("delimiter", "encoding"), [(";", "utf-8-sig"), ("\t", "utf-16"), (",", "cp1252")])
def test_files_are_read_as_spreadsheets_write_them(tmp_path: Path, delimiter: str, encoding: str) -> None:
    rows = [["id", "Decision", "more"], ["id1", "relabel=Äpfel", "x"], ["id2", "keep", "y"]]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    (tmp_path / "d.csv").write_bytes(text.encode(encoding))
    assert [(d.id, d.word) for d in read_decisions(tmp_path / "d.csv")] == [("id1", "relabel=Äpfel"), ("id2", "keep")]


WRONG = [
    ("b,id2,cat,dog,maybe,,", r"d\.csv:2: expected a decision of keep, relabel, relabel=CLASS or exclude, got 'maybe'"),
    ("b,id2,cat,dog,keep=dog,,", r"d\.csv:2: expected a decision of .* got 'keep=dog'"),
    ("b,id2,cat,,relabel,,", r"d\.csv:2: expected the class to relabel to, got none; write relabel=CLASS"),
    ("b,id2,cat", r"d\.csv:2: expected as many columns as in the header"),
]


@pytest.mark.parametrize(("row", "message"), WRONG)
def test_a_bad_line_is_named(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_decisions(table(tmp_path / "d.csv", row))


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"expected --labels to name a file of decisions, got .*no\.csv, which is not"):
        read_decisions(tmp_path / "no.csv")
    with pytest.raises(DataError, match=r"expected a table with the columns id and decision.* the columns path, label"):
        read_decisions(table(tmp_path / "d.csv", "a.png,cat", header="path,label"))
    (tmp_path / "e.csv").write_bytes(b"")
    with pytest.raises(DataError, match="got something else"):
        read_decisions(tmp_path / "e.csv")


def test_decisions_change_the_labels_and_leave_the_set_alone(images: ImageSet) -> None:
    before = images.labels.copy()
    ids = images.ids.tolist()
    found = decide(images, [Decision(ids[1], "relabel", "emu"), Decision(ids[2], "exclude"), Decision(ids[3], "keep")])
    assert np.flatnonzero(found.labels != before).tolist() == [1]
    assert found.labels[1] == 2
    assert np.flatnonzero(found.excluded).tolist() == [2]
    assert np.flatnonzero(found.touched).tolist() == [1, 2, 3]
    np.testing.assert_array_equal(images.labels, before)


def test_of_several_lines_about_one_image_the_last_counts(images: ImageSet) -> None:
    id = str(images.ids[1])
    found = decide(images, [Decision(id, "exclude"), Decision(id, "relabel", "emu")])
    assert not found.excluded.any()
    assert found.labels[1] == 2
    assert found.fingerprint == decide(images, [Decision(id, "relabel", "emu")]).fingerprint
    assert found.fingerprint != decide(images, [Decision(id, "relabel", "cat")]).fingerprint


def test_decisions_follow_their_images_through_another_order(images: ImageSet) -> None:
    order = np.random.default_rng(1).permutation(12)
    moved = sl.read((images.pixels[order, ..., 0], np.array(images.classes)[images.labels[order]]))
    decisions = [
        Decision(str(i), "keep", label=images.classes[c]) for i, c in zip(images.ids, images.labels, strict=True)
    ]
    assert located(decisions, images) == list(range(12))
    # The copies of one image are told apart by the label that was given.
    assert order[located(decisions, moved)].tolist() == list(range(12))


def test_copies_with_one_label_are_told_apart_by_their_ids(images: ImageSet) -> None:
    same = replace(images, labels=np.zeros(12, dtype=np.int64))
    decisions = [Decision(str(same.ids[i]), "keep", label="cat") for i in (11, 0)]
    assert located(decisions, same) == [11, 0]
    assert str(same.ids[11]).endswith("#2")


def test_an_image_or_class_that_is_not_there_is_named_with_its_line(images: ImageSet, tmp_path: Path) -> None:
    file = table(tmp_path / "d.csv", "x,0123456789abcdef,cat,dog,keep,,")
    with pytest.raises(DataError, match=r"d\.csv:2: expected the id of an image of arrays, got '0123456789abcdef'"):
        decide(images, read_decisions(file))
    file = table(tmp_path / "d.csv", "", f"x,{images.ids[0]},cat,yak,relabel,,")
    with pytest.raises(
        DataError, match=r"d\.csv:3: expected a class of arrays .* got 'yak'; the classes are cat, dog, emu"
    ):
        decide(images, read_decisions(file))


def test_of_many_classes_an_error_names_some() -> None:
    X = np.random.default_rng(0).integers(0, 256, (20, 4, 4), dtype=np.uint8)
    many = sl.read((X, [f"c{i}" for i in range(20)]))
    with pytest.raises(DataError, match=r"the classes are c0, .*, c11 and 8 more"):
        decide(many, [Decision(str(many.ids[0]), "relabel", "none")])


TEXT = st.text(st.characters(codec=None, exclude_characters="\x00"), max_size=12).map(str.strip)


@given(st.lists(st.tuples(TEXT, TEXT, st.sampled_from(["keep", "exclude", "relabel"]), TEXT), max_size=4))
def test_what_is_written_is_read_again(tmp_path_factory: Any, rows: list[tuple[str, str, Any, str]]) -> None:
    written = [
        Decision(f"id{i}", verdict, f"x{to}".strip() if verdict == "relabel" else "", label, by=by)
        for i, (label, to, verdict, by) in enumerate(rows)
    ]
    file = write_decisions(tmp_path_factory.mktemp("d") / "new" / "d.csv", written)
    found = read_decisions(file)
    said = [(d.id, d.verdict, d.to, d.label, d.by) for d in found]
    assert said == [(d.id, d.verdict, plain(d.to), plain(d.label).strip(), plain(d.by).strip()) for d in written]


def test_names_that_no_file_can_hold_are_written_out() -> None:
    assert plain("caf\udce9\n\x07é") == "caf\\udce9\\n\\x07é"


def test_a_class_that_no_file_can_hold_is_found_all_the_same(tmp_path: Path) -> None:
    X = np.random.default_rng(0).integers(0, 256, (6, 4, 4), dtype=np.uint8)
    odd = sl.read((X, np.array(["caf\udce9", "plain"])[np.arange(6) % 2]))
    plain_one = odd.classes.index("plain")
    item = int(np.flatnonzero(odd.labels == plain_one)[0])
    file = write_decisions(tmp_path / "d.csv", [Decision(str(odd.ids[item]), "relabel", "caf\udce9")])
    assert decide(odd, read_decisions(file)).labels[item] == 1 - plain_one


def test_lines_are_appended_below_those_that_are_there(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    append_decisions(file, [Decision("id1", "keep")])
    file.write_bytes(file.read_bytes().rstrip())  # as an editor may leave it
    append_decisions(file, [Decision("id2", "exclude", by="ann"), Decision("id3", "relabel", "dog")])
    assert [d.id for d in read_decisions(file)] == ["id1", "id2", "id3"]
    with file.open(newline="", encoding="utf-8") as stream:
        assert tuple(next(csv.reader(stream))) == COLUMNS


def test_lines_are_not_appended_to_another_table(tmp_path: Path) -> None:
    file = table(tmp_path / "d.csv", "id1,keep", header="id,decision")
    with pytest.raises(
        DataError, match=re.escape("expected the columns name, id, label, suggested, decision, by, when")
    ):
        append_decisions(file, [Decision("id2", "keep")])


def test_a_full_disk_is_said_and_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_decisions(tmp_path / "d.csv", [Decision("id1", "keep")])
    before, open_ = file.read_bytes(), Path.open

    def full(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        if "w" in mode or "a" in mode:
            raise OSError(28, "No space left on device")
        return open_(self, mode, *rest, **more)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(RunError, match=r"cannot write decisions to .*No space left"):
        write_decisions(file, [])
    with pytest.raises(RunError, match=r"cannot write decisions to .*No space left"):
        append_decisions(file, [Decision("id2", "keep")])
    assert file.read_bytes() == before
