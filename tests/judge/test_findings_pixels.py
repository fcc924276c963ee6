from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import secondlook as sl
from secondlook.judge.findings.pixels import CHECKS
from secondlook.types import ImageSet


def scenes(n: int, c: int = 3, seed: int = 0) -> Any:
    """Pixels that vary in brightness and colour from image to image, as photos do."""
    rng = np.random.default_rng(seed)
    tone = rng.normal(120, 25, (n, 1, 1, 1)) + (rng.normal(0, 30, (n, 1, 1, c)) if c == 3 else 0)
    return np.clip(tone + rng.normal(0, 30, (n, 8, 8, c)), 0, 255).astype(np.uint8)


@pytest.fixture
def photos(make_set: Callable) -> ImageSet:
    return make_set(np.arange(200) % 2, scenes(200))


def changed(images: ImageSet, changes: dict[int, Any]) -> ImageSet:
    pixels = images.pixels.copy()
    for index, value in changes.items():
        pixels[index] = value
    return replace(images, pixels=pixels)


def codes(images: ImageSet, make_context: Callable, ask: Callable) -> list[str]:
    context = make_context(images)
    return [check.code for check in CHECKS if not isinstance(ask(CHECKS, check.code, context), str | None)]


def test_clean_scenes_raise_no_finding(photos: ImageSet, make_context: Callable, ask: Callable) -> None:
    assert codes(photos, make_context, ask) == []


def test_blank_images_are_named(photos: ImageSet, make_context: Callable, ask: Callable) -> None:
    speck = np.full((8, 8, 3), 90, np.uint8)
    speck[0, 0] = 92
    images = changed(photos, {3: 0, 50: 255, 51: speck})
    found = ask(CHECKS, "D301", make_context(images))
    assert found.severity == "warning"
    assert {item.index for item in found.items} == {3, 50, 51}
    assert found.items[-1].index == 51
    assert found.evidence["constant"] == 2
    assert found.title == "3 of 200 images are blank, of one value or nearly."
    assert {item.note for item in found.items} >= {"b, all 0 % bright", "a, all 100 % bright"}


def test_many_blank_images_are_serious(photos: ImageSet, make_context: Callable, ask: Callable) -> None:
    assert ask(CHECKS, "D301", make_context(changed(photos, dict.fromkeys(range(10), 0)))).severity == "warning"
    assert ask(CHECKS, "D301", make_context(changed(photos, dict.fromkeys(range(11), 0)))).severity == "serious"


