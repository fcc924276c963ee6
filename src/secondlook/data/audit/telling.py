"""How well one number per image tells its class, judged on items that the rule was not made from.

A number is cut into bins by rank. On one half of the items two rules are learnt: the class that is most at home in
each bin, and the interval of bins that sets some classes apart from the others. The other half judges them; then the
halves change places.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from secondlook.types import FloatArray, IntArray

# Numbers held at once: 16 MB as float32.
_AT_ONCE = 1 << 22

# Break ties: they are too small to matter otherwise.
_FEWER_CLASSES, _WIDER = np.float32(1e-4), np.float32(3e-5)

Shares = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Rules:
    """What was learnt of d numbers, cut into b bins, about k classes.

    Attributes:
        home: int64 (b, d), the class that each bin stands for; where nothing was seen, that of the bin before.
        low, high: int64 (d,), the interval of bins, low <= bin < high, in which the classes of `group` lie.
        group: bool (k, d), the classes more than half of whose items lie in the interval.
        worth: float32 (d,), the sum of both measures (see `judge`) where they were learnt: for choosing among numbers.
    """

    home: IntArray
    low: IntArray
    high: IntArray
    group: NDArray[np.bool_]
    worth: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Told:
    """Rules of d numbers, learnt on each half of the items and judged on the other; the half learnt on comes first.

    Attributes:
        rules: of each half.
        naming: float32 (2, d): how well the class is named; from 0 for chance to 1 for perfect, see `judge`.
        parting: float32 (2, d): how well a group of classes is told from the others, likewise.
    """

    rules: tuple[Rules, Rules]
    naming: NDArray[np.float32]
    parting: NDArray[np.float32]


def even_edges(n: int, most: int) -> FloatArray:
    """Where n items are cut: at even ranks, as shares in (0, 1), into `most` bins or fewer; 8 items or more in each."""
    bins = min(most, max(4, n // 8))
    return np.arange(1, bins) / bins


def tailed_edges(n: int) -> FloatArray:
    """16 even bins, and finer ones at both ends, where a rare value (a white dot) would hide among others."""
    tails = [2.0**-power for power in range(5, 9) if n * 2.0**-power >= 4]
    return np.unique([*even_edges(n, 16), *tails, *(1 - tail for tail in tails)])


def bins_of(values: NDArray[np.generic], edges: FloatArray) -> NDArray[np.uint8]:
    """The bin, 0 to len(edges), of values (n,), by rank; equal values share a bin."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray(_bins(counts[None], edges)[0][place])


