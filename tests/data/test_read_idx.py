from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from secondlook import read
from secondlook.data.read import idx
from secondlook.errors import DataError

CODES = {"|u1": 8, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}
X = np.random.default_rng(2).integers(0, 256, (6, 4, 3)).astype(np.uint8)
Y = np.array([1, 0, 1, 0, 1, 0], np.uint8)


def write(file: Path, array: np.ndarray) -> None:
    big = np.asarray(array, dtype=array.dtype.newbyteorder(">"))
    head = bytes([0, 0, CODES[big.dtype.str], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    data = head + big.tobytes()
    file.write_bytes(gzip.compress(data) if file.suffix == ".gz" else data)


@settings(deadline=None)
@given(
    hnp.arrays(st.sampled_from([np.uint8, np.int16, np.float64]), hnp.array_shapes(min_dims=3, max_dims=3, max_side=5),
               elements=st.integers(17, 127)),
    st.sampled_from(["", ".gz"]),
)  # fmt: skip
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, x: np.ndarray, ending: str) -> None:
    folder = tmp_path_factory.mktemp("idx")
    y = np.arange(len(x)) % 2
    write(folder / f"digits-images-idx3-ubyte{ending}", x)
    write(folder / f"digits-labels-idx1-ubyte{ending}", y.astype(np.uint8))
    images = read(folder)
    assert_array_equal(images.pixels[..., 0], x)
    assert_array_equal(images.labels, y)
    assert images.parts is None


def test_train_and_t10k_are_the_sources_own_parts(tmp_path: Path) -> None:
    write(tmp_path / "train-images.idx3-ubyte", X)
    write(tmp_path / "train-labels.idx1-ubyte", Y)
    write(tmp_path / "t10k-images-idx3-ubyte.gz", X[:2])
    write(tmp_path / "t10k-labels-idx1-ubyte.gz", Y[:2])
    (tmp_path / "LICENSE").write_text("MIT")
    images = read(tmp_path)
    assert images.parts is not None
    assert images.parts.tolist() == ["train"] * 6 + ["test"] * 2
    assert images.names[6] == "t10k-images-idx3-ubyte.gz:0"
    assert images.ids[6] == f"{images.ids[0]}#2"
    assert images.format == "2 pairs of IDX files: 8 images of 4x3, grey, 2 classes"


def test_a_file_and_its_gzipped_copy_are_read_once(tmp_path: Path) -> None:
    for ending in ("", ".gz"):
        write(tmp_path / f"train-images-idx3-ubyte{ending}", X)
        write(tmp_path / f"train-labels-idx1-ubyte{ending}", Y)
    images = read(tmp_path)
    assert len(images) == 6
    assert images.names[0] == "train-images-idx3-ubyte:0"


def test_images_without_labels_are_named(tmp_path: Path) -> None:
    write(tmp_path / "train-images-idx3-ubyte", X)
    with pytest.raises(DataError, match="expected a file of labels beside train-images-idx3-ubyte, got none"):
        read(tmp_path)


def test_labels_of_another_length_are_named(tmp_path: Path) -> None:
    write(tmp_path / "train-images-idx3-ubyte", X)
    write(tmp_path / "train-labels-idx1-ubyte", Y[:5])
    with pytest.raises(
        DataError, match="train-images-idx3-ubyte: expected as many labels as images, got 5 labels and 6"
    ):
        read(tmp_path)


def test_several_sets_in_one_folder_are_refused(tmp_path: Path) -> None:
    for name in ("letters", "digits"):
        write(tmp_path / f"{name}-train-images-idx3-ubyte", X)
        write(tmp_path / f"{name}-train-labels-idx1-ubyte", Y)
    with pytest.raises(
        DataError, match=r"expected one set of IDX files, .* got digits-train-images-idx3-ubyte, letters-"
    ):
        read(tmp_path)


def test_parts_of_different_sizes_are_refused(tmp_path: Path) -> None:
    for name, x in (("train", X), ("test", X[:, :2])):
        write(tmp_path / f"{name}-images-idx3-ubyte", x)
        write(tmp_path / f"{name}-labels-idx1-ubyte", Y)
    with pytest.raises(DataError, match=r"expected images of one size and kind, got \(6, 4, 3\) of .* and \(6, 2, 3\)"):
        read(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"\x1f\x8bxx", "half"])
def test_a_corrupt_gz_is_named(tmp_path: Path, damage: bytes | str) -> None:
    file = tmp_path / "train-images-idx3-ubyte.gz"
    write(file, np.random.default_rng(0).integers(0, 256, (50, 9, 9)).astype(np.uint8))
    write(tmp_path / "train-labels-idx1-ubyte.gz", np.zeros(50, np.uint8))
    file.write_bytes(file.read_bytes()[:2000] if isinstance(damage, str) else damage)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz: expected a"):
        read(tmp_path)


def test_a_file_that_is_cut_off_is_named(tmp_path: Path) -> None:
    write(tmp_path / "train-labels-idx1-ubyte", Y)
    file = tmp_path / "train-images-idx3-ubyte"
    write(file, X)
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(DataError, match="train-images-idx3-ubyte: expected 72 bytes of data, got 62; is it cut off"):
        read(tmp_path)
    file.write_bytes(file.read_bytes()[:7])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte: expected 12 bytes of data, got 3; is it cut off"):
        read(tmp_path)


