"""The course of a study: plans its cells, fits those that are not done yet, several at a time, and keeps each."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from secondlook.data.plan import Plan
from secondlook.data.subsets import Pool, hardest_order, subset, wrong_labels
from secondlook.errors import InterruptedRunError, RunError
from secondlook.measure.intervals import wilson
from secondlook.models.cell import CellTask, fit_cell
from secondlook.models.entry import Entry, Size
from secondlook.runs.cells import read_cell, write_cell
from secondlook.runs.files import read_json, write_json
from secondlook.runs.interrupts import Interrupts
from secondlook.runs.job import Outcome
from secondlook.runs.workers import Call, Workers
from secondlook.types import Cell, History, ImageSet
from secondlook.verbs.study_cells import Planned, cell_seed

if TYPE_CHECKING:
    from secondlook.show.study_progress import Progress

# The hardest classes are found by a quick model from so many images of each, on as many others.
PILOT, PILOT_ROWS = "logistic", 200


@dataclass(frozen=True, eq=False)
class Course:
    """What every cell of a study shares.

    Attributes:
        entries: models by name.
        augment: what the remedy of that name varies images by.
        limit: seconds that a cell may take, or None.
        seed: the study's; a cell's own streams follow from it and from the cell's.
    """

    images: ImageSet
    pool: Pool
    entries: Mapping[str, Entry]
    augment: str
    limit: float | None
    seed: int

    def call(self, cell: Planned) -> Call:
        """The job of a cell."""
        pool, seed = self.pool, cell_seed(self.seed, cell.seed)
        items = subset(pool, dict(zip(cell.members, cell.rows, strict=True)), seed)
        labels = pool.labels[items]
        if cell.noise:
            labels = wrong_labels(pool, items, cell.members, cell.noise / 100, seed)
        test, codes = pool.test_items(cell.members), np.asarray(cell.members)
        names = tuple(pool.classes[code] for code in cell.members)
        task = CellTask(
            self.entries[cell.model], items, np.searchsorted(codes, labels), test,
            np.searchsorted(codes, pool.labels[test]), names, seed, cell.remedy or "", self.augment,  # type: ignore[arg-type]
        )  # fmt: skip
        return Call(cell.name, fit_cell, (task,), self.limit)

    def estimate(self, cell: Planned) -> float:
        """Seconds that a cell takes, roughly."""
        n_test = len(self.pool.test_items(cell.members))
        size = Size(cell.size, 0, n_test, self.images.shape, len(cell.members))
        return self.entries[cell.model].seconds(size)

    def result(self, cell: Planned, outcome: Outcome) -> Cell:
        """What is kept of a cell that has ended."""
        names = tuple(self.pool.classes[code] for code in cell.members)
        same: dict[str, Any] = {
            "name": cell.name, "model": cell.model, "seed": cell.seed, "rows": cell.per_class,
            "classes": len(cell.members), "members": names, "minority": cell.minority, "noise": cell.noise,
            "remedy": cell.remedy, "order": cell.order,
        }  # fmt: skip
        if outcome.status != "ok":
            why = outcome.reason or f"not done within its limit of {self.limit:g} s"
            return Cell(**same, status="timeout" if outcome.status == "timeout" else "failed", reason=why)
        found = outcome.value
        n = sum(found["n_test"])
        low, high = wilson(sum(found["hits"]), n)
        history = None if found["history"] is None else History.from_json(found["history"])
        return Cell(
            **same, status="ok", reason="; ".join(found["notes"]), test_accuracy=found["test_accuracy"], test_low=low,
            test_high=high, test_log_loss=found["test_log_loss"], n_test=n, hits=tuple(found["hits"]),
            counts=tuple(found["n_test"]), fit_seconds=found["fit_seconds"], engine=found["engine"], history=history,
            train_accuracy=found["train_accuracy"], trained=found["trained"], stored=found["stored"],
        )  # fmt: skip


def pool_of(plan: Plan) -> Pool:
    """What a study trains on and tests on: a comparison's training and validation parts together, and its test part."""
    images, split = plan.images, plan.split
    train = np.sort(np.concatenate([split.train, split.valid])).astype(np.int64)
    return Pool(images.labels, train, np.sort(split.test), tuple(images.classes))


def fitted(
    course: Course, cells: Sequence[Planned], workers: Workers, folder: Path, progress: Progress
) -> tuple[Cell, ...]:
    """Every cell, those that were kept before and those fitted now, in the order of `cells`.

    Of each seed the longest are fitted first: where a long one came last, all cores but its own would wait for it.

    Raises:
        InterruptedRunError: Ctrl-C; what is done is kept.
    """
    by_name = {cell.name: cell for cell in cells}
    done = {name: kept for name in by_name if (kept := read_cell(folder, name)) is not None}
    expected = {cell.name: course.estimate(cell) for cell in cells if cell.name not in done}
    todo = sorted((by_name[name] for name in expected), key=lambda c: (c.seed, -expected[c.name]))
    progress.begin(len(cells), list(done.values()), expected)
    with contextlib.closing(progress), Interrupts() as interrupts:
        calls = [course.call(cell) for cell in todo]
        for call, outcome in workers.run(calls, course.images.pixels, progress.event, interrupts):
            if outcome.status == "interrupted":
                continue
            cell = course.result(by_name[call.key], outcome)
            write_cell(folder, cell)
            done[cell.name] = cell
            progress.ended(cell, outcome.seconds)
        if interrupts.count:
            raise InterruptedRunError(
                f"interrupted; {len(done):,} of {len(cells):,} cells are kept: the same command goes on from there"
            )
    return tuple(done[cell.name] for cell in cells)


def hardest_classes(course: Course, entry: Entry, workers: Workers, folder: Path) -> tuple[int, ...]:
    """The classes in the order of `data.subsets.hardest_order`, from a quick model's answers to training images."""
    kept = folder / "hardest.json"
    if kept.exists():
        return tuple(read_json(kept))
    pool = course.pool
    members = np.flatnonzero(pool.counts())
    rows = min(PILOT_ROWS, int(pool.counts()[members].min()) // 2)
    whole = subset(pool, dict.fromkeys(members.tolist(), 2 * rows), course.seed)
    items = subset(pool, dict.fromkeys(members.tolist(), rows), course.seed)
    others = np.setdiff1d(whole, items)
    names = tuple(pool.classes[code] for code in members)
    labels, asked = (np.searchsorted(members, pool.labels[some]) for some in (items, others))
    task = CellTask(entry, items, labels, others, asked, names, course.seed)
    with Interrupts() as interrupts:
        calls = [Call("pilot", fit_cell, (task,))]
        ended = [one for _, one in workers.run(calls, course.images.pixels, _silent, interrupts)]
        if interrupts.count or not ended:
            raise InterruptedRunError("interrupted; nothing was fitted yet")
    if ended[0].status != "ok":
        raise RunError(f"the hardest classes could not be found, since {PILOT} failed: {ended[0].reason}")
    order = tuple(int(members[at]) for at in hardest_order(np.array(ended[0].value["confusion"])))
    write_json(kept, list(order))
    return order


def _silent(key: str, kind: str, data: dict[str, Any]) -> None:
    pass
