"""Whether answers are better than guesses: exact and conditional tests, one-sided."""

from __future__ import annotations

from math import sqrt

import numpy as np

from secondlook.errors import UsageError
from secondlook.types import IntArray


def binomial_p(hits: int, n: int, p: float) -> float:
    """How likely `hits` or more out of n are when each is one with probability p: the exact binomial test.

    Raises:
        UsageError: counts or a probability that cannot be.
    """
    if not (0 <= hits <= n and 0 <= p <= 1):
        raise UsageError(f"expected 0 ≤ hits ≤ n and 0 ≤ p ≤ 1, got hits = {hits}, n = {n}, p = {p}")
    from scipy.special import betainc

    return 1.0 if hits == 0 else float(betainc(hits, n - hits + 1, p))


def binomial_power(n: int, p: float, better: float, *, alpha: float = 0.05) -> float:
    """How likely n items show, by `binomial_p` at this level, that hits are more frequent than p when they are so with
    probability `better`.
    """
    from scipy.special import betainc

    hits = np.arange(1, n + 1)
    enough = hits[betainc(hits, n - hits + 1, p) <= alpha]
    return binomial_p(int(enough[0]), n, better) if len(enough) else 0.0


def agreement_p(matrix: IntArray) -> float:
    """How likely so many hits are when answers do not depend on labels, however often each answer is given.

    The numbers of labels and of answers of each class are kept, the answers dealt out at random: the mean and variance
    of the hits are then known exactly, and the normal law does the rest, with half a step of hits taken off. It is the
    test of Cohen's kappa against 0. A model that always says the same gets 1, and one that trades many images of a
    frequent class for some of a rare one is not called a guesser for it.

    Source: J. Fleiss, J. Cohen and B. Everitt, Large sample standard errors of kappa and weighted kappa, Psychological
    Bulletin 72 (1969); the variance is that of a sum under random permutation, W. Hoeffding (1951).

    Args:
        matrix: int64 (k, k), a line per label, a column per answer.
    """
    from scipy.special import ndtr

    labels, answers = matrix.sum(axis=1).astype(np.float64), matrix.sum(axis=0).astype(np.float64)
    n = float(labels.sum())
    if n < 2:
        return 1.0
    both = labels * answers
    mean = both.sum() / n
    variance = (both.sum() - (both * (labels + answers)).sum() / n + (both.sum() / n) ** 2) / (n - 1)
    if variance <= 1e-9:
        return 1.0
    # Hits come in steps of one; of two classes in steps of two, since a hit more in one is a hit more in the other.
    step = 2 if np.count_nonzero(labels + answers) == 2 else 1
    return float(ndtr(-(np.trace(matrix) - step / 2 - mean) / sqrt(variance)))
