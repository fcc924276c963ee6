"""From the paths that a manifest gives to files: those beside it, and nothing outside an archive."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from secondlook.data.read import photos
from secondlook.data.words import part_of
from secondlook.types import FaultKind

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_DRIVE = re.compile(r"[a-z]:[\\/]", re.IGNORECASE)
# How far below a manifest images are looked for when its paths lead to none.
_DEPTH = 3
_MOST_FILES = 2_000_000


@dataclass(frozen=True)
class Lost:
    """Why a path leads to no file that may be read."""

    kind: FaultKind
    reason: str


@dataclass(frozen=True)
class Places:
    """Where the paths of a table lead.

    Attributes:
        base: the folder that relative paths start from.
        root: nothing outside it is read, or looked at; None where everything may be. An absolute path.
        links: whether links inside the root may lead out of it.
    """

    base: Path
    root: Path | None = None
    links: bool = False

    def find(self, text: str) -> Path | Lost:
        """The file that a path of the table means. Absolute paths and `..` are followed within the root only."""
        if not text.strip():
            return Lost("broken", "no path in this row")
        if _ADDRESS.match(text.strip()):
            return Lost("missing", "an address, and nothing is downloaded")
        lost = Lost("missing", "there is no such file")
        for spelling in _spellings(text):
            path = self.base / spelling
            if self.root is not None and not self._inside(path, self.root, spelling):
                return Lost("unsafe", "a path that leads out of the archive, not followed")
            try:
                if path.is_file():
                    return path
                if path.is_dir():
                    lost = Lost("missing", "a folder, not a file")
            except PermissionError:
                return Lost("permission", "no permission to read it")
            except (OSError, ValueError):  # too long for a name, or a NUL inside
                continue
        return lost

    def _inside(self, path: Path, root: Path, spelling: str) -> bool:
        # The text alone decides first, so that nothing outside is so much as looked at.
        if _DRIVE.match(spelling) or "\0" in spelling:
            return False
        if not Path(os.path.abspath(path)).is_relative_to(root):  # noqa: PTH100  # resolve() would follow links
            return False
        if self.links:
            return True
        try:
            return path.resolve().is_relative_to(root)
        except (OSError, RuntimeError):  # a loop of links
            return False

    def by_id(self, text: str, part: str | None = None) -> list[Path]:
        """Images below the base whose name, with its extension or without, is the text.

        Where there are several, those below a folder named after the part.
        """
        found = self._index.get(text.strip(), [])
        if len(found) > 1 and part is not None:
            inner = [path.relative_to(self.base).parts[:-1] for path in found]
            of_part = [p for p, above in zip(found, inner, strict=True) if part in {part_of(name) for name in above}]
            return of_part or found
        return found

    @cached_property
    def _index(self) -> dict[str, list[Path]]:
        """Images below the base by name, by name without extension, and by path without extension."""
        index: dict[str, list[Path]] = {}
        for file in _images(self.base, self.root, links=self.links):
            inner = PurePosixPath(file.relative_to(self.base).as_posix())
            for key in {inner.name, inner.stem, str(inner.with_suffix(""))}:
                index.setdefault(key, []).append(file)
        return index


def _spellings(text: str) -> Iterator[str]:
    """A path as it is written, and as it is meant: without blanks around it, from Windows, from a Mac."""
    seen = set()
    for spelling in (text, text.strip(), text.strip().replace("\\", "/")):
        for form in (spelling, unicodedata.normalize("NFC", spelling), unicodedata.normalize("NFD", spelling)):
            if form not in seen:
                seen.add(form)
                yield form


def _images(base: Path, root: Path | None, *, links: bool) -> Iterator[Path]:
    """Files called like images, up to some folders below; links to folders are not followed."""
    seen = 0
    for top, folders, names in os.walk(base):
        here = Path(top)
        deep = len(here.relative_to(base).parts) >= _DEPTH
        folders[:] = [] if deep else sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            seen += 1
            file = here / name
            if name.startswith(".") or not photos.named_like_one(file):
                continue
            if root is None or links or file.resolve().is_relative_to(root):
                yield file
        if seen > _MOST_FILES:
            return


def beside(folder: Path, files: Sequence[Path]) -> int:
    """How many images lie in a folder, or some folders below, that are none of the files."""
    known = {os.path.abspath(file) for file in files}  # noqa: PTH100  # resolve() would follow links
    return sum(os.path.abspath(file) not in known for file in _images(folder, None, links=False))  # noqa: PTH100


def covers(files: Sequence[Path]) -> bool:
    """Whether files are at least half of the images in the folders they lie in: a set, not a few examples of one."""
    there = 0
    for folder in {file.parent for file in files}:
        there += sum(photos.named_like_one(Path(entry.name)) for entry in os.scandir(folder))
    return 2 * len(set(files)) >= there
