"""Whole sets of images moved and changed: against NumPy, SciPy and Pillow, then by what must hold for any images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from secondlook import seeds
from secondlook.data import transform as t
from secondlook.errors import UsageError

Images = NDArray[Any]


def some(shape: tuple[int, ...] = (5, 9, 12, 3), kind: str = "uint8", seed: int = 0) -> Images:
    rng = seeds.stream(seed, "test images")
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    return images if kind == "uint8" else (images / np.float32(255)).astype(np.float32)


def smooth(n: int = 3, size: int = 32) -> Images:
    """Blurred images, on which two bilinear resamplers with other roundings agree."""
    return np.stack([ndimage.gaussian_filter(some((size, size, 1), seed=i).astype(float), 2) for i in range(n)]).astype(
        np.uint8
    )


CALLS: dict[str, Callable[[Images], Images]] = {
    "shift": lambda x: t.shift(x, 2, -1),
    "shift each": lambda x: t.shift(x, np.arange(len(x)), 1),
    "rotate": lambda x: t.rotate(x, 17),
    "rotate each": lambda x: t.rotate(x, np.arange(len(x)) * 10.0),
    "shear": lambda x: t.shear(x, 12),
    "zoom": lambda x: t.zoom(x, 1.3),
    "flip": t.flip,
    "vflip": t.vflip,
    "noise": lambda x: t.noise(x, 0.1, rng=seeds.stream(0, "noise")),
    "brightness": lambda x: t.brightness(x, -0.2),
    "invert": t.invert,
}


@pytest.mark.parametrize("kind", ["uint8", "float32"])
@pytest.mark.parametrize("name", CALLS)
def test_images_keep_shape_dtype_and_range_and_the_given_ones_stay(name: str, kind: str) -> None:
    images = some(kind=kind)
    before = images.copy()
    found = CALLS[name](images)
    assert found.shape == images.shape
    assert found.dtype == images.dtype
    assert found.min() >= 0
    assert found.max() <= t.full_scale(images)
    assert not np.shares_memory(found, images)
    assert (images == before).all()


@pytest.mark.parametrize("name", CALLS)
def test_no_images_give_no_images(name: str) -> None:
    assert CALLS[name](some((0, 9, 12, 3))).shape == (0, 9, 12, 3)


@given(st.integers(-4, 4), st.integers(-5, 5))
def test_a_shift_is_numpys_roll_inside_and_scipys_nearest_fill_outside(dy: int, dx: int) -> None:
    images = some()
    found = t.shift(images, dy, dx)
    assert (found == ndimage.shift(images, (0, dy, dx, 0), order=0, mode="nearest")).all()
    inside = np.s_[:, max(dy, 0) : 9 + min(dy, 0), max(dx, 0) : 12 + min(dx, 0)]
    assert (found[inside] == np.roll(images, (dy, dx), (1, 2))[inside]).all()


def test_a_shift_further_than_the_image_leaves_its_edge() -> None:
    images = some()
    assert (t.shift(images, 100, 0) == images[:, :1]).all()


@pytest.mark.parametrize("kind", ["uint8", "float32"])
@pytest.mark.parametrize("quarters", [-3, -1, 0, 1, 2, 5])
def test_quarter_turns_are_numpys_rot90_exactly(quarters: int, kind: str) -> None:
    images = some((4, 9, 9, 3), kind)
    assert (t.rotate(images, 90 * quarters) == np.rot90(images, quarters, axes=(1, 2))).all()
    assert (t.rotate(images, np.full(4, 90 * quarters)) == np.rot90(images, quarters, axes=(1, 2))).all()


@given(st.floats(-400, 400))
def test_turning_equals_scipy(degrees: float) -> None:
    images = some(kind="float32")
    oracle = ndimage.rotate(images, degrees, axes=(1, 2), reshape=False, order=1, mode="nearest")
    assert np.abs(t.rotate(images, degrees) - oracle).max() < 1e-5


@pytest.mark.parametrize("degrees", [10, -30])
def test_turning_goes_the_same_way_as_in_pillow(degrees: int) -> None:
    images = smooth()
    found = t.rotate(images, degrees)
    for image, turned in zip(images, found, strict=True):
        oracle = np.asarray(Image.fromarray(image[:, :, 0]).rotate(degrees, Image.Resampling.BILINEAR))
        inside = np.s_[8:24, 8:24]  # Pillow fills the corners with black
        assert np.abs(turned[:, :, 0][inside].astype(int) - oracle[inside]).max() <= 1


@given(st.floats(0.3, 3), st.floats(-50, 50))
def test_zoom_and_shear_equal_scipys_affine_transform(factor: float, degrees: float) -> None:
    images = some(kind="float32")
    centre = np.array([4, 5.5, 1])
    for found, matrix in (
        (t.zoom(images, factor), np.diag([1 / factor, 1 / factor, 1])),
        (t.shear(images, degrees), np.array([[1, 0, 0], [np.tan(np.deg2rad(degrees)), 1, 0], [0, 0, 1]])),
    ):
        oracle = [
            ndimage.affine_transform(x, matrix, centre - matrix @ centre, order=1, mode="nearest") for x in images
        ]
        assert np.abs(found - np.stack(oracle)).max() < 1e-5


def test_a_zoomed_dot_grows_and_a_sheared_stroke_leans_to_the_right() -> None:
    dot = np.zeros((1, 15, 15, 1), np.uint8)
    dot[0, 6:9, 6:9] = 255
    assert (t.zoom(dot, 2) > 127).sum() > 2 * (dot > 127).sum()
    stroke = np.zeros((1, 15, 15, 1), np.uint8)
    stroke[0, :, 7] = 255
    leaning = t.shear(stroke, 20)[0, :, :, 0]
    assert leaning[0].argmax() > 7 > leaning[-1].argmax()


@pytest.mark.parametrize("change", [t.rotate, t.shear, t.zoom, t.brightness])
def test_an_amount_per_image_is_each_image_with_its_own_amount(change: Callable[..., Images]) -> None:
    images, amounts = some(), np.array([0.1, 0.5, 1, 0.9, 0.3])
    each = [change(images[i : i + 1], amounts[i])[0] for i in range(5)]
    assert (change(images, amounts) == np.stack(each)).all()


def test_a_shift_per_image_is_each_image_with_its_own_shift() -> None:
    images, dy, dx = some(), np.array([0, 1, -2, 3, 20]), np.array([3, -1, 0, -20, 2])
    each = [t.shift(images[i : i + 1], dy[i], dx[i])[0] for i in range(5)]
    assert (t.shift(images, dy, dx) == np.stack(each)).all()


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    images = some()
    whole = [call(images) for call in CALLS.values()]
    monkeypatch.setattr(t, "_BLOCK_NUMBERS", 2 * 9 * 12 * 3)
    assert all((call(images) == found).all() for call, found in zip(CALLS.values(), whole, strict=True))


@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_flips_and_negatives_undo_themselves(kind: str) -> None:
    images = some(kind=kind)
    assert (t.flip(images) == np.flip(images, 2)).all()
    assert (t.vflip(images) == np.flip(images, 1)).all()
    for change in (t.flip, t.vflip, t.invert):
        assert np.allclose(change(change(images)), images, atol=1e-6)
    assert np.allclose(t.invert(images), t.full_scale(images) - images, atol=1e-6)


def test_noise_has_its_standard_deviation_and_depends_on_the_generator_alone() -> None:
    grey = np.full((20, 40, 40, 1), 128, np.uint8)
    noisy = t.noise(grey, 0.1, rng=seeds.stream(1, "noise"))
    assert noisy.std() == pytest.approx(25.5, rel=0.02)
    assert noisy.mean() == pytest.approx(128, abs=0.5)
    assert (noisy == t.noise(grey, 0.1, rng=seeds.stream(1, "noise"))).all()
    assert (noisy != t.noise(grey, 0.1, rng=seeds.stream(2, "noise"))).any()
    each = t.noise(grey.astype(np.float32) / 255, np.linspace(0, 0.1, 20), rng=seeds.stream(1, "noise"))
    assert each.std(axis=(1, 2, 3)) == pytest.approx(np.linspace(0, 0.1, 20), rel=0.1)


def test_brightness_moves_by_a_share_of_the_range_and_stops_at_its_ends() -> None:
    images = np.array([0, 100, 250], np.uint8).reshape(1, 3, 1, 1)
    assert t.brightness(images, 0.1).ravel().tolist() == [26, 126, 255]  # 25.5 is rounded to even
    assert t.brightness(images, -1).ravel().tolist() == [0, 0, 0]
    assert t.brightness(images.astype(np.float32) / 255, 0.5).ravel() == pytest.approx([0.5, 0.5 + 100 / 255, 1])


def test_a_memory_map_is_read_as_any_array(tmp_path: Any) -> None:
    np.save(tmp_path / "images.npy", some())
    images = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert all((call(images) == call(some())).all() and type(call(images)) is np.ndarray for call in CALLS.values())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: t.flip(some((9, 12, 3))), r"expected images \(n, h, w, c\) of uint8 or float32, got uint8 of \(9, 12"),
        (lambda: t.rotate(some().astype(float), 3), "uint8 or float32, got float64 of"),
        (lambda: t.rotate(some(), [1, 2]), r"expected degrees as one number or one for each of 5 images, got shape"),
        (lambda: t.shift(some(), np.nan), "expected dy as finite numbers, got nan"),
        (lambda: t.shift(some(), 0, 1.5), "expected to shift by whole pixels, got 1.5; round it"),
        (lambda: t.shear(some(), 90), "expected to shear by -89 to 89 degrees, got 90"),
        (lambda: t.zoom(some(), 0), "expected to zoom by a factor above 0, got 0"),
        (lambda: t.noise(some(), -1, rng=seeds.stream(0, "x")), "standard deviation of 0 or more, got -1"),
        (lambda: t.brightness(some(), 1.5), "expected a brightness from -1 to 1, got 1.5"),
        (
            lambda: t.affine(some(), np.zeros((3, 2, 2))),
            "expected one matrix, or one for each of 5 images, and as many off.* 3",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()
