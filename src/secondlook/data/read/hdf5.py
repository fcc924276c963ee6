"""HDF5: arrays by name, or in a group for each of train, valid and test.

Only what lies in the file itself is read: links that lead on, to other names or other files, are not followed, and data
sets that keep their values elsewhere (external storage, virtual data sets) are refused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read import keys
from secondlook.data.read.large import BLOCK, LARGE, Rows, bytes_of, check_expansion
from secondlook.data.read.npy import reason
from secondlook.data.read.settings import Settings
from secondlook.errors import DataError
from secondlook.types import Fault, ImageSet

if TYPE_CHECKING:
    import h5py

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# The deepest group that is looked into, and the most names that are listed, of a group and in all: more is no set of
# images. Groups may have several names each, so that a small file can hold more ways through it than there is time.
_DEEPEST, _MOST, _MOST_IN_ALL = 4, 1000, 10_000
# A chunk is unpacked as a whole, and blocks are cut where chunks end while they are no larger than this.
_CHUNK = 2**27
_CLASS_ATTRIBUTES = ("classes", "class_names", "label_names", "names")


def recognises(path: Path) -> bool:
    """A file that begins as HDF5 does; its signature may stand behind a block of the user's, at 512, 1024, 2048, …"""
    if not path.is_file():
        return False
    size, at = path.stat().st_size, 0
    with path.open("rb") as stream:
        while at < size:
            stream.seek(at)
            if stream.read(len(_SIGNATURE)) == _SIGNATURE:
                return True
            at = max(512, 2 * at)
    return False


def read(path: Path, settings: Settings) -> ImageSet:
    """Images and labels of an HDF5 file; class names from a data set or an attribute."""
    import h5py

    try:
        file = h5py.File(path, "r", locking=False)
    except Exception as error:
        raise _damaged(path, error) from None
    with file:
        faults: list[Fault] = []
        try:
            arrays = _Arrays(dict(_sets(file, faults)), path)
        except Exception as error:  # the library raises anything at all on damaged bytes
            raise _damaged(path, error) from None
        found = keys.understood(list(arrays), str(path))
        if not found.pairs and faults:
            link = f"{faults[0].name}, {faults[0].reason}"
            raise DataError(f"{path}: expected images and labels in the file itself, got {link}; copy the data into it")
        classes = None if found.classes else arrays.class_attribute([pair.labels for pair in found.pairs])
        return keys.from_found(
            found, arrays, source=str(path), kind="HDF5", settings=settings, classes=classes, faults=faults
        )


def _damaged(where: object, error: Exception) -> DataError:
    return DataError(f"{where}: expected an HDF5 file, got a damaged one ({reason(error)})")


def _sets(file: h5py.Group, faults: list[Fault]) -> Iterator[tuple[str, h5py.Dataset]]:
    """The data sets of a file by their paths, those of the upper groups first; links become faults.

    A group may have several names, and lie in itself: it is entered under each name, but not from within.
    """
    import h5py

    # Each with the groups that it lies in, whose ids are equal where the group is the same.
    pending: deque[tuple[h5py.Group, str, frozenset[Any]]] = deque([(file, "", frozenset([file.id]))])
    listed = 0
    while pending:
        group, above, around = pending.popleft()
        if listed >= _MOST_IN_ALL:
            faults.append(Fault(above, "ignored", f"not looked into, after {listed:,} names"))
            return
        for name in islice(group, _MOST):
            listed += 1
            path = f"{above}{name}"
            if group.id.links.get_info(name.encode("utf-8", "surrogateescape")).type != h5py.h5l.TYPE_HARD:
                faults.append(Fault(path, "unsafe", "a link, which is not followed"))
                continue
            thing = group[name]
            if isinstance(thing, h5py.Dataset):
                yield path, thing
            elif isinstance(thing, h5py.Group) and path.count("/") < _DEEPEST and thing.id not in around:
                pending.append((thing, f"{path}/", around | {thing.id}))


