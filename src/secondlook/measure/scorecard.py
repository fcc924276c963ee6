"""Every score of a model from one set of stored probabilities, each with its 95 % interval and what no model gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf, isfinite, log, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.measure import calibration, ranking
from secondlook.measure.bootstrap import DRAWS, draw_margins, draw_means, percentiles
from secondlook.measure.intervals import wilson
from secondlook.measure.probabilities import brier_losses, log_losses, top_hits
from secondlook.measure.scores import Margins, by_class, confusion, overall
from secondlook.types import FloatArray, IntArray, Part, Score, Scores

# Hits among so many of the most probable classes, where there are more classes than that.
TOPS = (3, 5)
# What a score cannot leave; the others stay between 0 and 1.
BOUNDS: Mapping[str, tuple[float, float]] = {"mcc": (-1, 1), "kappa": (-1, 1), "log_loss": (0, inf), "brier": (0, 2)}
# The interval of an accuracy is Wilson's, by whatever name.
_ACCURACIES = ("accuracy", "weighted_recall")

Values = dict[tuple[str, str], float]
Interval = tuple[float, float]


def scorecards(
    labels: IntArray,
    probabilities: Mapping[str, NDArray[Any]],
    classes: Sequence[str],
    *,
    most: int,
    seed: int = 0,
    part: Part = "test",
    draws: int = DRAWS,
) -> dict[str, Scores]:
    """The scores of models on the same items, by model.

    Proportions (accuracy, recall, precision, top-k) have Wilson's interval; ROC-AUC and average precision that of the
    infinitesimal jackknife, see `ranking`; all else that of the stratified bootstrap, see `bootstrap`. The same draws
    of items serve all models.

    Args:
        labels: int64 (n,), -1 where unknown: these items are left out.
        probabilities: (n, k) by model.
        classes: k names.
        most: the class that is most frequent in training, which the lazy answer always gives.
        seed: gives the draws.
    """
    known = labels >= 0
    everything = bool(known.all())
    said = {model: table if everything else table[known] for model, table in probabilities.items()}
    labels = labels[known]
    if not len(labels):
        return {model: Scores(model, part, ()) for model in said}
    costs = {model: _per_item(labels, table) for model, table in said.items()}
    means = draw_means(np.concatenate([*costs.values()], axis=1), labels, seeds.stream(seed, "bootstrap"), draws)
    found = {}
    for (model, table), drawn in zip(said.items(), np.split(means, len(said), axis=1), strict=True):
        matrix = confusion(labels, table.argmax(axis=1), len(classes))
        rng = seeds.stream(seed, "bootstrap", model)
        intervals = _of_counts(matrix, classes, draw_margins(matrix, rng, draws)) | _of_means(costs[model], drawn)
        ranks, ranked = _of_ranks(labels, table, classes)
        intervals |= ranks | _of_tops(labels, table)
        values = _count_values(Margins.of(matrix), classes) | _mean_values(labels, table) | ranked
        found[model] = Scores(model, part, _assembled(values, intervals, labels, matrix, classes, most))
    return found


def plain_scores(
    labels: IntArray, probabilities: NDArray[Any], classes: Sequence[str], *, most: int
) -> tuple[Score, ...]:
    """The scores of one model without their intervals; arguments as for `scorecards`."""
    known = labels >= 0
    labels, probabilities = labels[known], probabilities[known]
    matrix = confusion(labels, probabilities.argmax(axis=1), len(classes))
    values = _count_values(Margins.of(matrix), classes) | _mean_values(labels, probabilities)
    return _assembled(values | _of_ranks(labels, probabilities, classes)[1], {}, labels, matrix, classes, most)


def no_model(labels: IntArray, classes: Sequence[str], most: int) -> tuple[Values, Values]:
    """What guessing evenly, and what always answering the class `most` gets; without what is no number.

    Guessing gives each class 1/k of the answers, rightly as often as the class occurs, and says 1/k of each.
    """
    k, n = len(classes), len(labels)
    support = np.bincount(labels, minlength=k)
    lazy = np.arange(k) == most
    chance = _count_values(Margins(support / k, np.full(k, n / k), support), classes)
    majority = _count_values(Margins(support * lazy, n * lazy, support), classes)
    chance |= {("log_loss", ""): log(k), ("brier", ""): (1 - 1 / k) * (0.5 if k == 2 else 1)}
    chance |= {(f"top_{top}", ""): top / k for top in TOPS}
    shares = {name: float(share) for name, share in zip(classes, support / n, strict=True) if 0 < share < 1}
    for values in (chance, majority):
        values |= {("roc_auc", name): 0.5 for name in shares}
        values |= {("average_precision", name): share for name, share in shares.items()}
        if shares:
            values["roc_auc", ""], values["average_precision", ""] = 0.5, float(np.mean([*shares.values()]))
    return chance, majority


def _per_item(labels: IntArray, said: NDArray[Any]) -> FloatArray:
    """Log-loss, Brier and what each item adds to the calibration error's bins, float64 (n, 2 + bins)."""
    losses = [log_losses(labels, said)[:, None], brier_losses(labels, said)[:, None]]
    return np.concatenate([*losses, calibration.surplus(labels, said)], axis=1)


