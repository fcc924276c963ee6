"""Files of drawings, a line each, as bitmaps that are kept: written once, batch by batch, then mapped."""

from __future__ import annotations

import hashlib
import json
import re
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.compressed import DAMAGE, opened
from secondlook.data.read.drawing import Drawing, collect, parse
from secondlook.data.read.ids import natural_key
from secondlook.data.read.large import LARGE
from secondlook.data.read.render import render
from secondlook.data.read.simplify import simplify
from secondlook.types import Fault, IntArray

# The bytes of a line beyond which it holds no drawing.
LONGEST = 2_000_000
# A file whose first lines hold no drawing is no file of drawings.
_MOST_WITHOUT = 1_000
# Drawings that are worked on at a time.
_BATCH = 1024
# As Google's bucket names its files when they are saved from a browser.
_PREFIX = re.compile(r"^full[_-](simplified|raw)[_-]")
NAMED = re.compile(r"\.ndjson(\.gz)?$", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class Bitmaps:
    """n drawings as they were kept.

    Attributes:
        pixels: uint8 (n, 28, 28), a memory map when large.
        labels: int64 (n,), indices into `classes`.
        classes: the words that were drawn, in natural order.
        lines: int64 (n,), from 1: where each stands in its file.
        counts: for each file, how many are from it.
        digests: uint8 (n, 8), the hash of the strokes.
        raw: how many are raw strokes, simplified first.
        unrecognised: how many the game did not recognise.
        faults: the lines that were left out, or files.
    """

    pixels: NDArray[np.uint8]
    labels: IntArray
    classes: tuple[str, ...]
    lines: IntArray
    counts: IntArray
    digests: NDArray[np.uint8]
    raw: int
    unrecognised: int
    faults: tuple[Fault, ...]

    def __len__(self) -> int:
        return len(self.labels)


def write(files: Sequence[Path], folder: Path) -> None:
    """Puts the bitmaps of all drawings, and what is known of them, into a folder."""
    faults: list[Fault] = []
    words: list[str] = []
    places: list[tuple[int, int]] = []
    digests = bytearray()
    raw = unrecognised = 0
    names = [_PREFIX.sub("", NAMED.sub("", file.name)) for file in files]
    found = ((i, number, drawing) for i, file in enumerate(files) for number, drawing in _drawings(file, faults))
    with (folder / "pixels").open("wb") as out:
        while batch := list(islice(found, _BATCH)):
            drawings = [drawing for _, _, drawing in batch]
            out.write(_pixels(drawings).tobytes())
            digests += b"".join(map(_digest, drawings))
            places += [(i, number) for i, number, _ in batch]
            words += [drawing.word or names[i] for i, _, drawing in batch]
            raw += sum(not drawing.simplified for drawing in drawings)
            unrecognised += sum(not drawing.recognised for drawing in drawings)
    classes = sorted(set(words), key=natural_key)
    code = {word: i for i, word in enumerate(classes)}
    of, lines = np.array(places, np.int64).reshape(-1, 2).T
    np.savez(
        folder / "items.npz",
        labels=np.array([code[word] for word in words], np.int64),
        lines=lines,
        counts=np.bincount(of, minlength=len(files)),
        digests=np.frombuffer(bytes(digests), np.uint8).reshape(-1, 8),
    )
    facts = {"classes": classes, "raw": raw, "unrecognised": unrecognised, "faults": [asdict(f) for f in faults]}
    (folder / "facts.json").write_text(json.dumps(facts), encoding="ascii")


def load(folder: Path) -> Bitmaps:
    """What `write` put into a folder."""
    facts = json.loads((folder / "facts.json").read_text(encoding="ascii"))
    with np.load(folder / "items.npz", allow_pickle=False) as items:
        arrays = {name: items[name] for name in ("labels", "lines", "counts", "digests")}
    file = folder / "pixels"
    large = file.stat().st_size >= LARGE
    pixels: NDArray[np.uint8] = np.memmap(file, np.uint8, "r") if large else np.fromfile(file, np.uint8)
    return Bitmaps(
        pixels=pixels.reshape(-1, 28, 28),
        classes=tuple(facts["classes"]),
        raw=facts["raw"],
        unrecognised=facts["unrecognised"],
        faults=tuple(Fault(**fault) for fault in facts["faults"]),
        **arrays,
    )


def _drawings(file: Path, faults: list[Fault]) -> Iterator[tuple[int, Drawing]]:
    """Each drawing of a file with the number of its line; what holds none is noted."""
    number, good = 0, False
    try:
        with opened(file) as stream:
            for number, line in enumerate(_lines(stream), 1):
                found = parse(line) if len(line) <= LONGEST else f"a line of more than {LONGEST // 10**6} MB"
                if isinstance(found, Drawing):
                    good = True
                    yield number, found
                elif line.strip():
                    faults.append(Fault(f"{file.name}:{number}", "broken", found))
                if number == _MOST_WITHOUT and not good:
                    faults.append(Fault(file.name, "broken", f"no drawing in its first {number:,} lines"))
                    return
    except PermissionError:
        faults.append(Fault(file.name, "permission", "no permission to read it"))
    except DAMAGE as error:
        faults.append(Fault(file.name, "broken", f"damaged after line {number:,} ({error})"))
    else:
        if not number:
            faults.append(Fault(file.name, "broken", "an empty file"))


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines, of which never more than a piece is held; one that is too long comes as its beginning."""
    while line := stream.readline(LONGEST + 1):
        yield line
        rest = line if len(line) > LONGEST else b""
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST)


def _pixels(drawings: Sequence[Drawing]) -> NDArray[np.uint8]:
    out = np.empty((len(drawings), 28, 28), np.uint8)
    for simplified in (True, False):
        items = [i for i, drawing in enumerate(drawings) if drawing.simplified is simplified]
        if items:
            strokes = collect([drawings[i] for i in items])
            out[items] = render(strokes if simplified else simplify(strokes))
    return out


def _digest(drawing: Drawing) -> bytes:
    """The hash of a drawing's strokes: the same for the same strokes, whoever drew them and whenever."""
    digest = hashlib.blake2b(digest_size=8)
    for x, y in drawing.strokes:
        digest.update(len(x).to_bytes(8, "little"))
        digest.update(array("d", x))
        digest.update(array("d", y))
    return digest.digest()
