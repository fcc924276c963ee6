"""A coarse look at every image, and the pairs that it leaves possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.audit import buckets, hashes
from secondlook.types import FloatArray, IntArray

# Two looks at one picture correlate at this or more.
_ALIKE = 0.96
# With more pairs per item than this only those are kept that it takes to join what hangs together.
_PAIRS_PER_ITEM = 16
# Of fewer items than this all pairs are compared: a sample so small does not tell which bits are good.
_FEW = 300
_SAMPLE = 5000
# The standard deviation, in greys of 255, below which an image shows nothing.
_BLANK = 2.0
_BLOCK = 50_000


@dataclass(frozen=True, eq=False)
class Look:
    """What was seen of n images.

    Attributes:
        directions: float16 (n, 5, 63), those of `hashes.directions`, unmoved and moved.
        seen: whether an image shows anything at all, (n,).
    """

    directions: NDArray[np.float16]
    seen: NDArray[np.bool_]

    def of(self, chosen: NDArray[np.bool_]) -> Look:
        """The look at some of the images."""
        return self if chosen.all() else Look(self.directions[chosen], self.seen[chosen])

    def still(self, items: IntArray) -> hashes.Floats:
        """Directions of unmoved images, float32 (m, 63)."""
        found: hashes.Floats = self.directions[items, 0].astype(np.float32)
        return found


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of items, m of them, each once.

    Attributes:
        moved, other: the two items.
        twin: how the one is moved to be like the other, an index into `hashes.SHIFTS`.
        score: their correlation after that.
    """

    moved: IntArray
    other: IntArray
    twin: IntArray
    score: FloatArray

    def of(self, chosen: NDArray[Any] | slice) -> Pairs:
        """Some of the pairs."""
        return Pairs(self.moved[chosen], self.other[chosen], self.twin[chosen], self.score[chosen])

    def thinned(self, n: int, most: int) -> Pairs:
        """All, or if they are more than `most` for each of n items, the n or fewer that span what they join.

        Of a film's frames each is paired with each; a chain of the most alike tells as much.
        """
        if len(self.score) <= most * n:
            return self
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import minimum_spanning_tree

        # Weights are the places in the order of scores, from 1: no edge has the weight 0.
        order = np.argsort(-self.score, kind="stable")
        weight = np.empty(len(order))
        weight[order] = np.arange(1, len(order) + 1)
        tree = minimum_spanning_tree(coo_array((weight, (self.moved, self.other)), shape=(n, n)).tocsr())
        return self.of(np.sort(order[tree.data.astype(np.int64) - 1]))


def look(pixels: NDArray[Any], items: IntArray) -> Look:
    """Looks at images block by block."""
    directions = np.empty((len(items), len(hashes.SHIFTS), hashes.LOW**2 - 1), np.float16)
    seen = np.empty(len(items), bool)
    for part in hashes.blocks(len(items), int(np.prod(pixels.shape[1:3]))):
        coefficients = hashes.coefficients(pixels[items[part]])
        directions[part] = hashes.directions(coefficients)
        seen[part] = hashes.contrast(coefficients[:, 0]) >= _BLANK
    return Look(directions, seen)


def candidates(seen: Look, rng: np.random.Generator) -> Pairs:
    """The pairs whose low frequencies correlate; moved, other and twin of the best way to see each."""
    n, v = seen.directions.shape[:2]
    moved, twin, other = _everyone(n, v) if n <= _FEW else buckets.meetings(*_sketched(seen, rng))
    found = _correlated(seen, Pairs(moved, other, twin, np.empty(len(moved))))
    # Each pair once: the best of its ways comes first among its equals.
    pair = np.minimum(found.moved, found.other) * n + np.maximum(found.moved, found.other)
    found = found.of(np.lexsort((found.twin, -found.score, pair)))
    pair = np.sort(pair)
    found = found.of(np.flatnonzero(np.diff(pair, prepend=-1)))
    return found.thinned(n, _PAIRS_PER_ITEM)


def _everyone(n: int, v: int) -> tuple[IntArray, IntArray, IntArray]:
    i, j, twin = np.nonzero(np.ones((n, n, v), bool) & ~np.eye(n, dtype=bool)[..., None])
    once = (twin > 0) | (i < j)
    return i[once], twin[once], j[once]


def _sketched(seen: Look, rng: np.random.Generator) -> tuple[buckets.Sketches, IntArray]:
    """The bits of all items, and the tables that look at them."""
    n, v = seen.directions.shape[:2]
    axes = hashes.principal_axes(seen.still(np.sort(rng.permutation(n)[:_SAMPLE])))
    tables = buckets.draw_tables(len(axes.median), rng)
    bits = np.empty((n, v), np.uint64)
    unsure = np.empty((n, v, buckets.TABLES, buckets.UNSURE), np.uint8)
    for part in hashes.blocks(n, 200):
        projected = axes.project(seen.directions[part].astype(np.float32))
        bits[part] = hashes.packed(projected > 0)
        unsure[part] = buckets.unsure(projected, tables)
    return buckets.Sketches(bits, unsure), tables


def _correlated(seen: Look, found: Pairs) -> Pairs:
    """Those that correlate, with their scores."""
    kept = []
    for start in range(0, len(found.moved), _BLOCK):
        part = found.of(slice(start, start + _BLOCK))
        one = seen.directions[part.moved, part.twin].astype(np.float32)
        score = np.einsum("nd,nd->n", one, seen.still(part.other)).astype(np.float64)
        good = score >= _ALIKE
        kept.append(Pairs(part.moved[good], part.other[good], part.twin[good], np.minimum(score[good], 1)))
    if not kept:
        return found
    return Pairs(*(np.concatenate([getattr(p, name) for p in kept]) for name in ("moved", "other", "twin", "score")))
