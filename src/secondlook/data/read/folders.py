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

# What files are called that are sets by themselves.
_SETS = (".npz", ".h5", ".hdf5", ".zip", ".tar", ".tar.gz", ".tgz")

Names = tuple[str, ...]


@dataclass(frozen=True)
class _Layout:
    """How the folders are meant.

    Attributes:
        above: how many folders lie around everything ("dataset/train/cats/1.jpg": one).
        parts: the part that each folder below means; empty where none do.
        classes: whether folders mean classes; else the images have no labels.
        below: whether the parts lie in the classes ("cats/train/1.jpg"), not around them.
    """

    above: int
    parts: dict[str, Part]
    classes: bool
    below: bool = False

    def place(self, names: Names) -> tuple[Part, str | None] | None:
        """The part and the class of a file; None where it lies outside what is meant."""
        inner = names[self.above : -1]
        part: Part | None = "train"
        if self.parts:
            at = int(self.below)
            part = self.parts.get(inner[at]) if len(inner) > at else None
            inner = (*inner[:at], *inner[at + 1 :])
        if part is None or bool(inner) != self.classes:
            return None
        return part, _class_of(inner[:1]) if inner else None


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
    _refuse_sets(path, found.files)
    layout = _layout(found.files)
    places = [layout.place(names) for names in found.files]
    kept = [(names, place) for names, place in zip(found.files, places, strict=True) if place is not None]
    files = [path.joinpath(*names) for names, _ in kept]
    outside = [names for names, place in zip(found.files, places, strict=True) if place is None]
    empty = _empty_classes(found, layout)
    listing = Listing(
        names=[readable(names) for names, _ in kept],
        labels=[label for _, (_, label) in kept],
        files=files,
        encoded=lambda i: photos.read_file(files[i]),
        meant=[photos.named_like_one(file) for file in files],
        parts=[part for _, (part, _) in kept] if layout.parts else None,
        faults=(*found.faults, *map(_outside, outside)),
        empty=[_class_of(folder) for folder in empty],
        notes=[f"no images in {few([readable(folder) for folder in empty])}"] if empty else [],
    )
    kind = "a folder per class" if layout.classes else "a folder of images"
    if layout.parts:
        there = {part for _, (part, _) in kept}
        kind += f", with its own {', '.join(part for part in PARTS if part in there)}"
    return gather(listing, source=readable([str(path)]), kind=kind, settings=settings, expected=_EXPECTED)


def _refuse_sets(path: Path, files: Sequence[Names]) -> None:
    """Raises DataError for a folder without images that holds a file which is a set by itself."""
    sets = [readable(names) for names in files if names[-1].lower().endswith(_SETS)]
    if sets and not any(photos.named_like_one(Path(names[-1])) for names in files):
        which = "that" if len(sets) == 1 else "a"
        raise DataError(f"{readable([str(path)])}: {_EXPECTED}, got none, but {few(sets)}; give {which} file")


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
    inner = {names[1] if len(names) > 2 else "" for names in images if len(names) > 1}
    below = {name: PART_WORDS[name.lower()] for name in inner if name.lower() in PART_WORDS}
    if below.keys() == inner and "train" in below.values() and len(set(below.values())) > 1:
        return _Layout(above, below, classes=True, below=True)
    return _Layout(above, {}, classes=bool(tops))


def _outside(names: Names) -> Fault:
    if photos.named_like_one(Path(names[-1])):
        return Fault(readable(names), "unlabelled", "outside the class folders")
    return Fault(readable(names), "ignored", "not an image")


def _class_of(folder: Names) -> str:
    """The class that a folder is called after."""
    return unicodedata.normalize("NFC", readable(folder[-1:]))


def _empty_classes(found: Walk, layout: _Layout) -> list[Names]:
    """Folders of classes that hold no file."""
    around = bool(layout.parts) and not layout.below
    depth = layout.above + (2 if around else 1)
    if not layout.classes:
        return []
    used = {names[:depth] for names in found.files}
    return [
        folder
        for folder in found.folders
        if len(folder) == depth and folder not in used and (not around or folder[depth - 2] in layout.parts)
    ]
