"""One image file: what its header says, and its pixels as a person would see them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.ids import hash_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

# Formats are told by content. Those without a signature (TGA) and those that run a program (EPS) stay out.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF")
_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "gif", "bmp", "dib", "webp"),
        *("tif", "tiff", "ppm", "pgm", "pbm", "pnm", "jp2", "avif"),
    )
)
_GREY = frozenset({"1", "L", "LA", "La", "I", "F"})
_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)


@dataclass(frozen=True)
class Header:
    """What is known of a file before its pixels are decoded.

    Attributes:
        state: "image", "broken" (named like an image, or begins like one), or "other" (not meant as one).
        width, height: as a person sees it, after its EXIF orientation.
        grey: whether one channel can hold it.
        digest: the hash of the file's bytes.
        reason: why it is broken.
    """

    state: Literal["image", "broken", "other"]
    width: int = 0
    height: int = 0
    grey: bool = True
    digest: str = ""
    reason: str = ""


def inspect(file: Path) -> Header:
    """The header of a file; never raises for what is in it."""
    from PIL import Image, UnidentifiedImageError

    try:
        with file.open("rb") as stream:
            image = Image.open(stream, formats=_formats())
            width, height = image.size
            # Without its "exif" chunk at hand, Pillow would decode a whole PNG in search of one.
            if (image.format != "PNG" or "exif" in image.info) and image.getexif().get(_ORIENTATION) in _SIDEWAYS:
                width, height = height, width
            grey = _is_grey(image)
            stream.seek(0)
            return Header("image", width, height, grey, hash_bytes(stream.read()))
    except UnidentifiedImageError:
        if file.suffix.lower() in _SUFFIXES:
            return Header("broken", reason="not an image inside" if file.stat().st_size else "empty file")
        return Header("other")
    except Exception as error:  # decoders raise anything at all on damaged bytes
        return Header("broken", reason=_reason(error))


def decode(file: Path, width: int, height: int, grey: bool) -> NDArray[np.uint8] | str:
    """Pixels uint8 (height, width, 1 or 3), resized where the image has another size; or why it cannot be read."""
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(file.read_bytes()), formats=_formats()) as image:
            # A large JPEG is decoded at a half, a quarter or an eighth, never below what is asked for.
            image.draft(None, (max(width, height), max(width, height)))
            upright = ImageOps.exif_transpose(image)
            flat = _in_colours(upright, grey)
            if flat.size != (width, height):
                shrinks = width <= flat.width and height <= flat.height
                flat = flat.resize((width, height), Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR)
            return np.asarray(flat, dtype=np.uint8).reshape(height, width, 1 if grey else 3)
    except Exception as error:  # decoders raise anything at all on damaged bytes
        return _reason(error)


@cache
def _formats() -> tuple[str, ...]:
    """The formats that this build of Pillow can read; WebP and AVIF depend on how it was built."""
    from PIL import Image

    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _is_grey(image: Image) -> bool:
    if image.mode != "P":
        return image.mode in _GREY or image.mode.startswith("I;16")
    palette = np.array(image.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())


def _in_colours(image: Image, grey: bool) -> Image:
    """The image in L or RGB, transparency laid on white."""
    from PIL import Image as Pillow

    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image = Pillow.fromarray(_to_bytes(np.asarray(image)))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Pillow.alpha_composite(Pillow.new("RGBA", image.size, "white"), image)
    return image.convert("L" if grey else "RGB")


def _to_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Greys of 16 or 32 bits as 8; Pillow's own conversion cuts them off at 255."""
    finite = np.nan_to_num(values.astype(np.float64))
    high = finite.max(initial=0)
    full = next((full for full in (1, 255, 65535) if high <= full), high)
    if values.dtype.kind == "u":
        full = 65535
    elif values.dtype.kind == "i" and full == 1:
        full = 255
    scaled: NDArray[np.uint8] = np.rint(np.clip(finite / full, 0, 1) * 255).astype(np.uint8)
    return scaled