def test_a_file_that_is_too_long_is_named(tmp_path: Path) -> None:
    for ending in ("", ".gz"):
        write(tmp_path / f"train-images-idx3-ubyte{ending}", X)
        write(tmp_path / f"train-labels-idx1-ubyte{ending}", Y)
    (tmp_path / "train-images-idx3-ubyte").write_bytes((tmp_path / "train-images-idx3-ubyte").read_bytes() + b"more")
    with pytest.raises(DataError, match="expected 72 bytes of data, got 76"):
        read(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").unlink()
    data = gzip.decompress((tmp_path / "train-images-idx3-ubyte.gz").read_bytes())
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(data + b"more"))
    with pytest.raises(DataError, match="expected 72 bytes of data, got 76"):
        read(tmp_path)


def test_a_small_file_that_says_it_is_huge_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    head = bytes([0, 0, 8, 3]) + struct.pack(">3I", 4_000_000_000, 1000, 1000)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(head)
    write(tmp_path / "train-labels-idx1-ubyte", Y)
    with pytest.raises(DataError, match="expected 4,000,000,000,000,000 bytes of data, got 0; is it cut off"):
        read(tmp_path)
    (tmp_path / "train-images-idx3-ubyte").unlink()
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + bytes(1000)))
    with pytest.raises(DataError, match=r"says it holds 4,000,000\.0 GB in [0-9]+ bytes of the file"):
        read(tmp_path)


def test_a_header_that_is_no_idx_is_named_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0\0\x07\x03more")
    write(tmp_path / "train-labels-idx1-ubyte", Y)
    with pytest.raises(DataError, match="expected an IDX file, got one that begins with 00000703"):
        read(tmp_path)


def test_a_file_without_images_is_named(tmp_path: Path) -> None:
    write(tmp_path / "train-images-idx3-ubyte", X[:0])
    write(tmp_path / "train-labels-idx1-ubyte", Y[:0])
    with pytest.raises(DataError, match=r"expected at least one image or label, got an array of shape \(0, 4, 3\)"):
        read(tmp_path)


@pytest.mark.parametrize("folders", [("raw", "raw"), ("train-images", "train-labels")])
def test_files_may_lie_a_folder_deeper(tmp_path: Path, folders: tuple[str, str]) -> None:
    for folder, name, array in zip(folders, ("images-idx3", "labels-idx1"), (X, Y), strict=True):
        (tmp_path / folder).mkdir(exist_ok=True)
        write(tmp_path / folder / f"train-{name}-ubyte", array)
    (tmp_path / "notes.txt").write_text("from the net")
    images = read(tmp_path)
    assert_array_equal(images.pixels[..., 0], X)
    assert images.names[0] == "train-images-idx3-ubyte:0"


def test_a_folder_that_is_a_link_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    write(tmp_path / "elsewhere" / "train-images-idx3-ubyte", X)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "raw").symlink_to(tmp_path / "elsewhere")
    assert not idx.recognises(tmp_path / "data")


@pytest.mark.parametrize("given", ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte"])
def test_a_single_file_finds_its_partner_gzipped_or_not(tmp_path: Path, given: str) -> None:
    write(tmp_path / "t10k-images-idx3-ubyte.gz", X)
    write(tmp_path / "t10k-labels-idx1-ubyte", Y)
    write(tmp_path / "train-images-idx3-ubyte", X[:2])
    images = read(tmp_path / given)
    assert_array_equal(images.pixels[..., 0], X)
    assert_array_equal(images.labels, Y)


def test_labels_without_images_are_named(tmp_path: Path) -> None:
    write(tmp_path / "train-labels-idx1-ubyte", Y)
    with pytest.raises(DataError, match="train-labels-idx1-ubyte: expected a file of images beside it, got none"):
        read(tmp_path / "train-labels-idx1-ubyte")


def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    write(tmp_path / "train-images-idx3-ubyte", X)
    write(tmp_path / "data" / "train-labels-idx1-ubyte", Y)
    (tmp_path / "data" / "train-images-idx3-ubyte").symlink_to(tmp_path / "train-images-idx3-ubyte")
    assert not idx.recognises(tmp_path / "data")


@pytest.mark.parametrize("part", ["t10k", "train"])
def test_a_part_without_labels_is_left_out_beside_one_with_them(tmp_path: Path, part: str) -> None:
    for name in ("train", "t10k"):
        write(tmp_path / f"{name}-images-idx3-ubyte", X)
    other = "t10k" if part == "train" else "train"
    write(tmp_path / f"{other}-labels-idx1-ubyte", Y)
    images = read(tmp_path)
    assert len(images) == 6
    assert images.names[0] == f"{other}-images-idx3-ubyte:0"
    assert f"; {part}-images-idx3-ubyte left out, it has no labels" in images.format
    np.savez(tmp_path / "set.npz", **{f"x_{part}": X, f"x_{other}": X, f"y_{other}": Y})
    assert f"; x_{part} left out, it has no labels" in read(tmp_path / "set.npz").format
