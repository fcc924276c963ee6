"""IDX, the format of MNIST: files of images and files of labels side by side, gzipped or not.

A file that is cut off is refused as a whole: which labels its images had cannot be trusted then.
Source: Y. LeCun, C. Cortes and C. Burges, The MNIST database of handwritten digits, "the IDX file format".
"""

from __future__ import annotations

import gzip
import os
import re
import struct
import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.arrays import from_arrays
from secondlook.data.read.inside import files_in, links_out
from secondlook.data.read.large import BLOCK, LARGE, Joined, check_expansion, empty
from secondlook.data.read.names import RowNames
from secondlook.data.read.settings import Settings
from secondlook.data.words import part_of
from secondlook.errors import DataError
from secondlook.types import PARTS, ImageSet, Part

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_DAMAGE = (OSError, EOFError, zlib.error)
_MEANT = re.compile(r"idx[0-9]|ubyte", re.IGNORECASE)


def _is_gzipped(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _opened(file: Path) -> Any:
    return gzip.open(file) if _is_gzipped(file) else file.open("rb")


def _dimensions(file: Path) -> int:
    """The number of dimensions of an IDX file: 3 or 4 for images, 1 for labels; 0 for any other file."""
    try:
        with _opened(file) as stream:
            magic = stream.read(4)
    except _DAMAGE:
        magic = b""
    if len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in _DTYPES and magic[3] in (1, 3, 4):
        return int(magic[3])
    # A damaged file is still meant as one when it carries the usual name; reading it says what is wrong.
    named = re.search(r"idx([134])", file.name)
    return int(named[1]) if named else 0


def _key(file: Path) -> str:
    """What a file of images and its file of labels have in common: "train", "emnist-letters-test"."""
    words = re.split(r"[-_. ]+", file.name.lower())
    return "-".join(w for w in words if not re.fullmatch(r"images?|labels?|idx\d|ubyte|gz", w))


def _files(path: Path) -> Iterator[Path]:
    """The files of a folder; where none of them is IDX, those of the folders in it that are called so."""
    files = files_in(path)
    if any(map(_dimensions, files)):
        yield from files
        return
    for folder in path.iterdir():
        if folder.is_symlink() or not folder.is_dir() or folder.name.startswith("."):
            continue
        # Names first: there may be a hundred thousand photos.
        if any(map(_MEANT.search, os.listdir(folder))):  # noqa: PTH208
            yield from (file for file in files_in(folder) if _MEANT.search(file.name))


def _pairs(path: Path) -> dict[str, tuple[Path, Path | None]]:
    images: dict[str, Path] = {}
    labels: dict[str, Path] = {}
    # Reverse order, so that of "a" and "a.gz" the one that needs no unpacking stays.
    for file in sorted(_files(path), reverse=True):
        if dimensions := _dimensions(file):
            (labels if dimensions == 1 else images)[_key(file)] = file
    keys = sorted(images, key=lambda key: (PARTS.index(_part(key)), key))
    return {key: (images[key], labels.get(key)) for key in keys}


def recognises(path: Path) -> bool:
    """A folder that holds IDX files of images, itself or in folders of its own; or one such file, of either kind."""
    if path.is_dir():
        return bool(_pairs(path))
    return bool(_dimensions(path))


def read(path: Path, settings: Settings) -> ImageSet:
    """All pairs of a folder, or that of the file; train-… is the training part and t10k-… or test-… the test part.

    Images without a file of labels are left out where others have one.

    Raises:
        DataError: no pair; several of one part; a file that is damaged, or of another length or form than its like.
    """
    pairs, unlabelled = _labelled(path)
    parts = {key: _part(key) for key in pairs}
    if len(set(parts.values())) < len(parts):
        found = ", ".join(file.name for file, _ in pairs.values())
        raise DataError(f"{path}: expected one set of IDX files, at most one per part, got {found}; keep one set")
    xs, ys = {}, []
    for images, labels in pairs.values():
        x, y = _array(images), _array(labels)
        if len(x) != len(y):
            raise DataError(f"{images}: expected as many labels as images, got {len(y):,} labels and {len(x):,} images")
        xs[images.name] = x
        ys.append(y)
    if len({(x.shape[1:], x.dtype) for x in xs.values()}) > 1:
        forms = " and ".join(f"{x.shape} of {x.dtype}" for x in xs.values())
        raise DataError(f"{path}: expected images of one size and kind, got {forms}")
    return from_arrays(
        Joined(list(xs.values())) if len(xs) > 1 else next(iter(xs.values())),
        np.concatenate(ys),
        source=str(path),
        kind=f"{len(pairs)} pair{'s' * (len(pairs) > 1)} of IDX files",
        names=RowNames([(f"{name}:", range(len(x))) for name, x in xs.items()]),
        parts=np.repeat(list(parts.values()), [len(x) for x in xs.values()]),
        settings=settings,
        notes=[f"{name} left out, it has no labels" for name in unlabelled],
        faults=links_out(path) if path.is_dir() else (),
    )


def _labelled(path: Path) -> tuple[dict[str, tuple[Path, Path]], list[str]]:
    """The files of images with those of their labels, and the names of those that have none."""
    pairs = _pairs(path if path.is_dir() else path.parent)
    if path.is_file():
        if (key := _key(path)) not in pairs:
            raise DataError(f"{path}: expected a file of images beside it, got none")
        pairs = {key: pairs[key]}
    found = {key: (images, labels) for key, (images, labels) in pairs.items() if labels is not None}
    unlabelled = [images.name for images, labels in pairs.values() if labels is None]
    if not found:
        raise DataError(f"{path}: expected a file of labels beside {unlabelled[0]}, got none")
    return found, unlabelled


def _part(key: str) -> Part:
    return part_of(key) or "train"


def _array(file: Path) -> NDArray[Any]:
    """The array of a file; a large one that is not gzipped as a memory map."""
    try:
        with _opened(file) as stream:
            shape, dtype, start = _header(stream, file)
            size, stored = prod(shape) * dtype.itemsize, file.stat().st_size
            if _is_gzipped(file):
                check_expansion(size, stored, str(file))
            elif stored - start != size:
                raise _cut_off(file, size, stored - start)
            elif size >= LARGE:
                return np.memmap(file, dtype, "r", start, shape)
            flat = empty((size,), np.uint8, str(file))
            for at in range(0, size, BLOCK):
                data = stream.read(min(BLOCK, size - at))
                if len(data) < min(BLOCK, size - at):
                    raise _cut_off(file, size, at + len(data))
                flat[at : at + len(data)] = np.frombuffer(data, np.uint8)
            if more := stream.read(BLOCK):
                raise _cut_off(file, size, size + len(more))
    except _DAMAGE as error:
        raise DataError(f"{file}: expected a gzipped IDX file, got a damaged one ({error})") from None
    return flat.view(dtype).reshape(shape)


def _header(stream: Any, file: Path) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, type of numbers, and where they begin."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES or magic[3] not in (1, 3, 4):
        raise DataError(f"{file}: expected an IDX file, got one that begins with {magic.hex() or 'nothing'}")
    lengths = stream.read(4 * magic[3])
    if len(lengths) < 4 * magic[3]:
        raise _cut_off(file, 4 * magic[3], len(lengths))
    shape = struct.unpack(f">{magic[3]}I", lengths)
    if not all(shape):
        raise DataError(f"{file}: expected at least one image or label, got an array of shape {shape}")
    return shape, np.dtype(_DTYPES[magic[2]]), 4 + 4 * magic[3]


def _cut_off(file: Path, expected: int, got: int) -> DataError:
    return DataError(f"{file}: expected {expected:,} bytes of data, got {got:,}; is it cut off? Get the whole file")
