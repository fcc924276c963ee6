"""The loop over the models of one comparison: fits each, in every fold or by every seed, then has all scored."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.plan import Plan
from secondlook.errors import InterruptedRunError
from secondlook.judge.probes import sample
from secondlook.measure.objectives import Objective
from secondlook.models.class_weight import resolve
from secondlook.models.entry import Entry, Size
from secondlook.models.fitting import SEARCH_FOLDS, SEARCH_SETTINGS, FitTask, fit_model
from secondlook.runs.folds import gather, mean_row, merged
from secondlook.runs.jobs import ForkServer, Interrupts
from secondlook.runs.machine import memory
from secondlook.runs.parent import Parent
from secondlook.runs.repeats import joined, with_spread
from secondlook.runs.results import facts_of, make_row
from secondlook.runs.store import RunDirectory
from secondlook.types import PARTS, Part, Row, Run, Split
from secondlook.verbs.deciding import Before
from secondlook.verbs.finishing import finish
from secondlook.verbs.fits import Fit, fits_of
from secondlook.verbs.options import Options

if TYPE_CHECKING:
    from secondlook.show.narrator import Narrator

Facts = dict[str, Any]


@dataclass(eq=False)
class Comparison:
    """What is fitted, on what, and what is known of it so far.

    Attributes:
        plan: the images and the parts; every model is fitted once on each of `plan.splits`, or by each seed.
        leaked: bool (n_test,), test items that a model could know.
        started: when the command began, by `perf_counter`: its budget counts from there.
        facts: by model, of those that are done.
        parent: the run whose net goes on here.
        objective: what thresholds are chosen for.
        before: with decisions on labels: the same comparison on the labels as given.
    """

    directory: RunDirectory
    plan: Plan
    leaked: NDArray[np.bool_]
    entries: list[Entry]
    options: Options
    narrator: Narrator
    started: float
    facts: dict[str, Facts] = field(default_factory=dict)
    parent: Parent | None = None
    objective: Objective | None = None
    before: Before | None = None

    def __post_init__(self) -> None:
        images, split = self.plan.images, self.plan.split
        self.size = size = Size(len(split.train), len(split.valid), len(split.test), images.shape, len(images.classes))
        self.fits = {e.name: fits_of(e, self.plan, self.options, size) for e in self.entries}
        self.estimates = {
            e.name: len(self.fits[e.name]) * e.seconds(size) * (1 + self._searched(e)) for e in self.entries
        }
        self.entries = sorted(self.entries, key=lambda e: self.estimates[e.name])
        self._pixels: tuple[Split, Mapping[Part, Path]] | None = None

    def run(self, server: ForkServer) -> Run:
        """Fits what is not done yet, then scores everything."""
        from secondlook.show.report import warm_up

        known = {e.name: self._known(e.name) for e in self.entries}
        self.facts = {name: facts for name, facts in known.items() if facts}
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
        return finish(self)

    def _searched(self, entry: Entry) -> float:
        """How many times as long as a fit its search takes."""
        if not (self.options.tune and entry.space):
            return 0.0
        # So many settings on so many folds, each time on the images of all folds but one.
        return entry.searched(self.size, SEARCH_SETTINGS * (SEARCH_FOLDS - 1))

    def _known(self, model: str) -> Facts | None:
        """What is known of a model that is done, in every fold or by every seed."""
        if self.plan.folds is not None:
            facts = self.directory.facts(model)
            return facts if facts and _done(facts) else None
        found = [facts for fit in self.fits[model] if (facts := self.directory.facts(fit.name)) and _done(facts)]
        return joined(found, len(found)) if len(found) == len(self.fits[model]) else None

    def _turn(self, server: ForkServer, entry: Entry, interrupts: Interrupts) -> Facts:
        """One model's turn, in every fold or by every seed: what is known of it afterwards."""
        began, fits = perf_counter(), self.fits[entry.name]
        found: list[Facts] = []
        for fit in fits:
            known = self.directory.facts(fit.name)
            found.append(known if known and _done(known) else self._fit(server, entry, fit, interrupts))
            if interrupts.count:
                # The test part stays closed: the comparison is not done, and nothing was chosen.
                raise InterruptedRunError(
                    f"interrupted; what is done is kept in {self.directory.path}, "
                    "and the same command goes on from there"
                )
            # A fold that is missing leaves no mean; a seed that is missing leaves those that there are.
            if "fit_seconds" not in found[-1] and (self.plan.folds is not None or fit.index == 0):
                break
        facts = joined(found, len(fits)) if self.plan.folds is None else merged(found, len(fits))
        if self.plan.folds is not None and "fit_seconds" in facts:
            gather(self.directory, entry.name, facts, self.plan.images, self.plan.folds)
        self.narrator.done(self.row(entry.name, facts, test=False), perf_counter() - began)
        return facts

    def _fit(self, server: ForkServer, entry: Entry, fit: Fit, interrupts: Interrupts) -> Facts:
        """One fit: what is known of it afterwards."""
        limit, whose = self._time_for()
        facts: Facts = {"family": entry.family, "net": entry.net}
        if limit is not None and limit <= 0:
            return {**facts, "status": "skipped", "reason": "not started: the budget was used up"}
        if why := entry.too_large(self.size, memory()):
            return {**facts, "status": "skipped", "reason": why}
        if fit.index == 0:
            self.narrator.start(entry.name, self.estimates[entry.name])
        folder = self.directory.workplace(fit.name)
        outcome = server.run(
            fit_model,
            self._task(entry, fit, limit, folder),
            log=folder / "log.txt",
            seconds=limit,
            on_event=lambda kind, data: self._tell(fit.label, kind, data),
            interrupts=interrupts,
        )
        facts |= facts_of(outcome, whose)
        if self.parent is not None:
            facts["params"] = self.parent.run[entry.name].params
        if fit.index > 0:
            _drop_model(folder)
        self.directory.keep(fit.name, facts)
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

    def _task(self, entry: Entry, fit: Fit, limit: float | None, folder: Path) -> FitTask:
        split, labels, options = fit.split, self.plan.images.labels, self.options
        if self._pixels is None or self._pixels[0] is not split:
            self._pixels = split, self.directory.scratch_pixels(self.plan.images, split)
        return FitTask(
            entry=entry,
            pixels=self._pixels[1],
            y_train=labels[split.train],
            y_valid=labels[split.valid],
            classes=len(self.plan.images.classes),
            metric=options.metric,
            seed=fit.seed,
            tune=options.tune,
            seconds=limit,
            folder=folder.resolve(),
            class_weight=resolve(options.class_weight, self.plan.images.classes, labels[split.train]),
            goes_on_from=None if self.parent is None else self.parent.folder.resolve(),
            # What always says the same is not probed.
            probe=None
            if fit.index or entry.family == "baseline"
            else sample(labels[split.test], self.plan.images.shape, options.seed),
        )

    def row(self, model: str, facts: Mapping[str, Any], *, test: bool) -> Row:
        """A model's row, from its stored predictions."""
        if self.plan.folds is not None:
            rows = self.rows(model, test=test) if "fit_seconds" in facts else []
            return mean_row(model, facts, rows, len(self.plan.folds.items))
        fits = self.fits[model]
        row = self._fit_row(model, fits[0], facts, test=test)
        return row if len(fits) == 1 else with_spread(row, self.rows(model, test=test))

    def rows(self, model: str, *, test: bool) -> list[Row]:
        """A row for every fold or seed of a model that has answers."""
        known = [(fit, self.directory.facts(fit.name) or {}) for fit in self.fits[model]]
        return [self._fit_row(model, fit, facts, test=test) for fit, facts in known if "fit_seconds" in facts]

    def _fit_row(self, model: str, fit: Fit, facts: Mapping[str, Any], *, test: bool) -> Row:
        """The row of one fit."""
        images, metric = self.plan.images, self.options.metric
        if "fit_seconds" not in facts:
            return make_row(model, facts, None, images, fit.split, metric, test=test)
        said = self.directory.answers(fit.name, PARTS if test else PARTS[:2])
        leaked = self.leaked if self.plan.folds is None else None
        return make_row(model, facts, said, images, fit.split, metric, test=test, leaked=leaked)


def _done(facts: Mapping[str, Any]) -> bool:
    """Whether a model of an incomplete run need not be fitted again; one that failed gets another chance."""
    return facts["status"] in ("ok", "timeout") and not facts["interrupted"]


def _drop_model(folder: Path) -> None:
    """Of all folds but the first only the answers are kept."""
    for file in folder.iterdir():
        if file.name not in ("predictions.npz", "log.txt"):
            file.unlink()
