from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from PIL import Image

from secondlook import read
from secondlook.data.read import row_groups
from secondlook.data.read.row_groups import EncodedImages
from secondlook.errors import DataError
from secondlook.types import Fault, ImageSet

IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})
NAMES = ["dog", "cat", "10", "2"]


def png(value: int, size: int = 4) -> bytes:
    with io.BytesIO() as stream:
        Image.new("L", (size, size), value).save(stream, "PNG")
        return stream.getvalue()


def features(**columns: Any) -> dict[str, str]:
    """The schema's metadata as Hugging Face `datasets` writes it."""
    return {"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}, **columns}}})}


CLASS_LABEL = {"names": NAMES, "_type": "ClassLabel"}


def as_datasets_does(
    file: Path,
    values: list[int | None],
    labels: list[int],
    *,
    paths: list[str | None] | None = None,
    metadata: dict[str, str] | None = None,
    rows: int = 3,
    **columns: Any,
) -> Path:
    """A shard with the schema, the metadata and the small row groups of Hugging Face `datasets`."""
    images = [
        {"bytes": None if value is None else png(value), "path": paths[i] if paths else f"{value}.png"}
        for i, value in enumerate(values)
    ]
    table = pa.table(
        {
            "image": pa.array(images, IMAGE),
            "label": pa.array(labels, pa.int64()),
            **{name: pa.array(column) for name, column in columns.items()},
        }
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    metadata = features(label=CLASS_LABEL) if metadata is None else metadata
    pq.write_table(table.replace_schema_metadata(metadata), file, row_group_size=rows)
    return file


def shown(images: ImageSet) -> list[tuple[int, str]]:
    """The grey of each image, and its class."""
    return [
        (int(pixels.max()), images.classes[label] if label >= 0 else "?")
        for pixels, label in zip(images.pixels, images.labels, strict=True)
    ]


def test_a_file_of_hugging_face_is_read_with_its_class_names_in_their_order(tmp_path: Path) -> None:
    file = as_datasets_does(tmp_path / "train.parquet", list(range(10, 18)), [0, 1, 2, 3, 3, 2, 1, 0])
    images = read(file)
    assert images.classes == ("dog", "cat", "10", "2")
    assert shown(images) == list(zip(range(10, 18), ["dog", "cat", "10", "2", "2", "10", "cat", "dog"], strict=True))
    assert list(images.names) == [f"train.parquet:{row}" for row in range(8)]
    assert images.parts is None
    assert images.format == (
        "Parquet with images (train.parquet): 8 images of 4x4, grey, 4 classes; labels from the column label"
    )


def test_an_image_has_the_id_of_the_same_bytes_in_a_file(tmp_path: Path) -> None:
    for folder, value in (("a", 1), ("b", 2)):
        (tmp_path / "photos" / folder).mkdir(parents=True)
        (tmp_path / "photos" / folder / "1.png").write_bytes(png(value))
    file = as_datasets_does(tmp_path / "a.parquet", [1, 2], [0, 1])
    assert_array_equal(read(file).ids, read(tmp_path / "photos").ids)


@pytest.mark.parametrize("folder", ["", "data", "default"])
def test_shards_are_the_parts_that_their_names_tell(tmp_path: Path, folder: str) -> None:
    top = tmp_path / "set"
    as_datasets_does(top / folder / "train-00000-of-00002.parquet", [1, 2], [0, 1])
    as_datasets_does(top / folder / "train-00001-of-00002-1a2b3c4d.parquet", [3, 4], [0, 1])
    as_datasets_does(top / folder / "validation-00000-of-00001.parquet", [5], [1])
    as_datasets_does(top / folder / "test-00000-of-00001.parquet", [6], [0])
    as_datasets_does(top / folder / "extra-00000-of-00001.parquet", [7], [0])
    (top / "README.md").write_text("hello")
    images = read(top)
    prefix = f"{folder}/" if folder else ""
    assert images.parts is not None
    assert sorted(zip((v for v, _ in shown(images)), images.parts.tolist(), strict=True)) == [
        *[(1, "train"), (2, "train"), (3, "train"), (4, "train")],
        *[(5, "valid"), (6, "test")],
    ]
    assert f"{prefix}train-00001-of-00002-1a2b3c4d.parquet:1" in images.names
    name = f"{prefix}extra-00000-of-00001.parquet"
    assert images.faults == (Fault(name, "ignored", "of no part, beside files of one"),)
    assert images.format.startswith("Parquet with images (4 files): 6 images")


def test_folders_of_parts_are_parts_as_the_hub_converts_them(tmp_path: Path) -> None:
    as_datasets_does(tmp_path / "default/train/0000.parquet", [1, 2], [0, 1])
    as_datasets_does(tmp_path / "default/test/0000.parquet", [3], [1])
    images = read(tmp_path)
    assert images.parts is not None
    assert images.parts.tolist() == ["test", "train", "train"]


def test_several_sets_in_a_folder_are_refused(tmp_path: Path) -> None:
    as_datasets_does(tmp_path / "small/train.parquet", [1], [0])
    as_datasets_does(tmp_path / "large/train.parquet", [1], [0])
    with pytest.raises(
        DataError, match="expected the Parquet files of one set, got some in each of large, small; give"
    ):
        read(tmp_path)


def test_shards_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    as_datasets_does(tmp_path / "train.parquet", [1], [0])
    other = as_datasets_does(
        tmp_path / "test.parquet", [1], [0], metadata=features(label={**CLASS_LABEL, "names": ["x"]})
    )
    with pytest.raises(DataError, match=r"train\.parquet: expected the class names of test\.parquet, got others"):
        read(tmp_path)
    pq.write_table(pa.table({"image": pa.array([{"bytes": png(1)}]), "y": [1]}), other)
    with pytest.raises(
        DataError, match=r"train\.parquet: expected the columns of test\.parquet, got others; keep files"
    ):
        read(tmp_path)


@pytest.mark.parametrize(
    ("labels", "kind", "expected"),
    [
        ([3, -1, 10], pa.int32(), ["3", "?", "10"]),
        ([3.0, None, 10.0], pa.float64(), ["3", "?", "10"]),
        (["b", "", None], pa.string(), ["b", "?", "?"]),
        (["01", "1", " 1"], pa.large_string(), ["01", "1", "1"]),
        ([True, False, True], pa.bool_(), ["True", "False", "True"]),
        (["b", "a", "b"], pa.dictionary(pa.int8(), pa.string()), ["b", "a", "b"]),
    ],
)
def test_labels_without_declared_names_are_their_own(
    tmp_path: Path, labels: list[Any], kind: pa.DataType, expected: list[str]
) -> None:
    for image in (pa.binary(), pa.large_binary()):
        table = pa.table({"image": pa.array([png(i) for i in range(3)], image), "label": pa.array(labels, kind)})
        pq.write_table(table, tmp_path / "a.parquet")
        assert [label for _, label in shown(read(tmp_path / "a.parquet"))] == expected


def test_a_label_column_of_any_name_is_found_where_it_is_declared_or_the_only_one(tmp_path: Path) -> None:
    metadata = features(fine={**CLASS_LABEL}, coarse={**CLASS_LABEL, "names": ["x"]})
    table = pa.table(
        {"img": pa.array([{"bytes": png(1), "path": None}], IMAGE), "fine": [2], "coarse": [0], "note": ["n"]}
    )
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "a.parquet")
    images = read(tmp_path / "a.parquet")
    assert images.classes == ("10",)
    assert "labels from the column fine; ignored the columns coarse, note" in images.format
    pd.DataFrame({"photo": [png(1), png(2)], "species": ["a", "b"]}).to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").classes == ("a", "b")
    pd.DataFrame({"jpg": [png(1), png(2)]}).to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet").classes == ()


@pytest.mark.parametrize("metadata", ["{", "[]", '{"info": 3}', '{"info": {"features": []}}', "[" * 100_000])
def test_metadata_that_is_no_such_is_passed_over(tmp_path: Path, metadata: str) -> None:
    file = as_datasets_does(tmp_path / "a.parquet", [1, 2], [0, 1], metadata={"huggingface": metadata})
    assert read(file).classes == ("0", "1")


def test_parts_and_groups_may_be_columns(tmp_path: Path) -> None:
    columns = {"split": ["train", "test", None], "group": ["g", "h", None], "patient": [7, 7, 8]}
    file = as_datasets_does(tmp_path / "all.parquet", [1, 2, 3], [0, 1, 0], **columns)
    images = read(file)
    assert images.parts is not None
    assert images.groups is not None
    assert images.parts.tolist() == ["train", "test"]
    assert images.groups.tolist() == ["g", "h"]
    assert images.faults == (Fault("all.parquet:2", "broken", "no part in this row, where others have one"),)
    assert read(file, group="patient").groups.tolist() == ["7", "7"]  # type: ignore[union-attr]
    assert read(file, group=r":(\d)").groups.tolist() == ["0", "1"]  # type: ignore[union-attr]


def test_rows_without_bytes_are_read_from_the_file_they_name_or_are_faults(tmp_path: Path) -> None:
    (tmp_path / "set/images").mkdir(parents=True)
    (tmp_path / "set/images/2.png").write_bytes(png(2))
    images: list[dict[str, Any] | None] = [
        {"bytes": png(1), "path": "1.png"},
        {"bytes": None, "path": "images/2.png"},
        {"bytes": None, "path": "images/9.png"},
        {"bytes": None, "path": None},
        None,
        {"bytes": b"nothing", "path": None},
        {"bytes": b"", "path": None},
        {"bytes": png(8), "path": None},
    ]
    file = tmp_path / "set/a.parquet"
    table = pa.table({"image": pa.array(images, IMAGE), "label": list("abababab")})
    pq.write_table(table, file, row_group_size=3)
    found = read(file)
    assert shown(found) == [(1, "a"), (2, "b"), (8, "b")]
    assert [fault.name for fault in found.faults] == [
        *["a.parquet:2 (images/9.png)", "a.parquet:3", "a.parquet:4", "a.parquet:5", "a.parquet:6"]
    ]
    assert [fault.kind for fault in found.faults] == ["missing", *["broken"] * 4]
    assert found.faults[1].reason == "no image in this row"


def test_labels_that_are_none_of_the_classes_are_faults(tmp_path: Path) -> None:
    table = pa.table({"image": pa.array([{"bytes": png(i)} for i in range(5)]), "label": [0, 4, -1, -7, 3]})
    pq.write_table(table.replace_schema_metadata(features(label=CLASS_LABEL)), tmp_path / "a.parquet")
    images = read(tmp_path / "a.parquet")
    assert shown(images) == [(0, "dog"), (2, "?"), (4, "2")]
    assert images.faults == (
        Fault("a.parquet:1", "broken", "the label 4 is none of the 4 classes"),
        Fault("a.parquet:3", "broken", "the label -7 is none of the 4 classes"),
    )


def test_a_label_that_nobody_can_mean_is_a_fault(tmp_path: Path) -> None:
    pd.DataFrame({"image": [png(1), png(2)], "label": ["a", "b" * 600]}).to_parquet(tmp_path / "a.parquet")
    images = read(tmp_path / "a.parquet")
    assert shown(images) == [(1, "a")]
    assert images.faults == (Fault("a.parquet:1", "broken", "a label or group of 600 characters"),)


def test_lists_of_labels_are_refused(tmp_path: Path) -> None:
    pd.DataFrame({"image": [png(1), png(2)], "label": [[1], [1, 2]]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(
        DataError, match="expected one label per image, got lists of them in the column label; keep one"
    ):
        read(tmp_path / "a.parquet")


def test_a_label_with_a_fraction_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"image": [png(1), png(2)], "label": [0.5, 1.0]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet: expected class labels .*, got the number 0\.5"):
        read(tmp_path / "a.parquet")


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 5), st.just(3), st.just(3))), st.data())
def test_any_pixels_in_lists_or_columns_are_read_back(
    tmp_path_factory: pytest.TempPathFactory, x: np.ndarray, data: st.DataObject
) -> None:
    file = tmp_path_factory.mktemp("lists") / "a.parquet"
    labels = data.draw(st.lists(st.sampled_from(["a", "b;c", "ü"]), min_size=len(x), max_size=len(x)))
    form = data.draw(st.sampled_from(["flat", "nested", "fixed", "columns"]))
    flat = x.reshape(len(x), -1)
    if form == "columns":
        table = pa.table({"label": labels, **{f"pixel{i}": flat[:, i] for i in range(9)}})
    elif form == "fixed":
        table = pa.table({"pixels": pa.FixedSizeListArray.from_arrays(flat.ravel(), 9), "label": labels})
    else:
        inner = pa.list_(pa.uint8()) if form == "flat" else pa.list_(pa.list_(pa.uint8()))
        table = pa.table({"image": pa.array((flat if form == "flat" else x).tolist(), inner), "label": labels})
    pq.write_table(table, file, row_group_size=2)
    images = read(file, cache=False)
    assert_array_equal(images.pixels[..., 0], x)
    assert [images.classes[i] for i in images.labels] == labels
    assert images.names[0] == "a.parquet:0"
    assert images.format.startswith("Parquet with pixels (a.parquet): ")


