"""What takes the steps of training. An engine knows nothing of epochs, patience or limits: see `models.train`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from secondlook.types import IntArray

Weights = Mapping[str, NDArray[Any]]


class Engine(Protocol):
    """Holds a net's weights, its optimiser and the data; takes steps and predicts."""

    def step(self, items: IntArray, learning_rate: float) -> None:
        """One optimiser step on the training items with these indices."""

    def objective(self) -> float:
        """Mean of the (weighted) loss over the images of all steps since the last call."""

    def evaluate(self, part: Literal["train", "valid"], items: IntArray | None = None) -> tuple[float, float]:
        """Plain mean cross-entropy (nats) and accuracy of a part, without dropout; of some of its items if given."""

    def logits(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """float32 (n, k) for pixels (n, h, w, c)."""

    def weights(self) -> Weights:
        """A copy of everything that prediction needs."""

    def restore(self, weights: Weights) -> None:
        """Puts a copy back."""
