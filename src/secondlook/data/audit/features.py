"""What could give a class away without a look at the picture: numbers of the images, of their borders and files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from secondlook.data.audit.statistics import Statistics
from secondlook.types import ImageSet, IntArray, Origins

Kind = Literal["pixel", "border", "statistic", "file"]

_BORDER = {"border_mean": "brightness of the border", "border_contrast": "contrast of the border"}
_STATISTICS = {
    "mean": "brightness",
    "contrast": "contrast",
    "low": "darkest grey",
    "high": "brightest grey",
    "sharpness": "sharpness",
    "saturation": "saturation",
    "red": "mean red",
    "green": "mean green",
    "blue": "mean blue",
}
_OF_COLOUR = ("saturation", "red", "green", "blue")


@dataclass(frozen=True, eq=False)
class Feature:
    """One number per item.

    Attributes:
        kind: the family.
        name: "brightness of the border".
        values: (n,), numbers.
        unit: "%" for shares in [0, 1], else what follows the number, "" for nothing.
        names: what the whole numbers from 0 stand for, where they are categories.
    """

    kind: Kind
    name: str
    values: NDArray[Any]
    unit: str = ""
    names: tuple[str, ...] = ()

    def words(self, value: float) -> str:
        """A value as people read it: "12 %", "640 px", "PNG"."""
        if self.names:
            return self.names[int(value)]
        if self.unit == "%":
            return f"{100 * value:.3g} %"
        return f"{value:,.6g} {self.unit}".rstrip()


def features(images: ImageSet, found: Statistics, chosen: IntArray) -> list[Feature]:
    """The features of the chosen items that are not the same for all of them; pixels are not among them."""
    all_of_them = [*_of_pixels(images, found, chosen)]
    if images.origins is not None:
        all_of_them += _of_files(images.origins, chosen)
    return [feature for feature in all_of_them if (feature.values != feature.values[0]).any()]


def _of_pixels(images: ImageSet, found: Statistics, chosen: IntArray) -> Iterator[Feature]:
    grey = images.shape[2] == 1
    for field, name in _BORDER.items():
        yield Feature("border", name, getattr(found, field)[chosen], "%")
    for field, name in _STATISTICS.items():
        if not (grey and field in _OF_COLOUR):
            yield Feature("statistic", name, getattr(found, field)[chosen], "%")


def _of_files(origins: Origins, chosen: IntArray) -> Iterator[Feature]:
    for name, words in (("file format", origins.formats), ("colour mode", origins.modes)):
        names, place = np.unique(words[chosen], return_inverse=True)
        yield Feature("file", name, place, names=tuple(names.tolist()))
    yield Feature("file", "file size", origins.bytes[chosen], "bytes")
    width, height = origins.widths[chosen], origins.heights[chosen]
    yield Feature("file", "width", width, "px")
    yield Feature("file", "height", height, "px")
    yield Feature("file", "aspect ratio (width by height)", width / height)
    yield Feature("file", "number of frames", origins.frames[chosen])
    truths = (
        ("EXIF orientation", origins.turned, ("upright", "turned")),
        ("transparency", origins.transparent, ("opaque", "transparent")),
        ("colour", origins.grey, ("with colours", "grey")),
    )
    for name, truth, (no, yes) in truths:
        yield Feature("file", name, truth[chosen].astype(np.int64), names=(no, yes))


def levels(pixels: NDArray[Any], chosen: IntArray, factor: int) -> NDArray[np.uint8]:
    """Pixels of the chosen items as bytes (n, h', w', c), each the mean of up to factor x factor; read in blocks."""
    _, h, w, c = pixels.shape
    rows, columns = np.arange(0, h, factor), np.arange(0, w, factor)
    area = np.diff(np.append(rows, h))[:, None, None] * np.diff(np.append(columns, w))[:, None]
    out = np.empty((len(chosen), len(rows), len(columns), c), np.uint8)
    step = max(1, (1 << 22) // (h * w * c))
    # In the order of the file, for a memory map's sake.
    places = np.argsort(chosen)
    for i in range(0, len(chosen), step):
        block = pixels[chosen[places[i : i + step]]]
        if block.dtype != np.uint8:
            block = np.rint(block * np.float32(255)).astype(np.uint8)
        if factor > 1:
            sums = np.add.reduceat(np.add.reduceat(block, rows, axis=1, dtype=np.uint32), columns, axis=2)
            block = (sums / area).astype(np.uint8)
        out[places[i : i + step]] = block
    return out
