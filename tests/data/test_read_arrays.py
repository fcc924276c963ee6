from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from PIL import Image
from sklearn.datasets import load_digits

from secondlook import ImageSet, read
from secondlook.data.read import large
from secondlook.data.read.arrays import from_arrays, own_parts
from secondlook.data.read.ids import codes, hash_rows, hexadecimal, natural_key, numbered
from secondlook.data.read.settings import Settings
from secondlook.errors import DataError, UsageError
from secondlook.types import Fault

RNG = np.random.default_rng(0)
LABELS = np.array([0, 1, 1])


def of(x: object, y: object = LABELS, **options: Any) -> ImageSet:
    return read((x, y), **options)


def bytes_images(*shape: int) -> np.ndarray:
    x = RNG.integers(0, 256, shape).astype(np.uint8)
    x.flat[0] = 255
    return x


def test_the_built_in_digits_are_those_of_scikit_learn() -> None:
    ours, theirs = read("digits"), load_digits()
    assert ours.pixels.shape == (1797, 8, 8, 1)
    assert ours.pixels.dtype == np.uint8
    assert_array_equal(ours.pixels[..., 0], np.rint(theirs.images * 255 / 16))
    assert_array_equal(ours.labels, theirs.target)
    assert ours.classes == tuple("0123456789")
    assert ours.format == "scikit-learn's handwritten digits, built in: 1,797 images of 8x8, grey, 10 classes"


def test_the_digits_given_as_arrays_get_the_same_pixels_as_the_built_in() -> None:
    bunch = load_digits()
    images = of(bunch.data, bunch.target)
    assert_array_equal(images.pixels, read("digits").pixels)
    assert "values 0 to 16 scaled to 0 to 255" in images.format


def test_a_built_in_is_resized_on_request() -> None:
    assert read("digits", size=4).shape == (4, 4, 1)
    assert read("slash", size=15).shape == (15, 15, 1)
    assert read("slash", size=15).format.endswith("; resized from 30x30 to 15x15")
    assert read("slash", size=30).shape == (30, 30, 1)


@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6)))
def test_bytes_are_kept_as_they_are(x: np.ndarray) -> None:
    images = of(x, np.arange(len(x)) % 2)
    assert images.pixels.dtype == np.uint8
    assert_array_equal(images.pixels[..., 0], x)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint16, np.float32, np.float64])
def test_whole_numbers_up_to_255_become_bytes(dtype: type) -> None:
    x = bytes_images(3, 5, 4)
    images = of(x.astype(dtype))
    assert images.pixels.dtype == np.uint8
    assert_array_equal(images.pixels[..., 0], x)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_fractions_of_255_become_the_bytes_they_were(dtype: type) -> None:
    x = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    images = of((x / 255).astype(dtype), [0])
    assert images.pixels.dtype == np.uint8
    assert_array_equal(images.pixels[..., 0], x)


def test_other_numbers_from_0_to_1_stay_as_they_are() -> None:
    x = RNG.random((3, 5, 5))
    images = of(x)
    assert images.pixels.dtype == np.float32
    assert_array_equal(images.pixels[..., 0], x.astype(np.float32))
    assert "more than 8 bits" in images.format


def test_truth_values_become_black_and_white() -> None:
    x = RNG.random((3, 4, 4)) > 0.5
    images = of(x)
    assert_array_equal(images.pixels[..., 0], np.where(x, 255, 0))
    assert_array_equal(of(x.astype(np.float64)).pixels, images.pixels)
    assert_array_equal(of(x.astype(np.int64)).pixels, images.pixels)


def test_sixteen_bits_are_divided_by_their_largest_value() -> None:
    x = RNG.integers(0, 65536, (3, 4, 4)).astype(np.uint16)
    images = of(x)
    assert images.pixels.dtype == np.float32
    np.testing.assert_allclose(images.pixels[..., 0], x / 65535, rtol=1e-6)
    assert "16-bit values scaled to 0 to 1" in images.format


def test_any_other_range_is_stretched_and_said_so() -> None:
    x = np.linspace(-1, 1, 3 * 25).reshape(3, 5, 5)
    images = of(x)
    np.testing.assert_allclose(images.pixels[..., 0], (x + 1) / 2, atol=1e-7)
    assert "values -1 to 1 scaled to 0 to 1" in images.format


