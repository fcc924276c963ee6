"""Jobs: a function call in a fresh child of a warm fork server, with a real wall-clock limit and its peak memory.

The child is killed when its time is over, whatever it is doing: a limit that is only looked at after `fit` returns is
none. The standard library's own fork server imports the caller's ``__main__`` again in every child, which breaks
plain scripts and notebooks; this one imports only what it is told to.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Literal, Self

from secondlook.errors import RunError

# How long a job that was asked to stop (Ctrl-C) may take to put its results in order before it is killed.
GRACE_SECONDS = 30.0
DEAD = "the process that starts the fits has died; run the same command again to go on"

Listener = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        status: "ok" carries `value`; "failed", "timeout" and "interrupted" carry a `reason`.
        peak_bytes: the child's peak resident memory, libraries included.
    """

    status: Literal["ok", "failed", "timeout", "interrupted"]
    value: Any = None
    reason: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0


class ForkServer:
    """A warm server for one job at a time; a context manager."""

    def __init__(self, preload: Sequence[str]) -> None:
        """Starts at once and imports `preload` (module names) while the caller goes on."""
        self._scratch = tempfile.TemporaryDirectory(prefix="secondlook-")
        self._busy = False
        self._socket, theirs = socket.socketpair()
        # -P: the folder that the user stands in, often that of the images, must not lend us its modules. What a job's
        # own functions need to import comes with it: the caller's path.
        command = [sys.executable, "-P", "-m", "secondlook.runs.server", str(theirs.fileno()), *preload]
        self._process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True, env=_environment()
        )
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the server, and the job at work if there is one."""
        self._socket.close()
        if not self._busy:
            self._process.kill()  # it may still be importing, and would only then see that nobody listens
        try:
            self._process.wait(timeout=5)  # with a job at work the server kills that first, and ends by itself
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._scratch.cleanup()

    def run(
        self,
        function: Callable[..., Any],
        *args: Any,
        log: Path,
        seconds: float | None = None,
        on_event: Listener | None = None,
        interrupts: Interrupts | None = None,
    ) -> Outcome:
        """Calls ``function(*args, emit)`` in a fresh child.

        Args:
            log: a file that receives what the job prints.
            seconds: kill the child after that time.
            on_event: called with each (kind, data) that the job emits, and with ("stopping", …) on Ctrl-C.
            interrupts: counts Ctrl-C over several jobs; by default over this one.

        Raises:
            RunError: the server died.
        """
        import cloudpickle

        task = Path(self._scratch.name, "task.pickle")
        task.write_bytes(cloudpickle.dumps((sys.path, cloudpickle.dumps((function, args)))))
        ours, theirs = socket.socketpair()
        message = json.dumps({"task": str(task), "log": str(log.resolve())}).encode()
        try:
            with theirs:
                socket.send_fds(self._socket, [message], [theirs.fileno()])
            pid = int(self._line())
        except OSError:
            ours.close()
            raise RunError(DEAD) from None
        except BaseException:
            ours.close()
            raise
        self._busy = True
        watch = _Watch(Connection(ours.detach()), pid, seconds, on_event)
        with contextlib.ExitStack() as stack:
            outcome = watch.outcome(self._line, interrupts or stack.enter_context(Interrupts()))
        self._busy = False
        return outcome

    def _line(self) -> str:
        data = b""
        while not data.endswith(b"\n"):
            more = self._socket.recv(1)
            if not more:
                raise RunError(DEAD)
            data += more
        return data.decode()


def _environment() -> dict[str, str]:
    """Ours, with OpenMP's threads told to sleep soon when they wait.

    By default GNU's OpenMP spins for some 10 ms: harmless alone, but next to any other busy process two threads then
    take ten times longer for a small fit than one. This count spins for some 0.1 ms, which costs nothing measurable.
    """
    known = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys()
    return dict(os.environ) if known else {**os.environ, "GOMP_SPINCOUNT": "10000"}


class Interrupts:
    """Counts Ctrl-C while it is open, in place of raising in the middle of something; wakes who waits for a job.

    Outside the main thread signals never arrive, and nothing is counted.
    """

    def __init__(self) -> None:
        self.count = 0
        self.wake, self._end = socket.socketpair()
        self._end.setblocking(False)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._pressed)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._before)
        self.wake.close()
        self._end.close()

    def _pressed(self, signum: int, frame: object) -> None:
        self.count += 1
        with contextlib.suppress(BlockingIOError):  # nobody reads, so it is full: who waits is awake already
            self._end.send(b".")


class _Watch:
    """Listens to one child until it ends, its time is over, or it was told to stop."""

    def __init__(self, pipe: Connection, pid: int, seconds: float | None, on_event: Listener | None) -> None:
        self.pipe, self.pid, self.on_event = pipe, pid, on_event
        self.started = perf_counter()
        self.deadline = inf if seconds is None else self.started + seconds
        self.asked = 0

    def outcome(self, exit_line: Callable[[], str], interrupts: Interrupts) -> Outcome:
        status, payload = self._listen(interrupts)
        self.pipe.close()
        code, peak = (int(word) for word in exit_line().split())
        if status == "died":
            status, payload = "failed", _death(code)
        return Outcome(
            status,  # type: ignore[arg-type]  # one of the four words by construction
            value=payload if status == "ok" else None,
            reason="" if status == "ok" else payload,
            seconds=perf_counter() - self.started,
            peak_bytes=peak,
        )

    def _listen(self, interrupts: Interrupts) -> tuple[str, Any]:
        while True:
            left = max(0.0, self.deadline - perf_counter())
            ready = wait([self.pipe, interrupts.wake], timeout=None if left == inf else left)
            if interrupts.wake in ready:
                interrupts.wake.recv(64)
                self._interrupt(interrupts.count)
            elif not ready:
                self._signal(signal.SIGKILL)
                return ("interrupted" if self.asked else "timeout"), ""
            if self.pipe not in ready:
                continue
            try:
                kind, *rest = self.pipe.recv()
            except (EOFError, OSError):
                return ("interrupted" if self.asked else "died"), ""
            if kind != "event":
                return ("ok" if kind == "result" else kind), rest[0]
            if self.on_event:
                self.on_event(*rest)

    def _interrupt(self, count: int) -> None:
        """The first Ctrl-C asks the job to end in good order, within a time of grace; a second one kills it."""
        self._signal(signal.SIGINT if count == 1 else signal.SIGKILL)
        self.asked = count
        self.deadline = min(self.deadline, perf_counter() + GRACE_SECONDS)
        if count == 1 and self.on_event:
            self.on_event("stopping", {"seconds": GRACE_SECONDS})

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself in the same moment
            os.kill(self.pid, number)


def _death(code: int) -> str:
    if code == -signal.SIGKILL:
        return "the process was killed by the system, most likely for memory; use fewer or smaller images (--size)"
    if code < 0:
        return f"the process crashed with {signal.Signals(-code).name}"
    return f"the process ended without a result (exit code {code})"
