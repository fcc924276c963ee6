"""A file from the network: resumed where it broke off, checked, and in place as a whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

from secondlook.errors import DataError

# How long a server may stay silent, how many bytes are asked of it at a time, how often a broken connection is resumed.
_TIMEOUT_SECONDS = 30.0
_CHUNK = 2**18
_ATTEMPTS = 5
_PAUSE_SECONDS = 0.2  # between two lines of progress


class _FailedError(Exception):
    """An address did not give the file; `again` says whether to resume there."""

    def __init__(self, reason: str, *, again: bool = False) -> None:
        super().__init__(reason)
        self.again = again


def fetch(addresses: Sequence[str], target: Path, check: Callable[[Path], str]) -> str:
    """Puts a file in place, from the first address that has it.

    What has come lies in .NAME.part until it is whole; another start goes on from there, if the server says that it
    still has the same file. Where several processes want files of one folder, one after the other gets them.

    Args:
        addresses: where the file is, in the order of trying.
        target: where it is to be.
        check: what is wrong with a file that has come, in words; "" where nothing is.

    Returns:
        "" when it is there; else what each address answered.

    Raises:
        DataError: the folder cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target.parent):
            return "" if target.exists() else _fetched(addresses, target, check)
    except OSError as error:
        raise DataError(
            f"{target}: expected a folder that can be written and has room, got '{error.strerror}'; "
            "mend that, or set SECONDLOOK_SETS to another folder"
        ) from None


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds the kernel's lock on a folder, which goes when a process is killed."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _fetched(addresses: Sequence[str], target: Path, check: Callable[[Path], str]) -> str:
    part = _Part(target.with_name(f".{target.name}.part"))
    reasons = []
    for address in addresses:
        try:
            _download(address, part)
            if wrong := check(part.path):
                part.drop()
                raise _FailedError(wrong)
            with part.path.open("rb") as stream:
                os.fsync(stream.fileno())
            part.path.replace(target)
            part.drop()
            return ""
        except _FailedError as error:
            reasons.append(f"{address}: {error}")
    return "; ".join(reasons)


@dataclass(frozen=True)
class _Part:
    """What has come of a file, and from where: beside it lies a note with the address and the server's mark on it."""

    path: Path
    note: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "note", self.path.with_name(f"{self.path.name}.json"))

    def mark(self, address: str) -> str:
        """What the server called the file that has come in part; "" where there is nothing to go on from."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            return str(note["mark"]) if note["address"] == address and self.path.stat().st_size else ""
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return ""

    def begin(self, address: str, mark: str) -> None:
        self.path.write_bytes(b"")
        self.note.write_text(json.dumps({"address": address, "mark": mark}), encoding="utf-8")

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def _download(address: str, part: _Part) -> None:
    """All bytes of an address; a connection that breaks is resumed as long as each brings some."""
    for attempt in range(_ATTEMPTS):
        try:
            return _connect(address, part)
        except _FailedError as error:
            if not error.again or attempt == _ATTEMPTS - 1:
                raise
    return None


def _connect(address: str, part: _Part) -> None:
    from secondlook import __version__

    # Compressed in transit, a file would be resumed in the wrong place.
    headers = {"User-Agent": f"secondlook/{__version__}", "Accept-Encoding": "identity"}
    done = 0
    if mark := part.mark(address):
        done = part.path.stat().st_size
        headers |= {"Range": f"bytes={done}-", "If-Range": mark}
    request = urllib.request.Request(address, headers=headers)
    with _answer(request, part) as response:
        if response.status == 206 and not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
            part.drop()
            raise _FailedError("answered with another piece than was asked for", again=True)
        if response.status != 206:  # it cannot resume, or has another file by now
            done = 0
            part.begin(address, _mark(response))
        length = response.headers.get("Content-Length", "")
        total = done + int(length) if length.isdecimal() else None
        come = _copy(response, part.path, done, total)
    if total is not None and come < total:
        raise _FailedError(f"the connection broke off after {come:,} of {total:,} bytes", again=come > done)


def _answer(request: urllib.request.Request, part: _Part) -> Any:
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and request.has_header("Range"):  # there is no more than what has come, or another file
            part.drop()
            raise _FailedError("the server has no more of it", again=True) from None
        raise _FailedError(f"answered {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise _FailedError(str(getattr(error.reason, "strerror", None) or error.reason)) from None
    except (OSError, http.client.HTTPException) as error:
        raise _FailedError(str(error) or type(error).__name__) from None


def _mark(response: Any) -> str:
    """What the server calls this version of the file; "" where it has no name that serves to resume it."""
    tag = response.headers.get("ETag", "")
    return str(response.headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag)


def _copy(response: Any, file: Path, done: int, total: int | None) -> int:
    """Adds what comes to a file, and returns how many bytes it then has; fewer than there should be when it breaks."""
    progress = _Progress(file.stem[1:])
    with file.open("ab") as out:
        try:
            while chunk := _piece(response):
                out.write(chunk)
                done += len(chunk)
                progress.show(done, total)
        finally:
            progress.clear()
    return done


def _piece(response: Any) -> bytes:
    try:
        return bytes(response.read(_CHUNK))
    except http.client.IncompleteRead as error:
        return bytes(error.partial)
    except (OSError, http.client.HTTPException):  # the connection broke, or nothing came for too long
        return b""


class _Progress:
    """A line on the terminal that tells how much has come; nothing where there is no terminal."""

    def __init__(self, name: str) -> None:
        self._name, self._width, self._next = name, 0, monotonic() + _PAUSE_SECONDS

    def show(self, done: int, total: int | None) -> None:
        if monotonic() < self._next or not sys.stderr.isatty():
            return
        self._next = monotonic() + _PAUSE_SECONDS
        text = f"downloading {self._name}: {done / 1e6:,.1f}" + (f" of {total / 1e6:,.1f} MB" if total else " MB")
        sys.stderr.write(f"\r{text:{self._width}}")
        sys.stderr.flush()
        self._width = len(text)

    def clear(self) -> None:
        if self._width:
            sys.stderr.write(f"\r{'':{self._width}}\r")
            sys.stderr.flush()
