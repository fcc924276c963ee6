"""One model's whole turn, as it runs in a child of its own: search, fit, time, predict, save."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, median
from time import perf_counter
from typing import Any

import numpy as np

from secondlook import seeds
from secondlook.errors import FitError
from secondlook.measure.scores import Metric, score, utility
from secondlook.models.entry import MEMORY_SHARE, Entry
from secondlook.models.probing import probe
from secondlook.models.state import TrainingState
from secondlook.models.train import INTERRUPTED, TIME_LIMIT
from secondlook.runs.machine import memory
from secondlook.types import Epoch, FloatArray, IntArray, Part

Emit = Callable[[str, dict[str, Any]], None]

# A net stops training at this share of its limit, which leaves the rest for its predictions.
TRAINING_SHARE = 0.85
# A randomised search tries so many settings, each on so many folds of the training part.
SEARCH_SETTINGS = 10
SEARCH_FOLDS = 3


@dataclass(frozen=True, eq=False)
class FitTask:
    """What a child needs. Labels of the test part are not among it.

    Attributes:
        pixels: a .npy file per part of its images (n, h, w, c), opened as memory maps; that of the test part when
            predictions are made.
        y_train, y_valid: int64 labels.
        classes: number of classes.
        seconds: the limit of the whole turn, or None; the child is killed there.
        folder: receives predictions.npz, the weights, history.json, and of nets what it takes to go on.
        class_weight: what an image of each class counts, float64 (k,); None where all count the same.
        goes_on_from: the folder of a net that was trained before and goes on.
        probe: which items of the test part are asked again after they were changed, int64 (m,); None for none.
    """

    entry: Entry
    pixels: Mapping[Part, Path]
    y_train: IntArray
    y_valid: IntArray
    classes: int
    metric: Metric
    seed: int
    tune: bool
    seconds: float | None
    folder: Path
    class_weight: FloatArray | None = None
    goes_on_from: Path | None = None
    probe: IntArray | None = None


def fit_model(task: FitTask, emit: Emit) -> dict[str, Any]:
    """Fits a model and writes what it says of all three parts.

    Events: "search" {done, total}; "epoch" {epoch, epochs, valid_accuracy, …}.

    Returns:
        The facts of its row: status ("timeout" for a net that stopped at its limit), reason, trained, stored, macs,
        fit_seconds, predict_us, params, engine; and the device, the engine's settings, and whether Ctrl-C cut it short.

    Raises:
        FitError: its probabilities are not probabilities.
    """
    began = perf_counter()
    X_train, X_valid = _images(task, "train"), _images(task, "valid")
    model = task.entry.make(seeds.integer(task.seed, "fit", task.entry.name))
    notes, params = _tune(task, model, X_train, emit)
    options = _options(task, model, began, emit)
    weights, valid_weights = (_weights(task, y) for y in (task.y_train, task.y_valid))
    started = perf_counter()
    model.fit(X_train, task.y_train, weights, valid=(X_valid, task.y_valid, valid_weights), **options)
    # Engines are chosen and compiled once on a machine: that is no property of the model.
    fit_seconds = perf_counter() - started - getattr(model, "prepare_seconds_", 0.0)
    ended = model.history_.ended if hasattr(model, "history_") else ""
    predict_us = _predict(task, model, {"train": X_train, "valid": X_valid, "test": _images(task, "test")})
    _save(model, task.folder)
    left_out = "" if ended == INTERRUPTED else _probe(task, model, predict_us, fit_seconds, began)
    return {
        "status": "timeout" if ended == TIME_LIMIT else "ok",
        "reason": "; ".join([*notes, *model.notes_, *_cut_short(model, ended)]),
        "interrupted": ended == INTERRUPTED,
        "trained": model.n_trained_,
        "stored": model.n_stored_,
        "macs": model.macs_,
        "fit_seconds": fit_seconds,
        "predict_us": predict_us,
        "params": ", ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in params.items()),
        "device": getattr(model, "device_", "cpu"),
        "engine": getattr(model, "engine_", ""),
        **_choice(model),
        "not_probed": left_out,
    }


def _choice(model: Any) -> dict[str, Any]:
    """Of a net: its engine's settings, and the seconds that it took to find and to compile it."""
    if not hasattr(model, "choice_"):
        return {}
    return {"choice": asdict(model.choice_), "prepare_seconds": round(model.prepare_seconds_, 3)}


