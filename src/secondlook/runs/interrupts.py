"""Ctrl-C while jobs are at work: counted, and heard between one job's news and the next's."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from types import TracebackType
from typing import Self


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
