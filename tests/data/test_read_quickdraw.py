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


def test_images_and_labels_in_two_arrays_are_refused_with_advice(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", X)
    np.save(tmp_path / "labels.npy", np.zeros(7))
    with pytest.raises(
        DataError, match=r"labels\.npy: expected one array of images per class.* into one npz as x and y"
    ):
        read(tmp_path)


@pytest.mark.parametrize("content", [b"nothing", b"", b"\x93NUMPY\x01\x00"])
def test_an_array_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cat.npy").write_bytes(content)
    with pytest.raises(DataError, match=r"cat\.npy: expected a NumPy array of numbers, got a file that cannot be read"):
        read(tmp_path)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "cat.npy", np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"cat\.npy: expected a NumPy array of numbers"):
        read(tmp_path)
