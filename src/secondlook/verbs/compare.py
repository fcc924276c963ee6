"""Which model is really better here? Fits a ladder of models on one split and puts them in one honest table."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.plan import Plan
from secondlook.measure.scores import Metric
from secondlook.models.entry import Entry
from secondlook.models.ladder import choose, needs_torch, with_epochs
from secondlook.runs.folds import membership
from secondlook.runs.jobs import ForkServer
from secondlook.runs.load import load_run
from secondlook.runs.machine import versions
from secondlook.runs.store import RunDirectory, open_next
from secondlook.types import PARTS, Audit, Run
from secondlook.verbs.audit import judged, measure, muted
from secondlook.verbs.comparison import Comparison
from secondlook.verbs.options import TEST, VALID, Options, command_line, seconds, stem

if TYPE_CHECKING:
    from secondlook.data.audit import Measured
    from secondlook.data.read.settings import Resize
    from secondlook.models.net_classifier import Factory
    from secondlook.show.narrator import Narrator


def compare(
    data: Any = "digits",
    *,
    models: str | Sequence[str] | None = None,
    nets: Mapping[str, str | Factory] | None = None,
    valid: float | int = VALID,
    test: float | int = TEST,
    cv: str | int | None = None,
    group: str = "",
    metric: Metric = "balanced_accuracy",
    tune: bool = False,
    epochs: int | None = None,
    class_weight: str = "",
    augment: str = "",
    objective: str = "",
    cost: str | Path = "",
    seeds: int = 1,
    labels: str | Path = "",
    budget: str | float | None = None,
    limit: str | float | None = None,
    size: int | None = None,
    resize: Resize = "stretch",
    strict: bool = False,
    cache: bool = True,
    seed: int = 0,
    mute: str | Iterable[str] = (),
    out: str | Path | None = None,
    quiet: bool = False,
) -> Run:
    """Compares models on a set of labelled images.

    The images are audited first, see `secondlook.audit`; the run keeps what was found. Every model is fitted on the
    training part in a process of its own, cheapest first. The one with the best score on the validation part is chosen;
    then the test part is opened, once, and every number in the table is computed from the stored predictions.

    Args:
        data: a path, a built-in ("digits", "slash"), an `ImageSet`, or a pair of arrays (X, y): images (n, h, w, c),
            (n, h, w) or flat (n, d), and labels (n,).
        models: names of the ladder, "all", or None for the default ones.
        nets: own nets by name: a net's text, or a function (image (h, w, c), outputs) → torch.nn.Module.
        valid, test: share of the items (0.15) or their number (250); where the source has its own parts, those count.
        cv: folds in place of a test part, for small sets: 5, or "5x3" for 5 folds 3 times over (2 times by default).
            Every item is tested once per repeat; scores are means over folds, with Nadeau and Bengio's interval. A
            source with a test part of its own is refused.
        group: what belongs together and must stay in one part: a manifest's column, or a regular expression on names.
        metric: what chooses on validation: balanced_accuracy, accuracy, macro_f1 or log_loss.
        tune: search each model's settings on folds of the training part before it is fitted.
        epochs: the most that nets are trained.
        class_weight: how much each image of a class counts in training: "balanced" (by 1 / the class's share), or
            "hotdog=7,other=1".
        augment: what nets vary their training images by: "auto" or "shift=2,rotate=10,flip".
        objective: thresholds of the answers, chosen on validation: "recall:hotdog>=0.9", or a metric's name.
        cost: a CSV of what each answer costs for each true class, in place of an objective.
        seeds: how often every model is fitted, each time by other random streams.
        labels: a file of decisions on labels, as `secondlook.suspects` writes it.
        budget: time for the whole command: seconds, or "90s", "10m", "1h". limit: the same for one model, its
            predictions included.
        size: resize images to size x size; by default a uniform native size is kept (of photos, up to 256), else 64.
        resize, strict, cache: how the images are read, see `secondlook.read`; `strict` also refuses classes that are
            too small to be in every part, which are left out otherwise.
        seed: gives every random stream.
        mute: codes of findings that are not asked for: "D103", "D103,D201" or ["D103", "D201"].
        out: the run directory; by default runs/NAME-N. An incomplete run of the same configuration is gone on with.
        quiet: no progress on stderr.

    Returns:
        The finished `Run`, as `load_run` reopens it.

    Raises:
        UsageError, DataError, RunError: nothing was fitted. InterruptedRunError: Ctrl-C; finished rows are kept.
    """
    from secondlook.data.audit import Measured
    from secondlook.data.plan import plan as make_plan
    from secondlook.data.read import read
    from secondlook.show.narrator import Narrator

    started = perf_counter()
    codes = muted(mute)
    options = Options(
        valid, test, metric, tune, epochs, seconds(budget), seconds(limit), size, seed, cv, group, resize, strict,
        cache, ",".join(codes), class_weight, augment, objective, str(cost), seeds, str(labels),
    )  # fmt: skip
    nets = nets or {}
    with contextlib.ExitStack() as stack:
        narrator = stack.enter_context(contextlib.closing(Narrator(quiet=quiet)))
        server = ForkServer(_libraries(needs_torch(models, nets)))  # it imports while we read
        stack.callback(server.close)
        entries = [with_epochs(entry, options.epochs) for entry in choose(models, nets)]
        with narrator.work("reading the images"):
            images = read(data, size=options.size, resize=resize, group=group, strict=strict, cache=cache)
        measured = Measured(images)
        measure(measured, narrator)
        plan = make_plan(
            measured, valid=options.valid, test=options.test, seed=options.seed, cv=options.folds, strict=strict
        )
        leaked = _leaked(measured, plan)
        narrator.say(_what(plan))
        identity = _identity(plan, entries, options)
        directory = (
            RunDirectory(Path(out).expanduser()) if out is not None else open_next(stem(images.source), identity)
        )
        stack.callback(directory.close)
        stack.callback(server.close)  # before the directory, where a child may be writing
        command = command_line(data, models, nets, options, directory.path)
        directory.begin({**identity, **_made(plan, command)}, identity)
        if directory.complete:
            narrator.say(f"{directory.path} is finished already; nothing was fitted again")
            return load_run(directory.path)
        if not directory.fresh:
            narrator.say(f"going on with {directory.path}")
        _write_data(directory, plan, leaked)
        directory.write_audit(_audited(measured, plan, codes, directory.path, narrator))
        return Comparison(directory, plan, leaked, entries, options, narrator, started).run(server)


def _libraries(nets: bool) -> list[str]:
    """What the fork server imports once for all fits: PyTorch only where a net is to be trained."""
    libraries = ["secondlook.models.fitting", "secondlook.models.classical", "sklearn.model_selection"]
    if nets:
        libraries += ["secondlook.models.net_classifier", "secondlook.models.engines.torch_engine", "safetensors.numpy"]
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


def _identity(plan: Plan, entries: list[Entry], options: Options) -> dict[str, Any]:
    """What makes two commands the same comparison; all of it is written into the run."""
    return {
        "data": plan.images.fingerprint,
        "split_fingerprint": plan.fingerprint,
        "models": [e.name for e in entries],
        "nets": {e.name: e.net for e in entries if e.is_net},
        **options.identity(),
        "versions": versions(),
    }


def _made(plan: Plan, command: str) -> dict[str, Any]:
    """What a run's configuration says beside what identifies it."""
    return {
        "command": command,
        "split": {"method": plan.method, "fingerprint": plan.fingerprint},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _what(plan: Plan) -> str:
    images, folds = plan.images, plan.folds
    if folds is not None:
        return f"{images.source}: {images.format}; {len(folds.items):,} images ({plan.method})"
    parts = ", ".join(f"{len(plan.split[part]):,} {part}" for part in PARTS)
    return f"{images.source}: {images.format}; {parts} ({plan.method})"
