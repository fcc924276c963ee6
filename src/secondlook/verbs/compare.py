"""Which model is really better here? Fits a ladder of models on one split and puts them in one honest table."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import inf
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from secondlook.errors import InterruptedRunError
from secondlook.measure.scores import Metric
from secondlook.models.entry import Entry, Size
from secondlook.models.fitting import SEARCH_FOLDS, SEARCH_SETTINGS, FitTask, fit_model
from secondlook.models.ladder import choose, needs_torch, with_epochs
from secondlook.runs.jobs import ForkServer, Interrupts
from secondlook.runs.load import load_run, read_results
from secondlook.runs.machine import versions
from secondlook.runs.results import facts_of, majority_share, make_row, mistakes_to_show, ranked
from secondlook.runs.store import RunDirectory, open_next
from secondlook.types import PARTS, ImageSet, Part, Row, Run, Split
from secondlook.verbs.options import Options, command_line, seconds, stem

if TYPE_CHECKING:
    from secondlook.models.net_classifier import Factory
    from secondlook.show.narrator import Narrator


def compare(
    data: Any = "digits",
    *,
    models: str | Sequence[str] | None = None,
    nets: Mapping[str, str | Factory] | None = None,
    valid: float | int = 0.15,
    test: float | int = 0.15,
    metric: Metric = "balanced_accuracy",
    tune: bool = False,
    epochs: int | None = None,
    budget: str | float | None = None,
    limit: str | float | None = None,
    size: int | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    quiet: bool = False,
) -> Run:
    """Compares models on a set of labelled images.

    Every model is fitted on the training part in a process of its own, cheapest first. The one with the best score on
    the validation part is chosen; then the test part is opened, once, and every number in the table is computed from
    the stored predictions.

    Args:
        data: a path, a built-in ("digits", "slash"), an `ImageSet`, or a pair of arrays (X, y): images (n, h, w, c),
            (n, h, w) or flat (n, d), and labels (n,).
        models: names of the ladder, "all", or None for the default ones.
        nets: own nets by name: a net's text, or a function (image (h, w, c), outputs) → torch.nn.Module.
        valid, test: share of the items (0.15) or their number (250); where the source has its own parts, those count.
        metric: what chooses on validation: balanced_accuracy, accuracy, macro_f1 or log_loss.
        tune: search each model's settings on folds of the training part before it is fitted.
        epochs: the most that nets are trained.
        budget: time for the whole command: seconds, or "90s", "10m", "1h". limit: the same for one model, its
            predictions included.
        size: resize images to size x size; by default the native size where it is uniform, else 64.
        seed: gives every random stream.
        out: the run directory; by default runs/NAME-N. An incomplete run of the same configuration is gone on with.
        quiet: no progress on stderr.

    Returns:
        The finished `Run`, as `load_run` reopens it.

    Raises:
        UsageError, DataError, RunError: nothing was fitted. InterruptedRunError: Ctrl-C; finished rows are kept.
    """
    from secondlook.data.read import read, require_comparable
    from secondlook.data.split import split as cut
    from secondlook.show.narrator import Narrator

    started = perf_counter()
    options = Options(valid, test, metric, tune, epochs, seconds(budget), seconds(limit), size, seed)
    nets = nets or {}
    with contextlib.ExitStack() as stack:
        narrator = stack.enter_context(contextlib.closing(Narrator(quiet=quiet)))
        server = ForkServer(_libraries(needs_torch(models, nets)))  # it imports while we read
        stack.callback(server.close)
        entries = [with_epochs(entry, options.epochs) for entry in choose(models, nets)]
        images = read(data, size=options.size)
        require_comparable(images, valid=options.valid, test=options.test)
        split = cut(images, valid=options.valid, test=options.test, seed=options.seed)
        narrator.say(_what(images, split))
        identity = _identity(images, split, entries, options)
        directory = (
            RunDirectory(Path(out).expanduser()) if out is not None else open_next(stem(images.source), identity)
        )
        stack.callback(directory.close)
        stack.callback(server.close)  # before the directory, where a child may be writing
        command = command_line(data, models, nets, options, directory.path)
        directory.begin({**identity, **_made(split, command)}, identity)
        if directory.complete:
            narrator.say(f"{directory.path} is finished already; nothing was fitted again")
            return load_run(directory.path)
        if not directory.fresh:
            narrator.say(f"going on with {directory.path}")
        directory.write_data(images, split)
        return _Comparison(directory, images, split, entries, options, narrator, started).run(server)


class _Comparison:
    """The loop over the models of one run."""

    def __init__(
        self,
        directory: RunDirectory,
        images: ImageSet,
        split: Split,
        entries: list[Entry],
        options: Options,
        narrator: Narrator,
        started: float,
    ) -> None:
        self.directory, self.images, self.split = directory, images, split
        self.options, self.narrator, self.started = options, narrator, started
        size = Size(len(split.train), len(split.valid), len(split.test), images.shape, len(images.classes))
        # A search fits so many settings on so many folds, each time on the images of all folds but one.
        factor = 1 + SEARCH_SETTINGS * (SEARCH_FOLDS - 1) if options.tune else 1
        estimates = {e.name: e.seconds(size) * (factor if e.space else 1) for e in entries}
        self.entries = sorted(entries, key=lambda e: estimates[e.name])
        self.estimates = estimates
        self.pixels = directory.scratch_pixels(images)
        self.rows: dict[str, dict[str, Any]] = {}

    def run(self, server: ForkServer) -> Run:
        """Fits what is not done yet, then scores everything."""
        from secondlook.show.report import warm_up

        known = {e.name: self.directory.facts(e.name) for e in self.entries}
        self.rows = {name: facts for name, facts in known.items() if facts and _done(facts)}
        todo = [e for e in self.entries if e.name not in self.rows]
        if self.rows:
            self.narrator.say(f"done before: {', '.join(self.rows)}")
        self.narrator.plan([(e.name, self.estimates[e.name]) for e in todo])
        # While the children fit, this process only waits: time to import the half second that the report needs.
        threading.Thread(target=warm_up, daemon=True).start()
        with Interrupts() as interrupts:
            for entry in todo:
                self.rows[entry.name] = self._fit(server, entry, interrupts)
                if interrupts.count:
                    # The test part stays closed: the comparison is not done, and nothing was chosen.
                    raise InterruptedRunError(
                        f"interrupted; what is done is kept in {self.directory.path}, "
                        "and the same command goes on from there"
                    )
        self.narrator.close()
        return self._finish()

    def _fit(self, server: ForkServer, entry: Entry, interrupts: Interrupts) -> dict[str, Any]:
        """One model's turn: what is known of it afterwards."""
        limit, whose = self._time_for()
        facts: dict[str, Any] = {"family": entry.family, "net": entry.net}
        if limit is not None and limit <= 0:
            facts |= {"status": "skipped", "reason": "not started: the budget was used up"}
            self.narrator.done(self._row(entry.name, facts, test=False), 0.0)
            return facts
        folder = self.directory.workplace(entry.name)
        self.narrator.start(entry.name, self.estimates[entry.name])
        outcome = server.run(
            fit_model,
            self._task(entry, limit, folder),
            log=folder / "log.txt",
            seconds=limit,
            on_event=lambda kind, data: self._tell(entry.name, kind, data),
            interrupts=interrupts,
        )
        facts |= facts_of(outcome, whose)
        self.directory.keep(entry.name, facts)
        self.narrator.done(self._row(entry.name, facts, test=False), outcome.seconds)
        return facts

    def _time_for(self) -> tuple[float | None, str]:
        """How long the next model's turn may take, and whose limit that is, in words."""
        limit, budget = self.options.limit, self.options.budget
        left = inf if budget is None else budget - (perf_counter() - self.started)
        if limit is not None and limit <= left:
            return limit, f"its limit of {limit:g} s"
        return (None, "") if budget is None else (left, f"the {max(left, 0):.3g} s that were left of the budget")

    def _tell(self, model: str, kind: str, data: dict[str, Any]) -> None:
        if kind == "stopping":
            self.narrator.say(f"{model}  stopping in good order; press Ctrl-C again to stop at once")
        self.narrator.event(model, kind, data)

    def _task(self, entry: Entry, limit: float | None, folder: Path) -> FitTask:
        labels, split, options = self.images.labels, self.split, self.options
        return FitTask(
            entry=entry,
            pixels=self.pixels.resolve(),
            train=split.train,
            valid=split.valid,
            test=split.test,
            y_train=labels[split.train],
            y_valid=labels[split.valid],
            classes=len(self.images.classes),
            metric=options.metric,
            seed=options.seed,
            tune=options.tune,
            seconds=limit,
            folder=folder.resolve(),
        )

    def _row(self, model: str, facts: Mapping[str, Any], *, test: bool) -> Row:
        path = self.directory.path / "predictions" / f"{model}.npz"
        if "fit_seconds" not in facts:
            return make_row(model, facts, None, self.images, self.split, self.options.metric, test=test)
        with np.load(path) as file:
            said: dict[Part, Any] = {part: file[part] for part in (PARTS if test else PARTS[:2])}
        return make_row(model, facts, said, self.images, self.split, self.options.metric, test=test)

    def _finish(self) -> Run:
        """Chooses on validation, then opens the test part, scores, writes and seals."""
        directory, metric = self.directory, self.options.metric
        order = ranked([self._row(name, facts, test=False) for name, facts in self.rows.items()], metric)
        chosen = order[0].model if order and order[0].valid_score is not None else ""
        said = None
        if chosen:
            directory.open_test()
            said = directory.predictions(chosen, "test", self.images, self.split)
        rows = [self._row(row.model, self.rows[row.model], test=True) for row in order]
        majority = majority_share(self.images, self.split)
        results = {"metric": metric, "chosen": chosen, "chance": 1 / len(self.images.classes), "majority": majority}
        directory.write_results(results, rows, mistakes_to_show(said, self.images))
        devices = sorted({str(facts["device"]) for facts in self.rows.values() if "device" in facts})
        directory.write_made(perf_counter() - self.started, ", ".join(devices) or "cpu")
        run = read_results(directory.path)
        run.report()
        directory.seal()
        return run


