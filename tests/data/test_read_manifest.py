from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from PIL import Image

from secondlook import read
from secondlook.data.read import tables
from secondlook.errors import DataError
from secondlook.types import Fault, ImageSet

Photo = Callable[..., Path]
WORDS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=12)


@pytest.fixture
def folder(photo: Photo, tmp_path: Path) -> Path:
    """Six images, cats/0.png to cats/2.png and dogs/3.png to dogs/5.png; the grey is ten times the number."""
    for i in range(6):
        photo(f"{'cats' if i < 3 else 'dogs'}/{i}.png", 10 * i, mode="L")
    return tmp_path / "photos"


def shown(images: ImageSet) -> list[tuple[int, str]]:
    """The number of each image, told by its pixels, and its class."""
    return [
        (int(pixels.max()) // 10, images.classes[label] if label >= 0 else "?")
        for pixels, label in zip(images.pixels, images.labels, strict=True)
    ]


def write(folder: Path, *lines: str, name: str = "labels.csv", encoding: str = "utf-8") -> Path:
    file = folder / name
    file.write_bytes("\n".join(lines).encode(encoding))
    return file


def test_paths_are_relative_to_the_manifest_and_labels_are_its_own(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(folder, "path,label", "dogs/5.png,left", "cats/0.png,right", "cats/1.png,left")
    monkeypatch.chdir(tmp_path)
    for source in (file, Path("photos/labels.csv")):
        images = read(source)
        assert shown(images) == [(5, "left"), (0, "right"), (1, "left")]
        assert list(images.names) == ["dogs/5.png", "cats/0.png", "cats/1.png"]
        assert images.parts is None
        assert images.groups is None
        assert images.faults == ()
    assert images.format == "a manifest (labels.csv): 3 images of 8x8, grey, 2 classes"


def test_an_image_has_the_id_it_has_in_its_folder(folder: Path) -> None:
    by_name = dict(zip(read(folder).names, read(folder).ids, strict=True))
    images = read(write(folder, "path,label", "dogs/4.png,a", "cats/2.png,b"))
    assert images.ids.tolist() == [by_name["dogs/4.png"], by_name["cats/2.png"]]


@pytest.mark.parametrize(
    ("path", "label"),
    [
        *[("Path", "Label"), ("FILE NAME", "class"), ("file_name", "TARGET"), ("filename", "category")],
        *[("Image", "class_name"), ("image_path", "y"), ("img", "labels"), ("filepaths", "Class Name")],
    ],
)
def test_the_usual_names_of_columns_are_known(folder: Path, path: str, label: str) -> None:
    images = read(write(folder, f"x,{label},{path}", "7,a,cats/1.png", "8,b,cats/2.png"))
    assert shown(images) == [(1, "a"), (2, "b")]
    assert "ignored the column x" in images.format


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"])
def test_tables_are_read_as_programs_write_them(photo: Photo, tmp_path: Path, encoding: str) -> None:
    photo("Käfer, süß.png", 10, mode="L")
    photo("b;c.png", 20, mode="L")
    file = tmp_path / "photos/labels.tsv"
    for delimiter in (",", ";", "\t"):
        for end in ("\n", "\r\n", "\r"):
            row = f'"Käfer, süß.png"{delimiter}"schön; ""gut"""'
            text = end.join([f"path{delimiter}label", row, f'"b;c.png"{delimiter}x'])
            file.write_bytes(text.encode(encoding))
            images = read(file)
            assert shown(images) == [(1, 'schön; "gut"'), (2, "x")]
            assert ("text read as CP1252" in images.format) == (encoding in ("latin-1", "cp1252"))


def test_excels_first_line_on_its_separator_is_passed_over(folder: Path) -> None:
    file = write(folder, "sep=;", "path;label", "cats/1.png;1,5 kg", "nowhere.png;a", encoding="utf-8-sig")
    images = read(file)
    assert shown(images) == [(1, "1,5 kg")]
    assert images.faults[0].name == "labels.csv:4 (nowhere.png)"


@given(st.data())
def test_any_table_is_read_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("any")
    stems = data.draw(st.lists(WORDS.filter(lambda t: t.strip(" .") == t and "/" not in t), min_size=1, max_size=4))
    labels = data.draw(
        st.lists(st.one_of(WORDS, st.just("a\nb"), st.just('"\r\n;,\t')), min_size=len(stems), max_size=len(stems))
    )
    names = [f"{i} {stem}.png" for i, stem in enumerate(stems)]
    for i, name in enumerate(names):
        Image.new("L", (2, 2), 10 * i).save(folder / name)
    frame = pd.DataFrame({"path": names, "label": [f"x{label}" for label in labels]})
    kind = data.draw(st.sampled_from(["csv", "tsv", "german.csv", "excel.csv", "gz", "parquet"]))
    file = folder / f"labels.{kind}"
    if kind == "parquet":
        frame.to_parquet(file)
    else:
        separator = {"csv": ",", "gz": ",", "german.csv": ";"}.get(kind, "\t")
        encoding = "utf-16" if kind == "excel.csv" else "utf-8"
        file = file.with_name("labels.csv.gz") if kind == "gz" else file
        frame.to_csv(file, index=False, sep=separator, encoding=encoding, quoting=csv.QUOTE_MINIMAL)
    images = read(file, cache=False)
    assert list(images.names) == names
    assert shown(images) == [(i, f"x{label}".strip()) for i, label in enumerate(labels)]
    assert images.faults == ()


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (["01", "1", "10", "2"], ["01", "1", "10", "2"]),
        (["3.0", "", "10.0", "3.0"], ["3", "?", "10", "3"]),
        (["3.0", "3", "3.0", "x"], ["3.0", "3", "3.0", "x"]),
        (["-1", "0", "1", "2"], ["?", "0", "1", "2"]),
        (["-1", "1", "1", "-1"], ["-1", "1", "1", "-1"]),
        (["-1.0", "1.0", "2.0", ""], ["?", "1", "2", "?"]),
        ([" cat", "cat ", "  ", "nan"], ["cat", "cat", "?", "nan"]),
        (["v1.5", "1.5", "2", ""], ["v1.5", "1.5", "2", "?"]),
    ],
)
def test_labels_stay_text_but_for_whole_numbers_written_as_floats(
    folder: Path, written: list[str], expected: list[str]
) -> None:
    rows = [f"cats/{i % 3}.png,{label}" for i, label in enumerate(written)]
    images = read(write(folder, "path,label", *rows))
    assert [label for _, label in shown(images)] == expected


