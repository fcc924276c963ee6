"""Places labels beside points so that none covers another label, a point or an interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from secondlook.types import FloatArray

# Offsets in points: (dx, dy, horizontal, vertical alignment); the first that fits is taken.
_PLACES = [
    (dx * r, dy * r, ha, va)
    for r in (1.0, 2.0, 3.0, 4.2, 5.6, 7.0, 8.6)
    for dx, dy, ha, va in (
        (7, 0, "left", "center"),
        (-7, 0, "right", "center"),
        (0, 8, "center", "bottom"),
        (0, -8, "center", "top"),
        (6, 7, "left", "bottom"),
        (-6, 7, "right", "bottom"),
        (6, -7, "left", "top"),
        (-6, -7, "right", "top"),
    )
]

# The places so close to their point that no line need lead to it.
_NEAR = 8

# So close to a point, in points, a line is at it.
_AT_POINT = 9.0


def place(ax: Axes, texts: Sequence[Annotation], obstacles: Sequence[Bbox]) -> None:
    """Moves each annotation to the nearest free place around its point, with a line to it where that is far.

    Args:
        ax: the axes, with its final limits.
        texts: annotations with ``textcoords="offset points"``, the most important first.
        obstacles: boxes in display units that no label may cover.
    """
    renderer = FigureCanvasAgg(ax.figure).get_renderer()  # type: ignore[arg-type, no-untyped-call]
    frame = np.array([ax.get_window_extent(renderer).extents])
    taken = np.array([box.extents for box in obstacles]).reshape(-1, 4)
    scale = renderer.points_to_pixels(1.0)
    for text in texts:
        extent = Text.get_window_extent(text, renderer)  # an annotation's own would count its line
        point = ax.transData.transform(text.xy)
        boxes = np.array([_box(point, extent, scale, *spot) for spot in _PLACES])
        lines = [_line(point, box, scale) if i >= _NEAR else np.zeros((0, 4)) for i, box in enumerate(boxes)]
        best = int(_costs(boxes, lines, taken, frame).argmin())
        dx, dy, ha, va = _PLACES[best]
        text.xyann = (dx, dy)
        text.set(ha=ha, va=va)
        if text.arrow_patch is not None:
            text.arrow_patch.set_visible(best >= _NEAR)
        taken = np.concatenate([taken, boxes[best : best + 1], lines[best]])


def _box(point: FloatArray, size: Bbox, scale: float, dx: float, dy: float, ha: str, va: str) -> FloatArray:
    """The box (left, bottom, right, top) that a text of this size fills at an offset in points, in display units."""
    x = point[0] + dx * scale - size.width * {"left": 0.0, "center": 0.5, "right": 1.0}[ha]
    y = point[1] + dy * scale - size.height * {"bottom": 0.0, "center": 0.5, "top": 1.0}[va]
    return np.array([x - 1, y - 1, x + size.width + 1, y + size.height + 1])


def _line(point: FloatArray, box: FloatArray, scale: float) -> FloatArray:
    """Small boxes (n, 4) along the line from a label to its point, but for what the label and the point cover."""
    start = (box[:2] + box[2:]) / 2
    along = np.linspace(0, 1, max(int(np.hypot(*(point - start)) // 4), 1))[:, None]
    places = start + (point - start) * along
    inside = ((places > box[:2]) & (places < box[2:])).all(axis=1)
    near = np.hypot(*(point - places).T) < _AT_POINT * scale
    free = places[~inside & ~near]
    return np.concatenate([free - 1.5, free + 1.5], axis=1)


def _overlaps(boxes: FloatArray, others: FloatArray) -> FloatArray:
    """The area of each of the boxes (n, 4) that the others (m, 4) cover; what two of them cover counts twice."""
    sides = np.minimum(boxes[:, None, 2:], others[None, :, 2:]) - np.maximum(boxes[:, None, :2], others[None, :, :2])
    return np.asarray(np.clip(sides, 0, None).prod(axis=2).sum(axis=1))


def _costs(boxes: FloatArray, lines: Sequence[FloatArray], taken: FloatArray, frame: FloatArray) -> FloatArray:
    """What each place covers of what is taken; lines and what sticks out of the frame weigh more."""
    outside = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) - _overlaps(boxes, frame)
    owner = np.repeat(np.arange(len(lines)), [len(line) for line in lines])
    crossed = np.bincount(owner, weights=_overlaps(np.concatenate(lines), taken), minlength=len(lines))
    return np.asarray(_overlaps(boxes, taken) + 4 * outside + 4 * crossed)
