"""What decoders let pass: images of which a part is missing, and those that would take too much memory or time."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

# Limits on what one file may cost: together they keep a process below a gigabyte.
_MOST_PIXELS = 89_478_485  # Pillow's own, where somebody took that away
_MOST_EDGE = 65_535  # JPEG's own
_MOST_MEMORY = 700_000_000
_BYTES_PER_PIXEL = {"JPEG2000": 20, "WEBP": 17, "AVIF": 10}  # of memory, while it is decoded; others less than 9
_MOST_SCANS = 4_000_000_000  # pixels of a progressive JPEG times its scans: some ten seconds

_SCAN, _END = b"\xff\xda", b"\xff\xd9"  # of a JPEG
_ALONE = (0x00, 0x01, *range(0xD0, 0xDA))
_MOST_SEGMENTS = 10_000
_SIGNATURE = 8  # bytes before the first chunk of a PNG
_ZEROS = bytes(256)


def check(image: Image, data: bytes) -> None:
    """Raises ValueError, before anything is decoded, for an image that is not all there, or that costs too much.

    A JPEG must have its end, the data of a PNG must fit their checksums, and a WebP or AVIF must not end in nothing but
    zeros, as a file does whose room was taken and that was not wholly written. Decoders fill what is missing with grey,
    or with what comes of reading zeros.

    Args:
        image: opened, not loaded.
        data: the whole file.
    """
    _check_size(image)
    if image.format in ("JPEG", "MPO"):
        _check_scans(data, image.width * image.height)
    elif image.format == "PNG":
        for kind, body, checksum in _chunks(data):
            if kind == b"IDAT" and zlib.crc32(body, zlib.crc32(kind)) != checksum:
                raise ValueError("damaged: the data of the PNG do not fit their checksum")
    elif image.format in ("WEBP", "AVIF") and data.endswith(_ZEROS):
        raise ValueError("truncated: it ends in zeros")


def _check_size(image: Image) -> None:
    from PIL import Image as Pillow

    width, height = image.size
    pixels = width * height
    most = Pillow.MAX_IMAGE_PIXELS or _MOST_PIXELS
    if image.format in _BYTES_PER_PIXEL:
        most = min(most, _MOST_MEMORY // _BYTES_PER_PIXEL[image.format])
    if pixels > most:
        raise ValueError(f"{width:,}x{height:,} = {pixels:,} pixels; at most {most:,} are read")
    if max(width, height) > _MOST_EDGE:
        raise ValueError(f"{width:,}x{height:,} pixels; an edge has at most {_MOST_EDGE:,}")


def _check_scans(data: bytes, pixels: int) -> None:
    """Whatever follows the end of a JPEG (a second picture, a film) is no part of it."""
    if (start := _first_scan(data)) is None:
        return
    end = data.find(_END, start)
    if end < 0:
        raise ValueError("truncated: the end of the JPEG is missing")
    if (scans := data.count(_SCAN, start, end)) * pixels > _MOST_SCANS:
        raise ValueError(f"a JPEG of {scans:,} scans of {pixels:,} pixels, which would take minutes")


def _first_scan(data: bytes) -> int | None:
    """Where the picture of a JPEG begins, behind its segments, which may hold a thumbnail; None where they are odd."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        at = data.find(b"\xff", at)
        if at < 0 or at + 4 > len(data):
            return None
        if data.startswith(_SCAN, at):
            return at
        marker = data[at + 1]
        # Some markers stand alone; a repeated FF fills up.
        alone = 2 if marker in _ALONE else 1 if marker == 0xFF else 0
        at += alone or 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview, int]]:
    """Kind, body and checksum of every chunk of a PNG that is wholly there."""
    view, at = memoryview(data), _SIGNATURE
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            return
        yield kind, view[at + 8 : end], struct.unpack_from(">I", data, end)[0]
        at = end + 4
