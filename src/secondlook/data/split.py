"""Which images train, which choose, which judge.

Stratified by class, exact in size, and images with identical bytes stay together, so that no test image was seen in
training. A source that comes with its own parts keeps them; identical images that lie on both sides there are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.data.words import few, repeats
from secondlook.errors import DataError, UsageError
from secondlook.types import PARTS, FloatArray, ImageSet, IntArray, Part, Split

# In this order everywhere below: columns of tables, and what is filled first.
_ORDER: tuple[Part, ...] = ("test", "valid", "train")
_TRAIN = 2
_BEFORE: tuple[tuple[Part, Part], ...] = (("test", "train"), ("test", "valid"), ("valid", "train"))
# A class with so many images gets at least one in each part, where there is room.
_AT_LEAST_FROM = (3, 3, 1)


def split(images: ImageSet, *, valid: float | int = 0.15, test: float | int = 0.15, seed: int = 0) -> Split:
    """Disjoint parts of the labelled images.

    Each class's share of a part is within one image of its fraction, and a class with three images or more gets at
    least one in every part where there is room. Images with equal bytes (ids equal before "#"), and those of one of
    `images.groups`, fall into one part; only where such groups leave no other way are the sizes, and the shares, off.

    Args:
        images: those with label -1 are left out.
        valid: the validation part, as a fraction (0 < f < 1) of the labelled images or a count (an int).
        test: the test part, likewise. Where the source has its own parts, a part that is missing is cut from its
            training part, and a fraction refers to that.
        seed: another seed is another split.

    Raises:
        UsageError: fractions or counts that cannot be, or parts too small to hold every class.
        DataError: no labelled images, fewer than two classes to train on, or too many identical images.
    """
    sizes = part_sizes(images, valid=valid, test=test)
    pool = _pool(images)
    cut = _cut(images, pool, [sizes[part] for part in _ORDER], seed)
    parts = dict(zip(_ORDER, cut, strict=True))
    if empty := [part for part in _ORDER if sizes[part] and not len(parts[part])]:
        raise DataError(
            f"{images.source}: expected enough different images to fill {' and '.join(empty)}, "
            "got too many identical ones, which must stay together in one part"
        )
    trained = np.unique(images.labels[parts["train"]])
    if len(trained) < 2 <= len(np.unique(images.labels[pool])):
        raise DataError(
            f"{images.source}: expected at least 2 classes to train on, got only {images.classes[trained[0]]}, whose "
            "identical images, which must stay together, fill the training part; remove copies"
        )
    own = _own(images)
    for part in own:
        if part != "train":
            parts[part] = np.flatnonzero((images.labels >= 0) & (images.parts == part)).astype(np.int64)
    return Split(parts["train"], parts["valid"], parts["test"], method=_method(images, own, sizes, parts), seed=seed)


def part_sizes(images: ImageSet, *, valid: float | int, test: float | int) -> dict[Part, int]:
    """How many images each part takes from those we may divide; 0 where the source has the part itself.

    Raises:
        UsageError: as `split`.
        DataError: no labelled images, or the source's own training part holds one class where others hold more.
    """
    pool, own = _pool(images), _own(images)
    n = len(pool)
    if not n:
        where = " in its own training part" if own else " to split"
        raise DataError(f"{images.source}: expected labelled images{where}, got none")
    k = len(np.unique(images.labels[pool]))
    if k < 2 and (lacking := _lacking(images, pool)):
        raise DataError(
            f"{images.source}: expected at least 2 classes in its own training part, "
            f"got only {images.classes[images.labels[pool[0]]]}; add images of {few(lacking)} to it"
        )
    sizes: dict[Part, int] = {"train": n, "valid": 0, "test": 0}
    asked: dict[Part, float | int] = {"valid": valid, "test": test}
    for part, share in asked.items():
        size = _size(part, share, n)
        if part in own:
            continue
        if size < k:
            raise UsageError(
                f"expected a {part} part of at least {k:,} images, one per class, got {size:,} of {n:,}; "
                f"give a larger {part}"
            )
        sizes[part] = size
        sizes["train"] -= size
    if sizes["train"] < k:
        raise UsageError(
            f"expected valid and test to leave at least {k:,} images to train on, one per class, "
            f"got {sizes['valid']:,} + {sizes['test']:,} of {n:,}; give smaller ones"
        )
    return sizes


def _size(part: str, share: float | int, n: int) -> int:
    if isinstance(share, int | np.integer) and not isinstance(share, bool) and share >= 1:
        return int(share)
    if isinstance(share, float | np.floating) and 0 < share < 1:
        return max(1, int(share * n + 0.5))
    raise UsageError(f"expected {part} as a fraction between 0 and 1 or a count of at least 1, got {share!r}")


def _own(images: ImageSet) -> tuple[Part, ...]:
    """The parts the source came with, among its labelled images."""
    if images.parts is None:
        return ()
    return tuple(part for part in PARTS if (images.parts[images.labels >= 0] == part).any())


def _lacking(images: ImageSet, train: IntArray) -> list[str]:
    """The classes that have images, but none to train on."""
    known = images.labels[images.labels >= 0]
    return [images.classes[c] for c in np.setdiff1d(known, images.labels[train])]


def _pool(images: ImageSet) -> IntArray:
    """The images we may divide: all labelled ones, or those of the source's training part."""
    free = images.labels >= 0
    if images.parts is not None:
        free &= images.parts == "train"
    return np.flatnonzero(free).astype(np.int64)


