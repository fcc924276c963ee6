"""Jobs run in fresh children: results come back, limits are real, and nothing outlives its caller."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secondlook.errors import RunError
from secondlook.runs.jobs import ForkServer, Interrupts
from warm import own_servers


@pytest.fixture(scope="module", autouse=True)
def servers_of_their_own() -> Iterator[None]:
    with own_servers():
        yield


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    with ForkServer(["secondlook.seeds"]) as running:
        yield running


def add(a: int, b: int, emit: Any) -> int:
    emit("sum", {"a": a, "b": b})
    sys.stdout.write("added\n")
    return a + b


def test_a_job_s_value_events_and_prints_come_back(server: ForkServer, tmp_path: Path) -> None:
    events: list[tuple[str, dict[str, Any]]] = []
    outcome = server.run(add, 2, 3, on_event=lambda kind, data: events.append((kind, data)), log=tmp_path / "log")
    assert (outcome.status, outcome.value, outcome.reason) == ("ok", 5, "")
    assert events == [("sum", {"a": 2, "b": 3})]
    assert (tmp_path / "log").read_text() == "added\n"


def test_each_job_has_a_process_of_its_own_in_which_the_libraries_are_warm(server: ForkServer, tmp_path: Path) -> None:
    def job(emit: Any) -> tuple[int, bool]:
        return os.getpid(), "secondlook.seeds" in sys.modules

    (first, warm), (second, _) = (server.run(job, log=tmp_path / "log").value for _ in range(2))
    assert first != second != os.getpid()
    assert warm


def test_a_server_imports_more_where_that_turns_out_to_be_needed(tmp_path: Path) -> None:
    def job(emit: Any) -> bool:
        return "wave" in sys.modules

    with ForkServer(["secondlook.seeds"]) as running:
        assert not running.run(job, log=tmp_path / "log").value
        running.also(["wave"])
        assert [running.run(job, log=tmp_path / "log").value for _ in range(2)] == [True, True]


def test_a_job_that_never_ends_is_killed_at_its_limit(server: ForkServer, tmp_path: Path) -> None:
    def job(emit: Any) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            pass

    started = time.perf_counter()
    outcome = server.run(job, seconds=0.3, log=tmp_path / "log")
    assert outcome.status == "timeout"
    assert time.perf_counter() - started < 5


def test_events_do_not_stretch_the_limit(server: ForkServer, tmp_path: Path) -> None:
    def job(emit: Any) -> None:
        while True:
            time.sleep(0.05)
            emit("epoch", {})

    started = time.perf_counter()
    assert server.run(job, seconds=0.5, log=tmp_path / "log").status == "timeout"
    assert time.perf_counter() - started < 5


def test_a_failure_is_a_sentence_and_its_traceback_is_in_the_log(server: ForkServer, tmp_path: Path) -> None:
    def job(emit: Any) -> None:
        raise ValueError("expected\n  this, got that")

    outcome = server.run(job, log=tmp_path / "log")
    assert (outcome.status, outcome.reason) == ("failed", "expected this, got that")
    assert "Traceback" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGKILL, "killed by the system, most likely for memory"), (signal.SIGSEGV, "crashed with SIGSEGV")],
)
def test_a_crash_is_a_failure_with_its_cause(server: ForkServer, tmp_path: Path, number: int, reason: str) -> None:
    def job(emit: Any) -> None:
        os.kill(os.getpid(), number)

    outcome = server.run(job, log=tmp_path / "log")
    assert outcome.status == "failed"
    assert reason in outcome.reason


def test_a_job_without_a_result_says_so(server: ForkServer, tmp_path: Path) -> None:
    def job(emit: Any) -> None:
        os._exit(7)

    assert server.run(job, log=tmp_path / "log").reason == "the process ended without a result (exit code 7)"


def test_running_out_of_memory_is_said(server: ForkServer, tmp_path: Path) -> None:
    def job(emit: Any) -> None:
        raise MemoryError

    assert server.run(job, log=tmp_path / "log").reason == "out of memory"


def test_peak_memory_is_that_of_the_child(server: ForkServer, tmp_path: Path) -> None:
    def job(megabytes: int, emit: Any) -> int:
        return len(bytearray(b"x") * (megabytes * 1_000_000))

    small = server.run(job, 1, log=tmp_path / "log").peak_bytes
    large = server.run(job, 200, log=tmp_path / "log").peak_bytes
    assert 180e6 < large - small < 260e6


def interrupt_soon(seconds: float) -> None:
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()


def test_ctrl_c_asks_the_job_to_end_in_good_order(server: ForkServer, tmp_path: Path) -> None:
    def job(emit: Any) -> str:
        try:
            time.sleep(30)
        except KeyboardInterrupt:
            return "the best so far"
        return "all"

    told: list[str] = []
    interrupt_soon(0.5)
    outcome = server.run(job, log=tmp_path / "log", on_event=lambda kind, data: told.append(kind))
    assert (outcome.status, outcome.value) == ("ok", "the best so far")
    assert told == ["stopping"]


def test_ctrl_c_ends_a_job_that_knows_nothing_of_it(server: ForkServer, tmp_path: Path) -> None:
    def job(emit: Any) -> None:
        time.sleep(30)

    interrupt_soon(0.5)
    assert server.run(job, log=tmp_path / "log").status == "interrupted"


def test_a_second_ctrl_c_kills_a_job_that_does_not_listen(server: ForkServer, tmp_path: Path) -> None:
    def job(emit: Any) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        while True:
            time.sleep(0.1)

    interrupt_soon(0.5)
    interrupt_soon(1.0)
    started = time.perf_counter()
    assert server.run(job, log=tmp_path / "log").status == "interrupted"
    assert time.perf_counter() - started < 10


def test_ctrl_c_between_jobs_is_counted_and_does_not_raise() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts() as interrupts:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupts.count == 2
    assert signal.getsignal(signal.SIGINT) is before


def test_jobs_run_outside_the_main_thread_too(server: ForkServer, tmp_path: Path) -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(server.run(add, 2, 3, log=tmp_path / "log").value))
    thread.start()
    thread.join()
    assert found == [5]


def test_a_plain_script_without_a_main_guard_works(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        from pathlib import Path
        from secondlook.runs.jobs import ForkServer, Interrupts
        print("started")
        def job(x, emit):
            return x + 1
        with ForkServer([]) as server:
            print(server.run(job, 41, log=Path({str(tmp_path)!r}) / "log").value)
        """)
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["started", "42"]


