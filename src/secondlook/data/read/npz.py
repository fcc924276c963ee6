"""NumPy's npz: one pair of arrays, or a pair for each of train, valid and test."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.arrays import from_arrays
from secondlook.data.words import PART_WORDS
from secondlook.errors import DataError
from secondlook.types import PARTS, ImageSet

_PAIRS = (("x", "y"), ("X", "y"), ("images", "labels"), ("data", "target"), ("data", "labels"))
_CLASSES = ("classes", "class_names")
_KNOWN = "x and y, X and y, images and labels, data and target, or x_train, y_train, x_test, y_test"


def recognises(path: Path) -> bool:
    """A zip archive of nothing but NumPy arrays, or a file that calls itself npz."""
    if not path.is_file():
        return False
    if path.suffix == ".npz":
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def read(path: Path, size: int | None) -> ImageSet:
    """Images and labels of an npz; nothing in it is ever unpickled."""
    try:
        # NumPy itself takes any file for a pickle that is no archive.
        with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as archive:
            return _from_archive(_Archive(archive), path, size)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
        raise DataError(f"{path}: expected an npz file, got a damaged one ({error})") from None
    except ValueError as error:
        if "pickle" not in str(error):
            raise DataError(f"{path}: expected an npz file of arrays, got something else ({error})") from None
        raise DataError(
            f"{path}: expected plain arrays, got pickled objects, which could run code when loaded; "
            "save arrays of numbers or text instead, e.g. y.astype(str)"
        ) from None


class _Archive:
    """The arrays of an npz by name, each read when it is asked for."""

    def __init__(self, archive: Any) -> None:
        self.keys: list[str] = list(archive.files)
        self._archive = archive

    def __getitem__(self, key: str) -> NDArray[Any]:
        array: NDArray[Any] = np.asarray(self._archive[key])
        return array


def _from_archive(archive: _Archive, path: Path, size: int | None) -> ImageSet:
    classes = next((_names(archive[key], path) for key in _CLASSES if key in archive.keys), None)
    for x, y in _PAIRS:
        if x in archive.keys and y in archive.keys:
            images = archive[x]
            names = [f"{x}:{i}" for i in range(len(images) if images.ndim else 0)]
            kind = f"an npz with {x} and {y}"
            return from_arrays(images, archive[y], source=str(path), kind=kind, names=names, classes=classes, size=size)
    for x in ("x", "X", "images", "data"):
        if x in archive.keys:
            return from_arrays(archive[x], None, source=str(path), kind=f"an npz with {x}", size=size)
    return _in_parts(archive, path, size, classes)


def _names(array: NDArray[Any], path: Path) -> list[str]:
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise DataError(f"{path}: expected class names as a list of text, got {array.dtype} of shape {array.shape}")
    return [str(name) for name in (np.char.decode(array) if array.dtype.kind == "S" else array).tolist()]


def _in_parts(archive: _Archive, path: Path, size: int | None, classes: list[str] | None) -> ImageSet:
    pairs, unlabelled = _part_keys(archive.keys, path)
    if not pairs:
        found = ", ".join(archive.keys) or "nothing"
        raise DataError(f"{path}: expected arrays named {_KNOWN}, got {found}; rename them")
    xs, ys, names, parts = [], [], [], []
    for part, (x, y) in pairs.items():
        images, labels = archive[x], archive[y]
        if not images.ndim or not labels.ndim or len(images) != len(labels):
            raise DataError(f"{path}: expected as many labels as images, got {x} {images.shape} and {y} {labels.shape}")
        xs.append(images)
        ys.append(labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels)
        names += [f"{x}:{i}" for i in range(len(images))]
        parts += [part] * len(images)
    return from_arrays(
        _joined(xs, [x for x, _ in pairs.values()], path),
        _joined(ys, [y for _, y in pairs.values()], path),
        source=str(path),
        kind=f"an npz with its own parts {', '.join(pairs)}",
        names=names,
        classes=classes,
        parts=parts,
        size=size,
        notes=[f"{key} left out, it has no labels" for key in unlabelled],
    )


def _part_keys(keys: list[str], path: Path) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """The keys of images and labels of each part, and the keys of images that have no labels."""
    pairs: dict[str, tuple[str, str]] = {}
    unlabelled = []
    for key in keys:
        for word, part in PART_WORDS.items():
            for x, y in (("x_{}", "y_{}"), ("X_{}", "y_{}"), ("{}_images", "{}_labels")):
                if key == x.format(word) and y.format(word) in keys:
                    if part in pairs:
                        raise DataError(
                            f"{path}: expected one pair of arrays per part, got {pairs[part][0]} and {key}; keep one"
                        )
                    pairs[part] = (key, y.format(word))
                elif key == x.format(word):
                    unlabelled.append(key)
    return {part: pairs[part] for part in PARTS if part in pairs}, unlabelled


def _joined(arrays: list[NDArray[Any]], keys: list[str], path: Path) -> NDArray[Any]:
    if len({a.shape[1:] for a in arrays}) > 1 or len({a.dtype.kind in "US" for a in arrays}) > 1:
        shapes = ", ".join(f"{key} {a.shape} of {a.dtype}" for key, a in zip(keys, arrays, strict=True))
        raise DataError(f"{path}: expected parts of one form, got {shapes}")
    return np.concatenate(arrays)
