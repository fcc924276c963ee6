"""The warm fork server: a process that imports the heavy libraries once and forks a fresh child for each job.

It is started by `jobs.ForkServer` as ``python -m secondlook.runs.server FD MODULE…`` and never runs a job itself, so it
has no threads, no locks held and no device open when it forks. It lives as long as its caller: when the socket closes,
the children at work are killed and the server ends.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

# What a job's message may weigh at most: two paths.
MESSAGE_BYTES = 16_384


def main(arguments: list[str]) -> None:
    """Imports the modules named, then serves forks over the inherited socket until it closes."""
    caller = socket.socket(fileno=int(arguments[0]))
    _import(arguments[1:])
    wake, wake_end = socket.socketpair()
    wake_end.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda signum, frame: None)
    signal.set_wakeup_fd(wake_end.fileno())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the caller's to hear
    children: set[int] = set()
    try:
        while True:
            ready, _, _ = select.select([caller, wake], [], [])
            if wake in ready:
                wake.recv(4096)
                _report_ended(children, caller)
            if caller in ready:
                message, fds, _, _ = socket.recv_fds(caller, MESSAGE_BYTES, 1)
                if not message:
                    return
                request = json.loads(message)
                _import(request["modules"])
                children.add(_fork(request, fds[0], (caller, wake, wake_end)))
    except OSError:  # the caller is gone
        return
    finally:
        for pid in children:
            _kill(pid)


def _import(modules: Sequence[str]) -> None:
    """Imports those that are not there yet."""
    if not (missing := [module for module in modules if module not in sys.modules]):
        return
    gc.disable()  # imports make objects that stay: looking through them for garbage is a tenth of the time
    for module in missing:
        importlib.import_module(module)
    gc.freeze()  # and the children need not copy their pages by looking through them
    gc.enable()


def _fork(request: dict[str, Any], fd: int, ours: tuple[socket.socket, ...]) -> int:
    """Starts a child for a job, and tells the caller its process: "start PID"."""
    pid = os.fork()
    if pid == 0:
        for end in ours:
            end.close()
        _child(request, fd)
    os.close(fd)
    with contextlib.suppress(OSError):  # the caller is gone: the next read will say so, and this child is known then
        ours[0].sendall(b"start %d\n" % pid)
    return pid


def _report_ended(children: set[int], caller: socket.socket) -> None:
    """Tells the caller of each child that has ended: "end PID", its exit status and its peak memory in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    for pid in sorted(children):
        done, status, usage = os.wait4(pid, os.WNOHANG)
        if done:
            children.discard(pid)
            code = os.waitstatus_to_exitcode(status)
            caller.sendall(b"end %d %d %d\n" % (pid, code, usage.ru_maxrss * unit))


def _kill(pid: int) -> None:
    """Kills a child, whether or not it already leads a group of its own."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _child(request: dict[str, Any], fd: int) -> None:
    """Runs the job in the forked child; never returns."""
    import traceback

    pipe = Connection(fd)

    def emit(kind: str, data: dict[str, Any]) -> None:
        pipe.send(("event", kind, data))

    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setpgid(0, 0)
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(log, 1)
        os.dup2(log, 2)
        import cloudpickle

        with open(request["task"], "rb") as file:  # noqa: PTH123  # pathlib is not imported in a bare child
            # The caller's own modules must be found before what it sent can be read.
            sys.path, job = cloudpickle.load(file)
        function, args = cloudpickle.loads(job)
        pipe.send(("result", function(*args, emit)))
    except KeyboardInterrupt:
        pipe.send(("interrupted", ""))
    except MemoryError:
        pipe.send(("failed", "out of memory"))
    except BrokenPipeError:
        os._exit(1)  # nobody listens any more
    except BaseException as error:
        traceback.print_exc()
        pipe.send(("failed", " ".join(str(error).split()) or type(error).__name__))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
