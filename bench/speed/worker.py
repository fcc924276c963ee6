"""A process that has imported one library and forks for every task: `python -m bench.speed.worker torch|keras`.

Tasks come on standard input, one line of JSON each; one line of JSON answers each. Every measurement is taken by a new
process which has nothing behind it but the imports, without paying for them again.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from math import nan
from time import perf_counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.speed.clock import Arm
    from bench.speed.task import Task

# How far the outputs of an arm may be from PyTorch's before anything is timed, relative to the largest, at least 1.
TOLERANCE = 1e-4
# Edge of the matrices whose product is called the machine's peak.
PEAK_EDGE = {"cpu": 2048, "cuda": 8192}


def arm(task: Task) -> Arm:
    """The arm of a name."""
    if task.arm == "keras":
        from bench.speed.keras_peer import Keras

        return Keras(task)
    if task.arm == "ours":
        from bench.speed.ours import Ours

        return Ours(task)
    from bench.speed.peers import ByHand, Loader

    return {"loader": Loader, "by hand": ByHand}[task.arm](task)


def measure(task: Task) -> dict[str, Any]:
    """Builds the arm, holds its outputs against PyTorch's, and times it."""
    from bench.speed import machine
    from bench.speed.clock import Clock

    began = perf_counter()
    made = arm(task)
    built = perf_counter() - began
    difference = _difference(made, task)
    clock, began, others = Clock(task.seconds, task.passes), perf_counter(), machine.busy() - machine.own()
    made.train(clock)
    others = machine.busy() - machine.own() - others
    passes, seconds = len(clock.ends) - 1, clock.ends[-1] - clock.ends[0]
    return {
        "rate": task.images * passes / seconds if passes else nan,
        "start": built + clock.ends[0] - began,
        "difference": difference,
        "others": max(0.0, others / (clock.ends[-1] - began) / (os.cpu_count() or 1)),
        "accuracy": _accuracy(made, task) if task.passes else nan,
        "detail": made.detail,
        "device": made.device,
    }


def _difference(made: Arm, task: Task) -> float:
    """How far its outputs are from PyTorch's, relative to the largest; ends the task where it trains another net."""
    expected = task.logits()
    found = made.logits(task.loaded().pixels[: len(expected)])
    difference = float(abs(found - expected[: len(found)]).max() / max(1.0, abs(expected).max()))
    if not difference <= TOLERANCE:
        raise SystemExit(f"{task.arm}: its outputs differ from PyTorch's by {difference:.1e}; they are another net's")
    return difference


def _accuracy(made: Arm, task: Task) -> float:
    test = task.test()
    return float((made.logits(test.pixels).argmax(1) == test.labels).mean())


def peak(task: Task) -> dict[str, Any]:
    """The most operations per second of float32 matrix products by PyTorch, for about a second."""
    import torch
    from bench.speed.peers import choose

    device = choose(task.device)
    a = torch.rand(2 * (PEAK_EDGE[device],), device=device)
    times, began = list[float](), perf_counter()
    while perf_counter() - began < 1 or len(times) < 3:
        started = perf_counter()
        a @ a
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(perf_counter() - started)
    return {"rate": 2 * len(a) ** 3 / min(times), "device": device}


def answer(line: str) -> dict[str, Any]:
    """What a task found, or why it failed."""
    from bench.speed.task import Task

    task = Task.parse(line)
    try:
        if task.arm != "keras":
            import torch

            torch.set_num_threads(task.threads)
        return peak(task) if task.arm == "peak" else measure(task)
    except SystemExit as error:
        return {"failed": str(error)}
    except Exception:
        return {"failed": traceback.format_exc()}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not stand among the answers
    if sys.argv[1] == "keras":
        import bench.speed.keras_peer
    else:
        import bench.speed.ours
        import bench.speed.peers  # noqa: F401
    print(json.dumps({"ready": sys.argv[1]}), file=answers, flush=True)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            print(json.dumps(answer(line)), file=answers, flush=True)
            os._exit(0)
        if code := os.waitpid(child, 0)[1]:
            print(json.dumps({"failed": f"its process ended with status {code}"}), file=answers, flush=True)


if __name__ == "__main__":
    main()
