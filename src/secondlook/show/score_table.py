"""Every score of the chosen model, as the report's table shows it."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from secondlook.show import format as fmt
from secondlook.show.facts import chosen_row
from secondlook.show.score_names import LOSSES, MEANINGS, score_name
from secondlook.types import Run, Score, Scores

_PROBABILITIES = ("log_loss", "brier", "expected_calibration_error", "roc_auc", "average_precision", "top_3", "top_5")


@dataclass(frozen=True)
class ScoreLine:
    """One score: its name, what it means, and its cells as text."""

    name: str
    meaning: str
    value: str
    interval: str
    chance: str
    majority: str


@dataclass(frozen=True)
class ScoreTable:
    """Scores of the answers, then of the probabilities behind them."""

    model: str
    answers: tuple[ScoreLine, ...]
    probabilities: tuple[ScoreLine, ...]


def score_table(run: Run) -> ScoreTable | None:
    """The scores of all classes together; None where no model finished or none are kept."""
    scores = chosen_scores(run)
    if scores is None:
        return None
    lines = {score.metric: _line(score) for score in scores if not score.of}
    return ScoreTable(
        run.chosen,
        tuple(line for metric, line in lines.items() if metric not in _PROBABILITIES),
        tuple(line for metric, line in lines.items() if metric in _PROBABILITIES),
    )


def chosen_scores(run: Run) -> Scores | None:
    """The chosen model's scores; None where no model finished or none are kept."""
    from secondlook.errors import RunError

    try:
        return run.scores() if chosen_row(run) is not None else None
    except RunError:
        return None


def _line(score: Score) -> ScoreLine:
    half = fmt.half_width(score.value, score.low, score.high) if isfinite(score.low) else None
    digits = fmt.decimals(half)

    def text(value: float) -> str:
        if not isfinite(value):
            return fmt.MISSING
        if score.metric in ("log_loss", "brier"):
            return fmt.loss(value)
        value = round(value, 12)  # a correlation of 1e-17 is none
        return f"−{fmt.share(-value, digits=digits)}" if value < 0 else fmt.share(value, digits=digits)

    name = score_name(score.metric) + (" (lower is better)" if score.metric in LOSSES else "")
    interval = f"{text(score.low)} to {text(score.high)}" if isfinite(score.low) else fmt.MISSING
    return ScoreLine(
        name, MEANINGS.get(score.metric, ""), text(score.value), interval, text(score.chance), text(score.majority)
    )
