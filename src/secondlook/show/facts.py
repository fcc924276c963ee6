"""What a finished run says of itself: facts that the sentences, the table and the plots share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from secondlook.measure.learning import overfitting_from as overfitting_from
from secondlook.measure.scores import confusion, per_class
from secondlook.show import format as fmt
from secondlook.types import FloatArray, IntArray, Predictions, Row, Run

STATUS_WORDS = {"failed": "failed", "timeout": "out of time", "skipped": "skipped", "ok": ""}


def title(run: Run) -> str:
    """What the data are called: the last part of a path. The whole of it stands under "How it was made"."""
    return PurePath(str(run.data["source"])).name or str(run.data["source"])


def finished(run: Run) -> list[Row]:
    """The rows with test scores, in the run's order."""
    return [r for r in run.rows if r.test_accuracy is not None]


def unfinished(run: Run) -> list[Row]:
    """The rows without test scores, in the run's order."""
    return [r for r in run.rows if r.test_accuracy is None]


def notes(run: Run) -> list[tuple[list[str], str]]:
    """What is to be known of models that have scores, as (models, note); a note that several share stands once."""
    found: dict[str, list[str]] = {}
    for row in finished(run):
        if text := " ".join(row.reason.split()) or STATUS_WORDS[row.status]:
            found.setdefault(text, []).append(row.model)
    return [(models, text) for text, models in found.items()]


def chosen_row(run: Run) -> Row | None:
    """The chosen model's row, or None when no model finished."""
    return next((r for r in finished(run) if r.model == run.chosen), None)


def tied(run: Run) -> set[str]:
    """Models between which and the chosen one no difference is seen on the same test images; the chosen one too."""
    if chosen_row(run) is None:
        return set()
    pairs = {row.model: run.pairs.between(run.chosen, row.model) for row in finished(run)}
    same = {model for model, pair in pairs.items() if pair is not None and pair.verdict == "no difference seen"}
    return {run.chosen, *same}


def times(n: int) -> str:
    """once, twice, 3 times."""
    return {1: "once", 2: "twice"}.get(n, f"{n} times")


def means(run: Run) -> str:
    """What every score is the mean of: "mean of 10 folds (5-fold, twice)"; "" for a single split."""
    if run.cv is None:
        return ""
    k, repeats = run.cv
    return f"mean of {k * repeats:,} folds ({k}-fold, {times(repeats)})"


def leaking(row: Row) -> int:
    """Test items with a twin, or a member of their group, in training or validation."""
    return 0 if row.n_clean is None else (row.n_test or 0) - row.n_clean


def frontier(run: Run) -> list[Row]:
    """The efficient models, by rising size: every other model trains more numbers or is less accurate on test."""
    rows = [r for r in finished(run) if r.trained is not None]
    kept: list[Row] = []
    for row in sorted(rows, key=lambda r: (r.trained or 0, -(r.test_accuracy or 0))):
        if not kept or (row.test_accuracy or 0) > (kept[-1].test_accuracy or 0):
            kept.append(row)
    return kept


def matrix(predictions: Predictions) -> IntArray:
    """Counts, int64 (k, k): the row is the given label, the column the answer. Unlabelled items are left out."""
    known = predictions.labels >= 0
    k = len(predictions.classes)
    return confusion(predictions.labels[known], predictions.predicted[known], k)


def error_shares(counts: IntArray) -> FloatArray:
    """Shares per true class, float64 (k, k); 0 for a class without items."""
    support = counts.sum(axis=1, keepdims=True)
    shares: FloatArray = np.divide(counts, support, out=np.zeros(counts.shape), where=support > 0)
    return shares


def by_recall(counts: IntArray) -> IntArray:
    """The classes' indices, lowest recall first; of equals the one with more items, those without items last."""
    support = counts.sum(axis=1)
    recall = np.where(support > 0, per_class(counts)["recall"], np.inf)
    return np.lexsort((-support, recall)).astype(np.int64)


@dataclass(frozen=True)
class Missed:
    """The class with the lowest recall: how many of its n test images were missed, and the answer given most."""

    name: str
    missed: int
    n: int
    answer: str
    answered: int


def most_missed(counts: IntArray, classes: tuple[str, ...]) -> Missed | None:
    """The class with the lowest recall, or None when nothing was missed."""
    support, hits = counts.sum(axis=1), np.diag(counts)
    if not (support - hits).any():
        return None
    worst = int(by_recall(counts)[0])
    wrong = counts[worst].copy()
    wrong[worst] = 0
    answer = int(wrong.argmax())
    return Missed(classes[worst], int(wrong.sum()), int(support[worst]), classes[answer], int(wrong[answer]))


def top_confusions(counts: IntArray, most: int) -> list[tuple[int, int, int]]:
    """The most frequent confusions as (true class, answer, count), most frequent first."""
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [(int(i // len(wrong)), int(i % len(wrong)), int(wrong.flat[i])) for i in order]
    return [pair for pair in pairs if pair[2] > 0]


def trained_by(run: Run) -> str:
    """The engines that trained the nets: "native fp32", "native fp32 (lenet, mlp) and PyTorch bf16 (convnet)"."""
    models: dict[str, list[str]] = {}
    for row in run.rows:
        if row.engine:
            models.setdefault(row.engine, []).append(row.model)
    if len(models) < 2:
        return "".join(models)
    return fmt.listing([f"{engine} ({', '.join(names)})" for engine, names in models.items()])
