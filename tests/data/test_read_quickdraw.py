from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from secondlook import read
from secondlook.errors import DataError

X = np.random.default_rng(4).integers(0, 256, (7, 16)).astype(np.uint8)


def test_a_folder_of_arrays_has_a_class_per_file(tmp_path: Path) -> None:
    np.save(tmp_path / "class 10.npy", X[:3])
    np.save(tmp_path / "class 2.npy", X[3:])
    (tmp_path / ".hidden.npy").write_bytes(b"")
    images = read(tmp_path)
    assert images.classes == ("class 2", "class 10")
    assert images.labels.tolist() == [0] * 4 + [1] * 3
    assert_array_equal(images.pixels.reshape(7, 16), X[[3, 4, 5, 6, 0, 1, 2]])
    assert images.names[4] == "class 10.npy:0"
    assert images.format == "a folder of 2 Quick Draw arrays: 7 drawings of 4x4, grey, 2 classes"


def test_the_prefix_of_googles_downloads_is_no_part_of_the_name(tmp_path: Path) -> None:
    np.save(tmp_path / "full_numpy_bitmap_alarm clock.npy", X)
    assert read(tmp_path).classes == ("alarm clock",)


@pytest.mark.parametrize("odd", [X[:, :9], X[0], X.astype(np.float32)])
def test_arrays_of_several_forms_are_refused(tmp_path: Path, odd: np.ndarray) -> None:
    np.save(tmp_path / "ant.npy", X)
    np.save(tmp_path / "bee.npy", odd)
    with pytest.raises(DataError, match=r"bee\.npy: expected one array of images per class, all of one form"):
        read(tmp_path)


def test_a_file_that_cannot_be_read_is_named_and_the_other_classes_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "ant.npy", X)
    np.save(tmp_path / "bee.npy", np.array([{}], dtype=object))
    np.save(tmp_path / "cat.npy", X)
    (tmp_path / "cat.npy").write_bytes((tmp_path / "cat.npy").read_bytes()[:-20])
    images = read(tmp_path)
    assert images.classes == ("ant",)
    assert [(fault.name, fault.kind) for fault in images.faults] == [("bee.npy", "broken"), ("cat.npy", "broken")]
    assert "pickled objects" in images.faults[0].reason
    assert "expected 112 bytes of data, got 92; is it cut off?" in images.faults[1].reason


def test_a_link_that_leads_out_of_the_folder_is_named_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    np.save(tmp_path / "secret.npy", X)
    np.save(tmp_path / "data" / "ant.npy", X)
    (tmp_path / "data" / "bee.npy").symlink_to(tmp_path / "secret.npy")
    (tmp_path / "data" / "again.npy").symlink_to("ant.npy")
    (tmp_path / "data" / "loop.npy").symlink_to("loop.npy")
    images = read(tmp_path / "data")
    assert images.classes == ("again", "ant")
    assert sorted((fault.name, fault.kind) for fault in images.faults) == [
        ("bee.npy", "unsafe"),
        ("loop.npy", "unsafe"),
    ]


def test_a_class_without_drawings_is_said(tmp_path: Path) -> None:
    np.save(tmp_path / "ant.npy", X)
    np.save(tmp_path / "bee.npy", X[:0])
    assert "1 of the 2 named classes holds no image" in read(tmp_path).format


@pytest.mark.parametrize("content", [b"nothing", b"", b"\x93NUMPY\x01\x00"])
def test_an_array_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cat.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"cat\.npy: expected a NumPy array of numbers, got a file that cannot be read"):
        read(tmp_path)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "cat.npy", np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"cat\.npy: expected plain arrays, got pickled objects"):
        read(tmp_path)
