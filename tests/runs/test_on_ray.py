"""Jobs on a Ray cluster of several nodes simulated on one machine; without Ray everything else works."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.errors import RunError, UsageError
from secondlook.runs.interrupts import Interrupts
from secondlook.runs.on_ray import RayWorkers
from secondlook.runs.workers import Call
from warm import own_servers

SHARED = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_without_ray_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"expected Ray for --on ray, but it is not installed; .*'secondlook\[ray\]'"):
        RayWorkers("ray", 2)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three nodes of one core each; the driver's is the first."""
    pytest.importorskip("ray", reason="needs Ray (pip install 'secondlook[ray]')")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    made.nodes = [made.add_node(num_cpus=1) for _ in range(2)]
    made.wait_for_nodes()
    yield made
    made.shutdown()


def slept(shared: Any, folder: str, key: int, emit: Any) -> tuple[int, int]:
    Path(folder, f"{key}-{os.getpid()}-{time.time_ns()}").write_text("")
    time.sleep(0.5)
    return int(shared.sum()) * key, os.getpid()


def carried(workers: RayWorkers, calls: list[Call], after: Any = lambda done: None) -> dict[str, Any]:
    found: list[Any] = []
    with Interrupts() as interrupts:
        for call, outcome in workers.run(calls, SHARED, lambda *_: None, interrupts):
            found.append((call.key, outcome))
            after(len(found))
    assert len(found) == len(dict(found)), "a call ended twice"
    return dict(found)


def broken(shared: Any, emit: Any) -> None:
    raise ValueError("not this one")


@pytest.mark.slow
def test_every_call_ends_once_though_a_node_is_killed(cluster: Any, tmp_path: Path) -> None:
    with RayWorkers(cluster.address, 1) as workers:
        assert workers.several == "on a Ray cluster of 3 cores"

        def kill(done: int) -> None:
            if done == 3:
                cluster.remove_node(cluster.nodes.pop(), allow_graceful=False)

        calls = [Call(f"{i}", slept, (str(tmp_path), i)) for i in range(14)]
        found = carried(workers, calls, kill)
        assert {key: outcome.value[0] for key, outcome in found.items()} == {f"{i}": 66 * i for i in range(14)}
        failed = carried(workers, [Call("a", broken, ()), Call("b", slept, (str(tmp_path), 1))])
        assert (failed["a"].status, failed["a"].reason) == ("failed", "not this one")
        assert failed["b"].value[0] == 66


@pytest.mark.slow
def test_a_study_on_ray_has_the_bits_of_a_local_one(cluster: Any, tmp_path: Path) -> None:
    import secondlook as sl

    digits = sl.read("digits")
    X, y = digits.pixels[:400], digits.labels[:400]
    words: dict[str, Any] = {
        "models": ["logistic", "knn"], "nets": {"tiny": "conv 2 3x3, relu, maxpool 2"}, "epochs": 3, "seeds": 2,
        "quiet": True,
    }  # fmt: skip
    with own_servers():  # the tests' shared one has as many threads as the machine
        here = sl.study("size", (X, y), (5, 10, 20), out=tmp_path / "here", **words)
    there = sl.study("size", (X, y), (5, 10, 20), out=tmp_path / "there", on=cluster.address, **words)
    assert all(cell.status == "ok" for cell in there.cells)
    for a, b in zip(here.cells, there.cells, strict=True):
        assert (a.name, a.test_accuracy, a.test_log_loss, a.hits) == (b.name, b.test_accuracy, b.test_log_loss, b.hits)


@pytest.mark.slow
def test_a_cluster_that_is_not_there_is_said() -> None:
    pytest.importorskip("ray", reason="needs Ray (pip install 'secondlook[ray]')")
    with pytest.raises(RunError, match=r"cannot join the Ray cluster of --on ray://127\.0\.0\.1:1 "):
        RayWorkers("ray://127.0.0.1:1", 1)
