"""Arrays, from Python or from any of the array formats, as an ImageSet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.ids import hash_rows, numbered
from secondlook.data.read.labels import encode
from secondlook.data.read.pixels import check_size, resize, to_pixels
from secondlook.errors import DataError
from secondlook.types import ImageSet


def from_arrays(
    x: NDArray[Any],
    y: NDArray[Any] | None,
    *,
    source: str,
    kind: str,
    names: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    parts: Sequence[str] | None = None,
    size: int | None = None,
    noun: str = "images",
    notes: Sequence[str] = (),
) -> ImageSet:
    """An ImageSet of images `x` and labels `y` (None where there are none).

    Args:
        x: n images, in any layout that `to_pixels` takes.
        y: n labels, whole numbers or text.
        source: what the user asked for; it stands in front of errors.
        kind: how the source was recognised: the beginning of `ImageSet.format`.
        names: n names, by default "row 0", "row 1", …
        classes: class names where the source declares them.
        parts: n of "train", "valid", "test" where the source is split already.
        size: the edge to which images of another size are resized.
        noun: what the images are called.
        notes: more to say in `ImageSet.format`.
    """
    check_size(size)
    pixels, done = to_pixels(x, source)
    if y is None:
        y = np.full(len(x), -1)
    labels, found = encode(y, len(x), source, classes)
    h, w = pixels.shape[1:3]
    if size is not None and (h, w) != (size, size):
        pixels, done = resize(pixels, size), (*done, f"resized from {h}x{w}")
    if classes is not None and len(found) < len(classes):
        done = (*done, f"{len(classes) - len(found)} of the {len(classes)} named classes hold no image")
    return ImageSet(
        pixels=pixels,
        labels=labels,
        classes=found,
        ids=numbered(hash_rows(x)),
        names=names if names is not None else [f"row {i}" for i in range(len(x))],
        source=source,
        format=describe(kind, pixels, len(found), noun, (*notes, *done)),
        parts=own_parts(parts),
    )


def resized(images: ImageSet, size: int | None) -> ImageSet:
    """The same images with edges of `size` pixels, and a word on it in `ImageSet.format`; None leaves them."""
    h, w, _ = images.shape
    if size is None or (h, w) == (size, size):
        return images
    note = f"{images.format}; resized from {h}x{w} to {size}x{size}"
    return replace(images, pixels=resize(images.pixels, size), format=note)


def own_parts(parts: Sequence[str] | None) -> NDArray[np.str_] | None:
    """The parts as an array; None where they are no split: one part only, or none to train on."""
    return None if parts is None or len(set(parts)) < 2 or "train" not in parts else np.array(parts, dtype=np.str_)


def describe(kind: str, pixels: NDArray[Any], k: int, noun: str = "images", notes: Sequence[str] = ()) -> str:
    """One sentence on what was read: "IDX files: 70,000 images of 28x28, grey, 10 classes"."""
    n, h, w, c = pixels.shape
    depth = "" if pixels.dtype == np.uint8 else ", more than 8 bits"
    labels = {0: "no labels", 1: "1 class"}.get(k, f"{k} classes")
    colour = "grey" if c == 1 else "RGB"
    return "; ".join([f"{kind}: {n:,} {noun} of {h}x{w}, {colour}{depth}, {labels}", *notes])


def read_pair(x: Any, y: Any, size: int | None) -> ImageSet:
    """Images and labels that already are in memory: NumPy, pandas, PyTorch, or lists of numbers."""
    try:
        images = np.asarray(x)
        labels = None if y is None else np.asarray(y)
    except ValueError:
        raise DataError("arrays: expected images and labels as regular arrays, got lists of unequal lengths") from None
    return from_arrays(images, labels, source="arrays", kind="arrays from Python", size=size)
