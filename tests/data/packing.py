"""Archives as tests make them: of any members, well-formed or not."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

from PIL import Image


def png(value: int) -> bytes:
    with io.BytesIO() as stream:
        Image.new("L", (8, 8), value).save(stream, "PNG")
        return stream.getvalue()


def zipped(file: Path, contents: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return file


def tarred(file: Path, contents: dict[str, bytes | tarfile.TarInfo], mode: str = "w") -> Path:
    with tarfile.open(file, mode) as archive:  # type: ignore[call-overload]
        for name, data in contents.items():
            info = data if isinstance(data, tarfile.TarInfo) else tarfile.TarInfo(name)
            if not isinstance(data, tarfile.TarInfo):
                info.size = len(data)
            archive.addfile(info, None if isinstance(data, tarfile.TarInfo) else io.BytesIO(data))
    return file


def entry(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


SOME = {"cats/1.png": png(1), "cats/2.png": png(2), "dogs/3.png": png(3), "dogs/4.png": png(4)}