class Array2D(pa.ExtensionType):
    """A type as `datasets` registers one."""

    def __init__(self) -> None:
        super().__init__(pa.list_(pa.list_(pa.uint8())), "secondlook.tests.Array2D")

    def __arrow_ext_serialize__(self) -> bytes:
        return b""

    @classmethod
    def __arrow_ext_deserialize__(cls, storage: pa.DataType, serialized: bytes) -> Array2D:
        return cls()


def test_arrays_of_a_type_that_datasets_registers_are_read_whether_it_is_loaded_or_not(tmp_path: Path) -> None:
    x = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    pixels = pa.ExtensionArray.from_storage(Array2D(), pa.array(x.tolist(), pa.list_(pa.list_(pa.uint8()))))
    pq.write_table(pa.table({"pixels": pixels, "label": [0, 1]}), tmp_path / "a.parquet")
    assert_array_equal(read(tmp_path / "a.parquet").pixels[..., 0], x)
    pa.register_extension_type(Array2D())
    try:
        assert isinstance(pq.read_schema(tmp_path / "a.parquet").field(0).type, Array2D)
        assert_array_equal(read(tmp_path / "a.parquet").pixels[..., 0], x)
    finally:
        pa.unregister_extension_type("secondlook.tests.Array2D")


def test_rows_of_another_length_and_missing_pixels_are_faults(tmp_path: Path) -> None:
    rows = [[1, 2, 3, 4], [1, 2], [5, 6, 7, 8], None, [1, None, 3, 4]]
    table = pa.table({"pixels": pa.array(rows, pa.list_(pa.uint8())), "label": list("abcde")})
    pq.write_table(table, tmp_path / "a.parquet")
    images = read(tmp_path / "a.parquet")
    assert images.pixels.dtype == np.uint8
    assert images.pixels.reshape(2, 4).tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert [(fault.name, fault.reason) for fault in images.faults] == [
        ("a.parquet:1", "2 numbers, where most rows have 4"),
        ("a.parquet:3", "no list of numbers"),
        ("a.parquet:4", "no list of numbers"),
    ]
    columns = {
        "label": list("abc"),
        **{f"pixel{i}": pa.array([i, None if i == 2 else 7, 9], pa.uint8()) for i in range(4)},
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    images = read(tmp_path / "a.parquet")
    assert images.pixels.reshape(2, 4).tolist() == [[0, 1, 2, 3], [9] * 4]
    assert images.faults == (Fault("a.parquet:1", "broken", "a pixel is missing"),)


def test_pixels_of_which_none_can_be_read_or_that_differ_between_files_are_refused(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"x": pa.array([None, None], pa.list_(pa.uint8())), "y": [1, 2]}), tmp_path / "train.parquet"
    )
    with pytest.raises(DataError, match=r"got no image that can be read; train\.parquet:0: no list of numbers"):
        read(tmp_path / "train.parquet")
    pq.write_table(pa.table({"x": pa.array([[1] * 4], pa.list_(pa.uint8())), "y": [1]}), tmp_path / "train.parquet")
    pq.write_table(pa.table({"x": pa.array([[1] * 9], pa.list_(pa.uint8())), "y": [1]}), tmp_path / "test.parquet")
    with pytest.raises(DataError, match=r"expected pixels of one form in each file, got \(1, 9\) and \(1, 4\)"):
        read(tmp_path)


