"""From arrays as they were stored to pixels as the models take them: layout and values, decided before any is changed.

What is decided holds for all items alike; it is then carried out block by block, so that the array may be larger than
memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.large import Joined, Rows, blocks
from secondlook.errors import DataError, UsageError

# Whole numbers up to this are a scale of at most 17 greys (the digits of scikit-learn hold 0 to 16), not dark bytes.
_FEW_LEVELS = 16

Change = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True)
class Layout:
    """How items are laid out: height, width and channels (1, 3, or 4 with opacity) of each, and the view of a block of
    them as (n, h, w, c).
    """

    h: int
    w: int
    c: int
    view: Change
    note: str = ""


@dataclass(frozen=True, eq=False)
class Values:
    """What becomes of the numbers of a block: `change` gives `dtype`, uint8 or float32 in [0, 1]; None keeps them.

    Attributes:
        finite: which items hold no NaN and no infinity, bool (n,).
        note: what was done, in words.
    """

    dtype: type[np.uint8 | np.float32]
    change: Change | None
    note: str
    finite: NDArray[np.bool_]


def layout(x: Rows | Joined, where: str) -> Layout:
    """How images are laid out: (n, h, w), (n, h, w, c), (n, c, h, w), or (n, d) with d a square or three times one.

    Raises:
        DataError: not an array of numbers, of no such shape, or without images.
    """
    if x.dtype.names is not None:
        raise DataError(
            f"{where}: expected images as arrays of numbers, got records of {', '.join(x.dtype.names[:5])}; "
            "save the images and the labels as an array each"
        )
    if x.dtype.kind not in "biuf":
        raise DataError(f"{where}: expected images as arrays of numbers, got an array of {x.dtype}")
    found = _layout(tuple(x.shape), where)
    if not all(x.shape):
        raise DataError(f"{where}: expected at least one image, got an array of shape {tuple(x.shape)}")
    return found


def _layout(shape: tuple[int, ...], where: str) -> Layout:
    if len(shape) == 3:
        return Layout(shape[1], shape[2], 1, lambda b: b[..., None])
    if len(shape) == 4 and shape[3] in (1, 3, 4):
        return Layout(*shape[1:], view=lambda b: b)
    if len(shape) == 4 and shape[1] in (1, 3):
        return Layout(shape[2], shape[3], shape[1], lambda b: np.moveaxis(b, 1, 3), "channels moved last")
    if len(shape) != 2:
        raise DataError(
            f"{where}: expected images of shape (n, h, w), (n, h, w, c) or (n, d), with 1, 3 or 4 channels, "
            f"got shape {shape}"
        )
    for c, note in ((1, ""), (3, "rows read as height, width, channels")):
        side = isqrt(shape[1] // c)
        if side and side * side * c == shape[1]:
            return Layout(side, side, c, lambda b, side=side, c=c: b.reshape(len(b), side, side, c), note)  # type: ignore[misc]
    raise DataError(
        f"{where}: expected rows of h*h or h*h*3 numbers (a square image), got rows of {shape[1]:,}; "
        "give images of another form as (n, h, w) or (n, h, w, c)"
    )


def values(x: Rows | Joined, where: str = "") -> Values:
    """What becomes of the numbers of an array of images; `where` names the source in errors.

    Bytes are kept; truth values become 0 and 255; numbers in [0, 1] become bytes where they are k/255, else float32;
    whole numbers within 0 to 255 become bytes; uint16 is divided by 65,535; anything else is scaled from its own
    smallest and largest value. Items with NaN or infinity have no say in it.

    Raises:
        DataError: fractions up to 1 in one of several arrays, and numbers far beyond in another.
    """
    every = np.ones(len(x), dtype=np.bool_)
    if x.dtype == np.uint8:
        return Values(np.uint8, None, "", every)
    if x.dtype == np.bool_:
        return Values(np.uint8, lambda b: b * np.uint8(255), "true and false as 255 and 0", every)
    seen = _Seen(every)
    for at, block in blocks(x):
        seen.look(at, block)
    low, high = seen.low, seen.high
    if isinstance(x, Joined) and high > _FEW_LEVELS and not seen.whole:
        _check_one_scale(x, every, where)
    black, white = scale(low, high, whole=seen.whole)
    if seen.whole and low >= 0 and high <= 255:
        if white == 255:
            return Values(np.uint8, lambda b: b.astype(np.uint8), "", every)
        note = f"values 0 to {high:g} scaled to 0 to 255" if high else ""
        return Values(np.uint8, lambda b: _bytes(b, 255 / white), note, every)
    if x.dtype.kind == "u" and x.dtype.itemsize == 2:
        return Values(np.float32, lambda b: b / np.float32(65535), "16-bit values scaled to 0 to 1", every)
    if seen.in_unit:
        if seen.of_255:
            return Values(np.uint8, lambda b: _bytes(np.clip(b, 0, 1), 255), "", every)
        return Values(np.float32, lambda b: np.clip(b.astype(np.float32), 0, 1), "", every)
    # Halves, since the span of the largest numbers is none itself.
    span = white / 2 - black / 2 or 1.0
    note = f"values {black:g} to {white:g} scaled to 0 to 1"
    return Values(np.float32, lambda b: np.clip((b.astype(np.float64) / 2 - black / 2) / span, 0, 1), note, every)


def _check_one_scale(x: Joined, finite: NDArray[np.bool_], where: str) -> None:
    """Refuses arrays of which one was divided by 255 and another forgotten: one of both would be black."""
    spans, at = [], 0
    for piece in x.pieces:
        seen = _Seen(finite[at : at + len(piece)])
        for row, block in blocks(piece):
            seen.look(row, block)
        spans.append(seen)
        at += len(piece)
    small = [seen.high for seen in spans if seen.in_unit and not seen.whole]
    large = max(seen.high for seen in spans)
    if small and large > _FEW_LEVELS:
        raise DataError(
            f"{where}: expected parts of one scale, got one of 0 to {max(small):g} and one of up to {large:g}; "
            "divide all parts by the same number"
        )


def _bytes(block: NDArray[Any], factor: float) -> NDArray[np.uint8]:
    # Half precision holds no 255ths.
    wide = block if block.dtype.kind == "f" and block.dtype.itemsize > 2 else block.astype(np.float32)
    found: NDArray[np.uint8] = np.rint(wide * wide.dtype.type(factor)).astype(np.uint8)
    return found


def in_unit(low: float, high: float) -> bool:
    """Whether all numbers between are in [0, 1], but for rounding."""
    return low >= -1e-6 and high <= 1 + 1e-6


def scale(low: float, high: float, *, whole: bool) -> tuple[float, float]:
    """The numbers that mean black and white in images of which these are the smallest and the largest number.

    Whole numbers within 0 to 255 are bytes, unless they are so small that they must be a few levels of grey, of which
    the largest is white; other numbers in [0, 1] are fractions; anything else has its own scale.
    """
    if whole and low >= 0 and high <= 255:
        return 0, 255 if high > _FEW_LEVELS else max(high, 1)
    return (0, 1) if in_unit(low, high) else (low, high)


class _Seen:
    """What all numbers have in common, looked at block by block."""

    def __init__(self, finite: NDArray[np.bool_]) -> None:
        self.finite = finite  # filled here, of all items
        self.low: Any = np.inf
        self.high: Any = -np.inf
        self.whole = self.of_255 = True

    @property
    def in_unit(self) -> bool:
        """Whether all are in [0, 1], but for rounding."""
        return bool(in_unit(self.low, self.high))

    def look(self, at: int, block: NDArray[Any]) -> None:
        floats = block.dtype.kind == "f"
        # The smallest and the largest are NaN or infinite where any is: no need to ask each.
        if floats and not (np.isfinite(block.min()) and np.isfinite(block.max())):
            good = np.isfinite(block).all(axis=tuple(range(1, block.ndim)))
            self.finite[at : at + len(block)] = good
            block = block[good]
        if not len(block):
            return
        self.low, self.high = min(self.low, block.min().item()), max(self.high, block.max().item())
        if floats:
            self.whole = self.whole and bool((block == np.floor(block)).all())
            self.of_255 = self.of_255 and self.in_unit and _of_255(block)


def _of_255(block: NDArray[Any]) -> bool:
    """Whether numbers in [0, 1] are all k/255, as far as the precision they passed through can tell."""
    slack, wide = (1e-3, block) if block.dtype.itemsize >= 4 else (0.07, block.astype(np.float32))
    scaled = wide * wide.dtype.type(255)
    return not bool((np.abs(scaled - np.rint(scaled)) > slack).any())


def on_white(x: NDArray[Any]) -> NDArray[Any]:
    """RGB (n, h, w, 3) of pixels (n, h, w, 4) whose last channel is opacity."""
    full = 255 if x.dtype == np.uint8 else 1
    opacity = x[..., 3:].astype(np.float32) / full
    mixed = x[..., :3] * opacity + full * (1 - opacity)
    return (np.rint(mixed) if full == 255 else np.clip(mixed, 0, 1)).astype(x.dtype)


def check_size(size: int | None) -> None:
    """Raises UsageError unless `size` is None or a sensible edge in pixels."""
    if size is not None and (not isinstance(size, int | np.integer) or isinstance(size, bool) or not 1 <= size <= 4096):
        raise UsageError(f"expected a size from 1 to 4096 pixels, got {size!r}")
