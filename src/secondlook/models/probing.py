"""What a fitted model says of test images that were moved, turned, noised or inverted; in the child, without labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.data.transform import Images, invert, noise, rotate, shift
from secondlook.types import IntArray

Answer = Callable[[Images], NDArray[Any]]

SHIFTS, DEGREES, NOISE = (1, 2, 3, 4), 15, 0.1
# A model that would take longer to answer all changed images, and longer than this share of its fit, is not probed.
MOST_SECONDS, FIT_SHARE = 10.0, 0.1
# Of the time that a limit leaves, the probe takes half at most.
_SHARE = 0.5
# Numbers of pixels that are changed at a time.
_BLOCK_NUMBERS = 8_000_000


def probes(shape: tuple[int, int, int], seed: int) -> dict[str, list[Callable[[Images], Images]]]:
    """How images of (h, w, c) are changed, by the probe's name; the ways of one probe are averaged.

    Shifts go up, down, left and right, and by less than half of the image.
    """
    found: dict[str, list[Callable[[Images], Images]]] = {}
    for by in SHIFTS:
        if 2 * by < min(shape[:2]):
            found[f"shift {by}"] = [partial(shift, dy=y * by, dx=x * by) for y, x in ((-1, 0), (1, 0), (0, -1), (0, 1))]
    found[f"rotate {DEGREES}"] = [partial(rotate, degrees=degrees) for degrees in (-DEGREES, DEGREES)]
    # One stream for all models: they see the same noise.
    found["noise"] = [partial(noise, std=NOISE, rng=seeds.stream(seed, "probe", "noise"))]
    found["invert"] = [invert]
    return found


def ways(shape: tuple[int, int, int]) -> int:
    """How many changed versions of an image there are."""
    return sum(len(changes) for changes in probes(shape, 0).values())


def probe(
    answer: Answer,
    images: Images,
    items: IntArray,
    path: Path,
    *,
    seed: int,
    predict_us: float,
    fit_seconds: float,
    left: float | None,
) -> str:
    """Writes what a model says of changed images: an .npz of uint16 (ways, m) per probe, and of `items`.

    Args:
        answer: from images (n, h, w, c) to probabilities (n, k).
        images: the test part. items: int64 (m,), which of them are changed.
        predict_us: microseconds that the model takes per image. fit_seconds: how long it was fitted.
        left: seconds until it would be killed, or None.

    Returns:
        Why it was left out, or "".
    """
    shape = (int(images.shape[1]), int(images.shape[2]), int(images.shape[3]))
    n = len(items) * ways(shape)
    most = max(MOST_SECONDS, FIT_SHARE * fit_seconds)
    most = most if left is None else min(most, _SHARE * left)
    seconds = n * predict_us / 1e6
    if seconds > most:
        return f"to answer {n:,} changed images would take it about {seconds:,.0f} s"
    began = perf_counter()
    found: dict[str, IntArray | NDArray[np.uint16]] = {"items": items}
    for name, changes in probes(shape, seed).items():
        said = [_answers(answer, images, items, change) for change in changes]
        if perf_counter() - began > (2 * most if left is None else most):
            return f"its answers to {n:,} changed images took longer than {most:.0f} s"
        found[name] = np.stack(said)
    np.savez(path, **found)  # type: ignore[arg-type]  # names are our own
    return ""


def _answers(answer: Answer, images: Images, items: IntArray, change: Callable[[Images], Images]) -> NDArray[np.uint16]:
    """The most probable class of each changed image; in blocks, so that no model's memory is that of its probe."""
    step = max(1, _BLOCK_NUMBERS // max(1, int(np.prod(images.shape[1:]))))
    said = [answer(change(np.asarray(images[items[at : at + step]]))) for at in range(0, len(items), step)]
    return np.concatenate([table.argmax(axis=1) for table in said]).astype(np.uint16)


def read_probes(path: Path) -> Mapping[str, NDArray[Any]]:
    """What `probe` wrote, by name; nothing where it wrote nothing."""
    if not path.exists():
        return {}
    with np.load(path) as file:
        return {name: file[name] for name in file.files}
