"""Threads beside each other, each with matrix products of its own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Barrier, Event
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import OpenBLASController, threadpool_info, threadpool_limits

from secondlook.models.classical import Logistic, quadratic
from secondlook.models.classical import threads as module
from secondlook.models.classical.threads import each, one_thread_each, threads


def blas() -> set[int]:
    """The numbers of threads that BLAS has now."""
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = threadpool_limits(2, user_api="blas")
    # No thread may own the numbers: from 3.8, threadpoolctl lets only their owner set them.
    getattr(OpenBLASController, "clear_controlling_thread", lambda: None)()
    yield
    before.restore_original_limits()
    getattr(OpenBLASController, "clear_controlling_thread", lambda: None)()


def test_the_last_to_leave_gives_the_threads_back() -> None:
    first, second = ExitStack(), ExitStack()
    first.enter_context(one_thread_each())
    second.enter_context(one_thread_each())
    assert blas() == {1}
    assert threads() == 2
    first.close()
    assert blas() == {1}
    second.close()
    assert blas() == {2}
    assert threads() == 2


@pytest.mark.parametrize("kind", ["svm", "logistic"])
def test_two_fits_that_begin_and_end_in_turn_leave_blas_its_threads(
    digits: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = digits[0][0][:150], digits[0][1][:150].astype(np.int64)
    inside, go = [Event(), Event()], [Event(), Event()]
    turn = iter(range(2))
    owner, name = (quadratic, "_solve") if kind == "svm" else (LogisticRegression, "fit")
    real = getattr(owner, name)

    def in_turn(*data: Any) -> Any:
        mine = next(turn)
        inside[mine].set()
        assert go[mine].wait(60)
        return real(*data)

    monkeypatch.setattr(owner, name, in_turn)

    def fit() -> None:
        if kind == "svm":
            quadratic.solve(np.eye(4), np.array([1.0, -1.0, 1.0, -1.0]), np.ones(4))
        else:
            Logistic().fit(X, y)

    with ThreadPoolExecutor(2) as pool:
        fits = []
        for place in range(2):
            fits.append(pool.submit(fit))
            assert inside[place].wait(60)
        for place in range(2):
            go[place].set()
            fits[place].result()
    assert blas() == {2}


def test_fits_in_a_process_whose_threads_somebody_else_set_take_one_thread() -> None:
    with threadpool_limits(2, user_api="blas"), ThreadPoolExecutor(1) as pool:

        def look() -> set[int]:
            with one_thread_each():
                return blas()

        assert pool.submit(look).result() == {1}
        assert blas() == {2}


def test_work_that_is_left_off_gives_the_threads_back() -> None:
    step = Barrier(2)
    work = each(lambda n: (step.wait(), n)[1], range(4), 2)
    assert next(work) == 0
    assert blas() == {1}
    work.close()  # type: ignore[attr-defined]
    assert blas() == {2}


@pytest.mark.parametrize(("asked", "found"), [(None, 5), ("3", 3), ("0", 5), ("4,2", 5)])
def test_where_no_blas_is_known_threads_are_as_asked_or_all_cores(
    asked: str | None, found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    module._pools_per_thread.cache_clear()
    monkeypatch.setattr(module, "_pools", lambda: module.ThreadpoolController().select(user_api="none of these"))
    monkeypatch.setattr(module, "cores", lambda: 5)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if asked is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert threads() == found
    assert list(each(lambda n: n + 1, range(4), threads())) == [1, 2, 3, 4]
