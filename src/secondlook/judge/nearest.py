"""Which training images look most like an item: exact, in blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.runs.results import thumbnails
from secondlook.types import FloatArray, IntArray

# Larger images are compared at this size: what is small in them says little about what they show.
SIDE = 32
_BLOCK_BYTES = 2**26


def nearest_items(
    pixels: NDArray[Any], queries: IntArray, pool: IntArray, *, most: int = 3
) -> tuple[IntArray, FloatArray]:
    """The items of a pool nearest to some items by Euclidean distance of their pixels; exact.

    Images of more than 32 pixels on the longer side are reduced to that first, each pixel the mean of those it covers.

    Args:
        pixels: (n, h, w, c), uint8 or float32 in [0, 1]; may be a memory map larger than memory.
        queries: int64 (m,), indices of the items.
        pool: int64 (p,), indices of those to look among; an item is never its own neighbour.
        most: how many.

    Returns:
        Indices int64 (m, most), the nearest first, of equals the one with the lower index; -1 where the pool holds
        fewer. And distances float64 (m, most): the root of the mean squared difference of values in [0, 1]; NaN
        beside -1.
    """
    from sklearn.neighbors import NearestNeighbors

    m = len(queries)
    items, far = np.full((m, most), -1, dtype=np.int64), np.full((m, most), np.inf)
    if m == 0 or len(pool) == 0:
        return items, np.full((m, most), np.nan)
    wanted = _flat(pixels[queries])
    step = max(most + 1, _BLOCK_BYTES // wanted[:1].nbytes)
    for at in range(0, len(pool), step):
        block = pool[at : at + step]
        there = _flat(pixels[block])
        # One more than asked for, since an item may meet itself.
        search = NearestNeighbors(n_neighbors=min(most + 1, len(block)), algorithm="brute").fit(there)
        found = search.kneighbors(wanted, return_distance=False)
        # The search's own distances are rounded: where images are nearly alike that would decide.
        exact = np.stack([_distances(wanted, there[found[:, j]]) for j in range(found.shape[1])], axis=1)
        hits = block[found]
        exact[hits == queries[:, None]] = np.inf
        items, far = _best(np.hstack([items, hits]), np.hstack([far, exact]), most)
    return np.where(np.isinf(far), -1, items), np.where(np.isinf(far), np.nan, far)


def _flat(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Float32 (n, d), values in [0, 1]."""
    if max(pixels.shape[1:3]) > SIDE:
        pixels = thumbnails(pixels, SIDE)
    scale = np.float32(255 if pixels.dtype == np.uint8 else 1)
    return pixels.reshape(len(pixels), -1).astype(np.float32) / scale


def _distances(a: NDArray[np.float32], b: NDArray[np.float32]) -> FloatArray:
    return np.asarray(np.sqrt(np.square((a - b).astype(np.float64)).mean(axis=1)))


def _best(items: IntArray, far: FloatArray, most: int) -> tuple[IntArray, FloatArray]:
    """The nearest of each line, by distance and then by index."""
    order = np.lexsort((items, far), axis=1)[:, :most]
    return np.take_along_axis(items, order, 1), np.take_along_axis(far, order, 1)
