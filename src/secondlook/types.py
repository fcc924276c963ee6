"""The result types: frozen, holding data only. `.frame()` tabulates, `.plot(ax)` draws; nothing is recomputed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Part = Literal["train", "valid", "test"]
PARTS: tuple[Part, ...] = ("train", "valid", "test")
Status = Literal["ok", "failed", "timeout", "skipped"]
IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images, read and ready.

    Attributes:
        pixels: uint8, or float32 in [0, 1] where the source has more than 8 bits; shape (n, h, w, c), c = 1 or 3.
        labels: int64 (n,), indices into `classes`; -1 where unknown.
        classes: names, in natural order ("2" before "10").
        ids: str (n,), the hash of each item's source bytes, with a suffix for repeats ("…#2").
        names: where each item came from: a path relative to the source, or file and row ("train.csv:17").
        parts: the split the source itself came with, "train" | "valid" | "test" per item, or None.
        groups: a group per item that must not be torn apart by a split, or None.
        source: what the user asked for ("digits", "photos/").
        format: one sentence on how the source was recognised and read.
    """

    pixels: NDArray[Any]
    labels: IntArray
    classes: tuple[str, ...]
    ids: NDArray[np.str_]
    names: Sequence[str]
    source: str
    format: str
    parts: NDArray[np.str_] | None = None
    groups: NDArray[np.str_] | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of one image."""
        h, w, c = self.pixels.shape[1:]
        return int(h), int(w), int(c)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that change when an item, a label, a class name or the source's own parts change."""
        digest = hashlib.blake2b(digest_size=8)
        digest.update("\x1f".join(self.classes).encode())
        digest.update("\x1f".join(self.ids.tolist()).encode())
        digest.update(np.ascontiguousarray(self.labels).tobytes())
        digest.update(b"" if self.parts is None else "\x1f".join(self.parts.tolist()).encode())
        digest.update(str(self.shape).encode())
        return digest.hexdigest()

    def counts(self) -> dict[str, int]:
        """Number of labelled items per class, in class order."""
        known = self.labels[self.labels >= 0]
        return dict(zip(self.classes, np.bincount(known, minlength=len(self.classes)).tolist(), strict=True))

    def frame(self) -> pd.DataFrame:
        """One line per item: name, id, label, part."""
        import pandas as pd

        label = np.array([*self.classes, "?"], dtype=object)[self.labels]
        table = pd.DataFrame({"name": list(self.names), "id": self.ids, "label": label})
        return table if self.parts is None else table.assign(part=self.parts)

    def plot(self, ax: Axes | None = None) -> Axes:
        """A sheet of examples, one line per class."""
        from secondlook.show.plots import plot_examples

        return plot_examples(self, ax)


@dataclass(frozen=True, eq=False)
class Split:
    """Which items train, which choose, which judge: disjoint, sorted index arrays (int64) into an ImageSet."""

    train: IntArray
    valid: IntArray
    test: IntArray
    method: str
    seed: int

    def __getitem__(self, part: Part) -> IntArray:
        return {"train": self.train, "valid": self.valid, "test": self.test}[part]

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of the three index arrays."""
        digest = hashlib.blake2b(digest_size=8)
        for part in PARTS:
            digest.update(self[part].tobytes() + b"|")
        return digest.hexdigest()

    def frame(self) -> pd.DataFrame:
        """One line per item: item (its index), part."""
        import pandas as pd

        parts = [pd.DataFrame({"item": self[part], "part": part}) for part in PARTS]
        return pd.concat(parts).sort_values("item", ignore_index=True)


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one fitted model says of the items of one part.

    Attributes:
        probabilities: float32 (n, k), rows sum to 1.
        labels: int64 (n,), the given labels.
        items: int64 (n,), indices into the ImageSet.
        names: n names, as in the ImageSet.
        classes: k class names.
    """

    model: str
    part: Part
    probabilities: NDArray[np.float32]
    labels: IntArray
    items: IntArray
    names: Sequence[str]
    classes: tuple[str, ...]

    @cached_property
    def predicted(self) -> IntArray:
        """int64 (n,): the most probable class; the first of equals."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    def frame(self) -> pd.DataFrame:
        """One line per item: name, given label, answer, the answer's probability, correct."""
        import pandas as pd

        classes = np.array(self.classes, dtype=object)
        return pd.DataFrame(
            {
                "item": self.items,
                "name": list(self.names),
                "given": classes[self.labels],
                "answer": classes[self.predicted],
                "probability": self.probabilities.max(axis=1),
                "correct": self.predicted == self.labels,
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """The confusion matrix, shares per true class."""
        from secondlook.show.plots import plot_confusion

        return plot_confusion(self, ax)


@dataclass(frozen=True)
class Score:
    """A metric's value with its 95 % interval, the number of items behind it, and what no model at all would get.

    `low` and `high` are NaN where no interval is given.
    """

    metric: str
    value: float
    low: float
    high: float
    n: int
    chance: float
    majority: float

    def frame(self) -> pd.DataFrame:
        """One line."""
        import pandas as pd

        return pd.DataFrame([{f.name: getattr(self, f.name) for f in fields(self)}])


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
