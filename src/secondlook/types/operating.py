"""A model with thresholds of its answers: what they were chosen for, and what they do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Threshold:
    """How sure a model must be of one class.

    `low` and `high` hold 95 % of what draws of the validation items gave; None where that would have taken too long.
    """

    of: str
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class OperatingPoint:
    """One model's thresholds, chosen on validation, and the scores of its answers with them.

    Attributes:
        objective: as it was asked for: "recall:hotdog>=0.9", "macro_f1", "cost".
        met: whether validation could reach a demanded recall or precision; True where none was demanded.
        thresholds: one per class; they sum to 1. The answer is the class with the largest probability / threshold.
        valid, test: scores of the answers with the thresholds: "value" (what the objective names), "accuracy",
            "balanced_accuracy", for an objective of one class its "recall" and "precision"; accuracy, recall and
            precision with the ends "…_low" and "…_high" of their intervals. None where there is nothing to divide by.
        valid_before, test_before: the same of the usual answers, the most probable class.
    """

    model: str
    objective: str
    met: bool
    thresholds: tuple[Threshold, ...]
    valid: Mapping[str, float | None]
    valid_before: Mapping[str, float | None]
    test: Mapping[str, float | None]
    test_before: Mapping[str, float | None]

    def json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "model": self.model,
            "objective": self.objective,
            "met": self.met,
            "thresholds": [vars(threshold) for threshold in self.thresholds],
            "valid": dict(self.valid),
            "valid_before": dict(self.valid_before),
            "test": dict(self.test),
            "test_before": dict(self.test_before),
        }

    def frame(self) -> pd.DataFrame:
        """One line per class: its threshold and the interval of it."""
        import pandas as pd

        return pd.DataFrame([vars(threshold) for threshold in self.thresholds])

    def plot(self, ax: Axes | None = None) -> Axes:
        """The threshold of every class with its interval, beside that of the usual answer, 1/k."""
        from secondlook.show.curves import plot_thresholds

        return plot_thresholds(self, ax)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> OperatingPoint:
        """What `json` gave, read again."""
        thresholds = tuple(Threshold(**threshold) for threshold in document["thresholds"])
        return cls(**{**document, "thresholds": thresholds})
