"""The cells of a study on disk: a file each, there whole or not at all, so that a study goes on from what is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from math import nan
from pathlib import Path
from typing import Any

from secondlook.runs.files import number, write_json
from secondlook.types import Cell, History

FOLDER = "cells"


def write_cell(folder: Path, cell: Cell) -> None:
    """Keeps a cell that is done."""
    (folder / FOLDER).mkdir(exist_ok=True)
    kept: dict[str, Any] = {field.name: getattr(cell, field.name) for field in fields(Cell)}
    if cell.history is not None:  # a loss may be no number in an epoch that was not kept, which JSON cannot say
        document = cell.history.json()
        kept["history"] = {**document, "epochs": [_each(epoch, number) for epoch in document["epochs"]]}
    write_json(folder / FOLDER / f"{cell.name}.json", kept)


def read_cell(folder: Path, name: str) -> Cell | None:
    """A cell that was kept; None where it is not done, or its file is damaged, as after a power cut."""
    path = folder / FOLDER / f"{name}.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        for several in ("members", "hits", "counts"):
            found[several] = tuple(found[several])
        if (history := found["history"]) is not None:
            epochs = [_each(epoch, lambda value: nan if value is None else value) for epoch in history["epochs"]]
            found["history"] = History.from_json({**history, "epochs": epochs})
        return Cell(**found)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _each(epoch: Mapping[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
    return {name: value if name == "epoch" else change(value) for name, value in epoch.items()}
