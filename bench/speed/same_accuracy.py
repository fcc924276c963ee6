"""Whether our engine reaches what PyTorch reaches: ``python -m bench.speed.same_accuracy``. Needs SECONDLOOK_DATA.

The same recipe over several seeds: initial weights, Adam at a constant rate, batch, epochs; ours as `auto` chooses it
(float32 for the small nets) and PyTorch with tensors indexed by hand. The difference of the accuracies on the test
images is taken for each seed, and its mean has the 95 % interval of Student's t. Orders of images are each arm's own.
PyTorch's large nets go channels last with a fused Adam. With MALLOC_MMAP_THRESHOLD_ and MALLOC_TRIM_THRESHOLD_ at
1000000000 its steps on photos take half the time.

Asked: the interval lies within one point.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from bench.speed import tables
from bench.speed.cases import Case, chosen
from bench.speed.machine import described
from bench.speed.peers import choose
from bench.speed.rounds import Workers, on_one_device
from bench.speed.task import Task, initialise, prepare_whole

from secondlook.types import FloatArray

ARMS = ("ours", "by hand")
ASKED = 1.0  # point


def over_seeds(workers: Workers, task: Task, seeds: int, arms: Sequence[str]) -> FloatArray:
    """Accuracy on the test images, per seed and arm: (seeds, arms)."""
    found = np.zeros((seeds, len(arms)))
    pixels = task.loaded().pixels[: task.batch].copy()
    for seed in range(seeds):
        initialise(replace(task, seed=seed), pixels)
        measured = on_one_device([workers.measure(replace(task, seed=seed, arm=arm)) for arm in arms])
        found[seed] = [one.accuracy for one in measured]
        print(f"seed {seed}: {task.text[:40]}…: {found[seed]}", file=sys.stderr, flush=True)
    return found


def interval(differences: FloatArray) -> tuple[float, float, float]:
    """The mean, and the ends of its 95 % interval by Student's t."""
    from scipy.stats import t

    mean, n = float(differences.mean()), len(differences)
    half = float(t.ppf(0.975, n - 1) * differences.std(ddof=1) / np.sqrt(n))
    return mean, mean - half, mean + half


def row(case: Case, n: int, epochs: int, found: FloatArray) -> list[str]:
    means = [f"{100 * mean:.2f} ± {100 * spread:.2f}" for mean, spread in zip(found.mean(0), found.std(0), strict=True)]
    mean, low, high = interval(100 * (found[:, 0] - found[:, 1]))
    difference = f"{mean:+.2f} ({low:+.2f} to {high:+.2f}){tables.verdict(low >= -ASKED and high <= ASKED)}"
    return [case.title, f"{len(found)}", f"{n:,}", f"{epochs}", *means, difference]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", default="", help="names of the ladder with commas between; all seven by default")
    parser.add_argument("--seeds", type=int, default=0, help="2 at least; by default each case's own")
    parser.add_argument("--epochs", type=int, default=0, help="by default each case's own")
    parser.add_argument("--images", type=int, default=0, help="so many training images; by default each case's own")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--keras", action="store_true", help="Keras too, which shows that its recipe is the same")
    asked = parser.parse_args()
    arms, rows = [*ARMS, *(["keras"] if asked.keras else [])], []
    for case in chosen([name for name in asked.nets.split(",") if name]):
        case = replace(case, n_train=asked.images or case.n_train)
        with tempfile.TemporaryDirectory() as folder, Workers(asked.threads) as workers:
            task = prepare_whole(case, Path(folder, case.model), threads=asked.threads, device=asked.device)
            # The options of PyTorch's documentation, which change no number by more than rounding, save hours here.
            task = replace(task, passes=asked.epochs or task.passes, tuned=case.large)
            rows.append(row(case, task.images, task.passes, over_seeds(workers, task, asked.seeds or case.seeds, arms)))
    print("## Accuracy over seeds (`python -m bench.speed.same_accuracy`)\n")
    print(described(asked.threads, choose(asked.device)))
    print("Test accuracy in per cent, mean ± standard deviation over the seeds; asked: the interval within ± 1 point.")
    head = "net | seeds | images | epochs | ours | PyTorch, by hand |" + (" Keras `fit` |" if asked.keras else "")
    tables.table(f"{head} difference in points, 95 % interval", rows)


if __name__ == "__main__":
    main()
