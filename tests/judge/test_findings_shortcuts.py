from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import secondlook as sl
from secondlook.judge.findings.shortcuts import CHECKS
from secondlook.types import ImageSet

CODES = ("D401", "D402", "D403", "D404")


@pytest.fixture
def clean(make_set: Callable, make_origins: Callable) -> ImageSet:
    return make_set(np.arange(240) % 2, shape=(10, 10, 3), origins=make_origins(240))


def test_a_clean_set_has_no_shortcut(clean: ImageSet, make_context: Callable, ask: Callable) -> None:
    context = make_context(clean)
    assert [ask(CHECKS, code, context) for code in CODES] == [None] * 4


def test_a_watermark_is_serious_and_its_pixel_named(clean: ImageSet, make_context: Callable, ask: Callable) -> None:
    pixels = clean.pixels.copy()
    pixels[clean.labels == 1, 2, 7, 1] = 255
    context = make_context(replace(clean, pixels=pixels))
    found = ask(CHECKS, "D401", context)
    assert found.severity == "serious"
    assert found.evidence["best"]["where"] == [2, 7, 1]
    assert found.evidence["best"]["balanced_accuracy"] > 0.95
    assert found.evidence["n"] == 240
    assert "pixel in row 2, column 7, green" in found.title
    assert "(chance 50 %)" in found.title
    assert {clean.labels[item.index] for item in found.items} == {0, 1}
    assert "b, 255" in [item.note for item in found.items]
    assert json.loads(json.dumps(found.json(), allow_nan=False)) == found.json()
    assert [ask(CHECKS, code, context) for code in ("D402", "D404")] == [None, None]


def test_a_mark_that_is_often_missing_is_a_warning_with_its_exceptions(
    clean: ImageSet, make_context: Callable, ask: Callable
) -> None:
    pixels = clean.pixels // 2
    marked = (clean.labels == 1) & (np.arange(240) % 8 != 1)
    pixels[marked, 2, 7] = 255
    found = ask(CHECKS, "D401", make_context(replace(clean, pixels=pixels)))
    assert found.severity == "warning"
    assert found.evidence["best"]["naming"] == pytest.approx(0.75, abs=0.05)
    assert any(item.note.endswith(": an exception") for item in found.items)


def test_one_class_of_many_is_told_apart(make_set: Callable, make_context: Callable, ask: Callable) -> None:
    images = make_set(np.arange(600) % 10, shape=(6, 6, 1))
    images.pixels[images.labels == 4, 0, 0] = 255
    found = ask(CHECKS, "D401", make_context(images))
    assert found.severity == "warning"
    assert found.evidence["best"]["group"] == ["e"]
    assert "alone tells 'e' from the other classes" in found.title
    assert found.title.endswith("'e': 255.")


def test_a_frame_and_a_brightness_per_class_are_found(clean: ImageSet, make_context: Callable, ask: Callable) -> None:
    framed = clean.pixels.copy()
    for edge in (np.s_[:, 0], np.s_[:, -1], np.s_[:, :, 0], np.s_[:, :, -1]):
        framed[edge] = np.where((clean.labels == 1)[:, None, None], 0, framed[edge])
    assert ask(CHECKS, "D402", make_context(replace(clean, pixels=framed))).severity == "serious"
    dark = np.where((clean.labels == 1)[:, None, None, None], clean.pixels // 2, clean.pixels)
    found = ask(CHECKS, "D403", make_context(replace(clean, pixels=dark)))
    assert found.severity == "serious"
    assert "alone tells the class of" in found.title


@pytest.mark.parametrize(
    ("field", "values", "words"),
    [
        ("formats", ("JPEG", "PNG"), "The file format alone"),
        ("widths", (640, 800), "The width alone"),
        ("bytes", (2_000, 40_000), "The file size alone"),
    ],
)
def test_a_fact_of_the_file_is_found(
    field: str,
    values: tuple[object, object],
    words: str,
    clean: ImageSet,
    make_context: Callable,
    make_origins: Callable,
    ask: Callable,
) -> None:
    origins = make_origins(240, **{field: np.array(values)[clean.labels]})
    found = ask(CHECKS, "D404", make_context(replace(clean, origins=origins)))
    assert found.severity == "serious"
    assert found.title.startswith(words) or field == "widths"
    assert field != "widths" or {"width", "aspect ratio (width by height)"} <= {*found.evidence["tried"]}


def test_without_labels_files_or_enough_images_nothing_is_asked(
    make_set: Callable, make_context: Callable, make_origins: Callable, ask: Callable
) -> None:
    unlabelled = make_context(make_set([-1] * 20, origins=make_origins(20)))
    assert {ask(CHECKS, code, unlabelled) for code in CODES} == {"no labels"}
    tiny = make_context(make_set([0] * 20 + [1] * 3, origins=make_origins(23)))
    assert {ask(CHECKS, code, tiny) for code in CODES} == {"fewer than two classes with 4 different images"}
    assert ask(CHECKS, "D404", make_context(make_set(np.arange(40) % 2))) == "the images are no files"


@pytest.mark.parametrize("n", [8, 12, 20, 40])
def test_few_images_prove_nothing_by_chance(n: int, make_set: Callable, make_context: Callable, ask: Callable) -> None:
    for seed in range(10):
        pixels = np.random.default_rng(seed).integers(0, 256, (n, 12, 12, 3), dtype=np.uint8)
        context = make_context(make_set(np.arange(n) % 2, pixels))
        assert [ask(CHECKS, code, context) for code in CODES[:3]] == [None] * 3


@pytest.mark.parametrize(
    "name",
    [
        "mnist",
        "fashion_mnist",
        "quickdraw/bitmaps_10x4000",
        "slash/slash_data.npz",
        "hotdog/phone_224px",
        "hotdog/kaggle_28px",
        pytest.param("hotdog/food101_64px", marks=pytest.mark.slow),
    ],
)
def test_real_sets_give_nothing_away(name: str, real_data: Path, make_context: Callable, ask: Callable) -> None:
    context = make_context(sl.read(real_data / name))
    found = [ask(CHECKS, code, context) for code in CODES]
    assert [one for one in found if not isinstance(one, str)] == [None] * (3 + (context.images.origins is not None))


def test_the_built_in_digits_give_nothing_away(make_context: Callable, ask: Callable) -> None:
    context = make_context(sl.read("digits"))
    assert [ask(CHECKS, code, context) for code in CODES[:3]] == [None] * 3