class _Arrays(Mapping[str, Rows]):
    """The data sets of a file by name, each looked at when it is asked for."""

    def __init__(self, sets: dict[str, h5py.Dataset], path: Path) -> None:
        self._path = path
        # A group around everything is no part of the names.
        while sets and len({name.partition("/")[:2] for name in sets}) == 1 and all("/" in name for name in sets):
            sets = {name.partition("/")[2]: data for name, data in sets.items()}
        self._sets = sets

    def __getitem__(self, name: str) -> Rows:
        data, where = self._sets[name], f"{self._path}, {name}"
        try:
            _check_in_file(data, where)
            mapped = _mapped(data, self._path)
            return _DataSet(data, where) if mapped is None else mapped
        except DataError:
            raise
        except Exception as error:
            raise _damaged(where, error) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._sets)

    def __len__(self) -> int:
        return len(self._sets)

    def class_attribute(self, labels: list[str]) -> NDArray[Any] | None:
        """Class names that the file, or one of these data sets, has as an attribute."""
        if not labels:
            return None
        things = [self._sets[labels[0]].file, *(self._sets[name] for name in labels)]
        found = [thing.attrs[key] for thing in things for key in _CLASS_ATTRIBUTES if key in thing.attrs]
        return np.asarray(found[0]) if found else None


def _check_in_file(data: h5py.Dataset, where: str) -> None:
    """Refuses what keeps its values elsewhere, holds none, or says it holds more than it can."""
    if data.external or data.is_virtual:
        raise DataError(f"{where}: expected the data in the file itself, got a data set that keeps them in other files")
    size, stored = bytes_of(data.shape or (), data.dtype), int(data.id.get_storage_size())
    if size and not stored:
        shape = "no shape" if data.shape is None else f"shape {data.shape}"
        raise DataError(f"{where}: expected an array of data, got one of {shape} that was never written")
    check_expansion(size, stored, where)
    if data.chunks and bytes_of(data.chunks, data.dtype) > _CHUNK:
        raise DataError(f"{where}: expected chunks of at most {_CHUNK / 1e6:,.0f} MB, got chunks of {data.chunks}")


def _mapped(data: h5py.Dataset, path: Path) -> NDArray[Any] | None:
    """A large data set that lies in one piece, as a memory map of the file; None for any other."""
    size, start = bytes_of(data.shape or (), data.dtype), data.id.get_offset()
    if size < LARGE or start is None or data.dtype.kind not in "iuf" or data.id.get_storage_size() != size:
        return None
    if start + size > path.stat().st_size:
        return None
    array = np.memmap(path, data.dtype, "r", start, data.shape)
    # Where the data begin is the library's business: its word is checked against what it reads.
    same = all(np.array_equal(array[i], data[i], equal_nan=data.dtype.kind == "f") for i in (0, len(array) - 1))
    return array if same else None


class _DataSet:
    """A data set, read in slices of rows; text comes as Python's strings."""

    def __init__(self, data: h5py.Dataset, where: str) -> None:
        import h5py

        self._where = where
        # Text of one length comes as bytes, as NumPy has it, and is decoded where labels are.
        text = data.dtype.kind == "O" and h5py.check_string_dtype(data.dtype)
        self._data = data.asstr("utf-8", "backslashreplace") if text else data
        self.shape: tuple[int, ...] = data.shape or ()
        self.dtype: np.dtype[Any] = data.dtype
        row = max(1, bytes_of(self.shape[1:], self.dtype))
        step, chunk = max(1, BLOCK // row), data.chunks[0] if data.chunks else 1
        self.step = ceil(step / chunk) * chunk if chunk * row <= _CHUNK else step

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice, /) -> NDArray[Any]:
        try:
            return np.asarray(self._data[rows])
        except Exception as error:
            raise _damaged(self._where, error) from None
