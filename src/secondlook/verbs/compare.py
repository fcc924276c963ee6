"""Which model is really better here? Fits a ladder of models on one split and puts them in one honest table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from secondlook.errors import InterruptedRunError
from secondlook.measure.scores import Metric
from secondlook.models.entry import Entry, Size
from secondlook.models.ladder import choose, with_epochs
from secondlook.runs.jobs import ForkServer
from secondlook.runs.load import load_run, read_results
from secondlook.runs.machine import versions
from secondlook.runs.results import facts_of, majority_share, make_row, mistakes_to_show, ranked
from secondlook.runs.store import RunDirectory, next_out
from secondlook.types import PARTS, ImageSet, Part, Row, Run, Split
from secondlook.verbs.options import Options, command_line, seconds, stem

if TYPE_CHECKING:
    from secondlook.models.fitting import FitTask
    from secondlook.models.net_classifier import Factory
    from secondlook.show.narrator import Narrator

# What a search costs against one fit: so many settings and folds, each on two thirds of the training part.
SEARCH_FACTOR = 1 + 10 * 3 * 2 / 3


def compare(
    data: Any = "digits",
    *,
    models: Sequence[str] | None = None,
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
        models: names of the ladder, ["all"], or None for the default ones.
        nets: own nets by name: a net's text, or a function (image (h, w, c), outputs) → torch.nn.Module.
        valid, test: share of the items (0.15) or their number (250); where the source has its own parts, those count.
        metric: what chooses on validation: balanced_accuracy, accuracy, macro_f1 or log_loss.
        tune: search each model's settings on folds of the training part before it is fitted.
        epochs: the most that nets are trained.
        budget: time for the whole command, limit: for one fit; seconds, or "90s", "10m", "1h".
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
    entries = [with_epochs(entry, epochs) for entry in choose(models, nets or {})]
    narrator = Narrator(quiet=quiet)
    with ForkServer(_libraries(entries)) as server:  # it imports while we read
        images = read(data, size=size)
        require_comparable(images, valid=valid, test=test)
        split = cut(images, valid=valid, test=test, seed=seed)
        narrator.say(_what(images, split))
        identity = _identity(images, split, entries, options)
        path, goes_on = (Path(out), False) if out is not None else next_out(stem(images.source), identity)
        command = command_line(data, models, nets, options, path)
        directory = RunDirectory(path)
        try:
            directory.begin({**identity, **_made(split, command)}, identity)
            if directory.complete:
                narrator.say(f"{path} is finished already; nothing was fitted again")
                return load_run(path)
            if goes_on or not directory.fresh:
                narrator.say(f"going on with {path}")
            directory.write_data(images, split)
            return _Comparison(directory, images, split, entries, options, narrator, started).run(server)
        finally:
            narrator.close()
            directory.close()


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
        factor = SEARCH_FACTOR if options.tune else 1.0
        estimates = {e.name: e.seconds(size) * (factor if e.space else 1.0) for e in entries}
        self.entries = sorted(entries, key=lambda e: estimates[e.name])
        self.estimates = estimates
        self.pixels = directory.scratch_pixels(images)
        self.interrupted = False
        self.rows: dict[str, dict[str, Any]] = {}

    def run(self, server: ForkServer) -> Run:
        """Fits what is not done yet, then scores everything."""
        known = {e.name: self.directory.facts(e.name) for e in self.entries}
        self.rows = {name: facts for name, facts in known.items() if facts and _done(facts)}
        todo = [e for e in self.entries if e.name not in self.rows]
        if self.rows:
            self.narrator.say(f"done before: {', '.join(self.rows)}")
        self.narrator.plan([(e.name, self.estimates[e.name]) for e in todo])
        for entry in todo:
            self.rows[entry.name] = self._fit(server, entry)
        self.narrator.close()
        run = self._finish()
        if self.interrupted:
            message = f"interrupted; what is done is kept in {run.path}, and the same command goes on from there"
            raise InterruptedRunError(message, run)
        return run

    def _fit(self, server: ForkServer, entry: Entry) -> dict[str, Any]:
        """One model's turn: what is known of it afterwards."""
        from secondlook.models.fitting import fit_model

        limit, why_not = self._time_for()
        if why_not:
            facts = {"family": entry.family, "net": entry.net, "status": "skipped", "reason": why_not}
            self.narrator.done(self._row(entry.name, facts, test=False), 0.0)
            return facts
        folder = self.directory.workplace(entry.name)
        self.narrator.start(entry.name, self.estimates[entry.name])
        outcome = server.run(
            fit_model,
            self._task(entry, limit, folder),
            seconds=_patience(limit, entry),
            on_event=lambda kind, data: self.narrator.event(entry.name, kind, data),
            log=folder / "log.txt",
        )
        self.interrupted = outcome.interrupted
        facts = {"family": entry.family, "net": entry.net, **facts_of(outcome, limit)}
        self.directory.keep(entry.name, facts)
        self.narrator.done(self._row(entry.name, facts, test=False), outcome.seconds)
        return facts

    def _time_for(self) -> tuple[float | None, str]:
        """The limit of the next fit, and why it is not to start ("" when it is)."""
        if self.interrupted:
            return None, "not started: interrupted before"
        if self.options.budget is None:
            return self.options.limit, ""
        left = self.options.budget - (perf_counter() - self.started)
        if left <= 0:
            return None, "not started: the budget was used up"
        return min(left, self.options.limit or left), ""

    def _task(self, entry: Entry, limit: float | None, folder: Path) -> FitTask:
        from secondlook.models.fitting import FitTask

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
        if facts["status"] == "skipped" or "fit_seconds" not in facts:
            return make_row(model, facts, None, self.images, self.split, self.options.metric, test=test)
        with np.load(path) as file:
            said: dict[Part, Any] = {part: file[part] for part in (PARTS if test else PARTS[:2])}
        return make_row(model, facts, said, self.images, self.split, self.options.metric, test=test)

    def _finish(self) -> Run:
        """Chooses on validation, then opens the test part, scores, writes and seals."""
        path, metric = self.directory.path, self.options.metric
        order = ranked([self._row(name, facts, test=False) for name, facts in self.rows.items()], metric)
        chosen = order[0].model if order and order[0].valid_score is not None else ""
        majority = majority_share(self.images, self.split)
        rows = [self._row(row.model, self.rows[row.model], test=True) for row in order]
        said = self.directory.predictions(chosen, "test", self.images, self.split) if chosen else None
        results = {"metric": metric, "chosen": chosen, "chance": 1 / len(self.images.classes), "majority": majority}
        self.directory.write_results(results, rows, mistakes_to_show(said, self.images), complete=not self.interrupted)
        devices = sorted({str(facts["device"]) for facts in self.rows.values() if "device" in facts})
        self.directory.write_made(perf_counter() - self.started, ", ".join(devices) or "cpu")
        run = read_results(path)
        run.report()
        if not self.interrupted:
            self.directory.seal()
        return run


