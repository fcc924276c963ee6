"""How a net learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Epoch:
    """One line of a history. Losses are mean natural-log cross-entropies per image.

    `objective` is the running mean of the (weighted) loss that was optimised, measured while the weights moved;
    the plain losses and accuracies are measured after the epoch, without dropout, on the whole validation part and
    on a fixed sample of the training part of the same size, so that the two curves compare.
    """

    epoch: int
    seconds: float
    learning_rate: float
    objective: float
    train_loss: float
    train_accuracy: float
    valid_loss: float
    valid_accuracy: float


@dataclass(frozen=True)
class History:
    """How a net learnt: one `Epoch` each, the epoch whose weights were kept (from 1), and why training ended."""

    epochs: tuple[Epoch, ...]
    best: int
    ended: str

    def frame(self) -> pd.DataFrame:
        """One line per epoch."""
        import pandas as pd

        return pd.DataFrame([vars(e) for e in self.epochs])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Train and validation loss against the epoch, the kept one marked."""
        from secondlook.show.plots import plot_history

        return plot_history(self, ax)
