"""Files that are there whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import RunError
from secondlook.types import IntArray

_BLOCK_BYTES = 2**24


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Calls `write` with a temporary path beside `path`, then renames: the file is there whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def json_bytes(document: Any) -> bytes:
    """A JSON document as UTF-8 that ends in a newline; NaN is refused, since JSON has none.

    A file name that is no UTF-8 holds surrogates, which UTF-8 cannot hold: they are written as JSON's own escapes
    (``\\udce9``), and come back as they were.
    """
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode("utf-8", "backslashreplace")


def number(value: Any) -> float | None:
    """A number as JSON has it: None for NaN and infinities."""
    return float(value) if isfinite(value) else None


def write_json(path: Path, document: Any) -> None:
    """Writes a JSON document, see `json_bytes`."""
    write_atomically(path, lambda part: part.write_bytes(json_bytes(document)))


def read_json(path: Path) -> Any:
    """Reads a JSON document of a run.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"expected a run directory with {path.name}, found none in {path.parent}") from None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error}); delete the run and make it again") from None


def write_csv(path: Path, names: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> None:
    """Writes a table as CSV; None becomes an empty cell."""

    def write(part: Path) -> None:
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=names)
            writer.writeheader()
            writer.writerows(lines)

    write_atomically(path, write)


def checksum(path: Path) -> str:
    """SHA-256 of a file, 64 hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def savez(path: Path, arrays: Mapping[str, Any]) -> None:
    """Writes arrays compressed to exactly this path."""
    with path.open("wb") as file:  # given a name, NumPy would add .npz to it
        np.savez_compressed(file, **arrays)


def write_rows(path: Path, array: NDArray[Any], rows: IntArray) -> None:
    """Writes some rows of an array, which may be a memory map larger than memory, as a .npy file; in blocks."""
    shape = (len(rows), *array.shape[1:])
    header = {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False, "shape": shape}
    step = max(1, _BLOCK_BYTES // max(1, array[:1].nbytes))
    # Written, not mapped: where the disk runs full, a write says so, and a map kills the process.
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for at in range(0, len(rows), step):
            file.write(np.ascontiguousarray(array[rows[at : at + step]]).data)


def is_run(folder: Path) -> bool:
    """Whether a folder holds a run: its config.json is one that this package wrote."""
    try:
        document = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and {"format", "identity", "command"} <= document.keys()