def _patience(limit: float | None, entry: Entry) -> float | None:
    """When a fit is killed: at its limit; a net, which stops by itself there, may still measure what it keeps."""
    if limit is None or entry.family not in ("dense", "convolution"):
        return limit
    return limit + max(5.0, 0.25 * limit)


def _libraries(entries: list[Entry]) -> list[str]:
    """What the fork server imports once for all fits: PyTorch only where a net is to be trained."""
    libraries = ["secondlook.models.fitting", "secondlook.models.classical", "sklearn.model_selection", "skops.io"]
    if any(e.family in ("dense", "convolution") for e in entries):
        libraries += ["secondlook.models.net_classifier", "secondlook.models.engines.torch_engine", "safetensors.numpy"]
    return libraries


def _done(facts: Mapping[str, Any]) -> bool:
    """Whether a model of an incomplete run need not be fitted again; one that failed gets another chance."""
    return facts["status"] in ("ok", "timeout") and not facts["interrupted"]


def _identity(images: ImageSet, split: Split, entries: list[Entry], options: Options) -> dict[str, Any]:
    """What makes two commands the same comparison; all of it is written into the run."""
    return {
        "data": images.fingerprint,
        "split_fingerprint": split.fingerprint,
        "models": [e.name for e in entries],
        "nets": {e.name: e.net for e in entries if e.net},
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
