"""Many small images as one: a sheet that pages hold once and crop by SVG, without scripts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from secondlook.runs.results import thumbnails
from secondlook.show.gallery import PIXELATED_UP_TO, display_size
from secondlook.show.matrices import data_uri

# JPEG works in blocks of so many pixels; an image that shares none with its neighbour does not bleed into it.
_BLOCK = 16
# Images of colour up to this size are exact: few enough bytes, and every pixel counts.
_EXACT_UP_TO = 32


@dataclass(frozen=True)
class Sheet:
    """One picture that holds n images of one size in a grid.

    Attributes:
        name: the element's id on the page.
        source: a data URI, PNG or JPEG.
        n: images in it.
        width, height: of an image, in its own pixels.
        step: from one image to the next, (across, down); more than its size where there is a margin.
        columns: images in a line.
        margin: pixels of a margin that repeats the image's edge.
        pixelated: whether pixels are shown as squares.
    """

    name: str
    source: str
    n: int
    width: int
    height: int
    step: tuple[int, int]
    columns: int
    margin: int
    pixelated: bool

    def defined(self) -> Markup:
        """The sheet itself, to stand once on the page, before its first image."""
        rows = ceil(self.n / self.columns)
        crisp = Markup(' style="image-rendering:pixelated"') if self.pixelated else Markup("")
        return Markup(
            '<svg width="0" height="0" class="sheet" aria-hidden="true"><defs>'
            '<image id="{}" href="{}" width="{}" height="{}"{}/></defs></svg>'
        ).format(self.name, self.source, self.columns * self.step[0], rows * self.step[1], crisp)

    def image(self, i: int, label: str, side: int | None = None, *, titled: bool = False) -> Markup:
        """The i-th image as an ``<svg>``; `label` is for those who hear the page.

        Args:
            side: CSS pixels of the longer side; by default about 112.
            titled: whether the label shows on hover, too.
        """
        width, height = display_size((self.height, self.width))
        if side is not None:
            scale = side / max(self.width, self.height)
            width, height = max(round(self.width * scale), 1), max(round(self.height * scale), 1)
        x = i % self.columns * self.step[0] + self.margin
        y = i // self.columns * self.step[1] + self.margin
        named = Markup("<title>{}</title>").format(label) if titled else Markup("")
        heard = Markup("") if titled else Markup(' aria-label="{}"').format(label)
        return Markup(
            '<svg class="shot" viewBox="{} {} {} {}" width="{}" height="{}" role="img"{}>{}<use href="#{}"/></svg>'
        ).format(x, y, self.width, self.height, width, height, heard, named, self.name)


def sheet(name: str, images: Sequence[NDArray[Any]], room: int, *, side: int = 112) -> Sheet | None:
    """As many of some images as fit, the first first; None where not one does.

    Args:
        name: the element's id.
        images: each (h, w, c) of one shape, uint8 or float32 in [0, 1].
        room: the most characters of the data URI.
        side: larger images are reduced to this many pixels on the longer side.
    """
    n = len(images)
    if n == 0:
        return None
    pixels = thumbnails(np.stack(images), side)
    while n > 0:
        made = _drawn(name, pixels[:n], pixelated=max(images[0].shape[:2]) <= PIXELATED_UP_TO)
        if len(made.source) <= room:
            return made
        n = min(n - 1, int(0.97 * n * room / len(made.source)))
    return None


def _drawn(name: str, pixels: NDArray[np.uint8], *, pixelated: bool) -> Sheet:
    from PIL import Image

    n, h, w, c = pixels.shape
    lossy = c == 3 and max(h, w) > _EXACT_UP_TO
    margin = 0 if pixelated and not lossy else 1
    block = _BLOCK if lossy else 1
    across, down = (ceil((size + 2 * margin) / block) * block for size in (w, h))
    columns = min(n, max(1, round(sqrt(n * down / across))))
    canvas = np.zeros((ceil(n / columns) * down, columns * across, c), dtype=np.uint8)
    edges = ((0, 0), (margin, down - h - margin), (margin, across - w - margin), (0, 0))
    for i, tile in enumerate(np.pad(pixels, edges, mode="edge")):
        y, x = i // columns * down, i % columns * across
        canvas[y : y + down, x : x + across] = tile
    image = Image.fromarray(canvas[..., 0] if c == 1 else canvas)
    source = data_uri(image, "JPEG", quality=85) if lossy else data_uri(image, "PNG", optimize=True)
    return Sheet(name, source, n, w, h, (across, down), columns, margin, pixelated)
