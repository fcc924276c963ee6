"""One job at work in a child: what it says, and how it ends."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Any, Literal

# How long a job that was asked to stop (Ctrl-C) may take to put its results in order before it is killed.
GRACE_SECONDS = 30.0

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


class Job:
    """A child at work. It is over when it has sent its result, has died, or its time is up.

    Attributes:
        pipe: what it says comes here. pid: its process.
        deadline: by `perf_counter`; inf without a limit.
        ended: "" while it is at work; then a status of `Outcome`, or "died".
    """

    def __init__(self, pipe: Connection, pid: int, seconds: float | None, on_event: Listener | None) -> None:
        self.pipe, self.pid, self._on_event = pipe, pid, on_event
        self._started = perf_counter()
        self.deadline = inf if seconds is None else self._started + seconds
        self._asked = 0
        self.ended = ""
        self._payload: Any = None

    def hear(self) -> None:
        """Takes one message of the child's."""
        try:
            kind, *rest = self.pipe.recv()
        except (EOFError, OSError):
            self.ended, self._payload = ("interrupted" if self._asked else "died"), ""
            return
        if kind != "event":
            self.ended, self._payload = ("ok" if kind == "result" else kind), rest[0]
        elif self._on_event:
            self._on_event(*rest)

    def check_time(self) -> None:
        """Kills the child where its time is up."""
        if not self.ended and perf_counter() >= self.deadline:
            self._signal(signal.SIGKILL)
            self.ended, self._payload = ("interrupted" if self._asked else "timeout"), ""

    def interrupt(self, count: int) -> None:
        """The first Ctrl-C asks the job to end in good order, within a time of grace; a second one kills it."""
        self._signal(signal.SIGINT if count == 1 else signal.SIGKILL)
        self._asked = count
        self.deadline = min(self.deadline, perf_counter() + GRACE_SECONDS)
        if count == 1 and self._on_event:
            self._on_event("stopping", {"seconds": GRACE_SECONDS})

    def outcome(self, code: int, peak_bytes: int) -> Outcome:
        """How it ended, once its process has: with its exit status and peak memory."""
        status, payload = self.ended, self._payload
        if status == "died":
            status, payload = "failed", _death(code)
        return Outcome(
            status,  # type: ignore[arg-type]  # one of the four words by construction
            value=payload if status == "ok" else None,
            reason="" if status == "ok" else str(payload),
            seconds=perf_counter() - self._started,
            peak_bytes=peak_bytes,
        )

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself in the same moment
            os.kill(self.pid, number)


def _death(code: int) -> str:
    if code == -signal.SIGKILL:
        return "the process was killed by the system, most likely for memory; use fewer or smaller images (--size)"
    if code < 0:
        return f"the process crashed with {signal.Signals(-code).name}"
    return f"the process ended without a result (exit code {code})"