def test_classes_are_in_natural_order(folder: Path) -> None:
    assert read(write(folder, "path,label", *(f"cats/1.png,{i}" for i in (10, 9, 2)))).classes == ("2", "9", "10")


@pytest.mark.parametrize("labels", [["0.25", "1"], ["1e-3", "2.5"], [".5", "1."]])
def test_numbers_with_fractions_are_no_labels(folder: Path, labels: list[str]) -> None:
    file = write(folder, "path,label", *(f"cats/1.png,{label}" for label in labels))
    with pytest.raises(
        DataError, match=r"labels\.csv: expected class labels \(whole numbers or text\), got the number"
    ):
        read(file)


def test_parts_and_groups_are_taken_from_their_columns(folder: Path) -> None:
    file = write(
        folder,
        "path,label,Split,group,patient",
        "cats/0.png,a,TRAIN,g1,p1",
        "cats/1.png,b,val,,p1",
        "cats/2.png,a, testing ,g2,",
    )
    images = read(file)
    assert images.parts is not None
    assert images.groups is not None
    assert images.parts.tolist() == ["train", "valid", "test"]
    assert images.groups.tolist() == ["g1", "", "g2"]
    assert "ignored the column patient" in images.format
    by_patient = read(file, group="patient")
    assert by_patient.groups is not None
    assert by_patient.groups.tolist() == ["p1", "p1", ""]
    assert "ignored the column group" in by_patient.format
    by_name = read(file, group=r"/(\d)")
    assert by_name.groups is not None
    assert by_name.groups.tolist() == ["0", "1", "2"]


def test_an_unknown_part_is_refused_and_an_empty_one_is_a_fault(folder: Path) -> None:
    file = write(folder, "path,label,part", "cats/0.png,a,train", "cats/1.png,b,holdout")
    with pytest.raises(DataError, match=r"expected train, valid or test in the column part, got holdout; rename these"):
        read(file)
    images = read(write(folder, "path,label,part", "cats/0.png,a,train", "cats/1.png,b,", "cats/2.png,b,test"))
    assert images.faults == (
        Fault("labels.csv:3 (cats/1.png)", "broken", "no part in this row, where others have one"),
    )
    assert images.parts is not None
    assert images.parts.tolist() == ["train", "test"]


