"""How long it takes to judge classes, pixels, shortcuts and faults of a set that is read: median and range of 5.

Beside it stands what NumPy takes for the mean, the standard deviation and the largest value of the same images, as
floats: the least that any look at all pixels costs. Interleaved. Asked on two cores: MNIST under 4 s, 6,740 photos
under 2 s, digits under 0.3 s. Needs SECONDLOOK_DATA for all but digits.
"""

import os
import statistics
import time
from pathlib import Path

import numpy as np

import secondlook as sl
from secondlook.data.audit import Measured
from secondlook.data.split import split
from secondlook.judge.findings import DataContext, classes, faults, pixels, shortcuts
from secondlook.judge.registry import run_checks

CHECKS = (*classes.CHECKS, *pixels.CHECKS, *shortcuts.CHECKS, *faults.CHECKS)
SETS = {"MNIST": "mnist", "Quick, Draw!": "quickdraw/bitmaps_10x4000", "food photos": "hotdog/food101_64px"}


def ours(images: sl.ImageSet, cut: sl.Split) -> None:
    run_checks(CHECKS, DataContext(Measured(images), cut))


def plain(images: sl.ImageSet, cut: sl.Split) -> None:
    for i in range(0, len(images), 256):
        block = images.pixels[i : i + 256].reshape(-1, np.prod(images.shape)).astype(np.float32)
        block.mean(axis=1), block.std(axis=1), block.max(axis=1)


def seconds(work, images: sl.ImageSet, cut: sl.Split) -> float:
    started = time.perf_counter()
    work(images, cut)
    return time.perf_counter() - started


if __name__ == "__main__":
    folder = os.environ.get("SECONDLOOK_DATA")
    sources = {"digits": "digits", **({name: Path(folder) / path for name, path in SETS.items()} if folder else {})}
    for name, source in sources.items():
        images = sl.read(source)
        cut = split(images)
        times: dict = {ours: [], plain: []}
        for _ in range(5):
            for work, found in times.items():
                found.append(seconds(work, images, cut))
        middle, least = (statistics.median(times[work]) for work in (ours, plain))
        spread = f"{min(times[ours]):.2f} to {max(times[ours]):.2f}"
        print(f"{name:14} {len(images):6,} images {middle:6.2f} s ({spread})   {middle / least:4.1f} x plain NumPy")
