"""Mistakes as files: a page, a table, or a folder of images; whole or not at all, and never over what is not ours."""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import UsageError
from secondlook.runs.files import write_atomically
from secondlook.show import format as fmt
from secondlook.types import Mistakes

if TYPE_CHECKING:
    import pandas as pd

TABLE = "mistakes.csv"
# What a table and a page of ours begin with.
_COLUMNS = ["part", "item", "id", "name", "given", "answer"]
_GENERATOR = '<meta name="generator" content="secondlook">'
_SCRATCH = ".mistakes.part"
_LONGEST_STEM = 60
Kind = Literal["page", "table", "folder"]


@dataclass(frozen=True)
class Target:
    """Where mistakes are to be written to."""

    path: Path
    kind: Kind

    def __str__(self) -> str:
        return str(self.path)


def check_out(path: Path) -> Target:
    """What a path asks for, and that writing there takes nothing away that is not ours.

    Raises:
        UsageError: a file of another type, or a file or folder that something else wrote.
    """
    kind: Kind = {".html": "page", ".htm": "page", ".csv": "table"}.get(path.suffix.lower(), "folder")  # type: ignore[assignment]  # the values are kinds
    if kind == "folder" and (path.is_file() or re.fullmatch(r"\.[a-z]{2,5}", path.suffix.lower())):
        raise UsageError(f"expected --out as NAME.html, NAME.csv or a folder, got {path}")
    try:
        strange = _strange(path, kind)
    except OSError as error:
        raise UsageError(f"cannot write to {path} ({error.strerror or error}); choose another --out") from None
    if strange:
        raise UsageError(f"expected --out to be new or from an earlier secondlook mistakes, but {path} {strange}")
    return Target(path, kind)


def write_out(found: Mistakes, target: Target) -> Path:
    """Writes the page, the table or the folder.

    Raises:
        UsageError: it cannot be written there; what was there before is then as it was.
    """
    from secondlook.show.mistakes import write_mistakes

    path = target.path
    try:
        if target.kind == "page":
            return write_mistakes(found, path)
        if target.kind == "table":
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, lambda part: _write_table(part, found.frame()))
            return path
        return _write_folder(found, path)
    except OSError as error:
        raise UsageError(f"cannot write to {path} ({error.strerror or error}); choose another --out") from None


def _strange(path: Path, kind: Kind) -> str:
    """What is wrong with a place, after its name; "" where it may be written to."""
    if kind != "folder" and path.is_dir():
        return "is a folder"
    if not path.exists():
        return ""
    if kind == "page":
        return "" if _GENERATOR in path.read_text(encoding="utf-8", errors="replace")[:2000] else "is another page"
    if kind == "table":
        return "" if _is_table(path) else "is another table"
    inside = sorted(p.relative_to(path).as_posix() for p in path.rglob("*") if not p.is_dir())
    table = path / TABLE
    ours = {TABLE, *_listed(table)} if table.is_file() and _is_table(table) else set()
    others = [name for name in inside if name not in ours and not name.startswith(f"{_SCRATCH}/")]
    return f"holds something else ({', '.join(others[:3])}); choose another folder" if others else ""


def _is_table(path: Path) -> bool:
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        return next(csv.reader(file), [])[: len(_COLUMNS)] == _COLUMNS


def _listed(table: Path) -> list[str]:
    """The images that a table of ours names."""
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8", errors="replace") as file:
        return [row["file"] for row in csv.DictReader(file) if row.get("file")]


def _write_table(path: Path, frame: pd.DataFrame) -> None:
    # Names that are no UTF-8 have surrogates, which no file can hold: they are written out.
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        frame.to_csv(file, index=False)


def _write_folder(found: Mistakes, path: Path) -> Path:
    """Images as PNG below a folder per given class, made aside and then moved to their places; the table comes last."""
    fresh = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    scratch = path / _SCRATCH
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        scratch.mkdir()
        rows = _rows(found)
        files = file_names(found, rows)
        written = [
            _write_image(scratch / file, found.pixels(int(found.items[i]))) for i, file in zip(rows, files, strict=True)
        ]
        frame = found.frame().iloc[rows]
        frame.insert(len(_COLUMNS), "file", [file if done else "" for file, done in zip(files, written, strict=True)])
        _write_table(scratch / TABLE, frame)
        _replace(path, scratch)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if fresh and not any(path.iterdir()):
            path.rmdir()
    return path


def _rows(found: Mistakes) -> list[int]:
    """All mistakes, or of each class in each part so many as were asked for."""
    if found.top is None:
        return list(range(len(found)))
    classes = np.unique(found.given).tolist()
    return [int(i) for part in found.parts for label in classes for i in found.rows(part, label)[: found.top]]


def _write_image(path: Path, pixels: NDArray[Any] | None) -> bool:
    """Whether there was an image to write."""
    from PIL import Image

    if pixels is None:
        return False
    if pixels.dtype != np.uint8:
        pixels = (pixels * 255).round().astype(np.uint8)
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels)).save(path, format="PNG")
    return True


def _replace(path: Path, scratch: Path) -> None:
    """Takes the files of an earlier time away and moves the new ones to their places, the table last."""
    for name in _listed(path / TABLE):
        # A table that was edited must not lead out of the folder.
        old = path / name
        if old.resolve().is_relative_to(path.resolve()):
            old.unlink(missing_ok=True)
    (path / TABLE).unlink(missing_ok=True)
    for folder in [p for p in path.iterdir() if p.is_dir() and p != scratch and not any(p.iterdir())]:
        folder.rmdir()
    for folder in sorted(p for p in scratch.iterdir() if p.is_dir()):
        folder.replace(path / folder.name)
    (scratch / TABLE).replace(path / TABLE)


def file_names(found: Mistakes, rows: Sequence[int]) -> list[str]:
    """A telling path for each mistake: ``given-4/test-001-says-9-.97-7434.png``; safe on every file system, each once.

    Args:
        found: mistakes.
        rows: those to name.
    """
    folders = _distinct([f"given-{safe(name)}" for name in found.classes])
    counts: dict[tuple[str, int], int] = {}
    paths = []
    for i in rows:
        part, label = str(found.part_of[i]), int(found.given[i])
        rank = counts[part, label] = counts.get((part, label), 0) + 1
        says, sure = safe(found.classes[found.answers[i]]), fmt.share(float(found.confidence[i]), digits=2)
        origin = safe(re.sub(r"\.(png|jpe?g|gif|bmp|webp|tiff?)$", "", str(found.names[i]), flags=re.IGNORECASE))
        paths.append(f"{folders[label]}/{part}-{rank:03d}-says-{says}-{sure}-{origin[-_LONGEST_STEM:]}.png")
    return paths


def safe(text: str) -> str:
    """A text as part of a file name: letters, digits, dots, dashes and underlines, at most 60 characters."""
    plain = re.sub(r"[^\w.-]+", "-", text.encode("utf-8", "replace").decode()).strip("-.") or "-"
    return plain if len(plain) <= _LONGEST_STEM else f"{plain[:29]}-{plain[-30:]}"


def _distinct(names: Iterable[str]) -> list[str]:
    """The names, with a number where two would be one; upper and lower case are the same on some file systems."""
    seen: dict[str, int] = {}
    made = []
    for name in names:
        candidate, n = name, 1
        while candidate.lower() in seen:
            n += 1
            candidate = f"{name}-{n}"
        seen[candidate.lower()] = n
        made.append(candidate)
    return made
