"""Zip and tar archives of any of the formats, and single compressed files.

They are unpacked into the cache, where the other readers find what they know; `ImageSet.source` and the names of items
are those of the archive.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

from secondlook.data.read import cache, manifest, photos
from secondlook.data.read.members import kind_of
from secondlook.data.read.settings import Settings
from secondlook.data.read.unpack import FILES, nothing, stored_faults, unpack
from secondlook.errors import DataError, SecondlookError
from secondlook.types import ImageSet

# Raised when unpacking changes, so that what an older version unpacked is not used.
_VERSION = 1


def recognises(path: Path) -> bool:
    """A file that begins like a zip or tar archive, or like a compressed file."""
    return path.is_file() and kind_of(path) != ""


def read(path: Path, settings: Settings) -> ImageSet:
    """What an archive holds; a single folder at its top is descended into.

    Raises:
        DataError: damaged, encrypted, too large once unpacked, or holding nothing that can be read.
    """
    kind = kind_of(path)
    if settings.root is not None:
        raise DataError(f"{path}: expected images, got an archive inside an archive; unpack it and give the folder")
    folder = cache.entry(
        "archive", f"{_VERSION} {cache.stamp(path)}", partial(unpack, path, kind), keep=settings.cache
    ).resolve()
    data, faults = folder / FILES, stored_faults(folder)
    top = _top(data)
    if top.is_dir() and not any(top.iterdir()):
        raise nothing(path, faults)
    images = _read(top, data, path, replace(settings, root=data))
    base = top if top.is_dir() else top.parent
    above = base.relative_to(data).as_posix()
    inner = [replace(f, name=_full(f.name, base, above), reason=_own(f.reason, data, path)) for f in images.faults]
    names = images.names
    if len(names) and _full(names[0], base, above) != names[0]:
        names = [f"{above}/{name}" for name in names]
    noun = "archive" if kind == "zip" or kind.startswith("tar") else "file"
    return replace(
        images,
        source=str(path),
        names=names,
        format=_own(f"{kind} {noun} of {images.format}", data, path),
        faults=(*faults, *inner),
    )


def _top(folder: Path) -> Path:
    """The only folder or file at the top, and that in it, and so on; but a folder of images is a class by itself."""
    visible = [path for path in folder.iterdir() if not path.name.startswith(".")]
    if len(visible) != 1 or visible[0].is_file():
        return visible[0] if len(visible) == 1 else folder
    only = visible[0]
    if any(photos.named_like_one(path) for path in only.iterdir()) and not manifest.recognises(only):
        return folder
    return _top(only)


def _read(top: Path, data: Path, path: Path, settings: Settings) -> ImageSet:
    """What is in the folder, by the reader that knows it; errors name the archive."""
    from secondlook.data.read import read_path

    try:
        return read_path(top, settings)
    except SecondlookError as error:
        raise type(error)(_own(str(error), data, path)) from None


def _own(text: str, data: Path, path: Path) -> str:
    """A text that names the archive instead of the folder it was unpacked to."""
    return text.replace(str(data), str(path))


def _full(name: str, base: Path, above: str) -> str:
    """A name relative to the archive rather than to the folder descended to, where it is that of a file, or a row."""
    if above == ".":
        return name
    file = re.sub(r"(:[0-9]+)?( \(.*\))?$", "", name, flags=re.DOTALL)
    try:
        there = (base / file).exists()
    except (OSError, ValueError):  # no name of a file at all
        return name
    return f"{above}/{name}" if there else name
