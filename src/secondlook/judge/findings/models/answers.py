"""M101, M102, M106: what the answers are worth, beside answering without looking."""

from __future__ import annotations

import numpy as np

from secondlook.judge.findings.models.context import (
    IF_CHOSEN,
    ModelsContext,
    needs_classes,
    needs_models,
    others,
)
from secondlook.judge.findings.words import many, percent, quoted, verb
from secondlook.judge.registry import Check
from secondlook.measure.guessing import agreement_p, binomial_p, binomial_power
from secondlook.measure.scores import per_class
from secondlook.types import Finding, IntArray, Item, Row

# How far the majority is on the way from chance to all, as for D201: 75 % and 60 % of two classes.
_FAR, _SOME = 0.5, 0.2
# Accuracy so far above balanced accuracy hides something.
_HIDES = 0.05
# A class is almost never answered where it has under a tenth as many answers as images, of which five at least.
_ANSWERED, _FEWEST = 0.1, 5
_ALPHA, _POWER = 0.05, 0.8


def _misleads(context: ModelsContext) -> Finding | None:
    chance, majority = context.chance, context.majority
    way = (majority - chance) / (1 - chance)
    hidden = [row for row in context.judged if _gap(row) >= _HIDES]
    if way < _SOME or (way < _FAR and not hidden):
        return None
    tested = np.array(context.counts["test"])
    n, rare = int(tested.sum()), int(np.where(tested > 0, tested, tested.max() + 1).argmin())
    major, name = context.classes[int(np.argmax(context.counts["train"]))], context.classes[rare]
    lazy = f"always answering '{major}' is right for {percent(majority)} of {n:,} test images"
    more, items = _found_of(context, rare) if context.judged else ("", ())
    return Finding(
        code="M101",
        title=f"Accuracy misleads here: {lazy}{more}.",
        severity="warning",
        evidence={
            "n": n,
            "majority_class": major,
            "majority_accuracy": majority,
            "chance": chance,
            "rare_class": name,
            "rare_images": int(tested[rare]),
            "accuracy": {row.model: row.test_accuracy for row in context.judged},
            "balanced_accuracy": {row.model: row.test_balanced_accuracy for row in context.judged},
            "recall_of_the_rare_class": {row.model: _recall(context, row, rare) for row in context.judged},
        },
        advice=(
            f"Read balanced accuracy and the recall of '{name}' instead. Class weights (--class-weight balanced) or a "
            "threshold (--objective) raise that recall, at the price of false alarms."
        ),
        items=items,
    )


def _found_of(context: ModelsContext, rare: int) -> tuple[str, tuple[Item, ...]]:
    """What the chosen model's accuracy hides, and the images of the rare class that it misses."""
    best = context.judged[0]
    said = context.predictions(best.model)
    missed = np.flatnonzero((said.labels == rare) & (said.predicted != rare))
    n = int(np.count_nonzero(said.labels == rare))
    text = (
        f"; {best.model} for {percent(best.test_accuracy or 0)}, but it finds {percent(_recall(context, best, rare))} "
        f"of the {many(n, 'image')} of '{context.classes[rare]}' (balanced accuracy "
        f"{percent(best.test_balanced_accuracy or 0)})"
    )
    return text, context.surest(said, missed)


def _recall(context: ModelsContext, row: Row, of: int) -> float:
    return float(per_class(context.matrix(row.model))["recall"][of])


def _gap(row: Row) -> float:
    """How far accuracy is above balanced accuracy."""
    return (row.test_accuracy or 0) - (row.test_balanced_accuracy or 0)


