"""What does the data do to the result? Models trained on nested parts of the images, and the law that they follow."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from secondlook.errors import UsageError
from secondlook.models.engines.choice import EngineName, Precision
from secondlook.models.entry import Entry
from secondlook.models.ladder import choose, needs_torch, with_engine, with_epochs
from secondlook.runs.jobs import ForkServer
from secondlook.runs.store import RunDirectory, open_next
from secondlook.types import KINDS, Kind, Study
from secondlook.verbs.audit import muted
from secondlook.verbs.options import TEST, Options, seconds, stem
from secondlook.verbs.study_cells import REMEDIES, Planned, Varied, planned
from secondlook.verbs.study_course import PILOT, Course, fitted, hardest_classes, pool_of
from secondlook.verbs.study_values import percentages, whole_numbers

if TYPE_CHECKING:
    from secondlook.data.plan import Plan
    from secondlook.data.read.settings import Resize
    from secondlook.models.net_classifier import Factory
    from secondlook.runs.workers import Workers
    from secondlook.show.narrator import Narrator

DEFAULT_MODELS = ("logistic", "lenet")
SEEDS = 3
# What the remedy "augment" does to the images, unless told otherwise: little enough for most labels.
AUGMENT = "shift=1,rotate=5,zoom=0.05"


def study(
    kind: Kind,
    data: Any = "digits",
    values: str | Sequence[float] = (),
    *,
    models: str | Sequence[str] | None = None,
    nets: Mapping[str, str | Factory] | None = None,
    rows: str | int | Sequence[int] = (),
    classes: str | Sequence[int] = (),
    minority: str = "",
    remedy: str | Sequence[str] = (),
    augment: str = AUGMENT,
    accuracy: str | Sequence[float] = (),
    seeds: int = SEEDS,
    test: float | int = TEST,
    epochs: int | None = None,
    engine: EngineName = "auto",
    precision: Precision = "auto",
    group: str = "",
    size: int | None = None,
    resize: Resize = "stretch",
    strict: bool = False,
    cache: bool = True,
    limit: str | float | None = None,
    workers: int | None = None,
    on: str = "local",
    seed: int = 0,
    mute: str | Iterable[str] = (),
    out: str | Path | None = None,
    quiet: bool = False,
) -> Study:
    """Studies what data size, imbalance, number of classes or wrong labels do to models.

    The test items are cut first and stay the same for all cells; every cell trains on a part of the others. The parts
    are nested: a smaller one lies in every larger one of the same seed. A cell has no images beside its own: a model
    that needs some to choose its epoch by holds out a tenth of them. Cells train on one thread each, so that the
    numbers are the same however many run at a time.

    Args:
        kind: "size", "imbalance", "classes", "grid" or "noise".
        data: a path, a built-in ("digits", "slash"), an `ImageSet`, or a pair of arrays (X, y).
        values: what is varied: images per class of a "size" study, images of the minority, numbers of classes, per cent
            of wrong labels: "500,1000,2000", "3..10", "500..3000:500", or numbers. Without any, those that suit the
            images.
        models, nets: as `secondlook.compare` takes them; by default "logistic,lenet".
        rows: images per class of the other kinds; of a grid, several. By default as many as every class has.
        classes: of a grid, as `values`.
        minority: of an imbalance study, the class that is to be rare.
        remedy: what to try against it beside nothing: "weights", "oversample", "augment", with commas between.
        augment: what the remedy of that name varies images by.
        accuracy: accuracies for which to say how many images they ask for: "0.95,0.99". By default two that follow from
            the best that was measured.
        seeds: draws of every cell: other images, other initial weights.
        test: share (0.15) or number of items to test on, where the source has no test part of its own.
        epochs: the most that nets are trained.
        engine, precision: who trains nets; "auto" is native code where a net has it, and PyTorch elsewhere.
        group, size, resize, strict, cache: how the images are read, see `secondlook.read`.
        limit: the most time that one cell may take.
        workers: cells at a time; by default as many as there are cores.
        on: "local"; "ray" starts a Ray cluster on this machine, "ray://host:port" (from outside) and "host:port" (from
            one of its nodes) join one, "auto" the one that Ray finds.
        seed: gives every random stream.
        mute: codes of findings that are not asked for.
        out: the study's directory; by default runs/NAME-study-N. An incomplete study of the same configuration is gone
            on with.
        quiet: no progress on stderr.

    Returns:
        The finished `Study`.

    Raises:
        UsageError, DataError: nothing was trained. InterruptedRunError: Ctrl-C; finished cells are kept.
    """
    if on not in ("local", "ray", "auto") and not re.fullmatch(r"(ray://)?[^:/\s]+:[0-9]+", on):
        raise UsageError(f"expected --on local, ray, auto or ray://HOST:PORT, got '{on}'")
    if workers is not None and workers < 1:
        raise UsageError(f"expected --workers of 1 or more, got {workers}; leave it out for one per core")
    varied = _varied(kind, values, rows, classes, minority, remedy)
    names = DEFAULT_MODELS if models is None and not nets else models
    options = Options(
        0.15, test, "accuracy", False, epochs, None, seconds(limit), size, seed, group=group, resize=resize,
        strict=strict, cache=cache, seeds=seeds, engine=engine, precision=precision, augment=augment,
    )  # fmt: skip
    wanted = _accuracies(accuracy)
    asked = _Asked(data, varied, names, nets or {}, options, wanted, workers, on, out, quiet, muted(mute))
    return asked.made()


@dataclass(frozen=True, eq=False)
class _Asked:
    """A study as it was asked for, checked."""

    data: Any
    varied: Varied
    models: str | Sequence[str] | None
    nets: Mapping[str, Any]
    options: Options
    wanted: tuple[float, ...]
    workers: int | None
    on: str
    out: str | Path | None
    quiet: bool
    mute: tuple[str, ...]

    def made(self) -> Study:
        """Makes the study, or goes on with it."""
        from secondlook.show.narrator import Narrator
        from secondlook.verbs.study_files import finish, load_study

        started = perf_counter()
        with contextlib.ExitStack() as stack:
            narrator = stack.enter_context(contextlib.closing(Narrator(quiet=self.quiet)))
            entries = {entry.name: self._as_asked(entry) for entry in choose(self.models, self.nets)}
            server = ForkServer(_libraries(needs_torch(self.models, self.nets)), threads=1)  # imports while we read
            stack.callback(server.close)
            plan = self._plan(narrator)
            course = Course(
                plan.images, pool_of(plan), entries, self.options.augment, self.options.limit, self.options.seed
            )
            self._cells(course, range(len(plan.images.classes)))  # what cannot be is refused before anything is written
            directory = self._directory(plan, entries)
            stack.callback(directory.close)
            stack.callback(server.close)
            if directory.complete:
                narrator.say(f"{directory.path} is finished already; nothing was fitted again")
                return load_study(directory.path)
            directory.write_data(
                plan.images,
                replace(plan.split, train=course.pool.train, valid=course.pool.test[:0], test=course.pool.test),
            )
            hands = self._hands(server, directory.path, stack)
            cells = self._cells(course, self._hardest(course, hands, directory.path))
            narrator.say(_said(plan, course, cells, hands))
            from secondlook.show.study_progress import Progress

            done = fitted(course, cells, hands, directory.path, Progress(self.quiet))
            return finish(
                directory, self.varied.kind, done, self.wanted, self.varied.minority, self.options.seed, self.mute,
                perf_counter() - started,
            )  # fmt: skip

    def _as_asked(self, entry: Entry) -> Entry:
        """The entry with what the options say; "auto" is native code, which no timing decides: the numbers of a study
        must not depend on what else a machine does.
        """
        options = self.options
        engine: EngineName = options.engine
        if engine == "auto" and options.precision in ("auto", "fp32"):
            engine = "native"
        return with_engine(with_epochs(entry, options.epochs), engine, options.precision)

    def _plan(self, narrator: Narrator) -> Plan:
        from secondlook.data.audit import Measured
        from secondlook.data.plan import plan
        from secondlook.data.read import read
        from secondlook.verbs.audit import measure

        settings = {name: getattr(self.options, name) for name in ("size", "resize", "group", "strict", "cache")}
        with narrator.work("reading the images"):
            images = read(self.data, **settings)
        measured = Measured(images)
        measure(measured, narrator)
        return plan(
            measured, valid=self.options.valid, test=self.options.test, seed=self.options.seed,
            strict=self.options.strict,
        )  # fmt: skip

    def _cells(self, course: Course, hardest: Sequence[int]) -> list[Planned]:
        """The cells; only nets can vary their images."""
        nets = {name for name, entry in course.entries.items() if entry.is_net}
        if "augment" in self.varied.remedies and not nets:
            raise UsageError(
                f"expected a net among the models for --remedy augment, got {', '.join(course.entries)}; add one, or "
                "leave augment out"
            )
        cells = planned(self.varied, course.pool, list(course.entries), self.options.seeds, hardest)
        return [cell for cell in cells if cell.remedy != "augment" or cell.model in nets]

    def _hardest(self, course: Course, hands: Workers, folder: Path) -> tuple[int, ...]:
        if self.varied.kind != "classes":
            return ()
        return hardest_classes(course, choose(PILOT, {})[0], hands, folder)

    def _hands(self, server: ForkServer, folder: Path, stack: contextlib.ExitStack) -> Workers:
        """Who carries out the cells. On a cluster the server is not needed."""
        from secondlook.runs.machine import cores
        from secondlook.runs.workers import LocalWorkers

        many = self.workers or cores()
        if self.on == "local":
            return LocalWorkers(server, many, folder / ".scratch")
        from secondlook.runs.on_ray import RayWorkers

        server.close()
        return stack.enter_context(RayWorkers(self.on, many))

    def _directory(self, plan: Plan, entries: Mapping[str, Entry]) -> RunDirectory:
        identity = self._identity(plan, entries)
        name = f"{stem(plan.images.source)}-study"
        directory = RunDirectory(Path(self.out).expanduser()) if self.out is not None else open_next(name, identity)
        try:
            directory.begin(self._config(plan, directory.path), identity)
        except BaseException:
            directory.close()
            raise
        return directory

    def _identity(self, plan: Plan, entries: Mapping[str, Entry]) -> dict[str, Any]:
        """What decides the numbers: the same means that finished cells are kept."""
        options, varied = self.options, self.varied
        return {
            "study": varied.kind,
            "values": list(varied.values),
            "rows": list(varied.rows),
            "classes": list(varied.classes),
            "minority": varied.minority,
            "remedies": list(varied.remedies),
            "accuracies": list(self.wanted),
            "models": {name: entry.net or name for name, entry in entries.items()},
            "data": plan.images.fingerprint,
            "split": plan.split.fingerprint,
            "muted": list(self.mute),
            **{
                name: getattr(options, name)
                for name in ("test", "epochs", "limit", "seed", "seeds", "engine", "precision", "augment")
            },
        }

    def _config(self, plan: Plan, path: Path) -> dict[str, Any]:
        from secondlook.runs.machine import hardware, versions
        from secondlook.verbs.study_files import command_line

        return {
            "kind": self.varied.kind,
            "minority": self.varied.minority,
            "accuracies": list(self.wanted),
            "seed": self.options.seed,
            "seeds": self.options.seeds,
            "split_method": plan.method,
            "versions": versions(),
            "hardware": hardware(),
            "command": command_line(self.data, self.varied, self.models, self.nets, self.options, self.wanted, path),
        }


def _varied(kind: str, values: Any, rows: Any, classes: Any, minority: str, remedy: str | Sequence[str]) -> Varied:
    if kind not in KINDS:
        raise UsageError(f"expected a study of {', '.join(KINDS)}, got '{kind}'")
    numbers: tuple[float, ...] = ()
    if kind == "grid" and values not in ("", ()):
        raise UsageError(f"expected --classes and --rows for a grid, got '{values}'; say which of the two it is")
    if values not in ("", ()):
        numbers = percentages(values) if kind == "noise" else whole_numbers(_VALUES[kind], values)
    sizes = whole_numbers("--rows", [rows] if isinstance(rows, int) else rows) if rows not in ("", ()) else ()
    if kind != "grid" and len(sizes) > 1:
        raise UsageError(f"expected one number of --rows for a study of {kind}, got {len(sizes)}; a grid varies both")
    if kind == "size" and sizes:
        raise UsageError("expected the sizes of a size study as its values, got --rows; leave the option's name out")
    if classes not in ("", ()) and kind != "grid":
        raise UsageError(f"expected --classes for a grid only, got it for a study of {kind}; leave it out")
    counts = whole_numbers("--classes", classes) if classes not in ("", ()) else ()
    remedies = [word.strip() for word in remedy.split(",") if word.strip()] if isinstance(remedy, str) else list(remedy)
    for word in remedies:
        if word not in REMEDIES:
            raise UsageError(f"expected --remedy out of {', '.join(REMEDIES)}, got '{word}'")
    if kind != "imbalance" and (remedies or minority):
        raise UsageError(f"expected --minority and --remedy for a study of imbalance only, got them for {kind}")
    return Varied(kind, numbers, sizes, counts, minority, tuple(dict.fromkeys(remedies)))


_VALUES = {"size": "sizes", "imbalance": "sizes of the minority", "classes": "numbers of classes"}


def _accuracies(given: str | Sequence[float]) -> tuple[float, ...]:
    found = []
    for part in given.split(",") if isinstance(given, str) and given else given:
        try:
            value = float(part)
        except ValueError:
            value = -1.0
        if not 0 < value < 1:
            raise UsageError(f"expected --accuracy as numbers between 0 and 1 such as 0.95,0.99, got '{part}'")
        found.append(value)
    return tuple(sorted(set(found)))


def _libraries(nets: bool) -> list[str]:
    """What the fork server imports once for all cells."""
    libraries = ["secondlook.models.cell", "secondlook.models.classical"]
    more = ["secondlook.models.net_classifier", "secondlook.models.engines.choosing", "torch._dynamo"]
    return [*libraries, *more] if nets else libraries


def _said(plan: Plan, course: Course, cells: Sequence[Planned], hands: Workers) -> str:
    images = plan.images
    return (
        f"{images.source}: {images.format}; {len(course.pool.train):,} images to train on, {len(course.pool.test):,} "
        f"to test on ({plan.method}); {len(cells):,} cells, {hands.several}"
    )