def test_a_table_without_images_is_refused_with_its_columns(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1], "b": ["x"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet: expected Parquet with a column of images .*, got a, b"):
        read(tmp_path / "a.parquet")


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_arrays([pa.array([b"x"]), pa.array([1])], ["a", "a"]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet: expected columns of different names, got a, a"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"", "something else"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid",
            "a pointer of Git LFS; fetch the file with 'git lfs pull'",
        ),
        (b"PAR1", r"a damaged one \("),
        (b"PAR1" + b"\0" * 100 + b"PAR1", r"a damaged one \("),
    ],
)
def test_what_is_no_parquet_is_refused(tmp_path: Path, content: bytes, got: str) -> None:
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.parquet: expected a Parquet file, got {got}"):
        read(tmp_path / "a.parquet")


def test_a_page_that_is_damaged_takes_its_rows_only(tmp_path: Path) -> None:
    file = as_datasets_does(tmp_path / "a.parquet", list(range(9)), [0] * 9)
    table = pq.read_table(file)
    pq.write_table(table, file, row_group_size=3, write_page_checksum=True, compression="none", use_dictionary=False)
    column = pq.read_metadata(file).row_group(1).column(0)
    data = bytearray(file.read_bytes())
    data[column.data_page_offset + column.total_compressed_size // 2] ^= 0xFF
    file.write_bytes(data)
    images = read(file)
    assert [value for value, _ in shown(images)] == [0, 1, 2, 6, 7, 8]
    assert [fault.name for fault in images.faults] == ["a.parquet:3", "a.parquet:4", "a.parquet:5"]
    assert "the file is damaged here" in images.faults[0].reason


def test_damaged_labels_are_refused(tmp_path: Path) -> None:
    file = as_datasets_does(tmp_path / "a.parquet", [1, 2, 3], [0, 1, 2])
    table = pq.read_table(file)
    pq.write_table(table, file, write_page_checksum=True, compression="none", use_dictionary=False)
    column = pq.read_metadata(file).row_group(0).column(2)
    data = bytearray(file.read_bytes())
    data[column.data_page_offset + column.total_compressed_size - 2] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(DataError, match=r"a\.parquet: expected a Parquet file, got a damaged one \(.*could not|CRC"):
        read(file)


def test_damaged_pixels_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    table = pa.table({"x": pa.array([[1] * 4] * 3, pa.list_(pa.uint8())), "y": [1, 2, 3]})
    pq.write_table(table, file, write_page_checksum=True, compression="none", use_dictionary=False)
    column = pq.read_metadata(file).row_group(0).column(0)
    data = bytearray(file.read_bytes())
    data[column.data_page_offset + column.total_compressed_size - 2] ^= 0xFF
    file.write_bytes(data)
    with pytest.raises(DataError, match=r"a\.parquet: expected a Parquet file, got a damaged one"):
        read(file)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    as_datasets_does(tmp_path / "outside.parquet", [9], [0])
    as_datasets_does(tmp_path / "set/train.parquet", [1], [0])
    (tmp_path / "set/test.parquet").symlink_to(tmp_path / "outside.parquet")
    images = read(tmp_path / "set")
    assert shown(images) == [(1, "dog")]
    assert images.faults == (Fault("test.parquet", "unsafe", "a link that leads out of the folder, not followed"),)


def test_files_without_images_are_named(tmp_path: Path) -> None:
    as_datasets_does(tmp_path / "train.parquet", [1], [0])
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "notes.parquet")
    assert read(tmp_path).faults == (Fault("notes.parquet", "ignored", "no column of images"),)


