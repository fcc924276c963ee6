"""Settings of support-vector machines, judged on folds of the training images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.base import clone

from secondlook.measure.calibration import temperature
from secondlook.models.base import scaled
from secondlook.models.classical.kernels import Kernel
from secondlook.models.classical.machine import Machine, machines
from secondlook.models.classical.svm import SVM
from secondlook.types import FloatArray, IntArray

Folds = Sequence[tuple[IntArray, IntArray]]


def out_of_fold(
    model: SVM,
    X: Any,
    y: IntArray,
    sample_weight: FloatArray | None,
    settings: Sequence[Mapping[str, Any]],
    folds: Folds,
    on_done: Callable[[float], None] = lambda share: None,
) -> FloatArray:
    """Decision values of images by machines that were not fitted on them, float64 (settings, n, k).

    Machines that share a kernel are fitted together (see `machines`): a search over C costs little more than its
    hardest fits. Each is fitted on all training images of its fold, up to the model's `max_rows`. A class of which no
    image counts is as one that is not there: its values are -inf.

    Args:
        X: images, as `fit` takes them.
        y: their codes 0 to k-1, int64 (n,).
        sample_weight: what each image counts in the fits, float64 (n,); those of 0 are left out.
        settings: parameters of the model to try.
        folds: indices to train on, with images that count of every class that has any, and indices to answer; each
            image is answered once.
        on_done: called with the share of the work that is done, 0 to 1.
    """
    X = scaled(np.asarray(X).reshape(len(X), -1))
    weights = np.ones(len(y)) if sample_weight is None else sample_weight
    known = np.unique(y[weights > 0])
    # Images of other classes are in no fit: theirs is any code.
    codes = np.where(weights > 0, np.searchsorted(known, y), 0)
    plans = [_plan(model, X, codes, weights, settings, train) for train, _ in folds]
    values = np.full((len(settings), len(y), int(y.max()) + 1), -np.inf)
    for f, kernel, C, machine in _fitted(X, codes, weights, plans, on_done):
        asked = folds[f][1]
        for s, (own, own_c, settled) in enumerate(plans[f].wanted):
            if (own, own_c) == (kernel, C):
                fitted = copy(settled)  # gone at once: it may keep many images
                fitted.remember(X, machine)
                values[s][np.ix_(asked, known)] = fitted.decision_values(X[asked])
    return values


class _Plan(NamedTuple):
    """The rows of one fold to fit on, int64; and of each setting the kernel, C and a model that has no machine yet."""

    rows: IntArray
    wanted: list[tuple[Kernel, float, SVM]]


def _plan(
    model: SVM, X: Any, y: IntArray, weights: FloatArray, settings: Sequence[Mapping[str, Any]], train: IntArray
) -> _Plan:
    train = train[weights[train] > 0]
    rows = train[model.taken(y[train])]
    own = X[rows]
    wanted = []
    for setting in settings:
        settled = clone(model).set_params(**setting)
        settled.classes_ = np.unique(y[rows])
        wanted.append((*settled.settled(own), settled))
    return _Plan(rows, wanted)


def _fitted(
    X: Any, y: IntArray, weights: FloatArray, plans: Sequence[_Plan], on_done: Callable[[float], None]
) -> Iterator[tuple[int, Kernel, float, Machine]]:
    """Every machine that a setting of a fold wants, and more where folds want other C: (fold, kernel, C, machine)."""
    # One kernel serves all folds, unless it is scaled to the images of each.
    kernels = list(dict.fromkeys(kernel for plan in plans for kernel, _, _ in plan.wanted))
    for place, kernel in enumerate(kernels):
        mine = [f for f, plan in enumerate(plans) if any(kernel == own for own, _, _ in plan.wanted)]
        Cs = sorted({C for f in mine for own, C, _ in plans[f].wanted if own == kernel})

        def done(share: float, place: int = place) -> None:
            on_done((place + share) / len(kernels))

        for p, c, machine in machines(kernel, X, y, weights, Cs, [plans[f].rows for f in mine], done):
            yield mine[p], kernel, Cs[c], machine


def probabilities(values: FloatArray, y: IntArray, folds: Folds, *, calibrated: bool) -> NDArray[np.float32]:
    """Decision values (n, k) of all images as probabilities, float32 (n, k).

    Calibrated, they are worth a log-loss: the temperature of a fold is found on the answers in the other folds, so
    that nothing is judged by its own label. It never changes an answer, and takes a while. Images of a class that no
    machine knows, of values of -inf, have no say in it.
    """
    if not calibrated:
        return np.asarray(softmax(values, axis=1), dtype=np.float32)
    said = np.empty(values.shape, dtype=np.float32)
    known = np.flatnonzero(np.isfinite(values).all(axis=0))
    codes = np.searchsorted(known, y)
    for _, asked in folds:
        others = np.setdiff1d(np.flatnonzero(np.isin(y, known)), asked)
        T = temperature(values[np.ix_(others, known)], codes[others], smooth=True)
        said[asked] = softmax(values[asked] / T, axis=1)
    return said
