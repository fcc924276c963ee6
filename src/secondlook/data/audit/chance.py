"""How many unlike images one would expect to find as near as a given one, told from the images themselves.

In a cloud of points the number of neighbours within a small distance grows like a power of it, and the power is the
cloud's local dimension. Both the number and the power are read off a shell of neighbours, wide enough for the copies of
an image, which lie inside it, not to matter (a two-point form of the estimate of Levina and Bickel, Maximum Likelihood
Estimation of Intrinsic Dimension, 2004). Handwritten ones have neighbours close by, in few dimensions; photographs have
theirs far off, in many. So the same distance means the same picture among photographs, and nothing among digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.types import FloatArray, IntArray

# Distances are not told apart below this, nor dimensions above that: neither is known so well.
_NEAREST, _MOST_DIMENSIONS = 1e-3, 30.0
# The shell ends at this share of the others, or this rank where they are few, and begins at half of it: an image may
# have copies up to a fortieth of the set, as the frames of a film have, and the shell still is of other images.
_SHARE, _RANK, _LEAST_RANK = 0.05, 20, 4
_BLOCK = 2048


@dataclass(frozen=True, eq=False)
class Crowd:
    """How crowded it is around m items, as far as a sample of others tells.

    Attributes:
        rank: the number of others in the sample within `radius`; 0 where the sample is too small to tell.
        share: the part of all items that the sample is.
        radius, dimension: of the shell, (m,).
    """

    rank: int
    share: float
    radius: FloatArray
    dimension: FloatArray

    def expected(self, item: IntArray, distance: FloatArray) -> FloatArray:
        """How many unlike images to expect within each distance of an item, (…,); 0 where nothing is known."""
        if not self.rank:
            return np.zeros(len(item))
        ratio = np.maximum(distance, _NEAREST) / self.radius[item]
        found: FloatArray = self.rank / self.share * ratio ** self.dimension[item]
        return found


def crowd(items: NDArray[np.float32], own: IntArray, sample: NDArray[np.float32], n: int) -> Crowd:
    """The surroundings of items.

    Args:
        items: unit vectors (m, d).
        own: the place of each in the sample, -1 for none, (m,).
        sample: of the n images there are: orthonormal vectors (s, r, d) that span the varieties of each, its own unit
            vector first. The distance to it is the sine of the angle to what they span, 1 beyond a right angle.
        n: how many images there are.
    """
    others = len(sample) - 1
    rank = min(max(_RANK, int(_SHARE * others)), others // 2)
    if rank < _LEAST_RANK:
        return Crowd(0, 1.0, np.ones(len(items)), np.ones(len(items)))
    shell = np.empty((len(items), 2))
    for start in range(0, len(items), _BLOCK):
        part = slice(start, start + _BLOCK)
        distance = _distances(items[part], sample)
        there = np.flatnonzero(own[part] >= 0)
        distance[there, own[part][there]] = np.inf
        shell[part] = np.partition(distance, (rank // 2 - 1, rank - 1), axis=1)[:, [rank // 2 - 1, rank - 1]]
    inner, outer = np.maximum(shell, _NEAREST).T
    dimension = np.log(rank / (rank // 2)) / np.log(np.maximum(outer / inner, 1 + 1e-6))
    return Crowd(rank, len(sample) / n, outer, np.minimum(dimension, _MOST_DIMENSIONS))


def _distances(items: NDArray[np.float32], sample: NDArray[np.float32]) -> NDArray[np.float32]:
    first = items @ sample[:, 0].T
    alike = first * first
    for row in range(1, sample.shape[1]):
        alike += (items @ sample[:, row].T) ** 2
    # A negative is not a likeness.
    alike[first < 0] = 0
    found: NDArray[np.float32] = np.sqrt(np.maximum(1 - alike, 0))
    return found
