"""What zip and tar archives hold, one member at a time, and none of them trusted."""

from __future__ import annotations

import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal

from secondlook.data.read import compressed
from secondlook.errors import DataError

DAMAGE = (
    *compressed.DAMAGE,
    *(zipfile.BadZipFile, tarfile.TarError, struct.error, NotImplementedError, RuntimeError, IndexError, KeyError),
)
# Headers of members are read whole, and some are as long as they say they are; nobody's are that long.
_MOST_AT_ONCE = 1 << 17
_ENCRYPTED = 0x1
_UTF8 = 0x800


@dataclass(frozen=True)
class Member:
    """One member of an archive.

    Attributes:
        name: as it stands there.
        kind: "file", "folder", "link" (of either sort), "special" (a device, a pipe), "encrypted", or "outside" (what
            Python itself would refuse to unpack).
        size: the bytes it says it holds.
        opened: its bytes; may raise any of `DAMAGE`, and so may reading them.
        piece: how many bytes to read at once.
    """

    name: str
    kind: Literal["file", "folder", "link", "special", "encrypted", "outside"]
    size: int
    opened: Callable[[], IO[bytes]]
    piece: int = 1 << 16


def kind_of(file: Path) -> str:
    """ "zip", "tar", "tar.gz", …, or "gz", "bz2", "xz", "zst" for one compressed file; "" for any other."""
    with file.open("rb") as stream:
        start = stream.read(512)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    kind = compressed.compression(start)
    if kind:
        try:
            with compressed.opened(file, kind) as inner:
                start = inner.read(512)
        except compressed.DAMAGE:
            start = b""
    return ".".join(word for word in ("tar" if _is_tar(start) else "", kind) if word)


def _is_tar(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return False
    return True


def members(file: Path, kind: str, most: int) -> Iterator[Member]:
    """The members of an archive, each to be read before the next.

    Args:
        file: the archive.
        kind: what `kind_of` says.
        most: the bytes that may be unpacked from it in all.

    Raises:
        DataError: it holds more.
        What is in `DAMAGE`: it cannot be read, or not on from here.
    """
    if kind == "zip":
        return _zipped(file)
    return _tarred(file, kind.removeprefix("tar").removeprefix("."), most)


def _zipped(file: Path) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            kind: Any = "file"
            if info.is_dir() or info.filename.endswith("\\"):
                kind = "folder"
            elif info.flag_bits & _ENCRYPTED:
                kind = "encrypted"
            elif stat.S_ISLNK(mode):
                kind = "link"
            elif stat.S_IFMT(mode) not in (0, stat.S_IFREG):
                kind = "special"
            # The decompressors of these two let a piece grow as large as it will.
            small = info.compress_type in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
            yield Member(_name(info), kind, info.file_size, partial(archive.open, info), 1 << 12 if small else 1 << 16)


def _name(info: zipfile.ZipInfo) -> str:
    """The name in UTF-8, where it is that without saying so, as archives made on a Mac do."""
    if info.flag_bits & _UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _tarred(file: Path, kind: str, most: int) -> Iterator[Member]:
    stream: Any = _Forward(compressed.opened(file, kind), most, file)
    with stream, tarfile.open(fileobj=stream, mode="r:") as opened:
        archive: Any = opened
        while info := archive.next():
            archive.members = []  # it would keep them all
            found: Any = "special"
            if info.isreg():
                found = "file" if _is_inside(info) else "outside"
            elif info.isdir():
                found = "folder"
            elif info.issym() or info.islnk():
                found = "link"
            name = info.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            yield Member(name, found, info.size, partial(_extracted, archive, info))
        stream.check_end()


def _is_inside(info: tarfile.TarInfo) -> bool:
    try:
        tarfile.data_filter(info, "/nowhere")
    except tarfile.FilterError:
        return False
    return True


def _extracted(archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(info)
    if stream is None:
        raise tarfile.ReadError("a member without content")
    return stream


class _Forward:
    """A stream that only goes on, in small steps, and not beyond what may be unpacked in all."""

    def __init__(self, stream: IO[bytes], most: int, file: Path) -> None:
        self._stream, self._most, self._file = stream, most, file
        self._at, self._last = 0, b""

    def __enter__(self) -> _Forward:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def tell(self) -> int:
        return self._at

    def seek(self, position: int) -> int:
        if position < self._at:
            raise tarfile.ReadError("a member that lies before the one before it")
        while self._at < position and self.read(min(position - self._at, 1 << 16)):
            pass
        return self._at

    def read(self, n: int = -1) -> bytes:
        if not 0 <= n <= _MOST_AT_ONCE:
            raise tarfile.ReadError("a header that is too long")
        data = self._stream.read(n)
        self._at, self._last = self._at + len(data), data
        if self._at > self._most:
            raise too_large(self._file, self._most)
        return data

    def check_end(self) -> None:
        """Raises where the archive does not end as one does: tarfile takes a damaged header for the end."""
        if len(self._last) != tarfile.BLOCKSIZE or any(self._last):
            raise tarfile.ReadError("no end mark")
        while self.read(1 << 16):  # a compressed file has its checksum at the very end
            pass


def too_large(file: Path, most: int) -> DataError:
    """What to say of an archive that holds too much."""
    return DataError(
        f"{file}: expected an archive of at most {most / 1e9:.1f} GB once unpacked (20 times its own size, at least "
        "1 GB), got more; if it is yours, unpack it and give the folder"
    )
