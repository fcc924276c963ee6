"""A finished comparison and its rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import RunError
from secondlook.types.arrays import IntArray, Part, Status
from secondlook.types.finding import Finding
from secondlook.types.history import History
from secondlook.types.label_safety import KEPT_AS, LabelSafety
from secondlook.types.operating import OperatingPoint
from secondlook.types.pair import Pairs
from secondlook.types.predictions import Predictions
from secondlook.types.probes import Probes
from secondlook.types.replay import Replay
from secondlook.types.rounds import Round
from secondlook.types.scores import Scores

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from secondlook.types.audit import Audit


@dataclass(frozen=True)
class Row:
    """One model of a comparison. These names are public: they are the JSON's and the CSV's.

    Numbers are None where the model has none (it failed, or has no multiply-adds to count). Accuracies are shares in
    [0, 1] with 95 % Wilson intervals; `fit_seconds` is wall-clock, `predict_us` microseconds per image (warm, whole
    test part), `peak_mb` the peak resident memory of the process that fitted it, in MB (10^6 bytes).

    With folds every score is the mean over them, the intervals of test and valid are Nadeau and Bengio's (train has
    none), `n_test` counts all items, `n_train` and `n_valid` those of a fold on average; times are means per fold,
    `peak_mb` is the highest, and what else is said of a model (`trained`, `stored`, `macs`, `params`) is of the first.

    With several seeds the row is the first seed's, but `valid_score`, which is the mean over them; `seeds_mean`,
    `seeds_sd` (the standard deviation, of one seed), `seeds_low` and `seeds_high` are of the test accuracies of all
    `seeds`. They are None for models that no seed moves.

    The `clean` numbers are the test scores without the items that leak: that have an identical or nearly identical
    twin, or a member of their group, in train or valid. They are None where nothing leaks.
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
    engine: str = ""  # who trained it, for nets: "native fp32", "PyTorch bf16"
    n_clean: int | None = None
    clean_accuracy: float | None = None
    clean_low: float | None = None
    clean_high: float | None = None
    clean_balanced_accuracy: float | None = None
    seeds: int | None = None
    seeds_mean: float | None = None
    seeds_sd: float | None = None
    seeds_low: float | None = None
    seeds_high: float | None = None

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
        histories: how each net learnt; with folds in the first.
        class_counts: items per class in each part.
        leaked: bool (n_test,), test items that have a twin in train or valid; () in runs that did not look.
        findings: what was found out about the images before anything was fitted (D…), and about the models after the
            test part was opened (M…), serious ones first.
        checks: of the checks of models, the codes that were "silent" or "muted", and why others were "not_applicable".
        invariance: accuracy on test images that were moved, turned, noised, inverted; `probes` tabulates it.
        pairs: every two models that finished, on the same test items: which is better, and by how much.
        operating: with an objective or costs: each model's thresholds and what they do, in the order of the rows.
        rounds: of a run that goes on from another: every round of the net's training, this run's last.
        decisions: of a run with decisions on labels: what they changed, and the scores before and after.

    With folds, `predictions` on "test" are those of the first repeat, each item answered by the model that had not
    seen it; on "train" and "valid" they are the first fold's. `folds` has every fold's scores.
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
    leaked: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_), repr=False)
    findings: tuple[Finding, ...] = ()
    pairs: Pairs = field(default_factory=Pairs)
    rounds: tuple[Round, ...] = ()
    decisions: Replay | None = None
    operating: tuple[OperatingPoint, ...] = ()
    checks: Mapping[str, Any] = field(default_factory=dict)
    invariance: Probes = field(default_factory=Probes)
    _audit: Callable[[], Audit] | None = field(default=None, repr=False)
    _scores: Callable[[str], Scores] | None = field(default=None, repr=False)
    _pictures: Callable[[], Thumbnails] | None = field(default=None, repr=False)

    def __getitem__(self, model: str) -> Row:
        for row in self.rows:
            if row.model == model:
                return row
        raise KeyError(f"no model {model!r} in this run; it has {', '.join(r.model for r in self.rows)}")

    def predictions(self, model: str, part: Part = "test") -> Predictions:
        """The stored probabilities of one model on one part."""
        return self._predictions(model, part)

    def scores(self, model: str | None = None) -> Scores:
        """Every score of a model on the test part, with intervals; of the chosen one by default.

        Raises:
            RunError: the model has none. KeyError: there is no such model.
        """
        row = self[self.chosen if model is None else model]
        if self._scores is None or row.test_accuracy is None:
            raise RunError(f"expected a model with test scores, but {row.model!r} has none in {self.path}")
        return self._scores(row.model)

    @property
    def serious(self) -> bool:
        """Whether a finding on the images or the models is serious: the command then exits with 3."""
        return any(finding.severity == "serious" for finding in self.findings)

    @property
    def audit(self) -> Audit | None:
        """The findings with small images of the items concerned; None in runs that did not look."""
        return None if self._audit is None else self._audit()

    @property
    def pictures(self) -> Thumbnails | None:
        """Small images of the items that findings on models name; None in runs that did not look."""
        return None if self._pictures is None else self._pictures()

    @property
    def cv(self) -> tuple[int, int] | None:
        """Folds and repeats, or None for a single split."""
        said = str(self.config.get("cv") or "")
        return (int(said.partition("x")[0]), int(said.partition("x")[2])) if said else None

    def folds(self, model: str | None = None) -> pd.DataFrame:
        """One line per fold of one model, or of all: repeat, fold, sizes, scores, seconds; empty for a single split."""
        import pandas as pd

        path = self.path / "folds.csv"
        table = pd.read_csv(path, dtype=str) if path.is_file() else pd.DataFrame({"model": []})
        names = [name for name in table.columns if name not in ("model", "status")]
        # By way of text, so that no digit is lost.
        kinds = {name: int if name in ("repeat", "fold") or name.startswith("n_") else float for name in names}
        table = table.astype(kinds)
        return table if model is None else table[table["model"] == model].reset_index(drop=True)

    def seeds(self, model: str | None = None) -> pd.DataFrame:
        """One line per seed of one model, or of all: sizes, scores, seconds; empty for a single seed."""
        import pandas as pd

        path = self.path / "seeds.csv"
        table = pd.read_csv(path) if path.is_file() else pd.DataFrame({"model": []})
        return table if model is None else table[table["model"] == model].reset_index(drop=True)

    def probes(self, model: str | None = None) -> pd.DataFrame:
        """One line per probe of one model, or of all: accuracy on changed test images, and the paired drop."""
        table = self.invariance.frame()
        return table if model is None else table[table["model"] == model].reset_index(drop=True)

    @property
    def label_safety(self) -> LabelSafety | None:
        """What ``--augment auto`` decided, and on what grounds; None in other runs."""
        path = self.path / KEPT_AS
        return LabelSafety.from_json(json.loads(path.read_text())) if path.is_file() else None

    def thumbnails(self) -> Thumbnails:
        """Small images that the report shows: mistakes on test and train, and some right answers."""
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
            "findings": [finding.json() for finding in self.findings],
            **({"checks": dict(self.checks)} if self.checks else {}),
            "pairs": self.pairs.json(),
            "rows": [row.json() for row in self.rows],
            **({"probes": self.invariance.json()} if self.checks else {}),
            **({"operating": [point.json() for point in self.operating]} if self.operating else {}),
            **({"rounds": [one.json() for one in self.rounds]} if self.rounds else {}),
            **({"decisions": self.decisions.json()} if self.decisions else {}),
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
