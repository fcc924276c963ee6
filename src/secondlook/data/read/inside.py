"""The files that lie in a folder itself: links that lead out of it are not followed, but named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from secondlook.data.read import photos
from secondlook.types import Fault


def files_in(folder: Path) -> list[Path]:
    """The files of a folder by name, without hidden ones and links that lead out of it."""
    return sorted(p for p, out in _entries(folder) if not out and p.is_file())


def links_out(folder: Path) -> list[Fault]:
    """The links of a folder that lead out of it."""
    reason = "a link that leads out of the folder, not followed"
    return [Fault(path.name, "unsafe", reason) for path, out in _entries(folder) if out]


def holds_classes(folder: Path) -> bool:
    """Whether images lie in two or more folders below, as photos in one per class do, with or without parts above."""
    found = 0
    for top, folders, names in os.walk(folder):
        inner = Path(top).relative_to(folder).parts
        found += bool(inner) and any(photos.named_like_one(Path(name)) for name in names)
        if found > 1:
            return True
        folders[:] = [name for name in folders if not name.startswith(".")] if len(inner) < 2 else []
    return False


def _entries(folder: Path) -> Iterator[tuple[Path, bool]]:
    """What lies in a folder, and whether it is a link that leads out of it."""
    root = folder.resolve()
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                path = folder / entry.name
                yield path, entry.is_symlink() and _leads_out(path, root)


def _leads_out(link: Path, root: Path) -> bool:
    try:
        return not link.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a loop of links
        return True
