"""From an array as it was stored to pixels as the models take them: layout, values, size."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import DataError, UsageError

# Checks run block by block, so that a large array of floats is never copied as a whole.
_BLOCK = 4096

# Whole numbers up to this are a scale of at most 17 greys (the digits of scikit-learn hold 0 to 16), not dark bytes.
_FEW_LEVELS = 16


def to_pixels(x: NDArray[Any], where: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Pixels (n, h, w, c), c = 1 or 3, uint8 or float32 in [0, 1], and what was done to the values, in words.

    Layouts: (n, h, w), (n, h, w, c), (n, c, h, w), (n, d) with d a square or three times one; an alpha channel is
    laid on white. Values: bytes are kept; truth values become 0 and 255; numbers in [0, 1] become bytes where they
    are k/255, else float32; whole numbers within 0 to 255 become bytes; uint16 is divided by 65,535; anything else
    is scaled from its own smallest and largest value.

    Raises:
        DataError: not an array of images, or values that are no numbers.
    """
    if x.dtype.kind not in "biuf":
        raise DataError(f"{where}: expected images as arrays of numbers, got an array of {x.dtype}")
    x, notes = _layout(x, where)
    if not x.size:
        raise DataError(f"{where}: expected at least one image, got an array of shape {x.shape}")
    x, note = _scale(x, where)
    notes = [*notes, note] if note else notes
    if x.shape[3] == 4:
        x, notes = on_white(x), [*notes, "transparency laid on white"]
    return np.ascontiguousarray(x), tuple(notes)


def _layout(x: NDArray[Any], where: str) -> tuple[NDArray[Any], list[str]]:
    if x.ndim == 3:
        return x[..., None], []
    if x.ndim == 4 and x.shape[3] in (1, 3, 4):
        return x, []
    if x.ndim == 4 and x.shape[1] in (1, 3):
        return np.moveaxis(x, 1, 3), ["channels moved last"]
    if x.ndim == 2:
        d = x.shape[1]
        if d and isqrt(d) ** 2 == d:
            return x.reshape(len(x), isqrt(d), isqrt(d), 1), []
        if d and d % 3 == 0 and isqrt(d // 3) ** 2 == d // 3:
            side = isqrt(d // 3)
            return x.reshape(len(x), side, side, 3), ["rows read as height, width, channels"]
        raise DataError(
            f"{where}: expected rows of h*h or h*h*3 numbers (a square image), got rows of {d:,}; "
            "give images of another form as (n, h, w) or (n, h, w, c)"
        )
    raise DataError(
        f"{where}: expected images of shape (n, h, w), (n, h, w, c) or (n, d), with 1, 3 or 4 channels, "
        f"got shape {x.shape}"
    )


def _blocks(x: NDArray[Any]) -> Iterator[NDArray[Any]]:
    return (x[i : i + _BLOCK] for i in range(0, len(x), _BLOCK))


def _scale(x: NDArray[Any], where: str) -> tuple[NDArray[Any], str]:
    if x.dtype == np.uint8:
        return x, ""
    if x.dtype == bool:
        return x * np.uint8(255), "true and false as 255 and 0"
    if x.dtype.kind == "f":
        _check_finite(x, where)
    low, high = x.min().item(), x.max().item()
    whole = x.dtype.kind in "iu" or all(bool((b == np.floor(b)).all()) for b in _blocks(x))
    if whole and low >= 0 and high <= 255:
        if high > _FEW_LEVELS:
            return x.astype(np.uint8), ""
        note = f"values 0 to {high:g} scaled to 0 to 255" if high else ""
        return _map(x, lambda b: np.rint(b * (255 / max(high, 1))), np.uint8), note
    if x.dtype.itemsize == 2 and x.dtype.kind == "u":
        return _map(x, lambda b: b / np.float32(65535), np.float32), "16-bit values scaled to 0 to 1"
    if low >= -1e-6 and high <= 1 + 1e-6:
        if _holds_bytes(x):
            return _map(x, lambda b: np.rint(np.clip(b, 0, 1).astype(np.float64) * 255), np.uint8), ""
        return _map(x, lambda b: np.clip(b, 0, 1), np.float32), ""
    span = float(high) - float(low) or 1.0
    pixels = _map(x, lambda b: np.clip((b.astype(np.float64) - low) / span, 0, 1), np.float32)
    return pixels, f"values {low:g} to {high:g} scaled to 0 to 1"


def _map(x: NDArray[Any], change: Any, dtype: Any) -> NDArray[Any]:
    out = np.empty(x.shape, dtype)
    for i in range(0, len(x), _BLOCK):
        out[i : i + _BLOCK] = change(x[i : i + _BLOCK])
    return out


def _check_finite(x: NDArray[Any], where: str) -> None:
    for i, block in enumerate(_blocks(x)):
        if len(bad := np.flatnonzero(~np.isfinite(block).all(axis=(1, 2, 3)))):
            raise DataError(
                f"{where}: expected finite numbers, got NaN or infinity in image {i * _BLOCK + int(bad[0])} "
                "(counted from 0)"
            )


def _holds_bytes(x: NDArray[Any]) -> bool:
    """Whether numbers in [0, 1] are all k/255, as far as the precision they passed through can tell."""
    slack = 1e-3 if x.dtype.itemsize >= 4 else 0.07
    for block in _blocks(x):
        scaled = block.astype(np.float64) * 255
        if bool((np.abs(scaled - np.rint(scaled)) > slack).any()):
            return False
    return True


def on_white(x: NDArray[Any]) -> NDArray[Any]:
    """RGB (n, h, w, 3) of pixels (n, h, w, 4) whose last channel is opacity."""
    full = 255 if x.dtype == np.uint8 else 1
    out = np.empty((*x.shape[:3], 3), x.dtype)
    for i in range(0, len(x), _BLOCK):
        block = x[i : i + _BLOCK].astype(np.float32)
        opacity = block[..., 3:] / full
        mixed = block[..., :3] * opacity + full * (1 - opacity)
        out[i : i + _BLOCK] = np.rint(mixed) if full == 255 else np.clip(mixed, 0, 1)
    return out


def check_size(size: int | None) -> None:
    """Raises UsageError unless `size` is None or a sensible edge in pixels."""
    if size is not None and (not isinstance(size, int | np.integer) or isinstance(size, bool) or not 1 <= size <= 4096):
        raise UsageError(f"expected a size from 1 to 4096 pixels, got {size!r}")


def resize(pixels: NDArray[Any], size: int) -> NDArray[Any]:
    """Pixels (n, size, size, c): the mean of the covered area when smaller, bilinear when larger."""
    from PIL import Image

    n, h, w, c = pixels.shape
    if (h, w) == (size, size):
        return pixels
    method = Image.Resampling.BOX if size <= min(h, w) else Image.Resampling.BILINEAR
    out = np.empty((n, size, size, c), pixels.dtype)
    for i in range(n):
        for channel in range(c):
            image = Image.fromarray(np.ascontiguousarray(pixels[i, :, :, channel]))
            out[i, :, :, channel] = image.resize((size, size), method)
    return out if pixels.dtype == np.uint8 else np.clip(out, 0, 1, out=out)
