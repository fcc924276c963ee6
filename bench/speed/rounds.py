"""Runs tasks: one warm process per library, a fork of it per measurement, arms in turn."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path
from typing import Any, Self

from bench.speed.machine import hold
from bench.speed.task import Task, at_batch, tried_batches

ROOT = Path(__file__).parents[2]
# The arms of a claim, in the order of the tables, and the one beside it on nets that are trained in bfloat16.
ARMS = ("keras", "loader", "by hand", "ours")
OURS_FP32 = "ours, fp32"
PYTORCH = ("loader", "by hand")
# Peers with options worth a try beside the batch.
TUNED = ("keras", "by hand")
PROBE_SECONDS = 0.3


@dataclass(frozen=True)
class Measured:
    """What came of a task.

    Attributes:
        rate: images per second; of a matrix product, operations per second.
        start: seconds from the imports to the end of the first pass.
        difference: of the first outputs from PyTorch's, relative to the largest.
        others: share of the machine that other processes took meanwhile.
        accuracy: on the test images, after a training to its end.
    """

    arm: str
    rate: float
    start: float = 0.0
    difference: float = 0.0
    others: float = nan
    accuracy: float = nan
    detail: str = ""
    device: str = "cpu"


class Workers:
    """The warm processes. Their caches (compiled nets, choices of engine) start empty and go with them."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._folder = tempfile.TemporaryDirectory()
        self._running: dict[str, subprocess.Popen[str]] = {}
        hold(threads)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running.values():
            process.communicate()
        self._folder.cleanup()

    def measure(self, task: Task) -> Measured:
        """One measurement by a new process; ends the program where that fails."""
        process = self._process("keras" if task.arm == "keras" else "torch")
        assert process.stdin
        print(task.json(), file=process.stdin, flush=True)
        answer = self._answer(process)
        if "failed" in answer:
            sys.exit(f"{task.arm} on '{task.text}' could not be measured: {answer['failed']}")
        return Measured(task.arm, **answer)

    def _process(self, library: str) -> subprocess.Popen[str]:
        if library not in self._running:
            environment = {
                **os.environ, "OMP_NUM_THREADS": str(self._threads), "TF_CPP_MIN_LOG_LEVEL": "3",
                "KERAS_BACKEND": "tensorflow", "SECONDLOOK_CACHE": f"{self._folder.name}/cache",
            }  # fmt: skip
            command = [sys.executable, "-m", "bench.speed.worker", library]
            with Path(self._folder.name, f"{library}.log").open("w") as log:
                self._running[library] = subprocess.Popen(
                    command, cwd=ROOT, env=environment, text=True, stderr=log,
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                )  # fmt: skip
            self._answer(self._running[library])
        return self._running[library]

    def _answer(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        assert process.stdout
        line = process.stdout.readline()
        if not line:
            logs = [log.read_text()[-2000:] for log in Path(self._folder.name).glob("*.log")]
            hint = "Keras and TensorFlow come with pip install 'secondlook[bench]'"
            sys.exit("\n".join([*logs, f"a measuring process ended before it answered; {hint}"]))
        found: dict[str, Any] = json.loads(line)
        return found


def interleaved(
    workers: Workers, tasks: Sequence[Task], rounds: int
) -> tuple[list[list[list[Measured]]], list[Measured]]:
    """Every arm on every task, `rounds` times: what was measured, by task, round and arm; and each round's peak.

    A round takes each case in turn, and its arms one after the other, beginning with another one each time.
    """
    found: list[list[list[Measured]]] = [[] for _ in tasks]
    peaks = []
    for turn in range(rounds):
        peaks.append(workers.measure(replace(tasks[0], arm="peak")))
        for case, task in enumerate(tasks):
            arms = of_case(task)
            order = [*arms[turn % len(arms) :], *arms[: turn % len(arms)]]
            measured = {arm.arm: replace(workers.measure(one), arm=arm.arm) for arm, one in map(_asked, order)}
            found[case].append(on_one_device([measured[arm.arm] for arm in arms]))
            said = ", ".join(f"{m.arm} {m.rate:,.0f}" for m in found[case][-1])
            print(f"round {turn + 1}: {task.text[:40]}… at {task.batch}: {said} images/s", file=sys.stderr, flush=True)
    return found, peaks


def on_one_device(arms: Sequence[Measured]) -> list[Measured]:
    """The same; ends the program where they did not all run on one kind of device."""
    if len({measured.device for measured in arms}) > 1:
        said = ", ".join(f"{measured.arm} on {measured.device}" for measured in arms)
        sys.exit(
            f"expected all arms on one device, got {said}: give --device cpu, or install a TensorFlow that finds the "
            "GPU (tensorflow[and-cuda])"
        )
    return list(arms)


def of_case(task: Task) -> list[Task]:
    """A task for each arm; where ours may use bfloat16, one more that may not."""
    arms = [replace(task, arm=arm) for arm in ARMS]
    return arms if task.precision == "fp32" else [*arms, replace(task, arm=OURS_FP32, precision="fp32")]


def _asked(task: Task) -> tuple[Task, Task]:
    """The task by its name in the tables, and as a worker knows it."""
    return task, replace(task, arm="ours" if task.arm == OURS_FP32 else task.arm)


def best_batches(workers: Workers, task: Task) -> dict[str, tuple[int, Measured]]:
    """For each arm the batch at which it is fastest, found by short measurements, one each.

    Among those of `tried_batches`; at the best of them peers are also tried with what else helps: `TUNED` ones
    with their options, PyTorch with one thread on small nets.
    """
    best: dict[str, tuple[int, Measured]] = {}
    for arm in ARMS:
        tried = [replace(at_batch(task, batch, PROBE_SECONDS), arm=arm) for batch in tried_batches(task)]
        found = [(workers.measure(one), one) for one in tried]
        chosen = max(found, key=_rate)[1]
        others = [replace(chosen, tuned=True)] if arm in TUNED else []
        if arm in PYTORCH and task.precision == "fp32":  # nets of large steps need all threads
            others += [replace(one, threads=1) for one in [chosen, *others]]
        found += [(workers.measure(one), one) for one in others]
        measured, chosen = max(found, key=_rate)
        best[arm] = chosen.batch, measured
    said = ", ".join(f"{arm} {measured.rate:,.0f} at {batch}" for arm, (batch, measured) in best.items())
    print(f"best batch: {task.text[:40]}…: {said} images/s", file=sys.stderr, flush=True)
    return best


def _rate(found: tuple[Measured, Task]) -> float:
    return found[0].rate
