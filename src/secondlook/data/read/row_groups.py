"""The encoded images in Parquet files, read a batch of rows at a time, so that memory stays small."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from secondlook.data.read.tables import first_line
from secondlook.errors import DataError

# Threads ask for rows in about their order; the batches of the last rows serve them all.
_BATCH_BYTES, _FEWEST_ROWS, _MOST_ROWS = 1 << 24, 8, 4096
_KEPT_BYTES = 1 << 28
# Behind a damaged place that many rows are named one by one; a file that says that it holds more than those, is not
# to be believed.
_MOST_LOST = 1_000_000


@dataclass(frozen=True)
class _Batch:
    shard: int
    start: int  # row of the file
    values: Any


class EncodedImages:
    """Bytes of images by file and row; may be called from several threads.

    Args:
        files: Parquet files.
        columns: the column of images of each.
    """

    def __init__(self, files: Sequence[Path], columns: Sequence[str]) -> None:
        self._files, self._columns = files, columns
        self._lock = threading.Lock()
        self._batches: deque[_Batch] = deque()
        self._reading: tuple[int, int] | None = None  # shard and row group
        self._ahead: Iterator[_Batch] = iter(())
        self._reached = 0
        self._starts: dict[int, list[int]] = {}

    def __call__(self, shard: int, row: int) -> bytes:
        """The bytes of one image.

        Raises:
            OSError: the row holds no image, or the file is damaged there.
        """
        with self._lock:
            batch = self._batch(shard, row)
        if (value := _bytes(batch.values[row - batch.start])) is None:
            raise OSError("no image in this row")
        return value

    def _batch(self, shard: int, row: int) -> _Batch:
        for batch in self._batches:
            if batch.shard == shard and batch.start <= row < batch.start + len(batch.values):
                return batch
        if shard not in self._starts:
            self._starts[shard] = group_starts(self._files[shard])
        group = bisect_right(self._starts[shard], row) - 1
        if self._reading != (shard, group) or row < self._reached:
            self._reading, self._reached = (shard, group), self._starts[shard][group]
            self._ahead = self._read(shard, group)
        for batch in self._ahead:
            self._keep(batch)
            self._reached = batch.start + len(batch.values)
            if row < self._reached:
                return batch
        raise OSError("the file is damaged here")

    def _keep(self, batch: _Batch) -> None:
        self._batches.append(batch)
        while len(self._batches) > 1 and sum(kept.values.nbytes for kept in self._batches) > _KEPT_BYTES:
            self._batches.popleft()

    def _read(self, shard: int, group: int) -> Iterator[_Batch]:
        start = self._starts[shard][group]
        for values in batches(self._files[shard], self._columns[shard], group):
            yield _Batch(shard, start, values)
            start += len(values)


def _bytes(value: Any) -> bytes | None:
    import pyarrow

    if value.is_valid and pyarrow.types.is_struct(value.type):
        value = value["bytes"]
    found: bytes | None = value.as_py()
    return found


def group_starts(file: Path) -> list[int]:
    """The first row of each row group, and the number of rows."""
    import pyarrow.parquet

    metadata = pyarrow.parquet.read_metadata(file)
    return [0, *accumulate(metadata.row_group(g).num_rows for g in range(metadata.num_row_groups))]


def batches(file: Path, column: str, group: int) -> Iterator[Any]:
    """The values of a column in one row group, as Arrow arrays of some megabytes.

    Raises:
        OSError: the file is damaged there.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        # Mapped, so that a row group of gigabytes is not first held as it was stored.
        with pyarrow.parquet.ParquetFile(
            file, memory_map=True, pre_buffer=False, page_checksum_verification=True
        ) as table:
            part = table.metadata.row_group(group)
            size = max(_FEWEST_ROWS, min(_MOST_ROWS, part.num_rows * _BATCH_BYTES // max(part.total_byte_size, 1)))
            for batch in table.iter_batches(size, row_groups=[group], columns=[column], use_threads=False):
                yield batch.column(0)
    except (pyarrow.ArrowException, OSError, IndexError) as error:
        raise OSError(f"the file is damaged here ({first_line(error)})") from None


@dataclass(frozen=True)
class Empty:
    """A row without bytes: the path it gives instead, or "", and why there is nothing to decode otherwise."""

    row: int
    path: str
    reason: str


def empty_rows(file: Path, column: str) -> list[Empty]:
    """The rows without bytes of an image, found by reading all.

    The statistics of the file would tell in most cases; but where they are damaged, asking for them ends the process
    (pyarrow 26), while reading raises an error.

    Raises:
        DataError: the file holds another number of rows than it says.
    """
    found: list[Empty] = []
    for group, (start, stop) in enumerate(pairwise(group_starts(file))):
        row, why = start, ""
        try:
            for values in batches(file, column, group):
                found += [Empty(row + i, _path(values[i]), "no image in this row") for i in _missing(values)]
                row += len(values)
        except OSError as error:
            why = str(error)
        lost = stop - row
        if lost and (not why or lost > _MOST_LOST):
            raise DataError(f"{file}: expected a Parquet file, got a damaged one ({lost:,} rows less than it says)")
        found += [Empty(row + i, "", why) for i in range(lost)]
    return found


def _path(value: Any) -> str:
    try:
        inner = value.as_py()
    except UnicodeDecodeError:
        return ""
    return (inner.get("path") or "") if isinstance(inner, dict) else ""


def _missing(values: Any) -> list[int]:
    import numpy as np
    import pyarrow
    import pyarrow.compute

    inner = pyarrow.compute.struct_field(values, "bytes") if pyarrow.types.is_struct(values.type) else values
    rows: list[int] = np.flatnonzero(np.asarray(inner.is_null())).tolist()
    return rows
