"""A finished comparison and its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondlook.types.arrays import IntArray, Part, Status
from secondlook.types.history import History
from secondlook.types.predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Row:
    """One model of a comparison. These names are public: they are the JSON's and the CSV's.

    Numbers are None where the model has none (it failed, or has no multiply-adds to count). Accuracies are shares in
    [0, 1] with 95 % Wilson intervals; `fit_seconds` is wall-clock, `predict_us` microseconds per image (warm, whole
    test part), `peak_mb` the peak resident memory of the process that fitted it, in MB (10^6 bytes).
    """

    model: str
    status: Status
    reason: str = ""
    trained: int | None = None
    stored: int | None = None
    macs: int | None = None
    n_train: int | None = None
    n_valid: int | None = None
    n_test: int | None = None
    train_accuracy: float | None = None
    train_low: float | None = None
    train_high: float | None = None
    valid_accuracy: float | None = None
    valid_low: float | None = None
    valid_high: float | None = None
    test_accuracy: float | None = None
    test_low: float | None = None
    test_high: float | None = None
    test_balanced_accuracy: float | None = None
    test_macro_f1: float | None = None
    test_log_loss: float | None = None
    fit_seconds: float | None = None
    predict_us: float | None = None
    peak_mb: float | None = None
    valid_score: float | None = None  # the chosen metric on validation: what the table is sorted by
    family: str = ""  # baseline, linear, kernel, neighbours, trees, dense, convolution
    net: str = ""  # the net's text, for nets
    params: str = ""  # what --tune chose

    def json(self) -> dict[str, Any]:
        """A plain dictionary, in the order of the fields."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """Small copies of some items' images, kept with a run so that its report needs no data.

    Attributes:
        items: int64 (m,), indices into the ImageSet.
        pixels: uint8 (m, h, w, c), at most 64 pixels on the longer side.
    """

    items: IntArray
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Run:
    """A finished comparison, as read from its directory.

    Attributes:
        path: the run directory.
        config: the resolved configuration, seeds, versions, hardware.
        data: {"source", "n", "classes", "shape", "fingerprint", …}.
        rows: one per model, best on validation first; those without numbers last.
        chance: 1 / number of classes. majority: the share of the test part's items that belong to the class that is
            most frequent in training.
        chosen: the model with the best validation score, or "" when none finished.
        histories: how each net learnt.
        class_counts: items per class in each part.
    """

    path: Path
    config: Mapping[str, Any]
    data: Mapping[str, Any]
    rows: tuple[Row, ...]
    chance: float
    majority: float
    chosen: str
    histories: Mapping[str, History]
    class_counts: Mapping[str, Sequence[int]]
    _predictions: Callable[[str, Part], Predictions] = field(repr=False)
    _thumbnails: Callable[[], Thumbnails] = field(repr=False)

    def __getitem__(self, model: str) -> Row:
        for row in self.rows:
            if row.model == model:
                return row
        raise KeyError(f"no model {model!r} in this run; it has {', '.join(r.model for r in self.rows)}")

    def predictions(self, model: str, part: Part = "test") -> Predictions:
        """The stored probabilities of one model on one part."""
        return self._predictions(model, part)

    def thumbnails(self) -> Thumbnails:
        """Small images of the chosen model's mistakes on the test part."""
        return self._thumbnails()

    def json(self) -> dict[str, Any]:
        """What ``run.json`` and ``--json`` hold."""
        return {
            "run": str(self.path),
            "data": dict(self.data),
            "metric": self.config["metric"],
            "chosen": self.chosen,
            "chance": self.chance,
            "majority": self.majority,
            "rows": [row.json() for row in self.rows],
        }

    def frame(self) -> pd.DataFrame:
        """One line per model, best on validation first."""
        import pandas as pd

        return pd.DataFrame([row.json() for row in self.rows])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Test accuracy against trained parameters, with intervals and the efficient frontier."""
        from secondlook.show.plots import plot_frontier

        return plot_frontier(self, ax)

    def report(self, path: str | Path | None = None) -> Path:
        """Writes the one-file HTML report; by default ``report.html`` in the run directory.

        Returns:
            The path written.
        """
        from secondlook.show.report import write_report

        return write_report(self, Path(path) if path is not None else self.path / "report.html")

    def _repr_html_(self) -> str:
        from secondlook.show.report import table_html

        return table_html(self)
