"""What every arm offers, and the clock that its passes run by."""

from __future__ import annotations

from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Clock:
    """Counts passes: the first is not timed, those after it are, until they took long enough together.

    With `passes` there are so many, however long they take.
    """

    def __init__(self, seconds: float, passes: int = 0) -> None:
        self.seconds, self.passes, self.ends = seconds, passes, list[float]()

    def lap(self) -> bool:
        """At the end of a pass: whether there is to be another."""
        self.ends.append(perf_counter())
        if self.passes:
            return len(self.ends) < self.passes
        return len(self.ends) < 2 or self.ends[-1] - self.ends[0] < self.seconds


class Arm(Protocol):
    """A net with its optimiser and images, made from a `Task`."""

    detail: str  # what it chose, or with which options it runs
    device: str

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the net says of images (n, h, w, c), without dropout: (n, k)."""

    def train(self, clock: Clock) -> Any:
        """Whole passes, each in a new order of the images, until the clock says so."""
