"""Thresholds of the allocator: set once, on glibc alone, never by an import."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from secondlook.models.engines import allocator


class Library:
    """A C library that writes down what mallopt is asked for."""

    def __init__(self, refuses: tuple[tuple[int, int], ...] = ()) -> None:
        self.asked: list[tuple[int, int]] = []
        self.gnu_get_libc_version = object()

        def mallopt(what: int, value: int) -> int:
            self.asked.append((what, value))
            return int((what, value) not in refuses)

        self.mallopt: Any = mallopt


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    made = Library()
    monkeypatch.delenv(allocator.SWITCH, raising=False)
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda name: made)
    allocator._set.cache_clear()
    yield made
    allocator._set.cache_clear()


def test_the_thresholds_are_set_once(library: Library) -> None:
    assert allocator.keep_memory()
    assert allocator.keep_memory()
    assert library.asked == [(-3, 1 << 30), (-8, 1), (-1, 1 << 30), (-2, 1 << 26)]


def test_the_switch_leaves_the_allocator_as_it_is(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECONDLOOK_ALLOCATOR", "system")
    assert not allocator.keep_memory()
    assert library.asked == []


def test_another_c_library_is_left_alone(library: Library) -> None:
    del library.gnu_get_libc_version
    assert not allocator.keep_memory()
    assert library.asked == []


def test_an_older_glibc_takes_less(monkeypatch: pytest.MonkeyPatch, library: Library) -> None:
    older = Library(refuses=((-3, 1 << 30),))
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda name: older)
    assert allocator.keep_memory()
    assert older.asked[:2] == [(-3, 1 << 30), (-3, 1 << 25)]


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"), reason="needs glibc")
def test_freed_memory_stays_after_it_was_asked_for_and_not_before() -> None:
    """Page faults of a buffer of 64 MB that is made anew ten times, in a process of its own."""
    code = (
        "import resource, numpy as np\n"
        "from secondlook.models.engines import choosing\n"
        "from secondlook.models.engines.allocator import keep_memory\n"
        "def faults():\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    for _ in range(10): np.ones(8_000_000)\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
        "print(faults(), int(keep_memory()), faults())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, kept, after = map(int, done.stdout.split())
    assert kept == 1
    assert after < 0.3 * before, (before, after)
