"""From a decoded image to pixels of the planned size and channels: turned upright, converted, resized."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.colours import Scale, has_colour, to_bytes
from secondlook.data.read.resample import rounded, total, weights
from secondlook.data.read.resize import fit
from secondlook.data.read.settings import Resize

if TYPE_CHECKING:
    from PIL.Image import Image

# EXIF orientations: what lies on its side, and what is then to be reversed.
SIDEWAYS = (5, 6, 7, 8)
_ROWS_REVERSED, _COLUMNS_REVERSED = (3, 4, 7, 8), (2, 3, 6, 7)

# An image is converted in bands, so that memory stays near what its decoder took: of so many pixels, and so wide.
_BAND_PIXELS, _BAND_WIDTH = 2**17, 2**12
_BAND_LINES = 32  # and weighed in narrower ones, since a target line only weighs a few

Box = tuple[int, int, int, int]  # top, left, height, width


@dataclass(frozen=True)
class Plan:
    """What all images of a set become.

    Attributes:
        width, height: of every image; a square where they are resized.
        grey: one channel, else three.
        how: the way to resize; None where all have this size already.
        span: what becomes black and white in images of 32 bits; None where there are none.
    """

    width: int
    height: int
    grey: bool
    how: Resize | None
    span: Scale | None = None


@dataclass(frozen=True, eq=False)
class Shaped:
    """Pixels uint8 (height, width, 1 or 3); whether any has a colour; whether anything was laid on white."""

    pixels: NDArray[np.uint8]
    coloured: bool
    transparent: bool


def shaped(image: Image, turn: int, plan: Plan, step: int = 1, size: tuple[int, int] | None = None) -> Shaped:
    """A loaded image as planned.

    Args:
        image: as it was stored.
        turn: its EXIF orientation, 1 to 8.
        plan: what it is to become.
        step: how many pixels of the original each pixel stands for along an edge, where it was decoded small.
        size: width and height of the original, as it was stored.

    Raises:
        ValueError: not of the size that its header says.
    """
    width, height = size or image.size
    h, w = (width, height) if turn in SIDEWAYS else (height, width)
    if plan.how is None:
        if (h, w) != (plan.height, plan.width):
            raise ValueError(f"{w}x{h} pixels where the header says {plan.width}x{plan.height}")
        done = _scaled(image, (0, 0, height, width), (height, width), plan, step)
        return Shaped(np.ascontiguousarray(_turned(done.pixels, turn)), done.coloured, done.transparent)
    target = fit(h, w, plan.width, plan.how)
    inner = target.inner[::-1] if turn in SIDEWAYS else target.inner
    done = _scaled(image, _stored(target.box, h, w, turn), inner, plan, step)
    top, left = target.place
    pixels = np.zeros((plan.height, plan.width, done.pixels.shape[2]), np.uint8)
    pixels[top : top + target.inner[0], left : left + target.inner[1]] = _turned(done.pixels, turn)
    return Shaped(pixels, done.coloured, done.transparent)


def _turned(pixels: NDArray[Any], turn: int) -> NDArray[Any]:
    """A view of stored pixels (h, w, c) as a person sees them."""
    if turn in SIDEWAYS:
        pixels = pixels.transpose(1, 0, 2)
    return pixels[:: -1 if turn in _ROWS_REVERSED else 1, :: -1 if turn in _COLUMNS_REVERSED else 1]


def _stored(box: Box, h: int, w: int, turn: int) -> Box:
    """Where a box of the upright image (h, w) lies in the stored one."""
    top, left, height, width = box
    top = h - top - height if turn in _ROWS_REVERSED else top
    left = w - left - width if turn in _COLUMNS_REVERSED else left
    return (left, top, width, height) if turn in SIDEWAYS else (top, left, height, width)


def _bands(length: int, step: int) -> Iterator[tuple[int, int]]:
    return ((low, min(length, low + step)) for low in range(0, length, step))


def _scaled(image: Image, box: Box, inner: tuple[int, int], plan: Plan, step: int) -> Shaped:
    """A box of the original in another size; both axes by sums that are exact, however the image is cut."""
    top, left, h, w = box
    height, width = inner
    if (height, width) == (h, w):
        part = image if (w, h) == image.size else image.crop((left, top, left + w, top + h))
        flat, clear = to_bytes(part, plan.grey, plan.span)
        return Shaped(flat, has_colour(flat), clear)
    coloured = transparent = False
    c = 1 if plan.grey else 3
    sums = np.zeros((height, width, c))
    # The lines of the image that hold the box, counted from the first.
    north, west, skip_rows, skip_columns = top // step, left // step, top % step, left % step
    rows, columns = -(-(skip_rows + h) // step), -(-(skip_columns + w) // step)
    for low, high in _bands(columns, _BAND_WIDTH):
        across = np.zeros((height, (high - low) * c))
        for start, end in _bands(rows, max(1, _BAND_PIXELS // (high - low))):
            part = image.crop((west + low, north + start, west + high, north + end))
            flat, clear = to_bytes(part, plan.grey, plan.span)
            transparent |= clear
            coloured = coloured or has_colour(flat)
            for above, below in _bands(end - start, _BAND_LINES):
                first, down = weights(h, height, start + above, start + below, step=step, skip=skip_rows)
                across[first : first + len(down)] += down @ flat[above:below].reshape(below - above, -1)
        first, along = weights(w, width, low, high, step=step, skip=skip_columns)
        planes = across.reshape(height, high - low, c)
        for channel in range(c):
            sums[:, first : first + len(along), channel] += planes[..., channel] @ along.T
    return Shaped(rounded(sums, total(h, height) * total(w, width)), coloured, transparent)
