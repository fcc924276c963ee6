"""The classical lines of the ladder: what each is good for, what `--tune` searches, and how long it takes.

The times were measured on two cores with scikit-learn 1.9, on digits (1,257 of 8x8) and MNIST (4,000, 15,000 and
31,500 of 28x28); they are meant to be right within a factor of two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import log2, sqrt
from typing import Any

from scipy.stats import loguniform, randint

from secondlook.models.base import ImageClassifier
from secondlook.models.classical.baseline import Majority
from secondlook.models.classical.logistic import Logistic
from secondlook.models.classical.machine import SHARED_NUMBERS
from secondlook.models.classical.neighbours import KNN, QUERIES, TunedKNN
from secondlook.models.classical.pairs import MOST_ROWS
from secondlook.models.classical.svm import MAX_ROWS, LinearSVM, PolySVM, RbfSVM
from secondlook.models.classical.trees import Boosting, Forest, affordable, images_per_tree
from secondlook.models.entry import Entry, Family, Size, always_seeded, each_by_itself
from secondlook.runs.machine import cores

_PRODUCTS_PER_SECOND = 3e10


def _majority(size: Size) -> float:
    return 0.01


def _logistic(size: Size) -> float:
    return 0.02 + 3e-8 * size.n_train * size.d * (size.k if size.k > 2 else 1)


def _linear_svm(size: Size) -> float:
    pairs = size.k * (size.k - 1) / 2
    rows = min(size.n_train, MAX_ROWS)
    # libsvm's time grows with the square of the rows; large pairs are solved otherwise.
    fit = 3e-4 * pairs + min(5e-11 * rows**2, 2e-7 * rows) * size.d
    return 0.02 + fit + size.n * pairs * size.d / _PRODUCTS_PER_SECOND


def _kernel_svm(size: Size) -> float:
    rows = min(size.n_train, MAX_ROWS)
    # About every third image becomes a support vector.
    products = size.n * (rows / 3 * (size.d + size.k) + 50 * size.k**2)
    fit = 3e-4 * size.k**2 / 2 + min(1e-10 * rows**2, 6e-7 * rows) * size.d
    return 0.04 + fit + products / _PRODUCTS_PER_SECOND


def _knn(size: Size) -> float:
    return 0.02 + size.n * size.n_train * size.d / _PRODUCTS_PER_SECOND


def _knn_tuned(size: Size) -> float:
    return _knn(size) + min(size.n_train, QUERIES) * size.n_train * size.d / _PRODUCTS_PER_SECOND


def _forest(size: Size) -> float:
    rows = images_per_tree(size.n_train, size.d, size.k, trees=Forest().n_estimators)
    return 0.3 + 4e-8 * rows * log2(rows + 1) * sqrt(size.d) * (size.k + 15)


def _boosting(size: Size) -> float:
    model = Boosting()
    rounds, rows = affordable(size.n_train, size.d, size.k, max_iter=model.max_iter, max_work=model.max_work)
    trees = rounds * (size.k if size.k > 2 else 1)
    return 0.1 + trees * size.d * (2.5e-9 * rows + 1e-5)


# What each copies of the images: all keep them as float32 rows; on the way, some need them in float64 as well.


def _rows_memory(size: Size) -> float:
    return 4.0 * size.d * (size.n_train + size.n_valid)


def _svm_memory(size: Size) -> float:
    rows = min(size.n_train, MAX_ROWS)
    # Each thread has a pair's problem: the kernel of about every third of its rows, and as much again three times to
    # solve it.
    tables = 32.0 * min(2 * rows / size.k / 3, MOST_ROWS) ** 2 * min(cores(), size.k * (size.k - 1) // 2)
    # The rows fitted on, as libsvm takes them, and their distances from the mean.
    return _rows_memory(size) + 20.0 * size.d * rows + tables


def _kernel_svm_memory(size: Size) -> float:
    # Lines of the kernel that are kept while pairs are solved.
    return _svm_memory(size) + min(1e9, 4.0 * min(size.n_train, MAX_ROWS) ** 2)


def _boosting_memory(size: Size) -> float:
    model = Boosting()
    _, rows = affordable(size.n_train, size.d, size.k, max_iter=model.max_iter, max_work=model.max_work)
    # float64 and a byte for its bin; of the validation images as well.
    return _rows_memory(size) + (13.0 * rows + 9.0 * size.n_valid) * size.d


# What a search costs, in fits.


def _linear_search(size: Size, fits: int) -> float:
    # Its settings differ in C alone, and share their work where pairs are fitted by themselves: of 6,000 digits, a
    # search by 20 fits took the processor 12 times as long as a fit, of 15,000 it took 8 times. Kernels have settings
    # beside C, and a fit of their search took as long as any other.
    shared = 2 * size.n_train * size.d / size.k >= SHARED_NUMBERS
    return fits / 2 if shared else fits


# Which of them a seed moves: forests and boosting always, the others where they look at a sample of many images.


def _never(size: Size) -> bool:
    return False


def _svm_samples(size: Size) -> bool:
    return size.n_train > MAX_ROWS


def _knn_samples(size: Size) -> bool:
    return size.n_train > QUERIES


def _no_memory(size: Size) -> float:
    return 0.0


def _make(model: type[ImageClassifier], seed: int) -> ImageClassifier:
    return model(random_state=seed)


def _entry(
    name: str,
    family: Family,
    line: str,
    model: type[ImageClassifier],
    seconds: Callable[[Size], float],
    space: Mapping[str, Any],
    *,
    default: bool = True,
    memory: Callable[[Size], float] = _rows_memory,
    seeded: Callable[[Size], bool] = always_seeded,
    searched: Callable[[Size, int], float] = each_by_itself,
) -> Entry:
    return Entry(
        name, family, line, partial(_make, model), space, seconds, default,
        memory=memory, seeded=seeded, searched=searched,
    )  # fmt: skip


CLASSICAL: tuple[Entry, ...] = (
    _entry(
        "majority",
        "baseline",
        "always says the most frequent class: what no model at all would get",
        Majority,
        _majority,
        {},
        memory=_no_memory,
        seeded=_never,
    ),
    _entry(
        "logistic",
        "linear",
        "one weight per pixel and class: quick, and enough where classes differ in which pixels are dark",
        Logistic,
        _logistic,
        {"C": loguniform(1e-3, 1e2)},
        seeded=_never,
    ),
    _entry(
        "linear-svm",
        "linear",
        "a straight border between each two classes: the classic yardstick for handwritten digits",
        LinearSVM,
        _linear_svm,
        # The digits study's range.
        {"C": loguniform(2**-7, 2**6)},
        memory=_svm_memory,
        seeded=_svm_samples,
        searched=_linear_search,
    ),
    _entry(
        "rbf-svm",
        "kernel",
        "smooth borders around similar images: often the best without a net, up to some ten thousand",
        RbfSVM,
        _kernel_svm,
        {"C": loguniform(1e-1, 1e3), "gamma": loguniform(1e-4, 1e0)},
        memory=_kernel_svm_memory,
        seeded=_svm_samples,
    ),
    _entry(
        "poly-svm",
        "kernel",
        "weighs two and three pixels together: close to rbf-svm, sometimes ahead on line drawings",
        PolySVM,
        _kernel_svm,
        {"C": loguniform(1e-2, 1e2), "degree": [2, 3, 4], "coef0": [0.0, 1.0]},
        default=False,
        memory=_kernel_svm_memory,
        seeded=_svm_samples,
    ),
    _entry(
        "knn",
        "neighbours",
        "the five most similar training images vote: nothing is learnt, so it shows what likeness is worth",
        KNN,
        _knn,
        {"n_neighbors": randint(1, 26), "weights": ["uniform", "distance"]},
        seeded=_never,
    ),
    _entry(
        "knn-tuned",
        "neighbours",
        "as knn, with the number of neighbours and their weights chosen on the training images",
        TunedKNN,
        _knn_tuned,
        {},
        default=False,
        seeded=_knn_samples,
    ),
    _entry(
        "forest",
        "trees",
        "two hundred trees over single pixels: no settings to get wrong, good on few and uneven images",
        Forest,
        _forest,
        {"max_features": ["sqrt", 0.02, 0.05, 0.1], "min_samples_leaf": [1, 2, 5]},
    ),
    _entry(
        "boosting",
        "trees",
        "small trees that correct each other: the usual winner on tables, a fair rival on pixels",
        Boosting,
        _boosting,
        {
            "learning_rate": loguniform(0.05, 0.5),
            "max_leaf_nodes": [7, 15, 31, 63],
            "l2_regularization": [0.0, 1.0, 10.0],
        },
        memory=_boosting_memory,
    ),
)
