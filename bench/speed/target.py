"""Time to the hard-digits study's accuracy: ``python -m bench.speed.target``. Needs SECONDLOOK_DATA.

Ours: `NetClassifier` with the study's convnet on MNIST's 60,000 training images, of which it holds out a tenth and
keeps the epoch of the lowest loss there; its time is that of `fit`. Compilation and choice of engine are in the first
seed's, which begins with an empty cache; later seeds find there what it left. The test images are asked once per seed.

Keras: the study's 20 epochs of 60,000 images at the study's recipe. By default that is 1,200,000 images over the speed
that `fit` shows on a slice, measured once after every seed of ours; with --keras-full it is trained to its end, once.

Asked: a mean test accuracy of .9938 over 5 seeds in less than half of Keras' time.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import mean, median, stdev
from time import perf_counter
from typing import Any

from bench.speed import tables
from bench.speed.cases import CASES, images
from bench.speed.machine import described
from bench.speed.rounds import Measured, Workers, on_one_device
from bench.speed.task import initialise, prepare, prepare_whole

ACCURACY, SHARE = 0.9938, 0.5
STUDY_EPOCHS, STUDY_IMAGES = 20, 60_000
CASE = next(case for case in CASES if case.model == "convnet")


def ours(seed: int, settings: dict[str, Any]) -> tuple[float, float, str, str]:
    """Test accuracy, seconds of the fit, how it was trained, and on which device."""
    from secondlook import NetClassifier

    train, test = images(CASE)
    model = NetClassifier(CASE.text, random_state=seed, **settings)
    started = perf_counter()
    model.fit(train.pixels, train.labels)
    seconds = perf_counter() - started
    accuracy = float((model.predict(test.pixels) == test.labels).mean())
    return accuracy, seconds, model.engine_, model.device_


def keras_full(workers: Workers, folder: Path, threads: int, device: str) -> tuple[float, float]:
    """Test accuracy and seconds of the study's 20 epochs."""
    task = prepare_whole(CASE, folder, threads=threads, device=device)
    initialise(task, task.loaded().pixels[: task.batch].copy())
    found = workers.measure(replace(task, arm="keras", passes=STUDY_EPOCHS))
    return found.accuracy, found.start + (STUDY_EPOCHS - 1) * task.images / found.rate


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--augment", default="")
    parser.add_argument("--keras-full", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    return parser.parse_args()


def main() -> None:
    import torch

    asked = options()
    torch.set_num_threads(asked.threads)
    names = ("epochs", "batch", "learning_rate", "augment", "device")
    settings = {name: getattr(asked, name) for name in names}
    found, peer = list[tuple[float, float, str, str]](), list[Measured]()
    with tempfile.TemporaryDirectory() as folder, Workers(asked.threads) as workers:
        os.environ["SECONDLOOK_CACHE"] = str(Path(folder, "cache"))  # not the user's own
        task = prepare(CASE, Path(folder, "slice"), seconds=2.0, threads=asked.threads, device=asked.device)
        for seed in range(asked.seeds):
            found.append(ours(seed, settings))
            peer.append(workers.measure(replace(task, arm="keras")))
            on_one_device([Measured("ours", 0.0, device=found[-1][3]), peer[-1]])
            print(f"seed {seed}: {found[-1]}, Keras {peer[-1].rate:,.0f} images/s", file=sys.stderr, flush=True)
        speed = median(one.rate for one in peer)
        seconds, accuracy, how = STUDY_EPOCHS * STUDY_IMAGES / speed, "", f"at its {speed:,.0f} images/s"
        if asked.keras_full:
            reached, seconds = keras_full(workers, Path(folder, "whole"), asked.threads, asked.device)
            accuracy, how = f"{reached:.4f}", "measured"
    accuracies, times, engines, _ = zip(*found, strict=True)
    print(f"## Time to target (`python -m bench.speed.target`)\n\n{described(asked.threads, peer[0].device)}")
    print(f"Ours: {engines[-1]}, {', '.join(f'{name} {value}' for name, value in settings.items() if value)}.")
    judged = tables.quiet(peer)
    spread = f" ± {stdev(accuracies):.4f}" if len(accuracies) > 1 else ""
    share = mean(times) / seconds
    tables.table(
        "hard digits, convnet | test accuracy | seconds | asked",
        [
            [f"ours, seeds: {asked.seeds}", f"{mean(accuracies):.4f}{spread}",
             f"{mean(times):.0f} ({min(times):.0f} to {max(times):.0f})",
             f"≥ {ACCURACY}{tables.verdict(mean(accuracies) >= ACCURACY)}"],
            ["Keras, 20 epochs", accuracy, f"{seconds:.0f}, {how}", ""],
            ["ours / Keras", "", f"{share:.2f}", f"< {SHARE}{tables.verdict(share < SHARE, judged)}"],
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
