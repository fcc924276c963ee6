"""The nearest rows of bytes, against whole numbers and scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from secondlook.models.classical import KNN, TunedKNN
from secondlook.models.classical import nearest as module
from secondlook.models.classical.nearest import nearest


def by_hand(X: NDArray[np.uint8], asked: NDArray[np.uint8], k: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Squared distances of bytes and indices, in whole numbers; of equals the lower index."""
    squares = ((asked[:, None].astype(np.int64) - X[None].astype(np.int64)) ** 2).sum(axis=2)
    order = np.argsort(squares, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(squares, order, axis=1), order


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 300), st.integers(1, 20), st.integers(1, 9), st.data())
def test_the_nearest_rows_are_exact_and_of_equals_the_first(seed: int, n: int, m: int, d: int, data: Any) -> None:
    k = data.draw(st.integers(1, n))
    top = data.draw(st.sampled_from([2, 256]))  # of two values, most distances are equal
    rng = np.random.default_rng(seed)
    X, asked = (rng.integers(0, top, (rows, d), dtype=np.uint8) for rows in (n, m))
    distances, items = nearest(X, asked, k)
    squares, wanted = by_hand(X, asked, k)
    np.testing.assert_array_equal(items, wanted)
    np.testing.assert_array_equal(distances, np.sqrt(squares) / 255)


@pytest.mark.parametrize("d", [784, 1_024, 1_025, 3_000])
def test_distances_are_exact_at_the_ends_of_the_range(d: int) -> None:
    rng = np.random.default_rng(d)
    X, asked = (rng.choice(np.array([0, 1, 254, 255], np.uint8), (rows, d)) for rows in (400, 20))
    X[:50], asked[:5] = 0, 255
    X[20:30], X[30:40] = 255, 0
    # All products of one sign: sums as large as they can be.
    X[60:300], asked[5:15] = rng.integers(0, 2, (240, d)), rng.integers(254, 256, (10, d))
    distances, items = nearest(X, asked, 350)
    squares, wanted = by_hand(X, asked, 350)
    np.testing.assert_array_equal(items, wanted)
    np.testing.assert_array_equal(distances, np.sqrt(squares) / 255)


def test_neither_blocks_nor_threads_change_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    X, asked = (rng.integers(0, 256, (rows, 30), dtype=np.uint8) for rows in (500, 90))
    whole = nearest(X, asked, 7)
    monkeypatch.setattr(module, "_BLOCK", 5_000)
    monkeypatch.setattr(module, "threads", lambda: 3)
    for a, b in zip(whole, nearest(X, asked, 7), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_nearest_digits_are_scikit_learns(digits: Any) -> None:
    X, asked = (part[0].reshape(len(part[0]), -1) for part in (digits[0], digits[2]))
    distances, items = nearest(X, asked, 9)
    wanted, order = NearestNeighbors(algorithm="brute").fit(X.astype(float)).kneighbors(asked.astype(float), 9)
    np.testing.assert_allclose(distances * 255, wanted, atol=1e-9)
    alone = np.ones(items.shape, dtype=bool)  # equal distances may change places
    alone[:, 1:] &= np.diff(wanted) > 1e-9
    alone[:, :-1] &= np.diff(wanted) > 1e-9
    alone[:, -1] = False
    np.testing.assert_array_equal(items[alone], order[alone])


def test_images_learnt_as_bytes_may_be_asked_as_numbers_and_the_other_way_round(digits: Any) -> None:
    (X, y), _, (asked, _) = digits
    wanted = KNN().fit(X, y).predict_proba(asked)
    np.testing.assert_array_equal(KNN().fit(X, y).predict_proba(asked / 255), wanted)
    np.testing.assert_array_equal(KNN().fit(X / 255, y).predict_proba(asked), wanted)
    np.testing.assert_array_equal(KNN().fit(X / 255, y).predict_proba(asked / 255), wanted)


def test_knn_keeps_bytes_as_bytes(digits: Any) -> None:
    (X, y), _, _ = digits
    for model in (KNN(), TunedKNN()):
        assert model.fit(X, y).X_.dtype == np.uint8
        assert model.fit(X / 255, y).X_.dtype == np.float32