def _cut(images: ImageSet, pool: IntArray, sizes: Sequence[int], seed: int) -> list[IntArray]:
    """Indices of test, valid and train, of the given sizes."""
    rng = seeds.stream(seed, "split")
    _, labels = np.unique(images.labels[pool], return_inverse=True)
    k = int(labels.max()) + 1
    counts = np.bincount(labels, minlength=k)
    target = counts[:, None] * (np.array(sizes) / len(pool))
    part_of = np.full(len(pool), -1)
    need, left = np.array(sizes), target.copy()
    for members in _bundles(images, pool, rng):
        weights = np.bincount(labels[members], minlength=k)
        # The last of a class that has nothing to train on yet.
        last = (weights > 0) & (left.sum(axis=1) < weights + 0.5) & (target - left < 0.5)[:, _TRAIN]
        part = _TRAIN if last.any() else _choose(weights, len(members), need, left, rng)
        part_of[members] = part
        need[part] -= len(members)
        left[:, part] -= weights
    _lend(need)
    singles = rng.permutation(np.flatnonzero(part_of < 0))
    singles = singles[np.argsort(labels[singles], kind="stable")]
    quota = _allocate(np.bincount(labels[singles], minlength=k), need, left, counts, target)
    part_of[singles] = np.repeat(np.tile(np.arange(3), k), quota.ravel())
    return [pool[part_of == part] for part in range(3)]


