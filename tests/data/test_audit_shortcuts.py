"""Shortcuts: rules against scikit-learn and SciPy, false alarms by simulation, planted shortcuts found."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.stats import hypergeom
from sklearn.metrics import balanced_accuracy_score

from secondlook.data.audit.features import levels
from secondlook.data.audit.shortcuts import Shortcut, shortcuts
from secondlook.data.audit.statistics import statistics
from secondlook.data.audit.telling import bins_of, bins_of_levels, chance, even_edges, learn, tailed_edges, tell
from secondlook.types import ImageSet, Origins


def made(pixels: Any, labels: Any, **fields: Any) -> ImageSet:
    n, labels = len(pixels), np.asarray(labels, dtype=np.int64)
    ids = np.array([f"{i:016x}" for i in range(n)], dtype=np.str_)
    classes = tuple("abcdefghijklmnopqrstuvwxyz"[: labels.max() + 1])
    images = ImageSet(pixels, labels, classes, ids, [str(i) for i in range(n)], "made", "made")
    return replace(images, **fields)


def noise(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def found_in(images: ImageSet) -> tuple[Shortcut, ...]:
    return shortcuts(images, statistics(images))


def of(found: tuple[Shortcut, ...], name: str) -> Shortcut:
    return next(shortcut for shortcut in found if name in (shortcut.name, shortcut.kind))


@given(st.integers(2, 5), st.integers(0, 1000))
def test_rules_are_judged_as_scikit_learn_judges_them_on_the_other_half(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, d, bins = 30 * k, 3, 6
    labels = np.arange(n) % k
    half = np.arange(n) // k % 2
    binned = ((labels[:, None] * rng.integers(0, 3, d) + rng.integers(0, bins, (n, d))) % bins).astype(np.uint8)
    told = tell(binned, labels, half, bins)
    for learnt, rules in enumerate(told.rules):
        other = half != learnt
        for column in range(d):
            answers = rules.home[binned[other, column], column]
            naming = balanced_accuracy_score(labels[other], answers, adjusted=True)
            assert told.naming[learnt, column] == pytest.approx(naming, abs=1e-6)
            inside = (binned[:, column] >= rules.low[column]) & (binned[:, column] < rules.high[column])
            group = rules.group[:, column]
            shares = np.array([inside[other & (labels == c)].mean() for c in range(k)])
            parting = shares[group].mean() - shares[~group].mean() if 0 < group.sum() < k else 0
            assert told.parting[learnt, column] == pytest.approx(parting, abs=1e-6)
            # It was the best interval of all where it was learnt.
            learnt_here = np.array([inside[~other & (labels == c)].mean() for c in range(k)])
            assert_array_equal(group, learnt_here > 0.5)


def test_for_two_classes_parting_is_the_balanced_accuracy_rescaled() -> None:
    rng = np.random.default_rng(0)
    labels, half = np.arange(400) % 2, np.arange(400) // 2 % 2
    values = rng.normal(labels, 1.0)
    binned = bins_of(values, even_edges(400, 16))[:, None]
    told = tell(binned, labels, half, 16)
    rules = told.rules[0]
    inside = (binned[:, 0] >= rules.low[0]) & (binned[:, 0] < rules.high[0])
    answers = np.where(inside == rules.group[1, 0], 1, 0)[half == 1]
    assert told.parting[0, 0] == pytest.approx(
        balanced_accuracy_score(labels[half == 1], answers, adjusted=True), abs=1e-6
    )
    # Two normal laws one deviation apart: Youden's J is 2 Phi(1/2) - 1 = .383.
    assert told.parting.mean() == pytest.approx(0.383, abs=0.08)


@given(st.integers(1, 60), st.floats(0, 1), st.floats(0, 1), st.integers(0, 99))
def test_the_chance_of_a_rule_is_the_tail_of_the_hypergeometric_law(n: int, a: float, b: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    inside, ours = rng.random(n) < a, rng.random(n) < b
    oracle = hypergeom.sf((inside & ours).sum() - 1, n, ours.sum(), inside.sum())
    assert chance(inside, ours) == pytest.approx(oracle, rel=1e-6, abs=1e-12)


@given(st.lists(st.integers(0, 255), min_size=40, max_size=300))
def test_bins_keep_order_and_ties_and_never_mix_two_frequent_values(given_values: list[int]) -> None:
    values = np.array(given_values, dtype=np.uint8)
    edges = tailed_edges(len(values))
    binned = bins_of(values, edges)
    assert_array_equal(bins_of_levels(values[:, None], edges)[:, 0], binned)
    order = np.argsort(values, kind="stable")
    assert (np.diff(binned[order].astype(int)) >= 0).all()
    found, counts = np.unique(values, return_counts=True)
    places = {value: set(binned[values == value].tolist()) for value in found.tolist()}
    assert all(len(place) == 1 for place in places.values())
    widest = np.diff([0, *edges, 1]).max()
    frequent = [value for value, count in zip(found.tolist(), counts, strict=True) if count > widest * len(values)]
    assert len({tuple(places[value]) for value in frequent}) == len(frequent)


def test_levels_are_the_means_of_squares_also_at_the_edge() -> None:
    pixels = noise(5, 7, 5, 3)
    chosen = np.array([4, 0, 2])
    assert_array_equal(levels(pixels, chosen, 1), pixels[chosen])
    reduced = levels(pixels, chosen, 2)
    assert reduced.shape == (3, 4, 3, 3)
    assert reduced[1, 0, 0, 0] == int(pixels[0, :2, :2, 0].mean())
    assert reduced[0, 3, 2, 1] == pixels[4, 6, 4, 1]
    as_floats = levels((pixels / 255).astype(np.float32), chosen, 1)
    assert_array_equal(as_floats, pixels[chosen])


def test_random_labels_raise_no_alarm_more_often_than_promised() -> None:
    # 120 sets, each with some ten features and 48 pixels: at most 5 % may have any p-value of 5 % or less.
    rng = np.random.default_rng(0)
    alarms = partly = 0
    for _ in range(120):
        n, k = int(rng.integers(20, 90)), int(rng.integers(2, 5))
        pixels = rng.integers(0, 256, (n, 4, 4, 3), dtype=np.uint8)
        found = found_in(made(pixels, rng.permutation(np.arange(n) % k)))
        alarms += any(shortcut.p <= 0.05 for shortcut in found)
        partly += any(shortcut.p <= 0.05 and max(shortcut.naming, shortcut.parting) >= 0.6 for shortcut in found)
    assert alarms <= 6
    assert partly == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize(
    ("shape", "factor"), [((28, 28, 1), 1), ((32, 32, 3), 1), ((64, 64, 3), 1), ((150, 100, 3), 2), ((200, 130, 1), 2)]
)
def test_a_watermark_is_named_by_its_place(shape: tuple[int, int, int], factor: int, dtype: Any) -> None:
    labels = np.arange(120) % 2
    pixels = noise(120, *shape) // 2
    c = shape[2]
    # As large as one square of the reduced image.
    row, column = factor * 5, factor * 9
    pixels[labels == 1, row : row + factor, column : column + factor, c - 1] = 255
    pixels = pixels if dtype == np.uint8 else (pixels / 255).astype(np.float32)
    best = of(found_in(made(pixels, labels)), "pixel")
    assert best.where == (row, column, c - 1)
    assert best.naming == pytest.approx(1)
    assert best.parting == pytest.approx(1)
    assert best.p < 1e-10
    assert best.alike == 1
    assert best.n == 120
    assert ("blue" in best.name) == (c == 3)
    assert ("square of 2x2 pixels" in best.name) == (factor == 2)


def test_a_faint_mark_on_black_is_seen_though_no_person_would() -> None:
    labels = np.arange(60) % 2
    pixels = np.zeros((60, 8, 8, 1), np.uint8)
    pixels[:, 2:6, 2:6] = noise(60, 4, 4, 1)
    pixels[labels == 1, 0, 7] = 1
    best = of(found_in(made(pixels, labels)), "pixel")
    assert best.where == (0, 7, 0)
    assert best.naming == pytest.approx(1)


def test_a_mark_on_one_class_of_many_tells_that_class_from_the_others() -> None:
    labels = np.arange(600) % 10
    pixels = noise(600, 8, 8, 1)
    pixels[labels == 7, 3, 4] = 255
    best = of(found_in(made(pixels, labels)), "pixel")
    assert best.where == (3, 4, 0)
    assert best.group == (7,)
    assert best.parting > 0.97
    assert best.naming < 0.3
    assert (best.low, best.high, best.within) == ("255", "255", True)


def test_a_rare_class_with_a_white_mark_is_told_among_photos_with_white_pixels() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(4_000) % 40
    pixels = rng.integers(0, 255, (4_000, 4, 4, 1), dtype=np.uint8)
    pixels[labels == 3, 1, 2] = 255
    assert of(found_in(made(pixels, labels)), "pixel").parting > 0.97


def test_the_brightness_of_each_class_names_them_all() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(500) % 5
    pixels = (labels * 50 + 20)[:, None, None, None] + rng.integers(0, 20, (500, 8, 8, 1))
    best = of(found_in(made(pixels.astype(np.uint8), labels)), "brightness")
    assert best.naming > 0.9
    assert best.kind == "statistic"
    assert best.low.endswith("%")


# Thirds and tenths are not exact in float32; of 88, one half has none of what falls into two of the bins.
@pytest.mark.parametrize("n", [40, 66, 88, 120])
def test_what_tells_every_item_is_perfect_to_the_last_digit(n: int) -> None:
    labels = np.arange(n) % 2
    pixels = noise(n, 8, 8, 3)
    pixels[labels == 0] = pixels[labels == 0][..., :1]
    best = of(found_in(made(pixels, labels)), "saturation")
    assert (best.naming, best.parting) == (1.0, 1.0)


def test_a_bin_without_items_stands_for_the_class_of_its_neighbour() -> None:
    of_two = [[0, 0.5, 0, 0.5, 0, 0, 0], [0, 0, 0, 0, 0, 1, 0]]
    assert learn(np.array(of_two, np.float32)[:, :, None]).home[:, 0].tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert learn(np.array(of_two[::-1], np.float32)[:, :, None]).home[:, 0].tolist() == [1, 1, 1, 1, 1, 0, 0]


def test_a_black_frame_is_told_by_the_border() -> None:
    labels = np.arange(100) % 2
    pixels = noise(100, 12, 12, 3)
    framed = labels == 1
    pixels[framed, 0] = pixels[framed, -1] = 0
    pixels[framed, :, 0] = pixels[framed, :, -1] = 0
    found = found_in(made(pixels, labels))
    for name in ("brightness of the border", "contrast of the border"):
        assert of(found, name).naming > 0.95
        assert of(found, name).kind == "border"
    assert of(found, "pixel").alike == (4 * 12 - 4) * 3


def plain_origins(n: int, **given: Any) -> Origins:
    none = np.zeros(n, dtype=np.bool_)
    sizes = np.random.default_rng(0).integers(1500, 2500, n)
    plain = {"formats": np.full(n, "JPEG"), "modes": np.full(n, "RGB"), "bytes": sizes}
    flags = {"grey": none, "turned": none, "transparent": none, "frames": np.ones(n, dtype=np.int64)}
    edges = {"widths": np.full(n, 640), "heights": np.full(n, 480)}
    return Origins(**{**plain, **flags, **edges, **given})


@pytest.mark.parametrize(
    ("field", "values", "name", "words"),
    [
        ("formats", ("JPEG", "PNG"), "file format", {"JPEG", "PNG"}),
        ("modes", ("RGB", "L"), "colour mode", {"RGB", "L"}),
        ("bytes", (2_000, 9_000), "file size", {"2,000 bytes", "9,000 bytes"}),
        ("widths", (640, 641), "width", {"640 px", "641 px"}),
        ("heights", (480, 300), "height", {"480 px", "300 px"}),
        ("turned", (False, True), "EXIF orientation", {"upright", "turned"}),
        ("transparent", (False, True), "transparency", {"opaque", "transparent"}),
        ("frames", (1, 4), "number of frames", {"1", "4"}),
        ("grey", (False, True), "colour", {"with colours", "grey"}),
    ],
)
def test_a_fact_of_the_file_that_goes_with_the_class_is_found(
    field: str, values: tuple[Any, Any], name: str, words: set[str]
) -> None:
    labels = np.arange(80) % 2
    origins = plain_origins(80, **{field: np.array(values)[labels]})
    found = [s for s in found_in(made(noise(80, 4, 4, 3), labels, origins=origins)) if s.name == name]
    (best,) = found
    assert best.kind == "file"
    assert best.naming == pytest.approx(1)
    assert best.p < 1e-6
    assert {example.value for example in best.examples} == words
    assert all(example.told for example in best.examples)


def test_two_sources_of_five_classes_each_are_told_apart() -> None:
    labels = np.arange(400) % 10
    origins = plain_origins(400, formats=np.where(labels < 5, "JPEG", "PNG"))
    best = of(found_in(made(noise(400, 4, 4, 1), labels, origins=origins)), "file format")
    assert best.parting == pytest.approx(1)
    assert best.naming == pytest.approx((0.2 - 0.1) / 0.9, abs=1e-6)
    assert best.group in ((0, 1, 2, 3, 4), (5, 6, 7, 8, 9))


def test_examples_are_for_and_against_and_name_what_they_show() -> None:
    labels = np.arange(200) % 2
    pixels = noise(200, 5, 5, 1) // 2
    marked = (labels == 1) & (np.arange(200) % 20 != 1)
    pixels[marked, 2, 2] = 250
    best = of(found_in(made(pixels, labels)), "pixel")
    right = [example for example in best.examples if example.told]
    wrong = [example for example in best.examples if not example.told]
    assert len(right) == 8
    assert {int(labels[example.index]) for example in right} == {0, 1}
    assert {example.index for example in wrong} == set(np.flatnonzero((labels == 1) & ~marked)[:10]) & {
        example.index for example in wrong
    }
    assert len(wrong) == 8
    assert all(example.value == str(pixels[example.index, 2, 2, 0]) for example in best.examples)


def test_identical_items_unlabelled_ones_and_the_sources_test_part_are_left_out() -> None:
    labels = np.arange(100) % 2
    images = made(noise(100, 4, 4, 1), labels)
    ids = np.array([f"{images.ids[0]}#{i}" if 10 <= i < 30 else images.ids[i] for i in range(100)])
    assert found_in(replace(images, ids=ids))[0].n == 80
    parts = np.where(np.arange(100) < 60, "train", np.where(np.arange(100) < 70, "valid", "test"))
    assert found_in(replace(images, parts=parts))[0].n == 70
    assert found_in(replace(images, labels=np.where(np.arange(100) < 40, labels, -1)))[0].n == 40
    # A test part alone is better than nothing.
    assert found_in(replace(images, parts=np.full(100, "test")))[0].n == 100


def test_classes_with_fewer_than_four_different_items_are_left_out() -> None:
    images = made(noise(25, 4, 4, 1), [0] * 10 + [1] * 12 + [2] * 3)
    assert {shortcut.k for shortcut in found_in(images)} == {2}
    assert {shortcut.n for shortcut in found_in(images)} == {22}
    assert found_in(made(noise(13, 4, 4, 1), [0] * 10 + [1] * 3)) == ()
    assert found_in(replace(images, labels=np.full(25, -1))) == ()


def test_the_same_set_gives_the_same_answer() -> None:
    images = made(noise(300, 6, 6, 1), np.arange(300) % 3)
    first, second = found_in(images), found_in(images)
    assert [(s.name, s.naming, s.parting, s.p, s.examples) for s in first] == [
        (s.name, s.naming, s.parting, s.p, s.examples) for s in second
    ]


def test_images_that_are_all_equal_tell_nothing() -> None:
    found = found_in(made(np.full((40, 5, 5, 3), 7, np.uint8), np.arange(40) % 2))
    assert [(s.kind, s.naming, s.parting, s.p) for s in found] == [("pixel", 0.0, 0.0, 1.0)]


def test_many_classes_and_large_images_stay_within_bounds(tmp_path: Path) -> None:
    # 345 classes of 100x100 pixels, 26 MB: looked at in a reduced form, and never copied as a whole.
    n = 2_590
    pixels = np.memmap(tmp_path / "large.bin", dtype=np.uint8, mode="w+", shape=(n, 100, 100, 1))
    pixels[:] = noise(n, 1, 1, 1)
    images = made(pixels, np.arange(n) % 26)
    images = replace(images, labels=np.arange(n) % 345, classes=tuple(map(str, range(345))))
    measured = statistics(images)
    tracemalloc.start()
    found = shortcuts(images, measured)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found[0].k == 345
    assert peak < 200e6
