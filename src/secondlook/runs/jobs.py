"""Jobs: a function call in a fresh child of a warm fork server, with a real wall-clock limit and its peak memory.

The child is killed when its time is over, whatever it is doing: a limit that is only looked at after `fit` returns is
none. The standard library's own fork server imports the caller's ``__main__`` again in every child, which breaks
plain scripts and notebooks; this one imports only what it is told to.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Literal, Self

from secondlook.errors import RunError

# How long a job that was asked to stop (Ctrl-C) may take to put its results in order before it is killed.
GRACE_SECONDS = 30.0

Listener = Callable[[str, dict[str, Any]], None]


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        status: "ok" carries `value`; "failed", "timeout" and "interrupted" carry a `reason`.
        peak_bytes: the child's peak resident memory, libraries included.
        interrupted: Ctrl-C was pressed while it ran, even if it still ended "ok".
    """

    status: Literal["ok", "failed", "timeout", "interrupted"]
    value: Any = None
    reason: str = ""
    seconds: float = 0.0
    peak_bytes: int = 0
    interrupted: bool = False


class ForkServer:
    """A warm server for one job at a time; a context manager."""

    def __init__(self, preload: Sequence[str]) -> None:
        """Starts at once and imports `preload` (module names) while the caller goes on."""
        self._scratch = tempfile.TemporaryDirectory(prefix="secondlook-")
        self._busy = False
        self._socket, theirs = socket.socketpair()
        command = [sys.executable, "-m", "secondlook.runs.server", str(theirs.fileno()), *preload]
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
        self._process.wait()  # with a job at work the server kills that first, and ends by itself
        self._scratch.cleanup()

    def run(
        self,
        function: Callable[..., Any],
        *args: Any,
        seconds: float | None = None,
        on_event: Listener | None = None,
        log: Path,
    ) -> Outcome:
        """Calls ``function(*args, emit)`` in a fresh child.

        Args:
            seconds: kill the child after that time; an event named "phase" starts the clock anew.
            on_event: called with each (kind, data) that the job emits.
            log: a file that receives what the job prints.
        """
        import cloudpickle

        task = Path(self._scratch.name, "task.pickle")
        task.write_bytes(cloudpickle.dumps((sys.path, cloudpickle.dumps((function, args)))))
        self._busy = True
        ours, theirs = socket.socketpair()
        message = json.dumps({"task": str(task), "log": str(log)}).encode()
        try:
            socket.send_fds(self._socket, [message], [theirs.fileno()])
            pid = int(self._line())
        except (OSError, ValueError):
            self._busy = False
            ours.close()
            raise RunError("the process that starts the fits has died; run the same command again to go on") from None
        finally:
            theirs.close()
        outcome = _Watch(Connection(ours.detach()), pid, seconds, on_event).outcome(self._line)
        self._busy = False
        return outcome

    def _line(self) -> str:
        data = b""
        while not data.endswith(b"\n"):
            more = self._socket.recv(1)
            if not more:
                raise ValueError("closed")
            data += more
        return data.decode()


def _environment() -> dict[str, str]:
    """Ours, with OpenMP's threads told to sleep soon when they wait.

    By default GNU's OpenMP spins for some 10 ms: harmless alone, but next to any other busy process two threads then
    take ten times longer for a small fit than one. This count spins for some 0.1 ms, which costs nothing measurable.
    """
    known = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys()
    return dict(os.environ) if known else {**os.environ, "GOMP_SPINCOUNT": "10000"}


class _Watch:
    """Listens to one child until it ends, its time is over, or it was told to stop."""

    def __init__(self, pipe: Connection, pid: int, seconds: float | None, on_event: Listener | None) -> None:
        self.pipe, self.pid, self.seconds, self.on_event = pipe, pid, seconds, on_event
        self.started = self.clock = perf_counter()
        self.asked_at: float | None = None

    def outcome(self, exit_line: Callable[[], str]) -> Outcome:
        status, payload = self._listen()
        code, peak = (int(word) for word in exit_line().split())
        self.pipe.close()
        if status == "died":
            status, payload = "failed", _death(code)
        return Outcome(
            status,  # type: ignore[arg-type]  # one of the four words by construction
            value=payload if status == "ok" else None,
            reason="" if status == "ok" else payload,
            seconds=perf_counter() - self.started,
            peak_bytes=peak,
            interrupted=self.asked_at is not None,
        )

    def _listen(self) -> tuple[str, Any]:
        while True:
            try:
                if not wait([self.pipe], timeout=self._left()):
                    return self._overdue()
                kind, *rest = self.pipe.recv()
            except KeyboardInterrupt:
                self._interrupt()
                continue
            except EOFError:
                return ("interrupted", "") if self.asked_at is not None else ("died", "")
            if kind == "event":
                if rest[0] == "phase":
                    self.clock = perf_counter()
                if self.on_event:
                    self.on_event(*rest)
            else:
                return ("ok" if kind == "result" else kind), rest[0]

    def _left(self) -> float | None:
        ends = [] if self.seconds is None else [self.clock + self.seconds]
        if self.asked_at is not None:
            ends.append(self.asked_at + GRACE_SECONDS)
        return max(0.0, min(ends) - perf_counter()) if ends else None

    def _overdue(self) -> tuple[str, str]:
        self._signal(signal.SIGKILL)
        return ("interrupted", "") if self.asked_at is not None else ("timeout", "")

    def _interrupt(self) -> None:
        """The first Ctrl-C asks the job to end in good order, a second one kills it."""
        self._signal(signal.SIGINT if self.asked_at is None else signal.SIGKILL)
        if self.asked_at is None:
            self.asked_at = perf_counter()

    def _signal(self, number: int) -> None:
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return  # it ended by itself in the same moment


def _death(code: int) -> str:
    if code == -signal.SIGKILL:
        return "the process was killed by the system, most likely for memory; use fewer or smaller images (--size)"
    if code < 0:
        return f"the process crashed with {signal.Signals(-code).name}"
    return f"the process ended without a result (exit code {code})"
