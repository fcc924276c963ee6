"""Items that are not identical, but show the same picture.

Two images are near duplicates where both hold:

- As pictures of 16x16 pixels they correlate at .97 or more (.985 in a set of 80 or fewer), whatever their brightness
  and contrast, and moved against each other by a few hundredths of their edge.
- In a set like this one fewer than 0.05 such pairs are to be expected by chance, all pairs taken together (`chance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.data.audit import aligned, coarse
from secondlook.data.audit.chance import Crowd, crowd
from secondlook.data.audit.copies import copies
from secondlook.data.audit.hashes import SHIFTS
from secondlook.data.read.ids import codes, hash_rows
from secondlook.types import FloatArray, ImageSet, IntArray

_ALIKE = 0.97
_BY_CHANCE = 0.05
# So few other images tell little of what comes by chance, as those like a given one are hardly among them: then they
# must be more alike.
_FEW, _ALIKE_OF_FEW = 80, 0.985
# The coarse look only rules out what is far off.
_SLACK = 100
# Each pair is seen unmoved, and with either image moved in each direction.
_WAYS = 2 * len(SHIFTS) - 1
# Images smaller than this show too little.
_SMALLEST_EDGE = 8
# With more pairs per item than this only those are checked that it takes to join what hangs together.
_PAIRS_PER_ITEM = 4
_SAMPLE = 2000
_BLOCK = 1000


@dataclass(frozen=True, eq=False)
class Near:
    """Which items show the same picture without being byte for byte the same.

    Attributes:
        pairs: (m, 2), indices i < j, the most alike first. Of items with identical pixels only the first is paired
            with others, and once with each file that holds the same. In a set full of near duplicates (more than
            four per item) not all their pairs are here, but enough to join them.
        scores: (m,), their correlation (`aligned.likeness`), 1 for identical pixels.
        together: (n,), the number of the component of every item, joining copies and near pairs; items that stand
            alone have a number of their own.
    """

    pairs: IntArray
    scores: FloatArray
    together: IntArray


def near(images: ImageSet) -> Near:
    """The near duplicates of a set.

    Blank images, and images with an edge of fewer than 8 pixels, show too little to be told apart: they are near to
    none. Beside blocks of the pixels, about 0.8 kB are held per item.
    """
    first = _first_of_pixels(images)
    items = np.unique(first)
    look = coarse.look(images.pixels, items)
    items, look = items[look.seen], look.of(look.seen)
    pairs, scores = _alike(images.pixels, items, look)
    twins = _twins(images, first, items)
    pairs, scores = np.concatenate([twins, pairs]), np.concatenate([np.ones(len(twins)), scores])
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -scores))
    return Near(pairs[order], scores[order], _components(images, pairs))


def _first_of_pixels(images: ImageSet) -> IntArray:
    """For every item the first that has the same pixels."""
    hashes = np.ascontiguousarray(hash_rows(images.pixels)).view(np.uint64)[:, 0]
    _, first, which = np.unique(hashes, return_index=True, return_inverse=True)
    found: IntArray = first[which]
    return found


def _twins(images: ImageSet, first: IntArray, items: IntArray) -> IntArray:
    """Pairs with the same pixels from different bytes: the first of `items` that has them, and each other file."""
    _, original = np.unique(codes(images.ids), return_index=True)
    others = original[first[original] != original]
    others = others[np.isin(first[others], items)]
    return np.stack([first[others], others], axis=1).astype(np.int64)


def _components(images: ImageSet, pairs: IntArray) -> IntArray:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(images)
    same = [np.stack([group[:-1], group[1:]], axis=1) for group in copies(images).groups]
    i, j = np.concatenate([pairs, *same]).T
    found = connected_components(coo_array((np.ones(len(i)), (i, j)), shape=(n, n)), directed=False)[1]
    together: IntArray = found.astype(np.int64)
    return together


def _alike(pixels: NDArray[Any], items: IntArray, look: coarse.Look) -> tuple[IntArray, FloatArray]:
    """Near pairs among items of different pixels, and their scores."""
    n = len(items)
    if n < 2 or min(pixels.shape[1:3]) < _SMALLEST_EDGE:
        return np.empty((0, 2), np.int64), np.empty(0)
    rng = seeds.stream(0, "near duplicates")
    sample = np.sort(rng.permutation(n)[:_SAMPLE])
    found = coarse.candidates(look, rng)
    # To rule out what is far off, half of the sample will do.
    possible = _coarse_chance(look, found, sample[::2] if n > _SAMPLE else sample) <= _SLACK * _BY_CHANCE
    found = found.of(possible).thinned(n, _PAIRS_PER_ITEM)

    usual, own = aligned.spanned(pixels, items[sample]), _places(sample, n)
    scores = np.empty(len(found.score))
    for start in range(0, len(scores), _BLOCK):
        part = found.of(slice(start, start + _BLOCK))
        scores[start : start + _BLOCK] = _checked(pixels, items, part, usual, own)
    kept = scores > 0
    pairs = np.sort(np.stack([items[found.moved[kept]], items[found.other[kept]]], axis=1), axis=1)
    return pairs, scores[kept]


def _places(chosen: IntArray, n: int) -> IntArray:
    """The place of each of n items among the chosen, -1 for the others."""
    place = np.full(n, -1, np.int64)
    place[chosen] = np.arange(len(chosen))
    return place


def _coarse_chance(look: coarse.Look, found: coarse.Pairs, sample: IntArray) -> FloatArray:
    """How many pairs as alike as each are to be expected by chance, as far as the coarse look tells."""
    n = len(look.seen)
    involved = np.flatnonzero(np.bincount(found.moved, minlength=n) + np.bincount(found.other, minlength=n))
    around = crowd(look.still(involved), _places(sample, n)[involved], look.still(sample)[:, None], n)
    place = _places(involved, n)
    return _pairs_by_chance(found.score, [(around, place[found.moved]), (around, place[found.other])], n)


def _checked(
    pixels: NDArray[Any], items: IntArray, pairs: coarse.Pairs, usual: NDArray[np.float32], own: IntArray
) -> FloatArray:
    """The scores of pairs by their pixels, 0 for those that are not near duplicates."""
    one = aligned.spanned(pixels, items[pairs.moved], pairs.twin)
    other = aligned.spanned(pixels, items[pairs.other])
    score = aligned.likeness(one, other).astype(np.float64)
    every = np.arange(len(score))
    around = [crowd(a[:, 0], own[i], usual, len(own)) for a, i in ((one, pairs.moved), (other, pairs.other))]
    chance = _pairs_by_chance(score, [(side, every) for side in around], len(own))
    least = _ALIKE if len(own) > _FEW else _ALIKE_OF_FEW
    return np.where((score >= least) & (chance <= _BY_CHANCE), score, 0)


def _pairs_by_chance(score: FloatArray, sides: Sequence[tuple[Crowd, IntArray]], n: int) -> FloatArray:
    """How many of all pairs would be as alike by chance in one of the ways of moving them, if all items were where the
    more crowded of the two is.
    """
    distance = np.sqrt(np.maximum(1 - score**2, 0))
    near_one: FloatArray = np.max([around.expected(item, distance) for around, item in sides], axis=0)
    return near_one * (n / 2) * _WAYS
