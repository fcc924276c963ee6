"""Many jobs side by side: each ends once, in processes of their own, and a failure or Ctrl-C leaves the others."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.errors import RunError
from secondlook.runs.interrupts import Interrupts
from secondlook.runs.jobs import ForkServer
from secondlook.runs.workers import Call, LocalWorkers
from warm import own_servers

SHARED = np.arange(12, dtype=np.uint8).reshape(3, 4)


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with own_servers(), ForkServer(["secondlook.seeds"], threads=1) as running:
        yield running


def carried(workers: LocalWorkers, calls: list[Call], tell: Any = lambda *_: None) -> dict[str, Any]:
    with Interrupts() as interrupts:
        found = [(call.key, outcome) for call, outcome in workers.run(calls, SHARED, tell, interrupts)]
    assert len(found) == len(dict(found)), "a call ended twice"
    return dict(found)


def total(path: Path, times: int, emit: Any) -> tuple[int, int, str]:
    emit("sum", {"times": times})
    time.sleep(0.05)
    return int(np.load(path).sum()) * times, os.getpid(), os.environ["OMP_NUM_THREADS"]


@pytest.mark.parametrize("many", [1, 3])
def test_every_call_ends_once_with_what_is_shared(server: ForkServer, tmp_path: Path, many: int) -> None:
    told: list[tuple[str, str, Any]] = []
    calls = [Call(f"call-{i}", total, (i,)) for i in range(7)]
    found = carried(LocalWorkers(server, many, tmp_path), calls, lambda *news: told.append(news))
    assert {key: outcome.value[0] for key, outcome in found.items()} == {f"call-{i}": 66 * i for i in range(7)}
    assert len({outcome.value[1] for outcome in found.values()}) == 7
    assert {outcome.value[2] for outcome in found.values()} == {"1"}
    assert sorted(told) == [(f"call-{i}", "sum", {"times": i}) for i in range(7)]


def sleeping(path: Path, seconds: float, emit: Any) -> float:
    time.sleep(seconds)
    return seconds


def test_calls_run_side_by_side(server: ForkServer, tmp_path: Path) -> None:
    started = time.perf_counter()
    carried(LocalWorkers(server, 4, tmp_path), [Call(f"{i}", sleeping, (0.5,)) for i in range(4)])
    assert time.perf_counter() - started < 1.5


def broken(path: Path, emit: Any) -> None:
    raise ValueError("not this one")


def killed(path: Path, emit: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_failure_a_crash_and_a_limit_leave_the_others(server: ForkServer, tmp_path: Path) -> None:
    calls = [Call("a", broken, ()), Call("b", killed, ()), Call("c", sleeping, (30.0,), 0.3), Call("d", total, (1,))]
    found = carried(LocalWorkers(server, 4, tmp_path), calls)
    assert found["a"].reason == "not this one"
    assert "killed by the system" in found["b"].reason
    assert found["c"].status == "timeout"
    assert found["d"].value[0] == 66
    assert "not this one" in (tmp_path / "a.log").read_text()


def test_after_ctrl_c_nothing_further_begins(server: ForkServer, tmp_path: Path) -> None:
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    calls = [Call(f"{i}", sleeping, (1.0,)) for i in range(6)]
    found = carried(LocalWorkers(server, 2, tmp_path), calls)
    assert len(found) == 2
    assert {outcome.status for outcome in found.values()} == {"interrupted"}


def test_how_many_at_a_time_in_words(server: ForkServer, tmp_path: Path) -> None:
    assert LocalWorkers(server, 1, tmp_path).several == "one at a time"
    assert LocalWorkers(server, 2, tmp_path).several == "2 at a time"


def test_a_folder_that_cannot_be_written_is_said(server: ForkServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot write the images to"):
        carried(LocalWorkers(server, 1, tmp_path / "file" / "x"), [Call("a", total, (1,))])


def test_a_job_without_a_log_fails_alone(server: ForkServer, tmp_path: Path) -> None:
    one = server.start(sleeping, tmp_path, 0.5, log=tmp_path / "log")
    other = server.start(sleeping, tmp_path, 0.1, log=tmp_path / "missing" / "log")
    with Interrupts() as interrupts:
        ended = dict([server.next([one, other], interrupts)])
        ended |= dict([server.next([job for job in (one, other) if job not in ended], interrupts)])
    assert ended[one].value == 0.5
    assert "No such file or directory" in ended[other].reason
