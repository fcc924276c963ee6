"""Jobs: a function call in a fresh child of a warm fork server, with a real wall-clock limit and its peak memory.

The child is killed when its time is over, whatever it is doing: a limit that is only looked at after `fit` returns is
none. The standard library's own fork server imports the caller's ``__main__`` again in every child, which breaks
plain scripts and notebooks; this one imports only what it is told to.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from math import inf
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Self

from secondlook.errors import RunError
from secondlook.runs.interrupts import Interrupts as Interrupts
from secondlook.runs.job import Job, Listener
from secondlook.runs.job import Outcome as Outcome

DEAD = "the process that starts the fits has died; run the same command again to go on"


class ForkServer:
    """A warm server of jobs, one at a time or several side by side; a context manager."""

    def __init__(self, preload: Sequence[str], *, threads: int | None = None) -> None:
        """Starts at once and imports `preload` (module names) while the caller goes on.

        Args:
            threads: that every job's libraries use; by default as many as they would here.
        """
        self._scratch = tempfile.TemporaryDirectory(prefix="secondlook-")
        self._started = 0
        self._busy: dict[int, Path] = {}  # the file of each job at work, by its process
        self._ends: dict[int, tuple[int, int]] = {}
        self._more: list[str] = []
        self._socket, theirs = socket.socketpair()
        # -P: the folder that the user stands in, often that of the images, must not lend us its modules. What a job's
        # own functions need to import comes with it: the caller's path.
        command = [sys.executable, "-P", "-m", "secondlook.runs.server", str(theirs.fileno()), *preload]
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True,
            env=_environment(threads),
        )  # fmt: skip
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the server, and the jobs at work if there are any."""
        self._socket.close()
        if not self._busy:
            self._process.kill()  # it may still be importing, and would only then see that nobody listens
        try:
            self._process.wait(timeout=5)  # with jobs at work the server kills those first, and ends by itself
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._scratch.cleanup()

    def also(self, modules: Sequence[str]) -> None:
        """Has it import more before the next job: what turned out to be needed after it was started."""
        self._more += modules

    def run(
        self,
        function: Callable[..., Any],
        *args: Any,
        log: Path,
        seconds: float | None = None,
        on_event: Listener | None = None,
        interrupts: Interrupts | None = None,
    ) -> Outcome:
        """Calls ``function(*args, emit)`` in a fresh child, and waits for it.

        Args:
            log: a file that receives what the job prints.
            seconds: kill the child after that time.
            on_event: called with each (kind, data) that the job emits, and with ("stopping", …) on Ctrl-C.
            interrupts: counts Ctrl-C over several jobs; by default over this one.

        Raises:
            RunError: the server died.
        """
        job = self.start(function, *args, log=log, seconds=seconds, on_event=on_event)
        with contextlib.ExitStack() as stack:
            return self.next([job], interrupts or stack.enter_context(Interrupts()))[1]

    def start(
        self,
        function: Callable[..., Any],
        *args: Any,
        log: Path,
        seconds: float | None = None,
        on_event: Listener | None = None,
    ) -> Job:
        """The same without waiting: `next` hears of it.

        Raises:
            RunError: the server died.
        """
        import cloudpickle

        self._started += 1
        task = Path(self._scratch.name, f"task-{self._started}.pickle")
        task.write_bytes(cloudpickle.dumps((sys.path, cloudpickle.dumps((function, args)))))
        ours, theirs = socket.socketpair()
        message = json.dumps({"task": str(task), "log": str(log.resolve()), "modules": self._more}).encode()
        try:
            with theirs:
                socket.send_fds(self._socket, [message], [theirs.fileno()])
            while (found := self._line())[0] != "start":
                self._note_end(found)
        except OSError:
            ours.close()
            raise RunError(DEAD) from None
        except BaseException:
            ours.close()
            raise
        pid = int(found[1])
        self._busy[pid] = task
        return Job(Connection(ours.detach()), pid, seconds, on_event)

    def next(self, jobs: Sequence[Job], interrupts: Interrupts) -> tuple[Job, Outcome]:
        """Waits until one of some jobs is over: which one, and how it ended. Their events are told meanwhile.

        Raises:
            RunError: the server died.
        """
        while not (over := [job for job in jobs if job.ended]):
            left = max(0.0, min(job.deadline for job in jobs) - perf_counter())
            ready = wait([*(job.pipe for job in jobs), interrupts.wake], timeout=None if left == inf else left)
            if interrupts.wake in ready:
                interrupts.wake.recv(64)
                for job in jobs:
                    job.interrupt(interrupts.count)
            for job in jobs:
                if job.pipe in ready:
                    job.hear()
                job.check_time()
        job = over[0]
        job.pipe.close()
        while job.pid not in self._ends:
            self._note_end(self._line())
        self._busy.pop(job.pid).unlink()
        return job, job.outcome(*self._ends.pop(job.pid))

    def _note_end(self, words: list[str]) -> None:
        _, pid, code, peak = words
        self._ends[int(pid)] = int(code), int(peak)

    def _line(self) -> list[str]:
        """The words of the server's next line."""
        data = b""
        while not data.endswith(b"\n"):
            more = self._socket.recv(1)
            if not more:
                raise RunError(DEAD)
            data += more
        return data.decode().split()


def _environment(threads: int | None) -> dict[str, str]:
    """Ours, with the threads asked for, and OpenMP's told to sleep soon when they wait.

    By default GNU's OpenMP spins for some 10 ms: harmless alone, but next to any other busy process two threads then
    take ten times longer for a small fit than one. This count spins for some 0.1 ms, which costs nothing measurable.
    """
    found = dict(os.environ)
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & found.keys():
        found["GOMP_SPINCOUNT"] = "10000"
    if threads is not None:
        found["OMP_NUM_THREADS"] = str(threads)
    return found
