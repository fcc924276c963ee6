"""The rows of a pixel CSV: read fast where all are sound, else line by line, each faulty one named."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.large import blocks, empty
from secondlook.errors import DataError
from secondlook.types import Fault, IntArray

_BLOCK_BYTES = 2**22


@dataclass(frozen=True)
class Header:
    """Which columns hold what: their names, indices into them, and what stands between two."""

    columns: list[str]
    pixels: list[int]
    label: int | None
    others: list[str]
    delimiter: str


@dataclass(frozen=True, eq=False)
class Table:
    """The sound rows of a file.

    Attributes:
        x: pixels (n, d), uint8, or float32 where they are not whole numbers up to 255.
        y: n labels as text; None without a column of labels.
        lines: the line of each row, as an editor counts them.
        faults: the rows left out.
    """

    x: NDArray[Any]
    y: NDArray[np.str_] | None
    lines: range | IntArray
    faults: tuple[Fault, ...] = ()


def parsed(file: Path, header: Header) -> Table:
    """The rows below the header of a pixel CSV.

    Raises:
        DataError: there is none that can be read.
    """
    room = _lines(file) - 1
    for dtype in (np.uint8, np.float32):
        found = _fast(file, header, dtype, room)
        if found is None:
            continue
        x, y = found
        # The last line may lack its end; with blank lines, or labels of several, each row's own is to be found.
        lines = range(2, 2 + len(x)) if len(x) in (room, room - 1) else _numbers(file, header)
        if len(x) == len(lines):
            return Table(_as_bytes(x, file), y, lines)
    return _slow(file, header, room)


def _lines(file: Path) -> int:
    """The most lines that a file can have: old programs of the Mac end them with a carriage return."""
    ends = np.zeros(2, np.int64)
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            ends += block.count(b"\n"), block.count(b"\r")
    return int(ends.max()) + 1


def _fast(file: Path, header: Header, dtype: Any, room: int) -> tuple[NDArray[Any], NDArray[np.str_] | None] | None:
    """Pixels and labels by Arrow's reader; None where a row has another number of columns, or a cell no such number."""
    import pyarrow
    from pyarrow import csv as arrow

    names = [str(i) for i in range(len(header.columns))]
    wanted = [names[i] for i in header.pixels] + ([] if header.label is None else [names[header.label]])
    kinds = {name: pyarrow.from_numpy_dtype(dtype) for name in wanted[: len(header.pixels)]}
    kinds |= {name: pyarrow.string() for name in wanted[len(header.pixels) :]}
    x, labels, filled = empty((room, len(header.pixels)), dtype, str(file)), [], 0
    try:
        with arrow.open_csv(
            file,
            arrow.ReadOptions(use_threads=False, block_size=_block(file), skip_rows=1, column_names=names),
            arrow.ParseOptions(delimiter=header.delimiter),
            arrow.ConvertOptions(column_types=kinds, include_columns=wanted, null_values=[], strings_can_be_null=False),
        ) as batches:
            for batch in batches:
                pixels = batch.columns[: len(header.pixels)]
                if filled + len(batch) > room or any(column.null_count for column in batch.columns):
                    return None
                x[filled : filled + len(batch)] = np.stack([np.asarray(column) for column in pixels], axis=1)
                labels += [column.to_pylist() for column in batch.columns[len(header.pixels) :]]
                filled += len(batch)
    except (pyarrow.ArrowException, OSError):
        return None
    if not filled:
        return None
    y = np.array([label for part in labels for label in part], np.str_) if header.label is not None else None
    return x[:filled], y


def _block(file: Path) -> int:
    """Bytes that Arrow parses at a time: a row must fit into it."""
    with file.open("rb") as stream:
        return max(_BLOCK_BYTES, 8 * len(stream.readline(_BLOCK_BYTES)))


def _as_bytes(x: NDArray[Any], file: Path) -> NDArray[Any]:
    """Whole numbers up to 255 as bytes, however they were written."""
    if x.dtype == np.uint8:
        return x
    for _, block in blocks(x):
        if not ((block == np.floor(block)).all() and block.min() >= 0 and block.max() <= 255):
            return x
    out = empty(x.shape, np.uint8, str(file))
    for at, block in blocks(x):
        out[at : at + len(block)] = block
    return out


def _rows(file: Path, header: Header) -> Iterator[tuple[int, list[str]]]:
    """Rows below the header that are not blank, each with the line it begins on."""
    with file.open(encoding=_encoding(file), newline="") as stream:
        rows = csv.reader(_bounded(stream, _block(file)), delimiter=header.delimiter)
        next(rows, None)
        line = rows.line_num
        while True:
            try:
                row = next(rows, None)
            except csv.Error as error:
                row = [f"({error})"]
            if row is None:
                return
            if any(map(str.strip, row)):
                yield line + 1, row
            line = rows.line_num


def _bounded(stream: TextIO, most: int) -> Iterator[str]:
    """Lines, of which no more than a piece is held: one that is too long to be a row comes as its beginning."""
    while line := stream.readline(most):
        yield line
        while line and not line.endswith(("\n", "\r")):
            line = stream.readline(most)


def _encoding(file: Path) -> str:
    """UTF-8, or where it is none the Latin-1 of older programs, in which every byte is a letter."""
    with file.open(encoding="utf-8-sig") as stream:
        try:
            while stream.read(_BLOCK_BYTES):
                pass
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8-sig"


def _numbers(file: Path, header: Header) -> IntArray:
    return np.array([line for line, _ in _rows(file, header)], np.int64)


def _slow(file: Path, header: Header, room: int) -> Table:
    x = empty((room, len(header.pixels)), np.float32, str(file))
    labels: list[str] = []
    lines: list[int] = []
    faults: list[Fault] = []
    for line, row in _rows(file, header):
        try:
            _check_width(row, header)
            with np.errstate(over="ignore"):  # becomes infinite, and a fault
                x[len(lines)] = np.fromiter((float(row[i]) for i in header.pixels), np.float64, len(header.pixels))
        except ValueError as error:
            faults.append(Fault(f"{file.name}:{line}", "broken", _reason(row, header) or str(error)))
            continue
        labels.append("" if header.label is None else row[header.label])
        lines.append(line)
    if not lines and faults:
        raise DataError(f"{file}, line {faults[0].name.rpartition(':')[2]}: {faults[0].reason}")
    if not lines:
        raise DataError(f"{file}: expected images below the header, got none")
    y = None if header.label is None else np.array(labels, np.str_)
    return Table(_as_bytes(x[: len(lines)], file), y, np.array(lines, np.int64), tuple(faults))


def _check_width(row: list[str], header: Header) -> None:
    width = len(header.columns)
    if len(row) < width or any(map(str.strip, row[width:])):
        raise ValueError(f"expected {width} columns as in the header, got {len(row)}")


def _reason(row: list[str], header: Header) -> str:
    """Which cell of a row is no number."""
    for i in header.pixels if len(row) >= len(header.columns) else ():
        try:
            float(row[i])
        except ValueError:
            return f"expected a number in column {i + 1}, got {row[i][:40]!r}"
    return ""
