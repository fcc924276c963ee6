"""The loop over the models of one comparison: fits each, in every fold, then scores all and writes the run."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.data.plan import Plan
from secondlook.errors import InterruptedRunError
from secondlook.models.entry import Entry, Size
from secondlook.models.fitting import SEARCH_FOLDS, SEARCH_SETTINGS, FitTask, fit_model
from secondlook.runs.folds import fold_answers, fold_name, gather, mean_row, merged, write_folds
from secondlook.runs.jobs import ForkServer, Interrupts
from secondlook.runs.load import read_results
from secondlook.runs.machine import memory
from secondlook.runs.results import facts_of, majority_share, make_row, mistakes_to_show, ranked
from secondlook.runs.store import RunDirectory
from secondlook.types import PARTS, Part, Row, Run
from secondlook.verbs.options import Options

if TYPE_CHECKING:
    from secondlook.show.narrator import Narrator

Facts = dict[str, Any]


@dataclass(eq=False)
class Comparison:
    """What is fitted, on what, and what is known of it so far.

    Attributes:
        plan: the images and the parts; every model is fitted once on each of `plan.splits`.
        leaked: bool (n_test,), test items that a model could know.
        started: when the command began, by `perf_counter`: its budget counts from there.
        facts: by model, of those that are done.
    """

    directory: RunDirectory
    plan: Plan
    leaked: NDArray[np.bool_]
    entries: list[Entry]
    options: Options
    narrator: Narrator
    started: float
    facts: dict[str, Facts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        images, split = self.plan.images, self.plan.split
        self.size = size = Size(len(split.train), len(split.valid), len(split.test), images.shape, len(images.classes))
        # A search fits so many settings on so many folds, each time on the images of all folds but one.
        factor = 1 + SEARCH_SETTINGS * (SEARCH_FOLDS - 1) if self.options.tune else 1
        fits = len(self.plan.splits)
        self.estimates = {e.name: fits * e.seconds(size) * (factor if e.space else 1) for e in self.entries}
        self.entries = sorted(self.entries, key=lambda e: self.estimates[e.name])
        self._pixels: tuple[int, Mapping[Part, Path]] | None = None

    def run(self, server: ForkServer) -> Run:
        """Fits what is not done yet, then scores everything."""
        from secondlook.show.report import warm_up

        known = {e.name: self.directory.facts(e.name) for e in self.entries}
        self.facts = {name: facts for name, facts in known.items() if facts and _done(facts)}
        todo = [e for e in self.entries if e.name not in self.facts]
        if self.facts:
            self.narrator.say(f"done before: {', '.join(self.facts)}")
        self.narrator.plan([(e.name, self.estimates[e.name]) for e in todo])
        # While the children fit, this process only waits: time to import the half second that the report needs.
        threading.Thread(target=warm_up, daemon=True).start()
        with Interrupts() as interrupts:
            for entry in todo:
                self.facts[entry.name] = self._turn(server, entry, interrupts)
        self.narrator.close()
        return self._finish()

    def _turn(self, server: ForkServer, entry: Entry, interrupts: Interrupts) -> Facts:
        """One model's turn, in every fold: what is known of it afterwards."""
        began, fits = perf_counter(), len(self.plan.splits)
        found: list[Facts] = []
        for index in range(fits):
            known = self.directory.facts(fold_name(entry.name, index)) if self.plan.folds else None
            found.append(known if known and _done(known) else self._fit(server, entry, index, interrupts))
            if interrupts.count:
                # The test part stays closed: the comparison is not done, and nothing was chosen.
                raise InterruptedRunError(
                    f"interrupted; what is done is kept in {self.directory.path}, "
                    "and the same command goes on from there"
                )
            if "fit_seconds" not in found[-1]:
                break
        facts = found[0] if self.plan.folds is None else merged(found, fits)
        if self.plan.folds is not None and "fit_seconds" in facts:
            gather(self.directory, entry.name, facts, self.plan.images, self.plan.folds)
        self.narrator.done(self._row(entry.name, facts, test=False), perf_counter() - began)
        return facts

    def _fit(self, server: ForkServer, entry: Entry, index: int, interrupts: Interrupts) -> Facts:
        """One fit: what is known of it afterwards."""
        limit, whose = self._time_for()
        facts: Facts = {"family": entry.family, "net": entry.net}
        if limit is not None and limit <= 0:
            return {**facts, "status": "skipped", "reason": "not started: the budget was used up"}
        if why := entry.too_large(self.size, memory()):
            return {**facts, "status": "skipped", "reason": why}
        one = self.plan.folds is None
        name = entry.name if one else fold_name(entry.name, index)
        label = entry.name if one else f"{entry.name}  fold {index + 1}/{len(self.plan.splits)}"
        if index == 0:
            self.narrator.start(entry.name, self.estimates[entry.name])
        folder = self.directory.workplace(name)
        outcome = server.run(
            fit_model,
            self._task(entry, index, limit, folder),
            log=folder / "log.txt",
            seconds=limit,
            on_event=lambda kind, data: self._tell(label, kind, data),
            interrupts=interrupts,
        )
        facts |= facts_of(outcome, whose)
        if index > 0:
            _drop_model(folder)
        self.directory.keep(name, facts)
        return facts

    def _time_for(self) -> tuple[float | None, str]:
        """How long the next fit may take, and whose limit that is, in words."""
        limit, budget = self.options.limit, self.options.budget
        left = inf if budget is None else budget - (perf_counter() - self.started)
        if limit is not None and limit <= left:
            return limit, f"its limit of {limit:g} s"
        return (None, "") if budget is None else (left, f"the {max(left, 0):.3g} s that were left of the budget")

    def _tell(self, label: str, kind: str, data: dict[str, Any]) -> None:
        if kind == "stopping":
            self.narrator.say(f"{label}  stopping in good order; press Ctrl-C again to stop at once")
        self.narrator.event(label, kind, data)

    def _task(self, entry: Entry, index: int, limit: float | None, folder: Path) -> FitTask:
        split, labels, options = self.plan.splits[index], self.plan.images.labels, self.options
        if self._pixels is None or self._pixels[0] != index:
            self._pixels = index, self.directory.scratch_pixels(self.plan.images, split)
        return FitTask(
            entry=entry,
            pixels=self._pixels[1],
            y_train=labels[split.train],
            y_valid=labels[split.valid],
            classes=len(self.plan.images.classes),
            metric=options.metric,
            seed=options.seed if index == 0 else seeds.integer(options.seed, "fold", index),
            tune=options.tune,
            seconds=limit,
            folder=folder.resolve(),
        )

    def _row(self, model: str, facts: Mapping[str, Any], *, test: bool) -> Row:
        """A model's row, from its stored predictions."""
        if self.plan.folds is not None:
            rows = self._fold_rows(model, facts, test=test)
            return mean_row(model, facts, rows, len(self.plan.folds.items))
        images, split, metric = self.plan.images, self.plan.split, self.options.metric
        if "fit_seconds" not in facts:
            return make_row(model, facts, None, images, split, metric, test=test)
        with np.load(self.directory.path / "predictions" / f"{model}.npz") as file:
            said: dict[Part, Any] = {part: file[part] for part in (PARTS if test else PARTS[:2])}
        return make_row(model, facts, said, images, split, metric, test=test, leaked=self.leaked)

    def _fold_rows(self, model: str, facts: Mapping[str, Any], *, test: bool) -> list[Row]:
        """A row per fold of a model; none where a fold is missing."""
        if "fit_seconds" not in facts:
            return []
        rows = []
        for index, split in enumerate(self.plan.splits):
            known = self.directory.facts(fold_name(model, index)) or {}
            said = fold_answers(self.directory, model, index, test=test)
            rows.append(make_row(model, known, said, self.plan.images, split, self.options.metric, test=test))
        return rows

    def _finish(self) -> Run:
        """Chooses on validation, then opens the test part, scores, writes and seals."""
        directory, metric, plan = self.directory, self.options.metric, self.plan
        order = ranked([self._row(name, facts, test=False) for name, facts in self.facts.items()], metric)
        chosen = order[0].model if order and order[0].valid_score is not None else ""
        said = None
        if chosen:
            directory.open_test()
            said = directory.predictions(chosen, "test", plan.images, plan.shown)
        rows = [self._row(row.model, self.facts[row.model], test=True) for row in order]
        if plan.folds is not None:
            tables = {row.model: self._fold_rows(row.model, self.facts[row.model], test=True) for row in order}
            write_folds(directory.path / "folds.csv", plan.folds, tables)
        majority = fmean(majority_share(plan.images, split) for split in plan.splits)
        results = {"metric": metric, "chosen": chosen, "chance": 1 / len(plan.images.classes), "majority": majority}
        directory.write_results(results, rows, mistakes_to_show(said, plan.images))
        devices = sorted({str(facts["device"]) for facts in self.facts.values() if "device" in facts})
        directory.write_made(perf_counter() - self.started, ", ".join(devices) or "cpu")
        run = read_results(directory.path)
        run.report()
        directory.seal()
        return run


def _done(facts: Mapping[str, Any]) -> bool:
    """Whether a model of an incomplete run need not be fitted again; one that failed gets another chance."""
    return facts["status"] in ("ok", "timeout") and not facts["interrupted"]


def _drop_model(folder: Path) -> None:
    """Of all folds but the first only the answers are kept."""
    for file in folder.iterdir():
        if file.name not in ("predictions.npz", "log.txt"):
            file.unlink()
