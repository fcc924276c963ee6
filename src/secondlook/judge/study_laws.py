"""The laws of a study's cells: lines, power laws, and how many images wanted accuracies ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
    measured = _measured(kind, cells, minority)
    power = _power(measured, seed, why)
    if power is None:
        return ModelLaws(lines, why=why)
    most = power.classes[-1]
    there = measured.where(measured.classes == most if measured.varies else np.full(len(measured.rows), True))
    found = tuple(needed(power, accuracy, there.rows, there.errors, most) for accuracy in wanted)
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


class _Measured(NamedTuple):
    """What cells measured, (m,) each: images per class, errors, numbers of classes, and seeds, within which parts are
    nested.
    """

    rows: IntArray
    errors: FloatArray
    classes: IntArray
    seeds: IntArray
    varies: bool = False

    def where(self, which: NDArray[np.bool_]) -> _Measured:
        """Some of the cells."""
        return _Measured(self.rows[which], self.errors[which], self.classes[which], self.seeds[which], self.varies)


def _measured(kind: Kind, cells: Sequence[Cell], of: str = "") -> _Measured:
    """Of the cells of one model: their errors, or those of one class alone."""
    rows = [cell.minority if kind == "imbalance" else cell.rows for cell in cells]
    rights = [cell.recall(of) or 0.0 if of else cell.test_accuracy for cell in cells]
    errors = [1 - (nan if right is None else right) for right in rights]
    classes, seeds = ([getattr(cell, name) for cell in cells] for name in ("classes", "seed"))
    whole = [np.array(each, dtype=np.int64) for each in (rows, classes, seeds)]
    return _Measured(whole[0], np.array(errors, dtype=np.float64), whole[1], whole[2], kind == "grid")


def _power(found: _Measured, seed: int, why: dict[str, str]) -> PowerLaw | None:
    # Where nearly all is wrong an error says nothing of how it will fall.
    means = {n: float(found.errors[found.rows == n].mean()) for n in np.unique(found.rows)}
    rows, errors, classes, nests, varies = found.where(np.array([means[n] < HOPELESS for n in found.rows], dtype=bool))
    words: dict[str, Any] = {"classes": classes if varies else None, "nests": nests, "seed": seed}
    try:
        law = fit_power(rows, errors, **words)
    except ValueError as error:
        why["power"] = str(error)
        return None
    return replace(law, held_out=hold_out(rows, errors, **words))


def better(kind: Kind, cells: Sequence[Cell], minority: str = "") -> tuple[float, ...]:
    """Two accuracies to ask for where none are named: a quarter and a half of the errors fewer than the best model
    still makes at the largest size. () where it makes none, or nothing was measured.
    """
    least = []
    for model in dict.fromkeys(cell.model for cell in cells):
        found = _measured(kind, [c for c in cells if c.model == model and c.plain], minority)
        if not len(found.rows):
            continue
        there = found.rows == found.rows.max()
        there &= found.classes == found.classes[there].max()
        least.append(float(found.errors[there].mean()))
    fewest = min(least, default=0.0)
    return tuple(round(1 - share * fewest, 4) for share in (0.75, 0.5)) if fewest > 0 else ()


def _by_class(cells: Sequence[Cell], asked: Sequence[float], seed: int) -> dict[str, tuple[Needed, ...]]:
    """Images per class for the same accuracies as recalls of single classes, all classes growing alike."""
    found: dict[str, tuple[Needed, ...]] = {}
    for name in dict.fromkeys(name for cell in cells for name in cell.members):
        some = [cell for cell in cells if cell.recall(name) is not None]
        if not some:
            continue
        measured = _measured("size", some, name)
        law = _power(measured, seed, {})
        if law is not None:
            found[name] = tuple(needed(law, accuracy, measured.rows, measured.errors) for accuracy in asked)
    return found
