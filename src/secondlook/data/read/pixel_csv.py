"""Kaggle's pixel CSV: a header, then one image per line, with a label or without.

Names give the line as a text editor counts it: "train.csv:2" is the first image.
"""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.arrays import from_arrays
from secondlook.data.words import few, part_of
from secondlook.errors import DataError
from secondlook.types import ImageSet

_PIXEL = re.compile(r"pixel[ _]?\d+([ _]\d+)?|\d+x\d+", re.IGNORECASE)
_LABELS = ("label", "class", "target")
_EXPECTED = "expected a CSV with the columns label,pixel0,pixel1,…"


@dataclass(frozen=True)
class _Header:
    """Which columns hold what: their names, and indices into them."""

    columns: list[str]
    pixels: list[int]
    label: int | None
    others: list[str]


def _first_line(file: Path) -> list[str]:
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        # A binary file may hold no line end at all.
        line = stream.readline(10_000_000)
    return [] if "\ufffd" in line or "\0" in line else next(csv.reader([line]), [])


def _header(file: Path) -> _Header:
    columns = [name.strip() for name in _first_line(file)]
    pixels = [i for i, name in enumerate(columns) if _PIXEL.fullmatch(name)]
    pixels.sort(key=lambda i: [int(word) for word in re.findall(r"\d+", columns[i])])
    label = next((i for i, name in enumerate(columns) if name.lower() in _LABELS), None)
    return _Header(columns, pixels, label, [c for i, c in enumerate(columns) if i not in {*pixels, label}])


def _files(path: Path) -> list[Path]:
    """The pixel CSVs of a folder."""
    files = sorted(p for p in path.iterdir() if p.suffix.lower() == ".csv" and p.is_file())
    return [file for file in files if not file.name.startswith(".") and _header(file).pixels]


def recognises(path: Path) -> bool:
    """A CSV file, or a folder with at least one whose header names pixels."""
    if path.is_dir():
        return bool(_files(path))
    return path.suffix.lower() == ".csv" or bool(_header(path).pixels)


def read(path: Path, size: int | None) -> ImageSet:
    """One CSV, or the labelled ones of a folder: its train.csv, and its test.csv as the test part where labelled."""
    if path.is_file():
        return _read(path, [path], size, [])
    files = _files(path)
    labelled = [file for file in files if _header(file).label is not None]
    skipped = [file.name for file in files if file not in labelled]
    if len(labelled) > 1 and len({part_of(file.stem) for file in labelled} - {None}) < len(labelled):
        found = ", ".join(file.name for file in labelled)
        raise DataError(f"{path}: expected one labelled CSV, or one per part, got {found}; give one of them")
    if labelled:
        return _read(path, labelled, size, [f"{name} left out, it has no labels" for name in skipped])
    if len(files) > 1:
        raise DataError(f"{path}: {_EXPECTED} in one of {', '.join(skipped)}, got none with labels; give one of them")
    return _read(path, files, size, [])


def _read(source: Path, files: Sequence[Path], size: int | None, notes: list[str]) -> ImageSet:
    xs, ys, names, parts = [], [], [], []
    for file in files:
        header = _header(file)
        x, y = _columns(file, header)
        xs.append(x)
        ys.append(y)
        names += [f"{file.name}:{line}" for line in range(2, 2 + len(x))]
        parts += [part_of(file.stem) or ""] * len(x)
        if header.others:
            notes = [*notes, f"{file.name}: ignored {_listed(header.others)}"]
    if len({x.shape[1:] for x in xs}) > 1:
        raise DataError(f"{source}: expected as many pixels per image in each file, got {[x.shape[1] for x in xs]}")
    known = [y for y in ys if y is not None]
    return from_arrays(
        np.concatenate(xs) if len(xs) > 1 else xs[0],
        np.concatenate(known) if known else None,
        source=str(source),
        kind=f"a pixel CSV ({' and '.join(file.name for file in files)})",
        names=names,
        parts=parts if len(files) > 1 else None,
        size=size,
        notes=notes,
    )


def _listed(names: Sequence[str]) -> str:
    return f"the column{'s' * (len(names) > 1)} {few(names)}"


def _columns(file: Path, header: _Header) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Pixels (n, d) as uint8, or float32 where they are not whole numbers up to 255; labels (n,) or None."""
    if not header.pixels:
        found = _listed(header.columns) if any(header.columns) else "no header"
        raise DataError(f"{file}: {_EXPECTED}, got {found}")
    try:
        try:
            x = _parsed(file, header.pixels, np.uint8)
        except ValueError:
            x = _parsed(file, header.pixels, np.float32)
        y = None if header.label is None else _parsed(file, [header.label], np.str_)[:, 0]
    except ValueError as error:
        raise DataError(_first_fault(file, header, str(error))) from None
    if not len(x):
        raise DataError(f"{file}: expected images below the header, got none")
    return x, None if y is None else _numbers_if_all(y)


def _parsed(file: Path, columns: list[int], dtype: Any) -> NDArray[Any]:
    with warnings.catch_warnings():
        # An empty file is refused by the caller, in a sentence.
        warnings.filterwarnings("ignore", "loadtxt: input contained no data")
        return np.loadtxt(
            file, dtype, comments=None, delimiter=",", skiprows=1, usecols=columns, ndmin=2, encoding="utf-8-sig",
            quotechar='"',
        )  # fmt: skip


def _numbers_if_all(y: NDArray[Any]) -> NDArray[Any]:
    """Labels such as "3" or "3.0" as whole numbers when all are; empty ones are unknown."""
    y = np.char.strip(y)
    known = y != ""
    if not all(re.fullmatch(r"-?\d+(\.0*)?", text) for text in np.unique(y[known]).tolist()):
        return y
    out = np.full(len(y), -1, dtype=np.int64)
    out[known] = y[known].astype(np.float64).astype(np.int64)
    return out


def _first_fault(file: Path, header: _Header, otherwise: str) -> str:
    """Where the file goes wrong, found line by line; slow, but only files at fault come here."""
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        rows = csv.reader(stream)
        width = len(next(rows))
        for row in filter(None, rows):
            place = f"{file}, line {rows.line_num}"
            if len(row) < width:
                return f"{place}: expected {width} columns as in the header, got {len(row)}"
            for column in header.pixels:
                try:
                    float(row[column])
                except ValueError:
                    return f"{place}: expected a number in column {column + 1}, got {row[column]!r}"
    return f"{file}: {_EXPECTED}, got a file that cannot be read as UTF-8 text ({otherwise})"
