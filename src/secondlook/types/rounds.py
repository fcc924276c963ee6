"""The rounds of a training that was gone on with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from secondlook.types.arrays import IntArray


@dataclass(frozen=True, eq=False)
class Round:
    """One round of a net's training, judged on the same test items as the others.

    Attributes:
        run: the run's directory, as it was given.
        first, last: its epochs, counted from the beginning of the first round. kept: the one whose weights were kept.
        class_weight, augment: as asked for; "" for none.
        accuracy, low, high: on the test part, with the 95 % Wilson interval.
        balanced_low, balanced_high: the 95 % interval of the balanced accuracy, by the stratified bootstrap; None where
            no draw differs.
        precision, recall: per class, of the test part.
        matrix: int64 (k, k), line = given label, column = answer.
    """

    run: str
    model: str
    first: int
    last: int
    kept: int
    class_weight: str
    augment: str
    accuracy: float
    low: float
    high: float
    balanced_accuracy: float
    balanced_low: float | None
    balanced_high: float | None
    precision: tuple[float, ...]
    recall: tuple[float, ...]
    matrix: IntArray

    def json(self) -> dict[str, Any]:
        """A plain dictionary, in the order of the fields."""
        lists = {"precision": list(self.precision), "recall": list(self.recall), "matrix": self.matrix.tolist()}
        return {**vars(self), **lists}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """A round as `json` wrote it."""
        return cls(
            **{
                **document,
                "precision": tuple(document["precision"]),
                "recall": tuple(document["recall"]),
                "matrix": np.array(document["matrix"], dtype=np.int64),
            }
        )
