"""Photos in one folder per class, with or without folders for train, valid and test above them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from secondlook.data.read import photos
from secondlook.data.read.gather import gather
from secondlook.data.read.listing import Listing
from secondlook.data.read.settings import Settings
from secondlook.data.read.walk import Walk, readable, walk
from secondlook.data.words import PART_WORDS, few, part_of
from secondlook.errors import DataError
from secondlook.types import PARTS, Fault, ImageSet, Part

_EXPECTED = "expected one folder per class with images in it, such as cats/1.jpg and dogs/1.jpg"

Names = tuple[str, ...]


@dataclass(frozen=True)
class _Layout:
    """How the folders are meant.

    Attributes:
        above: how many folders lie around everything ("dataset/train/cats/1.jpg": one).
        parts: the part that each folder below means; empty where none do.
        classes: whether folders mean classes; else the images have no labels.
    """

    above: int
    parts: dict[str, Part]
    classes: bool

    def place(self, names: Names) -> tuple[Part, str | None] | None:
        """The part and the class of a file; None where it lies outside what is meant."""
        inner = names[self.above : -1]
        part: Part | None = "train"
        if self.parts:
            part, inner = self.parts.get(inner[0]) if inner else None, inner[1:]
        if part is None or bool(inner) != self.classes:
            return None
        return part, unicodedata.normalize("NFC", readable(inner[:1])) if inner else None


def recognises(path: Path) -> bool:
    """Any folder; this reader comes last, and says what is missing."""
    return path.is_dir()


def read(path: Path, settings: Settings) -> ImageSet:
    """All images below a folder: the class is the name of the folder they lie in, below that of their part.

    One folder around everything is looked through. Where no image lies in a folder of a class, none has a label.
    Broken images, other files and hidden ones are left out, and named in `ImageSet.faults`.

    Raises:
        DataError: no image can be read.
    """
    found = walk(path, settings.root or path)
    if not found.files:
        got = f"nothing that can be read: {few([fault.name for fault in found.faults])}" if found.faults else ""
        raise DataError(f"{readable([str(path)])}: {_EXPECTED}, got {got or 'an empty folder'}")
    layout = _layout(found.files)
    places = [layout.place(names) for names in found.files]
    kept = [(names, place) for names, place in zip(found.files, places, strict=True) if place is not None]
    files = [path.joinpath(*names) for names, _ in kept]
    outside = [names for names, place in zip(found.files, places, strict=True) if place is None]
    listing = Listing(
        names=[readable(names) for names, _ in kept],
        labels=[label for _, (_, label) in kept],
        files=files,
        encoded=lambda i: photos.read_file(files[i]),
        meant=[photos.named_like_one(file) for file in files],
        parts=[part for _, (part, _) in kept] if layout.parts else None,
        faults=(*found.faults, *map(_outside, outside)),
        notes=_empty_classes(found, layout),
    )
    kind = "a folder per class" if layout.classes else "a folder of images"
    if layout.parts:
        there = {part for _, (part, _) in kept}
        kind += f", with its own {', '.join(part for part in PARTS if part in there)}"
    return gather(listing, source=readable([str(path)]), kind=kind, settings=settings, expected=_EXPECTED)


def _layout(files: Sequence[Names]) -> _Layout:
    """How the folders are meant, as the files that are called like images tell; all files where none are."""
    images = [names for names in files if photos.named_like_one(Path(names[-1]))] or files
    for above in range(max(map(len, images))):
        inner = [names[above:] for names in images]
        tops = {names[0] for names in inner if len(names) > 1}
        if len(tops) > 1 or any(len(names) == 1 for names in inner):
            return _meant(inner, tops, above)
        if any(len(names) == 2 for names in inner):
            break
    return _meant(images, {images[0][0]} if len(images[0]) > 1 else set(), 0)


def _meant(images: Sequence[Names], tops: set[str], above: int) -> _Layout:
    """What the folders at one height mean: parts, or classes, or nothing."""
    parts = {top: PART_WORDS[top.lower()] for top in tops if top.lower() in PART_WORDS}
    if not parts:
        # Some call them training_set and test_set: parts where all tell one, each another.
        told = {top: part for top in tops if (part := part_of(top)) is not None}
        parts = told if 1 < len(tops) == len(told) == len(set(told.values())) else {}
    if parts and any(len(names) > 2 and names[0] in parts for names in images):
        return _Layout(above, parts, classes=True)
    if tops and parts.keys() == tops:
        return _Layout(above, parts, classes=False)
    return _Layout(above, {}, classes=bool(tops))


def _outside(names: Names) -> Fault:
    if photos.named_like_one(Path(names[-1])):
        return Fault(readable(names), "unlabelled", "outside the class folders")
    return Fault(readable(names), "ignored", "not an image")


def _empty_classes(found: Walk, layout: _Layout) -> list[str]:
    """A word on folders of classes that hold no file."""
    depth = layout.above + (2 if layout.parts else 1)
    if not layout.classes:
        return []
    used = {names[:depth] for names in found.files}
    empty = [
        readable(folder)
        for folder in found.folders
        if len(folder) == depth and folder not in used and (not layout.parts or folder[depth - 2] in layout.parts)
    ]
    return [f"no images in {few(empty)}"] if empty else []
