"""The search over settings of support-vector machines, against scikit-learn's grid search."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import ref

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, ParameterSampler, StratifiedKFold
from sklearn.svm import SVC

from secondlook import seeds
from secondlook.measure.calibration import temperature
from secondlook.models import fitting
from secondlook.models.base import stratified
from secondlook.models.classical import LinearSVM, PolySVM, RbfSVM, machine, pairs
from secondlook.models.classical.search import out_of_fold, probabilities
from secondlook.models.fitting import FitTask, fit_model
from secondlook.models.ladder import ladder

CS = [2.0**power for power in (4, -7, 0, -3)]
GRIDS: list[tuple[Any, dict[str, Any], dict[str, list[Any]]]] = [
    (LinearSVM(), {"kernel": "linear"}, {"C": CS}),
    (RbfSVM(), {}, {"C": [1.0, 10.0], "gamma": [0.01, 0.1]}),
    (PolySVM(), {"kernel": "poly", "coef0": 1.0}, {"C": [0.1, 1.0], "degree": [2, 3]}),
]


def rows(X: NDArray[np.uint8]) -> NDArray[np.float32]:
    return X.reshape(len(X), -1).astype(np.float32) / 255


def folds_of(y: Any, n: int = 5) -> list[Any]:
    return list(StratifiedKFold(n).split(np.zeros(len(y)), y))


@pytest.mark.parametrize("way", ["whole", pytest.param("by pairs", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("model", "fixed", "grid"), GRIDS, ids=["linear", "rbf", "poly"])
def test_the_scores_are_grid_searchs(
    digits: Any, model: Any, fixed: Any, grid: Any, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "by pairs":
        monkeypatch.setattr(machine, "SHARED_NUMBERS", 0)
        monkeypatch.setattr(pairs, "_FEW", 40)
        monkeypatch.setattr(pairs, "_FIRST", 15)
    X, y = digits[0][0], digits[0][1].astype(np.int64)
    folds = folds_of(y)
    wanted = GridSearchCV(SVC(**fixed, break_ties=True), grid, cv=folds).fit(rows(X).astype(float), y).cv_results_
    values = out_of_fold(model, X, y, None, wanted["params"], folds)
    hits = values.argmax(axis=2) == y
    found = [np.mean([own[asked].mean() for _, asked in folds]) for own in hits]
    # libsvm's own fits agree to the last image; its tolerance may move one of 900 at a border.
    np.testing.assert_allclose(found, wanted["mean_test_score"], atol=1e-9 if way == "whole" else 1.01 / 900)


def test_images_of_weight_0_are_left_out_and_others_count_their_weight(digits: Any) -> None:
    X, y = digits[0][0][:300], digits[0][1][:300].astype(np.int64)
    weights = np.random.default_rng(0).uniform(0.2, 3, 300)
    weights[:40] = 0
    folds = folds_of(y, 3)
    (values,) = out_of_fold(LinearSVM(), X, y, weights, [{"C": 0.05}], folds)
    for train, asked in folds:
        taken = train[weights[train] > 0]
        svc = SVC(kernel="linear", C=0.05).fit(rows(X)[taken].astype(float), y[taken], weights[taken])
        np.testing.assert_allclose(values[asked], svc.decision_function(rows(X)[asked].astype(float)), atol=1e-6)


def test_too_many_images_of_a_fold_are_thinned_as_in_a_fit(digits: Any) -> None:
    X, y = digits[0][0][:300], digits[0][1][:300].astype(np.int64)
    folds = folds_of(y, 3)
    (values,) = out_of_fold(RbfSVM(max_rows=100, random_state=4), X, y, None, [{"C": 3.0, "gamma": 0.05}], folds)
    for train, asked in folds:
        taken = train[stratified(y[train], 100, 4, "svm rows")]
        svc = SVC(C=3.0, gamma=0.05).fit(rows(X)[taken].astype(float), y[taken])
        np.testing.assert_allclose(values[asked], svc.decision_function(rows(X)[asked].astype(float)), atol=1e-6)


def test_a_scale_of_c_or_gamma_is_that_of_the_fold(digits: Any) -> None:
    X, y = digits[0][0][:300], digits[0][1][:300].astype(np.int64)
    folds = folds_of(y, 3)
    for model in (LinearSVM(), RbfSVM()):
        shares: list[float] = []
        (values,) = out_of_fold(model, X, y, None, [{}], folds, shares.append)
        assert shares == sorted(set(shares))
        assert shares[-1] == 1
        for train, asked in folds:
            alone = type(model)().fit(X[train], y[train], valid=(X[train], y[train]))
            np.testing.assert_allclose(values[asked], alone.decision_values(rows(X)[asked]), atol=1e-9)


def test_a_folds_temperature_comes_from_the_other_folds() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(90) % 3
    values = rng.normal(size=(90, 3))
    values[np.arange(90), y] += 1
    folds = folds_of(y, 3)
    said = probabilities(values, y, folds, calibrated=True)
    for train, asked in folds:
        T = temperature(values[train], y[train], smooth=True)
        np.testing.assert_allclose(said[asked], softmax(values[asked] / T, axis=1), rtol=1e-5)
    plain = probabilities(values, y, folds, calibrated=False)
    np.testing.assert_allclose(plain, softmax(values, axis=1), rtol=1e-5)
    assert said.dtype == plain.dtype == np.float32


@pytest.fixture
def task(digits: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FitTask:
    """A fit of the linear SVM to digits 1 to 9 of ten classes, tuned; nothing is saved."""
    monkeypatch.setattr("secondlook.models.fitting._save", lambda model, folder: None)
    paths: dict[Any, Path] = {}
    labels = []
    for part, (X, y) in zip(("train", "valid", "test"), digits, strict=True):
        paths[part] = tmp_path / f"{part}.npy"
        np.save(paths[part], X[y > 0][:200])
        labels.append(y[y > 0][:200].astype(np.int64))
    entry = ladder()["linear-svm"]
    return FitTask(entry, paths, labels[0], labels[1], 10, "balanced_accuracy", 3, True, None, tmp_path)


@pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
def test_tuning_takes_the_setting_that_scores_best_on_the_folds(
    task: FitTask, metric: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrations: list[bool] = []

    def spy(*data: Any, calibrated: bool) -> Any:
        calibrations.append(calibrated)
        return probabilities(*data, calibrated=calibrated)

    monkeypatch.setattr("secondlook.models.classical.search.probabilities", spy)
    events: list[dict[str, Any]] = []
    facts = fit_model(replace(task, metric=metric), lambda kind, data: events.append({"kind": kind, **data}))
    X, y = np.load(task.pixels["train"]), task.y_train
    state = seeds.integer(3, "search", "linear-svm")
    settings = list(ParameterSampler(task.entry.space, 10, random_state=state))
    cv = StratifiedKFold(3, shuffle=True, random_state=seeds.integer(3, "folds"))
    folds = list(cv.split(X, y))
    scores = []
    for own in out_of_fold(LinearSVM(), X, y - 1, None, settings, folds):
        if metric == "accuracy":
            scores.append(np.mean([(own[asked].argmax(axis=1) == y[asked] - 1).mean() for _, asked in folds]))
        else:
            said = probabilities(own, y - 1, folds, calibrated=True).astype(float)
            said /= said.sum(axis=1, keepdims=True)
            scores.append(-np.mean([log_loss(y[asked], said[asked], labels=range(1, 10)) for _, asked in folds]))
    assert calibrations == [metric == "log_loss"] * 10
    assert facts["params"] == f"C={settings[int(np.argmax(scores))]['C']:.4g}"
    assert "best of 10 settings on 3 folds, searched in" in facts["reason"]
    searched = [event["done"] for event in events if event["kind"] == "search"]
    assert searched == sorted(searched)
    assert (searched[-1], events[0]["total"]) == (30, 30)


def test_a_search_gives_the_fits_their_weights(task: FitTask, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    real = out_of_fold

    def spy(model: Any, X: Any, y: Any, weights: Any, *rest: Any) -> Any:
        seen.append(weights)
        return real(model, X, y, weights, *rest)

    monkeypatch.setattr("secondlook.models.classical.search.out_of_fold", spy)
    class_weight = np.linspace(1, 2, 10)
    fit_model(replace(task, class_weight=class_weight), lambda kind, data: None)
    fit_model(task, lambda kind, data: None)
    np.testing.assert_array_equal(seen[0], class_weight[task.y_train])
    assert seen[1] is None


@pytest.mark.parametrize("metric", ["balanced_accuracy", "log_loss"])
@pytest.mark.parametrize("way", ["whole", "by pairs"])
@pytest.mark.parametrize("name", ["linear-svm", "rbf-svm"])
def test_a_class_of_weight_0_is_searched_as_one_that_is_not_there(
    task: FitTask, name: str, way: str, metric: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "by pairs":
        monkeypatch.setattr(machine, "SHARED_NUMBERS", 0)
    means: list[Any] = []
    for judged in (fitting._judged_together, fitting._judged_alone):

        def spy(*data: Any, judged: Any = judged) -> Any:
            means.append(judged(*data))
            return means[-1]

        monkeypatch.setattr(fitting, "_judged_together", spy)
        class_weight = np.where(np.arange(10) == 4, 0.0, 1.0)
        own = replace(task, entry=ladder()[name], class_weight=class_weight, metric=metric)
        facts = fit_model(own, lambda kind, data: None)
        assert "failed" not in facts["reason"]
    # Alone, a model's temperature comes from images that it holds out; answers are the same.
    if metric == "balanced_accuracy":
        np.testing.assert_allclose(means[0][0], means[1][0], atol=0.08)
        said = np.load(task.folder / "predictions.npz")["test"]
        assert not said[:, 4].any()


def test_values_of_a_class_of_weight_0_are_those_without_it(digits: Any) -> None:
    X, y = digits[0][0][:300], digits[0][1][:300].astype(np.int64)
    keep = np.flatnonzero(y != 4)
    folds = folds_of(y, 3)
    place = np.cumsum(y != 4) - 1
    fewer = [tuple(place[part[y[part] != 4]] for part in fold) for fold in folds]
    for model in (LinearSVM(C=0.1), RbfSVM(gamma=0.05), PolySVM(gamma=0.05)):
        (values,) = out_of_fold(model, X, y, (y != 4).astype(float), [{}], folds)
        (wanted,) = out_of_fold(model, X[keep], y[keep] - (y[keep] > 4), None, [{}], fewer)
        np.testing.assert_allclose(np.delete(values[keep], 4, axis=1), wanted, atol=1e-9)
        assert (values[:, 4] == -np.inf).all()
        said = probabilities(values, y, folds, calibrated=True)
        others = probabilities(wanted, y[keep] - (y[keep] > 4), fewer, calibrated=True)
        np.testing.assert_allclose(np.delete(said[keep], 4, axis=1), others, atol=1e-6)
        assert not said[:, 4].any()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning", "ignore:The total space of parameters")
def test_a_setting_that_cannot_be_fitted_counts_as_the_worst(task: FitTask) -> None:
    entry = replace(task.entry, space={"C": [0.1, -1.0]})
    facts = fit_model(replace(task, entry=entry), lambda kind, data: None)
    assert facts["params"] == "C=0.1"
    assert facts["reason"].startswith("best of 2 settings on 3 folds")
    assert "; 3 of 6 fits failed" in facts["reason"]


def test_a_search_keeps_no_machine_but_the_one_it_asks(digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[Any] = []
    most = 0
    real = RbfSVM.remember

    def spy(self: Any, X: Any, found: Any) -> None:
        nonlocal most
        real(self, X, found)
        alive.append(ref(self.support_vectors_))
        most = max(most, sum(one() is not None for one in alive))

    monkeypatch.setattr(RbfSVM, "remember", spy)
    X, y = digits[0][0][:200], digits[0][1][:200].astype(np.int64)
    out_of_fold(RbfSVM(), X, y, None, [{"C": C} for C in (0.1, 1.0, 10.0)], folds_of(y, 2))
    assert len(alive) == 6
    assert most <= 2  # the last one goes when the next takes its name