def test_where_most_images_are_constant_all_those_are_blank(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    pixels = scenes(50)
    pixels[10:] = 77
    found = ask(CHECKS, "D301", make_context(make_set(np.arange(50) % 2, pixels)))
    assert [item.index for item in found.items] == list(range(10, 50))


def test_a_set_of_low_contrast_is_not_blank(make_set: Callable, make_context: Callable, ask: Callable) -> None:
    rng = np.random.default_rng(0)
    faint = (0.5 + rng.normal(0, 0.002, (50, 8, 8, 1))).astype(np.float32)
    assert ask(CHECKS, "D301", make_context(make_set(np.arange(50) % 2, faint))) is None


def test_dark_and_bright_outliers_are_named_with_their_brightness(
    photos: ImageSet, make_context: Callable, ask: Callable
) -> None:
    dim, glare = photos.pixels[7] // 30, 255 - photos.pixels[8] // 30
    dim[0], glare[0] = 20, 235  # not blank
    found = ask(CHECKS, "D302", make_context(changed(photos, {7: dim, 8: glare})))
    assert found.severity == "info"
    assert {item.index for item in found.items} == {7, 8}
    assert found.evidence["dark"] == found.evidence["bright"] == 1
    assert "1 much darker and 1 much brighter than the other 198 images" in found.title
    only_dark = ask(CHECKS, "D302", make_context(changed(photos, {7: dim})))
    assert "bright" not in only_dark.title.split("(")[0]


def test_blank_images_are_not_named_twice(photos: ImageSet, make_context: Callable, ask: Callable) -> None:
    images = changed(photos, {3: 0, 50: 255})
    assert len(ask(CHECKS, "D301", make_context(images)).items) == 2
    assert ask(CHECKS, "D302", make_context(images)) is None


def test_in_a_set_of_one_brightness_small_differences_are_not_odd(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    rng = np.random.default_rng(0)
    pixels = (rng.normal(128, 2, (100, 1, 1, 1)) + rng.normal(0, 20, (100, 8, 8, 1))).astype(np.uint8)
    pixels[3] += 22
    assert ask(CHECKS, "D302", make_context(make_set(np.arange(100) % 2, pixels))) is None
    pixels[3] += 22
    found = ask(CHECKS, "D302", make_context(make_set(np.arange(100) % 2, pixels)))
    assert [item.index for item in found.items] == [3]


def test_two_clusters_of_brightness_are_no_outliers(make_set: Callable, make_context: Callable, ask: Callable) -> None:
    pixels = scenes(200)
    pixels[::2] //= 8
    assert ask(CHECKS, "D302", make_context(make_set(np.arange(200) % 2, pixels))) is None


def test_grey_images_among_coloured_ones_are_named(photos: ImageSet, make_context: Callable, ask: Callable) -> None:
    grey = photos.pixels[4].mean(axis=2, keepdims=True).astype(np.uint8)
    nearly = np.clip(np.repeat(grey, 3, axis=2) + np.array([2, 0, -2]), 0, 255)
    found = ask(CHECKS, "D305", make_context(changed(photos, {4: grey, 9: nearly})))
    assert found.severity == "info"
    assert [item.index for item in found.items] == [4, 9]
    assert found.items[0].note == "a, grey"
    assert found.items[1].note.startswith("b, saturation ")
    assert found.title == "1 grey and 1 nearly grey among 200 images, most of them in colour."


def test_a_file_that_was_grey_is_named_whatever_its_pixels_became(
    photos: ImageSet, make_context: Callable, make_origins: Callable, ask: Callable
) -> None:
    images = replace(photos, origins=make_origins(200, grey=np.arange(200) == 11))
    found = ask(CHECKS, "D305", make_context(images))
    assert [(item.index, item.note) for item in found.items] == [(11, "b, grey")]


def test_the_rarer_kind_is_named_and_an_all_grey_set_is_told_as_such(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    pixels = np.repeat(scenes(60, 1), 3, axis=3)
    labels = np.arange(60) % 2
    all_grey = ask(CHECKS, "D305", make_context(make_set(labels, pixels)))
    assert all_grey.title == "All 60 images are grey, though stored in three channels."
    assert all_grey.items == ()
    pixels[5] = scenes(1)[0]
    found = ask(CHECKS, "D305", make_context(make_set(labels, pixels)))
    assert [item.index for item in found.items] == [5]
    assert found.title == "1 of 60 images has colours, the others are grey."
    assert ask(CHECKS, "D305", make_context(make_set(labels, scenes(60, 1)))) == "all images are grey"


def drawings(n: int) -> Any:
    """White strokes on black, the frame empty."""
    pixels = np.zeros((n, 10, 10, 1), np.uint8)
    pixels[:, 2:8, 2:8] = (np.random.default_rng(0).random((n, 6, 6, 1)) < 0.4) * np.uint8(255)
    return pixels


@pytest.mark.parametrize("invert", [False, True])
def test_inverted_images_are_named(invert: bool, make_set: Callable, make_context: Callable, ask: Callable) -> None:
    pixels = drawings(100)
    pixels[[5, 60]] = 255 - pixels[[5, 60]]
    pixels[5, 0, 4] = 0  # a stroke may touch the frame
    pixels = 255 - pixels if invert else pixels
    found = ask(CHECKS, "D307", make_context(make_set(np.arange(100) % 2, pixels)))
    assert found.severity == "warning"
    assert [item.index for item in found.items] == [5, 60]
    assert f"have a {'dark' if invert else 'bright'} background" in found.title


def test_mixed_backgrounds_and_photos_are_not_inverted(
    photos: ImageSet, make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    pixels = drawings(100)
    pixels[:30] = 255 - pixels[:30]
    assert ask(CHECKS, "D307", make_context(make_set(np.arange(100) % 2, pixels))) is None
    assert ask(CHECKS, "D307", make_context(photos)) is None
    assert ask(CHECKS, "D307", make_context(make_set(np.arange(100) % 2, drawings(100)))) is None


def test_odd_forms_and_sizes_are_named(
    photos: ImageSet, make_context: Callable, make_origins: Callable, ask: Callable
) -> None:
    width, height = np.full(200, 640), np.full(200, 480)
    width[::2], height[::2] = 480, 640  # upright ones are of the same form
    width[3], height[3] = 1600, 200
    width[4], height[4] = 64, 48
    images = replace(photos, origins=make_origins(200, widths=width, heights=height))
    found = ask(CHECKS, "D303", make_context(images))
    assert found.severity == "info"
    assert {item.index: item.note for item in found.items} == {3: "b, 1600x200 pixels", 4: "a, 64x48 pixels"}
    assert found.evidence["odd"] == 2


def test_sizes_that_vary_widely_are_not_odd(
    photos: ImageSet, make_context: Callable, make_origins: Callable, ask: Callable
) -> None:
    rng = np.random.default_rng(0)
    edges = np.exp(rng.normal(6, 1, 200)).astype(int)
    images = replace(photos, origins=make_origins(200, widths=edges, heights=edges))
    assert ask(CHECKS, "D303", make_context(images)) is None
    assert ask(CHECKS, "D303", make_context(photos)) == "the images are no files"


@pytest.mark.parametrize(("many", "severity"), [(1, "info"), (10, "info"), (11, "warning")])
def test_enlarged_images_are_named_the_smallest_first(
    many: int, severity: str, photos: ImageSet, make_context: Callable, make_origins: Callable, ask: Callable
) -> None:
    # The set has 8x8 pixels.
    width = np.full(200, 8)
    width[:many] = 4
    width[0] = 2
    images = replace(photos, origins=make_origins(200, widths=width, heights=width))
    found = ask(CHECKS, "D304", make_context(images))
    assert found.severity == severity
    assert len(found.items) == many
    assert found.items[0].index == 0
    assert found.evidence["largest_factor"] == 4


def test_images_of_enough_pixels_are_not_enlarged(
    photos: ImageSet, make_context: Callable, make_origins: Callable, ask: Callable
) -> None:
    # Narrow, but not small: only one edge was enlarged.
    narrow = replace(photos, origins=make_origins(200, widths=np.full(200, 2), heights=np.full(200, 8)))
    assert ask(CHECKS, "D304", make_context(narrow)) is None
    assert ask(CHECKS, "D304", make_context(photos)) == "the images are no files"


def test_what_was_changed_by_rule_is_counted_and_named(
    photos: ImageSet, make_context: Callable, make_origins: Callable, ask: Callable
) -> None:
    at = np.arange(200)
    modes = np.select([at == 6, at == 2, at == 3, at == 4], ["P", "CMYK", "I;16", "F"], "RGB")
    origins = make_origins(200, modes=modes, turned=at == 5, transparent=(at == 1) | (at == 6), frames=1 + (at == 7))
    found = ask(CHECKS, "D306", make_context(replace(photos, origins=origins)))
    assert found.severity == "info"
    assert found.items[0].index == 6
    assert found.items[0].note == "a, with transparency laid on white, with a palette"
    assert {item.index for item in found.items} == set(range(1, 8))
    assert sum(found.evidence["counts"].values()) == 8
    assert found.evidence["counts"]["of 16 bits or more brought to 8"] == 2
    assert "1 turned upright as their EXIF orientation asks, 2 with transparency laid on white" in found.title


def test_plain_files_were_not_changed(
    photos: ImageSet, make_context: Callable, make_origins: Callable, ask: Callable
) -> None:
    assert ask(CHECKS, "D306", make_context(replace(photos, origins=make_origins(200)))) is None
    assert ask(CHECKS, "D306", make_context(photos)) == "the images are no files"


@pytest.mark.parametrize(
    ("name", "most"),
    [("mnist", 0), ("fashion_mnist", 0), ("quickdraw/bitmaps_10x4000", 5), ("slash/slash_data.npz", 0)],
)
def test_real_sets_have_few_or_no_odd_images(
    name: str, most: int, real_data: Path, make_context: Callable, ask: Callable
) -> None:
    context = make_context(sl.read(real_data / name))
    brightness = ask(CHECKS, "D302", context)
    assert (len(brightness.items) if brightness else 0) == most
    assert ask(CHECKS, "D301", context) is None
    assert ask(CHECKS, "D307", context) is None


@pytest.mark.slow
def test_the_nearly_grey_photos_are_named_and_few_are_odd(
    real_data: Path, make_context: Callable, ask: Callable
) -> None:
    context = make_context(sl.read(real_data / "hotdog/food101_64px"))
    found = ask(CHECKS, "D305", context)
    assert [Path(item.name).stem for item in found.items] == ["cheesecake__3388138", "greek_salad__803256"]
    assert len(ask(CHECKS, "D302", context).items) == 7
    assert ask(CHECKS, "D301", context) is None
