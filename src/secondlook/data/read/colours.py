"""From whatever colours an image was stored in to grey or RGB bytes, by one stated rule for each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.pixels import in_unit, scale

if TYPE_CHECKING:
    from PIL.Image import Image

DEEP = ("I", "F")  # greys of 32 bits
_GREY = frozenset({"1", "L", "LA", "La", *DEEP})


def is_deep(mode: str) -> bool:
    """Whether the pixels of a Pillow mode are greys of more than 8 bits."""
    return mode in DEEP or mode.startswith("I;16")


def holds_grey(image: Image) -> bool:
    """Whether one channel can hold an image, as far as its header and its palette tell."""
    if image.mode != "P":
        return image.mode in _GREY or is_deep(image.mode)
    palette = np.array(image.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())


@dataclass(frozen=True)
class Levels:
    """The smallest and the largest number of an image, or of several, and whether all are whole."""

    low: float
    high: float
    whole: bool


Scale = tuple[float, float]  # the numbers that become 0 and 255
_SIXTEEN_BITS: Scale = (0, 65535)
_BAND = 2**20  # pixels that are looked at in one go


def levels(image: Image) -> Levels | None:
    """The numbers of an image that has no scale of its own (32-bit integers, real numbers); None for any other.

    Raises:
        ValueError: pixels that are NaN or infinite.
    """
    # Pillow scales a PGM of more than 8 bits to 65,535 itself, however dark it is.
    if image.mode not in DEEP or (image.mode == "I" and image.format == "PPM"):
        return None
    low, high, whole = np.inf, -np.inf, True
    lines = max(1, _BAND // max(1, image.width))
    for top in range(0, image.height, lines):
        band = np.asarray(image.crop((0, top, image.width, min(image.height, top + lines))))
        if not np.isfinite(band).all():
            raise ValueError("pixels that are NaN or infinite")
        low, high = min(low, float(band.min())), max(high, float(band.max()))
        whole = whole and (band.dtype.kind != "f" or bool((band == np.floor(band)).all()))
    return Levels(low, high, whole)


def one_scale(found: Iterable[Levels | None]) -> Scale | None:
    """One scale for all images of a set that have none of their own; None where all have."""
    deep = [one for one in found if one is not None]
    if not deep:
        return None
    return scale(min(x.low for x in deep), max(x.high for x in deep), whole=all(x.whole for x in deep))


def spans(span: Scale | None, found: Levels | None) -> bool:
    """Whether a scale holds the numbers of an image; those of fractions may exceed it by rounding."""
    if found is None or span is None:
        return found is None
    return in_unit(found.low, found.high) if span == (0, 1) else span[0] <= found.low and found.high <= span[1]


def to_bytes(image: Image, grey: bool, span: Scale | None) -> tuple[NDArray[np.uint8], bool]:
    """Pixels uint8 (h, w, 1 or 3), what is transparent laid on white, and whether anything was.

    Args:
        image: a loaded image, or a part of one.
        grey: whether one channel is wanted; only for images that `holds_grey`.
        span: what becomes 0 and 255 in an image that has `levels`.
    """
    from PIL import Image as Pillow

    if is_deep(image.mode):
        flat, clear = _shallow(image, span or _SIXTEEN_BITS)
        return np.repeat(flat[..., None], 1 if grey else 3, axis=2), clear
    if image.mode == "LAB":
        image = _from_lab(image)
    wanted = "L" if grey else "RGB"
    clear = False
    if image.has_transparency_data:
        image = image.convert("LA" if grey else "RGBA")
        opacity = image.getchannel("A")
        if clear := opacity.getextrema()[0] != 255:
            ground = Pillow.new(wanted, image.size, "white")
            ground.paste(image.convert(wanted), mask=opacity)
            image = ground
    flat = np.asarray(image if image.mode == wanted else image.convert(wanted))
    return flat.reshape(*flat.shape[:2], -1), clear


def has_colour(pixels: NDArray[np.uint8]) -> bool:
    """Whether the channels of any pixel (h, w, c) differ."""
    if pixels.shape[2] == 1:
        return False
    # Most photos show it in their first line. Planes of flat bytes are compared forty times faster than the last axis.
    for part in (pixels[:1], pixels):
        flat = part.reshape(-1)
        if not (np.array_equal(flat[::3], flat[1::3]) and np.array_equal(flat[::3], flat[2::3])):
            return True
    return False


def _shallow(image: Image, span: Scale) -> tuple[NDArray[np.uint8], bool]:
    """Greys of 16 or 32 bits as 8; Pillow's own conversion cuts them off at 255."""
    stored = np.asarray(image)
    if stored.dtype.kind == "u":
        # Rounded v / 257, since 65,535 = 255 * 257.
        flat = ((stored.astype(np.uint32) + 128) // 257).astype(np.uint8)
    else:
        black, white = span
        shares = (stored.astype(np.float64) - black) / (white - black or 1.0)
        flat = np.rint(np.clip(shares, 0, 1) * 255).astype(np.uint8)
    clear = image.info.get("transparency")
    if not isinstance(clear, int) or not (mask := stored == clear).any():
        return flat, False
    return np.where(mask, np.uint8(255), flat), True


def _from_lab(image: Image) -> Image:
    from PIL import ImageCms

    done = ImageCms.applyTransform(image, _lab_to_rgb())
    assert done is not None
    return done


@cache
def _lab_to_rgb() -> Any:
    """CIE L*a*b* (D50) to sRGB, by LittleCMS."""
    from PIL import ImageCms

    return ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
