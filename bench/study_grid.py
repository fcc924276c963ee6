"""How fast a study trains its cells: ``python -m bench.study_grid``. Needs SECONDLOOK_DATA and the bench extra.

Samples of the Quick, Draw! grid (3 to 10 classes by 500 to 3,200 images per class, the study's second net, Adam at
1e-3, batches of 64, ten epochs), once by `secondlook.study` with all of its work (reading, splitting, laws, report),
two cells at a time on one thread each, and once by the loop that the study's authors would write: for each cell a Keras
model, `fit` with both threads, `evaluate`. The same numbers of images, the same test items; arms in turn, each in a
process of its own. Wall time is what is asked about; the processors' time of the whole processes, imports before the
clock starts among it, is told beside it, as it bears other work on the machine better.

A study has costs that do not grow with its cells: libraries, reading, near copies, laws, the report. The small sample
has a sixth of the grid's cells, of 58 % of their mean size, so these costs weigh more in it than in the grid. The wide
one has cells of about the grid's mean size. The whole grid takes Keras a quarter of an hour a round.

Asked: at least ten times as fast.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

EPOCHS, BATCH = 10, 64
NET = "cnn-small"


@dataclass(frozen=True)
class Sample:
    """Cells of the grid: every number of classes with every number of images per class."""

    classes: tuple[int, ...]
    rows: tuple[int, ...]

    @property
    def words(self) -> str:
        cells = len(self.classes) * len(self.rows)
        images = mean(self.classes) * mean(self.rows)
        return f"{cells} cells of {images:,.0f} images on average, {EPOCHS} epochs each"


SAMPLES = {
    "small": Sample((3, 6, 10), (500, 1_000, 2_000)),
    "wide": Sample((3, 5, 8, 10), (500, 1_400, 2_300, 3_200)),
    "whole": Sample(tuple(range(3, 11)), (500, 1_000, 1_500, 2_000, 2_500, 3_000, 3_200)),
}


def ours(sample: Sample, folder: str) -> None:
    """The study, from the call to its last file."""
    from bench.speed.cases import data

    import secondlook as sl

    started = time.perf_counter()
    recipe = {"batch": BATCH, "schedule": "constant", "patience": EPOCHS}
    study = sl.study(
        "grid", data() / "quickdraw/bitmaps_10x4000", models=[NET], classes=sample.classes, rows=sample.rows, seeds=1,
        epochs=EPOCHS, recipe=recipe, workers=2, out=folder, quiet=True,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "accuracy": [c.test_accuracy for c in study.cells]}))


def keras(sample: Sample, folder: str) -> None:
    """The same cells by Keras, from images in memory; they were read before the clock starts."""
    import os

    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import keras
    import numpy as np
    import tensorflow as tf
    from bench.speed.cases import data

    import secondlook as sl

    tf.config.threading.set_intra_op_parallelism_threads(2)
    tf.config.threading.set_inter_op_parallelism_threads(2)
    images = sl.read(data() / "quickdraw/bitmaps_10x4000")
    X, y = images.pixels.astype(np.float32) / 255, images.labels
    order = np.random.default_rng(0).permutation(len(y))
    test, train = order[: len(y) * 15 // 100], order[len(y) * 15 // 100 :]
    started, found = time.perf_counter(), []
    for k in sample.classes:
        for rows in sample.rows:
            items = np.concatenate([train[y[train] == c][:rows] for c in range(k)])
            asked = test[y[test] < k]
            np.random.default_rng(1).shuffle(items)
            model = keras.Sequential([
                keras.layers.Input((28, 28, 1)),
                keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.MaxPool2D(2),
                keras.layers.Conv2D(8, 2, activation="relu"), keras.layers.MaxPool2D(2),
                keras.layers.Flatten(), keras.layers.Dense(64, activation="relu"), keras.layers.Dense(k),
            ])  # fmt: skip
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
            model.fit(X[items], y[items], batch_size=BATCH, epochs=EPOCHS, validation_split=0.1, verbose=0)
            found.append(float(model.evaluate(X[asked], y[asked], batch_size=512, verbose=0)[1]))
    print(json.dumps({"seconds": time.perf_counter() - started, "accuracy": found}))


def processors() -> float:
    """Seconds that processors have worked for processes that this one started and that have ended, theirs included."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def measured(name: str, rounds: int) -> None:
    """Both arms in turn on one sample, and what came of it."""
    from bench.speed import tables
    from bench.speed.machine import described

    times: dict[str, list[float]] = {"ours": [], "keras": []}
    busy: dict[str, list[float]] = {"ours": [], "keras": []}
    accuracies = {}
    for turn in range(rounds):
        for arm in ("ours", "keras") if turn % 2 == 0 else ("keras", "ours"):
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, "-m", "bench.study_grid", "--arm", arm, "--samples", name]
                command += ["--out", str(Path(folder, "s"))]
                before = processors()
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                busy[arm].append(processors() - before)
            said = json.loads(done.stdout.splitlines()[-1])
            times[arm].append(said["seconds"])
            accuracies[arm] = said["accuracy"]
            print(
                f"{name}, round {turn + 1}: {arm} {said['seconds']:.1f} s, processors {busy[arm][-1]:.1f} s",
                file=sys.stderr,
                flush=True,
            )
    ratios = [k / o for k, o in zip(times["keras"], times["ours"], strict=True)]
    ratio = median(ratios)
    print(f"\n{described(2, 'cpu')}")
    print(f"The {name} sample: {SAMPLES[name].words}; ours with reading, splitting, laws and report.")
    rows = [
        [arm, f"{median(times[arm]):.1f} s", f"{median(busy[arm]):.1f} s", f"{100 * mean(accuracies[arm]):.1f} %"]
        for arm in times
    ]
    tables.table("arm | median | processors | mean test accuracy", rows)
    print(f"{ratio:.1f} times ({min(ratios):.1f} to {max(ratios):.1f}), asked: 10{tables.verdict(ratio >= 10)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", default="small,wide", help="of " + ", ".join(SAMPLES))
    parser.add_argument("--arm", choices=("ours", "keras"), help=argparse.SUPPRESS)
    parser.add_argument("--out", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    names = asked.samples.split(",")
    if unknown := set(names) - SAMPLES.keys():
        parser.error(f"expected --samples out of {', '.join(SAMPLES)}, got {', '.join(unknown)}")
    if asked.arm:
        {"ours": ours, "keras": keras}[asked.arm](SAMPLES[names[0]], asked.out)
        return
    print("## A study's grid (`python -m bench.study_grid`)")
    for name in names:
        measured(name, asked.rounds)


if __name__ == "__main__":
    main()