def _named(means: FloatArray) -> dict[str, FloatArray]:
    """The scores made of means of `_per_item`, (…, 2 + bins) to (…) each."""
    return {
        "log_loss": means[..., 0],
        "brier": means[..., 1],
        "expected_calibration_error": calibration.calibration_error(means[..., 2:]),
    }


def _count_values(counts: Margins, classes: Sequence[str]) -> Values:
    found: Values = {(name, ""): float(value) for name, value in overall(counts).items()}
    for name, values in {**by_class(counts), "support": counts.labels}.items():
        found |= {(name, c): float(value) for c, value in zip(classes, values, strict=True)}
    return found


def _mean_values(labels: IntArray, said: NDArray[Any]) -> Values:
    found: Values = {(name, ""): float(value) for name, value in _named(_per_item(labels, said).mean(axis=0)).items()}
    tops = (top for top in TOPS if top < said.shape[1])
    return found | {(f"top_{top}", ""): float(top_hits(labels, said, top).mean()) for top in tops}


def _of_counts(matrix: IntArray, classes: Sequence[str], drawn: Margins) -> dict[tuple[str, str], Interval]:
    counts = Margins.of(matrix)
    values, hits, n = overall(counts), int(counts.hits.sum()), int(counts.labels.sum())
    found = {
        (name, ""): percentiles(float(values[name]), draws, *BOUNDS.get(name, (0, 1)))
        for name, draws in overall(drawn).items()
    }
    found |= {(name, ""): wilson(hits, n) for name in _ACCURACIES}
    f1, drawn_f1 = by_class(counts)["f1"], by_class(drawn)["f1"]
    for c, name in enumerate(classes):
        right, answers, labels = int(counts.hits[c]), int(counts.answers[c]), int(counts.labels[c])
        found["precision", name] = wilson(right, answers) if answers else (nan, nan)
        found["recall", name] = wilson(right, labels) if labels else (nan, nan)
        found["f1", name] = percentiles(float(f1[c]), drawn_f1[:, c], 0, 1)
    return found


def _of_means(costs: FloatArray, drawn: FloatArray) -> dict[tuple[str, str], Interval]:
    values, draws = _named(costs.mean(axis=0)), _named(drawn)
    return {(name, ""): percentiles(float(values[name]), draws[name], *BOUNDS.get(name, (0, 1))) for name in values}


def _of_tops(labels: IntArray, said: NDArray[Any]) -> dict[tuple[str, str], Interval]:
    tops = (top for top in TOPS if top < said.shape[1])
    return {(f"top_{top}", ""): wilson(int(top_hits(labels, said, top).sum()), len(labels)) for top in tops}


def _of_ranks(
    labels: IntArray, said: NDArray[Any], classes: Sequence[str]
) -> tuple[dict[tuple[str, str], Interval], Values]:
    """Intervals and values of the ranking scores: of each class that has items and others, and their mean."""
    counts = np.bincount(labels, minlength=len(classes))
    pairs = np.minimum(counts, len(labels) - counts)
    intervals: dict[tuple[str, str], Interval] = {}
    values: Values = {}
    slopes = {name: np.zeros(len(labels)) for name in ("roc_auc", "average_precision")}
    present = np.flatnonzero(pairs)
    for c, of in enumerate(classes):
        for name, (value, slope) in ranking.ranked(labels == c, said[:, c]).items():
            values[name, of] = value
            intervals[name, of] = ranking.interval(value, slope, labels, int(pairs[c]))
            slopes[name] += slope
    for name, total in slopes.items():
        mean = float(np.mean([values[name, classes[int(c)]] for c in present])) if len(present) else nan
        values[name, ""] = mean
        fewest = int(pairs[present].min(initial=len(labels)))
        intervals[name, ""] = ranking.interval(mean, total / max(len(present), 1), labels, fewest)
    return intervals, values


def _assembled(
    values: Values,
    intervals: Mapping[tuple[str, str], Interval],
    labels: IntArray,
    matrix: IntArray,
    classes: Sequence[str],
    most: int,
) -> tuple[Score, ...]:
    """Scores of all classes first, then class by class."""
    chance, majority = no_model(labels, classes, most)
    answers = dict(zip(classes, matrix.sum(axis=0).tolist(), strict=True))
    support = dict(zip(classes, matrix.sum(axis=1).tolist(), strict=True))
    place = {name: i for i, name in enumerate(("", *classes))}
    found = []
    for key in sorted(values, key=lambda key: place[key[1]]):  # a stable sort: metrics keep their order
        metric, of = key
        n = len(labels) if not of else answers[of] if metric == "precision" else support[of]
        low, high = intervals.get(key, (nan, nan))
        if not isfinite(values[key]):
            low, high = nan, nan
        found.append(Score(metric, values[key], low, high, n, chance.get(key, nan), majority.get(key, nan), of))
    return tuple(found)
