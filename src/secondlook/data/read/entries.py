"""A folder of the cache on the disk: the list of what it must hold, the lock on it, and its end.

A complete folder holds `files` and a `manifest` of size and time of every one. The lock is the kernel's, on the folder
itself, so that nothing stays locked when a process is killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

# Files are forced to disk before an entry counts as complete; for thousands of small ones that takes minutes.
_FEW_FILES = 64


def _files(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    for top, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(top, name)  # noqa: PTH118  # thousands of files, where Path is slow
            yield path[len(str(folder)) + 1 :], os.lstat(path)


def seal(part: Path) -> None:
    """Writes the manifest: the bytes in all, then size, time and name of each file."""
    found = list(_files(part / "files"))
    if len(found) <= _FEW_FILES:
        for name, _ in found:
            _sync(part / "files" / name)
    lines = [json.dumps([status.st_size, status.st_mtime_ns, name]) for name, status in found]
    manifest = part / "manifest"
    manifest.write_text("\n".join([str(sum(status.st_size for _, status in found)), *lines]), encoding="ascii")
    _sync(manifest)


def _sync(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


def complete(place: Path) -> bool:
    """Whether every file is as it was when the entry was made."""
    try:
        lines = (place / "manifest").read_text(encoding="ascii").split("\n")[1:]
        listed = {name: (size, time) for size, time, name in map(json.loads, lines)}
        found = {name: (status.st_size, status.st_mtime_ns) for name, status in _files(place / "files")}
    except (OSError, ValueError):
        return False
    return listed == found


def last_used(place: Path) -> float:
    """When an entry was last used, in seconds since 1970; 0 where it is not complete."""
    try:
        return (place / "manifest").stat().st_mtime
    except OSError:
        return 0.0


def bytes_in(place: Path) -> int:
    """The bytes of an entry's files, as its manifest says; 0 where it is not complete."""
    try:
        with (place / "manifest").open(encoding="ascii") as lines:
            return int(next(lines))
    except (OSError, ValueError, StopIteration):
        return 0


def locked(folder: Path, how: int) -> int | None:
    """A handle that holds the lock on a folder; None where another holds it, or the folder has just gone."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), folder.stat()):
            return handle
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def remove(place: Path) -> None:
    """Deletes a folder; nobody sees it half deleted."""
    gone = place.with_name(f"{place.name.partition('.')[0]}.{token_hex(8)}.gone")
    with contextlib.suppress(OSError):
        place.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
