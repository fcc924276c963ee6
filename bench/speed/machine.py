"""The line under every table: when, on what, with which versions."""

from __future__ import annotations

import os
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from math import nan
from pathlib import Path

from secondlook.models.engines.native.build import Unavailable, compiler
from secondlook.runs.machine import hardware, versions


def busy() -> float:
    """Seconds that all cores together have worked for anybody since the machine started; NaN where it does not say."""
    try:
        words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    except OSError:
        return nan
    user, nice, system, _, _, irq, soft, stolen = map(int, words)
    return (user + nice + system + irq + soft + stolen) / os.sysconf("SC_CLK_TCK")


def own() -> float:
    """Seconds of cores that this process and its children have used."""
    return sum(os.times()[:4])


def hold(threads: int) -> None:
    """Gives this process and its children so many cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def _compiler() -> str:
    """The first line that the C++ compiler says of itself, or why there is none."""
    try:
        said = subprocess.run([compiler(), "--version"], capture_output=True, text=True, check=False).stdout
        return said.partition("\n")[0]
    except Unavailable as error:
        return str(error)


def described(threads: int, device: str) -> str:
    """Date, hardware, versions and load, as one paragraph."""
    machine = hardware()
    packages = versions()
    for name in ("tensorflow-cpu", "tensorflow", "keras"):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    load = f", load {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}, {machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
        f"{threads} threads for every arm, device {device}{load}; {_compiler()}; "
        f"{', '.join(f'{name} {number}' for name, number in packages.items())}."
    )
