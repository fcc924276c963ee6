"""What was derived from files and is worth keeping: decoded photos, unpacked archives, downloads.

An entry is a folder that is complete or not there (see `entries`). It is filled under a name of its own (`NAME.part`),
listed in a manifest, and renamed. Who fills an entry holds the lock on its `.part` alone, who uses an entry shares the
lock on it, and eviction passes by what is in use.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from secondlook.data.read.entries import bytes_in, complete, last_used, locked, remove, seal
from secondlook.errors import UsageError

# Raised when the layout of entries changes; older ones are then not found, and cleared by hand.
_ROOT = "entries-1"
_NAME = re.compile(r"[a-z0-9]+-[0-9a-f]{32}(\.part|\.[0-9a-f]+\.gone)?")
_LIMIT_BYTES, _LIMIT_SHARE = 20 * 10**9, 0.1  # of the disk: what is free, and what the cache holds already
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}

# How long to wait for another process that fills the same entry. It may be stopped (Ctrl-Z) and never end.
_PATIENCE_SECONDS, _PAUSE_SECONDS = 60.0, 0.05
# Handles of entries in use by this process; a process may only open so many files.
_MOST_HELD = 64

_held: OrderedDict[str, int] = OrderedDict()
_lock = threading.RLock()
_scratch: dict[int, Path] = {}


def cache_folder() -> Path:
    """Where everything is kept: SECONDLOOK_CACHE, else the user's cache folder. It need not exist."""
    if folder := os.environ.get("SECONDLOOK_CACHE"):
        return Path(folder).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("secondlook")


def entry(kind: str, key: str, build: Callable[[Path], None], *, keep: bool = True) -> Path:
    """A complete folder, filled now or in an earlier start.

    The folder is to be read only. While this process lives no other one deletes it. When two processes ask for the
    same entry at once, one fills it and the other waits. An entry with a missing, truncated or changed file is filled
    again. Where the cache cannot be written (no permission, a full disk), the folder is one of this process alone,
    deleted at its end.

    Args:
        kind: a word for people who look into the folder: "photos", "archive".
        key: everything that the content depends on: paths, sizes, times, settings, versions.
        build: fills an empty folder; what it raises is passed on, and nothing of the entry stays.
        keep: with False, the folder is one of this process alone.
    """
    name = f"{kind}-{hashlib.blake2b(key.encode('utf-8', 'surrogateescape'), digest_size=16).hexdigest()}"
    if keep and _asked_limit() != 0:
        # OSError: the cache cannot be used; where it is the source that fails, the second attempt says so again.
        with contextlib.suppress(OSError):
            return _kept(_root() / name, build)
    return _temporary(name, build)


def stamp(file: Path) -> str:
    """What tells a file from any other, and from what it was before: to be part of a key.

    The time of its last change of any kind tells more than its own date. Two names of one file are two files, since a
    name may be that of a class.
    """
    status = file.stat()
    place = file.parent.resolve() / file.name
    return f"{place} {file.resolve()} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def drop(folder: Path) -> None:
    """Deletes an entry that turned out to be of no use; `folder` is what `entry` returned."""
    place = folder.parent
    if place.parent == _root():
        _release(place)
        _evict(place)


def clear_cache() -> tuple[int, int]:
    """Deletes all entries, but for those that another process is using.

    Returns:
        How many were deleted, and their bytes.
    """
    cleared = freed = 0
    for place in _places():
        _release(place)
        size = bytes_in(place)
        if _evict(place):
            cleared, freed = cleared + 1, freed + size
    return cleared, freed


def _root() -> Path:
    return cache_folder() / _ROOT


def _asked_limit() -> int | None:
    """How many bytes the cache may hold as SECONDLOOK_CACHE_LIMIT says; None where it says nothing."""
    if not (text := os.environ.get("SECONDLOOK_CACHE_LIMIT", "").strip()):
        return None
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) *([KMGT]?B)?", text.upper())
    if not found:
        raise UsageError(
            f"expected SECONDLOOK_CACHE_LIMIT as a number of bytes, such as 500000000 or 5GB, got '{text}'"
        )
    return int(float(found[1]) * _UNITS[found[2] or ""])


