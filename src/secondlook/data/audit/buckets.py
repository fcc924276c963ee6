"""Which items may be alike: those that fall into one bucket. Never all pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.types import IntArray

# A table of buckets looks at so many bits, drawn from the foremost ones, which are the steadiest.
TABLES, _WIDTH, _FOREMOST = 6, 22, 32
# Besides its own bucket, an item looks into those it would be in if the two bits it is least sure of were turned.
UNSURE = 2
# Two sketches of one picture differ in no more bits than this.
_APART = 8
# A bucket is read whole up to this size; of a larger one the items next in the order of all bits, half on each side.
_CROWD = 32
# Items that look up their buckets at a time.
_BLOCK = 4096

Numbers = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Sketches:
    """Bits of n items and of their v - 1 shifted twins.

    Attributes:
        bits: uint64 (n, v), bit i in place i.
        unsure: uint8 (n, v, TABLES, UNSURE), the bits of a table (their places in it) nearest to turning.
    """

    bits: Numbers
    unsure: NDArray[np.uint8]


def draw_tables(n_bits: int, rng: np.random.Generator) -> IntArray:
    """Which bits each table looks at, (TABLES, width); the same for each where there are few."""
    foremost = min(n_bits, _FOREMOST)
    width = min(foremost, _WIDTH)
    return np.sort([rng.permutation(foremost)[:width] for _ in range(TABLES)], axis=1).astype(np.int64)


def unsure(projected: NDArray[np.float32], tables: IntArray) -> NDArray[np.uint8]:
    """The places of the least certain bits of each table, (…, TABLES, UNSURE), from projections (…, b)."""
    margin = np.abs(projected[..., tables])
    if margin.shape[-1] <= UNSURE:
        return np.zeros((*margin.shape[:-1], UNSURE), np.uint8)
    least = margin.argmin(axis=-1)[..., None]
    np.put_along_axis(margin, least, np.inf, axis=-1)
    return np.concatenate([least, margin.argmin(axis=-1)[..., None]], axis=-1).astype(np.uint8)


def meetings(sketches: Sketches, tables: IntArray) -> tuple[IntArray, IntArray, IntArray]:
    """Who meets whom in a bucket, each meeting once: the item that was moved, how (0 to v - 1), and the other item.

    Items meet where all bits of a table are the same, but for those that the one is least sure of, and where their
    sketches differ in 8 bits at most. The work grows with the number of items and of those that meet.
    """
    n, v = sketches.bits.shape
    code = np.empty(0, np.int64)
    for at, table in enumerate(tables):
        code = np.concatenate([code, *_table(sketches, table, at)])
        code.sort()
        code = code[np.flatnonzero(np.diff(code, prepend=-1))]
    pair, twin = np.divmod(code, v)
    return pair // n, twin, pair % n


def _table(sketches: Sketches, table: IntArray, at: int) -> Iterator[IntArray]:
    """The meetings in one table, as numbers (moved * n + other) * v + twin."""
    n, v = sketches.bits.shape
    buckets = _Buckets(sketches.bits[:, 0], table)
    for start in range(0, n, _BLOCK):
        bits = sketches.bits[start : start + _BLOCK]
        keys = _key(bits, table)[..., None] ^ _turned(sketches.unsure[start : start + _BLOCK, :, at])
        first, size = buckets.look_up(keys, bits[..., None])
        row = np.repeat(np.arange(size.size), size.ravel())
        begin = np.cumsum(size.ravel()) - size.ravel()
        other = buckets.order[np.arange(len(row)) - begin[row] + first.ravel()[row]]
        item, twin = np.divmod(row // keys.shape[2], v)
        apart = np.bitwise_count(bits[item, twin] ^ sketches.bits[other, 0])
        item += start
        kept = (apart <= _APART) & (item != other)
        item, twin, other = item[kept], twin[kept], other[kept]
        # Two unmoved images may meet from either side.
        turned = (twin == 0) & (item > other)
        item[turned], other[turned] = other[turned], item[turned]
        yield (item * n + other) * v + twin


def _key(bits: Numbers, table: IntArray) -> Numbers:
    """The bits that a table looks at, as a number."""
    key = np.zeros(bits.shape, np.uint64)
    for place, bit in enumerate(table):
        key |= ((bits >> np.uint64(bit)) & np.uint64(1)) << np.uint64(place)
    return key


def _turned(places: NDArray[np.uint8]) -> Numbers:
    """What to turn in a key, uint64 (…, 2**UNSURE): nothing, either, both."""
    bit = np.uint64(1) << places.astype(np.uint64)
    none = np.zeros(bit.shape[:-1], np.uint64)
    return np.stack([none, bit[..., 0], bit[..., 1], bit[..., 0] ^ bit[..., 1]], axis=-1)


class _Buckets:
    """Items sorted by key, and in a bucket by all their bits."""

    def __init__(self, bits: Numbers, table: IntArray) -> None:
        key = _key(bits, table)
        joined = self._join(key, bits)
        self.order = np.argsort(joined, kind="stable")
        self._whole = joined[self.order]
        self._start = np.concatenate([[0], np.cumsum(np.bincount(key.astype(np.int64), minlength=1 << len(table)))])

    def look_up(self, keys: Numbers, bits: Numbers) -> tuple[IntArray, IntArray]:
        """Where in the order to begin, and how many items to take."""
        first = self._start[keys.astype(np.int64)]
        size = self._start[keys.astype(np.int64) + 1] - first
        crowded = size > _CROWD
        if crowded.any():
            near = np.searchsorted(self._whole, self._join(keys, np.broadcast_to(bits, keys.shape))[crowded])
            last = first[crowded] + size[crowded] - _CROWD
            first[crowded] = np.clip(near - _CROWD // 2, first[crowded], last)
            size[crowded] = _CROWD
        return first, size

    @staticmethod
    def _join(key: Numbers, bits: Numbers) -> Numbers:
        low = np.uint64(64 - _WIDTH)
        return (key << low) | (bits & ((np.uint64(1) << low) - np.uint64(1)))
