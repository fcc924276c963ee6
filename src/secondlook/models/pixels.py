"""Pixels as nets take them: rows of numbers as images, and what each channel is standardised by."""

from __future__ import annotations

from math import isqrt, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.models.base import InputError
from secondlook.types import FloatArray

# Numbers that are converted at a time.
_BLOCK_NUMBERS = 4_000_000
# Images that are measured: more do not move the mean.
_SAMPLE = 10_000


def as_images(X: NDArray[Any], shape: tuple[int, ...] | None, *, neighbours: bool) -> Any:
    """Images (n, h, w, c), uint8 or float32.

    Args:
        X: images, or flat rows (n, d). shape: (h, w, c) of one image; None for flat rows.
        neighbours: whether a net looks at neighbouring pixels: flat rows then become square images.

    Raises:
        InputError: the rows make no square image.
    """
    X = X if X.dtype == np.uint8 else X.astype(np.float32, copy=False)
    if shape:
        return X.reshape(len(X), *shape)
    d = X.shape[1]
    if not neighbours:
        return X.reshape(len(X), 1, d, 1)
    for c in (1, 3):
        side = isqrt(d // c)
        if side * side * c == d:
            return X.reshape(len(X), side, side, c)
    raise InputError(f"expected rows that make a square image of 1 or 3 channels, got {d} numbers; pass (n, h, w, c)")


def channel_statistics(X: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation (c,) of each channel of images (n, h, w, c), from some 10,000 of them.

    A deviation of 0 counts as 1.
    """
    sample = range(0, len(X), max(1, len(X) // _SAMPLE))
    step = max(1, _BLOCK_NUMBERS // prod(X.shape[1:]))
    total, squares = np.zeros((2, X.shape[3]))
    # In blocks, since a memory map may be larger than memory. Distances from some pixel, not from 0, so that no digits
    # are lost in their squares, and a channel of one value has exactly none.
    shift = X[0, 0, 0].astype(np.float64)
    for at in range(0, len(sample), step):
        part = sample[at : at + step]
        block = X[part.start : part.stop : part.step] - shift
        total += block.sum(axis=(0, 1, 2))
        squares += np.square(block, out=block).sum(axis=(0, 1, 2))
    n = len(sample) * X.shape[1] * X.shape[2]
    scale = np.sqrt(np.maximum(squares / n - np.square(total / n), 0))
    return shift + total / n, np.where(scale > 0, scale, 1.0)