def _weights(task: FitTask, labels: IntArray) -> FloatArray | None:
    """What each image counts."""
    return None if task.class_weight is None else task.class_weight[labels]


def _images(task: FitTask, part: Part) -> Any:
    # Copy on write: nothing writes to it, and PyTorch takes writable arrays without a copy.
    return np.load(task.pixels[part], mmap_mode="c")


def _options(task: FitTask, model: Any, began: float, emit: Emit) -> dict[str, Any]:
    """What only models that train in epochs take: progress, and the time that is left for training."""
    if not task.entry.is_net:
        return {}
    if task.seconds is not None:
        model.set_params(max_seconds=max(0.0, TRAINING_SHARE * task.seconds - (perf_counter() - began)))

    def on_epoch(epoch: Epoch) -> None:
        emit("epoch", {**vars(epoch), "epochs": model.epochs_})

    before = None if task.goes_on_from is None else TrainingState.load(task.goes_on_from)
    return {"on_epoch": on_epoch, "goes_on_from": before}


def _predict(task: FitTask, model: Any, parts: dict[str, Any]) -> float:
    """Writes the probabilities of all parts; microseconds per image of the test part, warm."""
    _probabilities(model, parts["test"][:32], task.classes)  # the first call pays for buffers and thread pools
    said: dict[str, Any] = {}
    times: list[float] = []
    while len(times) < 3 and sum(times) < 0.05:  # one call on a small part is a matter of luck
        started = perf_counter()
        said = {"test": _probabilities(model, parts["test"], task.classes)}
        times.append(perf_counter() - started)
    said |= {part: _probabilities(model, parts[part], task.classes) for part in ("train", "valid")}
    for part, table in said.items():
        if not are_probabilities(table):
            raise FitError(
                f"it answered the {part} part with numbers that are no probabilities (NaN, or sums other than 1)"
            )
    np.savez(task.folder / "predictions.npz", **said)
    return median(times) / max(len(parts["test"]), 1) * 1e6


def _probe(task: FitTask, model: Any, predict_us: float, fit_seconds: float, began: float) -> str:
    """Writes what the model says of changed test images; why not, or ""."""
    if task.probe is None:
        return ""
    return probe(
        lambda X: _probabilities(model, X, task.classes),
        _images(task, "test"),
        task.probe,
        task.folder / "probes.npz",
        seed=task.seed,
        predict_us=predict_us,
        fit_seconds=fit_seconds,
        left=None if task.seconds is None else task.seconds - (perf_counter() - began),
    )


def _probabilities(model: Any, X: Any, k: int) -> Any:
    """float32 (n, k): a class that the training part lacks gets a column of zeros."""
    found = model.predict_proba(X)
    if found.shape[1] == k:
        return found
    full = np.zeros((len(found), k), dtype=np.float32)
    full[:, model.classes_] = found
    return full


def answers(model: Any, X: Any, k: int) -> Any:
    """The same, checked.

    Raises:
        FitError: they are not probabilities.
    """
    found = _probabilities(model, X, k)
    if not are_probabilities(found):
        raise FitError("it answered with numbers that are no probabilities (NaN, or sums other than 1)")
    return found


def are_probabilities(table: Any) -> bool:
    """Whether rows are numbers that sum to 1."""
    return bool(np.isfinite(table).all() and np.allclose(table.sum(axis=1), 1, atol=1e-3))


def _tune(task: FitTask, model: Any, X: Any, emit: Emit) -> tuple[list[str], dict[str, Any]]:
    """With --tune, gives the model the settings that a search found; a note on it, and the settings."""
    if not (task.tune and task.entry.space):
        return [], {}
    folds = min(SEARCH_FOLDS, int(np.bincount(task.y_train)[np.unique(task.y_train)].min()))
    if folds < 2:
        return ["not tuned: a class has one training image only"], {}
    if X.nbytes > MEMORY_SHARE * memory():  # a fold is a copy
        return [f"not tuned: folds of {X.nbytes / 1e9:,.1f} GB of images do not fit into memory"], {}
    params, note = _search(task, model, X, folds, emit)
    model.set_params(**params)
    return [note], params


