from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from secondlook import read
from secondlook.data.read import large
from secondlook.errors import DataError

RNG = np.random.default_rng(1)
X = RNG.integers(0, 256, (6, 5, 5)).astype(np.uint8)
Y = np.array([0, 1, 2, 0, 1, 2])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "set.npz"


@settings(deadline=None)
@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 3]))),
    st.data(),
)
def test_what_is_saved_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, x: np.ndarray, data: st.DataObject
) -> None:
    file = tmp_path_factory.mktemp("npz") / "a.npz"
    y = data.draw(hnp.arrays(np.int64, len(x), elements=st.integers(0, 12)))
    np.savez(file, x=x, y=y)
    images = read(file)
    assert_array_equal(images.pixels, x)
    assert [int(images.classes[i]) for i in images.labels] == y.tolist()


@pytest.mark.parametrize("keys", [("x", "y"), ("X", "y"), ("images", "labels"), ("data", "target"), ("data", "labels")])
def test_the_usual_names_are_known(file: Path, keys: tuple[str, str]) -> None:
    np.savez_compressed(file, **{keys[0]: X, keys[1]: Y})
    images = read(str(file))
    assert_array_equal(images.pixels[..., 0], X)
    assert_array_equal(images.labels, Y)
    assert images.names[4] == f"{keys[0]}:4"
    assert images.source == str(file)
    assert images.format == f"an npz with {keys[0]} and {keys[1]}: 6 images of 5x5, grey, 3 classes"


def test_an_npz_is_known_by_its_content(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=X, y=Y)
    other = (tmp_path / "set.npz").rename(tmp_path / "set.data")
    assert len(read(other)) == 6


def test_without_labels_it_reads_as_unlabelled(file: Path) -> None:
    np.savez(file, images=X)
    images = read(file)
    assert images.labels.tolist() == [-1] * 6
    assert images.classes == ()
    assert images.format == "an npz with images: 6 images of 5x5, grey, no labels"


def test_class_names_are_taken_in_their_order(file: Path) -> None:
    np.savez(file, x=X, y=Y, class_names=np.array(["zebra", "ant", "10"]))
    assert read(file).classes == ("zebra", "ant", "10")
    assert_array_equal(read(file).labels, Y)
    np.savez(file, x=X, y=np.array(["ant", "zebra"] * 3), classes=np.array([b"zebra", b"ant"]))
    assert read(file).labels.tolist() == [1, 0] * 3


def test_a_named_class_without_images_is_left_out_and_said_so(file: Path) -> None:
    np.savez(file, x=X, y=Y, classes=np.array(["a", "never", "b", "c"])[[0, 2, 3, 1]])
    images = read(file)
    assert images.classes == ("a", "b", "c")
    assert "1 of the 4 named classes holds no image" in images.format
    np.savez(file, x=X, y=np.array([2, 2, 0, 0, -1, -1]), classes=np.array(["a", "never", "b"]))
    assert read(file).classes == ("a", "b")
    assert read(file).labels.tolist() == [1, 1, 0, 0, -1, -1]


@pytest.mark.parametrize("template", ["{array}_{part}", "{part}_{array}"])
@pytest.mark.parametrize("valid", ["val", "valid"])
def test_its_own_parts_are_kept(file: Path, template: str, valid: str) -> None:
    names = ("x", "y") if template.startswith("{array}") else ("images", "labels")
    arrays = {}
    for i, part in enumerate(["test", "train", valid]):
        arrays[template.format(array=names[0], part=part)] = X[2 * i : 2 * i + 2]
        arrays[template.format(array=names[1], part=part)] = Y[2 * i : 2 * i + 2, None]
    np.savez(file, **arrays)
    images = read(file)
    assert images.parts is not None
    assert images.parts.tolist() == ["train"] * 2 + ["valid"] * 2 + ["test"] * 2
    assert_array_equal(images.pixels[..., 0], X[[2, 3, 4, 5, 0, 1]])
    assert_array_equal(images.labels, Y[[2, 3, 4, 5, 0, 1]])
    assert images.names[0] == template.format(array=names[0], part="train") + ":0"
    assert "with its own parts train, valid, test" in images.format


