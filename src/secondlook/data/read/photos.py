"""One image file: what its header says, and its pixels as a person would see them."""

from __future__ import annotations

import io
import os
import stat
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.colours import DEEP, Levels, holds_grey, levels, spans
from secondlook.data.read.damage import check
from secondlook.data.read.ids import hash_bytes
from secondlook.data.read.shape import SIDEWAYS, Plan, shaped
from secondlook.types import Fault, FaultKind

if TYPE_CHECKING:
    from PIL.Image import Image

# Formats are told by content. Those without a signature (TGA) and those that run a program (EPS) stay out.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM", "JPEG2000", "AVIF")
_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "gif", "bmp", "dib", "webp"),
        *("tif", "tiff", "ppm", "pgm", "pbm", "pnm", "jp2", "j2k", "avif"),
        *("heic", "heif", "jxl", "svg"),  # meant as images, though not read
    )
)
# How files begin that are often found in the place of an image.
_STRANGERS = (
    (b"version https://git-lfs", "a Git LFS pointer, not the image itself; fetch the files with git lfs pull"),
    (b"<!doctype html", "a web page, not an image"),
    (b"<html", "a web page, not an image"),
    (b"<svg", "an SVG drawing, which is not read; save it as PNG"),
    (b"<?xml", "an XML or SVG file, which is not read; save it as PNG"),
    (b"%pdf", "a PDF, which is not read; save its pages as PNG"),
)
_HEIF = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1")

_ORIENTATION = 0x0112

_MOST_BYTES = 2**28  # of one file
_HEAVY_PIXELS, _HEAVY_BYTES = 2**24, 2**25  # from here on one at a time, to keep the process below a gigabyte
_MOST_FRAMES = 1000
_HEAD = 64
_heavy = threading.Lock()

# A large JPEG is decoded at a half, a quarter or an eighth, but never below this many times what is asked for.
_SPARE = 3


@dataclass(frozen=True)
class Header:
    """What is known of a file before its pixels are decoded.

    Attributes:
        state: "image", "broken" (it begins like an image, or cannot be read), or "other" (no image).
        width, height: as a person sees it, after its EXIF orientation.
        grey: whether one channel can hold it, as far as the header tells.
        digest: the hash of the file's bytes.
        reason: why it is broken, or no image; kind: what such a fault is called.
        passing: whether another attempt may end otherwise (a network that fails).
        format, mode, bytes, turned, frames: as in `Origins`.
        levels: the numbers of an image whose scale is that of its set; None for any other.
    """

    state: Literal["image", "broken", "other"]
    width: int = 0
    height: int = 0
    grey: bool = True
    digest: str = ""
    reason: str = ""
    kind: FaultKind = "broken"
    passing: bool = False
    format: str = ""
    mode: str = ""
    bytes: int = 0
    turned: bool = False
    frames: int = 1
    levels: Levels | None = None


@dataclass(frozen=True, eq=False)
class Photo:
    """An image as far as it was wanted.

    Attributes:
        header: with state "broken" where the pixels cannot be decoded.
        pixels: uint8 (height, width, 1 or 3); None where there are none, or the plan did not fit.
        grey: whether no pixel has a colour.
        transparent: whether something was laid on white.
    """

    header: Header
    pixels: NDArray[np.uint8] | None = None
    grey: bool = True
    transparent: bool = False


def named_like_one(file: Path) -> bool:
    """Whether a file is called like an image."""
    return file.suffix.lower() in _SUFFIXES


def fault(name: str, header: Header, *, meant: bool) -> Fault:
    """What a file that is no image is called in `ImageSet.faults`."""
    if header.state == "other" and not meant:
        return Fault(name, "ignored", header.reason)
    return Fault(name, header.kind, header.reason)


def read_file(file: Path) -> bytes:
    """The bytes of a file; only the first of a large one that is no image.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger than any image.
    """
    # A pipe that took the place of a file would keep us waiting.
    handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    with open(handle, "rb", buffering=0) as stream:  # noqa: PTH123  # an open handle
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise OSError("a pipe, a socket or a device")
        if status.st_size > _HEAVY_BYTES:
            head = stream.read(_HEAD)
            if not _begins_like_one(head):
                return head
            stream.seek(0)
        if status.st_size > _MOST_BYTES:
            raise OSError(f"a file of {status.st_size:,} bytes; at most {_MOST_BYTES:,} are read")
        return stream.read(status.st_size)


def fits(plan: Plan, header: Header) -> bool:
    """Whether an image can become what is planned; otherwise the plan was made too early."""
    same = (header.width, header.height) == (plan.width, plan.height)
    return (plan.how is not None or same) and (header.grey or not plan.grey) and spans(plan.span, header.levels)


def inspect(encoded: Callable[[], bytes]) -> Header:
    """The header of an encoded image; never raises for what is in it, or for a file that cannot be read."""
    return decode(encoded, None).header


