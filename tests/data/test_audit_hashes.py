"""The parts that near duplicates are found with, each against an independent library or a closed form."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from scipy import ndimage
from scipy.fft import dctn

from secondlook import read
from secondlook.data.audit import aligned, buckets, chance, coarse, hashes
from secondlook.seeds import stream


def scenes(n: int, size: int = 32, c: int = 3, seed: int = 0) -> Any:
    """Smooth pictures, each another, with something fine on top."""
    rng = stream(seed, "scenes")
    rough = rng.normal(0, 1, (n, size, size, c))
    fields = [ndimage.gaussian_filter(rough, (0, size / s, size / s, 0), mode="wrap") for s in (5, 10, 20)]
    mixed = sum(field / field.std(axis=(1, 2, 3), keepdims=True) for field in fields)
    return np.clip(mixed * 25 + 128, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("n", "m"), [(64, 32), (28, 32), (8, 32), (100, 32), (1, 32), (32, 32), (33, 32)])
def test_lanczos_is_pillows(n: int, m: int) -> None:
    line = stream(0, "line").normal(0, 1, n).astype(np.float32)
    pillows = Image.fromarray(line[None]).resize((m, 1), Image.Resampling.LANCZOS)
    assert_allclose(hashes.lanczos(n, m) @ line, np.asarray(pillows)[0], atol=1e-5)


@pytest.mark.parametrize("c", [1, 3])
def test_luma_is_pillows(c: int) -> None:
    pixels = scenes(3, c=c)
    pillows = [Image.fromarray(p if c == 3 else p[..., 0]).convert("L") for p in pixels]
    assert_allclose(hashes.luma(pixels), np.stack(pillows), atol=0.51)
    assert_allclose(hashes.luma(pixels / np.float32(255)), hashes.luma(pixels), rtol=1e-5)


def test_coefficients_are_those_of_the_cosine_transform() -> None:
    pixels = scenes(4, 32, 1)
    expected = dctn(pixels[..., 0].astype(float), axes=(1, 2))[:, :8, :8].reshape(4, 64)
    assert_allclose(hashes.coefficients(pixels)[:, 0], expected, rtol=1e-4, atol=0.5)


@pytest.mark.parametrize(("size", "c"), [(64, 3), (48, 1), (200, 3)])
def test_their_signs_about_the_median_are_the_perceptual_hash_of_imagehash(size: int, c: int) -> None:
    pixels = scenes(8, size, c)
    theirs = [imagehash.phash(Image.fromarray(p if c == 3 else p[..., 0])).hash.ravel() for p in pixels]
    still = hashes.coefficients(pixels)[:, 0]
    differing = ((still > np.median(still, axis=1, keepdims=True)) != theirs).sum(axis=1)
    # The library rounds to whole greys between its steps, which turns a bit that hangs in the balance now and then.
    assert differing.mean() < 1
    assert differing.max() <= 4


def test_on_photos_too(real_data: Path) -> None:
    images = read(real_data / "hotdog/phone_224px", cache=False)
    theirs = [imagehash.phash(Image.fromarray(p)).hash.ravel() for p in images.pixels]
    still = hashes.coefficients(images.pixels)[:, 0]
    differing = ((still > np.median(still, axis=1, keepdims=True)) != theirs).sum(axis=1)
    assert differing.mean() < 0.3
    assert differing.max() <= 2


@pytest.mark.parametrize("size", [28, 64, 128])
def test_twins_are_the_moved_images(size: int) -> None:
    pixels = scenes(3, size)
    step = 2 if size == 128 else 1
    padded = np.pad(pixels, ((0, 0), (step, step), (step, step), (0, 0)), mode="edge")
    found = hashes.coefficients(pixels)
    for twin, (dy, dx) in enumerate(hashes.SHIFTS):
        top, left = step + dy * step, step + dx * step
        moved = padded[:, top : top + size, left : left + size]
        assert_allclose(found[:, twin], hashes.coefficients(moved)[:, 0], rtol=1e-3, atol=1)


def test_directions_forget_brightness_and_contrast() -> None:
    pixels = scenes(5).astype(np.float32) / 255
    dimmed = 0.1 + 0.5 * pixels
    ours, theirs = hashes.directions(hashes.coefficients(pixels)), hashes.directions(hashes.coefficients(dimmed))
    assert_allclose(np.linalg.norm(ours, axis=-1), 1, rtol=1e-5)
    assert_allclose(ours, theirs, atol=1e-4)


def test_contrast_is_the_deviation_of_what_is_coarse() -> None:
    wave = np.cos(np.pi * (np.arange(32) + 0.5) * 3 / 32)[:, None] * np.cos(np.pi * (np.arange(32) + 0.5) * 2 / 32)
    pixels = (128 + 100 * wave)[None, ..., None].round().astype(np.uint8)
    assert hashes.contrast(hashes.coefficients(pixels)[:, 0])[0] == pytest.approx(pixels.std(), rel=0.01)
    assert hashes.contrast(hashes.coefficients(np.full((1, 9, 9, 1), 200, np.uint8))[:, 0])[0] < 1e-3


def test_along_the_principal_axes_a_set_varies_alike_and_independently() -> None:
    sample = hashes.directions(hashes.coefficients(scenes(600))[:, 0])
    projected = hashes.principal_axes(sample).project(sample)
    assert_allclose(np.cov(projected, rowvar=False), np.eye(48), atol=1e-2)
    assert_allclose(np.median(projected, axis=0), 0, atol=1e-5)


def test_axes_along_which_nothing_varies_are_left_out() -> None:
    flat = np.zeros((50, 63), np.float32)
    flat[:, :3] = stream(0, "flat").normal(0, 1, (50, 3))
    assert hashes.principal_axes(flat).matrix.shape == (63, 3)


def test_a_sample_in_which_nothing_varies_has_axes_too() -> None:
    alike = np.broadcast_to(np.eye(63, dtype=np.float32)[0], (50, 63))
    axes = hashes.principal_axes(alike)
    assert np.isfinite(axes.matrix).all()
    assert_allclose(axes.project(alike), 0, atol=1e-3)


@given(st.lists(st.lists(st.booleans(), min_size=13, max_size=13), min_size=1, max_size=5))
def test_packed_bits_are_powers_of_two(rows: list[list[bool]]) -> None:
    expected = [sum(2**i for i, bit in enumerate(row) if bit) for row in rows]
    assert hashes.packed(np.array(rows, bool)).tolist() == expected


@given(st.integers(0, 10_000), st.integers(2, 30))
@settings(max_examples=8, deadline=None)
def test_items_meet_exactly_where_the_definition_says(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    width = int(rng.integers(3, 30))
    # Few different sketches, so that there is much to meet.
    projected = rng.normal(0, 1, (6, width))[rng.integers(0, 6, n)][:, None] + rng.normal(0, 0.2, (n, 2, width))
    tables = buckets.draw_tables(width, rng)
    bits = projected > 0
    places = buckets.unsure(projected.astype(np.float32), tables)
    moved, twin, other = buckets.meetings(buckets.Sketches(hashes.packed(bits), places), tables)
    expected = set()
    for i, j, v in product(range(n), range(n), range(2)):
        turned = [set(np.flatnonzero(bits[i, v, table] != bits[j, 0, table])) for table in tables]
        meet = any(turned[at] <= set(places[i, v, at]) for at in range(len(tables)))
        if i != j and meet and (bits[i, v] != bits[j, 0]).sum() <= 8:
            expected.add((i, v, j) if v else (min(i, j), 0, max(i, j)))
    found = list(zip(moved.tolist(), twin.tolist(), other.tolist(), strict=True))
    assert len(set(found)) == len(found)
    assert set(found) == expected


def test_the_least_sure_bits_are_those_nearest_to_turning() -> None:
    projected = stream(0, "sure").normal(0, 1, (40, 32)).astype(np.float32)
    tables = buckets.draw_tables(32, stream(0, "tables"))
    expected = np.sort(np.argsort(np.abs(projected[:, tables]), axis=-1)[..., :2])
    assert_array_equal(np.sort(buckets.unsure(projected, tables)), expected)


def test_a_crowded_bucket_does_not_cost_all_its_pairs() -> None:
    n = 3000
    projected = stream(0, "crowd").normal(1, 0.2, (n, 1, 48)).astype(np.float32)
    tables = buckets.draw_tables(48, stream(0, "tables"))
    places = buckets.unsure(projected, tables)
    moved, _, other = buckets.meetings(buckets.Sketches(hashes.packed(projected > 0), places), tables)
    assert len(moved) <= n * 32 * buckets.TABLES
    assert (moved < other).all()
    assert len(np.unique(np.concatenate([moved, other]))) > 0.9 * n


def test_of_too_many_pairs_a_tree_of_the_most_alike_is_kept() -> None:
    i, j = np.triu_indices(12, 1)
    rng = stream(0, "tree")
    # Two films of six frames each: nothing joins them.
    joined = (i < 6) == (j < 6)
    score = np.where(joined, rng.uniform(0.96, 1, len(i)), 0)
    pairs = coarse.Pairs(i, j, np.zeros(len(i), np.int64), score).of(joined)
    assert pairs.thinned(12, 3) is pairs
    kept = pairs.thinned(12, 2)
    assert len(kept.score) == 10
    best = [max(score[(i == k) | (j == k)]) for k in range(12)]
    assert {max(kept.score[(kept.moved == k) | (kept.other == k)]) for k in range(12)} == set(best)


def cap(n: int, d: int, seed: int = 0) -> Any:
    """Unit vectors that fill a small cap of d dimensions, in a space of more."""
    rng = stream(seed, "cap")
    flat = rng.normal(0, 1, (n, d))
    flat *= (0.3 * rng.uniform(0, 1, n) ** (1 / d) / np.linalg.norm(flat, axis=1))[:, None]
    points = np.zeros((n, 40), np.float32)
    points[:, :d], points[:, d] = flat, np.sqrt(1 - (flat**2).sum(axis=1))
    return points


@pytest.mark.parametrize("d", [2, 5, 9])
def test_the_dimension_of_a_cloud_is_found(d: int) -> None:
    points = cap(4000, d)
    inside = np.flatnonzero(np.linalg.norm(points[:, :d], axis=1) < 0.15)
    inside = inside if len(inside) > 50 else np.argsort(np.linalg.norm(points[:, :d], axis=1))[:50]
    found = chance.crowd(points[inside], inside, points[:, None], len(points))
    assert np.median(found.dimension) == pytest.approx(d, rel=0.15)


def test_the_expected_number_of_neighbours_is_that_of_the_cloud() -> None:
    points = cap(20_000, 4)
    inside = np.argsort(np.linalg.norm(points[:, :4], axis=1))[:200]
    sample = np.arange(2000)
    own = np.where(inside < 2000, inside, -1)
    found = chance.crowd(points[inside], own, points[sample][:, None], len(points))
    sine = np.sqrt(1 - np.clip(points[inside] @ points.T, -1, 1) ** 2)
    counted = (sine < 0.1).sum(axis=1) - 1
    expected = found.expected(np.arange(200), np.full(200, 0.1))
    assert np.mean(expected) == pytest.approx(counted.mean(), rel=0.2)


def test_the_shell_is_of_others_within_a_right_angle() -> None:
    points = np.concatenate([cap(70, 3), -cap(70, 3)])
    found = chance.crowd(points, np.arange(140), points[:, None], 140)
    cosine = np.clip(points.astype(float) @ points.T, -1, 1)
    sine = np.where(cosine < 0, 1, np.sqrt(1 - cosine**2))
    np.fill_diagonal(sine, np.inf)
    sine.sort(axis=1)
    assert found.rank == 20
    assert_allclose(found.radius, sine[:, 19], rtol=0.02)
    assert_allclose(found.dimension, np.log(2) / np.log(sine[:, 19] / sine[:, 9]), rtol=0.2)
    assert_allclose(found.expected(np.arange(140), found.radius), 20)


def test_a_sample_too_small_expects_nothing() -> None:
    points = cap(8, 3)
    found = chance.crowd(points, np.arange(8), points[:, None], 8)
    assert found.rank == 0
    assert_array_equal(found.expected(np.arange(8), np.full(8, 0.5)), 0)
    assert chance.crowd(points, np.arange(8), cap(9, 3)[:, None], 9).rank == 4


@pytest.mark.parametrize("n", [16, 32, 64, 224])
def test_the_mean_of_whole_stretches_is_pillows_reduction(n: int) -> None:
    line = stream(0, "line").normal(0, 1, n).astype(np.float32)
    pillows = Image.fromarray(line[None]).resize((16, 1), Image.Resampling.BOX)
    assert_allclose(aligned.area(n, 16) @ line, np.asarray(pillows)[0], atol=1e-5)


@pytest.mark.parametrize("n", [17, 28, 100])
def test_every_pixel_counts_as_much_where_stretches_are_not_whole(n: int) -> None:
    assert_allclose(aligned.area(n, 16).sum(axis=1), 1, rtol=1e-5)
    assert_allclose(aligned.area(n, 16).sum(axis=0), 16 / n, rtol=1e-5)


def test_no_line_is_made_longer() -> None:
    assert_array_equal(aligned.area(9, 16), np.eye(9))


def likeness(one: Any, other: Any, twin: int = 0) -> Any:
    n = len(one)
    pixels, twins = np.concatenate([one, other]), np.full(n, twin)
    return aligned.likeness(aligned.spanned(pixels, np.arange(n), twins), aligned.spanned(pixels, n + np.arange(n)))


def test_what_an_image_spans_is_orthonormal_and_holds_the_image() -> None:
    pixels = scenes(5)
    spanned = aligned.spanned(pixels, np.arange(5))
    assert spanned.shape == (5, 3, 16 * 16 * 3)
    assert_allclose(np.einsum("nid,njd->nij", spanned, spanned), np.broadcast_to(np.eye(3), (5, 3, 3)), atol=1e-4)
    small = pixels.reshape(5, 16, 2, 16, 2, 3).mean(axis=(2, 4)).transpose(0, 3, 1, 2)
    small -= small.mean(axis=(2, 3), keepdims=True)
    flat = small.reshape(5, -1)
    assert_allclose(spanned[:, 0], flat / np.linalg.norm(flat, axis=1, keepdims=True), atol=1e-4)


def test_likeness_forgets_brightness_contrast_and_fractions_of_a_step() -> None:
    pixels = scenes(20, 64).astype(np.float32) / 255
    assert_allclose(likeness(pixels, 0.2 + 0.6 * pixels), 1, atol=1e-5)
    moved = ndimage.shift(pixels, (0, 0.6, -0.7, 0), order=1, mode="nearest")
    assert likeness(pixels, moved).min() > 0.985
    assert likeness(pixels, pixels).max() <= 1


def test_likeness_is_of_the_moved_image() -> None:
    pixels = scenes(20, 28)
    moved = np.pad(pixels, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")[:, :-2, 2:]
    assert hashes.SHIFTS[4] == (-1, 1)
    assert_allclose(likeness(pixels, moved, twin=4), 1, atol=1e-5)
    assert likeness(pixels, moved).max() < 0.999


def test_negatives_mirrors_and_other_images_are_not_alike() -> None:
    pixels = scenes(20)
    assert_array_equal(likeness(pixels, 255 - pixels), 0)
    assert likeness(pixels, pixels[:, :, ::-1]).max() < 0.9
    assert likeness(pixels, np.roll(pixels, 1, axis=0)).max() < 0.9


def test_a_shape_in_another_colour_is_another_image() -> None:
    red, blue = np.full((1, 32, 32, 3), 255, np.uint8), np.full((1, 32, 32, 3), 255, np.uint8)
    red[:, 8:20, 10:25] = (200, 30, 30)
    blue[:, 8:20, 10:25] = (30, 30, 200)
    assert likeness(red, blue)[0] < 0.9


def test_likeness_is_the_correlation_with_the_best_fit() -> None:
    pixels = scenes(2, 16, 1)
    one, other = pixels[..., 0].astype(float)
    table = np.stack([np.ones(256), other.ravel(), *(g.ravel() for g in np.gradient(other))], axis=1)
    back = np.stack([np.ones(256), one.ravel(), *(g.ravel() for g in np.gradient(one))], axis=1)
    found = []
    for target, columns in ((one, table), (other, back)):
        fit = columns @ np.linalg.lstsq(columns, target.ravel(), rcond=None)[0]
        found.append(np.corrcoef(fit, target.ravel())[0, 1] * (np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0))
    assert likeness(pixels[:1], pixels[1:])[0] == pytest.approx(min(found), abs=1e-4)
