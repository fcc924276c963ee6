"""Quick, Draw! bitmaps: a folder of NAME.npy, one array per class."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

import numpy as np

from secondlook.data.read.arrays import from_arrays
from secondlook.data.read.ids import natural_key
from secondlook.data.read.inside import files_in, holds_classes, links_out
from secondlook.data.read.large import Joined, Rows
from secondlook.data.read.names import RowNames
from secondlook.data.read.npy import mapped
from secondlook.data.read.settings import Settings
from secondlook.errors import DataError
from secondlook.types import Fault, ImageSet


def _files(path: Path) -> list[Path]:
    return sorted((p for p in files_in(path) if p.suffix == ".npy"), key=lambda p: natural_key(p.stem))


def _class(file: Path) -> str:
    # Google's bucket names its files full_numpy_bitmap_cat.npy when they are saved from a browser.
    return re.sub("^full[_-]numpy[_-]bitmap[_-]", "", file.stem)


def recognises(path: Path) -> bool:
    """A folder that holds NumPy arrays, one file per class; beside photos in folders they are something else."""
    return path.is_dir() and bool(_files(path)) and not holds_classes(path)


def read(path: Path, settings: Settings, *, only: Collection[str] | None = None) -> ImageSet:
    """All drawings of a folder of arrays (n, 784), or those of some classes; the class is the file's name."""
    arrays: dict[Path, Rows] = {}
    faults = links_out(path)
    for file in _files(path):
        if only is not None and _class(file) not in only:
            continue
        try:
            arrays[file] = mapped(file, file.name)
        except DataError as error:
            faults.append(Fault(file.name, "broken", str(error).partition(": ")[2]))
    if not arrays:
        raise DataError(f"{path / faults[-1].name}: {faults[-1].reason}")
    form = next(iter(arrays.values()))
    for file, array in arrays.items():
        if len(array.shape) < 2 or array.shape[1:] != form.shape[1:] or array.dtype != form.dtype:
            raise DataError(
                f"{file}: expected one array of images per class, all of one form (Quick, Draw! has (n, 784) uint8), "
                f"got {array.dtype} of shape {array.shape}; images and labels in two arrays are called X.npy and y.npy"
            )
    return from_arrays(
        Joined(list(arrays.values())) if len(arrays) > 1 else form,
        np.repeat(np.arange(len(arrays)), [len(array) for array in arrays.values()]),
        source=str(path),
        kind=f"a folder of {len(arrays)} Quick Draw array{'s' * (len(arrays) > 1)}",
        names=RowNames([(f"{file.name}:", range(len(array))) for file, array in arrays.items()]),
        classes=[_class(file) for file in arrays],
        settings=settings,
        noun="drawings",
        faults=faults,
    )
