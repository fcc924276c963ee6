"""The files below a folder: nothing outside it, nothing twice in a circle, nothing but regular files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from secondlook.data.read.ids import natural_key
from secondlook.types import Fault, FaultKind

# Links to folders may lead to folders with such links, each way of going through them being a way of its own.
_MOST_LINKS = 2


@dataclass
class Walk:
    """What was found below a folder, by path relative to it, in natural order.

    Attributes:
        files: the parts of each path, as the file system gives them.
        folders: likewise, hidden ones and those that were not entered left out.
        faults: hidden files and folders ("ignored"), links ("unsafe" where they lead out, "missing" where they lead to
            nothing), folders that cannot be opened, and what is neither file nor folder.
    """

    files: list[tuple[str, ...]] = field(default_factory=list)
    folders: list[tuple[str, ...]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True)
class _Place:
    """A folder on the way: `above` are the real paths of those it lies in and of itself, `links` how many led here."""

    path: str
    parts: tuple[str, ...]
    above: tuple[str, ...]
    links: int = 0


def readable(parts: Sequence[str]) -> str:
    """A relative path as text; bytes that are no UTF-8 are written out, as in ``caf\\xe9.jpg``."""
    return "/".join(parts).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def walk(path: Path, root: Path) -> Walk:
    """Everything below a folder.

    Args:
        path: the folder.
        root: links that lead out of it are not followed.

    Raises:
        PermissionError: the folder itself cannot be opened.
    """
    found = Walk()
    real, inside = os.path.realpath(path), os.path.realpath(root)
    start = _Place(str(path), (), (real,))
    pending: list[tuple[_Place, Iterator[os.DirEntry[str]]]] = [(start, _entries(start))]
    while pending:
        place, entries = pending[-1]
        entry = next(entries, None)
        if entry is None:
            pending.pop()
        elif (inner := _look(entry, place, inside, found)) is not None:
            try:
                pending.append((inner, _entries(inner)))
            except OSError as error:
                denied = isinstance(error, PermissionError)
                reason = "no permission to open the folder" if denied else error.strerror or str(error)
                found.faults.append(Fault(readable(inner.parts), "permission" if denied else "broken", reason))
            else:
                found.folders.append(inner.parts)
    return found


def _entries(place: _Place) -> Iterator[os.DirEntry[str]]:
    with os.scandir(place.path) as entries:
        return iter(sorted(entries, key=lambda entry: natural_key(entry.name)))


def _look(entry: os.DirEntry[str], place: _Place, inside: str, found: Walk) -> _Place | None:
    """Notes what an entry is; a folder that is to be entered is given back."""
    parts = (*place.parts, entry.name)
    if entry.name.startswith(".") or entry.name == "__MACOSX":
        found.faults.append(Fault(readable(parts), "ignored", "hidden"))
        return None
    try:
        if entry.is_symlink():
            return _follow(entry, place, parts, inside, found)
        if entry.is_dir(follow_symlinks=False):
            return _Place(entry.path, parts, (*place.above, f"{place.above[-1]}/{entry.name}"), place.links)
        _note(parts, entry.is_file(follow_symlinks=False), found)
    except OSError as error:
        denied = isinstance(error, PermissionError)
        reason = "no permission to look at it" if denied else error.strerror or str(error)
        found.faults.append(Fault(readable(parts), "permission" if denied else "broken", reason))
    return None


def _follow(entry: os.DirEntry[str], place: _Place, parts: tuple[str, ...], inside: str, found: Walk) -> _Place | None:
    target = os.path.realpath(entry.path)
    name = readable(parts)
    if not Path(target).is_relative_to(inside):
        found.faults.append(Fault(name, "unsafe", "a link that leads out of the folder, not followed"))
    elif not os.path.exists(target):  # noqa: PTH110
        found.faults.append(Fault(name, "missing", "a link to nothing"))
    elif not os.path.isdir(target):  # noqa: PTH112
        _note(parts, os.path.isfile(target), found)  # noqa: PTH113
    elif target in place.above:
        found.faults.append(Fault(name, "ignored", "a link to a folder that it lies in"))
    elif place.links == _MOST_LINKS:
        found.faults.append(Fault(name, "ignored", "a link inside linked folders, not followed"))
    else:
        return _Place(entry.path, parts, (*place.above, target), place.links + 1)
    return None


def _note(parts: tuple[str, ...], regular: bool, found: Walk) -> None:
    if regular:
        found.files.append(parts)
        return
    from secondlook.data.read.photos import named_like_one

    kind: FaultKind = "broken" if named_like_one(Path(parts[-1])) else "ignored"
    found.faults.append(Fault(readable(parts), kind, "a pipe, a socket or a device, not a file"))
