"""Which images a run keeps small copies of, so that its report shows mistakes without the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from secondlook.runs.results import mistakes_to_show, thumbnails
from secondlook.types import ImageSet, IntArray, Part, Predictions, Thumbnails

# Copies of one run: so many, and so many bytes before they are compressed.
_MOST, _MOST_BYTES = 3000, 6_000_000
# Of one cell of a confusion matrix: with few classes cells are few, and may hold more.
_PER_CELL, _CELLS, _MOST_PER_CELL = 12, 600, 60
_RIGHT_PER_CLASS, _RIGHTS = 6, 48
_OTHERS_PER_CELL, _OTHERS = 4, 120


def per_cell(k: int) -> int:
    """The most images of one cell of a matrix of k classes."""
    return min(max(_PER_CELL, _CELLS // (k * k)), _MOST_PER_CELL)


def in_cells(predictions: Predictions, most: int, *, right: bool = False) -> IntArray:
    """The most telling images of every cell of the confusion matrix: of each cell the first, then of each the second.

    Off the diagonal the surest answers come first, on it the least sure; of equal turns the fuller cell comes first.

    Args:
        predictions: one model's answers.
        most: images of a cell.
        right: the diagonal instead of the mistakes.

    Returns:
        Indices int64 (m,) into `predictions`.
    """
    hit = predictions.predicted == predictions.labels
    rows = np.flatnonzero((hit if right else ~hit) & (predictions.labels >= 0))
    sure = predictions.probabilities[rows, predictions.predicted[rows]].astype(np.float64)
    cells = predictions.labels[rows] * len(predictions.classes) + predictions.predicted[rows]
    order = np.lexsort((rows, sure if right else -sure, cells))
    rows, cells = rows[order], cells[order]
    _, starts, sizes = np.unique(cells, return_index=True, return_counts=True)
    rank, size = np.arange(len(rows)) - np.repeat(starts, sizes), np.repeat(sizes, sizes)
    kept = np.flatnonzero(rank < most)
    return rows[kept[np.lexsort((cells[kept], -size[kept], rank[kept]))]].astype(np.int64)


def pictures_to_keep(
    images: ImageSet, chosen: str, models: Sequence[str], answers: Callable[[str, Part], Predictions]
) -> Thumbnails:
    """Small copies of the images that a report shows, the most needed first, until there is no more room.

    They are the chosen model's mistakes on test by class, its cells of the confusion matrix, its mistakes on train,
    some of its least sure right answers, and then some of every other model's mistakes.

    Args:
        images: what was compared.
        chosen: the chosen model; "" where none finished.
        models: those that have answers.
        answers: what a model said of a part.
    """
    room = _room(images)
    wanted: dict[int, None] = {}
    for items in _wanted(images, chosen, models, answers) if chosen else ():
        wanted |= dict.fromkeys(items.tolist())
        if len(wanted) >= room:
            break
    kept = np.array(list(wanted)[:room], dtype=np.int64)
    return Thumbnails(kept, thumbnails(images.pixels[kept]))


def _room(images: ImageSet) -> int:
    one = thumbnails(images.pixels[:1])
    return min(_MOST, _MOST_BYTES // one.nbytes) if one.nbytes else _MOST


def _wanted(
    images: ImageSet, chosen: str, models: Sequence[str], answers: Callable[[str, Part], Predictions]
) -> Iterator[IntArray]:
    k = len(images.classes)
    said = answers(chosen, "test")
    yield mistakes_to_show(said, images).items
    yield said.items[in_cells(said, per_cell(k))]
    yield mistakes_to_show(answers(chosen, "train"), images).items
    yield said.items[in_cells(said, max(_RIGHT_PER_CLASS, _RIGHTS // k), right=True)]
    for model in models:
        if model != chosen:
            other = answers(model, "test")
            yield other.items[in_cells(other, max(_OTHERS_PER_CELL, _OTHERS // (k * k)))]
