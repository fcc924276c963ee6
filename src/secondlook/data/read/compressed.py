"""Files compressed as a whole: what they are, and their bytes as a stream that never holds more than a piece."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from pathlib import Path
from typing import IO, Any, cast

# How files of each kind begin, and what the kind is called.
_SIGNATURES = {b"\x1f\x8b\x08": "gz", b"BZh": "bz2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zst"}

# What reading a damaged one raises; Arrow's errors, of zst, are ValueError or OSError.
DAMAGE = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)


def compression(start: bytes) -> str:
    """ "gz", "bz2", "xz" or "zst", told by a file's first bytes; "" for any other."""
    return next((kind for signature, kind in _SIGNATURES.items() if start.startswith(signature)), "")


def opened(file: Path, kind: str | None = None) -> IO[bytes]:
    """The bytes of a file, decompressed where `kind` (by default what the file begins with) says so; not seekable."""
    if kind is None:
        with file.open("rb") as stream:
            kind = compression(stream.read(8))
    if kind == "gz":
        return cast(IO[bytes], gzip.open(file))
    if kind == "bz2":
        return bz2.open(file)
    if kind == "xz":
        return lzma.open(file)
    return _zst(file) if kind == "zst" else file.open("rb")


def _zst(file: Path) -> Any:
    import pyarrow

    return pyarrow.CompressedInputStream(pyarrow.OSFile(str(file)), "zstd")