def test_rows_are_the_same_in_any_order_and_from_many_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).integers(0, 256, 60).tolist()
    files = [
        as_datasets_does(tmp_path / f"{i}.parquet", values[30 * i : 30 * i + 30], [0] * 30, rows=20) for i in (0, 1)
    ]
    monkeypatch.setattr(row_groups, "_FEWEST_ROWS", 2)
    monkeypatch.setattr(row_groups, "_BATCH_BYTES", 300)
    monkeypatch.setattr(row_groups, "_KEPT_BYTES", 1000)
    images = EncodedImages(files, ["image", "image"])
    order = np.random.default_rng(1).permutation(60).tolist()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: images(i // 30, i % 30), order))
    assert found == [png(values[i]) for i in order]
    assert threading.active_count() < 10
    with pytest.raises(OSError, match="the file is damaged here"):
        images(0, 30)


def test_images_are_read_in_batches_that_stay_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # One row group of 32 MB of noise in pages of 1 MB.
    monkeypatch.setattr(row_groups, "_BATCH_BYTES", 1 << 20)
    monkeypatch.setattr(row_groups, "_KEPT_BYTES", 4 << 20)
    rng = np.random.default_rng(0)
    blobs = [rng.bytes(1 << 15) for _ in range(1024)]
    pq.write_table(pa.table({"image": blobs}), tmp_path / "a.parquet", write_batch_size=32, use_dictionary=False)
    images = EncodedImages([tmp_path / "a.parquet"], ["image"])
    before, most = pa.total_allocated_bytes(), 0
    for i, blob in enumerate(blobs):
        assert images(0, i) == blob
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 16 << 20


def test_a_file_that_says_it_holds_more_rows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = as_datasets_does(tmp_path / "a.parquet", [1, 2, 3], [0, 1, 2])
    real = row_groups.group_starts
    monkeypatch.setattr(row_groups, "group_starts", lambda file: [*real(file)[:-1], 1 << 40])
    with pytest.raises(
        DataError, match=r"a\.parquet: expected a Parquet file, got a damaged one \(.* rows less than it"
    ):
        read(file)


def test_class_folders_are_read_as_such_beside_a_stray_parquet(tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(png(len(name)))
    (tmp_path / "loop.parquet").symlink_to(tmp_path / "loop.parquet")
    pd.DataFrame({"embedding": [[0.5, 0.25]] * 2, "label": [0, 1]}).to_parquet(tmp_path / "embeddings.parquet")
    pd.DataFrame({"digest": [b"1", b"2"], "label": [0, 1]}).to_parquet(tmp_path / "cats/digests.parquet")
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1")
    assert read(tmp_path).classes == ("cats", "dogs")


def two_of_structs(folder: Path) -> None:
    images = pa.array([{"bytes": png(1), "path": None}], IMAGE)
    pq.write_table(pa.table({"left": images, "right": images, "label": [0]}), folder / "a.parquet")


def two_of_bytes(folder: Path) -> None:
    images = pa.array([png(1)])
    pq.write_table(pa.table({"left": images, "right": images, "label": [0]}), folder / "a.parquet")


def two_of_lists(folder: Path) -> None:
    pixels = pa.array([[1] * 4], pa.list_(pa.uint8()))
    pq.write_table(pa.table({"left": pixels, "right": pixels, "label": [0]}), folder / "a.parquet")


@pytest.mark.parametrize("write", [two_of_structs, two_of_bytes, two_of_lists])
def test_of_several_columns_of_images_one_has_to_be_chosen(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path)
    message = r"a\.parquet: expected one column of images, got left, right, and nothing tells which is meant; call that"
    with pytest.raises(DataError, match=message):
        read(tmp_path / "a.parquet")
    if write is two_of_structs:
        with pytest.raises(DataError, match=message):
            read(tmp_path)


def test_the_column_called_image_is_taken_and_the_other_is_said_to_be_ignored(tmp_path: Path) -> None:
    images = [pa.array([{"bytes": png(value), "path": None}], IMAGE) for value in (7, 9)]
    pq.write_table(pa.table({"mask": images[0], "image": images[1], "label": [0]}), tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    assert shown(found) == [(9, "0")]
    assert "; ignored the column mask" in found.format