def _never(context: ModelsContext) -> Finding | None:
    found = {row.model: lost for row in context.judged if len(lost := _unanswered(context.matrix(row.model)))}
    if not found:
        return None
    model, lost = next(iter(found.items()))
    said = context.predictions(model)
    support, answers = context.matrix(model).sum(axis=1), context.matrix(model).sum(axis=0)
    names = [context.classes[c] for c in lost]
    how = "never" if not answers[lost].any() else "almost never"
    which = quoted(names) if len(names) > 1 else f"'{names[0]}'"
    title = (
        f"{model} {how} answers {which}: {many(int(answers[lost].sum()), 'answer')} for "
        f"{many(int(support[lost].sum()), 'test image')}"
    )
    return Finding(
        code="M102",
        title=f"{title}{others([*found])}.",
        severity=context.weight(found),
        evidence={
            "n": len(said.labels),
            "answers": {
                m: {context.classes[c]: int(context.matrix(m)[:, c].sum()) for c in lost} for m, lost in found.items()
            },
            "images": {
                context.classes[c]: int(support[c]) for c in sorted({int(c) for of in found.values() for c in of})
            },
        },
        advice=(
            f"What {model} says of the other classes tells nothing of {verb(len(names), 'this one', 'these')}. Give it "
            "more images of them, or weigh the classes (--class-weight balanced)."
        ),
        items=context.surest(said, np.flatnonzero(np.isin(said.labels, lost))),
    )


def _unanswered(matrix: IntArray) -> IntArray:
    """Classes that are tested but never or almost never answered, the largest first."""
    images, answers = matrix.sum(axis=1), matrix.sum(axis=0)
    lost = np.flatnonzero((images >= _FEWEST) & (answers <= _ANSWERED * images))
    return np.asarray(lost[np.argsort(-images[lost], kind="stable")])


def guessers(context: ModelsContext) -> dict[str, dict[str, float]]:
    """The models that cannot be told from guessing, with how likely guesses would do so well."""
    bar = max(context.chance, context.majority)
    tests = {row.model: _tests(context.matrix(row.model), bar) for row in context.judged}
    return {model: tested for model, tested in tests.items() if min(tested.values()) > _ALPHA}


def _guesses(context: ModelsContext) -> Finding | None:
    n = len(context.predictions(context.judged[0].model).labels)
    bar = max(context.chance, context.majority)
    found = guessers(context)
    if not found:
        return None
    model = next(iter(found))
    hits = {m: int(np.trace(context.matrix(m))) for m in found}
    lazy = "the most frequent class" if context.majority > context.chance else "chance"
    # On so few images even a good model may look like a guess: that is the test part's fault.
    telling = binomial_power(n, bar, (1 + bar) / 2, alpha=_ALPHA) >= _POWER
    return Finding(
        code="M106",
        title=(
            f"{model} cannot be told from a guess: {hits[model]:,} of {many(n, 'test image')} right "
            f"({percent(hits[model] / n)}), where {lazy} gets {percent(bar)}"
            f"{others([*found])}."
        ),
        severity="serious" if context.chosen in found and telling else "warning",
        evidence={
            "n": n,
            "right": hits,
            "chance": context.chance,
            "majority": context.majority,
            "p_above_the_better_of_both": {m: found[m]["binomial"] for m in found},
            "p_answers_depend_on_labels": {m: found[m]["agreement"] for m in found},
        },
        advice=(
            "Do not use such a model, and draw nothing from its order in the table. Either these images do not show "
            "what they are labelled by, or this kind of model cannot see it; more test images would tell a small "
            "effect from none."
        ),
    )


def _tests(matrix: IntArray, bar: float) -> dict[str, float]:
    """How likely guesses would do so well: in hits, and in agreement with the labels."""
    n = int(matrix.sum())
    return {"binomial": binomial_p(int(np.trace(matrix)), n, bar), "agreement": agreement_p(matrix)}


CHECKS: tuple[Check[ModelsContext], ...] = (
    Check(
        "M101",
        "Accuracy that misleads, since always answering the most frequent class gets far; what to read instead.",
        needs_classes,
        _misleads,
        "warning, where the majority is half of the way from chance to perfect (75 % of two classes), or a fifth of it "
        f"(60 %) and a model's accuracy is {100 * _HIDES:g} points above its balanced accuracy",
    ),
    Check(
        "M102",
        f"Classes that a model never or almost never answers: under a tenth as many answers as test images, of which "
        f"there are {_FEWEST} at least.",
        needs_models,
        _never,
        IF_CHOSEN,
    ),
    Check(
        "M106",
        "Models that cannot be told from guessing: neither more hits than chance and the most frequent class get "
        "(exact binomial test), nor answers that depend on the labels (test of Cohen's kappa), both at 5 %.",
        needs_models,
        _guesses,
        "warning; serious where it is the chosen model, on a test part that would have shown a model half-way between "
        "a guess and perfect, four times out of five",
    ),
)
