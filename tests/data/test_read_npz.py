from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from secondlook import read
from secondlook.errors import DataError

RNG = np.random.default_rng(1)
X = RNG.integers(0, 256, (6, 5, 5)).astype(np.uint8)
Y = np.array([0, 1, 2, 0, 1, 2])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "set.npz"


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
    assert "1 of the 4 named classes hold no image" in images.format
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
    with pytest.raises(DataError, match=r"set\.npz: expected plain arrays, got pickled objects"):
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
    np.savez_compressed(file, x=X, y=Y)
    data = bytearray(file.read_bytes())
    data[60:90] = bytes(30)
    file.write_bytes(data)
    with pytest.raises(DataError, match=r"set\.npz: expected an npz file"):
        read(file)


def test_an_array_that_is_cut_off_is_named(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00")
        archive.writestr("y.npy", b"\x93NUMPY\x01\x00")
    with pytest.raises(DataError, match=r"set\.npz: expected an npz file of arrays, got something else"):
        read(file)
