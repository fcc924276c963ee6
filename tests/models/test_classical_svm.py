"""Support-vector machines against scikit-learn's SVC and its temperature scaling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.svm import SVC

from secondlook.models.classical import (
    LinearSVM,
    PolySVM,
    RbfSVM,
)
from secondlook.models.classical.svm import _one_vs_rest, _square

Part = tuple[NDArray[Any], NDArray[Any]]


def rows(X: NDArray[np.uint8]) -> NDArray[np.float32]:
    return X.reshape(len(X), -1).astype(np.float32) / 255


def few_classes(part: Part, k: int) -> Part:
    keep = part[1] < k
    return part[0][keep], part[1][keep]


@pytest.mark.parametrize("k", [2, 3, 10])
@pytest.mark.parametrize(
    ("model", "kernel"),
    [
        (LinearSVM(C=0.5), {"kernel": "linear", "C": 0.5}),
        (RbfSVM(C=5.0), {"C": 5.0}),
        (RbfSVM(C=5.0, gamma=0.3), {"C": 5.0, "gamma": 0.3}),
        (PolySVM(C=0.1), {"kernel": "poly", "coef0": 1.0, "C": 0.1}),
        (PolySVM(C=1.0, degree=2, coef0=0.0), {"kernel": "poly", "degree": 2, "C": 1.0}),
    ],
    ids=["linear", "rbf", "rbf-gamma", "poly", "poly-2"],
)
def test_svm_decision_values_equal_svcs(digits: Any, model: Any, kernel: dict[str, Any], k: int) -> None:
    train, valid, (X, _) = (few_classes(part, k) for part in digits)
    model = model.fit(*train, valid=valid)
    svc = SVC(**kernel, break_ties=True).fit(rows(train[0]).astype(float), train[1])
    wanted = svc.decision_function(rows(X).astype(float))
    wanted = np.column_stack([-wanted, wanted]) if k == 2 else wanted
    np.testing.assert_allclose(model.decision_values(rows(X)), wanted, atol=1e-6)
    np.testing.assert_array_equal(model.predict(X), svc.predict(rows(X).astype(float)))


def test_svm_decision_values_do_not_depend_on_the_block(digits: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    train, valid, (X, _) = digits
    model = RbfSVM().fit(*train, valid=valid)
    whole = model.decision_values(rows(X))
    monkeypatch.setattr("secondlook.models.classical.svm.BLOCK", 10_000)
    np.testing.assert_allclose(model.decision_values(rows(X)), whole, atol=1e-9)


@given(st.integers(3, 7), st.integers(1, 5), st.integers(0, 2**31))
def test_one_vs_rest_equals_scikit_learns(k: int, n: int, seed: int) -> None:
    from sklearn.utils.multiclass import _ovr_decision_function

    # Whole numbers, so that zeros and equal votes occur.
    pairs = np.random.default_rng(seed).integers(-2, 3, (n, k * (k - 1) // 2)).astype(float)
    np.testing.assert_allclose(
        _one_vs_rest(_square(pairs, k)), _ovr_decision_function(pairs < 0, -pairs, k), atol=1e-12
    )


@pytest.mark.parametrize("k", [2, 10])
def test_svm_probabilities_equal_scikit_learns_temperature_scaling(digits: Any, k: int) -> None:
    train, (Xv, yv), (X, _) = (few_classes(part, k) for part in digits)
    model = LinearSVM().fit(*train, valid=(Xv, yv))
    svc = SVC(kernel="linear", C=model.C_).fit(rows(train[0]).astype(float), train[1])
    # Platt's targets, spelt out: each image occurs once per class, weighted by what the class counts for it.
    n, rest = len(yv), 1 / (len(yv) + 2)
    labels = np.tile(np.arange(k), n)
    weights = np.where(labels == np.repeat(yv, k), 1 - rest, rest / (k - 1))
    reference = CalibratedClassifierCV(FrozenEstimator(svc), method="temperature", ensemble=False)
    with pytest.warns(UserWarning, match="sample weights will only be used for the calibration itself"):
        reference.fit(rows(Xv).astype(float).repeat(k, axis=0), labels, weights)
    np.testing.assert_allclose(model.predict_proba(X), reference.predict_proba(rows(X).astype(float)), atol=1e-4)


def test_svm_probabilities_stay_short_of_certain_when_validation_has_no_errors(digits: Any) -> None:
    train, valid, _ = (few_classes(part, 2) for part in digits)
    assert RbfSVM().fit(*train, valid=valid).score(*valid) == 1
    P = RbfSVM().fit(*train, valid=valid).predict_proba(valid[0])
    assert 0.95 < P.max(axis=1).mean() < 1 - 1e-4


def test_svm_c_does_not_depend_on_the_scale_of_the_pixels(digits: Any) -> None:
    train, valid, (X, _) = digits
    dark = LinearSVM().fit(rows(train[0]) / 16, train[1], valid=(rows(valid[0]) / 16, valid[1]))
    plain = LinearSVM().fit(rows(train[0]), train[1], valid=(rows(valid[0]), valid[1]))
    np.testing.assert_allclose(dark.C_, 256 * plain.C_, rtol=1e-4)
    assert (dark.predict(rows(X) / 16) == plain.predict(rows(X))).mean() > 0.99


def test_a_linear_svm_is_fitted_on_images_that_are_all_equal() -> None:
    X, y = np.full((20, 3, 3), 7, np.uint8), np.arange(20) % 2
    assert LinearSVM().fit(X, y).predict_proba(X).shape == (20, 2)


def test_an_svm_takes_a_stratified_part_of_too_many_images_and_says_so(digits: Any) -> None:
    train, valid, (X, y) = digits
    model = RbfSVM(max_rows=300, random_state=1).fit(*train, valid=valid)
    assert model.notes_ == ("fitted on 300 of 900 images: an exact SVM's time grows with the square of them",)
    assert len(model.support_vectors_) <= 300
    assert (model.predict(X) == y).mean() > 0.9


@given(st.integers(0, 2**31), st.floats(1e-3, 1e3))
def test_temperature_never_changes_an_answer(seed: int, beta: float) -> None:
    values = np.random.default_rng(seed).normal(size=(20, 4)).round(2)
    P = softmax(beta * values, axis=1).astype(np.float32)
    assert (values[np.arange(20), P.argmax(axis=1)] >= values.max(axis=1) - 1e-3 / beta).all()
