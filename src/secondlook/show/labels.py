"""Places labels beside points so that none covers another label, a point or an interval."""

from __future__ import annotations

from collections.abc import Sequence

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


def _overlap(a: Bbox, b: Bbox) -> float:
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return width * height if width > 0 and height > 0 else 0.0


def _cost(box: Bbox, taken: Sequence[Bbox], frame: Bbox) -> float:
    outside = box.width * box.height - _overlap(box, frame)
    return sum(_overlap(box, other) for other in taken) + 4 * max(outside, 0.0)


def place(ax: Axes, texts: Sequence[Annotation], obstacles: Sequence[Bbox]) -> None:
    """Moves each annotation to the nearest free place around its point.

    Args:
        ax: the axes, with its final limits.
        texts: annotations with ``textcoords="offset points"``, the most important first.
        obstacles: boxes in display units that no label may cover.
    """
    renderer = FigureCanvasAgg(ax.figure).get_renderer()  # type: ignore[arg-type, no-untyped-call]
    frame, taken = ax.get_window_extent(renderer), list(obstacles)
    scale = renderer.points_to_pixels(1.0)
    for text in texts:
        extent = Text.get_window_extent(text, renderer)  # an annotation's own would count its line
        point = ax.transData.transform(text.xy)
        boxes = [_box(point, extent, scale, *spot) for spot in _PLACES]
        costs = [_cost(box, taken, frame) for box in boxes]
        best = costs.index(min(costs))
        dx, dy, ha, va = _PLACES[best]
        text.xyann = (dx, dy)
        text.set(ha=ha, va=va)
        if text.arrow_patch is not None:
            text.arrow_patch.set_visible(best >= _NEAR)
        taken.append(boxes[best])


def _box(point: FloatArray, size: Bbox, scale: float, dx: float, dy: float, ha: str, va: str) -> Bbox:
    """The box that a text of this size fills at an offset in points, in display units."""
    x = point[0] + dx * scale - size.width * {"left": 0.0, "center": 0.5, "right": 1.0}[ha]
    y = point[1] + dy * scale - size.height * {"bottom": 0.0, "center": 0.5, "top": 1.0}[va]
    return Bbox([[x - 1, y - 1], [x + size.width + 1, y + size.height + 1]])
