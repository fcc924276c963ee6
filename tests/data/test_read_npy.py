from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from secondlook import read
from secondlook.data.read import large
from secondlook.errors import DataError

RNG = np.random.default_rng(6)
X = RNG.integers(0, 256, (6, 5, 5)).astype(np.uint8)
Y = np.array([0, 1, 2, 0, 1, 2])


def save(folder: Path, **arrays: np.ndarray) -> Path:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return folder


def test_a_single_array_is_an_unlabelled_set(tmp_path: Path) -> None:
    images = read(save(tmp_path, cat=X) / "cat.npy")
    assert_array_equal(images.pixels[..., 0], X)
    assert images.labels.tolist() == [-1] * 6
    assert images.names[2] == "cat.npy:2"
    assert images.format == "a NumPy array with cat.npy: 6 images of 5x5, grey, no labels"
    (tmp_path / "cat.npy").rename(tmp_path / "cat")
    assert_array_equal(read(tmp_path / "cat").pixels[..., 0], X)


@settings(deadline=None)
@given(
    hnp.arrays(st.sampled_from(["<i4", ">f8", "|u1"]), st.tuples(st.integers(1, 5), st.integers(1, 4), st.just(5)),
               elements=st.integers(17, 127)),
    st.sampled_from(["C", "F"]),
)  # fmt: skip
def test_what_is_saved_is_read_back(tmp_path_factory: pytest.TempPathFactory, x: np.ndarray, order: str) -> None:
    folder = tmp_path_factory.mktemp("npy")
    np.save(folder / "a.npy", np.array(x, order=order))
    assert_array_equal(read(folder / "a.npy").pixels[..., 0], x)


@pytest.mark.parametrize("names", [("X", "y"), ("x", "y"), ("images", "labels"), ("data", "target")])
def test_images_and_labels_may_lie_in_files_of_their_own(tmp_path: Path, names: tuple[str, str]) -> None:
    images = read(save(tmp_path, **dict(zip(names, (X, Y), strict=True))))
    assert_array_equal(images.pixels[..., 0], X)
    assert_array_equal(images.labels, Y)
    assert images.format.startswith(f"NumPy arrays with {names[0]} and {names[1]}: 6 images")


def test_files_of_parts_and_class_names_are_known(tmp_path: Path) -> None:
    save(tmp_path, X_train=X[:4], y_train=Y[:4], X_test=X[4:], y_test=Y[4:], classes=np.array(["c", "b", "a"]))
    images = read(tmp_path)
    assert images.parts is not None
    assert images.parts.tolist() == ["train"] * 4 + ["test"] * 2
    assert images.classes == ("c", "b", "a")


def test_letters_called_x_and_y_are_classes(tmp_path: Path) -> None:
    images = read(save(tmp_path, x=X.reshape(6, 25), y=X.reshape(6, 25)))
    assert images.classes == ("x", "y")
    assert len(images) == 12


def test_a_folder_with_another_array_beside_holds_classes(tmp_path: Path) -> None:
    assert read(save(tmp_path, data=X, train=X, target=X)).classes == ("data", "target", "train")


def test_several_labels_per_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected one label per image, got 14 per image"):
        read(save(tmp_path, X=X, y=np.zeros((6, 14))))


def test_pickled_labels_are_refused_and_never_run(tmp_path: Path) -> None:
    save(tmp_path, X=X, y=np.array([{}] * 6, dtype=object))
    with pytest.raises(DataError, match=r"y\.npy: expected plain arrays, got pickled objects"):
        read(tmp_path)


def test_an_array_that_is_cut_off_is_named(tmp_path: Path) -> None:
    save(tmp_path, X=X, y=Y)
    (tmp_path / "X.npy").write_bytes((tmp_path / "X.npy").read_bytes()[:-1])
    with pytest.raises(DataError, match=r"X\.npy: expected 150 bytes of data, got 149; is it cut off"):
        read(tmp_path)


def test_damaged_labels_are_no_class_without_images(tmp_path: Path) -> None:
    save(tmp_path, X=X)
    (tmp_path / "y.npy").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"y\.npy: expected a NumPy array of numbers, got a file that cannot be read"):
        read(tmp_path)


def test_an_array_of_one_number_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.float64(3))
    with pytest.raises(DataError, match=r"a\.npy: expected images of shape .* got one number in a\.npy"):
        read(tmp_path / "a.npy")


def test_a_large_array_of_bytes_is_mapped_where_it_lies_and_a_small_one_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, X=X, y=Y)
    assert not isinstance(read(tmp_path).pixels, np.memmap)
    monkeypatch.setattr("secondlook.data.read.arrays.LARGE", 100)
    pixels = read(tmp_path).pixels
    assert isinstance(pixels, np.memmap)
    assert pixels.filename == tmp_path / "X.npy"
    assert_array_equal(pixels[..., 0], X)


def test_arrays_that_must_be_changed_lie_in_a_file_without_a_name_once_they_are_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECONDLOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(large, "LARGE", 100)
    pixels = read(save(tmp_path, X=X / 255, y=Y)).pixels
    assert isinstance(pixels, np.memmap)
    assert_array_equal(pixels[..., 0], X)
    assert not list((tmp_path / "cache").iterdir())


def test_a_disk_without_room_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECONDLOOK_CACHE", str(tmp_path))
    with pytest.raises(DataError, match=r"set: expected room for 1,000,000,000\.0 GB of pixels .*, got none \(.+\)"):
        large.empty((10**18,), np.uint8, "set")
