"""Unpacking an archive without following it anywhere: plain files below one folder, and a fault for all else."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

from secondlook.data.read import compressed
from secondlook.data.read.members import DAMAGE, Member, members, too_large
from secondlook.data.words import few
from secondlook.errors import DataError
from secondlook.types import Fault

FILES, FAULTS = "data", "faults.json"
_LEAST, _RATIO, _MOST_MEMBERS = 10**9, 20, 2_000_000
_BLOCK = 512  # what a member costs besides its content
_DEEPEST = 64
_DRIVE = re.compile(r"[A-Za-z]:")
_ARCHIVE = re.compile(r"\.(zip|7z|rar|tgz|tbz2?|txz|tar(\.(gz|bz2|xz|zst))?)$", re.IGNORECASE)
_FULL = (errno.ENOSPC, errno.EDQUOT)
_LINK = "a link, which could lead out of the archive; not followed"
_OUT = "a path that leads out of the archive; not unpacked"
_REASONS = {"link": _LINK, "special": "a device, a pipe or the like; not unpacked", "outside": _OUT}


def unpack(file: Path, kind: str, folder: Path) -> None:
    """Unpacks an archive, or one compressed file, into an empty folder: files below "data", faults in "faults.json".

    A member that is a link, a device, or leads out of the archive is "unsafe", a damaged one "broken"; the others are
    unpacked. No more bytes are written than 20 times the archive's own size, or 1 GB where that is less.

    Raises:
        DataError: nothing can be unpacked: damaged, encrypted, too large, or an archive of another purpose.
    """
    data = folder / FILES
    data.mkdir()
    most = max(_LEAST, _RATIO * file.stat().st_size)
    try:
        if kind == "zip" or kind.startswith("tar"):
            faults = list(_unpacked(file, kind, data, most))
        else:
            faults = _decompressed(file, kind, data, most)
    except OSError as error:
        if error.errno in _FULL:
            raise DataError(f"{file}: expected room for what it holds in {folder.parent}, got a full disk") from None
        raise
    (folder / FAULTS).write_text(json.dumps([astuple(fault) for fault in faults]), encoding="ascii")


def stored_faults(folder: Path) -> list[Fault]:
    """The faults of an archive that was unpacked into a folder."""
    return [Fault(*fault) for fault in json.loads((folder / FAULTS).read_text(encoding="ascii"))]


def _unpacked(file: Path, kind: str, data: Path, most: int) -> Iterator[Fault]:
    written = read = encrypted = 0
    total = 0
    made: set[Path] = set()
    found = members(file, kind, most)
    while True:
        try:
            member = next(found, None)
        except DAMAGE as error:
            if not read:
                raise DataError(f"{file}: expected an archive, got a damaged one ({_why(error)})") from None
            yield Fault(file.name, "broken", f"damaged behind {read:,} members, what follows is lost ({_why(error)})")
            break
        if member is None:
            break
        read += 1
        total += member.size + _BLOCK
        if total > most or read > _MOST_MEMBERS:
            raise too_large(file, most)
        _refuse(file, member)
        encrypted += member.kind == "encrypted"
        if fault := _place(member, data, made):
            yield fault
        else:
            written += member.kind == "file"
    if encrypted and not written:
        raise DataError(f"{file}: expected an archive without a password, got an encrypted one; unpack it yourself")


def _refuse(file: Path, member: Member) -> None:
    """Archives that are documents or models, told by a member that each of them has."""
    if member.name == "[Content_Types].xml":
        raise DataError(f"{file}: expected an archive of images, got an Office document; save a table as CSV")
    if member.name == "mimetype" or member.name == "META-INF/MANIFEST.MF":
        raise DataError(f"{file}: expected an archive of images, got a document or a program")
    if re.fullmatch(r"[^/]+/data\.pkl", member.name):
        raise DataError(
            f"{file}: expected an archive of images, got pickled objects of PyTorch, which could run code when loaded; "
            "save arrays as npz instead"
        )


def _place(member: Member, data: Path, made: set[Path]) -> Fault | None:
    """Unpacks a member, or says why not; `made` are the folders known to be there."""
    if member.kind in _REASONS:
        return Fault(member.name, "unsafe", _REASONS[member.kind])
    parts = [part for part in re.split(r"[/\\]", member.name) if part not in ("", ".")]
    if member.name.startswith(("/", "\\")) or _DRIVE.match(member.name) or ".." in parts:
        return Fault(member.name, "unsafe", _OUT)
    if "__MACOSX" in parts or (parts and parts[-1].startswith("._")):
        return Fault(member.name, "ignored", "hidden")
    if not parts:
        return None
    if len(parts) > _DEEPEST:
        return Fault(member.name[:200], "broken", f"more than {_DEEPEST} folders deep")
    if member.kind == "encrypted":
        return Fault(member.name, "broken", "encrypted")
    if member.kind == "file" and _ARCHIVE.search(parts[-1]):
        return Fault(member.name, "ignored", "an archive inside the archive; not unpacked")
    target = data.joinpath(*parts)
    try:
        folder = target if member.kind == "folder" else target.parent
        if folder not in made:
            folder.mkdir(parents=True, exist_ok=True)
            # No link is ever made here, so this holds; it is asked all the same.
            if not folder.resolve().is_relative_to(data.resolve()):
                return Fault(member.name, "unsafe", _OUT)
            made.add(folder)
        if member.kind == "file":
            _write(member, target)
    except FileExistsError:
        return Fault(member.name, "broken", "a second member of this name")
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            raise
        return Fault(member.name, "broken", _why(error))
    return None


def _write(member: Member, target: Path) -> None:
    """Writes a file that is not there yet: a name that differs in case only may be the same file."""
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644), "wb") as out:
        try:
            with member.opened() as stream:
                left = member.size
                while piece := stream.read(min(member.piece, left)) if left else b"":
                    out.write(piece)
                    left -= len(piece)
                if left:
                    raise EOFError("shorter than it says")
        except BaseException:
            target.unlink()
            raise


def _decompressed(file: Path, kind: str, data: Path, most: int) -> list[Fault]:
    """One compressed file: it is called like the file, less its last suffix."""
    target = data / (file.stem if file.suffix else f"{file.name}.out")
    left = most
    try:
        with compressed.opened(file, kind) as stream, target.open("xb") as out:
            while piece := stream.read(1 << 16):
                left -= len(piece)
                if left < 0:
                    raise too_large(file, most)
                out.write(piece)
    except compressed.DAMAGE as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            raise
        raise DataError(f"{file}: expected a compressed file, got a damaged one ({_why(error)})") from None
    return []


def _why(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())[:200] or type(error).__name__


def nothing(file: Path, faults: list[Fault]) -> DataError:
    """What to say of an archive without a file that could be unpacked."""
    if not faults:
        return DataError(f"{file}: expected an archive of images, got an empty one")
    inner = [fault.name for fault in faults if fault.reason.startswith("an archive inside")]
    if inner:
        return DataError(f"{file}: expected an archive of images, got one of archives ({few(inner)}); unpack it")
    return DataError(f"{file}: expected an archive of images, got none; {faults[0].name}: {faults[0].reason}")
