"""One-vs-one machines of many classes, for several C and several parts of the rows at once, on all threads."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from secondlook.models.base import Rows
from secondlook.models.classical.kernels import Kernel
from secondlook.models.classical.pairs import Pair
from secondlook.models.classical.threads import each, threads
from secondlook.types import FloatArray, IntArray

A = TypeVar("A")
# Numbers in the rows of two classes, on average, from which pairs are fitted by themselves: once, or several times.
_PAIR_NUMBERS, SHARED_NUMBERS = 1_000_000, 250_000
# Kernel values kept while fitting, all threads together: 1 GB.
_KEPT = 2**27


@dataclass(frozen=True, eq=False)
class Machine:
    """What libsvm keeps of a fit; a positive decision value speaks for the pair's first class.

    Attributes:
        support: indices of the support vectors, int64 (s,), by class and then in order.
        n_support: how many each class has, int64 (k,).
        dual_coef: float64 (k - 1, s): of a vector of class i against each other class in order.
        intercept: float64 (k (k - 1) / 2,), of the pairs (0, 1), (0, 2), …
        unreached: pairs that were left before the optimum, after very many steps.
    """

    support: IntArray
    n_support: IntArray
    dual_coef: FloatArray
    intercept: FloatArray
    unreached: int = 0

    def weights(self, X: Rows) -> FloatArray:
        """The weights of the linear kernel, float64 (pairs, d), from the rows that the machine was fitted on."""
        ends = np.cumsum(self.n_support)
        own = [slice(end - n, end) for end, n in zip(ends, self.n_support, strict=True)]
        S = X[self.support].astype(np.float64)
        return np.array(
            [
                self.dual_coef[j - 1, own[i]] @ S[own[i]] + self.dual_coef[i, own[j]] @ S[own[j]]
                for i, j in combinations(range(len(own)), 2)
            ]
        )


class _Duel(NamedTuple):
    """A pair's machine: its support vectors' indices, their coefficients, the intercept; whether it is the optimum."""

    support: IntArray
    coef: FloatArray
    intercept: float
    reached: bool


def machines(
    kernel: Kernel,
    X: Rows,
    y: IntArray,
    weights: FloatArray,
    Cs: Sequence[float],
    parts: Sequence[IntArray],
    on_done: Callable[[float], None] = lambda share: None,
) -> Iterator[tuple[int, int, Machine]]:
    """The machine of each part of the rows and each C, as (index of the part, index of C, machine).

    Small problems are libsvm's, each as a whole. In larger ones the pairs of classes are problems of their own, one
    thread each, and what one C or part has found is where the next begins: see `pairs`.

    Args:
        X: rows, float32 (n, d).
        y: their classes, 0 to k-1.
        weights: what each row counts, above 0: it multiplies C.
        parts: indices of the rows to fit on, with rows of every class.
        on_done: called with the share of the work that is done.
    """
    least = _PAIR_NUMBERS if len(Cs) * len(parts) == 1 else SHARED_NUMBERS
    used = np.zeros(len(y), dtype=bool)
    for rows in parts:
        used[rows] = True
    way = _whole if 2 * int(used.sum()) * X.shape[1] / (int(y.max()) + 1) < least else _by_pairs
    # libsvm warns where it stops at a number of steps, and another method takes over; and filters of warnings that
    # are set in several threads at once, as scikit-learn does, are not set back.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = way(kernel, X, y, weights, Cs, parts, on_done)
    yield from found


def _whole(
    kernel: Kernel,
    X: Rows,
    y: IntArray,
    weights: FloatArray,
    Cs: Sequence[float],
    parts: Sequence[IntArray],
    on_done: Callable[[float], None],
) -> Iterator[tuple[int, int, Machine]]:
    cells = [(p, c) for p in range(len(parts)) for c in range(len(Cs))]

    def fit(cell: tuple[int, int]) -> Machine:
        rows = parts[cell[0]]
        svc = kernel.svc(Cs[cell[1]], len(rows)).fit(X[rows].astype(np.float64), y[rows], weights[rows])
        # scikit-learn turns libsvm's signs for two classes, and for two classes only.
        sign = -1 if len(svc.n_support_) == 2 else 1
        return Machine(
            rows[svc.support_], svc.n_support_.astype(np.int64), sign * svc.dual_coef_, sign * svc.intercept_
        )

    found = _counted(each(fit, cells, threads()), len(cells), on_done)
    return ((*cell, machine) for cell, machine in zip(cells, found, strict=True))


def _by_pairs(
    kernel: Kernel,
    X: Rows,
    y: IntArray,
    weights: FloatArray,
    Cs: Sequence[float],
    parts: Sequence[IntArray],
    on_done: Callable[[float], None],
) -> Iterator[tuple[int, int, Machine]]:
    inside = np.zeros((len(parts), len(y)), dtype=bool)
    for p, rows in enumerate(parts):
        inside[p, rows] = True
    k = int(y.max()) + 1
    pairs, together = list(combinations(range(k), 2)), threads()
    # One pair alone is shared by its parts, or one thread would do all of it.
    shares = 1 if len(pairs) > 1 else min(len(parts), together)
    tasks = [(pair, range(share, len(parts), shares)) for pair in pairs for share in range(shares)]
    most = _KEPT // min(together, len(tasks))

    def fit(task: tuple[tuple[int, int], range]) -> dict[tuple[int, int], _Duel]:
        (i, j), mine = task
        used = inside[mine].any(axis=0)
        rows = np.concatenate([np.flatnonzero(used & (y == i)), np.flatnonzero(used & (y == j))])
        pair = Pair(kernel, X[rows], np.where(y[rows] == i, 1.0, -1.0), weights[rows], most=most)
        return _duels(pair, rows, Cs, {p: inside[p, rows] for p in mine})

    duels: dict[tuple[int, int], dict[tuple[int, int], _Duel]] = {pair: {} for pair in pairs}
    for (pair, _), found in zip(tasks, _counted(each(fit, tasks, together), len(tasks), on_done), strict=True):
        duels[pair] |= found
    cells = [(p, c) for p in range(len(parts)) for c in range(len(Cs))]
    return ((*cell, _joined([duels[pair][cell] for pair in pairs], y)) for cell in cells)


def _counted(work: Iterator[A], total: int, on_done: Callable[[float], None]) -> list[A]:
    """All of it, with a word after each."""
    found = []
    for one in work:
        found.append(one)
        on_done(len(found) / total)
    return found


def _duels(
    pair: Pair, rows: IntArray, Cs: Sequence[float], parts: Mapping[int, NDArray[np.bool_]]
) -> dict[tuple[int, int], _Duel]:
    """The machines of a pair by part and C. What the smallest C found for one part is where the next part begins."""
    order = np.argsort(Cs, kind="stable")
    found: dict[tuple[int, int], _Duel] = {}
    near = None
    for p, part in parts.items():
        for c, border in zip(order, pair.borders([Cs[c] for c in order], part, near), strict=True):
            if c == order[0]:
                first = border.margins
            support = np.flatnonzero(border.coef)
            found[p, int(c)] = _Duel(rows[support], border.coef[support], border.intercept, border.reached)
        near = first
    return found


def _joined(duels: list[_Duel], y: IntArray) -> Machine:
    """Pairs as one machine: a support vector of one pair is one of all, with coefficients of 0."""
    k = int(y.max()) + 1
    support = np.unique(np.concatenate([duel.support for duel in duels]))
    support = support[np.argsort(y[support], kind="stable")]
    place = np.empty(len(y), dtype=np.int64)
    place[support] = np.arange(len(support))
    coef = np.zeros((k - 1, len(support)))
    for (i, j), duel in zip(combinations(range(k), 2), duels, strict=True):
        line = np.where(y[duel.support] == i, j - 1, i)
        coef[line, place[duel.support]] = duel.coef
    counts = np.bincount(y[support], minlength=k).astype(np.int64)
    unreached = sum(not duel.reached for duel in duels)
    return Machine(support, counts, coef, np.array([duel.intercept for duel in duels]), unreached)
