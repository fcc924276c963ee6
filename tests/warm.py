"""One warm fork server for all comparisons of a test process: what it imports takes longer than most tests do.

Every job still has a fresh child of its own. How servers start and end is tested in tests/runs/test_jobs.py, without
this.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from secondlook.runs.jobs import ForkServer

_start, _close = ForkServer.__init__, ForkServer.close
_warm: dict[str, Any] = {}
_LIBRARIES = [
    "secondlook.models.fitting", "secondlook.models.classical", "sklearn.model_selection", "secondlook.models.saving",
    "secondlook.models.net_classifier", "secondlook.models.engines.choosing", "safetensors.numpy", "torch._dynamo",
    "secondlook.judge.crossfit", "secondlook.models.cell",
]  # fmt: skip


def _shared(self: ForkServer, preload: Sequence[str], *, threads: int | None = None) -> None:
    """A server that is the warm one; a new warm one where that was lost."""
    if not _warm or _warm["_process"].poll() is not None:
        _warm.clear()
        _start(self, list(dict.fromkeys([*preload, *_LIBRARIES])))
        _warm.update(vars(self))
    self.__dict__ = _warm


def _stays(self: ForkServer) -> None:
    """Closing leaves it warm, unless a job is still at work: that must end."""
    if self._busy:
        _end()


def _end() -> None:
    if _warm:
        server = object.__new__(ForkServer)
        server.__dict__ = dict(_warm)
        _warm.clear()
        _close(server)


@contextmanager
def shared_server() -> Iterator[None]:
    """Inside, every `ForkServer` is the same."""
    ForkServer.__init__, ForkServer.close = _shared, _stays  # type: ignore[method-assign]
    try:
        yield
    finally:
        ForkServer.__init__, ForkServer.close = _start, _close  # type: ignore[method-assign]
        _end()


@contextmanager
def own_servers() -> Iterator[None]:
    """Inside, every `ForkServer` is its own again."""
    shared = ForkServer.__init__, ForkServer.close
    ForkServer.__init__, ForkServer.close = _start, _close  # type: ignore[method-assign]
    try:
        yield
    finally:
        ForkServer.__init__, ForkServer.close = shared  # type: ignore[method-assign]
