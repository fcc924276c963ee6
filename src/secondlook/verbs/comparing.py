"""The course of a comparison: reads, audits and plans, opens the run's directory, and has every model fitted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.plan import Plan
from secondlook.measure.objectives import Objective
from secondlook.models.entry import Entry
from secondlook.models.ladder import needs_torch, with_augment, with_engine, with_epochs, with_recipe
from secondlook.runs.folds import membership
from secondlook.runs.jobs import ForkServer
from secondlook.runs.load import load_run
from secondlook.runs.operating import read_objective
from secondlook.runs.parent import Parent, check_same
from secondlook.runs.store import RunDirectory, open_next
from secondlook.types import Audit, Run
from secondlook.verbs.audit import judged, measure
from secondlook.verbs.augmenting import settled
from secondlook.verbs.comparison import Comparison
from secondlook.verbs.deciding import Before, Deciding, deciding, known_run
from secondlook.verbs.identity import described, identity_of, made_of
from secondlook.verbs.options import Options, command_line, stem
from secondlook.verbs.recipes import recipe_of

if TYPE_CHECKING:
    from secondlook.data.audit import Measured
    from secondlook.models.net_classifier import Factory
    from secondlook.show.narrator import Narrator


@dataclass(frozen=True, eq=False)
class Request:
    """What is asked of a comparison.

    Attributes:
        codes: the findings that are muted.
        parent: what a net goes on from.
        measured: the data, where they were read and measured before.
        command: from the run's directory to the command line that makes it, where it is not a plain comparison.

    The rest is as `compare` takes it.
    """

    data: Any
    models: str | Sequence[str] | None
    nets: Mapping[str, str | Factory]
    options: Options
    codes: tuple[str, ...] = ()
    out: str | Path | None = None
    quiet: bool = False
    parent: Parent | None = None
    command: Callable[[Path], str] | None = None
    measured: Measured | None = None


@dataclass(frozen=True, eq=False)
class Material:
    """What a comparison works on.

    Attributes:
        measured: the images as read, and what was measured on them.
        given: the plan on the labels as given. plan: the plan with the decisions on labels, or the same.
        decided: what decisions on labels change; None without.
        leaked: bool (n_test,), test items that a model could know.
        objective: what thresholds are chosen for; None for the most probable class.
    """

    measured: Measured
    given: Plan
    plan: Plan
    decided: Deciding | None
    leaked: NDArray[np.bool_]
    objective: Objective | None


def compared(request: Request, entries_of: Callable[[], list[Entry]]) -> Run:
    """Makes the run that was asked for, or goes on with it; with a parent, one that goes on from that."""
    from secondlook.show.narrator import Narrator

    started, options = perf_counter(), request.options
    with contextlib.ExitStack() as stack:
        narrator = stack.enter_context(contextlib.closing(Narrator(quiet=request.quiet)))
        server = ForkServer(_libraries(needs_torch(request.models, request.nets)))  # it imports while we read
        stack.callback(server.close)
        entries = [_as_asked(entry, options) for entry in entries_of()]
        material = _material(request, narrator)
        plan, objective = material.plan, material.objective
        directory = _directory(request, material, entries)
        stack.callback(directory.close)
        stack.callback(server.close)  # before the directory, where a child may be writing
        if directory.complete:
            narrator.say(f"{directory.path} is finished already; nothing was fitted again")
            return load_run(directory.path)
        if not directory.fresh:
            narrator.say(f"going on with {directory.path}")
        _write_data(directory, plan, material.leaked)
        directory.write_audit(_audited(material.measured, material.given, request.codes, directory.path, narrator))
        before = _before(request, entries_of, material, entries, directory.path, narrator)
        augment = settled(options, plan, entries, directory, server, narrator, started=started, parent=request.parent)
        return Comparison(
            directory, plan, material.leaked, [with_augment(entry, augment) for entry in entries], options, narrator,
            started, parent=request.parent, objective=objective, before=before,
        ).run(server)  # fmt: skip


def _as_asked(entry: Entry, options: Options) -> Entry:
    """The entry with what the options say of its training."""
    trained = with_recipe(with_epochs(entry, options.epochs), recipe_of(options.recipe))
    return with_engine(trained, options.engine, options.precision)


def _material(request: Request, narrator: Narrator) -> Material:
    """Reads the images, measures them, and plans what is to be done with them."""
    from secondlook.data.plan import plan as make_plan

    options = request.options
    measured = _measured(request, narrator) if request.measured is None else request.measured
    images = measured.images
    given = make_plan(
        measured, valid=options.valid, test=options.test, seed=options.seed, cv=options.folds, strict=options.strict
    )
    decided = deciding(given, options.labels) if options.labels else None
    plan = given if decided is None else decided.plan
    narrator.say(described(plan))
    if request.parent is not None:
        check_same(request.parent, plan.images.fingerprint, plan.fingerprint)
    objective = read_objective(options.objective, options.cost, images.classes)
    return Material(measured, given, plan, decided, _leaked(measured, plan), objective)


def _measured(request: Request, narrator: Narrator) -> Measured:
    from secondlook.data.audit import Measured
    from secondlook.data.read import read

    options = request.options
    settings = {name: getattr(options, name) for name in ("size", "resize", "group", "strict", "cache")}
    with narrator.work("reading the images"):
        images = read(request.data, **settings)
    measured = Measured(images)
    measure(measured, narrator)
    return measured


def _directory(request: Request, material: Material, entries: list[Entry]) -> RunDirectory:
    """The run's directory: a new one, or one of the same comparison to go on with."""
    plan, options = material.plan, request.options
    identity = identity_of(plan, entries, options, request.parent, material.objective)
    identity |= {} if material.decided is None else {"decisions": material.decided.decided.fingerprint}
    made = made_of(plan, options, request.parent)  # before anything is written: it refuses what is no class
    name = stem(plan.images.source)
    directory = RunDirectory(Path(request.out).expanduser()) if request.out is not None else open_next(name, identity)
    try:
        directory.begin({**identity, **made, "command": _command(request, directory.path)}, identity)
    except BaseException:
        directory.close()
        raise
    return directory


