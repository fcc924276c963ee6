"""Every score of every model, and every pair of models, from the stored predictions; and scores.csv."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from statistics import fmean

import numpy as np

from secondlook.measure.fold_card import fold_scorecards
from secondlook.measure.pairs import FoldScores, compare_pairs
from secondlook.measure.scorecard import scorecards
from secondlook.runs.files import write_csv
from secondlook.runs.folds import fold_name
from secondlook.runs.results import most_frequent
from secondlook.runs.store import RunDirectory
from secondlook.types import Folds, ImageSet, Pairs, Predictions, Row, Score, Scores, Split


def model_scores(
    directory: RunDirectory, models: Sequence[str], images: ImageSet, shown: Split, folds: Folds | None, seed: int
) -> dict[str, Scores]:
    """Every score of models on the test part; with folds their means.

    Args:
        models: those with answers, in the table's order.
        shown: the split; with folds it is not looked at.
        seed: gives the bootstrap's draws.
    """
    if not models:
        return {}
    if folds is None:
        said = {model: directory.answers(model, ("test",))["test"] for model in models}
        most = most_frequent(images, shown)
        return scorecards(images.labels[shown.test], said, images.classes, most=most, seed=seed)
    each = [
        (
            images.labels[split.test],
            {model: directory.answers(fold_name(model, i), ("test",))["test"] for model in models},
        )
        for i, split in enumerate(folds.splits)
    ]
    return fold_scorecards(
        each,
        images.classes,
        most=[most_frequent(images, split) for split in folds.splits],
        n_train=fmean(len(split.train) for split in folds.splits),
        repeats=folds.repeats,
    )


def model_pairs(
    directory: RunDirectory,
    models: Sequence[str],
    images: ImageSet,
    shown: Split,
    folds: Folds | None = None,
    rows: Mapping[str, Sequence[Row]] | None = None,
) -> Pairs:
    """Every two models on the same test items.

    Args:
        models: those with answers, in the table's order.
        shown: whose test part the stored answers are of; with folds, every item once.
        folds, rows: with folds, and a row per fold of each model.
    """
    labels = images.labels[shown.test]
    known = labels >= 0
    right = {m: (directory.answers(m, ("test",))["test"].argmax(axis=1) == labels)[known] for m in models}
    groups = None if images.groups is None else images.groups[shown.test][known]
    if folds is None or rows is None:
        return Pairs(compare_pairs(right, groups=groups))
    sizes = [(len(split.train), len(split.test)) for split in folds.splits]
    n_train, n_test = (fmean(size) for size in zip(*sizes, strict=True))
    accuracies = {model: [row.test_accuracy or 0.0 for row in rows[model]] for model in models}
    return Pairs(compare_pairs(right, folds=FoldScores(accuracies, n_train, n_test)))


def write_scores(path: Path, cards: Mapping[str, Scores]) -> None:
    """Writes scores.csv: a line per model, score and class; empty where there is no number."""
    lines = [
        {"model": model}
        | {name: "" if value != value else value for name, value in vars(score).items()}
        | {"of": _written(score.of)}
        for model, card in cards.items()
        for score in card
    ]
    write_csv(path, ["model", *(f.name for f in fields(Score))], lines)


def read_scores(path: Path, model: str, classes: Sequence[str]) -> Scores:
    """The scores of one model, as `write_scores` left them; none where it is not in the file."""
    names = {_written(name): name for name in ("", *classes)}
    with path.open(newline="", encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line["model"] == model]
    return Scores(model, "test", tuple(_score(line, names[line["of"]]) for line in lines))


def _score(line: Mapping[str, str], of: str) -> Score:
    numbers = {name: float(line[name] or "nan") for name in ("value", "low", "high", "chance", "majority")}
    return Score(metric=line["metric"], n=int(line["n"]), of=of, **numbers)


def _written(name: str) -> str:
    """A class's name as UTF-8 can hold it: bytes of a folder's name that are none are written out."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def scores_now(said: Predictions, counts: Sequence[int], seed: int) -> Scores:
    """The scores of one model of a run that was made before scores were kept.

    Args:
        counts: training items per class.
    """
    most = int(np.argmax(counts))
    return scorecards(said.labels, {said.model: said.probabilities}, said.classes, most=most, seed=seed)[said.model]


def pairs_now(said: Sequence[Predictions]) -> Pairs:
    """The pairs of a run that was made before pairs were kept."""
    return Pairs(compare_pairs({one.model: (one.predicted == one.labels)[one.labels >= 0] for one in said}))
