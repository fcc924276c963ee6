"""The Quick, Draw! study: what model, data size, imbalance and number of classes do to small nets on drawings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.errors import DataError
from secondlook.verbs.reproductions.quickdraw_grid import grid
from secondlook.verbs.reproductions.quickdraw_imbalance import imbalance
from secondlook.verbs.reproductions.quickdraw_models import models
from secondlook.verbs.reproductions.quickdraw_recipe import K
from secondlook.verbs.reproductions.quickdraw_size import size
from secondlook.verbs.reproductions.setting import Given, Outcome, Setting, SourceStudy, place

CATEGORIES = (
    "fish", "fork", "hotdog", "flamingo", "airplane", "alarm clock", "baseball bat", "bicycle", "dolphin", "elephant",
)  # fmt: skip
# Of the categories at hand a pair that is told apart as well as the study's, .98, when there are as many of both.
PAIR, OTHER_PAIR = ("fork", "hammer"), ("banana", "rainbow")
# Drawings per class of the comparison, as in the study; of sizes and grid, and of the pair, a fifth of them to test on.
PER_CLASS, MOST_PER_CLASS, MOST_OF_PAIR, QUICK_PER_CLASS = 10_000, 25_000, 62_500, 1_000
# Enough for two of the study's sizes.
LEAST = 1_250
_ALIKE = "; these are told apart as well as fork and hammer when there are as many of both"


def find(data: Path | None) -> Given:
    """A folder of NAME.npy, a category each."""
    inside = ("quickdraw/bitmaps_10x4000", "quickdraw", "bitmaps_10x4000")
    path = place(data, inside, lambda path: len(_files(path)) >= K, "ten categories as NAME.npy", "quickdraw")
    ten = _ten(_files(path))
    fewest = min(len(np.load(file, mmap_mode="r")) for file in ten.values())
    if fewest < LEAST:
        raise DataError(f"expected {LEAST:,} drawings of each category for quickdraw, got {fewest:,} of one in {path}")
    own = set(CATEGORIES) <= ten.keys()
    said = "the study's ten categories" if own else f"other categories than the study's: {', '.join(ten)}"
    return Given(path, f"{said}; {fewest:,} drawings of each at least", stand_in=not own)


def made(at: Setting) -> Outcome:
    """Models; then sizes, imbalance, and the grid of classes and sizes."""
    files = _files(at.given.data)
    ten = _ten(files)
    pair = next((names for names in (PAIR, OTHER_PAIR) if set(names) <= files.keys()), tuple(ten)[:2])
    few, many, two = (QUICK_PER_CLASS,) * 3 if at.quick else (PER_CLASS, MOST_PER_CLASS, MOST_OF_PAIR)
    all_ten = some_of(ten, many, at.seed)
    parts = (
        models(at, some_of(ten, few, at.seed)),
        size(at, all_ten),
        imbalance(at, some_of({name: files[name] for name in pair}, two, at.seed), pair),
        grid(at, all_ten),
    )
    tables = tuple(table for one in parts for table in one.tables)
    return Outcome(tables, tuple(claim for one in parts for claim in one.claims), _differences(at, pair))


def _files(path: Path) -> dict[str, Path]:
    """The files of a folder by category, as Google names them or as they were renamed."""
    return {file.stem.removeprefix("full_numpy_bitmap_"): file for file in sorted(path.glob("*.npy"))}


def _ten(files: Mapping[str, Path]) -> dict[str, Path]:
    """The study's categories where all are there, else the first ten."""
    names = CATEGORIES if set(CATEGORIES) <= files.keys() else tuple(files)[:K]
    return {name: files[name] for name in names}


def some_of(files: Mapping[str, Path], most: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """So many drawings at most of each category, uint8 (n, 28, 28), and their names; only those are read."""
    found = {}
    for name, file in files.items():
        rows = np.load(file, mmap_mode="r", allow_pickle=False)
        found[name] = rows[np.sort(seeds.stream(seed, "quickdraw", name).permutation(len(rows))[:most])]
    names = np.repeat(list(found), [len(rows) for rows in found.values()])
    return np.concatenate(list(found.values())).reshape(-1, 28, 28), names


def _differences(at: Setting, pair: Sequence[str]) -> tuple[str, ...]:
    found = [
        f"Made of {at.given.said}. The study had 10,000 for its models, up to 50,000 for its imbalance and 20,000 for "
        "its grid. Figures of other sizes stay empty.",
        "A tenth of every training set is held out to follow training by, an eighth of the models', and validation "
        "figures are of that; the study validated on a fifth of all. The last epoch's weights are kept, as there.",
        f"Imbalance is {' against '.join(pair)}, at the study's ratios{_ALIKE if pair == OTHER_PAIR else ''}.",
        "Epochs, the batch of 64 and Adam at 1e-3 are the study's; cells of sizes and imbalance are five trainings "
        "each, those of the grid three, where the study had one.",
    ]
    if at.quick:
        found.append(
            f"Quick: {QUICK_PER_CLASS:,} drawings of each, fewer epochs, sizes, classes and seeds; at least four of a "
            "minority."
        )
    return tuple(found)


STUDY = SourceStudy(
    "quickdraw",
    "What do model, size, imbalance and classes do?",
    '"Quick, Draw! Image Classification", a course report of 2018 with Keras',
    find,
    made,
)