def _before(
    request: Request, entries_of: Callable[[], list[Entry]], material: Material, entries: list[Entry], path: Path,
    narrator: Narrator,
) -> Before | None:  # fmt: skip
    """With decisions on labels: what the same models do on the labels as given."""
    if material.decided is None:
        return None
    options = replace(request.options, labels="")
    plain = identity_of(material.given, entries, options, None, material.objective)
    run = _on_given_labels(request, entries_of, material.measured, plain, path, narrator)
    return Before(material.decided, run)


def _on_given_labels(
    request: Request, entries_of: Callable[[], list[Entry]], measured: Measured, identity: Mapping[str, Any],
    path: Path, narrator: Narrator,
) -> Run | None:  # fmt: skip
    """The same comparison on the labels as given: one that is there already, else one in the run's own folder "given".

    None for a net that goes on from another run, which has no such twin.
    """
    if request.parent is not None:
        return None
    if (known := known_run(stem(measured.images.source), identity)) is not None:
        narrator.say(f"scores on the labels as given are those of {known}")
        return load_run(known)
    narrator.say("first on the labels as given:")
    budget = request.options.budget
    options = replace(request.options, labels="", budget=None if budget is None else budget / 2)

    def command(place: Path) -> str:
        return command_line(request.data, request.models, request.nets, options, place)

    twin = replace(request, measured=measured, options=options, out=path / "given", command=command)
    return compared(twin, entries_of)


def _command(request: Request, path: Path) -> str:
    """The command line that makes the run at `path`, or goes on with it."""
    if request.command is not None:
        return request.command(path)
    return command_line(request.data, request.models, request.nets, request.options, path)


def _libraries(nets: bool) -> list[str]:
    """What the fork server imports once for all fits: PyTorch only where a net is to be trained."""
    libraries = ["secondlook.models.fitting", "secondlook.models.classical", "sklearn.model_selection"]
    if nets:
        libraries += ["secondlook.models.net_classifier", "secondlook.models.engines.choosing", "safetensors.numpy"]
        libraries += ["torch._dynamo"]  # the first optimiser imports it: a second that would count as the first fit's
    return [*libraries, "secondlook.models.saving"]


def _audited(measured: Measured, plan: Plan, codes: tuple[str, ...], path: Path, narrator: Narrator) -> Audit:
    """What is to be said of the images; what is serious is said at once, before the models take their time."""
    whole = None if plan.folds is not None else plan.split
    why = "" if plan.folds is None else "every image is tested in folds"
    found = replace(judged(measured, whole, why, codes, narrator), path=path)
    for finding in found.findings:
        if finding.severity == "serious":
            narrator.say(f"{finding.code} serious: {finding.title}")
    return found


def _leaked(measured: Measured, plan: Plan) -> NDArray[np.bool_]:
    """Which items of the test part a model could know, bool (n_test,). In folds what belongs together is not torn."""
    if plan.folds is not None:
        return np.zeros(len(plan.folds.items), dtype=np.bool_)
    from secondlook.judge.findings.context import DataContext
    from secondlook.judge.findings.leaks import leaked

    return np.isin(plan.split.test, leaked(DataContext(measured, plan.split), "test").items)


def _write_data(directory: RunDirectory, plan: Plan, leaked: NDArray[np.bool_]) -> None:
    folds = {} if plan.folds is None else {"folds": membership(plan.folds, len(plan.images))}
    directory.write_data(plan.images, plan.shown, leaked=leaked, **folds)
