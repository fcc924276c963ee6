"""What the classical models share: counts, saving, stratified parts, pixels, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from secondlook.errors import UsageError
from secondlook.models.base import hold_out, scaled, stratified
from secondlook.models.classical import (
    CLASSICAL,
    KNN,
    InputError,
    LinearSVM,
    Logistic,
    Majority,
)
from secondlook.models.entry import Size

Part = tuple[NDArray[Any], NDArray[Any]]


def rows(X: NDArray[np.uint8]) -> NDArray[np.float32]:
    return X.reshape(len(X), -1).astype(np.float32) / 255


def test_the_counts_follow_the_table(digits: Any) -> None:
    train, valid, _ = digits
    d, k, pairs = 64, 10, 45
    model = {entry.name: entry.make(0).fit(*train, valid=valid) for entry in CLASSICAL}
    counts = {name: (m.n_trained_, m.n_stored_, m.macs_) for name, m in model.items()}
    assert counts["majority"] == (0, k, None)
    assert counts["logistic"] == (k * (d + 1), k * (d + 1), k * d)
    assert counts["linear-svm"] == (pairs * (d + 1) + 1, pairs * (d + 1) + 1, pairs * d)
    for name in ("rbf-svm", "poly-svm"):
        s = len(model[name].support_vectors_)
        assert counts[name] == (s * (k - 1) + pairs + 1, s * (k - 1) + pairs + 1 + s * d, s * (d + k - 1))
    assert counts["knn"] == counts["knn-tuned"] == (0, 900 * d, 900 * d)
    trees = [tree.tree_ for tree in model["forest"].model_.estimators_]
    splits = sum(int((tree.feature >= 0).sum()) for tree in trees)
    leaves = sum(int((tree.feature < 0).sum()) for tree in trees)
    assert counts["forest"] == (2 * splits + k * leaves, 2 * splits + k * leaves, None)
    nodes = [tree.nodes for round_ in model["boosting"].model_._predictors for tree in round_]
    leaves = sum(int(tree["is_leaf"].sum()) for tree in nodes)
    splits = sum(len(tree) for tree in nodes) - leaves
    assert counts["boosting"] == (2 * splits + leaves + k, 2 * splits + leaves + k, None)


def test_two_classes_of_the_slash_studys_size_count_901() -> None:
    X, y = np.random.default_rng(0).random((40, 30, 30)), np.arange(40) % 2
    assert Logistic().fit(X, y).n_trained_ == 901


@pytest.mark.parametrize(
    ("name", "n", "fits"), [("linear-svm", 15_000, 10), ("linear-svm", 1_000, 20), ("rbf-svm", 15_000, 20)]
)
def test_a_search_costs_a_linear_machine_of_many_images_half_its_fits(name: str, n: int, fits: float) -> None:
    (entry,) = (entry for entry in CLASSICAL if entry.name == name)
    assert entry.searched(Size(n, 500, 500, (28, 28, 1), 10), 20) == fits


def test_a_machine_takes_a_table_for_each_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    need = {}
    for count in (1, 4, 400):
        monkeypatch.setattr("secondlook.models.classical.entries.cores", lambda count=count: count)
        for entry in CLASSICAL:
            need[entry.name, count] = entry.memory(Size(30_000, 0, 0, (28, 28, 1), 10))
    for name in ("linear-svm", "rbf-svm", "poly-svm"):
        one = (need[name, 4] - need[name, 1]) / 3
        assert one == 32 * 2_000**2
        assert need[name, 400] == pytest.approx(need[name, 1] + 44 * one)  # there are 45 pairs
    assert need["forest", 4] == need["forest", 1]


@pytest.mark.parametrize("entry", CLASSICAL, ids=lambda entry: entry.name)
def test_a_model_saved_by_skops_answers_the_same(digits: Any, entry: Any) -> None:
    from skops import io

    (X, y), _, (Xt, _) = digits
    model = entry.make(0).fit(X[:200], np.array([f"digit {label}" for label in y[:200]]))
    saved = io.dumps(model)
    strange = io.get_untrusted_types(data=saved)
    assert all(name.startswith(("secondlook.models.classical.", "sklearn.", "numpy.")) for name in strange), strange
    again = io.loads(saved, trusted=strange)
    np.testing.assert_array_equal(again.predict_proba(Xt), model.predict_proba(Xt))
    np.testing.assert_array_equal(again.predict(Xt), model.predict(Xt))


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=6, max_size=60), st.integers(0, 100), st.data())
def test_a_stratified_part_keeps_every_class_in_its_share(labels: list[int], seed: int, data: Any) -> None:
    y = np.unique(labels, return_inverse=True)[1]
    k = int(y.max()) + 1
    size = data.draw(st.integers(k, len(y)))
    part = stratified(y, size, seed, "test")
    counts, whole = np.bincount(y[part], minlength=k), np.bincount(y)
    assert len(np.unique(part)) == len(part) == size
    assert counts.min() >= 1
    # Each class is rounded up to one item at most, and the others share what that takes.
    assert (np.abs(counts - whole * size / len(y)) <= 1 + k * whole / len(y)).all()


def test_a_stratified_part_of_uneven_classes_is_as_uneven() -> None:
    y = np.repeat([0, 1, 2], [900, 90, 10])
    counts = np.bincount(y[stratified(y, 100, 0, "test")])
    np.testing.assert_allclose(counts, [90, 9, 1], atol=1)


def test_the_tenth_held_out_is_a_tenth_and_leaves_every_class_to_train_on() -> None:
    y = np.array([0] * 50 + [1] * 49 + [2])
    train, held = hold_out(y, seed=0)
    assert (len(train), len(held)) == (90, 10)
    assert set(y[train]) == {0, 1, 2}
    assert np.intersect1d(train, held).size == 0
    assert not np.array_equal(held, hold_out(y, seed=1)[1])


def test_pixels_become_float32_once() -> None:
    X = np.arange(256, dtype=np.uint8).reshape(2, 128)
    assert scaled(X).dtype == np.float32
    np.testing.assert_array_equal(scaled(X), scaled(X / 255))
    np.testing.assert_array_equal(scaled(X.astype(np.int64)), X.astype(np.float32))


def test_validation_labels_unknown_to_training_are_left_out(digits: Any) -> None:
    train, (Xv, yv), (X, _) = digits
    odd = (np.concatenate([Xv, Xv[:5]]), np.concatenate([yv, np.full(5, 77)]))
    np.testing.assert_array_equal(
        LinearSVM().fit(*train, valid=odd).predict_proba(X), LinearSVM().fit(*train, valid=(Xv, yv)).predict_proba(X)
    )


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (
            lambda m, X, y: m.fit(X[..., None], y),
            r"expected images as \(n, h, w\).*got an array of shape \(20, 4, 5, 1",
        ),
        (lambda m, X, y: m.fit(X, y).predict(X.reshape(20, 5, 4, 1)), r"\(4, 5, 1\) as in training, got \(5, 4, 1\)"),
        (lambda m, X, y: m.fit(X, y * 0), r"expected labels of two classes or more, got one class \(0\): add images"),
        (lambda m, X, y: m.fit(X, y, np.ones(7)), r"one sample weight per image, 20, got an array of shape \(7,\)"),
        (lambda m, X, y: m.fit(X, y, np.zeros(20)), "expected sample weights of 0 or more, not all zero, got 0 to 0"),
        (
            lambda m, X, y: m.fit(X, y, y - 0.5),
            r"expected sample weights of 0 or more, not all zero, got -0\.5 to 0\.5",
        ),
        (lambda m, X, y: KNN(n_neighbors=0).fit(X, y), "expected n_neighbors of 1 or more, got 0"),
        (lambda m, X, y: KNN(weights="near").fit(X, y), "expected weights 'uniform' or 'distance', got 'near'"),
    ],
    ids=["5-d", "other shape", "one class", "weights' length", "weights zero", "weights negative", "k", "voting"],
)
def test_wrong_input_is_answered_in_one_sentence(ask: Any, sentence: str) -> None:
    X, y = np.random.default_rng(0).integers(0, 256, (20, 4, 5, 1), dtype=np.uint8), np.arange(20) % 2
    with pytest.raises(InputError, match=sentence) as caught:
        ask(Majority(), X, y)
    assert isinstance(caught.value, UsageError)
    assert isinstance(caught.value, ValueError)
    assert "\n" not in str(caught.value)
