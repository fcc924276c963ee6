"""Training sets of studies: exact in size, nested, and the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.data.subsets import Pool, hardest_order, oversampled, random_order, subset, wrong_labels


def pool(n: int = 240, k: int = 4) -> Pool:
    labels = np.random.default_rng(0).permutation(np.arange(n) % k).astype(np.int64)
    order = np.random.default_rng(1).permutation(n)
    return Pool(labels, np.sort(order[: n * 3 // 4]), np.sort(order[n * 3 // 4 :]), tuple("abcd"[:k]))


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 5))
def test_a_smaller_part_lies_within_a_larger_one_and_each_has_its_size(a: int, b: int, seed: int) -> None:
    p = pool()
    small, large = (subset(p, dict.fromkeys(range(4), n), seed) for n in sorted((a, b)))
    assert np.isin(small, large).all()
    assert np.isin(large, p.train).all()
    assert (np.bincount(p.labels[small], minlength=4) == min(a, b)).all()
    assert (np.diff(small) > 0).all()


def test_seeds_draw_other_images_and_the_same_seed_the_same() -> None:
    p, rows = pool(), dict.fromkeys(range(4), 10)
    assert (subset(p, rows, 3) == subset(p, rows, 3)).all()
    assert (subset(p, rows, 3) != subset(p, rows, 4)).any()


def test_a_class_draws_the_same_whoever_is_beside_it() -> None:
    p = pool()
    alone, among = subset(p, {2: 10}, 0), subset(p, {0: 5, 2: 10, 3: 7}, 0)
    assert np.isin(alone, among).all()


@given(st.floats(0, 0.9), st.floats(0, 0.9), st.integers(0, 3))
def test_wrong_labels_are_as_many_as_asked_and_nested(a: float, b: float, seed: int) -> None:
    p = pool()
    items = subset(p, dict.fromkeys(range(4), 40), seed)
    few, many = (wrong_labels(p, items, range(4), share, seed) for share in sorted((a, b)))
    wrong = few != p.labels[items]
    assert (np.bincount(p.labels[items][wrong], minlength=4) == round(min(a, b) * 40)).all()
    assert (many[wrong] == few[wrong]).all()


def test_wrong_labels_are_those_of_the_classes_at_hand() -> None:
    p = pool()
    items = subset(p, dict.fromkeys((0, 2), 40), 0)
    assert set(wrong_labels(p, items, (0, 2), 0.5, 0)) == {0, 2}


def test_classes_join_one_by_one() -> None:
    assert sorted(random_order(pool(), 0)) == [0, 1, 2, 3]
    assert len({random_order(pool(), seed) for seed in range(20)}) > 5


def test_a_class_without_training_images_joins_nothing() -> None:
    p = pool()
    without = Pool(p.labels, p.train[p.labels[p.train] != 1], p.test, p.classes)
    assert sorted(random_order(without, 0)) == [0, 2, 3]


def test_the_hardest_classes_are_those_that_are_taken_for_one_another() -> None:
    confusion = np.array([[90, 2, 0, 8], [1, 95, 4, 0], [0, 3, 97, 0], [12, 0, 0, 88]])
    assert hardest_order(confusion) == (0, 3, 1, 2)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_oversampling_makes_all_classes_as_large_as_the_largest(labels: list[int]) -> None:
    y = np.array(labels)
    places = oversampled(y, 0)
    counts = np.bincount(y[places])
    assert set(counts[counts > 0]) == {np.bincount(y).max()}
    assert set(places) == set(range(len(y)))
    times = np.bincount(places)
    for code in set(labels):
        assert np.ptp(times[y == code]) <= 1, "no image comes twice more often than another of its class"


def test_test_items_are_those_of_the_classes_that_are_there() -> None:
    p = pool()
    assert set(p.labels[p.test_items((1, 3))]) == {1, 3}
    assert p.counts().sum() == len(p.train)
    with pytest.raises(AttributeError):
        p.train = p.test  # type: ignore[misc]
