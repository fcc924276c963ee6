"""M108: probabilities that do not mean what they say, and the temperature that repairs them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.judge.findings.models.answers import guessers
from secondlook.judge.findings.models.context import IF_CHOSEN, ModelsContext, needs_models, others
from secondlook.judge.findings.words import percent
from secondlook.judge.registry import Check
from secondlook.measure.calibration import (
    BINS,
    bin_of,
    calibration_error,
    expected_calibration_error,
    temperature,
)
from secondlook.types import Finding, FloatArray, Predictions

# A calibration error worth a finding, and what chance alone exceeds in 5 % of all cases.
_ERROR, _QUANTILE, _DRAWS = 0.05, 0.95, 1000
# Wrong answers so sure are listed.
_SURE = 0.9


@dataclass(frozen=True)
class _Repair:
    """One model's calibration on test: before, after division by the temperature that validation gives, by chance."""

    before: float
    after: float
    by_chance: float
    temperature: float
    confidence: float
    accuracy: float


def _miscalibrated(context: ModelsContext) -> Finding | None:
    # The probabilities of a guesser say nothing, and no temperature helps.
    models = [row.model for row in context.judged if row.model not in guessers(context)]
    found = {model: made for model in models if (made := _repair(context, model))}
    if not found:
        return None
    model, worst = next(iter(found.items()))
    said = context.predictions(model)
    how = "too sure" if worst.confidence > worst.accuracy else "not sure enough"
    wrong = np.flatnonzero((said.predicted != said.labels) & (said.probabilities.max(axis=1) >= _SURE))
    return Finding(
        code="M108",
        title=(
            f"{model} is {how}: on the test images its answers claim {percent(worst.confidence)} on average and are "
            f"right for {percent(worst.accuracy)} (calibration error {_three(worst.before)}). A temperature of "
            f"{worst.temperature:.2f}, fitted on validation, brings the error to {_three(worst.after)}"
            f"{others([*found])}."
        ),
        severity=context.weight(found),
        evidence={
            "n": len(said.labels),
            "temperature": {m: made.temperature for m, made in found.items()},
            "calibration_error": {m: made.before for m, made in found.items()},
            "after_the_temperature": {m: made.after for m, made in found.items()},
            "expected_by_chance_at_most": {m: made.by_chance for m, made in found.items()},
            "mean_confidence": {m: made.confidence for m, made in found.items()},
            "accuracy": {m: made.accuracy for m, made in found.items()},
        },
        advice=(
            "Do not read its probabilities as such. Divide the logarithms of its probabilities by the temperature and "
            "normalise them again (softmax): no answer changes, only how sure it is."
        ),
        items=context.surest(said, wrong),
    )


def _repair(context: ModelsContext, model: str) -> _Repair | None:
    """What a temperature does to a model that is miscalibrated on test; None for one that is not."""
    test, valid = context.predictions(model), context.predictions(model, "valid")
    before = expected_calibration_error(test.labels, test.probabilities)
    if before < _ERROR or before <= (by_chance := _by_chance(test.probabilities)) or not len(valid.labels):
        return None
    found = temperature(_logs(valid.probabilities), valid.labels, smooth=True)
    after = expected_calibration_error(test.labels, _cooled(test.probabilities, found))
    return _Repair(
        before,
        after,
        by_chance,
        found,
        confidence=float(test.probabilities.max(axis=1).mean()),
        accuracy=_accuracy(test),
    )


def _by_chance(probabilities: NDArray[np.float32]) -> float:
    """The calibration error that a model with these very probabilities, all true, exceeds in 5 % of all test sets."""
    sure = probabilities.max(axis=1).astype(np.float64)
    # Hits in a bin are a sum of independent draws: their mean is off by a normal amount of this spread.
    spread = np.sqrt(np.bincount(bin_of(sure), sure * (1 - sure), BINS)) / len(sure)
    rng = seeds.stream(0, "bootstrap", "calibration")
    return float(np.quantile(calibration_error(rng.standard_normal((_DRAWS, BINS)) * spread), _QUANTILE))


def _logs(probabilities: NDArray[np.float32]) -> FloatArray:
    return np.asarray(np.log(np.maximum(probabilities, np.finfo(np.float32).eps), dtype=np.float64))


def _cooled(probabilities: NDArray[np.float32], by: float) -> FloatArray:
    from scipy.special import softmax

    return np.asarray(softmax(_logs(probabilities) / by, axis=1))


def _accuracy(said: Predictions) -> float:
    return float((said.predicted == said.labels).mean())


def _three(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _needs_one_fit(context: ModelsContext) -> str:
    if context.folds:
        return "with folds every part is answered by models of its own"
    return needs_models(context)


CHECKS: tuple[Check[ModelsContext], ...] = (
    Check(
        "M108",
        f"Models whose probabilities are off: an expected calibration error of {_three(_ERROR)} or more on test, "
        "beyond what chance explains; the temperature that repairs it, fitted on validation, and the error it leaves. "
        "Not with folds, nor of models that cannot be told from guessing.",
        _needs_one_fit,
        _miscalibrated,
        IF_CHOSEN,
    ),
)