def test_a_part_without_labels_is_left_out_and_said_so(file: Path) -> None:
    np.savez(file, x_train=X, y_train=Y, x_test=X)
    images = read(file)
    assert len(images) == 6
    assert images.parts is None
    assert "x_test left out, it has no labels" in images.format


def test_pickled_objects_are_refused_and_never_run(file: Path, tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    np.savez(file, x=np.array([Bomb()], dtype=object), y=np.array([1]))
    with pytest.raises(DataError, match=r"set\.npz, x\.npy: expected plain arrays, got pickled objects"):
        read(file)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": X, "b": Y}, r"expected arrays named x and y, .*, got a, b; rename them"),
        ({}, r"expected arrays named x and y, .*, got nothing; rename them"),
        ({"x": X, "y": Y[:4]}, "expected as many labels as images, got 4 labels and 6 images"),
        ({"x": X, "y": np.zeros((6, 3))}, "expected one label per image, got 3 per image"),
        (
            {"x": X, "y": Y, "classes": np.array(["a", "b"])},
            "labels that fit the 2 class names it holds, got the label 2",
        ),
        ({"x": X, "y": Y.astype(str), "classes": np.array(["a", "b"])}, "2 class names it holds, got the label 0"),
        ({"x": X, "y": Y, "classes": np.array(["a", "b", "b"])}, "expected class names that differ, got a, b, b"),
        ({"x": X, "y": Y, "classes": Y}, r"expected class names as a list of text, got int64 of shape \(6,\)"),
        ({"x_train": X, "y_train": Y[:2]}, r"got x_train \(6, 5, 5\) and y_train \(2,\)"),
        (
            {"x_train": X, "y_train": Y, "x_test": X[:, :4], "y_test": Y},
            r"expected parts of one form, got x_train \(6, 5, 5\) of uint8, x_test \(6, 4, 5\) of uint8",
        ),
    ],
)
def test_an_npz_of_something_else_is_refused_in_a_sentence(
    file: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    np.savez(file, **arrays)
    with pytest.raises(DataError, match=message):
        read(file)


def test_a_damaged_npz_is_named(file: Path) -> None:
    file.write_bytes(b"not a zip at all")
    with pytest.raises(DataError, match=r"set\.npz: expected an npz file, got a damaged one"):
        read(file)
    np.savez(file, x=RNG.integers(0, 256, (50, 9, 9)).astype(np.uint8), y=np.arange(50))
    sound = file.read_bytes()
    file.write_bytes(sound[:60] + bytes(30) + sound[90:])
    with pytest.raises(DataError, match=r"set\.npz, x\.npy: expected a NumPy array of numbers, got a file that cannot"):
        read(file)
    file.write_bytes(sound[:1000] + bytes([sound[1000] ^ 1]) + sound[1001:])
    with pytest.raises(DataError, match=r"set\.npz: expected an npz file, got a damaged one \(Bad CRC-32"):
        read(file)


def member(shape: tuple[int, ...], data: bytes = b"", dtype: str = "|u1") -> bytes:
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + data


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x93NUMPY\x01\x00", "expected a NumPy array of numbers, got a file that cannot be read"),
        (b"\x93NUMPY\x03\x00\x05\x00", r"got a file that cannot be read \(version 3\.0\)"),
        (member((6, 5, 5), bytes(100)), "expected 150 bytes of data, got 100; is it cut off"),
        (member((10**12, 1000, 1000)), "expected 1,000,000,000,000,000,000 bytes of data, got 0; is it cut off"),
        (member((-1, 5, 5), bytes(100)), r"got a file that cannot be read \(shape \(-1, 5, 5\)\)"),
        (member((0, 10**17)), r"got one of shape \(0, 100000000000000000\) and uint8"),
        (member((6,), dtype="<U0"), r"expected a NumPy array of numbers, got one of shape \(6,\) and <U0"),
    ],
)
def test_an_array_that_is_not_what_it_says_is_named(file: Path, data: bytes, message: str) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", data)
        archive.writestr("y.npy", member((6,), bytes(6)))
    with pytest.raises(DataError, match=rf"set\.npz, x\.npy: .*{message}"):
        read(file)


