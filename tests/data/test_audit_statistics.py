"""Statistics of images against Pillow, matplotlib and plain NumPy."""

from __future__ import annotations

import tracemalloc
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import rgb_to_hsv
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageStat

from secondlook.data.audit.statistics import Statistics, statistics
from secondlook.types import ImageSet

NAMES = [field.name for field in fields(Statistics)]


def made(pixels: Any) -> ImageSet:
    n = len(pixels)
    ids = np.array([f"{i:016x}" for i in range(n)], dtype=np.str_)
    return ImageSet(pixels, np.full(n, -1), (), ids, [str(i) for i in range(n)], "made", "made")


def noise(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_greys_are_those_of_pillow() -> None:
    pixels = noise(20, 9, 7, 3)
    found = statistics(made(pixels))
    for i, image in enumerate(pixels):
        grey = ImageStat.Stat(Image.fromarray(image).convert("L"))
        # Pillow rounds each grey to a byte.
        assert found.mean[i] == pytest.approx(grey.mean[0] / 255, abs=0.6 / 255)
        assert found.contrast[i] == pytest.approx(grey.stddev[0] / 255, abs=0.6 / 255)
        assert found.low[i] == pytest.approx(grey.extrema[0][0] / 255, abs=1.1 / 255)
        assert found.high[i] == pytest.approx(grey.extrema[0][1] / 255, abs=1.1 / 255)
        colours = ImageStat.Stat(Image.fromarray(image)).mean
        assert_allclose([found.red[i], found.green[i], found.blue[i]], np.array(colours) / 255, atol=1e-5)


def test_the_saturation_of_one_colour_is_that_of_hsv() -> None:
    colours = noise(200, 1, 1, 3)
    found = statistics(made(np.tile(colours, (1, 5, 5, 1))))
    assert_allclose(found.saturation, rgb_to_hsv(colours[:, 0, 0] / 255)[:, 1], atol=1e-5)


def test_black_is_not_saturated_and_a_dark_corner_hardly_counts() -> None:
    pixels = np.zeros((2, 4, 4, 3), np.uint8)
    pixels[1] = 200
    pixels[1, 0, 0] = (2, 0, 0)  # fully saturated, and hardly seen
    found = statistics(made(pixels))
    assert found.saturation[0] == 0
    assert 0 < found.saturation[1] < 0.001


@pytest.mark.parametrize("shape", [(6, 5, 1), (40, 70, 1), (1, 1, 1), (1, 8, 1), (96, 96, 1)])
def test_border_and_sharpness_are_what_their_definitions_say(shape: tuple[int, int, int]) -> None:
    pixels = noise(8, *shape)
    found = statistics(made(pixels))
    h, w, _ = shape
    wide = max(1, min(h, w) // 32)
    for i, grey in enumerate(pixels[..., 0] / 255):
        frame = [
            grey[y, x] for y in range(h) for x in range(w) if y < wide or y >= h - wide or x < wide or x >= w - wide
        ]
        assert found.border_mean[i] == pytest.approx(np.mean(frame), abs=1e-6)
        assert found.border_contrast[i] == pytest.approx(np.std(frame), abs=1e-6)
        steps = np.concatenate([np.diff(grey, axis=0).ravel(), np.diff(grey, axis=1).ravel()])
        assert found.sharpness[i] == pytest.approx(np.abs(steps).mean() if steps.size else 0, abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 9), st.integers(1, 12), st.integers(1, 12), st.sampled_from([1, 3]), st.integers(0, 99))
def test_all_numbers_lie_between_none_and_all_and_do_not_depend_on_type_or_neighbours(
    n: int, h: int, w: int, c: int, seed: int
) -> None:
    pixels = noise(n, h, w, c, seed=seed)
    found = statistics(made(pixels))
    as_floats = statistics(made(pixels / np.float32(255)))
    alone = [statistics(made(pixels[i : i + 1])) for i in range(n)]
    for name in NAMES:
        values = getattr(found, name)
        assert values.shape == (n,)
        assert values.dtype == np.float32
        assert (values >= 0).all()
        assert (values <= 1).all()
        assert_allclose(values, getattr(as_floats, name), atol=1e-5)
        assert_allclose(values, [getattr(one, name)[0] for one in alone], atol=1e-6)
    mirrored = statistics(made(pixels[:, ::-1, ::-1]))
    for name in NAMES:
        assert_allclose(getattr(found, name), getattr(mirrored, name), atol=1e-5)


def test_a_set_of_many_blocks_is_measured_as_one_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    images = made(noise(50, 6, 6, 3))
    whole = statistics(images)
    monkeypatch.setattr("secondlook.data.audit.statistics._BLOCK_VALUES", 7 * 6 * 6 * 3)
    for name in NAMES:
        assert_array_equal(getattr(whole, name), getattr(statistics(images), name))


def test_a_memory_map_is_never_held_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    pixels = np.memmap(path, dtype=np.uint8, mode="w+", shape=(2_000, 64, 64, 3))  # 25 MB, 98 MB as float32
    pixels[::2] = 255
    images = made(pixels)
    tracemalloc.start()
    found = statistics(images)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8e6
    assert_array_equal(found.mean, np.tile([1, 0], 1_000))
