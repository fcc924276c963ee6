"""What a run was made with: versions and hardware."""

from __future__ import annotations

import contextlib
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("secondlook", "numpy", "scikit-learn", "torch", "pillow")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide the numbers."""
    return {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hardware() -> dict[str, Any]:
    """The processor's name, the cores this process may use, and the memory in GB (10^9 bytes)."""
    return {"cpu": _cpu(), "cores": cores(), "memory_gb": round(_installed() / 1e9, 1), "device": "cpu"}


def waited() -> float:
    """Seconds that this process's threads, those that are alive, have waited for a core that another one had.

    Linux counts it; elsewhere it is 0.
    """
    nanoseconds = 0
    for task in Path("/proc/self/task").glob("*/schedstat"):
        with contextlib.suppress(OSError, IndexError, ValueError):  # the thread has ended, or the kernel does not count
            nanoseconds += int(task.read_text().split()[1])
    return nanoseconds / 1e9


def memory() -> int:
    """Bytes of memory that this process may use: what is installed, or less where a container is limited."""
    limits = [_installed()]
    for file in (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes")):
        with contextlib.suppress(OSError, ValueError):  # no such control group, or "max"
            limits.append(int(file.read_text()))
    return min(limits)


def _installed() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _cpu() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
