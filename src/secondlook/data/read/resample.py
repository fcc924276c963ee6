"""From one number of lines to another: the mean of the covered area where it shrinks, bilinear where it grows.

Both are sums with fixed weights, and all weights of an axis are whole numbers with one total. So the sums are exact,
and rounded once: the result does not depend on the order of the axes, on how an image was cut into bands, or on the
machine; an image that is mirrored or turned comes out mirrored or turned.

The area rule is what OpenCV calls INTER_AREA; the bilinear one is that of half-pixel centres, as in Pillow, OpenCV and
PyTorch (align_corners=False).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.types import FloatArray

# Weights of at most so many numbers are kept: photos of one camera need the same ones again and again.
_SMALL = 2**15


def total(n: int, m: int) -> int:
    """The sum of the weights of every target line."""
    return 1 if m == n else n if m < n else 2 * m


def weights(
    n: int, m: int, low: int = 0, high: int | None = None, *, step: int = 1, skip: int = 0
) -> tuple[int, FloatArray]:
    """How lines low to high (by default all) of a source become lines of m.

    Args:
        n: the length of the source, in lines of the original.
        m: how many lines it becomes.
        low, high: the lines in question; by default all.
        step: how many lines of the original each line stands for, the last perhaps for fewer; only with m < n.
        skip: how many lines of the original lie in front; only with a step.

    Returns:
        The first target line concerned, and float64 (targets concerned, high - low), whole numbers. Over all lines of
        the source the weights of a target line sum to `total(n, m)`.
    """
    high = n if high is None else high
    make = _kept if (high - low) * min(m, (high - low) * step * m // n + 2) <= _SMALL else _weights
    return make(n, m, low, high, step, skip)


def _weights(n: int, m: int, low: int, high: int, step: int, skip: int) -> tuple[int, FloatArray]:
    if m == n:
        return low, np.eye(high - low)
    if m < n:
        edges = np.clip(np.arange(low, high + 1) * step - skip, 0, n)
        first, last = int(edges[0]) * m // n, -(-int(edges[-1]) * m // n)
        target = np.arange(first, last)[:, None]
        # In units of 1/m: target line o covers o*n to (o+1)*n.
        end, start = np.minimum((target + 1) * n, edges[1:] * m), np.maximum(target * n, edges[:-1] * m)
        return first, np.maximum(end - start, 0).astype(np.float64)
    source = np.arange(low, high)
    first = 0 if low == 0 else max(0, ((2 * low - 1) * m - n) // (2 * n))
    last = m if high == n else min(m, ((2 * high + 1) * m - n) // (2 * n) + 1)
    # In units of 1/(2m): where the middle of target line o falls; beyond the outermost middles the edge goes on.
    middle = np.clip((2 * np.arange(first, last)[:, None] + 1) * n - m, 0, 2 * m * (n - 1))
    return first, np.maximum(2 * m - np.abs(middle - 2 * m * source), 0).astype(np.float64)


_kept = lru_cache(maxsize=64)(_weights)


def rounded(sums: FloatArray, divisor: int) -> NDArray[np.uint8]:
    """Weighted sums of bytes as bytes; halves go up."""
    return np.floor(sums / divisor + 0.5).astype(np.uint8)


def resampled(pixels: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Pixels (n, h, w, c), uint8 or float32, as (n, height, width, c) of the same kind."""
    n, h, w, c = pixels.shape
    if (h, w) == (height, width):
        return pixels
    _, down = weights(h, height)
    _, across = weights(w, width)
    sums = (down @ pixels.reshape(n, h, w * c)).reshape(n * height, w, c)
    sums = np.stack([sums[..., i] @ across.T for i in range(c)], axis=-1).reshape(n, height, width, c)
    divisor = total(h, height) * total(w, width)
    return rounded(sums, divisor) if pixels.dtype == np.uint8 else (sums / divisor).astype(pixels.dtype)
