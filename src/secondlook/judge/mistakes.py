"""Which images the models of a run got wrong, and what is near them in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.judge.nearest import nearest_items
from secondlook.measure.probabilities import log_losses
from secondlook.runs.items import Items
from secondlook.types import FloatArray, ImageSet, IntArray, Mistakes, Nearest, Part, Predictions, Run


def with_answers(run: Run) -> tuple[str, ...]:
    """The models that finished, best on validation first."""
    return tuple(row.model for row in run.rows if row.test_accuracy is not None)


def voters(run: Run) -> tuple[str, ...]:
    """The models whose misses are counted: baselines look at no image, so they count only where nothing else does."""
    names = with_answers(run)
    seeing = tuple(name for name in names if run[name].family != "baseline")
    return seeing or names


def find_mistakes(run: Run, items: Items, model: str, parts: Sequence[Part], label: int | None = None) -> Mistakes:
    """The wrongly answered images of a run, judged from its stored predictions alone.

    Args:
        run: a finished run.
        items: what it compared.
        model: a model that has answers, or "all".
        parts: the parts to look at.
        label: the true class, as an index; None for all.
    """
    found = [_of_part(run, model, part, label) for part in parts]
    where = np.concatenate([columns["item"] for columns in found])
    k = len(items.classes)
    joined: dict[str, Any] = {name: np.concatenate([columns[name] for columns in found]) for name in _COLUMNS}
    known = {part: items.labels[items.parts[part]] for part in parts}
    return Mistakes(
        run=run.path,
        source=str(run.data["source"]),
        model=model,
        models=with_answers(run),
        voters=voters(run),
        parts=tuple(parts),
        classes=items.classes,
        shape=tuple(run.data["shape"]),
        counts={part: np.bincount(known[part][known[part] >= 0], minlength=k).tolist() for part in parts},
        wanted=label,
        items=where,
        ids=items.ids[where],
        names=items.names[where].tolist(),
        part_of=np.repeat(np.array(parts, dtype=np.str_), [len(columns["item"]) for columns in found]),
        given=items.labels[where],
        **joined,
    )


_COLUMNS = ("answers", "confidence", "loss", "said", "missed_by")


def _of_part(run: Run, model: str, part: Part, label: int | None) -> dict[str, Any]:
    """The mistakes of one part, sorted: item and `_COLUMNS`, an array each."""
    counted, names = voters(run), with_answers(run)
    tally = _Tally()
    said, own = [], None
    for name in names:
        predictions = run.predictions(name, part)
        said.append(predictions.predicted)
        if name in counted:
            tally.add(predictions)
        if name == model:
            own = predictions
    labels, answers = tally.labels, np.stack(said, axis=1)
    if own is None:
        (shown, sure), loss, missed = tally.together(), tally.loss, tally.missed > 0
    else:
        shown, sure, loss = own.predicted, _given_to(own, own.predicted), _losses(own)
        missed = shown != labels
    wrong = np.flatnonzero(missed & (labels >= 0) & ((labels == label) if label is not None else True))
    votes = tally.missed if own is None else np.zeros(len(labels), dtype=np.int64)
    order = wrong[np.lexsort((tally.items[wrong], -loss[wrong], -votes[wrong], labels[wrong]))]
    columns = {"answers": shown, "confidence": sure, "loss": loss, "said": answers, "missed_by": tally.missed}
    return {"item": tally.items[order], **{name: values[order] for name, values in columns.items()}}


class _Tally:
    """The answers of several models to the same items, added up one model at a time."""

    def __init__(self) -> None:
        self.n = 0

    def add(self, predictions: Predictions) -> None:
        """Counts one model's answers."""
        rows, k = np.arange(len(predictions.labels)), len(predictions.classes)
        if self.n == 0:
            self.labels, self.items = predictions.labels, predictions.items
            self.votes = np.zeros((len(rows), k), dtype=np.int64)
            self.mass, self._loss = np.zeros((len(rows), k)), np.zeros(len(rows))
        self.n += 1
        self.votes[rows, predictions.predicted] += 1
        self.mass += predictions.probabilities
        self._loss += _losses(predictions)

    @property
    def loss(self) -> FloatArray:
        """The mean over the models."""
        return self._loss / self.n

    @property
    def missed(self) -> IntArray:
        """How many were wrong."""
        return self.n - self.votes[np.arange(len(self.labels)), self.labels]

    def together(self) -> tuple[IntArray, FloatArray]:
        """The wrong answer that most gave, of equals the more probable one; and its mean probability."""
        rows = np.arange(len(self.labels))
        votes = self.votes.copy()
        votes[rows, self.labels] = -1
        # A mean probability is at most 1: half of it only decides between equals.
        answers = np.asarray((votes + self.mass / self.n / 2).argmax(axis=1), dtype=np.int64)
        return answers, self.mass[rows, answers] / self.n


def _given_to(predictions: Predictions, answers: IntArray) -> FloatArray:
    return predictions.probabilities[np.arange(len(answers)), answers].astype(np.float64)


def _losses(predictions: Predictions) -> FloatArray:
    """Of items without a label it means nothing; they are left out later."""
    return log_losses(predictions.labels, predictions.probabilities)


def with_nearest(found: Mistakes, images: ImageSet, items: Items, per_class: int) -> Mistakes:
    """The mistakes with the training images most like them.

    In a run with folds every image was trained on in some fold, so they are looked for among all others.

    Args:
        found: mistakes without them.
        images: the run's images, read again.
        items: what the run compared.
        per_class: they are looked for beside so many mistakes on each class of each part, the worst ones.
    """
    rows = np.flatnonzero(ranks(found) < per_class)
    pool = items.parts["train"] if items.folds is None else np.flatnonzero((items.folds == 1).any(axis=0))
    near, far = nearest_items(images.pixels, found.items[rows], np.asarray(pool, dtype=np.int64))
    places, distances = (
        np.full((len(found), near.shape[1]), -1, dtype=np.int64),
        np.full((len(found), near.shape[1]), np.nan),
    )
    places[rows], distances[rows] = near, far
    seen = [int(item) for item in np.unique(near) if item >= 0]
    nearest = Nearest(
        places,
        distances,
        {item: str(items.names[item]) for item in seen},
        {item: int(items.labels[item]) for item in seen},
        "training images" if items.folds is None else "other images",
    )
    return replace(found, nearest=nearest)


def ranks(found: Mistakes) -> IntArray:
    """The place of each mistake among those on its class in its part, from 0, int64 (m,)."""
    keys: NDArray[Any] = np.stack([np.unique(found.part_of, return_inverse=True)[1], found.given])
    new = np.r_[True, (np.diff(keys, axis=1) != 0).any(axis=0)] if len(found) else np.zeros(0, dtype=bool)
    starts = np.flatnonzero(new)
    return np.arange(len(found)) - starts[np.cumsum(new) - 1] if len(found) else np.zeros(0, dtype=np.int64)
