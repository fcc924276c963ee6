"""Raw strokes as Google's simplified drawings.

Source: the description of the Quick, Draw! dataset (github.com/googlecreativelab/quickdraw-dataset): align to the
top-left corner, scale to a largest value of 255, resample with a spacing of 1 pixel, simplify by Ramer, Douglas and
Peucker's algorithm with an epsilon of 2. Its finer points (the last point of a stroke is kept, distances are to the
infinite line, halves round to even, a stroke of one point becomes two) are those that reproduce Google's own files;
docs/strokes.md tells how well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.drawing import Drawings, starts
from secondlook.types import FloatArray, IntArray

_LARGEST = 255.0
_EPSILON = 2.0

# The longest of 1,386 raw drawings has 5,392. A scribble beyond is resampled more coarsely: the algorithm may take the
# square of it.
_MOST_SAMPLES = 16_384


def simplify(drawings: Drawings) -> Drawings:
    """The same drawings with whole coordinates from 0 to 255, and only the points that matter."""
    scaled = _resampled(_aligned(drawings))
    first = scaled.stroke_starts
    kept = peucker(scaled.x, scaled.y, first, first + scaled.points - 1)
    return Drawings(
        x=np.rint(scaled.x[kept]),
        y=np.rint(scaled.y[kept]),
        points=np.add.reduceat(kept, first, dtype=np.int64),
        strokes=scaled.strokes,
    )


def _aligned(drawings: Drawings) -> Drawings:
    """Each drawing with its smallest x and y at 0 and the larger of its width and height scaled to 255."""
    x, y = (v - drawings.per_point(np.minimum.reduceat(v, drawings.starts)) for v in (drawings.x, drawings.y))
    extent = np.maximum.reduceat(np.maximum(x, y), drawings.starts)
    scale = drawings.per_point(_LARGEST / np.where(extent > 0, extent, 1))
    return Drawings(x * scale, y * scale, drawings.points, drawings.strokes)


def _resampled(drawings: Drawings) -> Drawings:
    """Points 1 pixel apart along each stroke, from its first on, and its last; at least two."""
    first = drawings.stroke_starts
    steps = np.hypot(np.diff(drawings.x, prepend=0), np.diff(drawings.y, prepend=0))
    steps[first] = 0
    lengths = np.add.reduceat(steps, first)
    whole = np.add.reduceat(lengths, starts(drawings.strokes))
    spacing = np.maximum(1, whole / _MOST_SAMPLES)[drawings.owners]
    n = np.maximum(1, np.ceil(lengths / spacing)).astype(np.int64) + 1
    # One long ruler for all strokes: each begins 1 after the end of the one before.
    steps[first[1:]] = 1
    along = np.cumsum(steps)
    last = first + drawings.points - 1
    at = np.repeat(along[first], n) + (np.arange(n.sum()) - np.repeat(starts(n), n)) * np.repeat(spacing, n)
    at[np.cumsum(n) - 1] = along[last]
    return Drawings(np.interp(at, along, drawings.x), np.interp(at, along, drawings.y), n, drawings.strokes)


def peucker(
    x: FloatArray, y: FloatArray, first: IntArray, last: IntArray, epsilon: float = _EPSILON
) -> NDArray[np.bool_]:
    """Which points of several lines stay, after Ramer (1972), Douglas and Peucker (1973).

    All lines are halved at once: of the points between two kept ones, that farthest from the line through both stays
    where it is farther than epsilon.

    Args:
        x, y: the points of all lines.
        first, last: the first and the last point of each.
        epsilon: the largest distance at which a point may go.
    """
    kept = np.zeros(len(x), np.bool_)
    kept[first] = kept[last] = True
    a, b = first, last
    while len(a := a[inner := b - a > 1]):
        b = b[inner]
        n = b - a - 1
        line = np.repeat(np.arange(len(a)), n)
        i = np.arange(len(line)) - starts(n)[line] + a[line] + 1
        distance = _distance(x, y, i, a, b, line)
        farthest = np.maximum.reduceat(distance, starts(n))
        hits = np.flatnonzero(distance == farthest[line])
        middle = i[hits[np.searchsorted(line[hits], np.arange(len(a)))]]
        split = farthest > epsilon
        kept[middle[split]] = True
        a, b = np.concatenate([a[split], middle[split]]), np.concatenate([middle[split], b[split]])
    return kept


def _distance(x: FloatArray, y: FloatArray, i: IntArray, a: IntArray, b: IntArray, line: IntArray) -> FloatArray:
    """From points `i` to the line through points a and b, or to the one point that both are."""
    across, down = x[b] - x[a], y[b] - y[a]
    length = np.hypot(across, down)
    dx, dy = x[i] - x[a][line], y[i] - y[a][line]
    point = (length == 0)[line]
    to_line = np.abs(dx * down[line] - dy * across[line]) / np.where(length == 0, 1, length)[line]
    return np.where(point, np.hypot(dx, dy), to_line)
