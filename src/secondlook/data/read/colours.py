"""From whatever colours an image was stored in to grey or RGB bytes, by one stated rule for each."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

_GREY = frozenset({"1", "L", "LA", "La", "I", "F"})


def is_deep(mode: str) -> bool:
    """Whether the pixels of a Pillow mode are greys of more than 8 bits."""
    return mode in ("I", "F") or mode.startswith("I;16")


def holds_grey(image: Image) -> bool:
    """Whether one channel can hold an image, as far as its header and its palette tell."""
    if image.mode != "P":
        return image.mode in _GREY or is_deep(image.mode)
    palette = np.array(image.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())


def full_scale(image: Image) -> float:
    """What becomes 255 in an image of more than 8 bits; 65,535 in all others.

    65,535 for unsigned 16-bit numbers. Else the first of 1 (real numbers only), 255 and 65,535 that no
    pixel exceeds, but for rounding, else the largest pixel.
    """
    # Pillow scales a PGM of more than 8 bits to 65,535 itself, however dark it is.
    if image.mode not in ("I", "F") or (image.mode == "I" and image.format == "PPM"):
        return 65535
    highest = float(image.getextrema()[1])  # type: ignore[arg-type]  # one band, so two numbers
    steps = (255, 65535) if image.mode == "I" else (1, 255, 65535)
    return next((step for step in steps if highest <= step * (1 + 1e-6)), highest)


def to_bytes(image: Image, grey: bool, full: float) -> tuple[NDArray[np.uint8], bool]:
    """Pixels uint8 (h, w, 1 or 3), what is transparent laid on white, and whether anything was.

    Args:
        image: a loaded image, or a part of one.
        grey: whether one channel is wanted; only for images that `holds_grey`.
        full: of the whole image, see `full_scale`; used for those of more than 8 bits alone.

    Raises:
        ValueError: real numbers that are NaN or infinite.
    """
    from PIL import Image as Pillow

    if is_deep(image.mode):
        flat, clear = _shallow(image, full)
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


def _shallow(image: Image, full: float) -> tuple[NDArray[np.uint8], bool]:
    """Greys of 16 or 32 bits as 8; Pillow's own conversion cuts them off at 255."""
    stored = np.asarray(image)
    if stored.dtype.kind == "u":
        # Rounded v / 257, since 65,535 = 255 * 257.
        flat = ((stored.astype(np.uint32) + 128) // 257).astype(np.uint8)
    else:
        if not np.isfinite(stored).all():
            raise ValueError("pixels that are NaN or infinite")
        flat = np.rint(np.clip(stored / max(full, 1e-300), 0, 1) * 255).astype(np.uint8)
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
