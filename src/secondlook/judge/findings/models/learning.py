"""M103, M104, M105, M107: how models learnt, from their curves and from what they say of their own training images."""

from __future__ import annotations

import numpy as np

from secondlook import seeds
from secondlook.judge.findings.models.context import (
    IF_CHOSEN,
    ModelsContext,
    needs_models,
    needs_nets,
    others,
)
from secondlook.judge.findings.words import percent
from secondlook.judge.registry import Check
from secondlook.measure.bootstrap import draw_margins
from secondlook.measure.learning import falling_at_end, overfitting_from
from secondlook.measure.scores import balanced_accuracy, overall
from secondlook.types import Finding, Row

# Points of accuracy: a training score so far below what another model reaches, and so far above the test score.
_BELOW, _ABOVE = 0.05, 0.10
_ERRORS = 2.0
# A fall of the loss by less than this, in nats, moves no score: what is left of a perfect net's loss shrinks for ever.
_GAIN = 0.01
_DRAWS = 400
# Training that came to its end by itself; what patience stopped had stopped improving.
_BY_PATIENCE = "no lower validation loss"


def _overfits(context: ModelsContext) -> Finding | None:
    starts = {model: start for model, history in context.learnt.items() if (start := overfitting_from(history))}
    if not starts:
        return None
    model, start = next(iter(starts.items()))
    history = context.learnt[model]
    losses = {epoch.epoch: epoch for epoch in history.epochs}
    last, kept = history.epochs[-1], history.best
    fold = " (in the first fold)" if context.folds else ""
    weighted = "weighted " if last.weighted else ""
    return Finding(
        code="M103",
        title=(
            f"{model} overfits from epoch {start} of {last.epoch}{fold}: its {weighted}validation loss rises from "
            f"{losses[start].valid_weighted_loss:.3g} to {last.valid_weighted_loss:.3g} while its training loss falls "
            f"from {losses[start].train_weighted_loss:.3g} to {last.train_weighted_loss:.3g}"
            f"{others([*starts])}."
        ),
        severity=context.weight(starts),
        evidence={
            "n": len(context.predictions(model, "valid").labels),
            "from_epoch": starts,
            "epochs": {m: context.learnt[m].epochs[-1].epoch for m in starts},
            "kept_epoch": {m: context.learnt[m].best for m in starts},
        },
        advice=(
            f"{_kept(kept, start)} More epochs will not help; more images, --augment auto, dropout or a smaller net "
            "may."
        ),
    )


def _kept(kept: int, start: int) -> str:
    if kept > start:
        return f"The weights of epoch {kept} were kept, as asked for: keep=best in --recipe takes the best epoch's."
    return f"Nothing is lost: the weights of epoch {kept} were kept."


def _underfits(context: ModelsContext) -> Finding | None:
    train = {row.model: _balanced(context, row, "train") for row in context.judged}
    valid = {row.model: _balanced(context, row, "valid") for row in context.judged}
    best = max(valid, key=lambda model: valid[model][0])
    top, top_error = valid[best]
    found = []
    for row in context.judged:
        (value, error), (held, _) = train[row.model], valid[row.model]
        below = top - value
        if below > max(_BELOW, _ERRORS * float(np.hypot(error, top_error))) and value - held <= below / 2:
            found.append(row.model)
    if not found:
        return None
    model = found[0]
    return Finding(
        code="M104",
        title=(
            f"{model} underfits: averaged over the classes it is right for {percent(train[model][0])} even of its own "
            f"training images ({percent(valid[model][0])} in validation), where {best} gets {percent(top)} in "
            f"validation{others(found)}."
        ),
        severity="info",
        evidence={
            "n": len(context.predictions(model, "train").labels),
            "best": best,
            "valid_of_the_best": top,
            "train": {m: train[m][0] for m in found},
            "valid": {m: valid[m][0] for m in found},
        },
        advice=(
            "More images will not help such a model: it cannot express what decides here, or was trained too little. "
            "Take a larger one, more epochs, or weaker regularisation."
        ),
    )