def test_a_small_npz_that_says_it_is_huge_is_refused_before_memory_is_taken(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "LARGE", 10**6)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", member((400, 100, 100), bytes(4_000_000)))
    with pytest.raises(DataError, match=r"x\.npy: expected an array of data, got one that says it holds 0\.0 GB in"):
        read(file)


def test_an_encrypted_npz_is_named(file: Path) -> None:
    np.savez(file, x=X, y=Y)
    data = bytearray(file.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.find(mark)
        while place >= 0:
            data[place + at] |= 1
            place = data.find(mark, place + 1)
    file.write_bytes(data)
    with pytest.raises(DataError, match=r"set\.npz: expected an npz file, got a damaged one \(.*encrypted"):
        read(file)


@pytest.mark.parametrize(
    "keys",
    [
        ("train_set_x", "train_set_y", "test_set_x", "test_set_y"),
        ("X_train", "Y_train", "X_test", "Y_test"),
        ("trainX", "trainY", "testX", "testY"),
        ("xtrain", "ytrain", "xtest", "ytest"),
        ("Training_Images", "Training_Labels", "Testing_Images", "Testing_Labels"),
        ("X", "y", "X_test", "y_test"),
    ],
)
def test_parts_are_known_by_many_names(file: Path, keys: tuple[str, str, str, str]) -> None:
    np.savez(file, **dict(zip(keys, (X[:4], Y[:4], X[4:], Y[4:]), strict=True)))
    images = read(file)
    assert images.parts is not None
    assert images.parts.tolist() == ["train"] * 4 + ["test"] * 2
    assert_array_equal(images.pixels[..., 0], X)
    assert_array_equal(images.labels, Y)
    assert list(images.names) == [f"{keys[0]}:{i}" for i in range(4)] + [f"{keys[2]}:{i}" for i in range(2)]


@pytest.mark.parametrize("order", [(X, Y), (Y, X), (Y[:, None], X)])
def test_arrays_that_were_saved_without_names_are_told_by_their_shapes(
    file: Path, order: tuple[np.ndarray, np.ndarray]
) -> None:
    np.savez(file, *order)
    images = read(file)
    assert_array_equal(images.pixels[..., 0], X)
    assert_array_equal(images.labels, Y)


def test_one_array_without_a_name_is_unlabelled(file: Path) -> None:
    np.savez(file, X)
    assert read(file).format == "an npz with arr_0: 6 images of 5x5, grey, no labels"


@pytest.mark.parametrize("arrays", [(X, Y, X, Y), (Y, Y)])
def test_arrays_without_names_that_tell_nothing_are_refused(file: Path, arrays: tuple[np.ndarray, ...]) -> None:
    np.savez(file, *arrays)
    with pytest.raises(DataError, match=r"expected arrays named x and y, .*, got arr_0, arr_1"):
        read(file)


def test_sets_as_medmnist_has_them_are_read(file: Path) -> None:
    arrays = {}
    for part, n in (("train", 4), ("val", 2), ("test", 3)):
        arrays[f"{part}_images"] = RNG.integers(0, 256, (n, 28, 28, 3)).astype(np.uint8)
        arrays[f"{part}_labels"] = (np.arange(n) % 2).astype(np.uint8)[:, None]
    np.savez_compressed(file, **arrays)
    images = read(file)
    assert images.parts is not None
    assert images.parts.tolist() == ["train"] * 4 + ["valid"] * 2 + ["test"] * 3
    assert images.labels.tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]
    assert_array_equal(images.pixels[4:6], arrays["val_images"])
    arrays["train_labels"] = np.zeros((4, 14), np.uint8)
    np.savez_compressed(file, **arrays)
    with pytest.raises(DataError, match=r"set\.npz: expected one label per image, got 14 per image"):
        read(file)