def test_a_constant_outside_the_range_does_not_divide_by_zero() -> None:
    assert_array_equal(of(np.full((3, 2, 2), -7.5)).pixels, 0)
    assert_array_equal(of(np.zeros((3, 2, 2))).pixels, 0)


def test_layouts_are_told_apart() -> None:
    rgb = bytes_images(3, 6, 5, 3)
    assert_array_equal(of(rgb).pixels, rgb)
    assert_array_equal(of(np.moveaxis(rgb, 3, 1)).pixels, rgb)
    grey = bytes_images(3, 7, 7)
    for x in (grey, grey[..., None], grey[:, None], grey.reshape(3, 49)):
        assert_array_equal(of(x).pixels[..., 0], grey)
    square = bytes_images(3, 4, 4, 3)
    flat = of(square.reshape(3, 48))
    assert_array_equal(flat.pixels, square)
    assert "rows read as height, width, channels" in flat.format


def test_transparency_is_laid_on_white() -> None:
    x = np.zeros((3, 2, 2, 4), np.uint8)
    x[0, ..., 3], x[1, ..., 3], x[2, ..., 3] = 0, 51, 255
    pixels = of(x).pixels
    assert pixels.shape == (3, 2, 2, 3)
    assert [int(image.max()) for image in pixels] == [255, 204, 0]
    as_fractions = of(np.where(x == 255, 1.0, x / 255 + 1e-4 * (x > 0)))
    np.testing.assert_allclose(as_fractions.pixels[:, 0, 0, 0], [1, 0.7999, 0], atol=1e-6)


def test_arrays_are_resized_by_the_mean_of_the_area() -> None:
    x = bytes_images(3, 8, 8, 3)
    x[0] = 128
    images = of(x, size=4)
    assert images.shape == (4, 4, 3)
    # Pillow rounds after each of its two passes, so that one grey level may be off.
    np.testing.assert_allclose(images.pixels, x.reshape(3, 4, 2, 4, 2, 3).mean(axis=(2, 4)), atol=1)
    assert "resized from 8x8" in images.format
    fractions = of(RNG.random((3, 5, 5)), size=7).pixels
    assert fractions.dtype == np.float32
    assert fractions.shape == (3, 7, 7, 1)
    assert 0 <= fractions.min() <= fractions.max() <= 1


@pytest.mark.parametrize("how", ["stretch", "pad", "crop"])
def test_arrays_of_another_form_become_squares_as_photos_do(tmp_path: Path, how: Any) -> None:
    x = bytes_images(3, 9, 14, 3)
    for i, image in enumerate(x):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        Image.fromarray(image).save(tmp_path / "ab"[i % 2] / f"{i}.png")
    images, photos = of(x, ["a", "b", "a"], size=6, resize=how), read(tmp_path, size=6, resize=how, cache=False)
    assert_array_equal(images.pixels[[0, 2, 1]], photos.pixels)
    assert_array_equal(read(of(x, ["a", "b", "a"]), size=6, resize=how).pixels, images.pixels)
    assert "resized from 9x14" in images.format


def test_an_image_set_passes_through_and_can_be_resized() -> None:
    images = of(bytes_images(3, 8, 8))
    assert read(images) is images
    assert read(images, size=8) is images
    smaller = read(images, size=4)
    assert smaller.shape == (4, 4, 1)
    assert_array_equal(smaller.ids, images.ids)


def test_ids_do_not_depend_on_the_size_and_number_repeats() -> None:
    x = bytes_images(4, 6, 6)
    x[2] = x[3] = x[0]
    ids = of(x, [0, 1, 0, 1]).ids
    assert_array_equal(ids, of(x, [0, 1, 0, 1], size=3).ids)
    assert [ids[2], ids[3]] == [f"{ids[0]}#2", f"{ids[0]}#3"]
    assert len(ids[0]) == 16
    assert ids[1] not in ids[[0, 2, 3]]


def test_ids_tell_dtype_and_shape_apart_but_not_byte_order() -> None:
    zeros = np.zeros((1, 4), np.uint8)
    others = zeros.reshape(1, 2, 2), np.zeros((1, 1), np.uint32)
    assert not any(np.array_equal(hash_rows(zeros), hash_rows(other)) for other in others)
    numbers = np.arange(4, dtype=np.int32)[None]
    assert_array_equal(hash_rows(numbers), hash_rows(numbers.astype(">i4")))
    assert_array_equal(hash_rows(numbers), hash_rows(np.asfortranarray(numbers)))


