"""Arrays, from Python or from any of the array formats, as an ImageSet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.ids import hash_rows, hexadecimal, natural_key, numbered
from secondlook.data.read.labels import column, encode, misfits, printable
from secondlook.data.read.large import LARGE, Joined, Rows, blocks, bytes_of, empty
from secondlook.data.read.names import RowNames, taken
from secondlook.data.read.pixels import Layout, Values, layout, on_white, values
from secondlook.data.read.resize import resize
from secondlook.data.read.settings import DEFAULT, Resize, Settings
from secondlook.errors import DataError
from secondlook.types import Fault, ImageSet

# How images of another form became squares, for the sentence.
_HOW: dict[Resize, str] = {"stretch": "", "pad": ", padded", "crop": ", cropped"}


def from_arrays(
    x: Rows | Joined,
    y: NDArray[Any] | None,
    *,
    source: str,
    kind: str,
    names: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    parts: Sequence[str] | NDArray[np.str_] | None = None,
    groups: Sequence[str] | NDArray[np.str_] | None = None,
    settings: Settings = DEFAULT,
    noun: str = "images",
    notes: Sequence[str] = (),
    faults: Sequence[Fault] = (),
) -> ImageSet:
    """An ImageSet of images `x` and labels `y` (None where there are none).

    Images with NaN or infinity, and labels that are none, become faults. The array may be larger than memory: it is
    read in blocks, and what is made of it lies in a file once it is large. A memory map of bytes is taken as it is.

    Args:
        x: n images, in any layout that `pixels.layout` takes.
        y: n labels, whole numbers or text.
        source: what the user asked for; it stands in front of errors.
        kind: how the source was recognised: the beginning of `ImageSet.format`.
        names: n names, by default "row 0", "row 1", …
        classes: class names where the source declares them.
        parts: n of "train", "valid", "test" where the source is split already.
        groups: n groups of items that must stay together.
        settings: how images of another size are resized.
        noun: what the images are called.
        notes: more to say in `ImageSet.format`.
        faults: what the reader left out already.

    Raises:
        DataError: not an array of images, or no usable image in it; parts of several scales; labels that do not fit.
    """
    form = layout(x, source)
    n = len(x)
    y = np.full(n, -1) if y is None else column(y, n, source)
    names = RowNames([("row ", range(n))]) if names is None else names
    numbers = values(x, source)
    faults = [*faults, *_broken(numbers.finite, y, names)]
    kept = numbers.finite.copy()
    kept[list(misfits(y))] = False
    if not kept.any():
        raise DataError(f"{source}: expected images that can be used, got none; {names[0]}: {faults[-n].reason}")
    if not kept.all():
        items = np.flatnonzero(kept)
        y, names = y[items], taken(names, items)
        parts, groups = (None if v is None else np.asarray(v)[items] for v in (parts, groups))
    labels, found = encode(y, len(y), source, classes)
    pixels, digests, done = _converted(x, form, numbers, kept, settings, source)
    unheld = empty_classes(classes or (), found)
    done += [*said_of_classes(classes, unheld), *said_of_parts(parts)]
    return ImageSet(
        pixels=pixels,
        labels=labels,
        classes=found,
        ids=numbered(hexadecimal(digests)),
        names=names,
        source=source,
        format=describe(kind, pixels, len(found), noun, (*notes, *done)),
        parts=own_parts(parts),
        groups=None if groups is None else np.asarray(groups, dtype=np.str_),
        faults=tuple(faults),
        empty_classes=unheld,
    )


def _broken(finite: NDArray[np.bool_], y: NDArray[Any], names: Sequence[str]) -> list[Fault]:
    """The items that cannot be used, in order."""
    reasons = {i: f"its label, {label}, is no class" for i, label in misfits(y).items()}
    reasons |= dict.fromkeys(np.flatnonzero(~finite).tolist(), "pixels that are NaN or infinite")
    return [Fault(names[i], "broken", reasons[i]) for i in sorted(reasons)]


def _converted(
    x: Rows | Joined, form: Layout, numbers: Values, kept: NDArray[np.bool_], settings: Settings, where: str
) -> tuple[NDArray[Any], NDArray[np.uint8], list[str]]:
    """Pixels of the items that are kept, the hashes of their source bytes, and what was done, in words."""
    size, n = settings.size, int(kept.sum())
    changes = size is not None and (form.h, form.w) != (size, size)
    done = [note for note in (form.note, numbers.note) if note]
    done += ["transparency laid on white"] if form.c == 4 else []
    done += [f"resized from {form.h}x{form.w}{_HOW[settings.resize]}"] if changes else []
    digests = np.empty((n, 8), np.uint8)
    if not changes and (ready := _as_it_is(x, form, numbers, kept)) is not None:
        for at, block in blocks(x):
            digests[at : at + len(block)] = hash_rows(block)
        return ready, digests, done
    h, w = (size, size) if changes and size else (form.h, form.w)
    pixels = empty((n, h, w, min(form.c, 3)), numbers.dtype, where)
    filled = 0
    for at, block in blocks(x):
        block = block[kept[at : at + len(block)]]
        place = slice(filled, filled + len(block))
        digests[place] = hash_rows(block)
        viewed = form.view(block)
        changed = viewed if numbers.change is None else numbers.change(viewed)
        flat = on_white(changed) if form.c == 4 else changed
        pixels[place] = resize(flat, size, settings.resize) if changes and size else flat
        filled = place.stop
    return pixels, digests, done


def _as_it_is(x: Rows | Joined, form: Layout, numbers: Values, kept: NDArray[np.bool_]) -> NDArray[Any] | None:
    """The array itself where it holds pixels already. A small memory map is copied: its file may change or go."""
    if not isinstance(x, np.ndarray) or numbers.change is not None or form.c == 4 or not kept.all():
        return None
    if isinstance(x, np.memmap) and bytes_of(x.shape, x.dtype) < LARGE:
        return None
    pixels = form.view(x)
    return pixels if pixels.flags.c_contiguous else None


def resized(images: ImageSet, settings: Settings) -> ImageSet:
    """The same images with edges of `size` pixels, and a word on it in `ImageSet.format`; None leaves them."""
    h, w, c = images.shape
    size = settings.size
    if size is None or (h, w) == (size, size):
        return images
    pixels = empty((len(images), size, size, c), images.pixels.dtype, images.source)
    for at, block in blocks(images.pixels):
        pixels[at : at + len(block)] = resize(block, size, settings.resize)
    how = _HOW[settings.resize]
    return replace(images, pixels=pixels, format=f"{images.format}; resized from {h}x{w} to {size}x{size}{how}")


def own_parts(parts: Sequence[str] | NDArray[np.str_] | None) -> NDArray[np.str_] | None:
    """The parts as an array; None where one part is all there is, which is no split."""
    if parts is None:
        return None
    found = np.asarray(parts, dtype=np.str_)
    return None if (found == found[:1]).all() else found


def said_of_parts(parts: Sequence[str] | NDArray[np.str_] | None) -> list[str]:
    """A word on parts of which none is to train on."""
    names = [] if parts is None else sorted(set(np.asarray(parts, dtype=np.str_).tolist()), reverse=True)
    if not names or "train" in names:
        return []
    if len(names) == 1:
        return [f"no other part beside {names[0]}, so divided like a set without parts"]
    return ["no part to train on"]


def empty_classes(named: Iterable[str], found: Sequence[str]) -> tuple[str, ...]:
    """The classes that a source names, in natural order, without those of which it holds an image."""
    return tuple(sorted({*map(printable, named)} - {*found}, key=natural_key))


def said_of_classes(declared: Sequence[str] | None, empty: Sequence[str]) -> list[str]:
    """A word on classes of a declared list that hold no image."""
    if declared is None or not empty:
        return []
    return [f"{len(empty)} of the {len(declared)} named classes {'holds' if len(empty) == 1 else 'hold'} no image"]


def describe(kind: str, pixels: NDArray[Any], k: int, noun: str = "images", notes: Sequence[str] = ()) -> str:
    """One sentence on what was read: "IDX files: 70,000 images of 28x28, grey, 10 classes"."""
    n, h, w, c = pixels.shape
    noun = noun.removesuffix("s") if n == 1 else noun
    depth = "" if pixels.dtype == np.uint8 else ", more than 8 bits"
    labels = {0: "no labels", 1: "1 class"}.get(k, f"{k} classes")
    colour = "grey" if c == 1 else "RGB"
    return "; ".join([f"{kind}: {n:,} {noun} of {h}x{w}, {colour}{depth}, {labels}", *notes])


def read_pair(x: Any, y: Any, settings: Settings) -> ImageSet:
    """Images and labels that already are in memory: NumPy, pandas, PyTorch, or lists of numbers."""
    try:
        images = x if isinstance(x, np.memmap) else _as_array(x)
        labels = None if y is None else _as_array(y)
    except ValueError:
        raise DataError("arrays: expected images and labels as regular arrays, got lists of unequal lengths") from None
    except (TypeError, RuntimeError) as error:  # tensors of kinds that NumPy does not have
        raise DataError(f"arrays: expected images and labels as NumPy can hold them, got others ({error})") from None
    return from_arrays(images, labels, source="arrays", kind="arrays from Python", settings=settings)


def _as_array(values: Any) -> NDArray[Any]:
    """NumPy's view of anything; a tensor may hold gradients, or lie on a GPU."""
    if isinstance(values, np.ma.MaskedArray) and (masked := int(np.asarray(values.mask).sum())):
        one = "is" if masked == 1 else "are"
        raise DataError(
            f"arrays: expected every value to count, got a masked array of which {masked:,} of {values.size:,} {one} "
            "masked; fill them (pixels with x.filled(0), labels with y.filled(-1) for unknown), or leave their rows out"
        )
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)
