"""Quick, Draw! bitmaps: a folder of NAME.npy, one array per class."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.arrays import from_arrays
from secondlook.data.read.ids import natural_key
from secondlook.errors import DataError
from secondlook.types import ImageSet


def _files(path: Path) -> list[Path]:
    files = (p for p in path.iterdir() if p.suffix == ".npy" and not p.name.startswith(".") and p.is_file())
    return sorted(files, key=lambda p: natural_key(p.stem))


def recognises(path: Path) -> bool:
    """A folder that holds NumPy arrays, one file per class."""
    return path.is_dir() and bool(_files(path))


def read(path: Path, size: int | None) -> ImageSet:
    """All drawings of a folder of arrays (n, 784); the class is the file's name."""
    files = _files(path)
    arrays = [_opened(file) for file in files]
    for file, array in zip(files, arrays, strict=True):
        if array.ndim < 2 or array.shape[1:] != arrays[0].shape[1:] or array.dtype != arrays[0].dtype:
            raise DataError(
                f"{file}: expected one array of images per class, all of one form (Quick, Draw! has (n, 784) uint8), "
                f"got {array.dtype} of shape {array.shape}; images and labels in two arrays go into one npz as x and y"
            )
    x = np.empty((sum(map(len, arrays)), *arrays[0].shape[1:]), arrays[0].dtype)
    np.concatenate(arrays, out=x)
    # Google's bucket names its files full_numpy_bitmap_cat.npy when they are saved from a browser.
    classes = [re.sub("^full[_-]numpy[_-]bitmap[_-]", "", file.stem) for file in files]
    return from_arrays(
        x,
        np.repeat(np.arange(len(files)), [len(a) for a in arrays]),
        source=str(path),
        kind=f"a folder of {len(files)} Quick Draw array{'s' * (len(files) > 1)}",
        names=[f"{file.name}:{i}" for file, array in zip(files, arrays, strict=True) for i in range(len(array))],
        classes=classes,
        size=size,
        noun="drawings",
    )


def _opened(file: Path) -> NDArray[Any]:
    """The array as a memory map: it is copied once, into its place among the others."""
    try:
        array: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(
            f"{file}: expected a NumPy array of numbers, got a file that cannot be read ({error})"
        ) from None
    return array