def bins_of_levels(levels: NDArray[np.uint8], edges: FloatArray) -> NDArray[np.uint8]:
    """The same for every column of bytes (n, d)."""
    out = np.empty(levels.shape, np.uint8)
    width = max(1, _AT_ONCE // len(levels))
    for i in range(0, levels.shape[1], width):
        block = levels[:, i : i + width]
        flat = block + np.arange(block.shape[1], dtype=np.int32) * 256
        counts = np.bincount(flat.ravel(), minlength=256 * block.shape[1]).reshape(-1, 256)
        out[:, i : i + width] = _bins(counts, edges).ravel()[flat]
    return out


def _bins(counts: IntArray, edges: FloatArray) -> NDArray[np.uint8]:
    """The bin of every value, from how often each occurs (d, values): where its middle item stands among all."""
    middle = (np.cumsum(counts, axis=1) - counts / 2) / counts.sum(axis=1, keepdims=True)
    binned: NDArray[np.uint8] = np.searchsorted(edges, middle, side="right").astype(np.uint8)
    return binned


def tell(binned: NDArray[np.uint8], labels: IntArray, half: IntArray, bins: int) -> Told:
    """Learns rules for every column on each half, and judges them on the other.

    Args:
        binned: bins (n, d), each below `bins`.
        labels: int64 (n,), 0 to k - 1, k >= 2; every class occurs in both halves.
        half: int64 (n,), 0 or 1.
        bins: at most 255.
    """
    k = int(labels.max()) + 1
    step = max(1, _AT_ONCE // (k * len(_intervals(bins)[0])))
    rules: tuple[list[Rules], list[Rules]] = ([], [])
    judged = []
    for i in range(0, binned.shape[1], step):
        shares = _shares(binned[:, i : i + step], labels, half, bins)
        learnt = learn(shares[0]), learn(shares[1])
        judged.append([judge(learnt[0], shares[1]), judge(learnt[1], shares[0])])
        for kept, new in zip(rules, learnt, strict=True):
            kept.append(new)
    naming, parting = np.moveaxis(np.concatenate(judged, axis=2), 1, 0)
    return Told((_joined(rules[0]), _joined(rules[1])), naming, parting)


def _intervals(bins: int) -> tuple[IntArray, IntArray]:
    """low and high of intervals low <= bin < high: those that reach an end, and those up to a quarter as long."""
    low, high = np.triu_indices(bins)
    kept = (low == 0) | (high == bins - 1) | (high - low < max(1, bins // 4))
    return low[kept], high[kept] + 1


def _shares(binned: NDArray[np.uint8], labels: IntArray, half: IntArray, bins: int) -> Shares:
    """The share of each class's items that lie in each bin, (2, k, bins, d)."""
    d, k = binned.shape[1], int(labels.max()) + 1
    row = half * k + labels
    # 32 bits are enough: `tell` looks at so few columns at once.
    cell: NDArray[np.int32] = binned.astype(np.int32)
    cell += (row * bins).astype(np.int32)[:, None]
    cell *= np.int32(d)
    cell += np.arange(d, dtype=np.int32)
    counts = np.bincount(cell.ravel(), minlength=2 * k * bins * d).reshape(2, k, bins, d)
    return (counts / np.bincount(row, minlength=2 * k).reshape(2, k, 1, 1)).astype(np.float32)


def learn(shares: Shares) -> Rules:
    """The rules that fit best where the classes' items are shared out among bins so: (k, b, d)."""
    k, bins, d = shares.shape
    low, high = _intervals(bins)
    summed = np.concatenate([np.zeros((k, 1, d), np.float32), shares.cumsum(axis=1)], axis=1)
    inside = summed[:, high]
    inside -= summed[:, low]
    group = inside > 0.5
    parted = _parted(inside, group)
    # Of an interval and its complement, that of the fewer classes is easier to understand; and a wider one holds for
    # values that were not seen in this half.
    liked = _FEWER_CLASSES * (2 * group.sum(axis=0) <= k) + (_WIDER * (high - low) / np.float32(bins))[:, None]
    best, column = (parted + liked).argmax(axis=0), np.arange(d)
    home = _home(shares)
    worth = parted[best, column] + _named(home, shares)
    return Rules(home, low[best], high[best], group[:, best, column], worth)


def _home(shares: Shares) -> IntArray:
    """The class that is most at home in each bin (b, d); a bin that nothing fell into goes with the one before it."""
    there: NDArray[np.bool_] = np.asarray(shares.any(axis=0))
    place = np.where(there, np.arange(len(there))[:, None], there.argmax(axis=0))
    return np.take_along_axis(shares.argmax(axis=0), np.maximum.accumulate(place, axis=0), axis=0)


def judge(rules: Rules, shares: Shares) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How good rules are where the classes' items are shared out among bins so: (k, b, d), k >= 2.

    Returns:
        naming: (d,), the balanced accuracy of answering with the class at home in a bin, rescaled so that chance (1/k)
            is 0 and perfect 1.
        parting: (d,), the mean share of the group's classes in the interval less that of the others: chance is 0,
            perfect 1 (Youden's J, each class counting alike).
    """
    bins = np.arange(shares.shape[1])[:, None]
    taken = (bins >= rules.low) & (bins < rules.high)
    inside = (shares * taken).sum(axis=1)
    return _named(rules.home, shares), _parted(inside, rules.group)


def _named(home: IntArray, shares: Shares) -> NDArray[np.float32]:
    k = len(shares)
    right = np.take_along_axis(shares, home[None], axis=0)[0].sum(axis=0)
    return np.asarray((right - 1) / np.float32(k - 1))


def _parted(inside: Shares, group: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Youden's J of shares inside (k, …) and a group of classes; 0 where the group is none or all."""
    k, ours = len(group), group.sum(axis=0)
    whole = inside.sum(axis=0)
    held = np.where(group, inside, np.float32(0)).sum(axis=0)
    parted = held / np.maximum(ours, 1) - (whole - held) / np.maximum(k - ours, 1)
    return np.where((ours > 0) & (ours < k), parted, 0).astype(np.float32)


def _joined(rules: list[Rules]) -> Rules:
    return Rules(*(np.concatenate([getattr(r, field.name) for r in rules], axis=-1) for field in fields(Rules)))


def chance(inside: NDArray[np.bool_], ours: NDArray[np.bool_]) -> float:
    """How likely so many of our items would lie inside, or more, if they were drawn blindly from all n.

    The upper tail of the hypergeometric law (Fisher's exact test, one-sided).
    """
    from scipy.special import gammaln

    n, drawn, marked = len(ours), int(ours.sum()), int(inside.sum())
    both = np.arange(int((inside & ours).sum()), min(drawn, marked) + 1)

    def log_ways(total: int, part: IntArray) -> FloatArray:
        return np.asarray(gammaln(total + 1) - gammaln(part + 1) - gammaln(total - part + 1))

    log_tail = log_ways(marked, both) + log_ways(n - marked, drawn - both) - log_ways(n, np.array(drawn))
    return float(min(1.0, np.exp(log_tail).sum()))
