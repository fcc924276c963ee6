"""What takes the steps of training. An engine knows nothing of epochs, patience or limits: see `models.train`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Protocol

from numpy.typing import NDArray

from secondlook.types import IntArray

Weights = Mapping[str, NDArray[Any]]


class Measured(NamedTuple):
    """How a net does on a part: mean cross-entropy (nats) and accuracy of all images alike, and the weighted mean loss.

    Without weights the two losses are the same number.
    """

    loss: float
    accuracy: float
    weighted_loss: float


class Engine(Protocol):
    """Holds a net's weights, its optimiser and the data; takes steps and predicts."""

    def step(self, items: IntArray, learning_rate: float) -> None:
        """One optimiser step on the training items with these indices."""

    def objective(self) -> float:
        """Mean of the (weighted) loss over the images of all steps since the last call."""

    def evaluate(self, part: Literal["train", "valid"], items: IntArray | None = None) -> Measured:
        """How the net does on a part, without dropout; on some of its items if given."""

    def logits(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """float32 (n, k) for pixels (n, h, w, c)."""

    def weights(self) -> Weights:
        """A copy of everything that prediction needs."""

    def restore(self, weights: Weights) -> None:
        """Puts a copy back."""

    def state(self) -> Weights:
        """A copy of all that training needs to go on: the weights, the optimiser's moments, dropout's streams."""

    def resume(self, state: Weights) -> None:
        """Puts a copy of `state` back: the next step is as if training had never stopped."""
