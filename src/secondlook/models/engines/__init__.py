"""What takes the steps of training. An engine knows nothing of epochs, patience or limits: see `models.train`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from secondlook.types import FloatArray, IntArray

Weights = Mapping[str, NDArray[Any]]


OptimiserName = Literal["adam", "adamw", "sgd"]


@dataclass(frozen=True)
class Optimiser:
    """Which optimiser, and its weight decay (decoupled for AdamW, an L2 penalty for the others, as in PyTorch)."""

    name: OptimiserName = "adam"
    weight_decay: float = 0.0
    momentum: float = 0.9  # of SGD, with Nesterov's correction


@dataclass(frozen=True, eq=False)
class Examples:
    """Images (n, h, w, c), labels int64 (n,), and weights float32 (n,), of the training part with mean 1, or None."""

    pixels: NDArray[Any]
    labels: IntArray
    weights: NDArray[np.float32] | None = None


class Measured(NamedTuple):
    """How a net does on a part: mean cross-entropy (nats) and accuracy of all images alike, and the weighted mean loss.

    Without weights the two losses are the same number.
    """

    loss: float
    accuracy: float
    weighted_loss: float


class Engine(Protocol):
    """Holds a net's weights, its optimiser and the data; takes steps and predicts."""

    def load(self, part: Literal["train", "valid"], examples: Examples) -> None:
        """Takes a part of the data; it may be a memory map larger than memory."""

    def steps(self, order: IntArray, batch: int, rates: FloatArray) -> None:
        """Optimiser steps on the training items `order`, `batch` at a time, each with its learning rate.

        Many steps in one call, so that an engine whose step takes microseconds is not held up by its caller. The last
        batch may be smaller; there are as many rates as batches.
        """

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