@given(hnp.arrays(np.uint8, st.tuples(st.integers(1, 9), st.just(3)), elements=st.integers(0, 1)))
def test_ids_are_blake2_of_the_bytes_and_repeats_are_counted(x: np.ndarray) -> None:
    head = hashlib.blake2b(b"uint8(3,)", digest_size=8)
    expected: list[str] = []
    for row in x:
        digest = head.copy()
        digest.update(row.tobytes())
        n = sum(known.startswith(digest.hexdigest()) for known in expected)
        expected.append(digest.hexdigest() + (f"#{n + 1}" if n else ""))
    ids = numbered(hexadecimal(hash_rows(x)))
    assert ids.tolist() == expected
    same = (x[:, None] == x[None]).all(axis=2)
    assert_array_equal(codes(ids)[:, None] == codes(ids)[None], same)


def test_ids_of_another_form_are_numbered_too() -> None:
    assert numbered(["b", "a", "b", "b"]).tolist() == ["b", "a", "b#2", "b#3"]
    assert codes(np.array(["b", "a", "b#2"])).tolist() == [1, 0, 1]
    assert codes(np.array(["0123456789abcdefg", "0123456789abcdefh"])).tolist() == [0, 1]
    assert numbered([]).tolist() == []


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_natural_order_of_numbers_is_their_order(numbers: list[int]) -> None:
    names = [f"class {i}" for i in numbers]
    assert sorted(names, key=natural_key) == [f"class {i}" for i in sorted(numbers)]


def test_classes_are_in_natural_order() -> None:
    images = of(bytes_images(4, 2, 2), ["10", "2", "b", "A"])
    assert images.classes == ("2", "10", "A", "b")
    assert images.labels.tolist() == [1, 0, 3, 2]
    assert of(bytes_images(3, 2, 2), [10, 2, 7]).classes == ("2", "7", "10")


@pytest.mark.parametrize(
    ("y", "labels", "classes"),
    [
        ([3, -1, 5], [0, -1, 1], ("3", "5")),
        ([-1, 1, 1], [0, 1, 1], ("-1", "1")),
        ([1.0, np.nan, 2.0], [0, -1, 1], ("1", "2")),
        ([-1.0, np.nan, 1.0], [0, -1, 1], ("-1", "1")),
        (["cat", None, "dog"], [0, -1, 1], ("cat", "dog")),
        (["cat", "", "dog"], [0, -1, 1], ("cat", "dog")),
        ([True, False, True], [1, 0, 1], ("False", "True")),
        ([[7], [8], [7]], [0, 1, 0], ("7", "8")),
        (np.array([b"x", b"y", b"x"]), [0, 1, 0], ("x", "y")),
        (np.array([4, 4, 9], dtype=object), [0, 0, 1], ("4", "9")),
        (np.array(["u", 2, "v"], dtype=object), [1, 0, 2], ("2", "u", "v")),
        (pd.Series(["q", pd.NA, "r"], dtype="string"), [0, -1, 1], ("q", "r")),
        (None, [-1, -1, -1], ()),
    ],
)
def test_labels_of_every_kind_are_understood(y: object, labels: list[int], classes: tuple[str, ...]) -> None:
    images = of(bytes_images(3, 2, 2), y)
    assert images.labels.tolist() == labels
    assert images.labels.dtype == np.int64
    assert images.classes == classes


