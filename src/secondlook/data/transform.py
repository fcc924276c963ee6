"""Images moved, turned, flipped, noised: whole sets at once, by given amounts, without any chance of their own.

Every function takes images (n, h, w, c), uint8 or float32 in [0, 1], and returns new ones of the same shape and dtype.
An amount is one number for all images, or an array (n,) of one per image. What comes in from outside repeats the
image's edge: each vacated pixel takes the nearest pixel of the border. Between pixels values are bilinear.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from secondlook.errors import UsageError
from secondlook.types import FloatArray, IntArray

Images = NDArray[Any]

# Numbers that are worked on at a time: coordinates, weights and neighbours are several arrays of that size.
_BLOCK_NUMBERS = 500_000


def shift(images: Images, dy: ArrayLike = 0, dx: ArrayLike = 0) -> Images:
    """Moves images by whole pixels: down by `dy` and to the right by `dx`; negative goes up and to the left.

    Raises:
        UsageError: these are no images, or an amount is no whole number, or there are not one or n of them.
    """
    n, h, w, _ = _checked(images)
    rows, columns = (_sources(_amount(images, name, by), size) for name, by, size in (("dy", dy, h), ("dx", dx, w)))
    if len(rows) == len(columns) == 1:
        return np.asarray(images[:, rows[0]][:, :, columns[0]])
    return np.asarray(images[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]])


def rotate(images: Images, degrees: ArrayLike) -> Images:
    """Turns images about their centre, counterclockwise as seen.

    Raises:
        UsageError: as `shift`; any number of degrees will do.
    """
    angle = np.deg2rad(_amount(images, "degrees", degrees))
    cos, sin = np.cos(angle), np.sin(angle)
    return affine(images, np.stack([np.stack([cos, sin], -1), np.stack([-sin, cos], -1)], -2))


def shear(images: Images, degrees: ArrayLike) -> Images:
    """Leans images to the right by so many degrees, as italics do; rows stay in place, and so does the centre.

    Raises:
        UsageError: as `shift`, or the degrees are not between -89 and 89.
    """
    lean = _amount(images, "degrees", degrees)
    if np.abs(lean).max(initial=0) > 89:
        raise UsageError(f"expected to shear by -89 to 89 degrees, got {lean[np.abs(lean).argmax()]:g}; lean less")
    one, zero = np.ones_like(lean), np.zeros_like(lean)
    tan = np.tan(np.deg2rad(lean))
    return affine(images, np.stack([np.stack([one, zero], -1), np.stack([tan, one], -1)], -2))


def zoom(images: Images, factor: ArrayLike) -> Images:
    """Enlarges what an image shows by `factor` about its centre; a factor below 1 makes it smaller.

    Raises:
        UsageError: as `shift`, or a factor is not above 0.
    """
    scale = _amount(images, "factor", factor)
    if scale.min(initial=1) <= 0:
        raise UsageError(f"expected to zoom by a factor above 0, got {scale.min():g}; 1 leaves images as they are")
    return affine(images, np.eye(2) / scale[:, None, None])


def flip(images: Images) -> Images:
    """Images as in a mirror: left and right change places."""
    _checked(images)
    return np.ascontiguousarray(images[:, :, ::-1])


def vflip(images: Images) -> Images:
    """Images upside down, as water mirrors them: top and bottom change places."""
    _checked(images)
    return np.ascontiguousarray(images[:, ::-1])


def noise(images: Images, std: ArrayLike, *, rng: np.random.Generator) -> Images:
    """Adds normal noise to every number, independent of all others; what leaves the range is clipped to its end.

    Args:
        std: the noise's standard deviation as a share of the range: 0.1 is 25.5 levels of bytes.
        rng: see `seeds.stream`.

    Raises:
        UsageError: as `shift`, or a standard deviation is below 0.
    """
    spread = _amount(images, "std", std)
    if spread.min(initial=0) < 0:
        raise UsageError(f"expected noise of a standard deviation of 0 or more, got {spread.min():g}")
    full = full_scale(images)
    found = np.empty_like(images, subok=False)
    for block in _blocks(images):
        x = rng.standard_normal(images[block].shape, dtype=np.float32)
        x *= (_part(spread, block) * full).astype(np.float32)[:, None, None, None]
        x += images[block]
        found[block] = _back(x, images.dtype, full)
    return found


def brightness(images: Images, by: ArrayLike) -> Images:
    """Makes images brighter by a share of the range (0.1 is 25.5 levels of bytes), or darker where it is negative.

    Raises:
        UsageError: as `shift`, or an amount is not between -1 and 1.
    """
    more = _amount(images, "by", by)
    if np.abs(more).max(initial=0) > 1:
        raise UsageError(f"expected a brightness from -1 to 1, got {more[np.abs(more).argmax()]:g}; 1 makes all white")
    full = full_scale(images)
    found = np.empty_like(images, subok=False)
    for block in _blocks(images):
        x = images[block] + (_part(more, block) * full).astype(np.float32)[:, None, None, None]
        found[block] = _back(x, images.dtype, full)
    return found


def invert(images: Images) -> Images:
    """Negatives: black becomes white, and every colour its complement."""
    _checked(images)
    return np.asarray(images.dtype.type(full_scale(images)) - images)


def affine(images: Images, matrices: FloatArray, offsets: FloatArray | None = None) -> Images:
    """Resamples images by an affine map of their coordinates, which are pixels from the centre, (y, x).

    Args:
        matrices: (2, 2), or (1, 2, 2) for all images, or (n, 2, 2): where each pixel of the new image comes from in
            the old one, as matrix · (y, x) + offset.
        offsets: as many (y, x); none by default.

    Raises:
        UsageError: these are no images, or there are not one or n matrices and as many offsets.
    """
    n, h, w, c = _checked(images)
    matrices = np.asarray(matrices, dtype=np.float64).reshape(-1, 2, 2)
    offsets = np.zeros((len(matrices), 2)) if offsets is None else np.asarray(offsets).reshape(-1, 2)
    if len(matrices) not in (1, n) or len(offsets) != len(matrices):
        raise UsageError(
            f"expected one matrix, or one for each of {n:,} images, and as many offsets, got {len(matrices):,} "
            f"and {len(offsets):,}"
        )
    # Without the dust of cos 90° = 6e-17, so that a quarter turn hits its pixels.
    matrices = matrices.round(12)
    found = np.empty(images.shape, images.dtype)
    same = _corners(matrices, offsets, h, w) if len(matrices) == 1 else None
    for block in _blocks(images):
        places, weights = same or _corners(matrices[block], offsets[block], h, w)
        x = np.asarray(images[block])
        new = np.zeros((len(x), h * w, c), np.float32)
        for place, weight in zip(places, weights, strict=True):
            new += _picked(x.reshape(-1, h * w, c), place) * weight
        found[block] = _back(new.reshape(x.shape), images.dtype, full_scale(images), clip=False)
    return found


def full_scale(images: Images) -> int:
    """The number that is white: 255 for bytes, 1 for float32."""
    return 255 if images.dtype == np.uint8 else 1


def _corners(
    matrices: FloatArray, offsets: FloatArray, h: int, w: int
) -> tuple[list[IntArray], list[NDArray[np.float32]]]:
    """The four pixels that each new one lies between, as flat places (m, h·w), and their weights (m, h·w, 1)."""
    y, x = np.mgrid[:h, :w].reshape(2, 1, h * w) - np.array([(h - 1) / 2, (w - 1) / 2])[:, None, None]
    sides = [
        _between(matrices[:, i, :1] * y + matrices[:, i, 1:] * x + offsets[:, i, None] + (size - 1) / 2, size)
        for i, size in ((0, h), (1, w))
    ]
    (top, bottom, fy), (left, right, fx) = sides
    places = [top * w + left, top * w + right, bottom * w + left, bottom * w + right]
    weights = [(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx]
    return places, [weight[:, :, None] for weight in weights]


def _between(at: FloatArray, size: int) -> tuple[IntArray, IntArray, NDArray[np.float32]]:
    """The rows (or columns) before and after a coordinate, and how far it is from the first towards the second.

    A coordinate outside is moved to the border.
    """
    at = at.clip(0, size - 1)
    low = at.astype(np.int64)
    return low, np.minimum(low + 1, size - 1), (at - low).astype(np.float32)


def _picked(x: Images, places: IntArray) -> Images:
    """Pixels (m, h·w, c) of images (m, h·w, c) at places (m, h·w), or at the same (1, h·w) in all."""
    m, d, c = x.shape
    if len(places) == 1:
        return x[:, places[0]]
    return np.asarray(x.reshape(m * d, c).take(places + np.arange(0, m * d, d)[:, None], axis=0))


def _sources(by: FloatArray, size: int) -> IntArray:
    """The row (or column) that each new one comes from, int64 (m, size)."""
    whole = by.astype(np.int64)
    if (whole != by).any():
        raise UsageError(f"expected to shift by whole pixels, got {by[whole != by][0]:g}; round it")
    return np.asarray((np.arange(size) - whole[:, None]).clip(0, size - 1))


def _checked(images: Images) -> tuple[int, int, int, int]:
    if images.ndim != 4 or images.dtype not in (np.uint8, np.float32):
        raise UsageError(
            f"expected images (n, h, w, c) of uint8 or float32, got {images.dtype} of {images.shape}; convert them"
        )
    n, h, w, c = images.shape
    return n, h, w, c


def _amount(images: Images, name: str, value: ArrayLike) -> FloatArray:
    """An amount as float64 (1,) or (n,)."""
    n = _checked(images)[0]
    given = np.asarray(value, dtype=np.float64)
    if given.shape not in ((), (n,)):
        raise UsageError(f"expected {name} as one number or one for each of {n:,} images, got shape {given.shape}")
    if not np.isfinite(given).all():
        raise UsageError(f"expected {name} as finite numbers, got {given[~np.isfinite(given)].flat[0]:g}")
    return given.reshape(-1)


def _blocks(images: Images) -> list[slice]:
    """Slices of images that together hold not too many numbers."""
    n, h, w, c = images.shape
    step = max(1, _BLOCK_NUMBERS // max(1, h * w * c))
    return [slice(at, at + step) for at in range(0, n, step)]


def _part(amount: FloatArray, block: slice) -> FloatArray:
    return amount if len(amount) == 1 else amount[block]


def _back(x: Images, dtype: np.dtype[Any], full: int, *, clip: bool = True) -> Images:
    """Numbers as the images had them: rounded for bytes, within the range."""
    if dtype == np.uint8:
        x = np.rint(x)
    return (x.clip(0, full) if clip else x).astype(dtype, copy=False)
