"""A sheet of mistakes for notebooks and papers."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from secondlook.runs.results import thumbnails
from secondlook.show import format as fmt
from secondlook.show.canvas import SMALL, new_axes
from secondlook.show.mistakes_words import PART_NOUNS, missed_classes, shown_rows
from secondlook.show.names import shortened
from secondlook.show.palette import LIGHT
from secondlook.types import IntArray, Mistakes

# Images in a line where `Mistakes.top` says nothing, and lines in all.
_ACROSS, _LINES = 10, 24
_SIDE = 64
# Inches of a tile, and the room of its answer as a share of it.
_TILE, _TEXT = 0.72, 0.42
_NAME_ROOM = 14


def plot_mistakes(found: Mistakes, ax: Axes | None = None) -> Axes:
    """The worst mistakes as images: a line per true class and part, below each the answer and its probability.

    Images that cannot be read are left grey. Of many lines the first 24 are drawn.
    """
    lines = [
        (f"{shortened(found.classes[label], _NAME_ROOM)} ({PART_NOUNS[part]})", shown_rows(found, part, label, _ACROSS))
        for part in found.parts
        for label in missed_classes(found, part)
    ][:_LINES]
    across = max((len(rows) for _, rows in lines), default=1)
    if ax is None:
        ax = new_axes(1.4 + _TILE * across, 0.2 + _TILE * (1 + _TEXT) * max(len(lines), 1))
    for y, (_, rows) in enumerate(lines):
        _line(ax, found, rows, y * (1 + _TEXT))
    ax.set(xlim=(-0.05, across), ylim=(max(len(lines), 1) * (1 + _TEXT), -0.05), aspect="equal", xticks=[])
    # A dollar sign begins no formula.
    ax.set_yticks([0.5 + y * (1 + _TEXT) for y in range(len(lines))], [name.replace("$", r"\$") for name, _ in lines])
    ax.tick_params(length=0, labelsize=SMALL, colors=LIGHT.quiet)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def _line(ax: Axes, found: Mistakes, rows: IntArray, top: float) -> None:
    for x, i in enumerate(rows.tolist()):
        ax.imshow(_tile(found.pixels(int(found.items[i]))), extent=(x, x + 0.94, top + 0.94, top), aspect="auto",
                  interpolation="nearest")  # fmt: skip
        says = shortened(found.classes[found.answers[i]], 8).replace("$", r"\$")
        said = f"{says} ({fmt.share(float(found.confidence[i]), digits=2)})"
        ax.text(x + 0.47, top + 1.0, said, ha="center", va="top", size=SMALL - 2, color=LIGHT.ink)


def _tile(pixels: NDArray[Any] | None) -> NDArray[np.uint8]:
    """An image as RGB; grey where there is none."""
    if pixels is None:
        return np.full((1, 1, 3), 208, dtype=np.uint8)
    small = thumbnails(pixels[None], _SIDE)[0]
    return np.asarray(np.repeat(small, 3, axis=2) if small.shape[2] == 1 else small, dtype=np.uint8)
