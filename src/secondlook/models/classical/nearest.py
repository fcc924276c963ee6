"""Nearest rows among rows of bytes, exactly, by matrix products.

scikit-learn's brute-force search multiplies in float64. Bytes need not: with 128 taken off, the sum of up to 1,024
products of two of them stays below 2^24 in size, so float32 adds them without an error, in half the time. Distances are
whole numbers, so equal ones are equal: of these the row of the lower index is nearer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.models.classical.threads import each, threads
from secondlook.types import FloatArray, IntArray

# Numbers of a row that are multiplied at a time; products in the table of one thread; neighbours of one group.
_EXACT, _BLOCK, _GROUP = 1_024, 2**23, 64


def nearest(X: NDArray[np.uint8], asked: NDArray[np.uint8], k: int) -> tuple[FloatArray, IntArray]:
    """The k nearest rows of X (n, d) to each row asked (m, d), nearest first.

    Returns:
        Euclidean distances of bytes divided by 255, float64 (m, k), and indices, int64 (m, k).
    """
    wide = _centred(X)
    squares = _squares(wide)
    size = max(1, _BLOCK // len(X))

    def search(start: int) -> tuple[FloatArray, IntArray]:
        queries = _centred(asked[start : start + size])
        # The query's own square is the same for all rows: it is added last.
        found, items = _smallest(_products(-2 * queries, wide), squares, k)
        return np.sqrt(found + _squares(queries)[:, None]) / 255, items

    blocks = list(each(search, range(0, len(asked), size), threads()))
    return np.concatenate([own for own, _ in blocks]), np.concatenate([items for _, items in blocks])


def _centred(X: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(X, dtype=np.float32) - np.float32(128)


def _squares(X: NDArray[np.float32]) -> FloatArray:
    return np.asarray(np.einsum("nd,nd->n", X, X, dtype=np.float64))


def _products(A: NDArray[np.float32], B: NDArray[np.float32]) -> NDArray[Any]:
    """A · B' (m, n) without an error, of even numbers from -256 to 256 with whole ones from -128 to 127.

    float32 where d is 1,024 or less, float64 above.
    """
    parts = [slice(start, start + _EXACT) for start in range(0, A.shape[1], _EXACT)]
    table = A[:, parts[0]] @ B[:, parts[0]].T
    for part in parts[1:]:
        table = table.astype(np.float64, copy=False)
        table += A[:, part] @ B[:, part].T
    return table


def _smallest(products: NDArray[Any], squares: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
    """The k smallest sums of products (m, n) and squares (n,) of each line, in order, and their places, both (m, k).

    Of equals the first is smaller.
    """
    m, n = products.shape
    group = max(1, min(_GROUP, n // (4 * k)))
    groups = -(-n // group)
    sums = np.full((m, groups * group), np.inf, dtype=products.dtype)
    np.add(products, squares.astype(products.dtype), out=sums[:, :n])
    sums = sums.reshape(m, groups, group)
    least = sums.min(axis=2)
    # The k-th smallest of the groups' smallest: k sums are no larger, and few more. In float32 a sum of less than 2^26
    # is out by 2 at most; so two of them may be in the wrong order if they differ by 4.
    bound = np.partition(least, k - 1, axis=1)[:, k - 1] + products.dtype.type(4)
    line, place = np.nonzero(least <= bound[:, None])
    hit, within = np.nonzero(sums[line, place] <= bound[line, None])
    line, place = line[hit], place[hit] * group + within
    exact = products[line, place] + squares[place]
    order = np.lexsort((exact, line))  # stable: equals stay in their places' order
    counts = np.bincount(line, minlength=m)
    first = order[(np.cumsum(counts) - counts)[:, None] + np.arange(k)]
    return exact[first], place[first]
