"""Settings of support-vector machines, judged on folds of the training images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.base import clone

from secondlook.measure.calibration import temperature
from secondlook.models.base import scaled
from secondlook.models.classical.kernels import Kernel
from secondlook.models.classical.machine import machines
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
    hardest fits. Each is fitted on all training images of its fold, up to the model's `max_rows`.

    Args:
        X: images, as `fit` takes them.
        y: their codes 0 to k-1, int64 (n,).
        sample_weight: what each image counts in the fits, float64 (n,); those of 0 are left out.
        settings: parameters of the model to try.
        folds: indices to train on, with images of every class, and indices to answer; each image is answered once.
        on_done: called with the share of the work that is done, 0 to 1.
    """
    X = scaled(np.asarray(X).reshape(len(X), -1))
    weights = np.ones(len(y)) if sample_weight is None else sample_weight
    plans = [_plan(model, X, y, weights, settings, train) for train, _ in folds]
    values = np.empty((len(settings), len(y), int(y.max()) + 1))
    # One kernel serves all folds, unless it is scaled to the images of each.
    kernels = list(dict.fromkeys(kernel for _, plan in plans for kernel, _, _ in plan))
    for place, kernel in enumerate(kernels):
        mine = [f for f, (_, plan) in enumerate(plans) if any(kernel == own for own, _, _ in plan)]
        Cs = sorted({C for f in mine for own, C, _ in plans[f][1] if own == kernel})

        def done(share: float, place: int = place) -> None:
            on_done((place + share) / len(kernels))

        for p, c, machine in machines(kernel, X, y, weights, Cs, [plans[f][0] for f in mine], done):
            (_, plan), (_, asked) = plans[mine[p]], folds[mine[p]]
            for s, (own, C, fitted) in enumerate(plan):
                if (own, C) == (kernel, Cs[c]):
                    fitted.remember(X, machine)
                    values[s, asked] = fitted.decision_values(X[asked])
    return values


def _plan(
    model: SVM, X: Any, y: IntArray, weights: FloatArray, settings: Sequence[Mapping[str, Any]], train: IntArray
) -> tuple[IntArray, list[tuple[Kernel, float, SVM]]]:
    """The rows of one fold to fit on; and of each setting the kernel, C, and the model that keeps the machine."""
    train = train[weights[train] > 0]
    rows = train[model.taken(y[train])]
    own = X[rows]
    plan = []
    for setting in settings:
        fitted = clone(model).set_params(**setting)
        fitted.classes_ = np.arange(int(y.max()) + 1)
        plan.append((*fitted.settled(own), fitted))
    return rows, plan


def probabilities(values: FloatArray, y: IntArray, folds: Folds, *, calibrated: bool) -> NDArray[np.float32]:
    """Decision values (n, k) of all images as probabilities, float32 (n, k).

    Calibrated, they are worth a log-loss: the temperature of a fold is found on the answers in the other folds, so
    that nothing is judged by its own label. It never changes an answer, and takes a while.
    """
    if not calibrated:
        return np.asarray(softmax(values, axis=1), dtype=np.float32)
    said = np.empty(values.shape, dtype=np.float32)
    for _, asked in folds:
        others = np.setdiff1d(np.arange(len(y)), asked)
        said[asked] = softmax(values[asked] / temperature(values[others], y[others], smooth=True), axis=1)
    return said