def test_two_arrays_of_one_part_are_refused(file: Path) -> None:
    np.savez(file, x_train=X, X_train=X, y_train=Y)
    with pytest.raises(DataError, match="expected one pair of arrays per part, got x_train and X_train; keep one"):
        read(file)


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (X, X / 255, r"got x_train \(6, 5, 5\) of uint8, x_test \(6, 5, 5\) of float64"),
        (X, X.astype(np.uint16), r"got x_train .* of uint8, x_test .* of uint16"),
    ],
)
def test_parts_whose_numbers_mean_something_else_are_refused(
    file: Path, train: np.ndarray, test: np.ndarray, message: str
) -> None:
    np.savez(file, x_train=train, y_train=Y, x_test=test, y_test=Y)
    with pytest.raises(DataError, match=rf"expected parts of one form, {message}"):
        read(file)
    np.savez(file, x_train=train, y_train=Y, x_test=train, y_test=Y.astype(str))
    with pytest.raises(DataError, match=r"expected parts of one form, got y_train .* of int64, y_test .* of <U"):
        read(file)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (
            np.zeros(6, dtype=[("pixels", "u1"), ("more", "f4")]),
            "expected images as arrays of numbers, got records of pixels, more; save",
        ),
        (X.astype(np.complex64), "expected images as arrays of numbers, got an array of complex64"),
        (X.astype("datetime64[s]"), r"expected images as arrays of numbers, got an array of datetime64\[s\]"),
        (np.float64(3), r"expected images of shape .*, got one number in x"),
        (X[:0], r"expected as many labels as images"),
    ],
)
def test_arrays_that_are_no_images_are_refused_in_a_sentence(file: Path, x: np.ndarray, message: str) -> None:
    np.savez(file, x=x, y=Y)
    with pytest.raises(DataError, match=rf"set\.npz: {message}"):
        read(file)


def test_labels_that_are_one_number_are_refused(file: Path) -> None:
    np.savez(file, x=X, y=np.float64(3))
    with pytest.raises(DataError, match=r"expected one label per image, got an array of shape \(\)"):
        read(file)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", [">i4", "<f8", ">u2", "|u1"])
def test_the_order_of_bytes_and_axes_does_not_matter(file: Path, order: str, save: Any, dtype: str) -> None:
    save(file, x=np.array(X, dtype, order=order), y=Y)
    assert_array_equal(read(file).pixels[..., 0], X)


@pytest.mark.parametrize("forgotten", ["x_train", "x_test"])
def test_parts_of_which_one_was_divided_by_255_and_one_was_not_are_refused(file: Path, forgotten: str) -> None:
    x = RNG.integers(0, 256, (6, 4, 4)).astype(np.float32)
    x[0, 0, 0] = 255
    parts = {"x_train": x / 255, "x_test": x / 255, forgotten: x}
    np.savez(file, **parts, y_train=np.arange(6) % 2, y_test=np.arange(6) % 2)
    with pytest.raises(DataError, match="expected parts of one scale, got one of 0 to 1 and one of up to 255; divide"):
        read(file)


def test_parts_that_were_standardised_are_of_one_scale(file: Path) -> None:
    x = RNG.normal(size=(6, 4, 4)).astype(np.float32)
    np.savez(file, x_train=x, x_test=x.clip(0, 1), y_train=np.arange(6) % 2, y_test=np.arange(6) % 2)
    assert len(read(file)) == 12
