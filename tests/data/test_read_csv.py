from __future__ import annotations

import tracemalloc
from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from secondlook import read
from secondlook.data.read import pixel_csv, pixel_rows, require_labels
from secondlook.errors import DataError
from secondlook.types import Fault

X = np.random.default_rng(3).integers(0, 256, (5, 4)).astype(np.uint8)
Y = [7, 10, 2, 7, 2]


def frame(x: np.ndarray, y: object = None) -> pd.DataFrame:
    table = pd.DataFrame(x, columns=[f"pixel{i}" for i in range(x.shape[1])])
    if y is not None:
        table.insert(0, "label", y)
    return table


@settings(deadline=None)
@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 6), st.sampled_from([1, 4, 9, 12]))), st.data())
def test_what_pandas_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, x: np.ndarray, data: st.DataObject
) -> None:
    file = tmp_path_factory.mktemp("csv") / "train.csv"
    y = data.draw(st.lists(st.sampled_from(["cat", "dog, wet", "10", "2", 'a "b"']), min_size=len(x), max_size=len(x)))
    frame(x, y).to_csv(file, index=False)
    images = read(file)
    assert_array_equal(images.pixels.reshape(len(x), -1), x)
    assert [images.classes[i] for i in images.labels] == y


def test_a_line_is_named_as_an_editor_counts_it(tmp_path: Path) -> None:
    frame(X, Y).to_csv(tmp_path / "train.csv", index=False)
    images = read(tmp_path / "train.csv")
    assert images.classes == ("2", "7", "10")
    assert images.labels.tolist() == [1, 2, 0, 1, 0]
    assert images.names[0] == "train.csv:2"
    assert images.format == "a pixel CSV (train.csv): 5 images of 2x2, grey, 3 classes"


def test_an_unlabelled_csv_reads_but_cannot_be_compared(tmp_path: Path) -> None:
    frame(X).to_csv(tmp_path / "test.csv", index=False)
    images = read(tmp_path / "test.csv")
    assert images.labels.tolist() == [-1] * 5
    assert images.classes == ()
    with pytest.raises(DataError, match=r"test\.csv has no labels: expected a column 'label' in a CSV"):
        require_labels(images)


def test_kaggles_folder_takes_the_labelled_file_and_says_so(tmp_path: Path) -> None:
    frame(X, Y).to_csv(tmp_path / "train.csv", index=False)
    frame(X).to_csv(tmp_path / "test.csv", index=False)
    (tmp_path / "sample_submission.csv").write_text("ImageId,Label\n1,0\n")
    images = read(tmp_path)
    assert len(images) == 5
    assert images.parts is None
    assert "test.csv left out, it has no labels" in images.format


def test_a_labelled_test_file_is_the_test_part(tmp_path: Path) -> None:
    frame(X, Y).to_csv(tmp_path / "fashion-mnist_train.csv", index=False)
    frame(X[:2], Y[:2]).to_csv(tmp_path / "fashion-mnist_test.csv", index=False)
    images = read(tmp_path)
    assert images.parts is not None
    assert images.parts.tolist() == ["test"] * 2 + ["train"] * 5
    assert images.ids[2] == f"{images.ids[0]}#2"


def test_a_folder_with_only_the_unlabelled_file_reads_it(tmp_path: Path) -> None:
    frame(X).to_csv(tmp_path / "test.csv", index=False)
    assert read(tmp_path).classes == ()


def test_columns_may_stand_in_any_order_and_more_are_ignored(tmp_path: Path) -> None:
    table = frame(X, Y).assign(writer="someone, somewhere")
    table[["writer", "pixel3", "pixel1", "label", "pixel0", "pixel2"]].to_csv(tmp_path / "a.csv", index=False)
    images = read(tmp_path / "a.csv")
    assert_array_equal(images.pixels.reshape(5, 4), X)
    assert [int(images.classes[i]) for i in images.labels] == Y
    assert "a.csv: ignored the column writer" in images.format


