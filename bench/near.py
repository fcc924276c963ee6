"""Near duplicates: what is found of those injected into photos, how fast, and how many a clean set has.

The peer is the plain loop: imagehash.phash of every image, every pair compared, near where at most 4, or 10, of 64 bits
differ. Interleaved, median and range of 3 rounds, another 2,000 photos each. Injected are 50 exact copies and 50 that
are resized (48 and 80 pixels and back), encoded as JPEG (quality 30 to 90), moved by a pixel, or 10 % brighter.

Asked: all exact and at least 45 near found with at most 5 false alarms; on clean MNIST fewer than 0.1 % of items called
near, in under 5 s on two cores; 6,740 photos under 2 s. Needs SECONDLOOK_DATA.
"""

import io
import itertools
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
from PIL import Image

from secondlook import read
from secondlook.data.audit.copies import copies
from secondlook.data.audit.near import near
from secondlook.data.read import from_arrays
from secondlook.seeds import stream
from secondlook.types import ImageSet

N, INJECTED, ROUNDS = 2000, 50, 3
SETS = ("mnist", "fashion_mnist", "quickdraw/bitmaps_10x4000", "hotdog/food101_64px", "hotdog/kaggle_28px")
Pairs = set[tuple[int, int]]


def resized(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Smaller or larger and back."""
    edge = int(rng.choice([48, 80]))
    return photo.resize((edge, edge), Image.Resampling.BICUBIC).resize(photo.size, Image.Resampling.BILINEAR)


def encoded(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """As JPEG of another quality."""
    stored = io.BytesIO()
    photo.save(stored, "JPEG", quality=int(rng.integers(30, 91)))
    return Image.open(stored)


def moved(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """By one pixel in one of eight directions."""
    dy, dx = [d for d in itertools.product((-1, 0, 1), repeat=2) if d != (0, 0)][int(rng.integers(8))]
    padded = np.pad(np.asarray(photo), ((1, 1), (1, 1), (0, 0)), mode="edge")
    return Image.fromarray(padded[1 + dy : 1 + dy + photo.height, 1 + dx : 1 + dx + photo.width])


def brighter(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """By a tenth."""
    return Image.fromarray(np.clip(np.rint(np.asarray(photo) * 1.1), 0, 255).astype(np.uint8))


def injected(photos: Any, seed: int) -> tuple[ImageSet, list[list[int]], Pairs]:
    """Photos with copies at their end, the exact ones, and the near ones."""
    rng = stream(seed, "injected")
    pixels = photos[rng.permutation(len(photos))[:N]]
    originals = rng.permutation(N)[: 2 * INJECTED]
    changes = (resized, encoded, moved, brighter)
    changed = [
        np.asarray(changes[at % len(changes)](Image.fromarray(pixels[i]), rng))
        for at, i in enumerate(originals[INJECTED:])
    ]
    exact = [[int(i), N + at] for at, i in enumerate(originals[:INJECTED])]
    truth = {(int(i), N + INJECTED + at) for at, i in enumerate(originals[INJECTED:])}
    together = np.concatenate([pixels, pixels[originals[:INJECTED]], changed])
    return from_arrays(together, None, source="photos", kind="photos"), exact, truth


def ours(images: ImageSet) -> Pairs:
    """The package's pairs."""
    return {(int(i), int(j)) for i, j in near(images).pairs}


def loop(images: ImageSet, most: int) -> Pairs:
    """The peer's pairs, but for items of equal bytes, which a user knows without it."""
    hashes = [imagehash.phash(Image.fromarray(pixels)) for pixels in images.pixels]
    stems = np.strings.partition(images.ids, "#")[0].tolist()
    pairs = itertools.combinations(range(len(hashes)), 2)
    return {(i, j) for i, j in pairs if hashes[i] - hashes[j] <= most and stems[i] != stems[j]}


def timed(work: Callable[[], Any]) -> tuple[tuple[float, float], Any]:
    """Seconds on the clock and of all cores, and what came of it."""
    started, used = time.perf_counter(), time.process_time()
    found = work()
    return (time.perf_counter() - started, time.process_time() - used), found


def spread(values: list[tuple[float, float]]) -> str:
    """Median and range of the clock, and the median of the cores together."""
    clock, cores = zip(*values, strict=True)
    return (
        f"{statistics.median(clock):7.2f} s ({min(clock):.2f} to {max(clock):.2f}), "
        f"{statistics.median(cores):6.2f} s of all cores"
    )


def injections(photos: Any) -> None:
    """What is found of what was injected, and how fast."""
    ways: dict[str, Callable[[ImageSet], Pairs]] = {
        "secondlook": ours,
        "loop, 4 bits": lambda images: loop(images, 4),
        "loop, 10 bits": lambda images: loop(images, 10),
    }
    seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for seed in range(ROUNDS):
        images, exact, truth = injected(photos, seed)
        found = [group.tolist() for group in copies(images).groups]
        print(f"seed {seed}: exact {sum(pair in found for pair in exact)} of {INJECTED}", end="")
        for way, search in ways.items():
            took, pairs = timed(lambda search=search, images=images: search(images))
            seconds[way].append(took)
            print(f"; {way}: {len(pairs & truth)} of {INJECTED} near, {len(pairs - truth)} others", end="", flush=True)
        print()
    for way, values in seconds.items():
        ratio = statistics.median(c for c, _ in values) / statistics.median(c for c, _ in seconds["secondlook"])
        print(f"{way:14} {spread(values)}  {ratio:6.1f} times ours")


def whole_sets(data: Path) -> None:
    """Seconds, and the items called near, of clean sets."""
    sets = {name: read(data / name) for name in SETS} | {"digits": read("digits")}
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in sets}
    items: dict[str, int] = {}
    for _ in range(ROUNDS):
        for name, images in sets.items():
            took, found = timed(lambda images=images: near(images))
            seconds[name].append(took)
            items[name] = len(np.unique(found.pairs))
    for name, values in seconds.items():
        n = len(sets[name])
        each = 1e6 * statistics.median(clock for clock, _ in values) / n
        print(f"{name:28} {n:7,} {spread(values)}  {each:5.0f} ms per 1,000   {items[name]:4} near", flush=True)


if __name__ == "__main__":
    data = Path(os.environ["SECONDLOOK_DATA"])
    source = read(data / "hotdog/food101_64px")
    repeated = np.concatenate([group[1:] for group in copies(source).groups])
    near(replace(source, pixels=source.pixels[:50], ids=source.ids[:50]))  # imports
    injections(np.delete(source.pixels, repeated, axis=0))
    whole_sets(data)
