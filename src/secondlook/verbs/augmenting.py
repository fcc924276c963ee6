"""How the training images of a comparison are varied: as asked, or, with "auto", as their labels allow."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from secondlook.data.augment import AUTO, parse
from secondlook.data.plan import Plan
from secondlook.errors import InterruptedRunError
from secondlook.models.entry import Entry
from secondlook.models.label_safety import SafetyTask, decide
from secondlook.runs.files import read_json, write_json
from secondlook.runs.jobs import ForkServer
from secondlook.runs.parent import Parent
from secondlook.runs.store import RunDirectory
from secondlook.types import LabelSafety
from secondlook.types.label_safety import KEPT_AS
from secondlook.verbs.options import Options

if TYPE_CHECKING:
    from secondlook.show.narrator import Narrator


def settled(
    options: Options,
    plan: Plan,
    entries: list[Entry],
    directory: RunDirectory,
    server: ForkServer,
    narrator: Narrator,
    *,
    started: float,
    parent: Parent | None = None,
) -> str:
    """The text that nets are given; what auto decides is kept in the run, and said.

    Args:
        started: when the command began, by `perf_counter`: its budget counts from there.
        parent: the run whose net goes on here, which may have decided already.

    Raises:
        UsageError: it is too strong for images of this size. InterruptedRunError: Ctrl-C.
    """
    if options.augment != AUTO:
        parse(options.augment).check_fits(*plan.images.shape[:2])
        return options.augment
    if not any(entry.is_net for entry in entries):
        narrator.say("augment auto: none of these models is a net, so nothing is varied")
        return ""
    kept = directory.path / KEPT_AS
    found = _known(kept, parent)
    if found is None:
        from secondlook.show.label_safety import lines

        narrator.say("augment auto: looking for what leaves the labels alone …")
        found = _decided(options, plan, directory, server, narrator, _seconds(options, started))
        for line in lines(found):
            narrator.say(line)
    write_json(kept, found.json())
    return found.augment


def _known(kept: Path, parent: Parent | None) -> LabelSafety | None:
    """What was decided before: in this run, which goes on, or in the one that this one goes on from."""
    if kept.is_file():
        return LabelSafety.from_json(read_json(kept))
    if parent is not None and parent.run.config.get("augment") == AUTO:
        return parent.run.label_safety
    return None


def _seconds(options: Options, started: float) -> float | None:
    """How long it may take: the limit of a fit, or what is left of the budget."""
    left = None if options.budget is None else max(0.0, options.budget - (perf_counter() - started))
    return min((most for most in (options.limit, left) if most is not None), default=None)


def _decided(
    options: Options, plan: Plan, directory: RunDirectory, server: ForkServer, narrator: Narrator, most: float | None
) -> LabelSafety:
    images, split = plan.images, plan.split
    labels = images.labels
    # Classes that are too small for the comparison have no images in any part.
    present, y = np.unique(np.concatenate([labels[split.train], labels[split.valid]]), return_inverse=True)
    y_train, y_valid = np.split(y.astype(np.int64), [len(split.train)])
    names = tuple(images.classes[c] for c in present)
    task = SafetyTask(directory.scratch_pixels(images, split), y_train, y_valid, names, options.seed)
    folder = directory.workplace("augment")
    outcome = server.run(decide, task, log=folder / "log.txt", seconds=most, on_event=partial(_tell, narrator))
    if outcome.status == "interrupted":
        raise InterruptedRunError(
            f"interrupted; nothing was fitted yet, and the same command begins anew in {directory.path}"
        )
    if outcome.status == "ok":
        found: LabelSafety = outcome.value
        return found
    reason = outcome.reason or f"it was not done within the {most:.3g} s it had"
    return LabelSafety("", reason)


def _tell(narrator: Narrator, kind: str, data: dict[str, Any]) -> None:
    if kind == "stopping":
        narrator.say("augment auto  stopping; press Ctrl-C again to stop at once")
    narrator.event("augment auto", kind, data)
