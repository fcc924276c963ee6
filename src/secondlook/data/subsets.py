"""Training sets cut out of a larger one for studies of the data: nested by size, by class, by wrong labels.

Everything that varies is a prefix of one seeded order: 500 images per class lie within the 1,000 of the same seed,
three classes within four, 5 % wrong labels within 10 %. So two cells of a study differ by what was varied, and by
nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.types import IntArray


@dataclass(frozen=True, eq=False)
class Pool:
    """What a study may train on, and what it tests on.

    Attributes:
        labels: int64 (n,), class codes of all images of the set.
        train, test: disjoint indices of images; the test items are the same for every cell.
        classes: names, (k,).
    """

    labels: IntArray
    train: IntArray
    test: IntArray
    classes: tuple[str, ...]

    def counts(self) -> IntArray:
        """How many training images each class has, int64 (k,)."""
        return np.asarray(np.bincount(self.labels[self.train], minlength=len(self.classes)), dtype=np.int64)

    def test_items(self, classes: Sequence[int]) -> IntArray:
        """The test items of some classes."""
        return self.test[np.isin(self.labels[self.test], list(classes))]


def class_items(pool: Pool, code: int, seed: int) -> IntArray:
    """The training images of one class, in the order in which a study takes them."""
    items = pool.train[pool.labels[pool.train] == code]
    return np.asarray(items[seeds.stream(seed, "study", "rows", pool.classes[code]).permutation(len(items))])


def subset(pool: Pool, rows: Mapping[int, int], seed: int) -> IntArray:
    """So many training images of each class, sorted indices.

    Args:
        rows: how many, by class code; no more than there are.
        seed: the smaller subsets of one seed lie in its larger ones.
    """
    return np.sort(np.concatenate([class_items(pool, code, seed)[:n] for code, n in rows.items()]))


def wrong_labels(pool: Pool, items: IntArray, classes: Sequence[int], share: float, seed: int) -> IntArray:
    """The labels of some items, a share of which are wrong: another one of the classes, drawn evenly.

    Args:
        items: (m,). classes: the codes a wrong label may have.
        share: of each class, rounded to whole images.

    Returns:
        (m,) class codes. An item that is wrong at one share is wrong, in the same way, at every larger one.
    """
    labels = pool.labels[items].copy()
    codes = np.asarray(sorted(classes), dtype=np.int64)
    for code in codes.tolist():
        here = np.flatnonzero(pool.labels[items] == code)
        rng = seeds.stream(seed, "study", "noise", pool.classes[code])
        order, others = rng.permutation(len(here)), codes[codes != code]
        given = others[rng.integers(len(others), size=len(here))]
        chosen = order[: round(share * len(here))]
        labels[here[chosen]] = given[chosen]
    return labels


def random_order(pool: Pool, seed: int) -> tuple[int, ...]:
    """The classes with training images in a random order: the first three lie within the first four."""
    return tuple(seeds.stream(seed, "study", "classes").permutation(np.flatnonzero(pool.counts())).tolist())


def hardest_order(confusion: NDArray[np.int64]) -> tuple[int, ...]:
    """The classes, those first that are most often taken for one another.

    The pair with the largest share of confusion begins; then always the class that is confused most with those that
    are there.

    Args:
        confusion: (k, k), how often a true class (row) got an answer (column), from images that were not learnt from.
    """
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    mixed = shares + shares.T
    np.fill_diagonal(mixed, -1.0)
    first = np.unravel_index(int(mixed.argmax()), mixed.shape)
    order = [int(code) for code in sorted(first)]
    while len(order) < len(mixed):
        left = [code for code in range(len(mixed)) if code not in order]
        order.append(max(left, key=lambda code: (mixed[code, order].sum(), -code)))
    return tuple(order)


def oversampled(labels: IntArray, seed: int) -> IntArray:
    """Places in a training set such that every class is there as often as the largest: images come again, in whole
    rounds first and then by a seeded draw.

    Args:
        labels: (m,) class codes.

    Returns:
        int64 places (m',), sorted; each of the m at least once.
    """
    counts = np.bincount(labels)
    most, places = int(counts.max()), []
    for code in np.flatnonzero(counts):
        here = np.flatnonzero(labels == code)
        whole, rest = divmod(most, len(here))
        extra = seeds.stream(seed, "study", "oversample", int(code)).permutation(len(here))[:rest]
        places += [np.tile(here, whole), here[extra]]
    return np.sort(np.concatenate(places)).astype(np.int64)
