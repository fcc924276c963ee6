"""Quick, Draw! strokes: NAME.ndjson with a drawing per line, simplified or raw, alone or a folder of them.

Strokes become bitmaps like Google's own (see `render`); they are kept in the cache, so that it happens once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from secondlook.data.read import bitmaps
from secondlook.data.read.arrays import from_arrays
from secondlook.data.read.bitmaps import LONGEST, NAMED
from secondlook.data.read.cache import entry, stamp
from secondlook.data.read.compressed import DAMAGE, opened
from secondlook.data.read.drawing import Drawing, parse
from secondlook.data.read.ids import hexadecimal, natural_key, numbered
from secondlook.data.read.names import RowNames
from secondlook.data.read.settings import Settings
from secondlook.errors import DataError
from secondlook.types import Fault, ImageSet

_EXPECTED = 'expected Quick Draw drawings, for each a line of JSON with "word" and "drawing"'

# Lines that tell whether a file holds drawings.
_LINES_TO_LOOK_AT = 20

# Part of the cache's key: raised when drawings are drawn in another way.
_VERSION = 1


def recognises(path: Path) -> bool:
    """A file with a line of JSON that holds a drawing among its first, or called NAME.ndjson; a folder with one."""
    if path.is_file():
        return bool(NAMED.search(path.name)) or _holds_drawings(path)
    return any(_holds_drawings(file) for file in _files(path, []))


def read(path: Path, settings: Settings) -> ImageSet:
    """All drawings as bitmaps of 28x28; the class is the word in the line, else the name of the file.

    Lines that hold no drawing are left out, and named in `ImageSet.faults`.
    """
    faults: list[Fault] = []
    files = [path] if path.is_file() else _files(path, faults)
    key = json.dumps([_VERSION, *map(stamp, files)])
    folder = entry("strokes", key, partial(bitmaps.write, files), keep=settings.cache)
    kept = bitmaps.load(folder)
    faults += kept.faults
    if not len(kept):
        raise DataError(f"{path}: {_EXPECTED}, got none that can be read; {_first(faults)}")
    form = "raw" if kept.raw else "simplified"
    notes = [f"{kept.raw:,} from raw strokes, simplified first"] if 0 < kept.raw < len(kept) else []
    notes += [f"{kept.unrecognised:,} not recognised by the game, kept"] if kept.unrecognised else []
    ends = np.cumsum(kept.counts).tolist()
    images = from_arrays(
        kept.pixels,
        kept.labels,
        source=str(path),
        kind=f"Quick Draw strokes, {form}, drawn as bitmaps",
        names=RowNames(
            [(f"{f.name}:", kept.lines[end - n : end]) for f, n, end in zip(files, kept.counts, ends, strict=True)]
        ),
        classes=kept.classes,
        settings=settings,
        noun="drawings",
        notes=notes,
        faults=faults,
    )
    return replace(images, ids=numbered(hexadecimal(kept.digests)))


def _first(faults: Sequence[Fault]) -> str:
    wrong = [fault for fault in faults if fault.kind != "ignored"]
    return f"{wrong[0].name}: {wrong[0].reason}" if wrong else "it is empty"


def _files(folder: Path, faults: list[Fault]) -> list[Path]:
    """The files of drawings in a folder; what else lies there is noted."""
    found, root = [], folder.resolve()
    for file in sorted(folder.iterdir(), key=lambda p: natural_key(p.name)):
        if file.name.startswith("."):
            faults.append(Fault(file.name, "ignored", "hidden"))
        elif file.is_symlink() and _leads_out(file, root):
            faults.append(Fault(file.name, "unsafe", "a link that leads out of the folder, not followed"))
        elif file.is_file() and NAMED.search(file.name):
            found.append(file)
        else:
            faults.append(Fault(file.name, "ignored", "not a file of drawings"))
    return found


def _leads_out(link: Path, root: Path) -> bool:
    try:
        return not link.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a loop of links
        return True


def _holds_drawings(file: Path) -> bool:
    try:
        with opened(file) as stream:
            lines = (stream.readline(LONGEST) for _ in range(_LINES_TO_LOOK_AT))
            return any(b'"drawing"' in line and isinstance(parse(line), Drawing) for line in lines)
    except DAMAGE:
        return False
