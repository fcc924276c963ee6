"""Which images must stay together: identical ones, those of one group, and near copies."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from secondlook.types import ImageSet, IntArray

_CHUNK = 65_536
# FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/
_OFFSET, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


def text_codes(texts: NDArray[np.str_]) -> IntArray:
    """A number per text, int64 (n,) from 0: equal texts share one.

    Sorting millions of texts takes long; their hashes are sorted instead, and only texts of one hash compared.
    """
    if not len(texts):
        return np.empty(0, dtype=np.int64)
    _, first, codes = np.unique(_hashes(texts), return_index=True, return_inverse=True)
    for rows in _chunks(len(texts)):
        if (texts[rows] != texts[first[codes[rows]]]).any():
            return np.unique(texts, return_inverse=True)[1].astype(np.int64)
    return codes.astype(np.int64)


def bond_codes(images: ImageSet, items: IntArray) -> IntArray:
    """A number per image of `items`, int64: identical images and those of one group, through any chain, share one."""
    from secondlook.data.read.ids import codes as copies  # that room asks this one for sizes

    # Indexing by a slice copies nothing: ids of millions of images are hundreds of megabytes.
    which = slice(None) if len(items) == len(images) else items
    codes: IntArray = copies(images.ids[which])
    if images.groups is None:
        return codes
    groups = text_codes(images.groups[which])
    groups[images.groups[which] == ""] = -1
    return joined(codes, groups)


def joined(codes: IntArray, others: IntArray) -> IntArray:
    """A number per item, int64 (n,): items that share a number in either array, through any chain, share one.

    Args:
        codes: int64 (n,), 0 or more.
        others: int64 (n,); below 0 for an item that it links to nothing.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    linking = np.flatnonzero(others >= 0)
    linking = linking[np.bincount(others[linking])[others[linking]] > 1] if len(linking) else linking
    if not len(linking):
        return codes
    # An item links its number in the one to its number in the other; what hangs together in this graph stays together.
    _, other = np.unique(others[linking], return_inverse=True)
    first = int(codes.max()) + 1
    width = first + int(other.max()) + 1
    edges = coo_array((np.ones(len(linking), dtype=np.int8), (codes[linking], first + other)), shape=(width, width))
    components: IntArray = connected_components(edges, directed=False)[1].astype(np.int64)
    return components[codes]


def _hashes(texts: NDArray[np.str_]) -> NDArray[np.uint64]:
    """A 64-bit hash of every text."""
    width = texts.dtype.itemsize // 4
    found = np.empty(len(texts), dtype=np.uint64)
    for rows in _chunks(len(texts)):
        block = np.ascontiguousarray(texts[rows]).astype(f"=U{width}", copy=False)
        points = np.ascontiguousarray(block.view(np.uint32).reshape(-1, width).T).astype(np.uint64)
        hashes = np.full(len(block), _OFFSET)
        for column in points:  # padded with zeros, which change the hash of all short texts alike
            hashes = (hashes ^ column) * _PRIME
        found[rows] = hashes
    return found


def _chunks(n: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, n, _CHUNK))
