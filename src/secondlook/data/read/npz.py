"""NumPy's npz: one pair of arrays, or a pair for each of train, valid and test."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from numpy.typing import NDArray

from secondlook.data.read import keys, npy
from secondlook.data.read.large import LARGE
from secondlook.data.read.settings import Settings
from secondlook.errors import DataError
from secondlook.types import ImageSet

# A zip's local header: 30 bytes, then the name and more, whose lengths stand at 26.
_LOCAL, _LENGTHS = 30, 26
_LONGEST = 80


def recognises(path: Path) -> bool:
    """A zip archive of nothing but NumPy arrays, or a file that calls itself npz.

    One that calls itself zip is unpacked like any other: it may hold an array per class.
    """
    if not path.is_file() or path.suffix.lower() == ".zip":
        return False
    if path.suffix == ".npz":
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def read(path: Path, settings: Settings) -> ImageSet:
    """Images and labels of an npz; nothing in it is ever unpickled."""
    with _opened(path) as archive:
        arrays = _Arrays(archive, path)
        found = keys.understood(list(arrays), str(path))
        if not found.pairs and not found.unlabelled:
            found = keys.unnamed(arrays) or found
        return keys.from_found(found, arrays, source=str(path), kind="an npz", settings=settings)


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: expected an npz file, got a damaged one ({npy.reason(error)})")


class _Arrays(Mapping[str, NDArray[Any]]):
    """The arrays of an npz by name, each read when it is asked for, and then kept."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive, self._path = archive, path
        self._members = {name.removesuffix(".npy"): name for name in archive.namelist() if name.endswith(".npy")}
        self._read: dict[str, NDArray[Any]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._read:
            self._read[name] = self._array(self._archive.getinfo(self._members[name]))
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def _array(self, member: zipfile.ZipInfo) -> NDArray[Any]:
        where = f"{self._path}, {member.filename[:_LONGEST]}"
        plain = member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 1
        try:
            if plain and member.file_size >= LARGE:
                return npy.mapped(self._path, where, self._start(member))
            with self._archive.open(member) as stream:
                return npy.streamed(cast("Any", stream), member.file_size, member.compress_size, where)
        except DataError:
            raise
        except Exception as error:  # decoders raise anything at all on damaged bytes
            raise _damaged(self._path, error) from None

    def _start(self, member: zipfile.ZipInfo) -> int:
        """Where the bytes of a member that is not compressed begin in the file."""
        with self._path.open("rb") as stream:
            stream.seek(member.header_offset + _LENGTHS)
            name, more = struct.unpack("<HH", stream.read(4))
        return member.header_offset + _LOCAL + int(name) + int(more)
