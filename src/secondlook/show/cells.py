"""The images behind the cells of the report's confusion matrices: panels that open without scripts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from secondlook.runs.pictures import in_cells, per_cell
from secondlook.show import format as fmt
from secondlook.show.names import visible
from secondlook.show.sprites import Sheet, sheet
from secondlook.types import Predictions, Run, Thumbnails

SHEET = "cell-shots"
# CSS pixels of a picture's longer side.
_SIDE = 84
# Of one page: pictures in all panels together, and the share of the room that the sheet may take.
_MOST_SHOTS, _SHEET_SHARE = 2400, 0.6
_LEAST_ROOM = 60_000


@dataclass(frozen=True)
class Shot:
    """One image in a panel, the probability of its answer, and its name."""

    picture: Markup
    sure: str
    name: str


@dataclass(frozen=True)
class CellPanel:
    """The images of one cell: `text` says how many of how many."""

    anchor: str
    back: str
    title: str
    text: str
    shots: tuple[Shot, ...]


@dataclass(frozen=True)
class Cells:
    """What opens from the matrices of a page.

    Attributes:
        sheet: the pictures, to stand once on the page.
        panels: by model, then in the order of the matrix.
        links: by model, the panel's anchor of each cell (given, says) that has one.
    """

    sheet: Markup
    panels: Mapping[str, tuple[CellPanel, ...]]
    links: Mapping[str, Mapping[tuple[int, int], str]]


NO_CELLS = Cells(Markup(""), {}, {})


def cells(run: Run, anchors: Mapping[str, str], room: int, only: Collection[tuple[int, int]] | None = None) -> Cells:
    """The panels of a run's matrices, the chosen model's first, as far as there is room.

    Args:
        run: a run that keeps small images.
        anchors: of every model whose cells open, the place of its matrix on the page; the chosen one first.
        room: characters.
        only: the cells that open, (given, says); None for all.
    """
    kept = run.thumbnails()
    if room < _LEAST_ROOM or not len(kept.items):
        return NO_CELLS
    answers = {model: run.predictions(model) for model in anchors}
    picked = _picked(answers, run.chosen, kept)
    if only is not None:
        picked = [(m, i) for m, i in picked if (int(answers[m].labels[i]), int(answers[m].predicted[i])) in only]
    wanted = dict.fromkeys(int(answers[model].items[i]) for model, i in picked)
    places = {int(item): at for at, item in enumerate(kept.items)}
    made = sheet(SHEET, [kept.pixels[places[item]] for item in wanted], int(room * _SHEET_SHARE), side=64)
    if made is None:
        return NO_CELLS
    found = dict(zip(list(wanted)[: made.n], range(made.n), strict=True))
    shown = _within(picked, answers, made, found, room - len(made.source))
    panels, links = {}, {}
    for model, anchor in anchors.items():
        panels[model], links[model] = _panels(answers[model], shown.get(model, {}), anchor)
    return Cells(made.defined(), panels, links)


def _picked(answers: Mapping[str, Predictions], chosen: str, kept: Thumbnails) -> list[tuple[str, int]]:
    """Which images stand in panels, the most needed first, as (model, index into its predictions).

    The chosen model's mistakes come first, then its right answers, then the other models' mistakes in turns.
    """
    there = {int(item) for item in kept.items}

    def of(model: str, *, right: bool = False) -> list[tuple[str, int]]:
        said = answers[model]
        rows = in_cells(said, len(said.labels), right=right)
        return _capped(said, [int(i) for i in rows if int(said.items[i]) in there], model)

    order = of(chosen) + of(chosen, right=True) if chosen in answers else []
    for model in answers:
        order += of(model) if model != chosen else []
    return order[:_MOST_SHOTS]


def _capped(said: Predictions, rows: Sequence[int], model: str) -> list[tuple[str, int]]:
    seen: dict[tuple[int, int], int] = {}
    kept = []
    for i in rows:
        cell = int(said.labels[i]), int(said.predicted[i])
        seen[cell] = seen.get(cell, 0) + 1
        if seen[cell] <= per_cell(len(said.classes)):
            kept.append((model, i))
    return kept


def _within(
    picked: Sequence[tuple[str, int]],
    answers: Mapping[str, Predictions],
    made: Sheet,
    found: Mapping[int, int],
    room: int,
) -> dict[str, dict[tuple[int, int], list[Shot]]]:
    """The shots by model and cell, as many as there is room for."""
    shown: dict[str, dict[tuple[int, int], list[Shot]]] = {}
    for model, i in picked:
        said = answers[model]
        if (place := found.get(int(said.items[i]))) is None:
            continue
        cell = int(said.labels[i]), int(said.predicted[i])
        name = visible(str(said.names[i]))
        sure = fmt.share(float(said.probabilities[i, said.predicted[i]]), digits=2)
        shot = Shot(made.image(place, name, _SIDE, titled=True), sure, name)
        # What the template writes around the first picture of a cell, and around each.
        room -= len(shot.picture) + 60 + (0 if cell in shown.get(model, {}) else 420)
        if room < 0:
            break
        shown.setdefault(model, {}).setdefault(cell, []).append(shot)
    return shown


def _panels(
    said: Predictions, shown: Mapping[tuple[int, int], list[Shot]], anchor: str
) -> tuple[tuple[CellPanel, ...], dict[tuple[int, int], str]]:
    k = len(said.classes)
    known = said.labels >= 0
    counts = np.bincount(said.labels[known] * k + said.predicted[known], minlength=k * k)
    panels, links = [], {}
    for (given, says), shots in sorted(shown.items()):
        links[given, says] = name = f"{anchor}-{given}-{says}"
        n, right = int(counts[given * k + says]), given == says
        order = "the least sure first" if right else "the surest first"
        some = (
            f"{len(shots):,} of {n:,} shown, {order}"
            if len(shots) < n
            else f"all {n:,}, {order}"
            if n > 1
            else "1 image"
        )
        answer = "right" if right else f"says {said.classes[says]}"
        title = f"given {said.classes[given]}, {answer}"
        panels.append(CellPanel(name, anchor, f"{said.model}: {title}", some, tuple(shots)))
    return tuple(panels), links