def _limit() -> int:
    """How many bytes the cache may hold: by default 20 GB, or a tenth of what the disk could give it."""
    if (asked := _asked_limit()) is not None:
        return asked
    held = sum(map(bytes_in, _places()))
    folder = next(p for p in (_root(), *_root().parents) if p.exists())
    return int(min(_LIMIT_BYTES, _LIMIT_SHARE * (shutil.disk_usage(folder).free + held)))


def _kept(place: Path, build: Callable[[Path], None]) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    deadline = monotonic() + _PATIENCE_SECONDS
    while not _use(place):
        if _fill(place, build):
            _bound(but=place)
            if not _use(place):  # a file system that does not keep times as they were given
                raise OSError(f"{place} is not as it was written")
            break
        if monotonic() > deadline:
            raise TimeoutError(f"{place} is being filled by a process that does not end")
        sleep(_PAUSE_SECONDS)
    return place / "files"


def _fill(place: Path, build: Callable[[Path], None]) -> bool:
    """Fills an entry, unless it is complete by now; False while another process does."""
    part = place.with_name(f"{place.name}.part")
    part.mkdir(exist_ok=True)
    handle = locked(part, fcntl.LOCK_EX)
    if handle is None:
        return False
    try:
        if complete(place):
            remove(part)
            return True
        shutil.rmtree(part / "files", ignore_errors=True)  # of a process that was killed
        (part / "files").mkdir()
        build(part / "files")
        seal(part)
        remove(place)
        part.rename(place)
        return True
    except BaseException:
        remove(part)
        raise
    finally:
        os.close(handle)


def _use(place: Path) -> bool:
    """Whether an entry is there and complete; if so, it is held, and counts as used just now."""
    handle = locked(place, fcntl.LOCK_SH)
    if handle is None:
        return False
    if not complete(place):
        os.close(handle)
        return False
    with contextlib.suppress(OSError):
        os.utime(place / "manifest")
    with _lock:
        _release(place)
        _held[str(place)] = handle
        while len(_held) > _MOST_HELD:
            os.close(_held.popitem(last=False)[1])
    return True


def _release(place: Path) -> None:
    with _lock:
        if (handle := _held.pop(str(place), None)) is not None:
            os.close(handle)


def _places() -> list[Path]:
    """All entries, and what killed processes left, the least recently used first."""
    try:
        found = [place for place in _root().iterdir() if _NAME.fullmatch(place.name)]
    except OSError:
        return []
    return sorted(found, key=last_used)


def _bound(but: Path | None = None) -> None:
    """Deletes the least recently used entries until the rest fit the limit, and what killed processes left."""
    places, limit = _places(), _limit()
    total = sum(map(bytes_in, places))
    for place in places:
        size = bytes_in(place)
        if place != but and (total > limit or not size) and _evict(place):
            total -= size
    if total > limit:
        atexit.unregister(_leave)
        atexit.register(_leave)


def _leave() -> None:
    """At the end of a process that used more than the limit at once."""
    for place in list(_held):
        _release(Path(place))
    _bound()


def _evict(place: Path) -> bool:
    """Deletes an entry, unless it is in use."""
    try:
        handle = locked(place, fcntl.LOCK_EX)
    except OSError:
        return False
    if handle is None:
        return False
    remove(place)
    os.close(handle)
    return True


def _temporary(name: str, build: Callable[[Path], None]) -> Path:
    """A folder of this process alone."""
    with _lock:
        if os.getpid() not in _scratch:
            _scratch[os.getpid()] = Path(tempfile.mkdtemp(prefix="secondlook-"))
            atexit.register(shutil.rmtree, _scratch[os.getpid()], ignore_errors=True)
        place = _scratch[os.getpid()] / name
        if not place.exists():
            part = place.with_name(f"{name}.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            try:
                build(part)
                part.rename(place)
            finally:
                shutil.rmtree(part, ignore_errors=True)
        return place
