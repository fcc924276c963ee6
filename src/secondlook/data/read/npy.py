"""NumPy's npy: a single array of images, or files of images and of labels beside each other in a folder.

Nothing is ever unpickled. What a header claims is compared with what the file holds before any memory is taken.
Source: NumPy Enhancement Proposal 1, "A Simple File Format for NumPy Arrays".
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from secondlook.data.read import keys
from secondlook.data.read.inside import files_in, links_out
from secondlook.data.read.large import BLOCK, bytes_of, check_expansion, empty
from secondlook.data.read.settings import Settings
from secondlook.errors import DataError
from secondlook.types import ImageSet

_MAGIC = b"\x93NUMPY"
_LONGEST = 200


@dataclass(frozen=True)
class Header:
    """What stands before an array's data: `start` is how many bytes that is."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    start: int

    @property
    def bytes(self) -> int:
        """The size of the data."""
        return bytes_of(self.shape, self.dtype)


def recognises(path: Path) -> bool:
    """A file that begins as an npy does, or a folder of such files that are called images and labels."""
    return _pair(path) is not None if path.is_dir() else _begins_as_one(path)


def read(path: Path, settings: Settings) -> ImageSet:
    """Images, with labels where a folder holds files of both."""
    if path.is_file():
        arrays = {path.name: mapped(path, str(path))}
        found = keys.Found((), (path.name,), None)
        return keys.from_found(found, arrays, source=str(path), kind="a NumPy array", settings=settings)
    pair = _pair(path)
    if pair is None:
        raise DataError(f"{path}: expected NumPy arrays of images and of labels, got none")
    found, files = pair
    arrays = {name: mapped(file, str(file)) for name, file in files.items()}
    return keys.from_found(
        found, arrays, source=str(path), kind="NumPy arrays", settings=settings, faults=links_out(path)
    )


def header(stream: BinaryIO, where: str) -> Header:
    """The header of an npy, from a stream at its beginning.

    Raises:
        DataError: it is none, or one of Python objects.
    """
    try:
        version = npy_format.read_magic(stream)
        readers = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
        if version not in readers:
            raise ValueError(f"version {version[0]}.{version[1]}")
        shape, fortran, dtype = readers[version](stream)
        if min(shape, default=0) < 0:
            raise ValueError(f"shape {shape}")
    except Exception as error:  # the header is a Python literal, and goes wrong in as many ways
        raise DataError(
            f"{where}: expected a NumPy array of numbers, got a file that cannot be read ({reason(error)})"
        ) from None
    if dtype.hasobject:
        raise DataError(
            f"{where}: expected plain arrays, got pickled objects, which could run code when loaded; "
            "save arrays of numbers or text instead, e.g. y.astype(str)"
        )
    return Header(shape, fortran, dtype, stream.tell())


def reason(error: Exception) -> str:
    """What a library's error says, in one line of bearable length."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def mapped(path: Path, where: str, offset: int = 0) -> NDArray[Any]:
    """The array of an npy as a read-only memory map; `offset` is where it begins in a file of several.

    Raises:
        DataError: it is no array, or cut off.
    """
    with path.open("rb") as stream:
        stream.seek(offset)
        head = header(stream, where)
    there = path.stat().st_size - head.start
    if there < head.bytes:
        raise DataError(f"{where}: expected {head.bytes:,} bytes of data, got {max(there, 0):,}; is it cut off?")
    order: Any = "F" if head.fortran else "C"
    if not head.bytes or not head.shape:
        return _nothing(head, where)
    return np.memmap(path, head.dtype, "r", head.start, head.shape, order)


def streamed(stream: BinaryIO, held: int, stored: int, where: str) -> NDArray[Any]:
    """The array of an npy that is read from a stream, such as a compressed one, of `held` bytes, `stored` as so many.

    Raises:
        DataError: it is no array, cut off, or of a size that its file cannot hold.
    """
    head = header(stream, where)
    if held - head.start < head.bytes:
        there = max(held - head.start, 0)
        raise DataError(f"{where}: expected {head.bytes:,} bytes of data, got {there:,}; is it cut off?")
    check_expansion(head.bytes, stored, where)
    if not head.bytes:
        return _nothing(head, where)
    # One after the other as they lie there; a Fortran array lies there as its transpose.
    flat = empty((head.bytes,), np.uint8, where)
    for at in range(0, len(flat), BLOCK):
        _fill(stream, flat[at : at + BLOCK], where)
    stream.read(1)  # at its end a zip compares its checksum
    array = flat.view(head.dtype)
    return array.reshape(head.shape[::-1]).T if head.fortran else array.reshape(head.shape)


def _nothing(head: Header, where: str) -> NDArray[Any]:
    """An array without data, or of one number: neither can be images."""
    if not head.dtype.itemsize or max(head.shape, default=0) > 2**48:
        raise DataError(f"{where}: expected a NumPy array of numbers, got one of shape {head.shape} and {head.dtype}")
    return np.zeros(head.shape, head.dtype)


def _fill(stream: BinaryIO, block: NDArray[np.uint8], where: str) -> None:
    filled = 0
    while filled < len(block):
        part = stream.read(len(block) - filled)
        if not part:
            raise DataError(f"{where}: expected more bytes of data than are there; is it cut off?")
        block[filled : filled + len(part)] = np.frombuffer(part, np.uint8)
        filled += len(part)


def _begins_as_one(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def _pair(path: Path) -> tuple[keys.Found, dict[str, Path]] | None:
    """The files of a folder that are called images and labels.

    Letters are called x and y as well: a folder in which other arrays lie, or where both are of one form, is none.
    """
    files = [file for file in files_in(path) if file.suffix == ".npy"]
    named = {file.name: file for file in files}
    found = keys.understood([file.stem for file in files], str(path))
    told = {name for pair in found.pairs for name in (pair.images, pair.labels)} | {*found.unlabelled}
    if not found.pairs or len(told) + (found.classes is not None) < len(files):
        return None
    for pair in found.pairs:
        if _shape(named[f"{pair.labels}.npy"])[1:] == _shape(named[f"{pair.images}.npy"])[1:]:
            return None
    return found, {file.stem: file for file in files}


def _shape(file: Path) -> tuple[int, ...]:
    with file.open("rb") as stream:
        return header(stream, str(file)).shape