def test_a_column_set_that_tells_no_parts_is_passed_over_and_one_that_does_is_not(folder: Path) -> None:
    images = read(write(folder, "path,label,set", "cats/0.png,a,A", "cats/1.png,b,B"))
    assert images.parts is None
    assert "ignored the column set" in images.format
    with pytest.raises(DataError, match="expected train, valid or test in the column set, got B"):
        read(write(folder, "path,label,set", "cats/0.png,a,train", "cats/1.png,b,B"))


def test_folders_of_parts_in_the_paths_are_parts(photo: Photo, tmp_path: Path) -> None:
    for name in ("train/1.png", "train/2.png", "test/3.png"):
        photo(name)
    lines = ["file_name,label", "train/1.png,a", "train/2.png,b", "test/3.png,a"]
    images = read(write(tmp_path / "photos", *lines, name="metadata.csv"))
    assert images.parts is not None
    assert images.parts.tolist() == ["train", "train", "test"]
    assert "parts from the folders in the paths" in images.format


def test_each_fault_is_named_by_its_line_and_the_rest_is_read(folder: Path) -> None:
    (folder / "cut.png").write_bytes((folder / "cats/0.png").read_bytes()[:40])
    (folder / "note.txt").write_text("hello")
    file = write(
        folder,
        "path,label",
        "cats/0.png,a",
        "nowhere.png,a",
        "",
        '"cats/1.png","two',
        'lines"',
        "cats/2.png",
        "cats/2.png,a,b,c",
        "cats/2.png,b,,",
        "http://example.org/1.png,a",
        ",a",
        "cats,a",
        f"{'n' * 300}.png,a",
        "cut.png,a",
        "note.txt,a",
        f"cats/0.png,{'x' * 600}",
    )
    images = read(file)
    assert shown(images) == [(0, "a"), (1, "two\nlines"), (2, "b")]
    by_row = [(fault.name, fault.kind) for fault in images.faults if fault.name.startswith("labels.csv")]
    assert by_row == [
        ("labels.csv:3 (nowhere.png)", "missing"),
        ("labels.csv:7", "broken"),
        ("labels.csv:8", "broken"),
        ("labels.csv:10 (http://example.org/1.png)", "missing"),
        ("labels.csv:11", "broken"),
        ("labels.csv:12 (cats)", "missing"),
        (f"labels.csv:13 ({'n' * 300}.png)", "missing"),
        ("labels.csv:16 (cats/0.png)", "broken"),
    ]
    assert {fault.name: fault.kind for fault in images.faults if fault.name in ("note.txt", "cut.png")} == {
        "note.txt": "broken",
        "cut.png": "broken",
    }
    reasons = {fault.name.partition(" ")[0]: fault.reason for fault in images.faults}
    assert reasons["labels.csv:7"] == "a row of 1 columns, where the first has 2"
    assert reasons["labels.csv:3"] == "there is no such file"
    assert reasons["labels.csv:10"] == "an address, and nothing is downloaded"
    assert reasons["labels.csv:11"] == "no path in this row"
    assert reasons["labels.csv:12"] == "a folder, not a file"
    assert reasons["labels.csv:16"] == "a label or group of 600 characters"


def test_a_path_listed_twice_is_two_items(folder: Path) -> None:
    images = read(write(folder, "path,label", "cats/1.png,a", "cats/1.png,a", "cats/1.png,b"))
    assert shown(images) == [(1, "a"), (1, "a"), (1, "b")]
    assert images.ids.tolist() == [images.ids[0], f"{images.ids[0]}#2", f"{images.ids[0]}#3"]


