"""Which labels are doubtful: out-of-fold probabilities of several models, and confident learning.

Sources: C. G. Northcutt, L. Jiang, I. L. Chuang, Confident learning: estimating uncertainty in dataset labels, JAIR
2021; J. Kuan, J. Mueller, Model-agnostic label quality scoring to detect real-world label errors, ICML DataPerf 2022.
Both as the library cleanlab has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.measure.guessing import agreement_p
from secondlook.measure.probabilities import log_loss
from secondlook.measure.scores import Margins, confusion, overall
from secondlook.types import FloatArray, IntArray

# Higher ones let the best model alone speak, and models of several families are asked since they err in other places.
TEMPERATURES = (0.0, 1.0, 10.0)
# No probability counts as less: a model that is sure and wrong costs no more than ln 1,000,000.
_FLOOR = np.float32(1e-6)
# Answers that would agree so well with labels dealt out at random more often than this are guesses.
_GUESSING = 0.01


@dataclass(frozen=True, eq=False)
class Judged:
    """What is said of the labels of n items; k classes.

    Attributes:
        suggested: int64 (n,), the class that the models together find most probable; -1 where an item is not judged.
        quality: float64 (n,), 0 worst .. 1 best: the probability of the given label, and no more than the share of
            byte for byte equal items that bear it; NaN where an item is not judged.
        doubted: bool (n,), the models doubt the label.
        contradicted: bool (n,), an equal item bears another label.
        wrong: int64 (k,), an estimate of how many labels of each class are wrong.
        agrees: the share of judged items that the models together answer by the given label; NaN without any.
        kappa: Cohen's, of these answers: 0 is guessing, 1 agrees with every label; NaN where it is not defined.
        sees: whether the answers depend on the labels at all. Models that guess doubt nothing, and nothing is
            estimated by them.
    """

    suggested: IntArray
    quality: FloatArray
    doubted: NDArray[np.bool_]
    contradicted: NDArray[np.bool_]
    wrong: IntArray
    agrees: float = float("nan")
    kappa: float = float("nan")
    sees: bool = False


def weights(labels: IntArray, tables: Sequence[NDArray[np.float32]]) -> FloatArray:
    """How much each model counts, float64, their sum 1: exp(-t · its log-loss) against the given labels.

    t is the one of `TEMPERATURES` whose mean has the lowest log-loss; with 0 all count the same. As cleanlab's
    "log_loss_search". The labels may be wrong, but they are wrong for all models alike.

    Args:
        labels: int64 (n,). tables: probabilities float32 (n, k), one table per model, of the same items.
    """
    losses = np.array([log_loss(labels, _normal(np.maximum(table, _FLOOR))) for table in tables])
    best, found = np.inf, np.full(len(tables), 1 / len(tables))
    for t in TEMPERATURES:
        share = np.exp(-t * (losses - losses.min()))
        share /= share.sum()
        if (loss := log_loss(labels, averaged(tables, share))) < best:
            best, found = loss, share
    return found


def averaged(tables: Sequence[NDArray[np.float32]], shares: FloatArray) -> NDArray[np.float32]:
    """The weighted mean of the models' probabilities, float32 (n, k)."""
    total = np.zeros(tables[0].shape, dtype=np.float32)
    for table, share in zip(tables, shares, strict=True):
        total += np.float32(share) * table
    return total


def _normal(table: NDArray[np.float32]) -> NDArray[np.float32]:
    """The table with rows that sum to 1."""
    return np.asarray(table / np.maximum(table.sum(axis=1, keepdims=True), np.float32(1e-12)))


def judge_labels(labels: IntArray, probabilities: NDArray[np.float32], copies: Sequence[IntArray] = ()) -> Judged:
    """Judges labels by probabilities from models that had not seen the items.

    The quality of a label is the probability that it got ("self-confidence"). How many are wrong is estimated from the
    confident joint: an item counts as wrong when another class is the most probable one, and at least as probable as
    it is on average among the items that bear its name. So many items, those of lowest quality, are doubted, unless
    the models agree with the label after all.

    Args:
        labels: int64 (n,); -1 where an item has none, or is not to be judged.
        probabilities: float32 (n, k), out of fold. Rows of zeros, or NaN, are of items that no model could judge.
        copies: indices of items with equal bytes, two or more in each.
    """
    n, k = probabilities.shape
    judged = np.flatnonzero((labels >= 0) & (np.nan_to_num(probabilities).sum(axis=1) > 0))
    suggested, quality = np.full(n, -1, dtype=np.int64), np.full(n, np.nan)
    doubted, wrong = np.zeros(n, dtype=np.bool_), np.zeros(k, dtype=np.int64)
    agrees, kappa, sees = float("nan"), float("nan"), False
    if len(np.unique(labels[judged])) > 1:
        suggested[judged] = probabilities[judged].argmax(axis=1)
        quality[judged], doubted[judged], wrong = _confident(labels[judged], probabilities[judged])
        doubted &= suggested != labels
        matrix = confusion(labels[judged], suggested[judged], k)
        together = overall(Margins.of(matrix))
        agrees, kappa = float(together["accuracy"]), float(together["kappa"])
        sees = agreement_p(matrix) <= _GUESSING
        if not sees:
            doubted, wrong = np.zeros_like(doubted), np.zeros_like(wrong)
    contradicted = np.zeros(n, dtype=np.bool_)
    for group in copies:
        group = group[labels[group] >= 0]
        names, inverse, counts = np.unique(labels[group], return_inverse=True, return_counts=True)
        if len(names) > 1:
            contradicted[group] = True
            quality[group] = np.fmin(quality[group], counts[inverse] / len(group))
    return Judged(suggested, quality, doubted, contradicted, wrong, agrees, kappa, sees)


def _confident(labels: IntArray, probabilities: NDArray[np.float32]) -> tuple[FloatArray, NDArray[np.bool_], IntArray]:
    """Quality (n,), which are doubted (n,), and how many are wrong per class (k,)."""
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    # Classes without an item have no threshold in the confident joint: only the others are weighed.
    present, codes = np.unique(labels, return_inverse=True)
    table = _normal(probabilities[:, present])
    quality = get_label_quality_scores(codes, table, method="self_confidence")
    doubted = find_label_issues(codes, table, filter_by="low_self_confidence", n_jobs=1)
    confident = find_label_issues(codes, table, filter_by="confident_learning", n_jobs=1)
    wrong = np.bincount(labels[confident], minlength=probabilities.shape[1]).astype(np.int64)
    return quality, doubted, wrong
