"""Photos in one folder per class, with or without folders for train, valid and test above them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read import photos
from secondlook.data.read.arrays import describe, own_parts
from secondlook.data.read.ids import natural_key, numbered
from secondlook.data.read.labels import encode
from secondlook.data.read.pixels import check_size
from secondlook.data.words import PART_WORDS, few
from secondlook.errors import DataError
from secondlook.types import PARTS, ImageSet

_DEFAULT_SIZE = 64
_EXPECTED = "expected one folder per class with images in it, such as cats/1.jpg and dogs/1.jpg"
A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class _Photo:
    """One image file on its way to pixels."""

    file: Path
    name: str
    label: str
    part: str
    header: photos.Header


@dataclass
class _Left:
    """What was left out, by reason: names of files, relative to the source."""

    other: list[str] = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)

    def notes(self) -> list[str]:
        """One clause per reason, the first few named."""
        notes = []
        if self.broken:
            reasons = [f"{name} ({reason})" for name, reason in self.broken]
            notes.append(f"ignored {_counted(len(reasons), 'broken image')}: {few(reasons)}")
        if self.unlabelled:
            notes.append(
                f"ignored {_counted(len(self.unlabelled), 'image')} outside class folders: {few(self.unlabelled)}"
            )
        if self.other:
            notes.append(f"ignored {_counted(len(self.other), 'other file')}: {few(self.other)}")
        if self.empty:
            notes.append(f"no images in {few(self.empty)}")
        return notes


def recognises(path: Path) -> bool:
    """Any folder; this reader comes last, and says what is missing."""
    return path.is_dir()


def read(path: Path, size: int | None) -> ImageSet:
    """All images below a folder, turned upright, in one size and one colour mode.

    A uniform size is kept; otherwise images become 64x64. Only when all are grey do they stay grey. Broken images,
    other files and hidden ones are left out, and counted in `ImageSet.format`.
    """
    check_size(size)
    left = _Left()
    with warnings.catch_warnings():
        # Pillow warns of odd metadata and of very large images; what cannot be decoded is counted in any case.
        warnings.simplefilter("ignore")
        found = _found(path, left)
        pixels = _decoded(found, size, left)
    if not found:
        raise DataError(f"{path}: {_EXPECTED}, got {_instead(left)}")
    h, w = pixels.shape[1:3]
    labels, classes = encode(np.array([photo.label for photo in found]), len(found), str(path))
    parts = own_parts([photo.part for photo in found])
    changed = any((p.header.width, p.header.height) != (w, h) for p in found)
    resized = [f"resized to {w}x{h}"] if changed else []
    above = "" if parts is None else f", with its own {', '.join(p for p in PARTS if p in parts)}"
    return ImageSet(
        pixels=pixels,
        labels=labels,
        classes=classes,
        ids=numbered(photo.header.digest for photo in found),
        names=[photo.name for photo in found],
        source=str(path),
        format=describe(f"a folder per class{above}", pixels, len(classes), notes=[*resized, *left.notes()]),
        parts=parts,
    )


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' * (n != 1)}"


def _walk(folder: Path, root: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Files below a folder, hidden ones left out; links are followed only where they stay below the root."""
    real = folder.resolve()
    if real in above:
        return
    for entry in sorted(folder.iterdir(), key=lambda p: natural_key(p.name)):
        if entry.name.startswith(".") or entry.name == "__MACOSX":
            continue
        if entry.is_symlink() and not entry.resolve().is_relative_to(root):
            continue
        if entry.is_dir():
            yield from _walk(entry, root, (*above, real))
        elif entry.is_file():
            yield entry


def _threaded(work: Callable[[A], B], items: Sequence[A]) -> list[B]:
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(work, items))


def _found(path: Path, left: _Left) -> list[_Photo]:
    """The image files of class folders, with their headers."""
    files = list(_walk(path, path.resolve()))
    if not files:
        raise DataError(f"{path}: {_EXPECTED}, got an empty folder")
    names = [file.relative_to(path) for file in files]
    headers = _threaded(photos.inspect, files)
    images = [name.parts for name, header in zip(names, headers, strict=True) if header.state != "other"]
    in_parts = any(len(p) > 2 and p[0].lower() in PART_WORDS for p in images)
    found = []
    for file, name, header in zip(files, names, headers, strict=True):
        place = _place(name.parts, in_parts)
        if header.state == "other":
            left.other.append(name.as_posix())
        elif place is None:
            left.unlabelled.append(name.as_posix())
        elif header.state == "broken":
            left.broken.append((name.as_posix(), header.reason))
        else:
            found.append(_Photo(file, name.as_posix(), place[1], place[0], header))
    left.empty = _empty_classes(path, found, in_parts)
    if not found:
        raise DataError(f"{path}: {_EXPECTED}, got {_instead(left)}")
    return found


def _instead(left: _Left) -> str:
    if left.unlabelled and not left.broken:
        return f"{_counted(len(left.unlabelled), 'image')} without a class folder: {few(left.unlabelled)}"
    return f"no readable image; {'; '.join(left.notes())}"


def _place(parts: tuple[str, ...], in_parts: bool) -> tuple[str, str] | None:
    """The part and the class of a file, or None where it lies in no class folder."""
    if not in_parts:
        return ("train", parts[0]) if len(parts) > 1 else None
    if len(parts) > 2 and parts[0].lower() in PART_WORDS:
        return PART_WORDS[parts[0].lower()], parts[1]
    return None


def _empty_classes(path: Path, found: Sequence[_Photo], in_parts: bool) -> list[str]:
    used = {tuple(Path(photo.name).parts[: 2 if in_parts else 1]) for photo in found}
    folders = [p for p in path.glob("*/*" if in_parts else "*") if p.is_dir() and not p.name.startswith(".")]
    wanted = [p.relative_to(path) for p in folders if not in_parts or p.parent.name.lower() in PART_WORDS]
    return sorted(p.as_posix() for p in wanted if p.parts not in used)


def _plan(found: Sequence[_Photo], size: int | None) -> tuple[int, int, bool]:
    """Width, height and whether grey, for all images alike."""
    grey = all(photo.header.grey for photo in found)
    if size is not None:
        return size, size, grey
    sizes = {(photo.header.width, photo.header.height) for photo in found}
    return (*sizes.pop(), grey) if len(sizes) == 1 else (_DEFAULT_SIZE, _DEFAULT_SIZE, grey)


def _decoded(found: list[_Photo], size: int | None, left: _Left) -> NDArray[np.uint8]:
    """All pixels; what breaks is moved from `found` to `left` and has no say in the common size."""
    while True:
        plan = width, height, grey = _plan(found, size)
        pixels = np.empty((len(found), height, width, 1 if grey else 3), np.uint8)
        reasons = _threaded(partial(_fill, pixels, found, plan), range(len(found)))
        left.broken += [(photo.name, why) for photo, why in zip(found, reasons, strict=True) if why]
        found[:] = [photo for photo, why in zip(found, reasons, strict=True) if not why]
        if not found:
            return pixels[:0]
        if _plan(found, size) == plan:
            return pixels if len(found) == len(pixels) else pixels[[not why for why in reasons]]


def _fill(pixels: NDArray[np.uint8], found: Sequence[_Photo], plan: tuple[int, int, bool], i: int) -> str:
    """Decodes one image into its place, so that all are held only once; returns why it cannot be, or nothing."""
    result = photos.decode(found[i].file, *plan)
    if isinstance(result, str):
        return result
    pixels[i] = result
    return ""