def decode(encoded: Callable[[], bytes], plan: Plan | None) -> Photo:
    """An image as planned; only its header without a plan, or where the plan does not fit.

    Never raises for what is in it, or for a file that cannot be read.
    """
    try:
        data = encoded()
    except PermissionError:
        return Photo(Header("broken", reason="no permission to read it", kind="permission"))
    except FileNotFoundError:
        return Photo(Header("broken", reason="there is no such file", kind="missing"))
    except OSError as error:
        # Without a number it is a reader's own word, and stays true.
        return Photo(Header("broken", reason=error.strerror or _words(error), passing=error.errno is not None))
    return _opened(data, plan)


def _opened(data: bytes, plan: Plan | None) -> Photo:
    from PIL import Image, UnidentifiedImageError

    if not data:
        return Photo(Header("other", reason="empty file"))
    header = Header("broken", digest=hash_bytes(data), bytes=len(data))
    try:
        with Image.open(io.BytesIO(data), formats=_formats()) as image:
            check(image, data)
            heavy = image.width * image.height > _HEAVY_PIXELS or len(data) > _HEAVY_BYTES
            with _heavy if heavy else nullcontext():
                header = _header(image, data, header)
                return _decoded(image, header, plan) if plan is not None and fits(plan, header) else Photo(header)
    except UnidentifiedImageError:
        return Photo(Header("other", reason=_stranger(data)))
    except Exception as error:  # decoders raise anything at all on damaged bytes
        return Photo(replace(header, state="broken", reason=_words(error)))


def _header(image: Image, data: bytes, known: Header) -> Header:
    width, height = image.size
    turn = _orientation(image, data)
    # Pillow gives the size of a TIFF, and later its pixels, turned already.
    if turn in SIDEWAYS and image.format != "TIFF":
        width, height = height, width
    return replace(
        known,
        state="image",
        width=width,
        height=height,
        grey=holds_grey(image),
        format="JPEG" if image.format == "MPO" else image.format or "",
        mode=image.mode,
        turned=turn != 1,
        frames=_frames(image, len(data)),
        levels=_levels(image),
    )


def _levels(image: Image) -> Levels | None:
    """The numbers of an image that has no scale of its own; it is decoded for them."""
    if image.mode not in DEEP:
        return None
    image.load()
    return levels(image)


def _orientation(image: Image, data: bytes = b"") -> int:
    """1 to 8, as Pillow's `exif_transpose` finds it in EXIF or XMP; 1 where there is none, or none that makes sense."""
    # Pillow decodes a whole PNG in search of it.
    if image.format == "PNG" and data and not any(mark in data for mark in (b"eXIf", b"type exif", b"tiff:Orient")):
        return 1
    try:
        turn = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # EXIF of any quality; the pixels may be sound
        return 1
    return turn if turn in range(1, 9) else 1


def _frames(image: Image, size: int) -> int:
    """How many an animation or a file of pages has, as far as they are quickly counted."""
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return 1  # a second picture in a JPEG is a thumbnail, or the depth
    try:
        if image.format != "TIFF":
            # In a GIF they are found one after the other.
            return image.n_frames if size < _HEAVY_BYTES else _MOST_FRAMES  # type: ignore[attr-defined]
        for page in range(_MOST_FRAMES):
            image.seek(page)
        count = _MOST_FRAMES
    except EOFError:
        count = image.tell() + 1
    except Exception:  # what comes after the first is not used
        count = 2
    image.seek(0)  # whatever went wrong, the first is what is decoded
    return count


def _decoded(image: Image, header: Header, plan: Plan) -> Photo:
    """Decodes what is planned."""
    size, step = image.size, 1
    if plan.how is not None and (small := image.draft(None, (_SPARE * plan.width, _SPARE * plan.height))):
        # Pillow says how large the original is in the pixels of the small one: 127.5 of 128.
        step = round(size[0] / small[1][2])
    image.load()
    if step == 1:
        size = image.size  # a TIFF is turned when it is loaded
    done = shaped(image, _orientation(image), plan, step, size)
    return Photo(header, done.pixels, not done.coloured, done.transparent)


def _words(error: Exception) -> str:
    """What a decoder says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _begins_like_one(head: bytes) -> bool:
    """Whether any decoder takes a file that begins so."""
    from PIL import Image

    head = head.ljust(16, b"\0")  # some decoders look at four bytes that need not be there
    return any(bool(accept(head)) for name in _formats() if (accept := Image.OPEN[name][1]) is not None)


def _stranger(data: bytes) -> str:
    """What a file is that is no image."""
    if data[4:12] in _HEIF:
        return "a HEIC photo, which is not read; save it as JPEG"
    start = data[:_HEAD].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    otherwise = "damaged: it begins like an image" if _begins_like_one(data[:_HEAD]) else "not an image inside"
    return next((what for mark, what in _STRANGERS if start.startswith(mark)), otherwise)


@cache
def _formats() -> tuple[str, ...]:
    """The formats that this build of Pillow can read; WebP and AVIF depend on how it was built."""
    from PIL import Image

    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)
