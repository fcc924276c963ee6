"""From C++ to a loaded library: compiled once by the system's compiler, kept in the cache by its content."""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import signal
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from secondlook.data.read.cache import drop, entry

_HERE = Path(__file__).parent
HEADERS = ("lanes.h", "layers.h", "pointwise.h", "team.h", "trainer.h", "exports.h")
_LIBRARY = "net.so"

# No -ffast-math: GCC would switch the whole process to flush denormals when the library is loaded, sums would be
# reordered, and a loss that is not a number would not be seen. These flags are the part of it that costs nothing.
FLAGS = ("-std=c++20", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-w")
# Hidden, since every net's library has a struct `Net` of its own: the loader would take two of one name for the same.
_LINKED = ("-shared", "-fPIC", "-pthread", "-fvisibility=hidden")

# The longest that a compiler may take before the net is left to PyTorch.
COMPILE_SECONDS = 30


class Unavailable(RuntimeError):  # noqa: N818 - a state of the machine, not a fault
    """A net cannot run as native code here: one sentence says why."""


def compiler() -> str:
    """The C++ compiler: CXX where it is set, else the first of c++, g++ and clang++ on the path.

    Raises:
        Unavailable: there is none.
    """
    names = [os.environ["CXX"]] if os.environ.get("CXX") else ["c++", "g++", "clang++"]
    for name in names:
        if found := shutil.which(name):
            return found
    raise Unavailable(f"expected a C++ compiler ({', '.join(names)}) on the path, got none; install g++ or clang++")


def library(source: str, *, flags: Sequence[str] = ()) -> ctypes.CDLL:
    """The loaded library of a generated source; compiled now, or in an earlier start.

    Args:
        flags: more flags for the compiler, such as ``-mno-avx512f``.

    Raises:
        Unavailable: there is no compiler, it fails, or takes too long; or what it made cannot be loaded.
    """
    command = [compiler(), *FLAGS, *_native(), *flags, *_LINKED]
    key = "\0".join([*(_HERE.joinpath(name).read_text() for name in HEADERS), source, *command, *_machine(command[0])])

    def made() -> Path:
        return entry("native", key, lambda place: _compile(command, source, place))

    folder = made()
    try:
        return _loaded(folder)
    except Unavailable:
        drop(folder)  # damaged in a way that its size and date do not show: made anew
        return _loaded(made())


def _loaded(folder: Path) -> ctypes.CDLL:
    try:
        return ctypes.CDLL(str(folder / _LIBRARY))
    except OSError as error:
        raise Unavailable(f"the compiled net cannot be loaded: {error}") from None


def _compile(command: list[str], source: str, folder: Path) -> None:
    file = folder / "net.cpp"
    file.write_text(source)
    order = [*command, f"-I{_HERE}", str(file), "-o", str(folder / _LIBRARY)]
    done = _run(order)
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:200])
        raise Unavailable(f"the C++ compiler {command[0]} failed: {said}")


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        # In a group of its own: what the compiler starts in turn ends with it.
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
        )  # fmt: skip
    except OSError as error:
        raise Unavailable(f"the C++ compiler {command[0]} cannot be started: {error.strerror}") from None
    try:
        out, err = process.communicate(timeout=COMPILE_SECONDS)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise Unavailable(f"the C++ compiler took more than {COMPILE_SECONDS} s") from None
        raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


@cache
def _native() -> tuple[str, ...]:
    """The flag for this very processor; ARM's compilers know another one."""
    return ("-mcpu=native",) if platform.machine() in ("aarch64", "arm64") else ("-march=native",)


@cache
def _machine(path: str) -> tuple[str, ...]:
    """What the compiled code depends on beside its source: the compiler's version and the processor's instructions."""
    said = _run([path, "--version"]).stdout
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    facts = [line for line in lines if line.startswith(("flags", "Features", "model name"))]
    return said, platform.machine(), platform.processor(), *sorted(set(facts))
