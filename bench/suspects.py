"""Suspected labels: of 300 labels of MNIST's 60,000 training images flipped at random, how many are found, how fast.

Each flipped label becomes another class, drawn evenly. Counted are those among the first 400 and among the suspected;
beside the clock the seconds of all cores, the highest memory of a fit and the load, since the machine may be shared.
Asked: at least 80 % among the first 400 in under 10 minutes on two cores. Needs SECONDLOOK_DATA.

``--picture`` takes the labels as they are and draws the worst 30 into docs/suspects-mnist.png. ``--models`` and
``--seed`` are those of the command.
"""

import argparse
import os
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import secondlook as sl
from secondlook.seeds import stream
from secondlook.types import ImageSet, IntArray

FLIPPED, FIRST = 300, 400
PICTURE = Path(__file__).parents[1] / "docs" / "suspects-mnist.png"


def training_images() -> ImageSet:
    """MNIST's 60,000."""
    images = sl.read(Path(os.environ["SECONDLOOK_DATA"]) / "mnist")
    items = np.flatnonzero(np.asarray(images.parts) == "train")
    return replace(
        images,
        pixels=images.pixels[items],
        labels=images.labels[items],
        ids=images.ids[items],
        names=[images.names[i] for i in items],
        parts=None,
    )


def flipped(images: ImageSet, seed: int) -> tuple[ImageSet, IntArray]:
    """The set with some labels changed, and which."""
    rng, k = stream(seed, "flip"), len(images.classes)
    items = rng.choice(len(images), FLIPPED, replace=False)
    labels = images.labels.copy()
    labels[items] = (labels[items] + rng.integers(1, k, FLIPPED)) % k
    return replace(images, labels=labels), items


def cpu() -> float:
    """Seconds of all cores so far, of this process and its children that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--models")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", action="store_true")
    asked = parser.parse_args()
    images, items = training_images(), np.zeros(0, dtype=np.int64)
    if not asked.picture:
        images, items = flipped(images, asked.seed)
    began, used = time.perf_counter(), cpu()
    with tempfile.TemporaryDirectory() as folder:
        found = sl.suspects(images, models=asked.models, seed=asked.seed, out=folder)
    print(f"{time.perf_counter() - began:.0f} s, {cpu() - used:.0f} s of all cores, load {os.getloadavg()[1]:.1f}")
    for name, model in found.data["models"].items():
        print(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in model.items()))
    print(f"{found.estimated} estimated to be wrong, {int(found.suspected.sum())} suspected")
    if asked.picture:
        found.plot().figure.savefig(PICTURE, dpi=150, bbox_inches="tight", facecolor="white")
        print(PICTURE)
        return
    wrong = np.isin(found.items, items)
    first, suspected = int(wrong[:FIRST].sum()), int((wrong & found.suspected).sum())
    print(f"{first} of {FLIPPED} among the first {FIRST} ({first / FLIPPED:.1%}), {suspected} among the suspected")


if __name__ == "__main__":
    main()
