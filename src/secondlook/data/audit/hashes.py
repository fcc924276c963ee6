"""What is coarse in an image, for many images at once: the coefficients behind the perceptual hash, and bits of them.

The hash is pHash (Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010) as the library
imagehash has it: grey, 32x32 by Lanczos, discrete cosine transform, the 8x8 lowest frequencies. All these steps are
linear, so two small matrices do them at once, for many images. Where pHash then asks whether a coefficient lies above
the median of its image, we ask on which side of the median of the set an image lies along each of the set's principal
axes: so the bits tell as much as they can also where all images look alike, as digits do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.types import IntArray

Floats = NDArray[np.float32]

LOW = 8  # frequencies per axis, and
_EDGE = 32  # the edge of the picture they are taken of, as in imagehash.phash
# The image as it is, and moved by a step in four of the eight directions: if b is a moved in one of the others, then
# a is b moved in one of these.
SHIFTS = ((0, 0), (0, -1), (-1, 0), (-1, -1), (-1, 1))
_STEPS = (0, -1, 1)
_BITS = 48
# About so many numbers are held at a time.
_BLOCK = 1_000_000


def blocks(n: int, each: int) -> Iterator[slice]:
    """Slices of n items of `each` numbers, so that a block is small beside the set."""
    size = max(1, _BLOCK // each)
    return (slice(start, start + size) for start in range(0, n, size))


def luma(pixels: NDArray[Any]) -> Floats:
    """Grey float32 (n, h, w), 0 to 255, of pixels (n, h, w, c): ITU-R 601, as Pillow's mode L."""
    full = 1 if pixels.dtype == np.uint8 else 255
    if pixels.shape[3] == 1:
        return pixels[..., 0].astype(np.float32) * np.float32(full)
    grey = np.zeros(pixels.shape[:3], np.float32)
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        grey += pixels[..., channel] * np.float32(weight * full)
    return grey


def lanczos(n: int, m: int) -> NDArray[np.float64]:
    """The matrix (m, n) that resizes a line of n pixels to m, as Pillow's LANCZOS does it."""
    scale = n / m
    stretch = max(scale, 1.0)
    centre = (np.arange(m)[:, None] + 0.5) * scale
    first, last = np.floor(centre - 3 * stretch + 0.5), np.floor(centre + 3 * stretch + 0.5)
    i = np.arange(n)[None]
    x = (i - centre + 0.5) / stretch
    weights = np.where((i >= first) & (i < last) & (np.abs(x) < 3), np.sinc(x) * np.sinc(x / 3), 0)
    found: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return found


def step(edge: int) -> int:
    """How far images are moved: a 64th of their edge, one pixel at least."""
    return max(1, round(edge / 64))


def moved(n: int, by: int) -> IntArray:
    """Where each of n pixels comes from when a line is moved by so many; the last is repeated at the end."""
    found: IntArray = np.clip(np.arange(n) + by, 0, n - 1)
    return found


def _lines(n: int) -> Floats:
    """The matrix (3 * LOW, n) from a line of pixels to its low frequencies, as it is and moved by a step."""
    k = np.arange(LOW)[:, None]
    cosines = 2 * np.cos(np.pi * k * (2 * np.arange(_EDGE) + 1) / (2 * _EDGE))
    still = cosines @ lanczos(n, _EDGE)
    return np.concatenate([still @ np.eye(n)[moved(n, sign * step(n))] for sign in _STEPS]).astype(np.float32)


def coefficients(pixels: NDArray[Any]) -> Floats:
    """The low frequencies of images and of their shifted twins, float32 (n, 5, 64), in the order of `SHIFTS`.

    Those of the unmoved image are what imagehash.phash compares with their median, but for its rounding to whole
    greys after each pass of resizing.
    """
    n, h, w = pixels.shape[:3]
    down, across = _lines(h), np.ascontiguousarray(_lines(w).T)
    grid = (down @ (luma(pixels) @ across)).reshape(n, len(_STEPS), LOW, len(_STEPS), LOW)
    chosen = [grid[:, _STEPS.index(dy), :, _STEPS.index(dx)].reshape(n, -1) for dy, dx in SHIFTS]
    return np.stack(chosen, axis=1)


def contrast(coefficient: Floats) -> Floats:
    """About the standard deviation, in greys of 255, of what low frequencies (…, 64) show."""
    found: Floats = np.linalg.norm(coefficient[..., 1:], axis=-1) / np.float32(2 * _EDGE * _EDGE)
    return found


def directions(coefficient: Floats) -> Floats:
    """Coefficients (…, 64) without the mean of the image and its contrast: unit vectors (…, 63)."""
    rest = coefficient[..., 1:]
    found: Floats = rest / np.maximum(np.linalg.norm(rest, axis=-1, keepdims=True), np.float32(1e-6))
    return found


@dataclass(frozen=True, eq=False)
class Axes:
    """The principal axes of a set: (63, b), at most 48 of them, the widest first, scaled to unit variance.

    Attributes:
        matrix: float32 (63, b).
        median: of the projections, float32 (b,).
    """

    matrix: Floats
    median: Floats

    def project(self, direction: Floats) -> Floats:
        """How far from the median of the set unit vectors (…, 63) lie along each axis, (…, b)."""
        return direction @ self.matrix - self.median


def principal_axes(direction: Floats) -> Axes:
    """The axes of a sample of unit vectors (n, 63); those along which next to nothing varies are left out."""
    variance, axes = np.linalg.eigh(np.cov(direction, rowvar=False))
    # Where nothing varies at all, any axis is as good.
    kept = np.flatnonzero(variance >= 1e-6 * variance[-1])[::-1][:_BITS]
    matrix = (axes[:, kept] / np.sqrt(np.maximum(variance[kept], 1e-12))).astype(np.float32)
    return Axes(matrix, np.median(direction @ matrix, axis=0).astype(np.float32))


def packed(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Bits (…, b), b up to 64, as one number each (…,); bit i has the value 2**i."""
    wide = np.zeros((*bits.shape[:-1], 8), np.uint8)
    found = np.packbits(bits, axis=-1, bitorder="little")
    wide[..., : found.shape[-1]] = found
    return wide.view("<u8")[..., 0].astype(np.uint64, copy=False)


def sketch(pixels: NDArray[Any], chosen: IntArray) -> Iterator[tuple[slice, Floats]]:
    """The coefficients of chosen items, block by block, each with its place among the chosen."""
    for part in blocks(len(chosen), int(np.prod(pixels.shape[1:3]))):
        yield part, coefficients(pixels[chosen[part]])
