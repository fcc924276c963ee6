"""Work of one kind on all threads, each with matrix products of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from threading import Lock
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

from secondlook.runs.machine import cores

A = TypeVar("A")
B = TypeVar("B")


@cache
def _pools() -> Any:
    """The BLAS libraries of this process. Looking for them takes longer than a small problem."""
    return ThreadpoolController().select(user_api="blas")


@cache
def _pools_per_thread() -> Any:
    """Those on OpenMP, of which each thread has a number of its own."""
    return _pools().select(threading_layer="openmp")


def _shared() -> list[Any]:
    own = _pools_per_thread().lib_controllers
    return [pool for pool in _pools().lib_controllers if pool not in own]


def _set(pool: Any, number: int) -> None:
    # threadpoolctl 3.8 lets only one thread of the process set OpenBLAS's number, and has the others do nothing; but
    # the fit that ends last need not be the one that began first.
    getattr(pool, "_real_set_num_threads", pool.set_num_threads)(number)


class _Single:
    """How many hold BLAS to one thread. It has one number of threads for the whole process, whoever set it last."""

    def __init__(self) -> None:
        self.lock, self.holders, self.before = Lock(), 0, 1
        self.numbers: list[tuple[Any, int]] = []

    def enter(self) -> None:
        with self.lock:
            if not self.holders:
                self.before = _found()
                self.numbers = [(pool, pool.get_num_threads()) for pool in _shared()]
                for pool, _ in self.numbers:
                    _set(pool, 1)
            self.holders += 1

    def leave(self) -> None:
        with self.lock:
            self.holders -= 1
            if not self.holders:
                for pool, number in self.numbers:
                    _set(pool, number)


_single = _Single()


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Matrix products take one thread; whichever fit leaves last gives the threads back, in any order of leaving."""
    with _pools_per_thread().limit(limits=1):
        _single.enter()
        try:
            yield
        finally:
            _single.leave()


def threads() -> int:
    """How many threads matrix products may use here: as many tasks are worked on beside each other."""
    with _single.lock:
        return _single.before if _single.holders else _found()


def _found() -> int:
    """BLAS's own number; where it is none that threadpoolctl knows (macOS has one), OMP_NUM_THREADS or all cores."""
    if found := [int(pool["num_threads"]) for pool in _pools().info()]:
        return max(found)
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) else cores()


def each(work: Callable[[A], B], tasks: Sequence[A], together: int) -> Iterator[B]:
    """What the work makes of each task, in order, so many of them at a time."""
    if min(together, len(tasks)) <= 1:
        yield from map(work, tasks)
        return
    begin = partial(_pools_per_thread().limit, limits=1)
    with one_thread_each(), ThreadPoolExecutor(together, initializer=begin) as pool:
        try:
            yield from pool.map(work, tasks)
        finally:
            pool.shutdown(cancel_futures=True)
