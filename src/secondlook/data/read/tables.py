"""Tables of text: CSV and TSV as people's programs write them, and the plain columns of Parquet."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondlook.data.read.compressed import DAMAGE, opened
from secondlook.errors import DataError

_SAMPLE_BYTES = 1 << 16
_SAMPLE_ROWS = 20
_MAX_BYTES = 1 << 28  # a table of paths and labels has some tens of bytes per image
_DELIMITERS = (",", ";", "\t")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0e-\x19\x1b-\x1f\ufffe\uffff]")
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_EIGHT_BIT = ("cp1252", "latin-1")


@dataclass(frozen=True)
class Form:
    """How a file is a table.

    Attributes:
        rows: the first rows; without a header the first of them is data, too.
        encoding, delimiter: of text; both "" for Parquet, whose first row here is the names of its columns.
        skip: lines above the table (Excel's "sep=;").
    """

    rows: list[list[str]]
    encoding: str = ""
    delimiter: str = ""
    skip: int = 0


@dataclass(frozen=True)
class Columns:
    """Some columns of a table, as text; "" where nothing is given.

    Attributes:
        values: one list per column asked for, each of n rows.
        lines: n lines on which rows begin, as an editor counts them; of Parquet the rows, from 0.
        faults: the line and what is wrong with it, of rows that have another number of columns than the first.
        encoding: of text, as it turned out.
    """

    values: list[list[str]]
    lines: list[int]
    faults: list[tuple[int, str]]
    encoding: str


def is_parquet(file: Path) -> bool:
    """Whether a file begins like Parquet."""
    with file.open("rb") as stream:
        return stream.read(4) == b"PAR1"


def peek(file: Path) -> Form | None:
    """The form of a table and its first rows; None for any other file. Text may be compressed."""
    if is_parquet(file):
        names = parquet_columns(file)
        return Form([names]) if names else None
    try:
        with opened(file) as stream:
            data = stream.read(_SAMPLE_BYTES)
    except PermissionError:
        raise
    except DAMAGE:
        return None
    encoding = _encoding(data)
    if not data or encoding is None:
        return None
    text = codecs.getincrementaldecoder(encoding)("replace").decode(data).removeprefix("\ufeff")
    if _CONTROLS.search(text):
        return None
    cut = len(data) == _SAMPLE_BYTES
    told = re.match(r"sep=([,;\t])\r?\n", text)
    text = text[told.end() :] if told else text
    delimiters = (told[1],) if told else _DELIMITERS
    delimiter, rows = max(((d, _sample(text, d, cut=cut)) for d in delimiters), key=lambda pair: _regular(pair[1]))
    return Form(rows, encoding, delimiter, int(told is not None)) if rows else None


def load(file: Path, form: Form, columns: Sequence[int], *, header: bool) -> Columns:
    """Columns by their index, of all rows below the header, if there is one.

    Raises:
        DataError: the file is damaged, too large for a table of text, or no text from some place on.
    """
    if not form.delimiter:
        values = parquet_text(file, [form.rows[0][i] for i in columns])
        return Columns(values, list(range(len(values[0]))), [], "")
    # Bytes that are no UTF-8 may come late.
    for encoding in (form.encoding, *(_EIGHT_BIT if form.encoding.startswith("utf-8") else ())):
        try:
            return _parsed(file, form, encoding, columns, header=header)
        except UnicodeDecodeError:
            continue
    raise DataError(f"{file}: expected a table of text, got bytes that are no {form.encoding.upper()}")


def _encoding(data: bytes) -> str | None:
    if bom := next((name for mark, name in _BOMS.items() if data.startswith(mark)), None):
        return bom
    if len(data) > 3 and b"\0" in data:
        # Text without a byte order mark: in most languages every second byte is 0.
        low, high = data[1::2].count(0), data[0::2].count(0)
        return None if max(low, high) < len(data) // 4 else "utf-16-le" if low > high else "utf-16-be"
    for encoding in ("utf-8", *_EIGHT_BIT):
        try:
            codecs.getincrementaldecoder(encoding)().decode(data)
            return encoding
        except UnicodeDecodeError:
            continue
    return None


def _sample(text: str, delimiter: str, *, cut: bool) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if len(rows) > _SAMPLE_ROWS:
                return rows[:_SAMPLE_ROWS]
            if row:
                rows.append(row)
    except csv.Error:
        return rows
    return rows[:-1] if cut else rows


def _regular(rows: list[list[str]]) -> tuple[bool, float, int]:
    """How much rows look like a table: more than one column, in all rows as many, many."""
    if not rows:
        return False, 0, 0
    width = len(rows[0])
    return width > 1, sum(len(row) == width for row in rows) / len(rows), width


def _parsed(file: Path, form: Form, encoding: str, columns: Sequence[int], *, header: bool) -> Columns:
    values: list[list[str]] = [[] for _ in columns]
    lines: list[int] = []
    faults: list[tuple[int, str]] = []
    width = len(form.rows[0])
    for n, (line, row, taken) in enumerate(_lines(file, form, encoding)):
        if header and n == 0:
            continue
        if taken:
            faults.append((line, f"a quote that is not closed, which makes {taken:,} lines one row"))
            continue
        if len(row) < width or any(cell.strip() for cell in row[width:]):
            faults.append((line, f"a row of {len(row)} columns, where the first has {width}"))
            continue
        for column, index in zip(values, columns, strict=True):
            column.append(row[index])
        lines.append(line)
    return Columns(values, lines, faults, encoding)


def _lines(file: Path, form: Form, encoding: str) -> Iterator[tuple[int, list[str], int]]:
    """Rows that are not empty, each with the line it begins on; and how many it is where a quote is never closed."""
    line, quotes = form.skip, 0

    def counted(lines: Iterable[str]) -> Iterator[str]:
        nonlocal quotes
        for text in lines:
            quotes += text.count('"')
            yield text

    try:
        with (
            opened(file) as raw,
            io.TextIOWrapper(io.BufferedReader(_Limited(raw, file)), encoding, newline="") as text,
        ):
            for _ in range(form.skip):
                next(text)
            rows = csv.reader(counted(text), delimiter=form.delimiter)
            for row in rows:
                n = form.skip + rows.line_num - line
                if row:
                    yield line + 1, row, n if n > 1 and quotes % 2 else 0
                line, quotes = line + n, 0
    except csv.Error as error:
        raise DataError(f"{file}, line {line + 1}: expected a table of text, got something else ({error})") from None
    except UnicodeDecodeError:
        raise
    except PermissionError:
        raise
    except DAMAGE as error:
        raise DataError(f"{file}: expected a compressed table, got a damaged one ({error})") from None


class _Limited(io.RawIOBase):
    """A stream that ends with an error where a small compressed file turns out to hold too much."""

    def __init__(self, stream: Any, file: Path) -> None:
        self._stream, self._file, self._left = stream, file, _MAX_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise DataError(
                f"{self._file}: expected a table of at most {_MAX_BYTES >> 20} MB of text, got more; "
                "cut it into one per part"
            )
        buffer[: len(data)] = data
        return len(data)


def parquet_columns(file: Path) -> list[str]:
    """The names of the columns of a Parquet file that hold one plain value per row; none for a damaged file."""
    import pyarrow
    import pyarrow.parquet

    try:
        schema = pyarrow.parquet.read_schema(file)
        return [field.name for field in schema if not pyarrow.types.is_nested(field.type)]
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError):
        return []


def parquet_text(file: Path, names: Sequence[str]) -> list[list[str]]:
    """Columns of a Parquet file as text, one list per name.

    Raises:
        DataError: the file is damaged.
    """
    import pyarrow
    import pyarrow.parquet

    if not names:
        return []
    try:
        with pyarrow.parquet.ParquetFile(file, page_checksum_verification=True) as table:
            read = table.read(list(dict.fromkeys(names)), use_threads=False)
            if read.num_rows != table.metadata.num_rows:
                raise OSError(f"{read.num_rows:,} rows, not {table.metadata.num_rows:,}")
        return [[as_text(value) for value in read.column(name).to_pylist()] for name in names]
    except (pyarrow.ArrowException, OSError, KeyError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: expected a Parquet file, got a damaged one ({first_line(error)})") from None


def as_text(value: Any) -> str:
    """A value of a table as text: whole numbers that were kept as 3.0 become "3"; missing ones ""."""
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


def first_line(error: BaseException) -> str:
    """What an error says, without the details that Arrow adds below."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