def test_ones_own_manifest_may_lead_anywhere(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    file = write(tmp_path / "tables", "path,label", "../photos/cats/1.png,a", f"{folder}/cats/2.png,b")
    assert shown(read(file)) == [(1, "a"), (2, "b")]


def test_paths_written_on_windows_or_a_mac_are_found(photo: Photo, tmp_path: Path) -> None:
    photo("cats/é.png", 10, mode="L")
    photo("cats/u\u0308.png", 20, mode="L")
    lines = ["path,label", r"cats\é.png,a", "cats/e\u0301.png,b", "cats/ü.png,c", " cats/é.png ,d"]
    images = read(write(tmp_path / "photos", *lines))
    assert shown(images) == [(1, "a"), (1, "b"), (2, "c"), (1, "d")]


def test_without_labels_a_manifest_can_be_predicted(folder: Path) -> None:
    images = read(write(folder, "path", "cats/1.png", "cats/2.png"))
    assert shown(images) == [(1, "?"), (2, "?")]


def test_without_a_header_the_first_column_is_the_path(folder: Path) -> None:
    images = read(write(folder, "cats/1.png;a", "dogs/3.png;b"))
    assert shown(images) == [(1, "a"), (3, "b")]
    assert "no header, read as path,label" in images.format
    with pytest.raises(
        DataError, match=r"labels\.csv: expected a header such as path,label,part above .* got 3 without"
    ):
        read(write(folder, "cats/1.png,a,train", "dogs/3.png,b,test"))


def test_a_kaggle_table_of_ids_finds_the_images_of_its_part(photo: Photo, tmp_path: Path) -> None:
    for part in ("train", "test"):
        for i in range(3):
            photo(f"{part}/{i}.png", 10 * i + (100 if part == "test" else 0), mode="L")
    write(tmp_path / "photos", "id,label", "0,0", "1,0", "2,0", name="sample_submission.csv")
    write(tmp_path / "photos", "id", "0", "1", "2", name="test.csv")
    file = write(tmp_path / "photos", "id,breed", "2,a", "0,b", "1,a", "7,b", name="train.csv")
    for source in (file, tmp_path / "photos"):
        images = read(source)
        assert shown(images) == [(2, "a"), (0, "b"), (1, "a")]
        assert list(images.names) == ["train/2.png", "train/0.png", "train/1.png"]
        assert images.faults == (Fault("train.csv:5 (7)", "missing", "there is no image of this name"),)
        assert "images found by the column id below the table's folder; labels from the column breed" in images.format


def test_what_is_handed_in_at_a_competition_is_no_manifest(photo: Photo, tmp_path: Path) -> None:
    for i in range(4):
        photo(f"{'train' if i < 2 else 'test'}/{i}.png", 10 * i, mode="L")
    write(tmp_path / "photos", "id,label", "0,a", "1,b", name="labels.csv")
    write(tmp_path / "photos", "id,label", "2,a", "3,a", name="sampleSubmission.csv")
    assert shown(read(tmp_path / "photos")) == [(0, "a"), (1, "b")]


def test_ids_in_several_folders_are_found_and_ambiguous_ones_refused(photo: Photo, tmp_path: Path) -> None:
    for i in range(4):
        photo(f"part_{i % 2}/ISIC_{i}.jpg", 10 * i, mode="L")
    file = write(tmp_path / "photos", "lesion,image_id,label", *(f"L{i},ISIC_{i},{i // 2}" for i in range(4)))
    assert [number for number, _ in shown(read(file))] == [0, 1, 2, 3]
    photo("part_0/ISIC_1.jpg")
    message = r"expected ids that name one image each, got one that names part_0/ISIC_1\.jpg, part_1/ISIC_1\.jpg; give"
    with pytest.raises(DataError, match=message):
        read(file)


def test_a_folder_with_one_manifest_is_read_by_it(folder: Path) -> None:
    rows = [f"{'cats' if i < 3 else 'dogs'}/{i}.png,{'odd' if i % 2 else 'even'}" for i in range(5)]
    write(folder, "file_name,label", *rows, name="metadata.csv")
    images = read(folder)
    assert images.classes == ("even", "odd")
    assert images.format.startswith("a manifest (metadata.csv): 5 images")
    assert images.source == str(folder)
    (folder.parent / "link").symlink_to(folder)
    for same in (folder / "../photos", folder.parent / "link"):
        assert_array_equal(read(same).ids, images.ids)


@pytest.mark.parametrize(
    "lines",
    [
        ["path,label", "cats/0.png,hard", "dogs/3.png,hard"],  # a few examples, not the set
        ["path,label", "images/0.png,a", "images/1.png,b"],  # of another folder
        ["path,label", "../outside/0.png,a", "../outside/1.png,a"],
        ["id,label", "0,cats", "1,dogs"],  # a list of classes
        ["path,score", "cats/0.png,0.7", "dogs/3.png,0.3"],
        ["path,part,confidence", *(f"{'cats' if i < 3 else 'dogs'}/{i}.png,train,1" for i in range(6))],
        ["label,Label", "a,b"],
        ["hello"],
        [""],
    ],
)
def test_class_folders_are_read_as_such_beside_a_stray_table(folder: Path, tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "outside").mkdir()
    for i in range(2):
        (tmp_path / f"outside/{i}.png").write_bytes((folder / "cats/0.png").read_bytes())
    write(folder, *lines, name="notes.csv")
    assert read(folder).classes == ("cats", "dogs")


def test_a_manifest_per_part_is_the_split(photo: Photo, tmp_path: Path) -> None:
    for i in range(6):
        photo(f"images/{i}.png", 10 * i, mode="L")
    top = tmp_path / "photos"
    write(top, "path,label", *(f"images/{i}.png,{'ab'[i % 2]}" for i in range(3)), name="train.csv")
    write(top, "path,label", *(f"images/{i}.png,{'ab'[i % 2]}" for i in range(3, 6)), name="test.csv")
    images = read(top)
    assert images.parts is not None
    assert dict(zip(images.names, images.parts.tolist(), strict=True)) == {
        f"images/{i}.png": "train" if i < 3 else "test" for i in range(6)
    }
    write(top, "path,label", *(f"images/{i}.png,{'ab'[i % 2]}" for i in range(6)), name="all.csv")
    message = r"photos: expected one manifest, or one per part, got all\.csv, test\.csv, train\.csv; give one of them"
    with pytest.raises(DataError, match=message):
        read(top)


def test_an_imagefolder_with_a_table_in_each_part_is_the_split(photo: Photo, tmp_path: Path) -> None:
    for name in ("train/1.png", "train/2.png", "validation/3.png"):
        photo(name, 10 * int(Path(name).stem), mode="L")
    write(tmp_path / "photos/train", "file_name,label", "1.png,a", "2.png,b", "9.png,b", name="metadata.csv")
    write(tmp_path / "photos/validation", "file_name,label", "3.png,b", name="metadata.csv")
    images = read(tmp_path / "photos")
    assert shown(images) == [(1, "a"), (2, "b"), (3, "b")]
    assert list(images.names) == ["train/1.png", "train/2.png", "validation/3.png"]
    assert images.parts is not None
    assert images.parts.tolist() == ["train", "train", "valid"]
    assert images.faults[0].name == "train/metadata.csv:4 (9.png)"


def test_a_parquet_of_paths_is_a_manifest(folder: Path) -> None:
    table = pd.DataFrame(
        {"path": ["cats/1.png", "dogs/3.png", "no.png"], "label": [3.0, np.nan, 1.0], "part": ["train", "test", "test"]}
    )
    table.to_parquet(folder / "labels.parquet")
    images = read(folder / "labels.parquet")
    assert shown(images) == [(1, "3"), (3, "?")]
    assert images.faults == (Fault("labels.parquet:2 (no.png)", "missing", "there is no such file"),)
    table.assign(label=["a", "b", "c"]).to_parquet(folder / "labels.parquet")
    assert shown(read(folder / "labels.parquet")) == [(1, "a"), (3, "b")]


def test_bytes_that_are_no_utf8_may_come_late(folder: Path) -> None:
    rows = [f"cats/{i % 3}.png,{'x' * 10_000},a" for i in range(7)]
    images = read(write(folder, "path,note,label", *rows, "cats/0.png,,süß", encoding="latin-1"))
    assert images.classes == ("a", "süß")
    assert len(images) == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\n", "expected paths of images, relative to the table's folder, got no rows"),
        (
            "path,label\nx.png,a\ny.png,b\n",
            r"got none that can be read; labels\.csv:2 \(x\.png\): there is no such file",
        ),
        ("path,Label,label\ncats/1.png,a,b\n", "expected one column 'label', got Label, label; rename one"),
    ],
)
def test_a_manifest_without_images_is_refused(folder: Path, text: str, message: str) -> None:
    file = folder / "labels.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=rf"labels\.csv: {message}" if message.startswith("exp") else message):
        read(file)


