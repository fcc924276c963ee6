"""All images of a listing as pixels of one size, decoded in parallel.

Each image is read and decoded in one go: what all are to become is guessed from a few headers, and begun anew in the
rare case that others contradict.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read import large
from secondlook.data.read.colours import Scale, one_scale
from secondlook.data.read.listing import Listing
from secondlook.data.read.photos import Header, decode, fits
from secondlook.data.read.settings import Settings
from secondlook.data.read.shape import Plan
from secondlook.runs.machine import cores
from secondlook.types import IntArray, Origins

_DEFAULT_SIZE = 64
# A uniform size is kept up to this edge; larger photos are for --size to ask for.
_LARGEST_NATIVE = 256
_GUESSED_FROM = 16
_GUESSED_BYTES = 2**30
_CHUNK = 32
# Pixels of an image up to which its decoding is over before a second thread could help; measured on two cores.
_ONE_THREAD = 2**14

A = TypeVar("A")
Sheet = Callable[[tuple[int, ...]], NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class Decoded:
    """What became of a listing of n images.

    Attributes:
        pixels: uint8 (k, height, width, 1 or 3), a memory map where they are kept.
        items: int64 (k,), which of the listing they are; in order.
        digests: str (k,), the hashes of their bytes.
        origins: what they were as files.
        span: what became black and white in images without a scale of their own; None where there are none.
        lost: the other n - k, by their place in the listing, with a header that says why.
    """

    pixels: NDArray[np.uint8]
    items: IntArray
    digests: NDArray[np.str_]
    origins: Origins
    span: Scale | None
    lost: dict[int, Header]


@dataclass(frozen=True)
class _Seen:
    """One image after a pass, without its pixels; `done` where they are in their place."""

    header: Header
    done: bool
    grey: bool
    transparent: bool


def _each(work: Callable[[int], A], n: int, threads: int) -> list[A]:
    """What `work` gives for 0 to n - 1, done in parallel, in about this order."""
    size = max(1, min(_CHUNK, n // (4 * threads)))

    def some(low: int) -> list[A]:
        return [work(i) for i in range(low, min(n, low + size))]

    with ThreadPoolExecutor(threads) as pool:
        return [result for chunk in pool.map(some, range(0, n, size)) for result in chunk]


def _plan(headers: Sequence[Header], settings: Settings) -> Plan:
    grey = bool(headers) and all(header.grey for header in headers)
    span = one_scale(header.levels for header in headers)
    if settings.size is not None:
        return Plan(settings.size, settings.size, grey, settings.resize, span)
    sizes = {(header.width, header.height) for header in headers}
    if len(sizes) == 1 and max(size := sizes.pop()) <= _LARGEST_NATIVE:
        return Plan(*size, grey, None, span)
    return Plan(_DEFAULT_SIZE, _DEFAULT_SIZE, grey, settings.resize, span)


def _headers(listing: Listing, items: Sequence[int], threads: int) -> list[Header]:
    """The headers of those that are images."""
    found = _each(lambda i: decode(partial(listing.encoded, items[i]), None).header, len(items), threads)
    return [header for header in found if header.state == "image"]


def _guess(listing: Listing, settings: Settings) -> tuple[Plan, int]:
    """What a few images suggest that all are to become, and how many threads are to decode them."""
    n = len(listing.names)
    # Items of a container are read from its beginning.
    step = max(1, n // _GUESSED_FROM) if len(listing.files) == n else 1
    headers = _headers(listing, range(0, n, step)[:_GUESSED_FROM], 1)
    threads = cores() if any(header.width * header.height > _ONE_THREAD for header in headers) else 1
    plan = _plan(headers, settings)
    if n * plan.width * plan.height * 3 > _GUESSED_BYTES:  # a lot of room to take on a guess
        plan = _plan(_headers(listing, range(n), threads), settings)
    return plan, threads


def decode_each(listing: Listing, settings: Settings, sheet: Sheet) -> Decoded:
    """All images, on a sheet that is made for them; what is left out leaves no gap.

    What cannot be decoded has no say in what all become: once it is out, the others may still be of one size.
    """
    seen: dict[int, _Seen] = {}
    items = list(range(len(listing.names)))
    plan, threads = _guess(listing, settings)
    while True:
        pixels = sheet((len(items), plan.height, plan.width, 1 if plan.grey else 3))
        seen |= zip(items, _pass(listing, items, plan, pixels, threads), strict=True)
        rows = [row for row, item in enumerate(items) if seen[item].header.state == "image"]
        kept = [items[row] for row in rows]
        wanted = _plan([seen[item].header for item in kept], settings)
        if wanted == plan and all(seen[item].done for item in kept):
            break
        items, plan = kept, wanted
    lost = {item: one.header for item, one in seen.items() if one.header.state != "image"}
    found, origins, digests = _closed_up(pixels, rows), *_facts([seen[item] for item in kept])
    return Decoded(found, np.array(kept, dtype=np.int64), digests, origins, plan.span, dict(sorted(lost.items())))


def _pass(listing: Listing, items: Sequence[int], plan: Plan, pixels: NDArray[np.uint8], threads: int) -> list[_Seen]:
    """Decodes all into their places. Once one contradicts the plan, the others are only looked at."""
    contradicted = threading.Event()

    def one(row: int) -> _Seen:
        encoded = partial(listing.encoded, items[row])
        photo = decode(encoded, None if contradicted.is_set() else plan)
        if photo.pixels is not None:
            pixels[row] = photo.pixels
        elif photo.header.state == "image" and not fits(plan, photo.header):
            contradicted.set()
        return _Seen(photo.header, photo.pixels is not None, photo.grey, photo.transparent)

    return _each(one, len(items), threads)


def _closed_up(pixels: NDArray[np.uint8], rows: Sequence[int]) -> NDArray[np.uint8]:
    """The rows one after the other, moved up in place."""
    if len(rows) < len(pixels):
        step = max(1, large.BLOCK // max(1, pixels[:1].nbytes))
        for low in range(0, len(rows), step):
            some = rows[low : low + step]
            pixels[low : low + len(some)] = pixels[some]
    return pixels[: len(rows)]


def _facts(seen: Sequence[_Seen]) -> tuple[Origins, NDArray[np.str_]]:
    """What images were as files, and the hashes of their bytes."""
    headers = [one.header for one in seen]
    origins = Origins(
        formats=np.array([header.format for header in headers], dtype=np.str_),
        modes=np.array([header.mode for header in headers], dtype=np.str_),
        bytes=np.array([header.bytes for header in headers], dtype=np.int64),
        widths=np.array([header.width for header in headers], dtype=np.int64),
        heights=np.array([header.height for header in headers], dtype=np.int64),
        grey=np.array([one.grey for one in seen], dtype=np.bool_),
        turned=np.array([header.turned for header in headers], dtype=np.bool_),
        transparent=np.array([one.transparent for one in seen], dtype=np.bool_),
        frames=np.array([header.frames for header in headers], dtype=np.int64),
    )
    return origins, np.array([header.digest for header in headers], dtype=np.str_)
