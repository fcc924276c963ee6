"""Arrays that may be larger than memory: read in blocks of rows, and kept in a file once they are large."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.cache import cache_folder
from secondlook.errors import DataError

# Bytes from which on an array is mapped from a file rather than held in memory.
LARGE = 2**28
# Bytes that are read, converted or written at a time.
BLOCK = 2**24
# Images shrink to a third, drawings to a fiftieth when they are compressed. Deflate goes up to 1,032 to one, which only
# what is empty reaches.
_EXPANSION = 500


class Rows(Protocol):
    """n items one after the other: a NumPy array, a memory map, a data set of an HDF5 file."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    def __len__(self) -> int: ...
    def __getitem__(self, rows: slice, /) -> NDArray[Any]: ...


class Joined:
    """Several arrays of one form, one after the other, without a copy."""

    def __init__(self, pieces: Sequence[Rows]) -> None:
        self.pieces = pieces
        self.dtype: np.dtype[Any] = np.result_type(*(piece.dtype for piece in pieces))
        self.shape = (sum(map(len, pieces)), *pieces[0].shape[1:])

    def __len__(self) -> int:
        return self.shape[0]


def bytes_of(shape: Sequence[int], dtype: np.dtype[Any]) -> int:
    """The size of an array; Python's integers, since what a file claims may be larger than any of NumPy's."""
    return prod(map(int, shape)) * dtype.itemsize


def blocks(x: Rows | Joined) -> Iterator[tuple[int, NDArray[Any]]]:
    """The first row of each block, and the block; all rows in order."""
    first = 0
    for piece in x.pieces if isinstance(x, Joined) else [x]:
        step = getattr(piece, "step", 0) or max(1, BLOCK // max(1, bytes_of(piece.shape[1:], piece.dtype)))
        for at in range(0, len(piece), step):
            yield first + at, piece[at : at + step].astype(x.dtype, copy=False)
        first += len(piece)


def empty(shape: Sequence[int], dtype: Any, where: str) -> NDArray[Any]:
    """An array to be filled: in memory, or where it is large mapped from a file that goes with the process.

    Raises:
        DataError: the disk has no room for it.
    """
    size = bytes_of(shape, np.dtype(dtype))
    if size < LARGE:
        return np.empty(tuple(shape), dtype)
    try:
        with _unnamed() as file:
            reserve(file, size)
            return np.memmap(file, dtype, "r+", shape=tuple(shape))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"{where}: expected room for {size / 1e9:,.1f} GB of pixels on the disk of the cache, got none ({reason}); "
            "free some, set SECONDLOOK_CACHE to a folder of another disk, or give a smaller --size"
        ) from None


def check_expansion(size: int, stored: int, where: str) -> None:
    """Raises DataError where a small file says it holds a huge array; before any memory is taken for it."""
    if size >= LARGE and size > _EXPANSION * stored:
        raise DataError(
            f"{where}: expected an array of data, got one that says it holds {size / 1e9:,.1f} GB "
            f"in {stored:,} bytes of the file"
        )


def _unnamed() -> BinaryIO:
    """A file without a name in the folder of the cache, where large files are expected; /tmp may be memory."""
    try:
        cache_folder().mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryFile(dir=cache_folder())
    except OSError:
        return tempfile.TemporaryFile(dir=Path(tempfile.gettempdir()))


def reserve(file: BinaryIO, size: int) -> None:
    """Takes the room now: when a disk runs full under a memory map, the process is killed."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    import shutil

    if size > shutil.disk_usage(cache_folder()).free:
        raise OSError("the disk is too small")
    file.truncate(size)
