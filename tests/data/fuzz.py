"""Damaged inputs for every reader but HDF5: cut off, bits flipped, bytes put in, taken out, or random throughout.

    python tests/data/fuzz.py [--inputs 200] [--seed 0] [FORMAT …]

Each must be read or be refused in one sentence: no other error, no more than five seconds, no gigabyte of memory.
Prints how many inputs were tried. (HDF5 is left out: its C library is known to crash on damaged files.)
"""

from __future__ import annotations

import argparse
import gzip
import io
import signal
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from types import FrameType
from typing import Any

import numpy as np
from corpus import archives, arrays, tables
from corpus.case import encoded, noise, photos
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from memory import peak_bytes
from PIL import Image, features

from secondlook import read
from secondlook.errors import SecondlookError

MOST_SECONDS, MOST_BYTES = 5.0, 1_000_000_000
Make = Callable[[Path], tuple[Path, Path]]  # writes a sound set; what to read, and which of its files to damage
Seal = Callable[[bytes], bytes]  # puts damaged bytes into a container that is sound itself


def image(kind: str, **options: Any) -> Make:
    """A folder of photos, one of them in this format."""

    def make(folder: Path) -> tuple[Path, Path]:
        photos(folder)
        file = folder / "cat" / f"x.{kind.lower()}"
        file.write_bytes(encoded(kind, Image.fromarray(noise(24, 24, 3, of=kind)), **options))
        return folder, file

    return make


def single(make: Callable[[Path], Path], name: str = "") -> Make:
    """A source that is one file; or, with a name, a folder with a file of that name."""

    def made(folder: Path) -> tuple[Path, Path]:
        path = make(folder)
        return path, path / name if name else path

    return made


def medmnist_compressed(folder: Path) -> Path:
    np.savez_compressed(folder / "set.npz", train_images=arrays.X, train_labels=arrays.Y, test_images=arrays.X,
                        test_labels=arrays.Y)  # fmt: skip
    return folder / "set.npz"


def raw_strokes(folder: Path) -> Path:
    line = '{"word": "cat", "drawing": [[[1.5, 80.2, 300], [4, 9.25, 50], [0, 17, 33]], [[1, 2], [3, 4], [90, 99]]]}'
    (folder / "cat.ndjson").write_text(f"{line}\n" * 3)
    (folder / "dog.ndjson").write_text(f"{line}\n".replace("cat", "dog") * 3)
    return folder


def gzipped_csv(folder: Path) -> Path:
    file = arrays.pixel_csv()(folder)
    (folder / "train.csv.gz").write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()
    return folder / "train.csv.gz"


def inner(folder: Path) -> tuple[Path, Path]:
    """An npz, and the array that it will hold."""
    np.save(folder / "x.npy", arrays.X)
    return folder / "set.npz", folder / "x.npy"


def inner_idx(folder: Path) -> tuple[Path, Path]:
    arrays.idx(folder)
    return folder, folder / "train-images-idx3-ubyte"


def in_npz(data: bytes) -> bytes:
    """An npz whose checksums are right, around a damaged array."""
    stream = io.BytesIO()
    labels = io.BytesIO()
    np.save(labels, arrays.Y)
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", data)
        archive.writestr("y.npy", labels.getvalue())
    return stream.getvalue()


def in_tar(data: bytes) -> bytes:
    """A gzipped tar whose gzip is right, around damaged headers and members."""
    return gzip.compress(data, 1)


def inner_tar(folder: Path) -> tuple[Path, Path]:
    file = archives.tarred(folder)
    (folder / "plain.tar").write_bytes(gzip.decompress(file.read_bytes()))
    return file, folder / "plain.tar"


# Checksums of a container find nearly every damage; here it is made inside, and the container sealed again.
SEALED: dict[str, tuple[Make, Seal, str]] = {
    "array in an npz": (inner, in_npz, "set.npz"),
    "IDX in gzip": (inner_idx, in_tar, "train-images-idx3-ubyte.gz"),
    "tar in gzip": (inner_tar, in_tar, "photos.tar.gz"),
}