def _bundles(images: ImageSet, pool: IntArray, rng: np.random.Generator) -> list[IntArray]:
    """Positions in the pool that must stay together, two or more each; the largest first, else in random order."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(pool)
    keys: list[NDArray[Any]] = [np.strings.partition(images.ids[pool], "#")[0]]
    if images.groups is not None:
        keys.append(images.groups[pool])
    codes = [np.unique(key, return_inverse=True)[1] for key in keys]
    if len(codes) == 1:
        group = codes[0]
    else:
        # An item links its hash to its group; what hangs together in this graph stays together.
        width = codes[0].max() + codes[1].max() + 2
        edges = coo_array((np.ones(n), (codes[0], codes[0].max() + 1 + codes[1])), shape=(width, width))
        group = connected_components(edges, directed=False)[1][codes[0]]
    order = np.argsort(group, kind="stable")
    runs = np.split(order, np.flatnonzero(np.diff(group[order])) + 1)
    bundles = [run for run in runs if len(run) > 1]
    shuffled = [bundles[i] for i in rng.permutation(len(bundles))]
    return sorted(shuffled, key=len, reverse=True)


def _choose(weights: IntArray, size: int, need: IntArray, left: FloatArray, rng: np.random.Generator) -> int:
    """The part a bundle goes to: drawn by what its classes still lack there, among those with room; else train."""
    room = need >= size
    lack = (np.clip(left, 0, None) * weights[:, None]).sum(axis=0)
    # A bundle as large as what a class lacks in a part, or smaller, is preferred to one that overshoots.
    fits = room & (left >= weights[:, None] - 0.5)[weights > 0].all(axis=0)
    for allowed in (fits, room):
        odds = np.where(allowed, lack, 0)
        if odds.sum() > 0:
            return int(rng.choice(3, p=odds / odds.sum()))
    return int(np.argmax(np.where(room, need, -1))) if room.any() else _TRAIN


def _lend(need: IntArray) -> None:
    """Where bundles overfilled the training part, the others get that much less."""
    while need[_TRAIN] < 0:
        need[np.argmax(need[:_TRAIN])] -= 1
        need[_TRAIN] += 1


def _allocate(available: IntArray, need: IntArray, left: FloatArray, counts: IntArray, target: FloatArray) -> IntArray:
    """How many single images of each class (k, 3) go to each part; row and column sums are exact.

    A transport problem with convex costs, cut into unit steps: reaching the floor of a cell's target gains much, the
    step from floor to ceiling gains its fraction, going beyond costs much. Its linear program has integer vertices
    (the matrix is totally unimodular), so the plan is exact.

    Args:
        available: single images per class, (k,).
        need: single images per part, (3,).
        left: what each cell still lacks of its target, (k, 3); below 0 where bundles overshot.
        counts: images per class with bundles, (k,).
        target: each cell's target, (k, 3).
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    k = len(available)
    floor = np.floor(np.clip(left, 0, None) + 1e-9)
    fraction = np.clip(left, 0, None) - floor
    beyond = 4.0 * 3 * k
    # First of all, every class has one in every part that has none of it yet.
    first = ((counts[:, None] >= np.array(_AT_LEAST_FROM)) & (target - left < 0.5) & (target > 0)).astype(float)
    steps = [
        first,
        np.maximum(floor - first, 0),
        ((floor >= first) & (fraction > 1e-9)).astype(float),
        np.full((k, 3), np.inf),
    ]
    costs = [np.full((k, 3), -beyond * beyond), np.full((k, 3), -beyond), 1 - 2 * fraction, np.full((k, 3), beyond)]
    cells = np.tile(np.arange(3 * k), len(steps))
    ones, columns = np.ones(2 * len(cells)), np.tile(np.arange(len(cells)), 2)
    sums = coo_array((ones, (np.concatenate([cells // 3, k + cells % 3]), columns))).tocsr()
    plan = linprog(
        np.concatenate([c.ravel() for c in costs]),
        A_eq=sums,
        b_eq=np.concatenate([available, need]),
        bounds=np.column_stack([np.zeros(len(cells)), np.concatenate([s.ravel() for s in steps])]),
        method="highs-ds",
    )
    quota: IntArray = np.rint(plan.x.reshape(len(steps), k, 3).sum(axis=0)).astype(np.int64)
    return quota


def _method(images: ImageSet, own: Sequence[Part], asked: dict[Part, int], parts: dict[Part, IntArray]) -> str:
    """How the parts came about, and what of them may mislead."""
    cut = [part for part in PARTS if part not in own and part != "train"]
    clauses = [f"the source's own {_joined(own)}"] if own else []
    if cut:
        kept = "stratified by class, identical images kept together"
        short = [
            f"{part} has {len(parts[part]):,}, not {asked[part]:,}" for part in cut if len(parts[part]) != asked[part]
        ]
        kept = f"{kept}, so {_joined(short)}" if short else kept
        clauses.append(f"{_joined(cut)} cut from train, {kept}" if own else kept)
    if own:
        clauses += _repeats(images, parts)
    if lacking := _lacking(images, parts["train"]):
        one = len(lacking) == 1
        clauses.append(f"class{'' if one else 'es'} {few(lacking)} {'is' if one else 'are'} not in training")
    return "; ".join(clauses)


def _repeats(images: ImageSet, parts: dict[Part, IntArray]) -> list[str]:
    """How many images of a part have an identical one in a part that learns or chooses before it."""
    stems = np.strings.partition(images.ids, "#")[0]
    found = [(int(np.isin(stems[parts[part]], stems[parts[before]]).sum()), part, before) for part, before in _BEFORE]
    return [repeats(n, len(parts[part]), part, before) for n, part, before in found if n]


def _joined(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