def test_a_manifest_of_broken_images_is_refused(folder: Path) -> None:
    (folder / "cats/0.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"expected a table of path,label with images beside it, got no image"):
        read(write(folder, "path,label", "cats/0.png,a"))


def test_a_damaged_table_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "labels.csv.gz"
    packed = gzip.compress(("path,label\n" + "".join(f"{i},{i * 7919 % 1000}\n" for i in range(40_000))).encode())
    file.write_bytes(packed[:-30])
    with pytest.raises(DataError, match=r"labels\.csv\.gz: expected a compressed table, got a damaged one"):
        read(file)
    file.write_bytes(packed)
    monkeypatch.setattr(tables, "_MAX_BYTES", 100_000)
    with pytest.raises(
        DataError, match=r"expected a table of at most 0 MB of text, got more; cut it into one per part"
    ):
        read(file)


def test_a_field_that_never_ends_is_refused_with_its_line(folder: Path) -> None:
    file = write(folder, "path,label", "cats/1.png,a", 'cats/2.png,"b', *["x" * 100] * 2000)
    with pytest.raises(
        DataError, match=r"labels\.csv, line 3: expected a table of text, got something else \(field lar"
    ):
        read(file)


def test_text_that_stops_being_utf16_is_refused(folder: Path) -> None:
    file = folder / "labels.csv"
    file.write_bytes("\n".join(["path,label", *["cats/1.png,a"] * 4000]).encode("utf-16") + b"\x00\xd8\x00")
    with pytest.raises(DataError, match=r"labels\.csv: expected a table of text, got bytes that are no UTF-16"):
        read(file)


def test_a_table_of_other_columns_is_refused_with_their_names(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("photo\tkind\nx.png\tcat\n")
    message = r"got a table with the columns photo, kind; call those of paths and labels path and label"
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a.tsv")


@pytest.mark.parametrize(
    "start", [b"\x93NUMPY\x01\0", b"\x89PNG\r\n\x1a\n\0\0", b"\x1f\x8b\x08nonsense", b"\0" * 40, b""]
)
def test_other_files_are_no_tables(tmp_path: Path, start: bytes) -> None:
    (tmp_path / "a").write_bytes(start)
    assert tables.peek(tmp_path / "a") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="this user may read everything")
def test_an_image_that_may_not_be_read_is_a_fault(folder: Path) -> None:
    (folder / "cats/0.png").chmod(0)
    images = read(write(folder, "path,label", "cats/0.png,a", "cats/1.png,b"))
    assert [fault.kind for fault in images.faults] == ["permission"]


def test_a_folder_that_may_not_be_entered_is_a_fault(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Raised by hand, since the user that runs the tests may be one who may read everything.
    real = Path.is_file

    def is_file(path: Path, **options: Any) -> bool:
        if path.name == "0.png":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, **options)

    file = write(folder, "path,label", "cats/0.png,a", "cats/1.png,b")
    monkeypatch.setattr(Path, "is_file", is_file)
    images = read(file)
    assert images.faults == (Fault("labels.csv:2 (cats/0.png)", "permission", "no permission to read it"),)


def test_pixels_are_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("id,label,pixel0,pixel1,pixel2,pixel3\n1,a,0,1,2,3\n2,b,3,2,1,0\n")
    images = read(tmp_path / "train.csv")
    assert images.format.startswith("a pixel CSV")
    assert_array_equal(images.labels, [0, 1])


def test_images_of_the_folder_that_are_in_no_row_are_counted(folder: Path) -> None:
    write(folder, "path,label", *(f"cats/{i}.png,left" for i in range(3)), "dogs/3.png,right")
    images = read(folder)
    assert len(images) == 4
    assert images.format.endswith("2 images beside it in no row, left out")


@pytest.mark.parametrize("name", ["features.npy", "y.npy", "features.parquet"])
def test_numbers_beside_class_folders_do_not_take_the_place_of_the_photos(folder: Path, name: str) -> None:
    values = np.random.default_rng(0).random((6, 64)).astype(np.float32)
    if name.endswith(".npy"):
        np.save(folder / name, values[:, 0] if name == "y.npy" else values)
    else:
        pd.DataFrame({"name": list("abcdef"), "data": list(values)}).to_parquet(folder / name)
    images = read(folder)
    assert images.classes == ("cats", "dogs")
    assert images.faults == (Fault(name, "ignored", "not an image"),)


@pytest.mark.parametrize("row", ['cats/1.png,"left', '"cats/1.png,left'])
def test_rows_that_an_open_quote_takes_with_it_are_no_label(folder: Path, row: str) -> None:
    file = write(folder, "path,label", "cats/0.png,left", row, "cats/2.png,right", "dogs/3.png,right")
    images = read(file)
    assert images.classes == ("left",)
    reason = "a quote that is not closed, which makes 3 lines one row"
    assert images.faults == (Fault("labels.csv:3", "broken", reason),)


def test_text_of_several_lines_beside_a_label_is_no_harm(folder: Path) -> None:
    file = write(folder, "path,label,told", 'cats/0.png,left,"one, two\nthree, four"', "cats/2.png,right,")
    assert shown(read(file)) == [(0, "left"), (2, "right")]
