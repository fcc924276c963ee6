"""Decoded images, kept for the next start, which then only looks at the times of the files."""

from __future__ import annotations

import hashlib
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read import cache, large
from secondlook.data.read.decoding import Decoded, decode_each
from secondlook.data.read.listing import Listing
from secondlook.data.read.photos import Header
from secondlook.data.read.settings import Settings
from secondlook.types import Origins

# Raised whenever the same files give other pixels or facts than before.
_VERSION = 3


def decode_all(listing: Listing, settings: Settings, where: str) -> Decoded:
    """All images of a listing, in one size and one colour mode.

    Args:
        listing: what a reader found.
        settings: size, the way to resize, whether to use the cache.
        where: names the source in errors.

    Raises:
        DataError: neither memory nor a disk has room for the pixels.
    """
    with _strict_decoders():
        if settings.cache:
            with suppress(OSError):  # no disk has room, or none may be written to
                return _from_cache(listing, settings)
        return decode_each(listing, settings, partial(_in_memory, where=where))


def _from_cache(listing: Listing, settings: Settings) -> Decoded:
    key = _key(listing, settings)
    for _ in range(2):
        folder = cache.entry("photos", key, partial(_build, listing, settings))
        try:
            found = _load(folder)
        except (OSError, ValueError, KeyError, BadZipFile):  # damaged, though of the right size and time
            cache.drop(folder)
            continue
        if any(header.passing for header in found.lost.values()):
            cache.drop(folder)  # the map stays valid; the next start tries again
        return found
    raise OSError(f"{folder} is not as it was written")


def _in_memory(shape: tuple[int, ...], where: str) -> NDArray[np.uint8]:
    return large.empty(shape, np.uint8, where)


def _key(listing: Listing, settings: Settings) -> str:
    """What the pixels depend on. The time of a file's last change of any kind tells more than its own date."""
    import PIL

    digest = hashlib.blake2b(digest_size=16)
    here = os.getcwd()  # noqa: PTH109  # thousands of paths, where Path is slow
    digest.update(f"{_VERSION} {PIL.__version__} {settings.size} {settings.resize} {len(listing.names)}".encode())
    for file in listing.files:
        path = os.path.join(here, file)  # noqa: PTH118
        try:
            status = os.stat(path)  # noqa: PTH116
            facts = f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
        except OSError as error:
            facts = f"error {error.errno}"
        digest.update(b"\0" + os.fsencode(path) + b"\0" + facts.encode())
    for name in listing.names:
        digest.update(b"\0" + name.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


@contextmanager
def _strict_decoders() -> Iterator[None]:
    """Decoders without warnings, since what cannot be decoded is counted; and without mercy, whoever asked for it."""
    from PIL import ImageFile
    from threadpoolctl import threadpool_limits

    before = ImageFile.LOAD_TRUNCATED_IMAGES
    log, silence = logging.getLogger("PIL"), logging.NullHandler()  # or Python prints what nobody listens to
    log.addHandler(silence)
    with warnings.catch_warnings(), threadpool_limits(1, "blas"):  # threads decode side by side already
        warnings.simplefilter("ignore")
        ImageFile.LOAD_TRUNCATED_IMAGES = False
        try:
            yield
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before
            log.removeHandler(silence)


def _build(listing: Listing, settings: Settings, folder: Path) -> None:
    """Fills an entry of the cache: the pixels, and everything else that was learnt from the files."""
    file = folder / "pixels.npy"
    found = decode_each(listing, settings, partial(_on_disk, file))
    with file.open("r+b") as stream:
        start = _write_head(stream, found.pixels.shape)
        stream.truncate(start + found.pixels.nbytes)
    lost = found.lost.values()
    facts: dict[str, Any] = {field.name: getattr(found.origins, field.name) for field in fields(Origins)}
    np.savez(
        folder / "facts.npz",
        **facts,
        items=found.items,
        digests=found.digests,
        span=np.array(found.span or (), dtype=np.float64),
        lost=np.array(list(found.lost), dtype=np.int64),
        states=np.array([header.state for header in lost], dtype=np.str_),
        kinds=np.array([header.kind for header in lost], dtype=np.str_),
        reasons=np.array([header.reason for header in lost], dtype=np.str_),
        passing=np.array([header.passing for header in lost], dtype=np.bool_),
    )


def _write_head(stream: Any, shape: tuple[int, ...]) -> int:
    """Writes the head of a .npy file; it is as long for more items or fewer."""
    stream.seek(0)
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return int(stream.tell())


def _on_disk(file: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    with file.open("w+b") as stream:
        start = _write_head(stream, shape)
        if 0 in shape:
            return np.empty(shape, np.uint8)
        large.reserve(stream, start + large.bytes_of(shape, np.dtype(np.uint8)))
        return np.memmap(stream, np.uint8, "r+", start, shape)


def _load(folder: Path) -> Decoded:
    with np.load(folder / "facts.npz", allow_pickle=False) as facts:
        known = {name: facts[name] for name in facts.files}
    # Mapped; what somebody writes to it stays in memory.
    pixels = np.load(folder / "pixels.npy", mmap_mode="c" if len(known["items"]) else None, allow_pickle=False)
    facts_of = zip(*(known[name].tolist() for name in ("states", "reasons", "kinds", "passing")), strict=True)
    lost = [Header(state, reason=why, kind=kind, passing=passing) for state, why, kind, passing in facts_of]
    return Decoded(
        pixels=np.asarray(pixels),
        items=known["items"],
        digests=known["digests"],
        origins=Origins(**{field.name: known[field.name] for field in fields(Origins)}),
        span=(float(known["span"][0]), float(known["span"][1])) if len(known["span"]) else None,
        lost=dict(zip(known["lost"].tolist(), lost, strict=True)),
    )
