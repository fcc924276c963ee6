"""What is known of where items came from, beside their pixels: faults that were left out, and the files themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from secondlook.types.arrays import IntArray

FaultKind = Literal["broken", "missing", "permission", "unsafe", "unlabelled", "ignored"]


@dataclass(frozen=True)
class Fault:
    """One file or row that was left out.

    Attributes:
        name: the file, relative to the source, or file and row ("train.csv:17").
        kind: "broken" (meant as an image, but cannot be decoded, or holds NaN, or a row of the wrong length, or without
            a part where others have one),
            "missing" (a manifest names it, it is not there), "permission" (may not be read), "unsafe" (a link or path
            that leads out of the source: not followed), "unlabelled" (an image outside the class folders, in a source
            that has them), "ignored" (a file not meant as an image: nothing is wrong with it).
        reason: why, in a few words.
    """

    name: str
    kind: FaultKind
    reason: str


@dataclass(frozen=True, eq=False)
class Origins:
    """What the items were as files, before they became pixels of one size; arrays of n items, in the items' order.

    Attributes:
        formats: "JPEG", "PNG", …
        modes: what Pillow calls the stored colours: "RGB", "L", "P", "CMYK", "I;16", …
        bytes: int64, the encoded size.
        widths, heights: int64, as a person sees the image, after its EXIF orientation.
        grey: whether no pixel has a colour.
        turned: whether its EXIF orientation turned or mirrored it.
        transparent: whether some of it was laid on white.
        frames: int64, of an animation; the first was taken.
    """

    formats: NDArray[np.str_]
    modes: NDArray[np.str_]
    bytes: IntArray
    widths: IntArray
    heights: IntArray
    grey: NDArray[np.bool_]
    turned: NDArray[np.bool_]
    transparent: NDArray[np.bool_]
    frames: IntArray
