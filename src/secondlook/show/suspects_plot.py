"""The worst suspects as one picture."""

from __future__ import annotations

from math import ceil

import numpy as np
from matplotlib.axes import Axes

from secondlook.show.canvas import SMALL, new_axes
from secondlook.show.gallery import PIXELATED_UP_TO
from secondlook.show.names import shortened
from secondlook.show.palette import LIGHT, Palette
from secondlook.show.plots import plain
from secondlook.show.suspects_words import quality
from secondlook.types import Suspects

_SHOWN, _ACROSS, _LONGEST_NAME = 30, 10, 12


def plot_suspects(found: Suspects, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """A sheet of the worst suspects, at most 30: below each its given and its suggested label, and its quality."""
    picked = [int(i) for i in np.flatnonzero(found.suspected)[: min(_SHOWN, len(found.thumbnails.items))]]
    columns = min(max(len(picked), 1), _ACROSS)
    lines = max(ceil(len(picked) / columns), 1)
    _, h, w, _ = found.thumbnails.pixels.shape if picked else (0, 1, 1, 1)
    # Room below each image for three lines of text, as a share of its width.
    cell_w, cell_h = 1.25 * w, h + 0.72 * w
    ax = new_axes(1.0 * columns, 1.0 * lines * cell_h / cell_w) if ax is None else ax
    places = {int(item): i for i, item in enumerate(found.thumbnails.items)}
    for at, i in enumerate(picked):
        left, top = (at % columns) * cell_w, (at // columns) * cell_h
        pixels = found.thumbnails.pixels[places[int(found.items[i])]]
        ax.imshow(
            np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels,
            extent=(left, left + w, top + h, top),
            interpolation="nearest" if max(found.data["shape"][:2]) <= PIXELATED_UP_TO else "antialiased",
        )
        given, said = (
            plain(shortened(found.class_name(int(c)), _LONGEST_NAME)) for c in (found.labels[i], found.suggested[i])
        )
        words = f"given {given}\nsuggested {said}\nquality {quality(found.quality[i])}"
        ax.text(left, top + h + 0.06 * w, words, va="top", ha="left", size=SMALL - 1.5, color=palette.ink)
    ax.set(xlim=(0, columns * cell_w), ylim=(lines * cell_h, 0), aspect="equal")
    ax.set_axis_off()
    return ax
