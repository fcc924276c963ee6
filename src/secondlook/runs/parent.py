"""A finished run that another one goes on from: what it must keep for that, and its rounds so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

from secondlook import seeds
from secondlook.errors import RunError, UsageError
from secondlook.measure.bootstrap import draw_margins, percentiles
from secondlook.measure.scores import balanced_accuracy, confusion, overall, per_class
from secondlook.runs.files import checksum, read_json
from secondlook.runs.load import load_run
from secondlook.types import History, Predictions, Round, Row, Run

STATE = "state.safetensors"
WEIGHTS = "weights.safetensors"


@dataclass(frozen=True, eq=False)
class Parent:
    """A finished run, and which of its nets goes on; `manifest` is the SHA-256 of its manifest.json."""

    run: Run
    model: str
    manifest: str

    @property
    def folder(self) -> Path:
        """Where it keeps the net: its best weights, and the state at the end of its training."""
        return self.run.path / "models" / self.model

    @property
    def epochs(self) -> int:
        """Epochs that the net has been trained so far, over all rounds."""
        return self.run.histories[self.model].epochs[-1].epoch

    def identity(self) -> dict[str, Any]:
        """What makes two children the same: not where the parent lies."""
        return {"manifest": self.manifest, "model": self.model}

    def config(self) -> dict[str, Any]:
        """What a child's configuration says of its parent."""
        opened = self.run.config["test_opened"]
        return {"path": str(self.run.path), **self.identity(), "epochs": self.epochs, "test_opened": opened}

    def rounds(self) -> tuple[Round, ...]:
        """The rounds so far, the parent's own last."""
        if self.run.rounds:
            return self.run.rounds
        history, said = self.run.histories[self.model], self.run.predictions(self.model)
        return (make_round(self.run.path, self.run[self.model], said, history, 1, self.run.config),)


def all_rounds(parent: Parent, path: Path, row: Row, said: Predictions) -> tuple[Round, ...]:
    """The rounds of a child: the parent's, and its own from its row and its answers on the test part."""
    history = History.from_json(read_json(path / "models" / parent.model / "history.json"))
    config = read_json(path / "config.json")
    return (*parent.rounds(), make_round(path, row, said, history, parent.epochs + 1, config))


def make_round(
    path: Path, row: Row, said: Predictions, history: History, first: int, config: Mapping[str, Any]
) -> Round:
    """The round that began with the epoch `first`, from a run's row, answers on the test part and configuration."""
    known = said.labels >= 0
    matrix = confusion(said.labels[known], said.predicted[known], len(said.classes))
    classes, balanced = per_class(matrix), balanced_accuracy(matrix)
    # The very draws of the run's own scores.
    drawn = overall(draw_margins(matrix, seeds.stream(int(config["seed"]), "bootstrap", row.model)))
    low, high = percentiles(balanced, drawn["balanced_accuracy"], 0, 1)
    return Round(
        run=str(path),
        model=row.model,
        first=first,
        last=history.epochs[-1].epoch,
        kept=history.best,
        class_weight=str(config.get("class_weight", "")),
        augment=str(config.get("augment", "")),
        accuracy=row.test_accuracy or 0.0,
        low=row.test_low or 0.0,
        high=row.test_high or 0.0,
        balanced_accuracy=balanced,
        balanced_low=None if isnan(low) else low,
        balanced_high=None if isnan(high) else high,
        precision=tuple(classes["precision"].tolist()),
        recall=tuple(classes["recall"].tolist()),
        matrix=matrix,
    )


def open_parent(path: str | Path, model: str = "") -> Parent:
    """The run at `path`, checked file by file, as one that can be gone on from; `model` "" is its only net.

    Raises:
        RunError: there is no such run, it is incomplete or was changed, or keeps no state to go on from.
        UsageError: it has no such model, or the model cannot be gone on with.
    """
    run = load_run(path, verify=True)
    if run.cv is not None:
        raise UsageError(f"expected a run with one split to go on from, got {run.path}, which was made with --cv")
    nets = [row.model for row in run.rows if row.net]
    if not model and len(nets) == 1:
        model = nets[0]
    if not model:
        there = ", ".join(nets) or "none"
        raise UsageError(f"expected --model with the net to go on with, got none; the nets of {run.path} are {there}")
    if model not in [row.model for row in run.rows]:
        names = ", ".join(row.model for row in run.rows)
        raise UsageError(f"expected --model to be in the run {run.path}, got '{model}'; it has {names}")
    if model not in nets:
        raise UsageError(
            f"expected --model to be a net, got '{model}', which is not trained in epochs; "
            f"the nets of {run.path} are {', '.join(nets) or 'none'}"
        )
    row = run[model]
    if row.net.startswith("your own module"):
        raise UsageError(f"expected --model to be a net of one line of text, got '{model}', a module of your own")
    if not (run.path / "models" / model / STATE).exists():
        why = row.reason or "it was made by an older version"
        raise RunError(f"the run {run.path} keeps no state of '{model}' to go on from ({why}); make it again")
    return Parent(run, model, checksum(run.path / "manifest.json"))


def check_same(parent: Parent, data: str, split: str) -> None:
    """Refuses images, or parts, other than the parent's, by their fingerprints.

    Raises:
        RunError: they are others.
    """
    for what, known, now in (
        ("images", parent.run.data["fingerprint"], data),
        ("split", parent.run.config["split"]["fingerprint"], split),
    ):
        if known != now:
            raise RunError(
                f"expected the {what} of {parent.run.path} (fingerprint {known}), got others ({now}); "
                "give the same data, or make a new run"
            )
