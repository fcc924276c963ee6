"""Columns of lists of pixels, and of one pixel each, as one array."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read.tables import first_line
from secondlook.errors import DataError


def read_pixels(file: Path, columns: tuple[str, ...]) -> tuple[NDArray[Any], list[int], list[tuple[int, str]]]:
    """Pixels (n, …) of the rows that hold them.

    Args:
        file: a Parquet file.
        columns: one column of (nested) lists, or the columns of one pixel each, in their order.

    Returns:
        The pixels, the n rows they come from, and the other rows with what is wrong with them.

    Raises:
        DataError: the file is damaged.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(file, page_checksum_verification=True) as table:
            read = table.read(list(columns), use_threads=False)
            if read.num_rows != table.metadata.num_rows:
                raise OSError(f"{read.num_rows:,} rows, not {table.metadata.num_rows:,}")
        if len(columns) > 1 or not is_list(stored(read.column(0).type)):
            return _from_columns(read, columns)
        lists = read.column(0).combine_chunks()
        return _from_lists(getattr(lists, "storage", lists))
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{file}: expected a Parquet file, got a damaged one ({first_line(error)})") from None


def stored(kind: Any) -> Any:
    """What a type of another library's making is stored as, where that library is loaded (`datasets` has Array2D)."""
    return getattr(kind, "storage_type", kind)


def is_list(kind: Any) -> bool:
    """Whether a column of this type holds lists."""
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _from_columns(table: Any, columns: tuple[str, ...]) -> tuple[NDArray[Any], list[int], list[tuple[int, str]]]:
    given = [table.column(name) for name in columns]
    missing = np.zeros(table.num_rows, dtype=np.bool_)
    for column in given:
        if column.null_count:
            missing |= np.asarray(column.is_null())
    kept = np.flatnonzero(~missing)
    x = np.stack([np.asarray(column.filter(~missing) if missing.any() else column) for column in given], axis=1)
    return x, kept.tolist(), [(row, "a pixel is missing") for row in np.flatnonzero(missing).tolist()]


def _from_lists(column: Any) -> tuple[NDArray[Any], list[int], list[tuple[int, str]]]:
    shape: list[int] = []
    values = column
    while is_list(values.type):
        lengths = np.asarray(values.value_lengths().fill_null(-1))
        if values.null_count or not len(lengths) or (lengths != lengths[0]).any():
            return _row_by_row(column)
        shape.append(int(lengths[0]))
        values = values.flatten()
    if values.null_count:
        return _row_by_row(column)
    x: NDArray[Any] = values.to_numpy(zero_copy_only=False).reshape(len(column), *shape)
    return x, list(range(len(column))), []


def _row_by_row(column: Any) -> tuple[NDArray[Any], list[int], list[tuple[int, str]]]:
    """For lists that are not all of one form: most are, the others are left out."""
    rows = [_array(value.as_py()) for value in column]
    shapes = Counter(row.shape for row in rows if row is not None)
    if not shapes:
        return np.empty((0, 0)), [], [(i, "no list of numbers") for i in range(len(rows))]
    common = max(shapes, key=lambda shape: shapes[shape])
    kept = [i for i, row in enumerate(rows) if row is not None and row.shape == common]
    faults = [
        (
            i,
            "no list of numbers"
            if row is None
            else f"{_words(row.shape)} numbers, where most rows have {_words(common)}",
        )
        for i, row in enumerate(rows)
        if row is None or row.shape != common
    ]
    leaf = column.type
    while is_list(leaf):
        leaf = leaf.value_type
    return np.array([rows[i] for i in kept], dtype=leaf.to_pandas_dtype()), kept, faults


def _array(value: Any) -> NDArray[Any] | None:
    """A nested list as an array; None for a ragged one, and where a number is missing."""
    if value is None:
        return None
    try:
        array = np.array(value)
    except ValueError:
        return None
    return array if array.dtype.kind in "biuf" else None


def _words(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
