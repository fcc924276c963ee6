"""The loop over models and folds: every item answered by models that had not learnt from its fold."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.errors import InterruptedRunError, RunError
from secondlook.judge.crossfit import FoldTask, Ring, fit_fold
from secondlook.models.entry import Entry, Size
from secondlook.models.train import auto_batch, auto_epochs
from secondlook.runs.jobs import ForkServer, Interrupts, Outcome
from secondlook.runs.machine import memory
from secondlook.types import ImageSet, IntArray, Row
from secondlook.verbs.options import Options

if TYPE_CHECKING:
    from secondlook.show.narrator import Narrator

# By default nets are trained for this share of a comparison's epochs, in larger and more steps. It is quick, and leaves
# little time to learn wrong labels by heart.
_EPOCHS_SHARE, _LEARNING_RATE, _BATCH = 0.4, 3e-3, 64
# Models that gain little from more images, or whose time grows with their square, learn from so many at most.
_MOST_ROWS = {"kernel": 10_000, "neighbours": 20_000, "linear": 20_000}


@dataclass(eq=False)
class Answers:
    """What the models said, by name, in the order they were asked.

    Attributes:
        tables: probabilities float32 (n, k) of all n items of the set; rows of items in no fold are 0.
        seconds: what all folds took. peak: the most memory of a child, in bytes.
        notes: sentences on what was done otherwise than asked. failed: why a model has no table.
    """

    tables: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class Crossfit:
    """Which models are fitted on which folds, each fit a job of its own.

    Attributes:
        images: the set; items outside the folds play no role.
        folds: int64 items of each fold.
    """

    images: ImageSet
    folds: tuple[IntArray, ...]
    entries: Sequence[Entry]
    options: Options
    narrator: Narrator

    def run(self, server: ForkServer) -> Answers:
        """Fits every model on every fold, the quickest first.

        Raises:
            InterruptedRunError: Ctrl-C; nothing is kept. RunError: the disk has no room for the images.
        """
        n = sum(map(len, self.folds))
        held = max(map(len, self.folds))
        self.size = Size(n - held, 0, held, self.images.shape, len(self.images.classes))
        entries = [self._brief(entry) for entry in self.entries]
        times = {e.name: len(self.folds) * e.seconds(self._learnt(e)) for e in entries}
        self.narrator.plan([(e.name, times[e.name]) for e in entries])
        found, ring = Answers(), Ring(self.folds)
        with tempfile.TemporaryDirectory(prefix="secondlook-suspects-") as name, Interrupts() as interrupts:
            folder = Path(name)
            try:
                ring.write(folder / "images.npy", self.images.pixels)
            except OSError as error:
                raise RunError(
                    f"cannot write the images to {folder} ({error.strerror}); make room there, or set TMPDIR"
                ) from None
            for entry in sorted(entries, key=lambda e: times[e.name]):
                self._turn(server, entry, ring, folder, found, times[entry.name], interrupts)
        self.narrator.close()
        order = [e.name for e in entries if e.name in found.tables]
        return replace(found, tables={name: found.tables[name] for name in order})

    def _brief(self, entry: Entry) -> Entry:
        """The entry with a shorter training than a comparison's, where no epochs were asked for."""
        if not entry.is_net or self.options.epochs is not None:
            return entry
        return replace(entry, make=partial(_brisk, entry.make, self.size.n_train))

    def _learnt(self, entry: Entry) -> Size:
        """How large one fit is."""
        share = _EPOCHS_SHARE if entry.is_net and self.options.epochs is None else 1.0
        rows = min(self.size.n_train, _MOST_ROWS.get(entry.family, self.size.n_train))
        return replace(self.size, n_train=ceil(share * rows))

    def _turn(
        self, server: ForkServer, entry: Entry, ring: Ring, folder: Path, found: Answers, expected: float,
        interrupts: Interrupts,
    ) -> None:  # fmt: skip
        """One model on all folds; what it said, or why it said nothing, goes to `found`."""
        began, labels = perf_counter(), self.images.labels
        self.narrator.start(entry.name, expected)
        table = np.zeros((len(labels), len(self.images.classes)), dtype=np.float32)
        why = entry.too_large(self._learnt(entry), memory())
        notes: list[str] = []
        for fold, items in enumerate(self.folds if not why else ()):
            outcome = self._fit(server, entry, ring, fold, folder, interrupts)
            found.peak[entry.name] = max(found.peak.get(entry.name, 0), outcome.peak_bytes)
            if interrupts.count:
                raise InterruptedRunError("interrupted; nothing was written")
            if outcome.status != "ok":
                why = outcome.reason or f"fold {fold + 1} was not done within its limit of {self.options.limit:g} s"
                break
            table[items] = np.load(folder / "answers.npy")
            notes += outcome.value
        took = perf_counter() - began
        found.seconds[entry.name] = took
        if why:
            found.failed[entry.name] = why
            self.narrator.done(Row(entry.name, "failed", why), took)
            return
        found.tables[entry.name] = table
        if notes:
            found.notes[entry.name] = "; ".join(dict.fromkeys(notes))
        known = np.concatenate(self.folds)
        agrees = float((table[known].argmax(axis=1) == labels[known]).mean())
        self.narrator.done(Row(entry.name, "ok", valid_accuracy=agrees), took)

    def _fit(
        self, server: ForkServer, entry: Entry, ring: Ring, fold: int, folder: Path, interrupts: Interrupts
    ) -> Outcome:
        label = f"{entry.name}  fold {fold + 1}/{len(self.folds)}"

        def tell(kind: str, data: dict[str, Any]) -> None:
            self.narrator.event(label, kind, data)

        trains = ring.trains(fold)
        task = FoldTask(
            entry=entry,
            pixels=folder / "images.npy",
            trains=trains,
            answers=ring.answers(fold),
            y=self.images.labels[ring.items[trains]],
            classes=len(self.images.classes),
            seed=seeds.integer(self.options.seed, "suspects", fold),
            rows=_MOST_ROWS.get(entry.family, len(self.images)),
            seconds=self.options.limit,
            out=folder / "answers.npy",
        )
        limit = self.options.limit
        return server.run(fit_fold, task, log=folder / "log.txt", seconds=limit, on_event=tell, interrupts=interrupts)


def _brisk(make: Callable[[int], Any], n: int, seed: int) -> Any:
    """A net that is trained for fewer epochs, with a higher learning rate."""
    model = make(seed)
    return model.set_params(
        epochs=ceil(_EPOCHS_SHARE * auto_epochs(n, auto_batch(n))),
        learning_rate=max(model.learning_rate, _LEARNING_RATE),
        batch=min(model.batch or auto_batch(n), _BATCH),
    )