def test_frames_and_tensors_are_arrays_too() -> None:
    x = bytes_images(3, 4, 4)
    frame = of(pd.DataFrame(x.reshape(3, 16)), pd.Series(["a", "b", "a"]))
    assert_array_equal(frame.pixels[..., 0], x)
    assert_array_equal(of(torch.from_numpy(x), torch.tensor([0, 1, 0])).pixels, frame.pixels)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (np.zeros((3, 7)), LABELS, r"arrays: expected rows of h\*h or h\*h\*3 numbers .*, got rows of 7; give"),
        (np.zeros(3), LABELS, r"expected images of shape \(n, h, w\).* got shape \(3,\)"),
        (np.zeros((3, 4, 4, 7)), LABELS, r"with 1, 3 or 4 channels, got shape \(3, 4, 4, 7\)"),
        (np.zeros((0, 4, 4)), [], r"expected at least one image, got an array of shape \(0, 4, 4\)"),
        (np.array(["a", "b", "c"]), LABELS, "expected images as arrays of numbers, got an array of <U1"),
        (np.full((3, 1, 1), np.nan), LABELS, "expected images that can be used, got none; row 0: pixels that are NaN"),
        (np.zeros((3, 4, 4)), [0, 1], "expected as many labels as images, got 2 labels and 3 images"),
        (np.zeros((3, 4, 4)), np.eye(3), r"expected one label per image, got 3 per image .*argmax"),
        (np.zeros((3, 4, 4)), 5, r"expected one label per image, got an array of shape \(\)"),
        (np.zeros((3, 4, 4)), [0.5, 1, 2.5], "expected class labels .*, got the number 0.5"),
        (np.zeros((3, 4, 4)), [np.inf, 1, -np.inf], "expected class labels .*, got the number inf"),
        (np.zeros((3, 4, 4)), [1j, 1, 2], "expected class labels .*, got an array of complex128"),
        ([[[1, 2]], [[1]]], [0, 1], "expected images and labels as regular arrays, got lists of unequal lengths"),
    ],
)
def test_arrays_that_are_no_labelled_images_are_refused_in_a_sentence(x: object, y: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        of(x, y)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_images_with_nan_or_infinity_are_named_and_the_others_are_read(dtype: type) -> None:
    x = bytes_images(6, 4, 4).astype(dtype)
    sound = of(np.delete(x, [1, 4], axis=0), [0, 1, 1, 0])
    x[1, 2, 3], x[4, 0, 0] = np.nan, -np.inf
    images = read((x, [0, 0, 1, 1, 0, 0]))
    assert images.faults == tuple(Fault(f"row {i}", "broken", "pixels that are NaN or infinite") for i in (1, 4))
    assert images.pixels.dtype == np.uint8
    assert_array_equal(images.pixels, sound.pixels)
    assert_array_equal(images.ids, sound.ids)
    assert images.labels.tolist() == [0, 1, 1, 0]
    assert list(images.names) == ["row 0", "row 2", "row 3", "row 5"]


def test_what_belongs_to_a_broken_image_goes_with_it() -> None:
    x = RNG.random((4, 2, 2))
    x[2] = np.nan
    images = from_arrays(
        x,
        np.array(["a", "b", "c", "a"]),
        source="here",
        kind="an array",
        names=["p", "q", "r", "s"],
        parts=["train", "test", "test", "train"],
        groups=["1", "2", "3", ""],
        faults=[Fault("t", "ignored", "hidden")],
    )
    assert images.names == ["p", "q", "s"]
    assert images.classes == ("a", "b")
    assert images.parts is not None
    assert images.parts.tolist() == ["train", "test", "train"]
    assert images.groups is not None
    assert images.groups.tolist() == ["1", "2", ""]
    assert [fault.name for fault in images.faults] == ["t", "r"]


@pytest.mark.parametrize(
    ("y", "said"),
    [
        ([0, 1.5, 1, 0], "1.5"),
        ([0, np.inf, 1, 0], "inf"),
        (np.array([0, 0.25, 1, 0], dtype=object), "0.25"),
        (np.array(["a", [1, 2], "b", "a"], dtype=object), "a list"),
        (np.array(["a", {"b": 1}, "b", "a"], dtype=object), "a dict"),
    ],
)
def test_a_label_that_is_none_is_named_and_the_others_are_read(y: object, said: str) -> None:
    images = of(bytes_images(4, 2, 2), y)
    assert images.faults == (Fault("row 1", "broken", f"its label, {said}, is no class"),)
    assert images.labels.tolist() == [0, 1, 0]
    assert list(images.names) == ["row 0", "row 2", "row 3"]


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    x = RNG.random((40, 5, 5, 3))
    x[[3, 17, 39]] = np.nan
    whole = of(x, np.arange(40) % 3, size=4)
    monkeypatch.setattr(large, "BLOCK", 1000)
    monkeypatch.setattr(large, "LARGE", 1000)
    pieces = from_arrays(
        large.Joined([x[:11], x[11:12].astype(">f8"), x[12:]]),
        np.arange(40) % 3,
        source="arrays",
        kind="arrays from Python",
        settings=Settings(size=4),
    )
    assert_array_equal(pieces.pixels, whole.pixels)
    assert_array_equal(pieces.ids, whole.ids)
    assert pieces.format == whole.format
    assert pieces.faults == whole.faults


def test_the_largest_numbers_do_not_overflow() -> None:
    x = np.array([-1.7e308, 0, 1.7e308]).reshape(3, 1, 1)
    assert_array_equal(of(x).pixels.ravel(), np.float32([0, 0.5, 1]))


def test_parts_are_given_as_a_list_or_an_array_and_one_part_alone_is_none() -> None:
    assert own_parts(None) is None
    assert own_parts(["train", "train"]) is None
    assert own_parts(np.array(["test", "test"])) is None
    assert_array_equal(own_parts(np.array(["valid", "test"])), np.array(["valid", "test"]))
    assert_array_equal(own_parts(["train", "test"]), np.array(["train", "test"]))


@pytest.mark.parametrize("source", [3, None, [1, 2], (1, 2, 3)])
def test_a_source_of_another_kind_is_refused(source: object) -> None:
    with pytest.raises(UsageError, match=f"or a pair .* of arrays, got a {type(source).__name__}"):
        read(source)


@pytest.mark.parametrize("size", [0, -3, 5000, 2.5, True])
def test_a_size_that_cannot_be_is_refused(size: int) -> None:
    with pytest.raises(UsageError, match=f"expected a size from 1 to 4096 pixels, got {size}"):
        read("digits", size=size)


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.array([b"caf\xe9", b"caf\xe8", b"tea"]), ("caf\\xe8", "caf\\xe9", "tea")),
        (np.array([2**63 + 1, 2**63, 2**64 - 1], np.uint64), (str(2**63), str(2**63 + 1), str(2**64 - 1))),
        (np.array([2**53 + 1, 2**53, 1], object), ("1", str(2**53), str(2**53 + 1))),
        (np.array([2**70, 2**70 + 1, 1], object), ("1", str(2**70), str(2**70 + 1))),
        (np.array(["a\ud800", "b", "c"]), ("a\\ud800", "b", "c")),
    ],
)
def test_labels_that_differ_stay_different_and_can_be_printed(y: np.ndarray, classes: tuple[str, ...]) -> None:
    images = of(bytes_images(3, 4, 4), y)
    assert images.classes == classes
    assert len(set(images.labels.tolist())) == 3
    assert "".join(images.classes).encode()


