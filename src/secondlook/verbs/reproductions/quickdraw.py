"""The Quick, Draw! study: what model, data size, imbalance and number of classes do to small nets on drawings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.data.read import read
from secondlook.types import ImageSet
from secondlook.verbs.reproductions.quickdraw_grid import grid
from secondlook.verbs.reproductions.quickdraw_imbalance import imbalance
from secondlook.verbs.reproductions.quickdraw_models import models
from secondlook.verbs.reproductions.quickdraw_size import size
from secondlook.verbs.reproductions.setting import Given, Outcome, Setting, SourceStudy, place

CATEGORIES = (
    "fish", "fork", "hotdog", "flamingo", "airplane", "alarm clock", "baseball bat", "bicycle", "dolphin", "elephant",
)  # fmt: skip
# Of the categories at hand a pair that is told apart as well as the study's, .98, when there are as many of both.
PAIR, OTHER_PAIR = ("fork", "hammer"), ("banana", "rainbow")
K = 10
# Drawings per class of the comparison, as in the study; and of the other parts, of which a fifth is tested on.
PER_CLASS, MOST_PER_CLASS, QUICK_PER_CLASS = 10_000, 62_500, 1_000


def find(data: Path | None) -> Given:
    """A folder of NAME.npy, a category each."""
    inside = ("quickdraw/bitmaps_10x4000", "quickdraw", "bitmaps_10x4000")
    path = place(data, inside, lambda path: len([*path.glob("*.npy")]) >= K, "ten categories as NAME.npy", "quickdraw")
    ours = sorted(file.stem for file in path.glob("*.npy"))
    if set(CATEGORIES) <= set(ours):
        return Given(path, "the study's ten categories")
    return Given(path, f"other categories than the study's: {', '.join(ours[:K])}", stand_in=True)


def made(at: Setting) -> Outcome:
    """Models; then sizes, imbalance, and the grid of classes and sizes."""
    images = read(at.given.data)
    ten = CATEGORIES if set(CATEGORIES) <= set(images.classes) else images.classes[:K]
    pair = PAIR if set(PAIR) <= set(images.classes) else OTHER_PAIR if set(OTHER_PAIR) <= set(ten) else ten[:2]
    few = min(PER_CLASS, QUICK_PER_CLASS if at.quick else PER_CLASS)
    many = QUICK_PER_CLASS if at.quick else MOST_PER_CLASS
    all_ten = some_of(images, ten, many, at.seed)
    parts = (
        models(at, some_of(images, ten, few, at.seed)),
        size(at, all_ten),
        imbalance(at, some_of(images, pair, many, at.seed), pair),
        grid(at, all_ten),
    )
    tables = tuple(table for one in parts for table in one.tables)
    return Outcome(tables, tuple(claim for one in parts for claim in one.claims), _differences(at, images, ten, pair))


def some_of(images: ImageSet, names: Sequence[str], most: int, seed: int) -> tuple[NDArray[Any], NDArray[np.str_]]:
    """So many drawings at most of each of some categories, and their names."""
    found = []
    for name in names:
        here = np.flatnonzero(images.labels == images.classes.index(name))
        found.append(here[np.sort(seeds.stream(seed, "quickdraw", name).permutation(len(here))[:most])])
    items = np.concatenate(found)
    return np.asarray(images.pixels[items]), np.array(images.classes)[images.labels[items]]


def _differences(at: Setting, images: ImageSet, ten: Sequence[str], pair: Sequence[str]) -> tuple[str, ...]:
    counts = images.counts()
    fewest = min(counts[name] for name in ten)
    found = [
        f"{at.given.said[0].upper()}{at.given.said[1:]}; {fewest:,} drawings of each, where the study had 10,000 for "
        "its models, up to 50,000 for its imbalance and 20,000 for its grid. Figures of other sizes stay empty.",
        "A tenth of every training set is held out to choose the epoch by, and its curves are of that tenth; the study "
        "validated on a fifth.",
        f"Imbalance is {pair[0]} against {pair[1]}, at the study's ratios, "
        "two that are told apart as well as its own when there are as many of both.",
        "Epochs, the batch of 64 and Adam at 1e-3 are the study's; cells of sizes and imbalance are five trainings "
        "each, those of the grid three, where the study had one.",
    ]
    if at.quick:
        found.append(f"Quick: {QUICK_PER_CLASS:,} drawings of each, fewer epochs, sizes, classes and seeds.")
    return tuple(found)


STUDY = SourceStudy(
    "quickdraw",
    "What do model, size, imbalance and classes do?",
    '"Quick, Draw! Image Classification", a course report of 2018 with Keras',
    find,
    made,
)