def _balanced(context: ModelsContext, row: Row, part: str) -> tuple[float, float]:
    """Balanced accuracy on a part, and its standard error over other images of the same classes."""
    matrix = context.matrix(row.model, part)  # type: ignore[arg-type]  # train or valid
    drawn = overall(draw_margins(matrix, seeds.stream(0, "bootstrap", "underfitting"), _DRAWS))["balanced_accuracy"]
    return balanced_accuracy(matrix), float(drawn.std())


def _improving(context: ModelsContext) -> Finding | None:
    found = {}
    for model, history in context.learnt.items():
        fall = 0.0 if history.ended.startswith(_BY_PATIENCE) else falling_at_end(history)
        if fall / (1 - fall) * history.epochs[-1].valid_weighted_loss >= _GAIN:
            found[model] = fall
    if not found:
        return None
    model, fall = next(iter(found.items()))
    history = context.learnt[model]
    last = history.epochs[-1].epoch
    return Finding(
        code="M105",
        title=(
            f"{model} was still improving when its training stopped at epoch {last} ({history.ended}): over the last "
            f"fifth of the epochs its validation loss fell by {percent(fall)}{others([*found])}."
        ),
        severity=context.weight(found),
        evidence={
            "n": len(context.predictions(model, "valid").labels),
            "fall_over_the_last_fifth": found,
            "epochs": {m: context.learnt[m].epochs[-1].epoch for m in found},
            "kept_epoch": {m: context.learnt[m].best for m in found},
            "ended": {m: context.learnt[m].ended for m in found},
        },
        advice="Train longer (--epochs, --limit, or go on from this run with --continue): its score may be too low.",
    )


def _gap(context: ModelsContext) -> Finding | None:
    found = [row for row in context.judged if _apart(row)]
    if not found:
        return None
    row = found[0]
    train, test = row.train_accuracy or 0, row.test_accuracy or 0
    return Finding(
        code="M107",
        title=(
            f"{row.model} is right for {percent(train)} of the images it learnt from and {percent(test)} of the test "
            f"images: {100 * (train - test):.0f} points are learnt by heart"
            f"{others([r.model for r in found])}."
        ),
        severity=context.weight([r.model for r in found]),
        evidence={
            "n": row.n_test,
            "train": {r.model: r.train_accuracy for r in found},
            "test": {r.model: r.test_accuracy for r in found},
            "gap": {r.model: (r.train_accuracy or 0) - (r.test_accuracy or 0) for r in found},
        },
        advice=(
            "Read the test column. More or more varied training images (--augment auto) narrow such a gap. Forests and "
            "nearest neighbours have it by their nature: they answer their own training images from memory."
        ),
    )


def _apart(row: Row) -> bool:
    """Whether the training score is far above the test score, beyond what their intervals allow."""
    train, test = row.train_accuracy, row.test_accuracy
    if train is None or test is None:
        return False
    # With folds there is no interval of the training score.
    low = train if row.train_low is None else row.train_low
    return train - test >= _ABOVE and low > (test if row.test_high is None else row.test_high)


CHECKS: tuple[Check[ModelsContext], ...] = (
    Check(
        "M103",
        "Nets that overfit, and from which epoch: the validation loss rises, beyond its noise and by 2 % at least, "
        "while the training loss falls. With folds, in the first.",
        needs_nets,
        _overfits,
        IF_CHOSEN,
    ),
    Check(
        "M104",
        f"Models that underfit: {100 * _BELOW:g} points or more below what the best model reaches in validation, and "
        "so already on their own training images (balanced accuracy, two standard errors). With folds, in the first.",
        needs_models,
        _underfits,
        "info",
    ),
    Check(
        "M105",
        "Nets that were still improving when training stopped: over the last fifth of the epochs the validation loss "
        f"fell by 2 % or more, by {_GAIN} or more, and beyond its noise. With folds, in the first.",
        needs_nets,
        _improving,
        IF_CHOSEN,
    ),
    Check(
        "M107",
        f"Models whose accuracy is {100 * _ABOVE:g} points or more higher on train than on test, with intervals that "
        "do not overlap.",
        needs_models,
        _gap,
        IF_CHOSEN,
    ),
)
