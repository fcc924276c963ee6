"""Many jobs on the cores of this machine, side by side; `on_ray` does the same on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import RunError
from secondlook.runs.files import write_rows
from secondlook.runs.interrupts import Interrupts
from secondlook.runs.job import Job, Outcome
from secondlook.runs.jobs import ForkServer

# Told of a job's events: its key, the event's kind and data.
Teller = Callable[[str, str, dict[str, Any]], None]


@dataclass(frozen=True, eq=False)
class Call:
    """A job to be: ``function(shared, *args, emit)``, where `shared` is what the workers were given to share.

    Attributes:
        key: its name among the jobs.
        seconds: its wall-clock limit, or None.
    """

    key: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    seconds: float | None = None


class Workers(Protocol):
    """Who carries out calls, several at a time, each on one thread."""

    @property
    def several(self) -> str:
        """How many at a time, in words."""

    def run(
        self, calls: Sequence[Call], shared: NDArray[Any], tell: Teller, interrupts: Interrupts
    ) -> Iterator[tuple[Call, Outcome]]:
        """Carries them out in this order; yields each as it ends, once. After Ctrl-C no further one begins."""


class LocalWorkers:
    """Children of a fork server on this machine.

    Args:
        server: made with one thread per job.
        many: jobs at a time.
        folder: for the shared array, and for what jobs print.
    """

    def __init__(self, server: ForkServer, many: int, folder: Path) -> None:
        self._server, self._many, self._folder = server, many, folder

    @property
    def several(self) -> str:
        return "one at a time" if self._many == 1 else f"{self._many} at a time"

    def run(
        self, calls: Sequence[Call], shared: NDArray[Any], tell: Teller, interrupts: Interrupts
    ) -> Iterator[tuple[Call, Outcome]]:
        path, waiting, running = self._written(shared), list(calls)[::-1], dict[Job, Call]()
        while running or (waiting and not interrupts.count):
            while waiting and len(running) < self._many and not interrupts.count:
                call = waiting.pop()
                running[self._start(call, path, tell)] = call
            job, outcome = self._server.next(list(running), interrupts)
            yield running.pop(job), outcome

    def _start(self, call: Call, path: Path, tell: Teller) -> Job:
        def told(kind: str, data: dict[str, Any]) -> None:
            tell(call.key, kind, data)

        log = self._folder / f"{call.key}.log"
        return self._server.start(call.function, path, *call.args, log=log, seconds=call.seconds, on_event=told)

    def _written(self, shared: NDArray[Any]) -> Path:
        path = self._folder / "shared.npy"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_rows(path, shared, np.arange(len(shared)))
        except OSError as error:
            raise RunError(
                f"cannot write the images to {self._folder} ({error.strerror}); choose another --out"
            ) from None
        return path.resolve()