@pytest.mark.parametrize("names", [["1x1", "1x2", "2x1", "2x2"], ["pixel_0_0", "pixel_0_1", "pixel_1_0", "pixel_1_1"]])
def test_other_names_of_pixels_are_known(tmp_path: Path, names: list[str]) -> None:
    pd.DataFrame(X, columns=names).assign(Class=Y).to_csv(tmp_path / "a.csv", index=False, encoding="utf-8-sig")
    images = read(tmp_path / "a.csv")
    assert_array_equal(images.pixels.reshape(5, 4), X)
    assert images.classes == ("2", "7", "10")


def test_fractions_are_read_and_empty_labels_are_unknown(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((5, 4))
    frame(x, [3.0, None, 4.0, 3.0, 4.0]).to_csv(tmp_path / "a.csv", index=False)
    images = read(tmp_path / "a.csv")
    assert images.pixels.dtype == np.float32
    np.testing.assert_allclose(images.pixels.reshape(5, 4), x, rtol=1e-6)
    assert images.classes == ("3", "4")
    assert images.labels.tolist() == [0, -1, 1, 0, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,c,d,e\n1,2,3,4,5\n", r"got the columns a, b, c and 2 more"),
        ("", r"a\.csv: expected a CSV with the columns label,pixel0,pixel1,…, got no header"),
        ("label,pixel0\n", r"a\.csv: expected images below the header, got none"),
        ("label,pixel0\n\n3,x\n", r"a\.csv, line 3: expected a number in column 2, got 'x'"),
        ("label,pixel0\n3\n", r"a\.csv, line 2: expected 2 columns as in the header, got 1"),
        ("pixel0,pixel1\n1,2\n", r"a\.csv: expected rows of h\*h or h\*h\*3 numbers"),
    ],
)
def test_a_csv_that_is_none_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a.csv")


def test_bytes_named_csv_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(bytes(range(256)))
    with pytest.raises(DataError, match=r"a\.csv: expected a CSV with the columns .*, got no header"):
        read(tmp_path / "a.csv")


def test_bytes_below_a_good_header_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"label,pixel0\n1,\xff\xfe\n")
    with pytest.raises(DataError, match=r"a\.csv, line 2: expected a number in column 2, got"):
        read(tmp_path / "a.csv")


