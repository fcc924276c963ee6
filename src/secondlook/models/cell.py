"""One cell of a study: a model fitted on a part of the training images and asked the test images, in a child.

Who plans a study imports this page for its tasks alone, before any image is read: what fitting needs, scikit-learn
first of all, is imported where a cell is fitted; the fork server has it by then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.data.subsets import oversampled
from secondlook.measure.scores import confusion, log_loss
from secondlook.models.class_weight import BALANCED, resolve
from secondlook.models.entry import Entry
from secondlook.models.fitting import answers
from secondlook.models.train import INTERRUPTED
from secondlook.types import Epoch, IntArray

Emit = Callable[[str, dict[str, Any]], None]
# Training images that are asked at least, where there are so many.
LEAST_KNOWN = 1_000

Remedy = Literal["", "weights", "oversample", "augment"]


@dataclass(frozen=True, eq=False)
class CellTask:
    """What a child needs.

    Attributes:
        items: int64 (m,), the images to learn from. labels: their class codes, 0 to k - 1, right or wrong.
        test_items, test_labels: int64 (t,), the images to answer.
        names: k class names.
        remedy: what is done about unequal classes: nothing, class weights, images of small classes taken more often, or
            that and every image varied by `augment`.
        seed: gives the model's random streams.
    """

    entry: Entry
    items: IntArray
    labels: IntArray
    test_items: IntArray
    test_labels: IntArray
    names: tuple[str, ...]
    seed: int
    remedy: Remedy = ""
    augment: str = ""


def fit_cell(pixels: NDArray[Any] | Path, task: CellTask, emit: Emit) -> dict[str, Any]:
    """Fits a model and scores what it says of the test images.

    Args:
        pixels: all images of the set, (n, h, w, c): an array, or the .npy file of one.

    Events: "epoch" {epoch, epochs, valid_accuracy, …}.

    Returns:
        test_accuracy, test_log_loss (nats), recall and n_test of each class, hits; train_accuracy, of a sample; trained
        and stored numbers; fit_seconds; engine and history of a net; notes.

    Raises:
        FitError: its probabilities are not probabilities. KeyboardInterrupt: Ctrl-C, before its training was done.
    """
    images = np.load(pixels, mmap_mode="r") if isinstance(pixels, Path) else pixels
    model = task.entry.make(seeds.integer(task.seed, "fit", task.entry.name))
    if task.remedy == "augment":
        model.set_params(augment=task.augment)
    places, held = _taken(task, model)
    options: dict[str, Any] = {}
    if task.entry.is_net:
        options["on_epoch"] = lambda epoch: _tell(epoch, model, emit)
    if len(held):
        options["valid"] = (images[task.items[held]], task.labels[held])
    X, y = images[task.items[places]], task.labels[places]
    weights = resolve(BALANCED, task.names, y) if task.remedy == "weights" else None
    started = perf_counter()
    model.fit(X, y, None if weights is None else weights[y], **options)
    fit_seconds = perf_counter() - started - getattr(model, "prepare_seconds_", 0.0)
    if hasattr(model, "history_") and model.history_.ended == INTERRUPTED:
        raise KeyboardInterrupt  # half a training is no cell
    said = answers(model, images[task.test_items], len(task.names))
    matrix = confusion(task.test_labels, said.argmax(axis=1), len(task.names))
    counts = matrix.sum(axis=1)
    return {
        "test_accuracy": float(np.trace(matrix) / len(said)),
        "test_log_loss": float(log_loss(task.test_labels, said)),
        "hits": np.diag(matrix).tolist(),
        "n_test": counts.tolist(),
        "confusion": matrix.tolist(),
        "fit_seconds": fit_seconds,
        "train_accuracy": _known(model, X, y, len(said)),
        "trained": model.n_trained_,
        "stored": model.n_stored_,
        "engine": getattr(model, "engine_", ""),
        "history": model.history_.json() if hasattr(model, "history_") else None,
        "notes": list(model.notes_),
    }


def _known(model: Any, X: NDArray[Any], y: IntArray, n: int) -> float:
    """The accuracy on images that were learnt from: of all, or of as many as are tested, evenly spread over them."""
    some = np.linspace(0, len(y) - 1, min(len(y), max(n, LEAST_KNOWN)), dtype=np.int64)
    return float(np.mean(model.predict(X[some]) == y[some]))


def _tell(epoch: Epoch, model: Any, emit: Emit) -> None:
    emit("epoch", {**vars(epoch), "epochs": model.epochs_})


def _taken(task: CellTask, model: Any) -> tuple[IntArray, IntArray]:
    """Places among the items that are learnt from, some more than once; and places that are held out first.

    Where images are taken several times, a model that holds some out must do so before: a copy on both sides would let
    it choose by what it has learnt.
    """
    everything, nothing = np.arange(len(task.items)), np.zeros(0, dtype=np.int64)
    if task.remedy not in ("oversample", "augment"):
        return everything, nothing
    keep, held = everything, nothing
    if model.holds_out:
        from secondlook.models.base import hold_out

        keep, held = hold_out(task.labels, model.random_state)
    return keep[oversampled(task.labels[keep], task.seed)], held
