"""Which of several named arrays are images, which labels, and of which part: one rule for npz, npy and HDF5.

Names are taken apart: "x_train", "train_images", "trainX", "train/data", "train_set_x", "X-train" all say a part and a
role, in any case and order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.arrays import from_arrays
from secondlook.data.read.labels import check_shape
from secondlook.data.read.large import Joined, Rows
from secondlook.data.read.names import RowNames
from secondlook.data.read.settings import Settings
from secondlook.data.words import PART_WORDS, few
from secondlook.errors import DataError
from secondlook.types import PARTS, Fault, ImageSet, Part

# What stands first is taken where several fit.
_IMAGES = ("x", "images", "image", "data", "pixels", "features")
_LABELS = ("y", "labels", "label", "target", "targets")
_CLASSES = ("classes", "class names", "classnames", "list classes", "label names", "target names")
_KNOWN = "x and y, X and y, images and labels, data and target, or x_train, y_train, x_test, y_test"
_LONGEST = 80  # of a name that is shown: a damaged file holds any
# "trainX", "XTrain", "ytrain" have no mark between their words.
_SEAMS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=^[xyXY])(?=train|val|test)|[-_. /]+")


@dataclass(frozen=True)
class Pair:
    """The names of the images and of the labels of a part, or of everything (None)."""

    part: Part | None
    images: str
    labels: str


@dataclass(frozen=True)
class Found:
    """What the names of arrays say: pairs in the order of the parts, images without labels, and class names."""

    pairs: tuple[Pair, ...]
    unlabelled: tuple[str, ...]
    classes: str | None


def understood(names: Sequence[str], where: str) -> Found:
    """What the names of arrays say.

    Raises:
        DataError: several pairs of one part.
    """
    told = [(name, *_role(name)) for name in names]
    classes = next((name for name, _, role in told if role in _CLASSES), None)
    pairs, unlabelled = [], []
    for part in (*PARTS, None):
        images = _best([(role, name) for name, p, role in told if p == part], _IMAGES)
        labels = _best([(role, name) for name, p, role in told if p == part], _LABELS)
        both = min(sum(p == part and role in roles for _, p, role in told) for roles in (_IMAGES, _LABELS))
        if part is not None and (len(images) > 1 or both > 1):
            images = [name for name, p, role in told if p == part and role in _IMAGES]
            raise DataError(f"{where}: expected one pair of arrays per part, got {images[0]} and {images[1]}; keep one")
        if images and labels:
            pairs.append(Pair(part, images[0], labels[0]))
        elif images:
            unlabelled.append(images[0])
    return Found(tuple(_whole(pairs)), tuple(unlabelled), classes)


def _role(name: str) -> tuple[Part | None, str]:
    """The part that a name says, and what is left of it: "train_set_x" is ("train", "x")."""
    words = [word.lower() for word in _SEAMS.split(name) if word]
    part = next((PART_WORDS[word] for word in words if word in PART_WORDS), None)
    return part, " ".join(word for word in words if word not in PART_WORDS and word not in ("set", "dataset"))


def _best(found: Sequence[tuple[str, str]], roles: Sequence[str]) -> list[str]:
    """The names with the first of the roles that occurs."""
    for role in roles:
        if names := [name for r, name in found if r == role]:
            return names
    return []


def _whole(pairs: list[Pair]) -> list[Pair]:
    """A pair that names no part is everything; beside a test part alone it is what to train on."""
    plain = [pair for pair in pairs if pair.part is None]
    parts = [pair for pair in pairs if pair.part is not None]
    if not plain or any(pair.part == "train" for pair in parts):
        return parts or plain
    return [Pair("train", plain[0].images, plain[0].labels), *parts] if parts else plain


def unnamed(arrays: Mapping[str, Rows]) -> Found | None:
    """Two arrays that `np.savez` called arr_0 and arr_1, told apart by their shapes: labels are one number each."""
    if not all(re.fullmatch(r"arr_\d+", name) for name in arrays) or not 1 <= len(arrays) <= 2:
        return None
    if len(arrays) == 1:
        return Found((), tuple(arrays), None)
    images, labels = sorted(arrays, key=lambda name: -int(np.prod(arrays[name].shape[1:], dtype=np.float64)))
    if len(arrays[images].shape) < 2:
        return None
    return Found((Pair(None, images, labels),), (), None)


def from_found(
    found: Found,
    arrays: Mapping[str, Rows],
    *,
    source: str,
    kind: str,
    settings: Settings,
    classes: NDArray[Any] | None = None,
    faults: Sequence[Fault] = (),
) -> ImageSet:
    """The images and labels that were found.

    Args:
        arrays: all arrays by name; each is asked for only where it is needed.
        source: what the user asked for. kind: what that is, such as "an npz".
        classes: class names, where the source has them elsewhere than in an array.
        faults: what was left out already.

    Raises:
        DataError: no images, or arrays that do not fit one another.
    """
    if found.pairs:
        if found.classes is not None:
            classes = arrays[found.classes][:]
        known = None if classes is None else class_names(classes, source)
        return _from_pairs(found, arrays, source, kind, settings, known, faults)
    if not found.unlabelled:
        names = few([name[:_LONGEST] for name in arrays]) or "nothing"
        raise DataError(f"{source}: expected arrays named {_KNOWN}, got {names}; rename them")
    name = found.unlabelled[0]
    x = _rows(arrays[name], name, source)
    kind = f"{kind} with {name}"
    return from_arrays(x, None, source=source, kind=kind, names=_names({name: x}), settings=settings, faults=faults)


def _from_pairs(
    found: Found,
    arrays: Mapping[str, Rows],
    source: str,
    kind: str,
    settings: Settings,
    classes: Sequence[str] | None,
    faults: Sequence[Fault],
) -> ImageSet:
    xs = {pair.images: _rows(arrays[pair.images], pair.images, source) for pair in found.pairs}
    ys = {pair.labels: arrays[pair.labels] for pair in found.pairs}
    in_parts = [pair.part for pair in found.pairs if pair.part is not None]
    for (name, x), (labels, y) in zip(xs.items(), ys.items(), strict=True):
        if in_parts and y.shape[:1] != x.shape[:1]:
            raise DataError(f"{source}: expected as many labels as images, got {name} {x.shape} and {labels} {y.shape}")
        check_shape(y.shape, len(x), source)
    _check_one_form(
        xs, {(x.shape[1:], x.dtype.kind, x.dtype.itemsize * (x.dtype.kind == "u")) for x in xs.values()}, source
    )
    _check_one_form(ys, {y.dtype.kind in "UST" for y in ys.values()}, source)
    how = f"its own parts {', '.join(in_parts)}" if in_parts else f"{found.pairs[0].images} and {found.pairs[0].labels}"
    return from_arrays(
        Joined(list(xs.values())) if len(xs) > 1 else next(iter(xs.values())),
        np.concatenate([y[:].reshape(len(y)) for y in ys.values()]),
        source=source,
        kind=f"{kind} with {how}",
        names=_names(xs),
        classes=classes,
        parts=np.repeat(in_parts, [len(x) for x in xs.values()]) if in_parts else None,
        settings=settings,
        notes=[f"{name} left out, it has no labels" for name in found.unlabelled],
        faults=faults,
    )


def _names(xs: Mapping[str, Rows]) -> RowNames:
    return RowNames([(f"{name}:", range(len(x))) for name, x in xs.items()])


def _rows(x: Rows, name: str, where: str) -> Rows:
    if not x.shape:
        raise DataError(
            f"{where}: expected images of shape (n, h, w), (n, h, w, c) or (n, d), got one number in {name}"
        )
    return x


def _check_one_form(arrays: Mapping[str, Rows], forms: set[Any], where: str) -> None:
    """Refuses parts whose numbers may not mean the same: bytes beside fractions, text beside numbers."""
    if len(forms) > 1:
        shapes = ", ".join(f"{name} {x.shape} of {x.dtype}" for name, x in arrays.items())
        raise DataError(f"{where}: expected parts of one form, got {shapes}")


def class_names(array: NDArray[Any], where: str) -> list[str]:
    """Class names as text.

    Raises:
        DataError: they are something else.
    """
    array = np.asarray(array)
    if array.dtype.kind == "O" and all(isinstance(name, str | bytes) for name in array.ravel().tolist()):
        array = np.array(
            [n.decode("utf-8", "backslashreplace") if isinstance(n, bytes) else n for n in array.ravel()], np.str_
        )
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise DataError(f"{where}: expected class names as a list of text, got {array.dtype} of shape {array.shape}")
    return [
        str(n)
        for n in (np.char.decode(array, "utf-8", "backslashreplace") if array.dtype.kind == "S" else array).tolist()
    ]
