"""The pixel check: how alike two images are, whatever their brightness and contrast, and moved a little."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.audit.hashes import SHIFTS, Floats, blocks, moved, step
from secondlook.types import IntArray

# The edge of the pictures that are compared: coarse enough to forget the traces of JPEG and of resizing.
_EDGE = 16


def area(n: int, m: int) -> Floats:
    """The matrix (m, n) that takes a line of n pixels to the means of m equal stretches; of n where there are fewer."""
    m = min(n, m)
    ends = np.linspace(0, n, m + 1)[:, None]
    pixel = np.arange(n)
    covered = np.minimum(ends[1:], pixel + 1) - np.maximum(ends[:-1], pixel)
    found: Floats = (np.maximum(covered, 0) * (m / n)).astype(np.float32)
    return found


def spanned(pixels: NDArray[Any], items: IntArray, twins: IntArray | None = None) -> Floats:
    """What an image spans with its derivatives across and down: orthonormal float32 (n, 3, d).

    The span holds, to first order, the image with any contrast, moved by any fraction of a step; each channel is
    without its mean, so that it holds any brightness, too.

    Args:
        pixels: of the set.
        items: which, (n,).
        twins: the way each is moved first, an index into `SHIFTS`.
    """
    h, w, c = pixels.shape[1:]
    down, across = area(h, _EDGE), np.ascontiguousarray(area(w, _EDGE).T)
    found = np.empty((len(items), 3, len(down) * across.shape[1] * c), np.float32)
    for part in blocks(len(items), h * w * c):
        block = pixels[items[part]]
        if twins is not None:
            block = _moved(block, twins[part])
        small = down @ (np.moveaxis(block, 3, 1).astype(np.float32) @ across)
        found[part] = _orthonormal(small)
    return found


def _moved(block: NDArray[Any], twins: IntArray) -> NDArray[Any]:
    h, w = block.shape[1:3]
    for twin, (dy, dx) in enumerate(SHIFTS):
        chosen = np.flatnonzero(twins == twin)
        if twin and len(chosen):
            block[chosen] = block[chosen][:, moved(h, dy * step(h))][:, :, moved(w, dx * step(w))]
    return block


def _orthonormal(small: Floats) -> Floats:
    """Gram and Schmidt on images (n, c, h, w) and their derivatives."""
    n = len(small)
    rows = np.stack([small, np.gradient(small, axis=3), np.gradient(small, axis=2)], axis=1)
    rows -= rows.mean(axis=(3, 4), keepdims=True)
    rows = rows.reshape(n, 3, -1)
    for i in range(3):
        for j in range(i):
            rows[:, i] -= (rows[:, i] * rows[:, j]).sum(axis=1, keepdims=True) * rows[:, j]
        length = np.linalg.norm(rows[:, i], axis=1, keepdims=True)
        rows[:, i] /= np.maximum(length, np.float32(1e-6))
    return rows


def likeness(one: Floats, other: Floats) -> Floats:
    """The correlation of each of n images with the best fit of the other's span, (n,); the lower of both ways."""
    ways = [np.einsum("nd,nkd->nk", a[:, 0], b) for a, b in ((one, other), (other, one))]
    found: Floats = np.min([np.linalg.norm(way, axis=1) * (way[:, 0] > 0) for way in ways], axis=0)
    # Rounding may lead past the end.
    return np.minimum(found, np.float32(1))
