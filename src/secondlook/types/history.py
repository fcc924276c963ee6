"""How a net learnt."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Epoch:
    """One line of a history. Losses are mean natural-log cross-entropies per image.

    `objective` is the running mean of the (weighted) loss that was optimised, measured while the weights moved;
    the other losses and the accuracies are measured after the epoch, without dropout, on the whole validation part and
    on a fixed sample of the training part of the same size, so that the two curves compare. The plain losses count
    every image once, whatever the weights, and compare between nets; the weighted ones are means weighted by the
    images' weights, what is optimised. Without weights the two are the same number.
    """

    epoch: int
    seconds: float
    learning_rate: float
    objective: float
    train_loss: float
    train_accuracy: float
    valid_loss: float
    valid_accuracy: float
    train_weighted_loss: float = nan
    valid_weighted_loss: float = nan

    def __post_init__(self) -> None:
        for part in ("train", "valid"):
            if isnan(getattr(self, f"{part}_weighted_loss")):
                object.__setattr__(self, f"{part}_weighted_loss", getattr(self, f"{part}_loss"))

    @property
    def weighted(self) -> bool:
        """Whether weights make its losses differ from the plain ones."""
        return self.train_weighted_loss != self.train_loss or self.valid_weighted_loss != self.valid_loss


@dataclass(frozen=True)
class Seam:
    """Where a training stopped and was gone on with.

    Attributes:
        epoch: the last one before it.
        changed: what of the objective is another since: "class weights", "augmentation"; () where it went on unchanged.
    """

    epoch: int
    changed: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """What the curve says at the seam."""
        return ", ".join(self.changed) or "continued"


@dataclass(frozen=True)
class History:
    """How a net learnt.

    Attributes:
        epochs: one `Epoch` each; where training was gone on with, those before as well.
        best: the epoch whose weights were kept, from 1: that of the lowest weighted validation loss since the objective
            last changed, or the last one where that was asked for.
        ended: why training ended.
        seams: where it was gone on with.
    """

    epochs: tuple[Epoch, ...]
    best: int
    ended: str
    seams: tuple[Seam, ...] = ()

    @property
    def current(self) -> tuple[Epoch, ...]:
        """The epochs since the objective last changed: only their losses compare, and one of them was kept."""
        start = max((seam.epoch for seam in self.seams if seam.changed), default=0)
        return tuple(e for e in self.epochs if e.epoch > start)

    def json(self) -> dict[str, Any]:
        """What ``history.json`` holds."""
        return {
            "best": self.best,
            "ended": self.ended,
            "seams": [{"epoch": seam.epoch, "changed": list(seam.changed)} for seam in self.seams],
            "epochs": [vars(e) for e in self.epochs],
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """A history as `json` wrote it, or an older one, which had no seams and no weighted losses."""
        seams = tuple(Seam(seam["epoch"], tuple(seam["changed"])) for seam in document.get("seams", ()))
        return cls(tuple(Epoch(**e) for e in document["epochs"]), document["best"], document["ended"], seams)

    def frame(self) -> pd.DataFrame:
        """One line per epoch."""
        import pandas as pd

        return pd.DataFrame([vars(e) for e in self.epochs])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Train and validation loss against the epoch, the kept one marked."""
        from secondlook.show.plots import plot_history

        return plot_history(self, ax)
