"""Work of one kind on all threads, each with matrix products of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_info, threadpool_limits

A = TypeVar("A")
B = TypeVar("B")


def threads() -> int:
    """How many threads matrix products may use here: as many tasks are worked on beside each other."""
    return max((pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"), default=1)


def each(work: Callable[[A], B], tasks: Sequence[A], together: int) -> Iterator[B]:
    """What the work makes of each task, in order, so many of them at a time."""
    if min(together, len(tasks)) <= 1:
        yield from map(work, tasks)
        return
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(together) as pool:
        try:
            yield from pool.map(work, tasks)
        finally:
            pool.shutdown(cancel_futures=True)
