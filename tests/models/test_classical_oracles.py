"""The classical models against scikit-learn's own, with the same parameters."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier

from secondlook.models.classical import (
    CLASSICAL,
    KNN,
    Boosting,
    Forest,
    Logistic,
    Majority,
    TunedKNN,
)

Part = tuple[NDArray[Any], NDArray[Any]]


def rows(X: NDArray[np.uint8]) -> NDArray[np.float32]:
    return X.reshape(len(X), -1).astype(np.float32) / 255


def test_majority_equals_the_dummy_classifier(digits: Any) -> None:
    (X, y), _, _ = digits
    weights = np.random.default_rng(0).random(len(y))
    model, dummy = Majority().fit(X, y, weights), DummyClassifier(strategy="prior").fit(rows(X), y, weights)
    np.testing.assert_allclose(model.predict_proba(X), dummy.predict_proba(rows(X)), rtol=1e-6)
    np.testing.assert_array_equal(model.predict(X), dummy.predict(rows(X)))


def test_logistic_equals_logistic_regression(digits: Any) -> None:
    (X, y), _, (Xt, _) = digits
    model, reference = Logistic(C=0.3).fit(X, y), LogisticRegression(C=0.3, max_iter=200).fit(rows(X), y)
    np.testing.assert_allclose(model.predict_proba(Xt), reference.predict_proba(rows(Xt)), atol=1e-3)
    np.testing.assert_array_equal(model.predict(Xt), reference.predict(rows(Xt)))


def test_logistic_stops_without_a_warning_and_notes_it(digits: Any) -> None:
    (X, y), _, _ = digits
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = Logistic(max_iter=3).fit(X, y)
    assert model.notes_ == ("stopped after 3 steps, before it had converged",)
    assert Logistic().fit(X, y).notes_ == ()


@pytest.mark.parametrize("voting", ["uniform", "distance"])
@pytest.mark.parametrize("k", [1, 4, 5])
def test_knn_equals_k_neighbors_classifier(digits: Any, k: int, voting: Any) -> None:
    (X, y), _, (Xt, _) = digits
    model = KNN(n_neighbors=k, weights=voting).fit(X, y)
    reference = KNeighborsClassifier(k, weights=voting, algorithm="brute").fit(rows(X), y)
    both = np.concatenate([Xt, X[:50]])
    np.testing.assert_allclose(model.predict_proba(both), reference.predict_proba(rows(both)), atol=1e-6)
    np.testing.assert_array_equal(model.predict(both), reference.predict(rows(both)))


def test_a_training_image_asked_by_distance_is_answered_by_its_equals() -> None:
    X = np.array([[0, 0], [0, 0], [0, 1], [5, 5]], np.float32)
    P = KNN(n_neighbors=3, weights="distance").fit(X, [0, 1, 1, 1], sample_weight=[3, 1, 1, 1]).predict_proba(X[:1])
    np.testing.assert_allclose(P, [[0.75, 0.25]])


def test_knn_with_fewer_images_than_neighbours_says_so() -> None:
    model = KNN().fit(np.eye(4, dtype=np.float32), [0, 0, 0, 1])
    assert model.notes_ == ("k is 4, not 5: there are no more training images",)
    np.testing.assert_allclose(model.predict_proba(np.eye(4, dtype=np.float32)[:1]), [[0.75, 0.25]])


def test_tuned_knn_scores_equal_leave_one_out(digits: Any) -> None:
    X, y = digits[0][0][:200], digits[0][1][:200]
    model = TunedKNN(neighbors=(1, 4)).fit(X, y)
    for k, voting in ((1, "uniform"), (4, "uniform"), (4, "distance")):
        reference = KNeighborsClassifier(k, weights=voting, algorithm="brute")
        answers = cross_val_predict(reference, rows(X).astype(float), y, cv=LeaveOneOut())
        recall = np.mean([(answers[y == c] == c).mean() for c in range(10)])
        assert model.cv_scores_[f"k = {k}, {voting}"] == pytest.approx(recall, abs=1e-9)
    assert model.cv_scores_[f"k = {model.n_neighbors_}, {model.weights_}"] == max(model.cv_scores_.values())


def test_tuned_knn_answers_as_knn_with_what_it_chose(digits: Any) -> None:
    (X, y), _, (Xt, _) = digits
    tuned = TunedKNN().fit(X, y)
    plain = KNN(n_neighbors=tuned.n_neighbors_, weights=tuned.weights_).fit(X, y)
    np.testing.assert_array_equal(tuned.predict_proba(Xt), plain.predict_proba(Xt))


def test_tuned_knn_copes_with_many_equal_images() -> None:
    X, y = np.zeros((40, 2, 2), np.uint8), np.arange(40) % 2
    assert TunedKNN().fit(X, y).n_neighbors_ in (1, 3, 5, 7, 9, 15, 25)


def test_forest_equals_random_forest(digits: Any) -> None:
    (X, y), _, (Xt, _) = digits
    model = Forest(n_estimators=20, random_state=3).fit(X, y)
    reference = RandomForestClassifier(20, random_state=3).fit(rows(X), y, np.ones(len(y)))
    np.testing.assert_allclose(model.predict_proba(Xt), reference.predict_proba(rows(Xt)), atol=1e-7)


def test_a_forest_of_many_classes_is_limited_and_says_so(digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (X, y), _, _ = digits
    monkeypatch.setattr("secondlook.models.classical.trees._FOREST_NUMBERS", 2 * 10 * 5 * 30)
    model = Forest(n_estimators=5).fit(X, y)
    assert model.notes_ == ("trees were limited to 30 leaves each: 10 classes in every leaf take memory",)
    assert max(tree.get_n_leaves() for tree in model.model_.estimators_) == 30


def test_a_forest_of_too_many_images_and_classes_sees_fewer_and_says_so(
    digits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (X, y), _, _ = digits
    monkeypatch.setattr("secondlook.models.classical.trees._FOREST_WORK", 300 * 5 * 25 * 8)
    model = Forest(n_estimators=5).fit(X, y)
    assert model.notes_ == ("each tree saw 300 of 900 images: its time grows with images x classes",)
    assert {int(tree.tree_.weighted_n_node_samples[0]) for tree in model.model_.estimators_} == {300}


def test_boosting_equals_hist_gradient_boosting(digits: Any) -> None:
    (X, y), (Xv, yv), (Xt, _) = digits
    model = Boosting(max_iter=15).fit(X, y, valid=(Xv, yv))
    reference = HistGradientBoostingClassifier(
        learning_rate=0.2, max_iter=15, max_bins=63, early_stopping=True, n_iter_no_change=5, random_state=0
    ).fit(rows(X), y, X_val=rows(Xv), y_val=yv)
    np.testing.assert_allclose(model.predict_proba(Xt), reference.predict_proba(rows(Xt)), atol=1e-7)


def test_boosting_limits_its_rounds_then_its_images_and_says_so(digits: Any) -> None:
    (X, y), (Xv, yv), (Xt, yt) = digits
    model = Boosting(max_work=900 * 64 * 10 * 20).fit(X, y, valid=(Xv, yv))
    assert model.notes_ == ("limited to 20 rounds of 60: each grows 10 trees",)
    assert model.n_iter_ <= 20
    model = Boosting(max_work=300 * 64 * 10 * 10).fit(X, y, valid=(Xv, yv))
    assert model.notes_ == (
        "limited to 10 rounds of 60: each grows 10 trees",
        "fitted on 300 of 900 images: its time grows with images x classes",
    )
    assert (model.predict(Xt) == yt).mean() > 0.7


@pytest.fixture(scope="module")
def slash() -> tuple[Part, Part, Part]:
    """The slash study's own file: 600 images to train, 150 to validate, 250 to test."""
    root = os.environ.get("SECONDLOOK_DATA")
    if not root:
        pytest.skip("SECONDLOOK_DATA is not set: the slash study's file is not at hand")
    with np.load(Path(root) / "slash" / "slash_data.npz") as file:
        X, y = file["x"], file["y"]
    order = np.random.default_rng(0).permutation(len(X))
    return tuple((X[part], y[part]) for part in np.split(order, [600, 750]))  # type: ignore[return-value]


def test_tuned_knn_takes_one_neighbour_on_the_slash_studys_file(slash: tuple[Part, Part, Part]) -> None:
    train, valid, (X, y) = slash
    model = TunedKNN().fit(*train, valid=valid)
    assert model.n_neighbors_ == 1
    assert (model.predict(X) == y).mean() > 0.8


@pytest.mark.parametrize(
    "name",
    ["logistic", "linear-svm", "rbf-svm", "poly-svm", "forest", pytest.param("boosting", marks=pytest.mark.slow)],
)
def test_only_looking_alike_helps_on_the_slash_studys_file(slash: tuple[Part, Part, Part], name: str) -> None:
    train, valid, (X, y) = slash
    model = {entry.name: entry for entry in CLASSICAL}[name].make(0).fit(*train, valid=valid)
    assert (model.predict(X) == y).mean() < 0.65
