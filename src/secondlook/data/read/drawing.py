"""Drawings as strokes: one from a line of Quick, Draw!'s ndjson, many as flat arrays."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.types import FloatArray, IntArray

# The longest of 1,386 raw drawings has 909 points. A coordinate beyond is no place on any screen.
_MOST_POINTS = 10_000
_FARTHEST = 1e9

# Google's simplified drawings are scaled to 255, then lose some points: of 8,600 none ends below 241.
_LARGEST, _LEAST_LARGEST = 255, 200


@dataclass(frozen=True)
class Drawing:
    """One drawing as its line tells it.

    Attributes:
        word: what the player was asked to draw; "" where the line does not say.
        recognised: whether the game knew it; True where the line does not say.
        strokes: for each the list of its x and that of its y, as many of one as of the other.
        simplified: whether they are as Google's simplification leaves them: whole numbers up to 255, and no times.
    """

    word: str
    recognised: bool
    strokes: list[tuple[list[float], list[float]]]
    simplified: bool


@dataclass(frozen=True, eq=False)
class Drawings:
    """n drawings, one point after the other.

    Attributes:
        x, y: float64, the coordinates of all points.
        points: int64, how many points each stroke has, at least 1.
        strokes: int64 (n,), how many strokes each drawing has, at least 1.
    """

    x: FloatArray
    y: FloatArray
    points: IntArray
    strokes: IntArray

    def __len__(self) -> int:
        return len(self.strokes)

    @property
    def stroke_starts(self) -> IntArray:
        """The first point of each stroke."""
        return starts(self.points)

    @property
    def starts(self) -> IntArray:
        """The first point of each drawing."""
        return self.stroke_starts[starts(self.strokes)]

    @property
    def owners(self) -> IntArray:
        """The drawing that each stroke belongs to."""
        return np.repeat(np.arange(len(self)), self.strokes)

    def per_point(self, values: NDArray[Any]) -> NDArray[Any]:
        """A value per drawing as one per point."""
        return np.repeat(values[self.owners], self.points)


def starts(lengths: IntArray) -> IntArray:
    """Where each of several runs begins that lie one after the other."""
    return np.cumsum(lengths) - lengths


def collect(drawings: Sequence[Drawing]) -> Drawings:
    """Several drawings as arrays."""
    strokes = [stroke for drawing in drawings for stroke in drawing.strokes]
    return Drawings(
        x=np.fromiter(chain.from_iterable(x for x, _ in strokes), np.float64),
        y=np.fromiter(chain.from_iterable(y for _, y in strokes), np.float64),
        points=np.array([len(x) for x, _ in strokes], np.int64),
        strokes=np.array([len(drawing.strokes) for drawing in drawings], np.int64),
    )


def parse(line: bytes) -> Drawing | str:
    """The drawing of one line of ndjson; or, in a few words, why there is none."""
    try:
        item = json.loads(line)
    except (ValueError, RecursionError):
        return "no line of JSON"
    if not isinstance(item, dict) or not isinstance(drawing := item.get("drawing"), list):
        return "JSON without a list named drawing"
    if not drawing:
        return "an empty drawing"
    if reason := next(filter(None, map(_wrong, drawing)), ""):
        return reason
    if (n := sum(len(stroke[0]) for stroke in drawing)) > _MOST_POINTS:
        return f"a drawing of {n:,} points, more than {_MOST_POINTS:,}"
    word = item.get("word")
    return Drawing(
        word=word.strip() if isinstance(word, str) else "",
        recognised=item.get("recognized") is not False,
        strokes=[(stroke[0], stroke[1]) for stroke in drawing],
        simplified=_simplified(drawing),
    )


def _wrong(stroke: Any) -> str:
    """What is wrong with a stroke; "" where nothing is."""
    if not isinstance(stroke, list) or len(stroke) < 2 or not all(isinstance(axis, list) for axis in stroke[:2]):
        return "a stroke that is not a list of x and a list of y"
    x, y = stroke[:2]
    if len(x) != len(y):
        return f"a stroke of {len(x)} x and {len(y)} y"
    if not x:
        return "a stroke without points"
    if not {*map(type, x), *map(type, y)} <= {int, float}:
        return "a coordinate that is no number"
    # A sum with NaN is not equal to itself; the other two comparisons may overlook one.
    if not all(min(axis) >= -_FARTHEST and max(axis) <= _FARTHEST and sum(axis) == sum(axis) for axis in (x, y)):
        return "a coordinate that is NaN, infinite or beyond a billion"
    return ""


def _simplified(drawing: list[list[list[float]]]) -> bool:
    axes = [axis for stroke in drawing for axis in stroke]
    if len(axes) != 2 * len(drawing) or {*map(type, chain.from_iterable(axes))} != {int}:
        return False
    return min(map(min, axes)) >= 0 and _LEAST_LARGEST <= max(map(max, axes)) <= _LARGEST