FORMATS: dict[str, Make] = {
    **{kind: image(kind) for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000")},
    **({"AVIF": image("AVIF")} if features.check("avif") else {}),
    "compressed TIFF": image("TIFF", compression="tiff_lzw"),
    "CSV": single(tables.manifest(tables.rows())),
    "TSV": single(tables.manifest(tables.rows(sep="\t"), "set.tsv")),
    "Parquet": single(tables.hugging_face),
    "npz": single(arrays.npz(x=arrays.X, y=arrays.Y)),
    "compressed npz": single(medmnist_compressed),
    "npy": single(arrays.pair_of_npy, "X.npy"),
    "labels in npy": single(arrays.pair_of_npy, "y.npy"),
    "Quick Draw npy": single(arrays.quick_draw, "cat.npy"),
    "IDX": single(arrays.idx, "train-images-idx3-ubyte"),
    "IDX labels": single(arrays.idx, "train-labels-idx1-ubyte"),
    "gzipped IDX": single(lambda f: arrays.idx(f, zipped=True), "train-images-idx3-ubyte.gz"),
    "pixel CSV": single(arrays.pixel_csv()),
    "gzipped CSV": single(gzipped_csv),
    "strokes": single(arrays.strokes(), "cat.ndjson"),
    "raw strokes": single(raw_strokes, "cat.ndjson"),
    "zip": single(archives.zipped),
    "tar.gz": single(archives.tarred),
}


def damaged(sound: bytes) -> st.SearchStrategy[bytes]:
    """The bytes of a sound file, damaged in one to three ways; or nothing but random bytes."""
    n = len(sound)
    places = st.one_of(st.integers(0, n), st.integers(0, min(n, 64)), st.integers(max(n - 64, 0), n))
    lumps = st.one_of(st.binary(max_size=40), st.sampled_from([b"\0" * 64, b"\xff" * 64, b"[" * 5000, b"9" * 400]))

    def cut(data: bytes, at: int, lump: bytes) -> bytes:
        return data[:at]

    def flip(data: bytes, at: int, lump: bytes) -> bytes:
        out = bytearray(data)
        for step, byte in enumerate(lump[:8] or b"\x80"):
            if out:
                out[(at + 31 * step * byte) % len(out)] ^= 1 << byte % 8
        return bytes(out)

    def write(data: bytes, at: int, lump: bytes) -> bytes:
        return data[:at] + lump + data[at + len(lump) :]

    def insert(data: bytes, at: int, lump: bytes) -> bytes:
        return data[:at] + lump + data[at:]

    def remove(data: bytes, at: int, lump: bytes) -> bytes:
        return data[:at] + data[at + max(len(lump), 1) :]

    def double(data: bytes, at: int, lump: bytes) -> bytes:
        return data[:at] + data[max(at - 4 * len(lump), 0) :]

    def apply(steps: list[tuple[Callable[[bytes, int, bytes], bytes], int, bytes]]) -> bytes:
        data = sound
        for change, at, lump in steps:
            data = change(data, at, lump)
        return data

    changes = st.sampled_from([cut, flip, flip, write, insert, remove, double])
    return st.one_of(
        st.lists(st.tuples(changes, places, lumps), min_size=1, max_size=3).map(apply), st.binary(max_size=n)
    )


@dataclass
class Tally:
    """What came of the inputs of one format."""

    ends: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def __str__(self) -> str:
        peak = peak_bytes() / 1e6
        return (
            f"{self.ends.total():5,} inputs: {self.ends['read']:5,} read, {self.ends['refused']:5,} refused; "
            f"slowest {self.slowest:.2f} s, peak memory so far {peak:,.0f} MB"
        )


def too_slow(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"reading took more than {MOST_SECONDS:g} s")


def attempt(path: Path, tally: Tally) -> None:
    """Reads a damaged set; anything but a right reading or one sentence is raised."""
    signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
    started = perf_counter()
    try:
        images = read(path, cache=False)
    except SecondlookError as error:
        if "\n" in str(error) or len(str(error)) > 600:
            raise AssertionError(f"expected one sentence, got {str(error)!r}") from error
        tally.ends["refused"] += 1
    else:
        tally.ends["read"] += 1
        if not len(images.pixels) == len(images.labels) == len(images.ids) == len(images.names):
            raise AssertionError("pixels, labels, ids and names differ in number")
        if images.pixels.dtype != np.uint8 and not np.isfinite(images.pixels).all():
            raise AssertionError("pixels that are no numbers")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        tally.slowest = max(tally.slowest, perf_counter() - started)
    if peak_bytes() > MOST_BYTES:
        raise AssertionError("reading took more than a gigabyte of memory")


def fuzz(make: Make, inputs: int, number: int, seal: Seal = bytes, sealed: str = "") -> Tally:
    """Tries so many damaged inputs of one format; with `sealed`, the file of that name is sealed around them."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        path, file = make(Path(folder))
        sound = file.read_bytes()
        if sealed:
            file.unlink()
            file = Path(folder, sealed)

        @seed(number)
        @settings(
            max_examples=inputs, deadline=None, database=None, suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink), print_blob=False,
        )  # fmt: skip
        @given(damaged(sound))
        def run(data: bytes) -> None:
            file.write_bytes(seal(data))
            attempt(path, tally)

        run()
    return tally


def main() -> None:
    """Tries the formats asked for, and prints a line for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("formats", nargs="*", metavar="FORMAT", choices=[[], *FORMATS, *SEALED])
    parser.add_argument("--inputs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    warnings.simplefilter("error")
    signal.signal(signal.SIGALRM, too_slow)
    total = 0
    for name in asked.formats or [*FORMATS, *SEALED]:
        make, *around = SEALED.get(name) or (FORMATS[name],)
        tally = fuzz(make, asked.inputs, asked.seed, *around)
        total += tally.ends.total()
        print(f"{name:16} {tally}", flush=True)  # noqa: T201  # this is what it is for
    print(f"{total:,} inputs tried")  # noqa: T201


if __name__ == "__main__":
    main()