def test_a_number_too_large_to_be_told_from_the_next_is_no_class() -> None:
    with pytest.raises(DataError, match=r"expected class labels \(whole numbers or text\), got the number 1e\+300"):
        of(bytes_images(3, 4, 4), np.array([1e300, 2e300, 2.0]))


def test_a_tensor_with_gradients_is_an_array_too() -> None:
    x = bytes_images(3, 4, 4)
    assert_array_equal(of(torch.tensor(x / 255, requires_grad=True)).pixels[..., 0], x)


def test_a_tensor_that_numpy_cannot_hold_is_refused_in_a_sentence() -> None:
    with pytest.raises(DataError, match="arrays: expected images and labels as NumPy can hold them, got others"):
        of(torch.zeros(3, 4, 4, dtype=torch.bfloat16))


@pytest.mark.parametrize(("n", "said"), [(1, "1 image of 4x4, grey, 1 class"), (2, "2 images of 4x4, grey, 1 class")])
def test_one_image_is_no_images(n: int, said: str) -> None:
    assert read((np.zeros((n, 4, 4), np.uint8), np.zeros(n, int))).format == f"arrays from Python: {said}"


@pytest.mark.parametrize(("masked", "words"), [(1, "1 of 96 is masked"), (5, "5 of 96 are masked")])
def test_masked_values_are_refused(masked: int, words: str) -> None:
    x = np.ma.MaskedArray(np.ones((6, 4, 4), np.uint8), mask=np.arange(96).reshape(6, 4, 4) < masked)
    with pytest.raises(DataError, match=f"expected every value to count, got a masked array of which {words}; fill"):
        read((x, np.arange(6) % 2))
    with pytest.raises(DataError, match="got a masked array of which 3 of 6 are masked; fill"):
        read((x.filled(0), np.ma.MaskedArray(np.arange(6) % 2, mask=[True, False] * 3)))


def test_a_masked_array_of_which_nothing_is_masked_is_an_array_like_any_other() -> None:
    x = np.arange(96, dtype=np.uint8).reshape(6, 4, 4)
    assert_array_equal(read((np.ma.MaskedArray(x), np.ma.MaskedArray(np.arange(6) % 2))).pixels[..., 0], x)
