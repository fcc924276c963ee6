"""From whatever labels a source holds to indices into class names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.ids import natural_key
from secondlook.errors import DataError
from secondlook.types import IntArray

_NO_LABELS = (list, tuple, dict, set, np.ndarray)
_LARGEST, _EXACT = 2**63 - 1, 2**53  # whole numbers that an int64 holds, and that a float64 holds each


def encode(
    y: NDArray[Any], n: int, where: str, declared: Sequence[str] | None = None
) -> tuple[IntArray, tuple[str, ...]]:
    """Labels as int64 (n,), -1 where unknown, and the class names that occur.

    Names are in natural order, or in the order of `declared` where the source names its classes itself; a declared
    class without items is left out. Unknown are: -1 (but for labels that are all -1 or 1), NaN, None, empty text.

    Args:
        y: whole numbers, truth values or text; shape (n,) or (n, 1).
        n: the number of images.
        where: names the source in errors.
        declared: class names; whole-number labels are then indices into them.
    """
    values, unknown = _plain(column(y, n, where), where)
    labels, names = _sorted(values, unknown) if declared is None else _against(declared, values, unknown, where)
    return labels, tuple(map(printable, names))


def printable(name: str) -> str:
    """A name of a class as it is shown: half a character, as JSON can spell it, is written out."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def _sorted(values: NDArray[Any], unknown: NDArray[np.bool_]) -> tuple[IntArray, tuple[str, ...]]:
    found, index = np.unique(values[~unknown], return_inverse=True)
    names = [str(v) for v in found.tolist()]
    # Whole numbers sort as numbers, which is their natural order; text does not.
    numeric = found.dtype.kind == "i"
    order = range(len(names)) if numeric else sorted(range(len(names)), key=lambda i: natural_key(names[i]))
    rank = np.empty(len(names), dtype=np.int64)
    rank[list(order)] = np.arange(len(names))
    labels = np.full(len(values), -1, dtype=np.int64)
    labels[~unknown] = rank[index]
    return labels, tuple(names[i] for i in order)


def column(y: NDArray[Any], n: int, where: str) -> NDArray[Any]:
    """Labels (n,) of an array (n,) or (n, 1).

    Raises:
        DataError: more than one label per image, or not n of them.
    """
    check_shape(y.shape, n, where)
    return y.reshape(n)


def check_shape(shape: tuple[int, ...], n: int, where: str) -> None:
    """Raises DataError unless an array of this shape holds n labels; asked before a large one is read."""
    if len(shape) == 2 and shape[1] != 1:
        raise DataError(
            f"{where}: expected one label per image, got {shape[1]} per image (an array of shape {shape}); "
            "keep one column, or y.argmax(axis=1) where exactly one of them is 1"
        )
    if len(shape) not in (1, 2):
        raise DataError(f"{where}: expected one label per image, got an array of shape {shape}")
    if shape[0] != n:
        raise DataError(f"{where}: expected as many labels as images, got {shape[0]:,} labels and {n:,} images")


def misfits(y: NDArray[Any]) -> dict[int, str]:
    """The items whose label is neither a whole number nor text, and that label; none where most are like that.

    Most labels that are fractions are no faults of items: `encode` then refuses them all.
    """
    found: dict[int, str] = {}
    if y.dtype.kind == "f":
        found = {int(i): f"{y[i]:g}" for i in np.flatnonzero(_no_class(y))}
    elif y.dtype.kind == "O":
        # As what they would be read as: a fraction among whole numbers, or what is no plain value at all.
        items = _from_objects(y)
        found = misfits(items) if items.dtype.kind == "f" else {}
        found |= {i: f"a {type(v).__name__}" for i, v in enumerate(y.tolist()) if isinstance(v, _NO_LABELS)}
    return found if 2 * len(found) <= len(y) else {}


def _plain(y: NDArray[Any], where: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The labels as int64 or text, and which of them are unknown."""
    if y.dtype.kind == "O":
        y = _from_objects(y)
    if y.dtype.kind == "f":
        missing = np.isnan(y)
        if wrong := y[_no_class(y)].tolist():
            raise DataError(f"{where}: expected class labels (whole numbers or text), got the number {wrong[0]:g}")
        return _numbers(np.where(missing, -1, y).astype(np.int64), missing)
    if y.dtype.kind in "iu" and len(y) and y.max() > _LARGEST:
        y = y.astype(np.str_)
    if y.dtype.kind in "iu":
        return _numbers(y.astype(np.int64), np.zeros(len(y), dtype=np.bool_))
    if y.dtype.kind == "S":
        y = np.char.decode(y, "utf-8", "backslashreplace")  # what cannot be read stays different
    if y.dtype.kind in "UTb":
        text = y.astype(np.str_)
        return text, np.asarray(text == "")
    raise DataError(f"{where}: expected class labels (whole numbers or text), got an array of {y.dtype}")


def _no_class(y: NDArray[Any]) -> NDArray[np.bool_]:
    """Which real numbers are neither whole numbers nor NaN; beyond 2^53 they cannot tell one from the next."""
    return np.asarray(~np.isnan(y) & ((y != np.rint(y)) | (np.abs(y) > _EXACT)))


def _numbers(y: IntArray, missing: NDArray[np.bool_]) -> tuple[IntArray, NDArray[np.bool_]]:
    # -1 and 1 are the two classes of many a classical set.
    signs = set(np.unique(y[~missing]).tolist()) == {-1, 1}
    return y, missing if signs else missing | (y == -1)


def _from_objects(y: NDArray[Any]) -> NDArray[Any]:
    """Python objects, as pandas keeps text: numbers stay numbers, everything else becomes text."""
    items = y.tolist()
    missing = [v is None or (not isinstance(v, str) and str(v) in ("nan", "<NA>", "NaT")) for v in items]
    kept = [v for v, gone in zip(items, missing, strict=True) if not gone]
    numbers = kept and all(isinstance(v, int | float) and not isinstance(v, bool) for v in kept)
    if numbers and not any(isinstance(v, int) and abs(v) > _EXACT for v in kept):
        return np.array([np.nan if gone else v for v, gone in zip(items, missing, strict=True)], dtype=np.float64)
    return np.array(["" if gone else str(v) for v, gone in zip(items, missing, strict=True)], dtype=np.str_)


def _against(
    declared: Sequence[str], values: NDArray[Any], unknown: NDArray[np.bool_], where: str
) -> tuple[IntArray, tuple[str, ...]]:
    if len(set(declared)) < len(declared):
        raise DataError(f"{where}: expected class names that differ, got {', '.join(declared)}")
    if values.dtype.kind == "i":
        unknown = unknown | (values == -1)
        wrong = values[~unknown & ((values < 0) | (values >= len(declared)))]
        index = np.where(unknown, -1, values)
    else:
        place = {name: i for i, name in enumerate(declared)}
        wrong = np.array([v for v in values[~unknown].tolist() if v not in place])
        index = np.array([place.get(v, -1) for v in values.tolist()], dtype=np.int64)
    if len(wrong):
        raise DataError(
            f"{where}: expected labels that fit the {len(declared)} class names it holds, got the label {wrong[0]}"
        )
    used = np.unique(index[index >= 0])
    rank = np.full(len(declared) + 1, -1, dtype=np.int64)
    rank[used] = np.arange(len(used))
    return rank[index], tuple(declared[i] for i in used.tolist())
