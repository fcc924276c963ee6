"""One model's whole turn, as it runs in a child of its own: search, fit, time, predict, save."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from secondlook import seeds
from secondlook.measure.scores import Metric, score, utility
from secondlook.models.entry import Entry
from secondlook.models.train import INTERRUPTED, TIME_LIMIT
from secondlook.types import Epoch, IntArray

Emit = Callable[[str, dict[str, Any]], None]

# A randomised search tries so many settings, each on so many folds of the training part.
SEARCH_SETTINGS = 10
SEARCH_FOLDS = 3


@dataclass(frozen=True, eq=False)
class FitTask:
    """What a child needs. Labels of the test part are not among it.

    Attributes:
        pixels: a .npy file of all images (n, h, w, c), opened as a memory map.
        train, valid, test: int64 indices into it. y_train, y_valid: int64 labels.
        classes: number of classes.
        seconds: the limit of this fit, or None.
        folder: receives predictions.npz, the weights, history.json.
    """

    entry: Entry
    pixels: Path
    train: IntArray
    valid: IntArray
    test: IntArray
    y_train: IntArray
    y_valid: IntArray
    classes: int
    metric: Metric
    seed: int
    tune: bool
    seconds: float | None
    folder: Path


def fit_model(task: FitTask, emit: Emit) -> dict[str, Any]:
    """Fits a model and writes what it says of all three parts.

    Events: "search" {done, total}, "epoch" {epoch, epochs, valid_accuracy, …}, "phase" {name} before the fit and after.

    Returns:
        The facts of its row: status ("timeout" for a net that stopped at its limit), reason, trained, stored, macs,
        fit_seconds, predict_us, params; and the device, and whether Ctrl-C cut it short.
    """
    images = np.load(task.pixels, mmap_mode="c")
    X_train, X_valid = images[task.train], images[task.valid]
    seed = seeds.integer(task.seed, "fit", task.entry.name)
    model = task.entry.make(seed)
    notes: list[str] = []
    params: dict[str, Any] = {}
    if task.tune and task.entry.space:
        params, note = _search(task, model, X_train, seed, emit)
        model.set_params(**params)
        notes.append(note)
    fit = _fit_call(task, model, emit)
    emit("phase", {"name": "fit"})
    started = perf_counter()
    fit(X_train, task.y_train, valid=(X_valid, task.y_valid))
    fit_seconds = perf_counter() - started
    emit("phase", {"name": "predict"})
    X_test = images[task.test]
    _probabilities(model, X_test[:32], task.classes)  # the first call pays for buffers and thread pools
    started = perf_counter()
    test = _probabilities(model, X_test, task.classes)
    predict_us = (perf_counter() - started) / max(len(X_test), 1) * 1e6
    np.savez(
        task.folder / "predictions.npz",
        train=_probabilities(model, X_train, task.classes),
        valid=_probabilities(model, X_valid, task.classes),
        test=test,
    )
    _save(model, task.folder)
    ended = getattr(model, "history_", None) and model.history_.ended
    notes += [*model.notes_, *_cut_short(model, ended)]
    return {
        "trained": model.n_trained_,
        "stored": model.n_stored_,
        "macs": model.macs_,
        "fit_seconds": fit_seconds,
        "predict_us": predict_us,
        "params": ", ".join(
            f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in params.items()
        ),
        "reason": "; ".join(notes),
        "status": "timeout" if ended == TIME_LIMIT else "ok",
        "interrupted": ended == INTERRUPTED,
        "device": getattr(model, "device_", "cpu"),
    }


def _fit_call(task: FitTask, model: Any, emit: Emit) -> Callable[..., Any]:
    """`model.fit`, with progress and the limit passed on to models that train in epochs."""
    if not hasattr(model, "epochs"):
        return model.fit  # type: ignore[no-any-return]
    if task.seconds is not None:
        model.set_params(max_seconds=task.seconds)

    def on_epoch(epoch: Epoch) -> None:
        emit("epoch", {**vars(epoch), "epochs": model.epochs_})

    def fit(X: Any, y: Any, valid: Any) -> Any:
        return model.fit(X, y, valid=valid, on_epoch=on_epoch)

    return fit


def _probabilities(model: Any, X: Any, k: int) -> Any:
    """float32 (n, k): a class that the training part lacks gets a column of zeros."""
    found = model.predict_proba(X)
    if found.shape[1] == k:
        return found
    full = np.zeros((len(found), k), dtype=np.float32)
    full[:, model.classes_] = found
    return full


def _search(task: FitTask, model: Any, X: Any, seed: int, emit: Emit) -> tuple[dict[str, Any], str]:
    """The best settings of a randomised search with stratified folds of the training part, and a note on it."""
    from sklearn.model_selection import ParameterSampler, RandomizedSearchCV, StratifiedKFold

    state = seeds.integer(seed, "search")
    # A space of fewer settings than asked for is searched as a whole.
    settings = len(list(ParameterSampler(task.entry.space, SEARCH_SETTINGS, random_state=state)))
    total, done = settings * SEARCH_FOLDS, 0

    def scorer(fitted: Any, X: Any, y: Any) -> float:
        nonlocal done
        done += 1
        emit("search", {"done": done, "total": total})
        return utility(task.metric, score(task.metric, y, _probabilities(fitted, X, task.classes)))

    folds = StratifiedKFold(SEARCH_FOLDS, shuffle=True, random_state=seeds.integer(seed, "folds"))
    started = perf_counter()
    search = RandomizedSearchCV(
        model,
        task.entry.space,
        n_iter=settings,
        cv=folds,
        scoring=scorer,
        refit=False,
        random_state=state,
        error_score="raise",
    ).fit(X, task.y_train)
    seconds = perf_counter() - started
    return dict(
        search.best_params_
    ), f"best of {settings} settings on {SEARCH_FOLDS} folds, searched in {seconds:.1f} s"


def _save(model: Any, folder: Path) -> None:
    """Writes the fitted model, and how it learnt."""
    if not hasattr(model, "history_"):
        from skops.io import dump

        dump(model, folder / "model.skops")
        return
    model.save(folder / "weights.safetensors")
    history = model.history_
    document = {"best": history.best, "ended": history.ended, "epochs": [vars(e) for e in history.epochs]}
    (folder / "history.json").write_text(json.dumps(document))


def _cut_short(model: Any, ended: str | None) -> list[str]:
    """The note on a net that did not train to its end."""
    if ended not in (TIME_LIMIT, INTERRUPTED):
        return []
    last, best = len(model.history_.epochs), model.history_.best
    how = "stopped at its time limit" if ended == TIME_LIMIT else "interrupted"
    return [f"{how} in epoch {last} of {model.epochs_}; the best so far, epoch {best}, was kept"]
