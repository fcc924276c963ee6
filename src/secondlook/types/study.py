"""What a study of the data found: its cells, the laws they follow, and findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from secondlook.types.arrays import Status
from secondlook.types.finding import Finding
from secondlook.types.history import History
from secondlook.types.law import HeldOut, Line, Needed, PowerLaw

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Kind = Literal["size", "imbalance", "classes", "grid", "noise"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Cell:
    """One training of a study: what was varied, and what came of it.

    Attributes:
        name: what its file is called; unique in its study.
        seed: which draw of images, labels and initial weights, from 0.
        rows: training images per class; with a minority, of every other class.
        classes: how many classes, and `members` which.
        minority: training images of the minority class. noise: per cent of the training labels that are wrong.
        remedy: what was done about the minority: "", "weights", "oversample" or "augment".
        order: how the classes were picked: "" for all of them, "random" or "hardest".
        test_accuracy: with its 95 % Wilson interval, `test_low` and `test_high`, of `n_test` items.
        test_log_loss: mean negative log-probability of the right class, in nats.
        train_accuracy: on images that it learnt from, as many as there are test items, 1,000 at least, or all.
        trained, stored: numbers learnt by optimisation, and numbers kept for prediction.
        hits, counts: right answers and test items of each member.
        history: how a net learnt.
    """

    name: str
    model: str
    seed: int
    rows: int
    classes: int
    members: tuple[str, ...] = ()
    minority: int | None = None
    noise: float | None = None
    remedy: str | None = None
    order: str = ""
    status: Status = "ok"
    reason: str = ""
    test_accuracy: float | None = None
    test_low: float | None = None
    test_high: float | None = None
    test_log_loss: float | None = None
    n_test: int = 0
    train_accuracy: float | None = None
    trained: int | None = None
    stored: int | None = None
    hits: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    fit_seconds: float | None = None
    engine: str = ""
    history: History | None = field(default=None, repr=False)

    def recall(self, name: str) -> float | None:
        """The share of a class's test items that it answers right; None where it has none."""
        if name not in self.members or not self.hits:
            return None
        at = self.members.index(name)
        return self.hits[at] / self.counts[at] if self.counts[at] else None

    @property
    def plain(self) -> bool:
        """Whether nothing was remedied and no classes were picked for being hard: laws and findings go by these."""
        return not self.remedy and self.order != "hardest"

    @property
    def varied(self) -> dict[str, Any]:
        """Which cell it is: model, seed, images per class, classes, and what else was varied."""
        more = {"minority": self.minority, "noise": self.noise, "remedy": self.remedy, "order": self.order or None}
        return {
            "model": self.model,
            "seed": self.seed,
            "rows": self.rows,
            "classes": self.classes,
            **{name: value for name, value in more.items() if value is not None},
        }

    def json(self) -> dict[str, Any]:
        """A plain dictionary; what was not varied is left out."""
        return {
            **self.varied,
            "test_accuracy": self.test_accuracy,
            "test_low": self.test_low,
            "test_high": self.test_high,
            "test_log_loss": self.test_log_loss,
            "n_test": self.n_test,
            "train_accuracy": self.train_accuracy,
            "trained": self.trained,
            "stored": self.stored,
            "fit_seconds": self.fit_seconds,
            "engine": self.engine,
            "status": self.status,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class ModelLaws:
    """What one model's cells follow.

    Attributes:
        lines: ordinary least squares of the accuracy and of the log-loss on what was varied, by response.
        power: the power law of the error over images per class, where sizes were varied enough to tell.
        needed: images per class for the wanted accuracies: overall.
        by_class: the same for single classes, by class.
        why: what could not be fitted, and why, by name.
    """

    lines: Mapping[str, Line] = field(default_factory=dict)
    power: PowerLaw | None = None
    needed: tuple[Needed, ...] = ()
    by_class: Mapping[str, tuple[Needed, ...]] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)

    @property
    def held_out(self) -> HeldOut | None:
        """How the smaller sizes foretold the largest."""
        return None if self.power is None else self.power.held_out

    def json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "lines": {name: line.json() for name, line in self.lines.items()},
            "power": None if self.power is None else self.power.json(),
            "needed": [one.json() for one in self.needed],
            "needed_by_class": {name: [one.json() for one in some] for name, some in self.by_class.items()},
            "why_not": dict(self.why),
        }


@dataclass(frozen=True)
class Study:
    """A finished study, as `secondlook.study` made it and `load_study` reopens it.

    Attributes:
        path: its directory. kind: what was varied.
        config: what was asked for. data: what it was asked of.
        cells: in the order of what was varied, model by model.
        laws: by model. findings: `S…`.
    """

    path: Path
    kind: Kind
    config: Mapping[str, Any]
    data: Mapping[str, Any]
    cells: tuple[Cell, ...]
    laws: Mapping[str, ModelLaws] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """Names, in the order of the cells."""
        return tuple(dict.fromkeys(cell.model for cell in self.cells))

    def value(self, cell: Cell) -> Any:
        """What a cell has of what this study varies; of a grid, (classes, images per class)."""
        if self.kind == "grid":
            return cell.classes, cell.rows
        return {"size": cell.rows, "imbalance": cell.minority, "classes": cell.classes, "noise": cell.noise}[self.kind]

    def of(self, model: str) -> tuple[Cell, ...]:
        """A model's cells that are done."""
        return tuple(cell for cell in self.cells if cell.model == model and cell.status == "ok")

    def json(self) -> dict[str, Any]:
        """What ``study.json`` and ``--json`` hold."""
        return {
            "run": str(self.path),
            "kind": self.kind,
            "data": dict(self.data),
            "cells": [cell.json() for cell in self.cells],
            "laws": {model: laws.json() for model, laws in self.laws.items()},
            "findings": [finding.json() for finding in self.findings],
        }

    def frame(self) -> pd.DataFrame:
        """One line per cell."""
        import pandas as pd

        return pd.DataFrame([cell.json() for cell in self.cells])

    def curves(self) -> pd.DataFrame:
        """One line per epoch of every net: what its cell varied, and the losses and accuracies of training."""
        import pandas as pd

        lines = [{**c.varied, **vars(epoch)} for c in self.cells if c.history is not None for epoch in c.history.epochs]
        return pd.DataFrame(lines)

    def recalls(self) -> pd.DataFrame:
        """One line per cell and class: right answers, test items, and their ratio."""
        import pandas as pd

        lines = [
            {**c.varied, "class": name, "hits": hits, "n": n, "recall": hits / n if n else None}
            for c in self.cells
            for name, hits, n in zip(c.members, c.hits, c.counts, strict=bool(c.hits))
        ]
        return pd.DataFrame(lines)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Test accuracy over what was varied, one curve per model with the band of its law."""
        from secondlook.show.study_plots import plot_study

        return plot_study(self, ax)

    def report(self, path: str | Path | None = None) -> Path:
        """Writes the one-file HTML report; by default ``report.html`` in the study's directory."""
        from secondlook.show.study_page import write_study

        return write_study(self, Path(path) if path is not None else self.path / "report.html")
