"""A study as it was asked for: reads, plans, opens its directory, has the cells fitted, and finishes."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from secondlook.errors import UsageError
from secondlook.models.engines.choice import EngineName
from secondlook.models.entry import Entry
from secondlook.models.ladder import choose, needs_torch, only_nets, with_engine, with_epochs, with_recipe
from secondlook.models.train import MOST_BATCH
from secondlook.runs.jobs import ForkServer
from secondlook.runs.store import RunDirectory, open_next
from secondlook.types import Cell, ImageSet, Study
from secondlook.verbs.options import Options, stem
from secondlook.verbs.recipes import recipe_of
from secondlook.verbs.study_cells import Planned, Varied, planned
from secondlook.verbs.study_course import PILOT, Course, fitted, hardest_classes, pool_of

if TYPE_CHECKING:
    from secondlook.data.plan import Plan
    from secondlook.runs.workers import Workers
    from secondlook.show.narrator import Narrator


# What every cell needs, and what nets do, by who trains them.
_CELLS = ("cloudpickle", "secondlook.models.cell", "secondlook.models.base")
_NATIVE = ("secondlook.models.net_classifier", "secondlook.models.engines.at_once")
# What laws and the report need: it is imported while cells are fitted.
_FINISH = ("pandas", "statsmodels.stats.diagnostic", "secondlook.show.study_page", "secondlook.show.study_plots")
_PYTORCH = ("secondlook.models.net_classifier", "secondlook.models.engines.choosing", "torch._dynamo")


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
            server = ForkServer(self._libraries(), threads=1)  # imports while we do, and while we read
            stack.callback(server.close)
            entries = {entry.name: self._as_asked(entry) for entry in choose(self.models, self.nets)}
            narrator = stack.enter_context(contextlib.closing(Narrator(quiet=self.quiet)))
            plan = self._plan(narrator)
            if self._may_be_native() and not self._are_native(entries, plan.images):
                server.also(_PYTORCH)
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
            hands = self._hands(server, directory.path, stack)
            cells = self._cells(course, self._hardest(course, hands, directory.path))
            narrator.say(_said(plan, course, cells, hands))
            done = self._fitted(course, cells, hands, directory, plan)
            return finish(
                directory, self.varied.kind, done, self.wanted, self.varied.minority, self.options.seed, self.mute,
                perf_counter() - started,
            )  # fmt: skip

    def _fitted(
        self, course: Course, cells: Sequence[Planned], hands: Workers, directory: RunDirectory, plan: Plan
    ) -> tuple[Cell, ...]:
        """The cells, fitted elsewhere; meanwhile what they are made of is written, and what comes next is imported."""
        from secondlook.show.study_progress import Progress

        pool = course.pool
        parts = replace(plan.split, train=pool.train, valid=pool.test[:0], test=pool.test)
        meanwhile = ThreadPoolExecutor(1)
        written = meanwhile.submit(directory.write_data, plan.images, parts)
        for module in _FINISH:  # what cannot be imported says so where it is used
            meanwhile.submit(importlib.import_module, module)
        try:
            done = fitted(course, cells, hands, directory.path, Progress(self.quiet))
        finally:
            meanwhile.shutdown(cancel_futures=True)
        written.result()
        return done

    def _as_asked(self, entry: Entry) -> Entry:
        """The entry with what the options say; "auto" is native code, which no timing decides: the numbers of a study
        must not depend on what else a machine does.
        """
        entry = with_recipe(with_epochs(entry, self.options.epochs), recipe_of(self.options.recipe))
        return with_engine(entry, self._engine, self.options.precision)

    @property
    def _engine(self) -> EngineName:
        engine, precision = self.options.engine, self.options.precision
        return "native" if engine == "auto" and precision in ("auto", "fp32") else engine

    def _libraries(self) -> list[str]:
        """What the fork server imports once for all cells: no more than they need, since the first cells wait for it.
        Nets that native code trains do without PyTorch, which takes longest.
        """
        nets = needs_torch(self.models, self.nets)
        classical = self.varied.kind == "classes" or not only_nets(self.models, self.nets)
        return [
            *_CELLS,
            *(["secondlook.models.classical"] if classical else []),
            *(_NATIVE if nets and self._may_be_native() else _PYTORCH if nets else []),
        ]

    def _may_be_native(self) -> bool:
        """Whether native code is to train every net, and there is a compiler."""
        from secondlook.models.engines.native.build import Unavailable, compiler

        own = any(not isinstance(net, str) for net in self.nets.values())
        if own or self._engine != "native" or "augment" in self.varied.remedies:
            return False
        try:
            return bool(compiler())
        except Unavailable:
            return False

    def _are_native(self, entries: Mapping[str, Entry], images: ImageSet) -> bool:
        """Whether native code can train every net on these images."""
        from secondlook.models.engines.native import unsupported
        from secondlook.models.net import enlarged, parse

        nets = [parse(entry.net) for entry in entries.values() if entry.is_net]
        k, batch = len(images.classes), recipe_of(self.options.recipe).get("batch", MOST_BATCH)
        return not any(unsupported(net, enlarged(net, images.shape), k, batch) for net in nets)

    def _plan(self, narrator: Narrator) -> Plan:
        from threadpoolctl import threadpool_limits

        from secondlook.data.audit import Measured
        from secondlook.data.plan import plan
        from secondlook.data.read import read

        settings = {name: getattr(self.options, name) for name in ("size", "resize", "group", "strict", "cache")}
        with narrator.work("reading the images"):
            images = read(self.data, **settings)
        # Nothing else that an audit measures decides a study. One thread, as the server is busy with its imports: two
        # that wait for each other's turn take a third longer.
        with narrator.work("looking for near duplicates"), threadpool_limits(1, "blas"):
            return plan(
                Measured(images), valid=self.options.valid, test=self.options.test, seed=self.options.seed,
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


def _said(plan: Plan, course: Course, cells: Sequence[Planned], hands: Workers) -> str:
    images = plan.images
    return (
        f"{images.source}: {images.format}; {len(course.pool.train):,} images to train on, {len(course.pool.test):,} "
        f"to test on ({plan.method}); {len(cells):,} cells, {hands.several}"
    )
