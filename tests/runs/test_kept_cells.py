"""Cells on disk: what was kept comes back; what was not, or was damaged, is not done."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan
from pathlib import Path

from secondlook.runs.cells import read_cell, write_cell
from secondlook.types import Cell, Epoch, History

LOST = Epoch(2, 1.0, 1e-3, nan, nan, 0.1, nan, 0.1)
HISTORY = History((Epoch(1, 0.5, 1e-3, 2.0, 1.0, 0.5, 1.1, 0.4), LOST), 1, "done")
CELL = Cell(
    "a", "lenet", 0, 50, 2, ("x", "y"), test_accuracy=0.5, hits=(1, 2), counts=(3, 3), history=HISTORY, remedy="weights"
)


def test_a_cell_comes_back_as_it_was_though_a_loss_was_no_number(tmp_path: Path) -> None:
    write_cell(tmp_path, CELL)
    found = read_cell(tmp_path, "a")
    assert found is not None
    assert found.history is not None
    assert isnan(found.history.epochs[1].valid_loss)
    assert found.history.epochs[0] == HISTORY.epochs[0]
    assert replace(found, history=None) == replace(CELL, history=None)


def test_what_is_not_there_or_damaged_is_not_done(tmp_path: Path) -> None:
    assert read_cell(tmp_path, "a") is None
    write_cell(tmp_path, CELL)
    for text in ("", "{", "[]", "{}", '{"members": 3}'):
        (tmp_path / "cells" / "a.json").write_text(text)
        assert read_cell(tmp_path, "a") is None
