"""Out-of-fold probabilities: each item is answered by a model that was fitted without its fold.

The images lie in one file, fold after fold, and all folds but the last once more: those that train, all but one, then
follow each other without a gap, and no child copies what it maps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.models.base import stratified
from secondlook.models.entry import Entry
from secondlook.models.fitting import TRAINING_SHARE, answers
from secondlook.runs.files import write_rows
from secondlook.types import Epoch, IntArray

Emit = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True, eq=False)
class Ring:
    """Folds in the order in which their images are written.

    Attributes:
        folds: int64 items of each fold, two folds at least.
    """

    folds: tuple[IntArray, ...]

    @property
    def items(self) -> IntArray:
        """The item of every row of the file, int64."""
        return np.concatenate([*self.folds, *self.folds[:-1]])

    def trains(self, fold: int) -> slice:
        """The rows of all folds but one."""
        sizes = [len(f) for f in (*self.folds, *self.folds[:-1])]
        starts = np.concatenate([[0], np.cumsum(sizes)]).tolist()
        return slice(starts[fold + 1], starts[fold + len(self.folds)])

    def answers(self, fold: int) -> slice:
        """The rows of one fold."""
        start = sum(len(f) for f in self.folds[:fold])
        return slice(start, start + len(self.folds[fold]))

    def write(self, path: Path, pixels: NDArray[Any]) -> None:
        """Writes the images of all rows as a .npy file, in blocks."""
        write_rows(path, pixels, self.items)


@dataclass(frozen=True, eq=False)
class FoldTask:
    """What a child needs to fit one model without one fold, and to answer that fold.

    Attributes:
        pixels: the .npy file that a `Ring` wrote, opened as a memory map.
        trains, answers: its rows that are learnt from, and that are answered.
        y: int64, labels of the rows learnt from.
        classes: number of classes.
        rows: learn from so many of the rows at most, each class by its share.
        seconds: the limit, or None; the child is killed there.
        out: receives the probabilities, float32 (n, classes), as a .npy file.
    """

    entry: Entry
    pixels: Path
    trains: slice
    answers: slice
    y: IntArray
    classes: int
    seed: int
    rows: int
    seconds: float | None
    out: Path


def fit_fold(task: FoldTask, emit: Emit) -> list[str]:
    """Fits a model on all folds but one and writes what it says of that one.

    Classes that the model never saw have probability 0. Events: "epoch" {epoch, epochs, valid_accuracy, …}.

    Returns:
        The model's notes.

    Raises:
        FitError: its probabilities are not probabilities.
    """
    began = perf_counter()
    images = np.load(task.pixels, mmap_mode="c")
    model = task.entry.make(seeds.integer(task.seed, "fit", task.entry.name))
    X, y = images[task.trains], task.y
    notes = [f"learnt from {task.rows:,} of {len(y):,} images"] if len(y) > task.rows else []
    if notes:
        chosen = stratified(y, task.rows, task.seed, "rows")
        X, y = X[chosen], y[chosen]
    model.fit(X, y, **_options(task, model, began, emit))
    np.save(task.out, answers(model, images[task.answers], task.classes))
    return [*notes, *model.notes_]


def _options(task: FoldTask, model: Any, began: float, emit: Emit) -> dict[str, Any]:
    """What only models that train in epochs take: progress, and the time that is left for training."""
    if not task.entry.is_net:
        return {}
    if task.seconds is not None:
        model.set_params(max_seconds=max(0.0, TRAINING_SHARE * task.seconds - (perf_counter() - began)))

    def on_epoch(epoch: Epoch) -> None:
        emit("epoch", {**vars(epoch), "epochs": model.epochs_})

    return {"on_epoch": on_epoch}


def blind(labels: IntArray, folds: Sequence[IntArray]) -> NDArray[np.bool_]:
    """Items whose class no other fold has, bool (n,): no model could learn it before it answered them."""
    found = np.zeros(len(labels), dtype=np.bool_)
    for fold, items in enumerate(folds):
        others = [labels[other] for i, other in enumerate(folds) if i != fold]
        found[items] = ~np.isin(labels[items], np.concatenate(others))
    return found
