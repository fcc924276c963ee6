"""The nearest training images: exact, whatever the blocks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from secondlook.judge import nearest
from secondlook.judge.nearest import nearest_items


def pictures(n: int, shape: tuple[int, int, int] = (6, 5, 1), seed: int = 0, high: int = 256) -> Any:
    return np.random.default_rng(seed).integers(0, high, (n, *shape), dtype=np.uint8)


def oracle(pixels: Any, queries: Any, pool: Any, most: int) -> tuple[Any, Any]:
    """All pairs, by SciPy, sorted; an item is not its own neighbour; of equals the lower index first."""
    flat = pixels.reshape(len(pixels), -1).astype(np.float64) / (255 if pixels.dtype == np.uint8 else 1)
    far = cdist(flat[queries], flat[pool]) / np.sqrt(flat.shape[1])
    far[np.asarray(queries)[:, None] == np.asarray(pool)[None]] = np.inf
    order = np.lexsort((np.broadcast_to(pool, far.shape), np.round(far, 9)), axis=1)[:, :most]
    return np.asarray(pool)[order], np.take_along_axis(far, order, 1)


@pytest.mark.parametrize("block", [30 * 4 * 30, 2**26])
def test_the_search_finds_what_scipy_finds_among_all_pairs(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "_BLOCK_BYTES", block)
    pixels = pictures(120)
    queries, pool = np.arange(100, 120), np.arange(0, 110)
    items, far = nearest_items(pixels, queries, pool)
    wanted, distances = oracle(pixels, queries, pool, 3)
    np.testing.assert_array_equal(items, wanted)
    np.testing.assert_allclose(far, distances, atol=1e-7)


@settings(max_examples=15)
@given(st.integers(0, 999), st.integers(1, 12), st.integers(0, 30), st.integers(1, 4))
def test_it_is_exact_among_copies_and_ties_too(seed: int, m: int, p: int, most: int) -> None:
    pixels = pictures(40, (2, 2, 1), seed, high=3)  # few values: many pairs are alike
    rng = np.random.default_rng(seed)
    queries, pool = np.sort(rng.choice(40, m, replace=False)), np.sort(rng.choice(40, p, replace=False))
    items, far = nearest_items(pixels, queries, pool, most=most)
    assert items.shape == far.shape == (m, most)
    assert np.isnan(far[items < 0]).all()
    assert not (items == queries[:, None]).any()
    if p:
        _, distances = oracle(pixels, queries, pool, most)
        there = np.isfinite(distances)
        np.testing.assert_allclose(far[:, : distances.shape[1]][there], distances[there], atol=1e-7)
        assert (items[:, : distances.shape[1]][there] >= 0).all()


def test_a_copy_is_at_no_distance_and_an_inverted_image_at_one() -> None:
    pixels = np.zeros((4, 3, 3, 1), np.uint8)
    pixels[1] = 255
    pixels[3, 0, 0] = 255
    items, far = nearest_items(pixels, np.array([0]), np.array([1, 2, 3]))
    assert items.tolist() == [[2, 3, 1]]
    np.testing.assert_allclose(far, [[0, 1 / 3, 1]])


def test_where_the_pool_is_smaller_the_rest_is_empty() -> None:
    pixels = pictures(4)
    items, far = nearest_items(pixels, np.array([0, 1]), np.array([0, 3]))
    assert items.tolist() == [[3, -1, -1], [0, 3, -1] if far[1, 0] < far[1, 1] and items[1, 0] == 0 else [3, 0, -1]]
    assert np.isnan(far[:, 2]).all()
    none, empty = nearest_items(pixels, np.array([0]), np.zeros(0, dtype=np.int64))
    assert none.tolist() == [[-1, -1, -1]]
    assert np.isnan(empty).all()
    assert nearest_items(pixels, np.zeros(0, dtype=np.int64), np.arange(4))[0].shape == (0, 3)


def test_fractions_and_colours_are_compared_as_they_are_and_large_images_reduced(tmp_path: Path) -> None:
    fractions = (pictures(30, (6, 5, 3), 4) / 255).astype(np.float32)
    items, far = nearest_items(fractions, np.arange(5), np.arange(30))
    wanted, distances = oracle(fractions, np.arange(5), np.arange(30), 3)
    np.testing.assert_array_equal(items, wanted)
    np.testing.assert_allclose(far, distances, atol=1e-6)
    large = np.repeat(np.repeat(pictures(12, (16, 16, 1), 5), 4, axis=1), 4, axis=2)  # 64x64, squares of 4
    mapped = np.lib.format.open_memmap(tmp_path / "large.npy", "w+", large.dtype, large.shape)
    mapped[:] = large
    small = np.repeat(np.repeat(large[:, ::4, ::4], 2, axis=1), 2, axis=2)
    np.testing.assert_array_equal(
        nearest_items(mapped, np.arange(12), np.arange(12))[0], oracle(small, np.arange(12), np.arange(12), 3)[0]
    )