def test_labels_of_older_programs_are_read_as_latin_1(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("label,pixel0\né,1\nb,200\n".encode("latin-1"))
    assert read(tmp_path / "a.csv").classes == ("b", "é")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,2,3", "expected 5 columns as in the header, got 3"),
        ("1,2,3,4,5,6,7", "expected 5 columns as in the header, got 7"),
        ("1,2,3,x,5", "expected a number in column 4, got 'x'"),
        ("1,2,3,,5", "expected a number in column 4, got ''"),
        ("1,2,3,nan,5", "pixels that are NaN or infinite"),
        ("1,2,3,1e999,5", "pixels that are NaN or infinite"),
        ("(", "expected 5 columns as in the header, got 1"),
    ],
)
@pytest.mark.parametrize("place", [0, 3, 5])
def test_a_faulty_row_is_named_by_its_line_and_the_others_are_read(
    tmp_path: Path, line: str, reason: str, place: int
) -> None:
    frame(X, Y).to_csv(tmp_path / "a.csv", index=False)
    sound = read(tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    lines.insert(1 + place, line)
    (tmp_path / "a.csv").write_text("\n".join(lines))
    images = read(tmp_path / "a.csv")
    assert images.faults == (Fault(f"a.csv:{2 + place}", "broken", reason),)
    assert_array_equal(images.pixels, sound.pixels)
    assert_array_equal(images.labels, sound.labels)
    assert list(images.names) == [f"a.csv:{i + 2 + (i >= place)}" for i in range(5)]
    if "NaN" not in reason:
        assert_array_equal(images.ids, sound.ids)


def test_blank_lines_and_labels_of_several_lines_shift_no_name(tmp_path: Path) -> None:
    text = 'label,pixel0\n\na,1\n\n"two\nlines",2\n,,\nb,200\n\n'
    (tmp_path / "a.csv").write_text(text)
    images = read(tmp_path / "a.csv")
    assert list(images.names) == ["a.csv:3", "a.csv:5", "a.csv:8"]
    assert images.classes == ("a", "b", "two\nlines")
    assert not images.faults


def test_empty_cells_behind_a_row_are_no_fault(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("label,pixel0\na,1,,\nb,200\n")
    assert not read(tmp_path / "a.csv").faults


@pytest.mark.parametrize("mark", [";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_other_marks_and_ends_of_lines_are_known(tmp_path: Path, mark: str, end: str) -> None:
    text = frame(X, Y).to_csv(index=False, sep=mark, lineterminator=end)
    (tmp_path / "a.csv").write_bytes(text.encode())
    images = read(tmp_path / "a.csv")
    assert_array_equal(images.pixels.reshape(5, 4), X)
    assert list(images.names) == [f"a.csv:{i}" for i in range(2, 7)]


def test_whole_numbers_are_bytes_however_they_are_written(tmp_path: Path) -> None:
    frame(X, Y).to_csv(tmp_path / "a.csv", index=False)
    frame(X.astype(float), Y).to_csv(tmp_path / "b.csv", index=False)
    assert_array_equal(read(tmp_path / "a.csv").ids, read(tmp_path / "b.csv").ids)


def test_several_labelled_files_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        frame(X, Y).to_csv(tmp_path / f"{name}.csv", index=False)
    with pytest.raises(DataError, match=r"expected one labelled CSV, or one per part, got one\.csv, two\.csv"):
        read(tmp_path)


def test_several_unlabelled_files_are_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        frame(X).to_csv(tmp_path / f"{name}.csv", index=False)
    with pytest.raises(DataError, match=r"in one of one\.csv, two\.csv, got none with labels"):
        read(tmp_path)


def test_parts_with_different_pixels_are_refused(tmp_path: Path) -> None:
    frame(X, Y).to_csv(tmp_path / "train.csv", index=False)
    frame(X[:, :1], Y).to_csv(tmp_path / "test.csv", index=False)
    with pytest.raises(
        DataError, match=r"expected as many pixels per image in each file, .* got 1 of uint8 and 4 of uint8"
    ):
        read(tmp_path)


def test_a_link_that_leads_out_of_the_folder_is_named_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    frame(X, Y).to_csv(tmp_path / "test.csv", index=False)
    frame(X, Y).to_csv(tmp_path / "data" / "train.csv", index=False)
    (tmp_path / "data" / "test.csv").symlink_to(tmp_path / "test.csv")
    images = read(tmp_path / "data")
    assert len(images) == 5
    assert [(fault.name, fault.kind) for fault in images.faults] == [("test.csv", "unsafe")]


def test_large_whole_numbers_stay_the_classes_they_are(tmp_path: Path) -> None:
    labels = [str(n) for n in (2**53, 2**53 + 1, 10**19, 10**19 + 1)]
    frame(X[:4], labels).to_csv(tmp_path / "train.csv", index=False)
    images = read(tmp_path / "train.csv")
    assert [images.classes[i] for i in images.labels] == labels


def test_a_column_without_a_name_is_called_that(tmp_path: Path) -> None:
    frame(X, Y).to_csv(tmp_path / "train.csv")
    assert "ignored the column without a name" in read(tmp_path / "train.csv").format


def test_a_line_that_never_ends_is_no_row_and_is_not_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pixel_rows, "_BLOCK_BYTES", 2**12)
    file = tmp_path / "train.csv"
    frame(X, Y).to_csv(file, index=False)
    with file.open("ab") as stream:
        stream.write(bytes(2**24) + b"\n7,1,2,3,4\n")
    tracemalloc.start()
    images = read(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23
    assert images.names[-1] == "train.csv:8"
    assert [fault.name for fault in images.faults] == ["train.csv:7"]


def test_an_empty_file_is_called_that(tmp_path: Path) -> None:
    (tmp_path / "set.bin").touch()
    with pytest.raises(DataError, match="got an empty file"):
        read(tmp_path / "set.bin")


def test_the_header_of_a_large_image_is_soon_understood(tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    file.write_text("label," + ",".join(f"pixel{i}" for i in range(128 * 128)))
    began = process_time()
    assert pixel_csv.recognises(file)
    assert len(pixel_csv._header(file).pixels) == 128 * 128
    assert process_time() - began < 1