def _libraries(nets: bool) -> list[str]:
    """What the fork server imports once for all fits: PyTorch only where a net is to be trained."""
    libraries = ["secondlook.models.fitting", "secondlook.models.classical", "sklearn.model_selection"]
    if nets:
        libraries += ["secondlook.models.net_classifier", "secondlook.models.engines.torch_engine", "safetensors.numpy"]
        libraries += ["torch._dynamo"]  # the first optimiser imports it: a second that would count as the first fit's
    return [*libraries, "secondlook.models.saving"]


def _done(facts: Mapping[str, Any]) -> bool:
    """Whether a model of an incomplete run need not be fitted again; one that failed gets another chance."""
    return facts["status"] in ("ok", "timeout") and not facts["interrupted"]


def _identity(images: ImageSet, split: Split, entries: list[Entry], options: Options) -> dict[str, Any]:
    """What makes two commands the same comparison; all of it is written into the run."""
    return {
        "data": images.fingerprint,
        "split_fingerprint": split.fingerprint,
        "models": [e.name for e in entries],
        "nets": {e.name: e.net for e in entries if e.is_net},
        **{name: getattr(options, name) for name in Options.__dataclass_fields__},
        "versions": versions(),
    }


def _made(split: Split, command: str) -> dict[str, Any]:
    """What a run's configuration says beside what identifies it."""
    return {
        "command": command,
        "split": {"method": split.method, "fingerprint": split.fingerprint},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _what(images: ImageSet, split: Split) -> str:
    parts = ", ".join(f"{len(split[part]):,} {part}" for part in PARTS)
    return f"{images.source}: {images.format}; {parts} ({split.method})"
