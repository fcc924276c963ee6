"""The cells of a study on disk: a file each, there whole or not at all, so that a study goes on from what is done."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from secondlook.runs.files import read_json, write_json
from secondlook.types import Cell, History

FOLDER = "cells"


def write_cell(folder: Path, cell: Cell) -> None:
    """Keeps a cell that is done."""
    (folder / FOLDER).mkdir(exist_ok=True)
    kept: dict[str, Any] = {field.name: getattr(cell, field.name) for field in fields(Cell)}
    kept["history"] = None if cell.history is None else cell.history.json()
    write_json(folder / FOLDER / f"{cell.name}.json", kept)


def read_cell(folder: Path, name: str) -> Cell | None:
    """A cell that was kept; None where it is not done."""
    path = folder / FOLDER / f"{name}.json"
    if not path.exists():
        return None
    found = read_json(path)
    for several in ("members", "hits", "counts"):
        found[several] = tuple(found[several])
    found["history"] = None if found["history"] is None else History.from_json(found["history"])
    return Cell(**found)


def names(folder: Path) -> list[str]:
    """The cells that are done."""
    return sorted(path.stem for path in (folder / FOLDER).glob("*.json"))
