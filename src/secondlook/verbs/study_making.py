"""A study as it was asked for: reads, plans, opens its directory, has the cells fitted, and finishes."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from secondlook.errors import UsageError
from secondlook.models.engines.choice import EngineName
from secondlook.models.entry import Entry
from secondlook.models.ladder import choose, needs_torch, with_engine, with_epochs, with_recipe
from secondlook.runs.jobs import ForkServer
from secondlook.runs.store import RunDirectory, open_next
from secondlook.types import Study
from secondlook.verbs.options import Options, stem
from secondlook.verbs.recipes import recipe_of
from secondlook.verbs.study_cells import Planned, Varied, planned
from secondlook.verbs.study_course import PILOT, Course, fitted, hardest_classes, pool_of

if TYPE_CHECKING:
    from secondlook.data.plan import Plan
    from secondlook.runs.workers import Workers
    from secondlook.show.narrator import Narrator


@dataclass(frozen=True, eq=False)
class Asked:
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
        entry = with_recipe(with_epochs(entry, options.epochs), recipe_of(options.recipe))
        return with_engine(entry, engine, options.precision)

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
        cells = planned(self.varied, course.pool, list(course.entries), self.options.seeds, hardest, self.options.seed)
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
                for name in ("test", "epochs", "limit", "seed", "seeds", "engine", "precision", "augment", "recipe")
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
