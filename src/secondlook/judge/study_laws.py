"""The laws of a study's cells: lines, power laws, and how many images wanted accuracies ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import nan

import numpy as np

from secondlook.measure.laws.line import fit_line
from secondlook.measure.laws.needed import needed
from secondlook.measure.laws.power import fit_power, hold_out
from secondlook.types import Cell, FloatArray, IntArray, Kind, Line, ModelLaws, Needed, PowerLaw

# What a line is over, by kind of study: a name in the tables, and the field of a cell.
VARIABLES: dict[Kind, tuple[str, ...]] = {
    "size": ("rows",),
    "imbalance": ("minority",),
    "classes": ("classes",),
    "grid": ("classes", "rows"),
    "noise": ("noise",),
}
# Sizes at which models are wrong so often are left out of a power law.
HOPELESS = 0.95
RESPONSES = ("test_accuracy", "test_log_loss")


def laws_of(kind: Kind, cells: Sequence[Cell], wanted: Sequence[float], seed: int, minority: str = "") -> ModelLaws:
    """What the cells of one model follow.

    Args:
        cells: those that are done, of one model.
        wanted: accuracies that are asked for, see `better`.
        seed: gives the bootstraps.
        minority: the class whose recall an imbalance study is about.
    """
    cells = [cell for cell in cells if cell.plain]
    why: dict[str, str] = {}
    lines = _lines(kind, cells, why)
    if kind not in ("size", "grid", "imbalance"):
        return ModelLaws(lines, why=why)
    rows, errors, classes = _measured(kind, cells, minority)
    power = _power(rows, errors, classes, seed, why)
    if power is None:
        return ModelLaws(lines, why=why)
    most = power.classes[-1]
    here = np.full(len(rows), True) if classes is None else classes == most
    found = tuple(needed(power, accuracy, rows[here], errors[here], most) for accuracy in wanted)
    by_class = _by_class(cells, wanted, seed) if kind == "size" else {}
    return ModelLaws(lines, power, found, by_class, why)


def _lines(kind: Kind, cells: Sequence[Cell], why: dict[str, str]) -> dict[str, Line]:
    found = {}
    for response in RESPONSES:
        y = np.array([getattr(cell, response) for cell in cells], dtype=np.float64)
        variables = {name: np.array([getattr(cell, name) for cell in cells], float) for name in VARIABLES[kind]}
        try:
            found[response] = fit_line(response, y, variables)
        except ValueError as error:
            why[response] = str(error)
    return found


def _measured(kind: Kind, cells: Sequence[Cell], minority: str) -> tuple[IntArray, FloatArray, IntArray | None]:
    """Images per class, errors, and numbers of classes where these vary; with a minority, that class's alone."""
    if kind == "imbalance":
        rows = np.array([cell.minority for cell in cells], dtype=np.int64)
        return rows, np.array([1 - (cell.recall(minority) or 0.0) for cell in cells]), None
    rows = np.array([cell.rows for cell in cells], dtype=np.int64)
    errors = np.array([1 - (nan if cell.test_accuracy is None else cell.test_accuracy) for cell in cells])
    classes = np.array([cell.classes for cell in cells], dtype=np.int64) if kind == "grid" else None
    return rows, errors, classes


def _power(
    rows: IntArray, errors: FloatArray, classes: IntArray | None, seed: int, why: dict[str, str]
) -> PowerLaw | None:
    # Where nearly all is wrong an error says nothing of how it will fall.
    means = {n: float(errors[rows == n].mean()) for n in np.unique(rows)}
    tells = np.array([means[n] < HOPELESS for n in rows], dtype=bool)
    rows, errors, classes = rows[tells], errors[tells], None if classes is None else classes[tells]
    try:
        found = fit_power(rows, errors, classes, seed=seed)
    except ValueError as error:
        why["power"] = str(error)
        return None
    return replace(found, held_out=hold_out(rows, errors, classes, seed=seed))


def better(kind: Kind, cells: Sequence[Cell], minority: str = "") -> tuple[float, ...]:
    """Two accuracies to ask for where none are named: a quarter and a half of the errors fewer than the best model
    still makes at the largest size. () where it makes none, or nothing was measured.
    """
    least = []
    for model in dict.fromkeys(cell.model for cell in cells):
        rows, errors, classes = _measured(kind, [c for c in cells if c.model == model and c.plain], minority)
        if not len(rows):
            continue
        there = rows == rows.max()
        if classes is not None:
            there &= classes == classes[there].max()
        least.append(float(errors[there].mean()))
    fewest = min(least, default=0.0)
    return tuple(round(1 - share * fewest, 4) for share in (0.75, 0.5)) if fewest > 0 else ()


def _by_class(cells: Sequence[Cell], asked: Sequence[float], seed: int) -> dict[str, tuple[Needed, ...]]:
    """Images per class for the same accuracies as recalls of single classes, all classes growing alike."""
    found: dict[str, tuple[Needed, ...]] = {}
    for name in dict.fromkeys(name for cell in cells for name in cell.members):
        known = [(cell.rows, 1 - recall) for cell in cells if (recall := cell.recall(name)) is not None]
        if not known:
            continue
        rows, errors = (np.array(column) for column in zip(*known, strict=True))
        law = _power(rows.astype(np.int64), errors.astype(np.float64), None, seed, {})
        if law is not None:
            found[name] = tuple(needed(law, accuracy, rows, errors) for accuracy in asked)
    return found
