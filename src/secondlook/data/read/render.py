"""Strokes as bitmaps of 28x28, as near to Google's own as a common library comes.

Google draws the simplified strokes with cairo: white on black, 16 units wide, round at ends and joins, each stroke laid
over those before it; 256 units with a margin of 24 on each side become 28 pixels, and the middle of the bounding box
lies in the middle. Source: github.com/googlecreativelab/quickdraw-dataset/issues/19. Here Agg draws them, which
Matplotlib brings along, four times as large, and the mean of 16 pixels is one. How near it comes: docs/strokes.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.drawing import Drawings, starts

_SIDE = 28
_UNITS = 256.0

# Strokes that are drawn at a time, each in a cell of its own; 64 cells fit a processor's cache.
_CELLS = 8

# Agg draws nothing where a line has no length; a dot is a line of this one, in pixels.
_DOT = 0.01


def render(drawings: Drawings, *, line: float = 16.0, padding: float = 16.0, fineness: int = 4) -> NDArray[np.uint8]:
    """Bitmaps of drawings whose coordinates lie within 0 to 256.

    Args:
        drawings: n of them, with their smallest x and y at 0 as Google has them.
        line: the width of lines, of 256 units.
        padding: the margin, beside half a line.
        fineness: how many times as large they are drawn at first.

    Returns:
        uint8 (n, 28, 28), white on black.
    """
    pixels = _SIDE * fineness
    margin = padding + line / 2
    scale = pixels / (_UNITS + 2 * margin)
    x, y = (
        (v + drawings.per_point(margin + (_UNITS - np.maximum.reduceat(v, drawings.starts)) / 2)) * scale
        for v in (drawings.x, drawings.y)
    )
    covered = _covered(x, y, drawings, line * scale, fineness)
    owners = drawings.owners
    rank = np.arange(len(owners)) - starts(drawings.strokes)[owners]
    out = np.zeros((len(drawings), _SIDE, _SIDE), np.uint8)
    for nth in range(int(rank.max(initial=-1)) + 1):
        strokes = np.flatnonzero(rank == nth)
        out[owners[strokes]] = _over(out[owners[strokes]], covered[strokes])
    return out


def _over(below: NDArray[np.uint8], above: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """White of some coverage laid over what is there already."""
    product = below.astype(np.uint16) * (255 - above) + np.uint16(128)
    return above + ((product + (product >> 8)) >> 8).astype(np.uint8)


def _covered(x: Any, y: Any, drawings: Drawings, width: float, fineness: int) -> NDArray[np.uint8]:
    """How much of each pixel each stroke covers, uint8 (strokes, 28, 28)."""
    cell, per_sheet = _SIDE * fineness, _CELLS**2
    begins = drawings.stroke_starts
    ends = begins + drawings.points
    index = np.repeat(np.arange(len(begins)) % per_sheet, drawings.points)
    # Agg counts rows from below.
    points = np.stack([x + index % _CELLS * cell, _CELLS * cell - y - index // _CELLS * cell], axis=1)
    still = np.logical_and(*(np.maximum.reduceat(v, begins) == np.minimum.reduceat(v, begins) for v in (x, y)))
    beyond = np.repeat(still, drawings.points)
    beyond[begins] = False
    points[beyond, 0] += _DOT
    pen = _Pen(_CELLS * cell, width)
    out = np.empty((len(begins), _SIDE, _SIDE), np.uint8)
    for at in range(0, len(begins), per_sheet):
        stop = min(at + per_sheet, len(begins))
        first, last = begins[at], ends[stop - 1]
        moves = np.zeros(last - first, np.bool_)
        moves[begins[at:stop] - first] = True
        dots = begins[at:stop][still[at:stop]] - first
        sheet = pen.sheet(points[first:last], moves, dots)
        cells = _mean(sheet, fineness).reshape(_CELLS, _SIDE, _CELLS, _SIDE).transpose(0, 2, 1, 3)
        out[at:stop] = cells.reshape(-1, _SIDE, _SIDE)[: stop - at]
    return out


def _mean(sheet: NDArray[np.uint8], k: int) -> NDArray[np.uint8]:
    """The means of squares of k x k pixels, rounded."""
    wide = sum((sheet[:, i::k] for i in range(1, k)), start=sheet[:, ::k].astype(np.uint16))
    total = sum((wide[i::k] for i in range(1, k)), start=wide[::k])
    return np.asarray((total + k * k // 2) // (k * k)).astype(np.uint8)


class _Pen:
    """Draws lines on a square sheet, white, round at ends and joins."""

    def __init__(self, side: int, width: float) -> None:
        from matplotlib.backends import backend_agg
        from matplotlib.transforms import IdentityTransform

        agg: Any = backend_agg  # without types
        self._canvas = agg.RendererAgg(side, side, 72)  # at 72 dots per inch a point is a pixel
        self._identity = IdentityTransform()
        self._style = style = self._canvas.new_gc()
        style.set_linewidth(width)
        style.set_capstyle("round")
        style.set_joinstyle("round")
        style.set_foreground((1.0, 1.0, 1.0))
        style.set_antialiased(True)
        style.set_snap(False)  # level and upright lines stay where they are

    def sheet(self, points: NDArray[np.float64], moves: NDArray[np.bool_], dots: NDArray[np.int64]) -> Any:
        """How much of each pixel is covered, uint8 (side, side).

        Args:
            points: (n, 2).
            moves: at which of them a line begins.
            dots: those at which one begins that has no length.
        """
        from matplotlib.path import Path

        codes = np.where(moves, Path.MOVETO, Path.LINETO).astype(Path.code_type)
        points = np.insert(points, dots + 1, points[dots] + [_DOT, 0], axis=0)
        codes = np.insert(codes, dots + 1, Path.LINETO)
        path = Path(points, codes)
        path.should_simplify = False
        self._canvas.clear()
        self._canvas.draw_path(self._style, path, self._identity, None)
        return np.asarray(self._canvas.buffer_rgba())[..., 3]