def test_the_child_dies_with_its_caller(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import os, time
        from pathlib import Path
        from secondlook.runs.jobs import ForkServer, Interrupts
        def job(emit):
            Path({str(tmp_path)!r}, "pid").write_text(str(os.getpid()))
            time.sleep(60)
        with ForkServer([]) as server:
            server.run(job, log=Path({str(tmp_path)!r}) / "log")
        """)
    )
    caller = subprocess.Popen([sys.executable, script])
    pid = tmp_path / "pid"
    _until(lambda: pid.exists() and pid.read_text() != "")
    caller.kill()
    caller.wait()
    child = int(pid.read_text())
    _until(lambda: not _alive(child))


def _alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    if Path("/proc").exists():
        return state.exists() and state.read_text().rpartition(")")[2].split()[0] != "Z"
    return subprocess.run(["ps", "-p", str(pid)], capture_output=True).returncode == 0


def _until(condition: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_a_server_that_dies_during_a_job_is_said_too(tmp_path: Path) -> None:
    def job(emit: Any) -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(0.2)

    with ForkServer([]) as server, pytest.raises(RunError, match="the process that starts the fits has died"):
        server.run(job, log=tmp_path / "log")


def test_closing_a_server_that_is_still_importing_does_not_wait_for_it() -> None:
    started = time.perf_counter()
    ForkServer(["torch", "sklearn.ensemble"]).close()
    assert time.perf_counter() - started < 1


def test_a_dead_server_is_said_in_a_sentence(tmp_path: Path) -> None:
    with ForkServer([]) as server:
        server._process.kill()
        server._process.wait()
        with pytest.raises(RunError, match="the process that starts the fits has died"):
            server.run(add, 1, 2, log=tmp_path / "log")


def test_modules_of_the_folder_one_stands_in_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("json", "tarfile", "socket"):
        (tmp_path / f"{name}.py").write_text("open('executed', 'w').close()\nraise SystemExit('taken over')\n")
    monkeypatch.chdir(tmp_path)
    with ForkServer(["tarfile"]) as server:
        outcome = server.run(lambda emit: 7, log=tmp_path / "log.txt")
    assert (outcome.status, outcome.value) == ("ok", 7)
    assert not (tmp_path / "executed").exists()
