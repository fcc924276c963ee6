"""IDX, the format of MNIST: files of images and files of labels side by side, gzipped or not.

Source: Y. LeCun, C. Cortes and C. Burges, The MNIST database of handwritten digits, "the IDX file format".
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.arrays import from_arrays
from secondlook.data.words import part_of
from secondlook.errors import DataError
from secondlook.types import PARTS, ImageSet, Part

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_DAMAGE = (OSError, EOFError, zlib.error)


def _opened(file: Path) -> Any:
    with file.open("rb") as stream:
        gzipped = stream.read(2) == b"\x1f\x8b"
    return gzip.open(file) if gzipped else file.open("rb")


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


def _pairs(path: Path) -> dict[str, tuple[Path, Path | None]]:
    images: dict[str, Path] = {}
    labels: dict[str, Path] = {}
    # Reverse order, so that of "a" and "a.gz" the one that needs no unpacking stays.
    for file in sorted(path.iterdir(), reverse=True):
        if file.is_file() and not file.name.startswith(".") and (dimensions := _dimensions(file)):
            (labels if dimensions == 1 else images)[_key(file)] = file
    keys = sorted(images, key=lambda key: (PARTS.index(_part(key)), key))
    return {key: (images[key], labels.get(key)) for key in keys}


def recognises(path: Path) -> bool:
    """A folder that holds at least one IDX file of images."""
    return path.is_dir() and bool(_pairs(path))


def read(path: Path, size: int | None) -> ImageSet:
    """All pairs of a folder; train-… is the training part and t10k-… or test-… the test part."""
    pairs = _pairs(path)
    parts = {key: _part(key) for key in pairs}
    if len(set(parts.values())) < len(parts):
        found = ", ".join(file.name for file, _ in pairs.values())
        raise DataError(f"{path}: expected one set of IDX files, at most one per part, got {found}; keep one set")
    xs, ys, names = [], [], []
    for images, labels in pairs.values():
        if labels is None:
            raise DataError(f"{path}: expected a file of labels beside {images.name}, got none")
        x, y = _array(images), _array(labels)
        if len(x) != len(y):
            raise DataError(f"{images}: expected as many labels as images, got {len(y):,} labels and {len(x):,} images")
        xs.append(x)
        ys.append(y)
        names += [f"{images.name}:{i}" for i in range(len(x))]
    if len({x.shape[1:] for x in xs}) > 1:
        raise DataError(f"{path}: expected images of one size, got {' and '.join(str(x.shape) for x in xs)}")
    return from_arrays(
        np.concatenate(xs),
        np.concatenate(ys),
        source=str(path),
        kind=f"{len(pairs)} pair{'s' * (len(pairs) > 1)} of IDX files",
        names=names,
        parts=[part for part, y in zip(parts.values(), ys, strict=True) for _ in range(len(y))],
        size=size,
    )


def _part(key: str) -> Part:
    return part_of(key) or "train"


def _array(file: Path) -> NDArray[Any]:
    try:
        with _opened(file) as stream:
            data = stream.read()
    except _DAMAGE as error:
        raise DataError(f"{file}: expected a gzipped IDX file, got a damaged one ({error})") from None
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _DTYPES:
        raise DataError(f"{file}: expected an IDX file, got one that begins with {data[:4].hex() or 'nothing'}")
    dtype, start = np.dtype(_DTYPES[data[2]]), 4 + 4 * data[3]
    shape = struct.unpack(f">{data[3]}I", data[4:start]) if len(data) >= start else ()
    expected = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if not shape or len(data) - start != expected:
        raise DataError(
            f"{file}: expected {expected:,} bytes of data, got {max(len(data) - start, 0):,}; is it cut off?"
        )
    return np.frombuffer(data, dtype, offset=start).reshape(shape)
