"""Every score of a model over the folds of a cross-validation: means, with Nadeau and Bengio's intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from statistics import fmean
from typing import Any

from numpy.typing import NDArray

from secondlook.measure.intervals import nadeau_bengio, wilson
from secondlook.measure.scorecard import BOUNDS, plain_scores
from secondlook.types import IntArray, Part, Score, Scores

# Shares of so many items: where all folds agree they have Wilson's interval.
_PROPORTIONS = ("accuracy", "weighted_recall", "precision", "recall")
# One fold: the labels of its test items, and what each model said of them.
Fold = tuple[IntArray, Mapping[str, NDArray[Any]]]


def fold_interval(values: Sequence[float], n_train: float, n_test: float, n: int) -> tuple[float, float]:
    """The interval of a mean accuracy over folds: Nadeau and Bengio's, or Wilson's for n items where all are equal."""
    if max(values) - min(values) < 1e-12:
        return wilson(round(fmean(values) * n), n)
    return nadeau_bengio(values, n_train, n_test)


def fold_scorecards(
    folds: Sequence[Fold],
    classes: Sequence[str],
    *,
    most: Sequence[int],
    n_train: float,
    repeats: int,
    part: Part = "test",
) -> dict[str, Scores]:
    """The scores of models over folds, by model.

    Args:
        folds: repeat by repeat. most: for each, the class that is most frequent in its training part.
        n_train: items of a training part, on average.
        repeats: how often each item is tested; a score's `n` counts each once.
    """
    n_test = fmean(len(labels) for labels, _ in folds)
    found = {}
    for model in folds[0][1]:
        cards = [
            plain_scores(labels, said[model], classes, most=lazy)
            for (labels, said), lazy in zip(folds, most, strict=True)
        ]
        each = [_mean(one, n_train, n_test, repeats) for one in zip(*cards, strict=True)]
        found[model] = Scores(model, part, tuple(each))
    return found


def _mean(scores: Sequence[Score], n_train: float, n_test: float, repeats: int) -> Score:
    """One score from that of each fold; folds in which it is not defined are left out."""
    values = [score.value for score in scores if isfinite(score.value)]
    n = round(sum(score.n for score in scores) / repeats)
    first = scores[0]
    if first.metric == "support":
        return Score("support", float(n), nan, nan, n, float(n), float(n), first.of)
    low = high = nan
    if len(values) > 1 and (first.metric in _PROPORTIONS or first.metric.startswith("top_")):
        low, high = fold_interval(values, n_train, n_test, n)
    elif len(values) > 1 and max(values) - min(values) > 1e-12:
        low, high = nadeau_bengio(values, n_train, n_test, bounds=BOUNDS.get(first.metric, (0, 1)))
    chance, majority = (_known([getattr(score, name) for score in scores]) for name in ("chance", "majority"))
    return Score(first.metric, _known(values), low, high, n, chance, majority, first.of)


def _known(values: Sequence[float]) -> float:
    """The mean of what is a number, NaN where nothing is."""
    known = [value for value in values if isfinite(value)]
    return fmean(known) if known else nan
