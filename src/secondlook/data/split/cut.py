"""Cuts items into parts of given sizes: stratified by class, and what must stay together in one part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.types import FloatArray, IntArray

# From so many bundles of one class and size on, most are dealt out at once.
_MANY = 20


@dataclass(frozen=True)
class Shape:
    """What parts are to be cut.

    Attributes:
        sizes: items per part; their sum is the number of items.
        least: a class with so many items gets at least one in the part, where there is room.
        order: the parts in the order in which a class with few bundles is to reach them; the first takes what fits
            nowhere. () where all parts are equals.
    """

    sizes: tuple[int, ...]
    least: tuple[int, ...]
    order: tuple[int, ...] = ()


def cut(labels: IntArray, bonds: IntArray, shape: Shape, rng: np.random.Generator) -> IntArray:
    """The part of every item, int64 (n,).

    Each class's share of a part is within one item of its fraction and the sizes are exact; only where bundles leave no
    other way are they off.

    Args:
        labels: int64 (n,), from 0.
        bonds: int64 (n,), from 0: items of one number stay in one part.
    """
    _, labels = np.unique(labels, return_inverse=True)
    table = _Table(labels, shape)
    part_of = np.full(len(labels), -1, dtype=np.int64)
    order, starts, ends = _bundles(bonds, rng)
    table.mostly_bundles = len(order) > max(shape.sizes)
    left_over = _in_bulk(table, labels, part_of, (order, starts, ends))
    table.units = np.bincount(labels[part_of < 0], minlength=len(table.counts))
    bundles = [(m, *np.unique(labels[m], return_counts=True)) for m in (order[starts[i] : ends[i]] for i in left_over)]
    for _, classes, weights in bundles:
        # Of a bundle only one unit per class counts.
        table.units[classes] -= weights - 1
    table.remaining = int((part_of < 0).sum()) - sum(len(members) - 1 for members, _, _ in bundles)
    for members, classes, weights in sorted(bundles, key=lambda bundle: len(bundle[0]), reverse=True):
        part = table.choose(classes, weights, rng)
        part_of[members] = part
        table.give(part, classes, weights)
    need = _lent(table.need)
    singles = rng.permutation(np.flatnonzero(part_of < 0))
    singles = singles[np.argsort(labels[singles], kind="stable")]
    quota = _allocate(np.bincount(labels[singles], minlength=len(table.counts)), need, table)
    part_of[singles] = np.repeat(np.tile(np.arange(len(need)), len(quota)), quota.ravel())
    return part_of


class _Table:
    """What classes and parts still lack while bundles are dealt out; (k, p) arrays."""

    def __init__(self, labels: IntArray, shape: Shape) -> None:
        self.shape = shape
        self.counts = np.bincount(labels)
        self.share = np.array(shape.sizes) / max(len(labels), 1)
        self.target: FloatArray = self.counts[:, None] * self.share
        self.left = self.target.copy()
        self.need = np.array(shape.sizes, dtype=np.int64)
        # Bundles and single items that have no part yet: per class, and in all.
        self.units: IntArray = np.zeros(len(self.counts), dtype=np.int64)
        self.remaining = 0
        # Whether single items are too few to fill all parts but the largest.
        self.mostly_bundles = False

    def lacks(self, classes: IntArray) -> NDArray[np.bool_]:
        """Which parts that are to be filled have nothing of these classes yet, bool (len(classes), p)."""
        return (self.target[classes] - self.left[classes] < 0.5) & (self.share > 0)

    def give(self, part: int, classes: IntArray, weights: IntArray) -> None:
        """A bundle with so many items of these classes goes to a part."""
        self.need[part] -= weights.sum()
        self.left[classes, part] -= weights
        self.units[classes] -= 1
        self.remaining -= 1

    def choose(self, classes: IntArray, weights: IntArray, rng: np.random.Generator) -> int:
        """The part a bundle goes to: drawn by what its classes still lack there, among those with room."""
        empty = (self.need == np.array(self.shape.sizes)) & (self.share > 0)
        if self.remaining <= empty.sum():
            # Better a part of another size than none.
            return next((p for p in self.shape.order if empty[p]), int(np.argmax(np.where(empty, self.need, -1))))
        room = self.need >= weights.sum()
        # Sizes that single items cannot make exact give way, by half of a bundle, where a class would be missing.
        enough = 2 * self.need >= weights.sum() if self.mostly_bundles else room
        if (part := self._must(classes, enough)) is not None:
            return part
        left = self.left[classes]
        lack = (np.clip(left, 0, None) * weights[:, None]).sum(axis=0)
        # A bundle as large as what a class lacks in a part, or smaller, is preferred to one that overshoots.
        fits = room & (left >= weights[:, None] - 0.5).all(axis=0)
        for allowed in (fits, room):
            odds = np.where(allowed, lack, 0)
            if odds.sum() > 0:
                return int(rng.choice(len(odds), p=odds / odds.sum()))
        if room.any() or not self.shape.order:
            return int(np.argmax(np.where(room, self.need, -1) if room.any() else self.need))
        return self.shape.order[0]

    def _must(self, classes: IntArray, room: NDArray[np.bool_]) -> int | None:
        """The part that needs the bundle, since no more bundles of a class are left than parts that lack it."""
        lacks = self.lacks(classes)
        scarce = lacks[self.units[classes] <= lacks.sum(axis=1)]
        wanted = scarce.any(axis=0) & (self.need > 0)
        if self.shape.order:
            first = self.shape.order[0]
            # The part that learns is served whatever its size.
            return first if scarce[:, first].any() else next((p for p in self.shape.order if (wanted & room)[p]), None)
        wanted &= room
        return int(np.argmax(np.where(wanted, self.need, -1))) if wanted.any() else None


def _bundles(bonds: IntArray, rng: np.random.Generator) -> tuple[IntArray, IntArray, IntArray]:
    """Items that must stay together, two or more each, in random order: items[starts[i]:ends[i]] is one bundle."""
    inside = np.flatnonzero(np.bincount(bonds)[bonds] > 1) if len(bonds) else np.empty(0, dtype=np.int64)
    order = inside[np.argsort(bonds[inside], kind="stable")]
    if not len(order):
        return order, order, order
    starts = np.concatenate([[0], np.flatnonzero(np.diff(bonds[order])) + 1])
    ends = np.concatenate([starts[1:], [len(order)]])
    shuffled = rng.permutation(len(starts))
    return order, starts[shuffled], ends[shuffled]


def _in_bulk(
    table: _Table, labels: IntArray, part_of: IntArray, bundles: tuple[IntArray, IntArray, IntArray]
) -> IntArray:
    """Deals out what needs no care: of many bundles of one class and size, each part's share, rounded down.

    Returns:
        The bundles that are left: a handful per class and size whatever their number, and those of several classes.
    """
    order, starts, ends = bundles
    if not len(starts):
        return starts
    sizes, rank = ends - starts, np.argsort(starts)
    # `reduceat` wants the starts in rising order.
    lowest, highest = np.empty_like(starts), np.empty_like(starts)
    lowest[rank] = np.minimum.reduceat(labels[order], starts[rank])
    highest[rank] = np.maximum.reduceat(labels[order], starts[rank])
    pure = np.flatnonzero(lowest == highest)
    kind = lowest[pure] * (sizes.max() + 1) + sizes[pure]
    _, kind, many = np.unique(kind, return_inverse=True, return_counts=True)
    by_kind = np.argsort(kind, kind="stable")
    place = np.empty(len(pure), dtype=np.int64)
    place[by_kind] = np.arange(len(pure)) - np.repeat(np.cumsum(many) - many, many)
    shares = np.where(many >= _MANY, many, 0)[:, None] * table.share
    upto = np.floor(shares + 1e-9).astype(np.int64).cumsum(axis=1)
    parts = (place[:, None] >= upto[kind]).sum(axis=1)
    given = parts < len(table.need)
    for part in range(len(table.need)):
        mine = pure[parts == part]
        table.need[part] -= sizes[mine].sum()
        table.left[:, part] -= np.bincount(lowest[mine], weights=sizes[mine], minlength=len(table.counts))
    went = np.full(len(starts), -1, dtype=np.int64)
    went[pure[given]] = parts[given]
    part_of[order] = np.repeat(went[rank], sizes[rank])
    return np.flatnonzero(went < 0)


def _lent(need: IntArray) -> IntArray:
    """Where bundles overfilled a part, the others get that much less, the largest first."""
    over = int(-need.clip(max=0).sum())
    need = need.clip(min=0)
    while over:
        top = need.max()
        at = np.flatnonzero(need == top)
        step = top - max(need[need < top], default=0)
        take = min(over, int(step) * len(at))
        need[at] -= take // len(at)
        need[at[: take % len(at)]] -= 1
        over -= take
    return need


def _allocate(available: IntArray, need: IntArray, table: _Table) -> IntArray:
    """How many single items of each class go to each part, int64 (k, p); row and column sums are exact.

    A transport problem with convex costs, cut into unit steps: reaching the floor of a cell's target gains much, the
    step from floor to ceiling gains its fraction, going beyond costs much. Its linear program has integer vertices
    (the matrix is totally unimodular), so the plan is exact.

    Args:
        available: single items per class, (k,).
        need: single items per part, (p,).
        table: what each cell still lacks of its target; below 0 where bundles overshot.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    k, p = table.target.shape
    left = np.clip(table.left, 0, None)
    floor = np.floor(left + 1e-9)
    fraction = left - floor
    beyond = 4.0 * p * k
    # First of all, every class has one in every part that has none of it yet.
    enough = table.counts[:, None] >= np.array(table.shape.least)
    first = (enough & table.lacks(np.arange(k)) & (table.target > 0)).astype(float)
    steps = [
        first,
        np.maximum(floor - first, 0),
        ((floor >= first) & (fraction > 1e-9)).astype(float),
        np.full((k, p), np.inf),
    ]
    costs = [np.full((k, p), -beyond * beyond), np.full((k, p), -beyond), 1 - 2 * fraction, np.full((k, p), beyond)]
    cells = np.tile(np.arange(p * k), len(steps))
    ones, columns = np.ones(2 * len(cells)), np.tile(np.arange(len(cells)), 2)
    sums = coo_array((ones, (np.concatenate([cells // p, k + cells % p]), columns))).tocsr()
    plan = linprog(
        np.concatenate([c.ravel() for c in costs]),
        A_eq=sums,
        b_eq=np.concatenate([available, need]),
        bounds=np.column_stack([np.zeros(len(cells)), np.concatenate([s.ravel() for s in steps])]),
        method="highs-ds",
    )
    quota: IntArray = np.rint(plan.x.reshape(len(steps), k, p).sum(axis=0)).astype(np.int64)
    return quota


def usable(part_of: IntArray, labels: IntArray, bonds: IntArray, shape: Shape, always: Sequence[int]) -> bool:
    """Whether a cut serves: every part has half its size at least, and no class is missing where it could be.

    Args:
        part_of: int64 (n,), what `cut` found.
        bonds: what must stay together in any case.
        always: parts in which a class of three or more bundles of such bonds must be.
    """
    sizes = np.bincount(part_of, minlength=len(shape.sizes))
    if (2 * sizes < np.array(shape.sizes)).any():
        return False
    width = int(bonds.max()) + 1
    able = np.flatnonzero(np.bincount(np.unique(labels * width + bonds) // width) >= 3)
    return all(np.isin(able, labels[part_of == part]).all() for part in always if shape.sizes[part])
