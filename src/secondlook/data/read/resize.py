"""How images become squares: one rule for photos and for arrays.

Along each axis by itself: the mean of the covered area where it shrinks, bilinear where it grows (`resample`). Photos
and arrays come out the same to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.resample import resampled
from secondlook.data.read.settings import Resize

# Numbers that are resized at a time.
_BLOCK = 2**17


@dataclass(frozen=True)
class Fit:
    """How an image becomes a square: its `box` is scaled to `inner`, and laid on black at `place`.

    Attributes:
        box: top, left, height, width of what is kept of the image.
        inner: height and width it is scaled to.
        place: top and left in the square.
    """

    box: tuple[int, int, int, int]
    inner: tuple[int, int]
    place: tuple[int, int] = (0, 0)


def fit(height: int, width: int, size: int, how: Resize) -> Fit:
    """How an image of height x width becomes size x size."""
    if how == "crop":
        side = min(height, width)
        return Fit(((height - side) // 2, (width - side) // 2, side, side), (size, size))
    whole = (0, 0, height, width)
    if how == "stretch":
        return Fit(whole, (size, size))
    longest = max(height, width)
    inner = max(1, round(height * size / longest)), max(1, round(width * size / longest))
    return Fit(whole, inner, ((size - inner[0]) // 2, (size - inner[1]) // 2))


def resize(pixels: NDArray[Any], size: int, how: Resize = "stretch") -> NDArray[Any]:
    """Pixels (n, h, w, c), uint8 or float32 in [0, 1], as (n, size, size, c)."""
    n, h, w, c = pixels.shape
    if (h, w) == (size, size):
        return pixels
    plan = fit(h, w, size, how)
    top, left, height, width = plan.box
    down, right = plan.place
    out = np.zeros((n, size, size, c), pixels.dtype)
    inside = out[:, down : down + plan.inner[0], right : right + plan.inner[1]]
    kept = pixels[:, top : top + height, left : left + width]
    step = max(1, _BLOCK // (max(height, plan.inner[0]) * max(width, plan.inner[1]) * c))
    for at in range(0, n, step):
        inside[at : at + step] = resampled(kept[at : at + step], *plan.inner)
    return out
