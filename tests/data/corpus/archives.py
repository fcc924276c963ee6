"""Archives, and files that are nothing of all this."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from corpus.arrays import X, Y, npz
from corpus.case import Case, cut, encoded, noise, save


def zipped(folder: Path, more: dict[str, bytes] | None = None) -> Path:
    with zipfile.ZipFile(folder / "photos.zip", "w") as archive:
        for name in ("cat", "dog"):
            for i in range(4):
                archive.writestr(
                    f"photos/{name}/{i}.png", encoded("PNG", Image.fromarray(noise(12, 12, 3, of=f"{name}{i}")))
                )
        for name, data in (more or {}).items():
            archive.writestr(name, data)
    return folder / "photos.zip"


def tarred(folder: Path, *more: tarfile.TarInfo) -> Path:
    with tarfile.open(folder / "photos.tar.gz", "w:gz") as archive:
        for name in ("cat", "dog"):
            for i in range(4):
                data = encoded("PNG", Image.fromarray(noise(12, 12, 3, of=f"{name}{i}")))
                member = tarfile.TarInfo(f"photos/{name}/{i}.png")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        for member in more:
            archive.addfile(member)
    return folder / "photos.tar.gz"


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def zipped_manifest(folder: Path) -> Path:
    """An archive whose table names a file outside it by an absolute path, and one by climbing out."""
    secret = save(folder / "secret.png")
    text = f"path,label\ncat/0.png,cat\ncat/1.png,dog\n{secret},cat\n../secret.png,dog\n"
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        archive.writestr("set.csv", text)
        for i in range(2):
            archive.writestr(f"cat/{i}.png", encoded("PNG", Image.fromarray(noise(12, 12, 3, of=str(i)))))
    return folder / "set.zip"


def zip_bomb(folder: Path) -> Path:
    """1.2 GB of zeros in 1.3 MB: a megabyte is compressed once, and written 1,200 times."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    megabyte = deflate.compress(bytes(1 << 20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    with zipfile.ZipFile(folder / "bomb.zip", "w") as archive:
        archive.writestr("cat/1.png", megabyte * 1200 + deflate.flush())
        archive.filelist[0].compress_type, archive.filelist[0].file_size = zipfile.ZIP_DEFLATED, 1200 << 20
    return folder / "bomb.zip"


def write(name: str, data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return make


def damaged_member(folder: Path) -> Path:
    """One stored image whose bytes do not fit its checksum any more."""
    file = zipped(folder)
    data = file.read_bytes()
    at = data.index(b"photos/cat/1.png") + len("photos/cat/1.png") + 80
    file.write_bytes(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :])
    return file


def npz_in_a_zip(folder: Path) -> Path:
    inside = npz(x=X, y=Y)(folder)
    with zipfile.ZipFile(folder / "set.zip", "w") as archive:
        archive.write(inside, "set.npz")
    return folder / "set.zip"


UNSAFE = "unsafe"

CASES = [
    Case("a zip of class folders", zipped, 8),
    Case("a tar.gz of class folders", tarred, 8),
    Case("a zip of an npz", npz_in_a_zip, 8, ("0", "1")),
    Case(
        "a zip with a member that climbs out",
        lambda f: zipped(f, {"../../evil.png": encoded("PNG")}),
        8,
        faults=[("evil.png", UNSAFE)],
    ),
    Case(
        "a zip with an absolute member",
        lambda f: zipped(f, {"/tmp/evil.png": encoded("PNG")}),
        8,
        faults=[("evil.png", UNSAFE)],
    ),
    Case("a zip with an archive in it", lambda f: zipped(f, {"photos/cat/more.zip": b"PK\3\4"}), 8),
    Case("a zip with a damaged member", damaged_member, 7, faults=[("cat/1.png", "broken")]),
    Case(
        "a tar with a link out of it",
        lambda f: tarred(f, link("photos/cat/out.png", "/etc/passwd")),
        8,
        faults=[("out.png", UNSAFE)],
    ),
    Case(
        "a tar with a hard link out of it",
        lambda f: tarred(f, link("photos/cat/out.png", "../../../etc/passwd", tarfile.LNKTYPE)),
        8,
        faults=[("out.png", UNSAFE)],
    ),
    Case(
        "a tar with a device",
        lambda f: tarred(f, link("photos/cat/dev.png", "", tarfile.CHRTYPE)),
        8,
        faults=[("dev.png", UNSAFE)],
    ),
    Case(
        "an archive whose table leads out of it",
        zipped_manifest,
        2,
        faults=[("secret.png", UNSAFE), ("secret.png", UNSAFE)],
    ),
    Case("a zip bomb", zip_bomb, error="bomb.zip.*expected"),
    Case("a zip without its end", cut(zipped), error="photos.zip"),
    Case(
        "a tar.gz without its end",
        cut(tarred, 0.95),
        7,
        faults=[("dog/3.png", "broken"), ("photos.tar.gz", "broken")],
    ),
    Case("an empty zip", lambda f: write("a.zip", b"PK\5\6" + bytes(18))(f), error="a.zip"),
    Case("a document", write("a.docx", b"PK\3\4 not a zip"), error="a.docx"),
    Case("a PDF", write("a.pdf", b"%PDF-1.7"), error="a.pdf.*a file of an unknown type"),
    Case("an empty file", write("a.bin", b""), error="a.bin"),
    Case("a pickle", write("a.pkl", b"\x80\x04."), error="a.pkl"),
    Case("random bytes", write("a.dat", noise(5000).tobytes()), error="a.dat"),
]
