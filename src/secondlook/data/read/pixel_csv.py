"""Kaggle's pixel CSV: a header, then one image per line, with a label or without.

Names give the line as a text editor counts it: "train.csv:2" is the first image.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.arrays import from_arrays
from secondlook.data.read.columns import pixel_columns
from secondlook.data.read.inside import files_in, links_out
from secondlook.data.read.large import Joined
from secondlook.data.read.names import RowNames
from secondlook.data.read.pixel_rows import Header, Table, parsed
from secondlook.data.read.settings import Settings
from secondlook.data.words import few, part_of
from secondlook.errors import DataError
from secondlook.types import ImageSet

_LABELS = ("label", "class", "target")
_DELIMITERS = (",", ";", "\t")
_EXPECTED = "expected a CSV with the columns label,pixel0,pixel1,…"


def _first_line(file: Path) -> str:
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        # A binary file may hold no line end at all.
        line = stream.readline(10_000_000)
    return "" if "\ufffd" in line or "\0" in line else line


def _header(file: Path) -> Header:
    line = _first_line(file)
    delimiter = max(_DELIMITERS, key=line.count)
    try:
        columns = [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]
    except csv.Error:
        columns = []
    pixels = pixel_columns(columns)
    label = next((i for i, name in enumerate(columns) if name.lower() in _LABELS), None)
    known = {*pixels, label}
    others = [name for i, name in enumerate(columns) if i not in known]
    return Header(columns, pixels, label, others, delimiter)


def _files(path: Path) -> list[Path]:
    """The pixel CSVs of a folder."""
    return [file for file in files_in(path) if file.suffix.lower() == ".csv" and _header(file).pixels]


def recognises(path: Path) -> bool:
    """A CSV file, or a folder with at least one whose header names pixels."""
    if path.is_dir():
        return bool(_files(path))
    return path.suffix.lower() == ".csv" or bool(_header(path).pixels)


def read(path: Path, settings: Settings) -> ImageSet:
    """One CSV, or the labelled ones of a folder: its train.csv, and its test.csv as the test part where labelled."""
    if path.is_file():
        return _read(path, [path], settings, [])
    files = _files(path)
    labelled = [file for file in files if _header(file).label is not None]
    skipped = [file.name for file in files if file not in labelled]
    if len(labelled) > 1 and len({part_of(file.stem) for file in labelled} - {None}) < len(labelled):
        found = ", ".join(file.name for file in labelled)
        raise DataError(f"{path}: expected one labelled CSV, or one per part, got {found}; give one of them")
    if labelled:
        return _read(path, labelled, settings, [f"{name} left out, it has no labels" for name in skipped])
    if len(files) > 1:
        raise DataError(f"{path}: {_EXPECTED} in one of {', '.join(skipped)}, got none with labels; give one of them")
    return _read(path, files, settings, [])


def _read(source: Path, files: Sequence[Path], settings: Settings, notes: list[str]) -> ImageSet:
    tables: dict[Path, Table] = {}
    links = links_out(source) if source.is_dir() else []
    for file in files:
        header = _header(file)
        if not header.pixels:
            found = _listed(header.columns) if any(header.columns) else "no header"
            raise DataError(f"{file}: {_EXPECTED}, got {found}")
        tables[file] = parsed(file, header)
        if header.others:
            notes = [*notes, f"{file.name}: ignored {_listed(header.others)}"]
    xs = [table.x for table in tables.values()]
    if len({(x.shape[1], x.dtype) for x in xs}) > 1:
        forms = " and ".join(f"{x.shape[1]:,} of {x.dtype}" for x in xs)
        raise DataError(f"{source}: expected as many pixels per image in each file, and of one kind, got {forms}")
    known = [table.y for table in tables.values() if table.y is not None]
    return from_arrays(
        Joined(xs) if len(xs) > 1 else xs[0],
        _numbers_if_all(np.concatenate(known)) if known else None,
        source=str(source),
        kind=f"a pixel CSV ({' and '.join(file.name for file in files)})",
        names=RowNames([(f"{file.name}:", table.lines) for file, table in tables.items()]),
        parts=np.repeat([part_of(file.stem) or "" for file in files], list(map(len, xs))) if len(files) > 1 else None,
        settings=settings,
        notes=notes,
        faults=[*links, *(fault for table in tables.values() for fault in table.faults)],
    )


def _listed(names: Sequence[str]) -> str:
    return f"the column{'s' * (len(names) > 1)} {few([name or 'without a name' for name in names])}"


def _numbers_if_all(y: NDArray[Any]) -> NDArray[Any]:
    """Labels such as "3" or "3.0" as whole numbers when all are; empty ones are unknown."""
    y = np.char.strip(y)
    known = y != ""
    if not all(re.fullmatch(r"-?\d+(\.0*)?", text) for text in np.unique(y[known]).tolist()):
        return y
    whole = [int(text.partition(".")[0] or -1) for text in y.tolist()]
    return np.array(whole, dtype=np.int64) if max(map(abs, whole)) < 2**63 else y