def _search(task: FitTask, model: Any, X: Any, folds: int, emit: Emit) -> tuple[dict[str, Any], str]:
    """The best settings of a randomised search with stratified folds of the training part, and a note on it.

    The mean over the folds decides; of equals, the settings drawn first.
    """
    from sklearn.model_selection import ParameterSampler, StratifiedKFold

    from secondlook.models.classical.svm import SVM

    state = seeds.integer(task.seed, "search", task.entry.name)
    # A space of fewer settings than asked for is searched as a whole.
    settings = list(ParameterSampler(task.entry.space, SEARCH_SETTINGS, random_state=state))
    cv = StratifiedKFold(folds, shuffle=True, random_state=seeds.integer(task.seed, "folds"))
    cuts = list(cv.split(np.zeros(len(task.y_train)), task.y_train))
    started = perf_counter()
    judged = _judged_together if isinstance(model, SVM) else _judged_alone
    means, failed = judged(task, model, X, settings, cuts, emit)
    found = f"best of {len(settings)} settings on {folds} folds, searched in {perf_counter() - started:.1f} s"
    if failed:
        found += f"; {failed} of {len(settings) * folds} fits failed"
    return dict(settings[int(np.argmax(means))]), found


def _judged_together(
    task: FitTask, model: Any, X: Any, settings: list[dict[str, Any]], cuts: list[Any], emit: Emit
) -> tuple[list[float], int]:
    """As `_judged_alone`, of an SVM's settings: what they have in common is fitted once, for all settings and folds."""
    from secondlook.models.classical.search import out_of_fold, probabilities

    known, y = np.unique(task.y_train, return_inverse=True)
    total = len(settings) * len(cuts)

    def done(share: float) -> None:
        emit("search", {"done": int(share * total), "total": total})

    try:
        values = out_of_fold(model, X, y, _weights(task, task.y_train), settings, cuts, done)
    except Exception:  # whatever one of them fails with, the others are judged
        return _judged_alone(task, model, X, settings, cuts, emit)
    means = []
    for own in values:
        said = np.zeros((len(y), task.classes), dtype=np.float32)
        said[:, known] = probabilities(own, y, cuts, calibrated=task.metric == "log_loss")
        means.append(mean(_utility(task, task.y_train[asked], said[asked]) for _, asked in cuts))
    return means, 0


def _judged_alone(
    task: FitTask, model: Any, X: Any, settings: list[dict[str, Any]], cuts: list[Any], emit: Emit
) -> tuple[list[float], int]:
    """Mean scores of the settings, each fitted by itself on each fold; and how many fits failed.

    Settings that cannot be fitted count as the worst; Ctrl-C ends the search, and with it the model's turn.
    """
    from sklearn.model_selection import GridSearchCV

    total, done = len(settings) * len(cuts), 0

    def scorer(fitted: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
        nonlocal done  # the weights are of the fits: settings are chosen by the plain metric, as models are
        if hasattr(fitted, "history_") and fitted.history_.ended == INTERRUPTED:
            raise KeyboardInterrupt
        done += 1
        emit("search", {"done": done, "total": total})
        return _utility(task, y, _probabilities(fitted, X, task.classes))

    grid = [{name: [value] for name, value in setting.items()} for setting in settings]
    search = GridSearchCV(model, grid, cv=cuts, scoring=scorer, refit=False, error_score=-1e9)
    weights = _weights(task, task.y_train)
    search.fit(X, task.y_train, **({} if weights is None else {"sample_weight": weights}))
    return list(search.cv_results_["mean_test_score"]), total - done


def _utility(task: FitTask, labels: Any, said: Any) -> float:
    return utility(task.metric, score(task.metric, labels, said))


def _save(model: Any, folder: Path) -> None:
    """Writes the fitted model, and how it learnt."""
    if not hasattr(model, "history_"):
        from secondlook.models.saving import save

        save(model, folder / "model.skops")
        return
    model.save(folder / "weights.safetensors")
    model.state_.save(folder)
    (folder / "history.json").write_text(json.dumps(model.history_.json()))


def _cut_short(model: Any, ended: str) -> list[str]:
    """The note on a net that did not train to its end."""
    if ended not in (TIME_LIMIT, INTERRUPTED):
        return []
    last, best = len(model.history_.epochs), model.history_.best
    how = "stopped at its time limit" if ended == TIME_LIMIT else "interrupted"
    kept = f"the best so far, epoch {best}," if model.keep == "best" else f"epoch {best}"
    return [f"{how} in epoch {last} of {model.epochs_}; {kept} was kept"]
