"""Rows from stored predictions: ranking, what counts as majority, and which mistakes are shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.measure.intervals import wilson
from secondlook.runs.jobs import Outcome
from secondlook.runs.results import facts_of, majority_share, make_row, mistakes_to_show, ranked, thumbnails
from secondlook.types import ImageSet, Predictions, Row, Split


def images(labels: list[int], k: int = 3, size: int = 8) -> ImageSet:
    n = len(labels)
    pixels = np.arange(n, dtype=np.uint8)[:, None, None, None] * np.ones((1, size, size, 1), np.uint8)
    names = tuple("abcdefghij"[:k])
    return ImageSet(
        pixels, np.array(labels), names, np.array([str(i) for i in range(n)]), [f"{i}.png" for i in range(n)], "x", "y"
    )


def split(train: list[int], valid: list[int], test: list[int]) -> Split:
    return Split(*(np.array(part, dtype=np.int64) for part in (train, valid, test)), method="given", seed=0)


def test_majority_is_the_class_most_frequent_in_training_judged_on_test() -> None:
    data = images([0, 0, 1, 1, 1, 0])
    assert majority_share(data, split([0, 1, 2], [3], [4, 5])) == 0.5
    assert majority_share(data, split([2, 3, 0], [1], [4, 5])) == 0.5
    assert majority_share(data, split([2, 3, 0], [1], [0, 5])) == 0.0


def test_without_the_test_part_a_row_has_no_test_scores() -> None:
    data, parts = images([0, 1, 2, 0, 1, 2]), split([0, 1, 2], [3, 4], [5])
    said: Any = {part: np.eye(3, dtype=np.float32)[data.labels[parts[part]]] for part in ("train", "valid", "test")}
    facts = {"status": "ok", "reason": "", "fit_seconds": 1.0, "device": "cpu"}
    row = make_row("m", facts, said, data, parts, "accuracy", test=False)
    assert (row.valid_score, row.test_accuracy, row.n_test) == (1.0, None, None)
    row = make_row("m", facts, said, data, parts, "log_loss", test=True)
    assert (row.test_accuracy, row.n_test, row.fit_seconds) == (1.0, 1, 1.0)
    assert row.valid_score == pytest.approx(0, abs=1e-6)


def test_scores_without_the_leaked_items_stand_beside_the_others() -> None:
    data, parts = images([0, 1, 2, 0, 1, 2, 0, 1]), split([0, 1, 2], [3], [4, 5, 6, 7])
    said: Any = {part: np.eye(3, dtype=np.float32)[data.labels[parts[part]]] for part in ("train", "valid", "test")}
    said["test"][0] = [1, 0, 0]  # one of four wrong, and it does not leak
    facts = {"status": "ok", "reason": "", "fit_seconds": 1.0}

    def row(*leaked: bool) -> Row:
        return make_row("m", facts, said, data, parts, "accuracy", test=True, leaked=np.array(leaked))

    found = row(False, True, False, True)
    assert (found.test_accuracy, found.n_test) == (0.75, 4)
    assert (found.clean_accuracy, found.n_clean, found.clean_balanced_accuracy) == (0.5, 2, 0.5)
    assert (found.clean_low, found.clean_high) == wilson(1, 2)
    none = row(False, False, False, False)
    assert (none.clean_accuracy, none.n_clean, none.clean_balanced_accuracy) == (None, None, None)
    every = row(True, True, True, True)
    assert (every.clean_accuracy, every.n_clean) == (None, 0)


scored = st.lists(st.one_of(st.none(), st.integers(0, 5).map(lambda i: i / 5)), min_size=1, max_size=8)


@given(scored, st.sampled_from(["accuracy", "log_loss"]))
def test_ranking_is_best_first_by_the_metric_and_those_without_a_score_last(values: Any, metric: Any) -> None:
    rows = [Row(str(i), "ok" if v is not None else "failed", valid_score=v, trained=i) for i, v in enumerate(values)]
    found = [row.valid_score for row in ranked(rows, metric)]
    known = sorted((v for v in values if v is not None), reverse=metric == "accuracy")
    assert found == [*known, *([None] * (len(values) - len(known)))]


def test_of_equals_the_smaller_model_is_first() -> None:
    rows = [Row("large", "ok", valid_score=0.9, trained=100), Row("small", "ok", valid_score=0.9, trained=1)]
    assert [row.model for row in ranked(rows, "accuracy")] == ["small", "large"]


def wrong(labels: list[int], sure: list[float], k: int = 3) -> Predictions:
    """Every answer is the class after the given one, with the given certainty."""
    n = len(labels)
    said = np.zeros((n, k), np.float32)
    said[np.arange(n), labels] = 1 - np.array(sure)
    said[np.arange(n), (np.array(labels) + 1) % k] = sure
    return Predictions("m", "test", said, np.array(labels), np.arange(n), [str(i) for i in range(n)], ("a", "b", "c"))


def test_the_surest_mistakes_are_shown_first_and_few_per_class() -> None:
    labels = [0] * 30 + [1] * 3
    shown = mistakes_to_show(wrong(labels, [0.6 + i / 100 for i in range(33)]), images(labels))
    assert shown.items.tolist() == [32, 31, 30, *range(29, 17, -1)]
    np.testing.assert_array_equal(shown.pixels[:, 0, 0, 0], shown.items)


def test_right_answers_are_no_mistakes_and_no_model_has_none() -> None:
    assert len(mistakes_to_show(wrong([0, 1], [0.1, 0.2]), images([0, 1])).items) == 0
    assert len(mistakes_to_show(None, images([0, 1])).items) == 0


def test_many_classes_share_the_room_that_there_is() -> None:
    k, n = 345, 3_450
    labels = np.arange(n) % k
    said = np.zeros((n, k), np.float32)
    said[np.arange(n), (labels + 1) % k] = 1
    predictions = Predictions("m", "test", said, labels, np.arange(n), [""] * n, tuple(map(str, range(k))))
    data = ImageSet(
        np.zeros((n, 8, 8, 1), np.uint8), labels, predictions.classes, np.zeros(n, "U1"), [""] * n, "x", "y"
    )
    shown = mistakes_to_show(predictions, data)
    assert len(shown.items) <= 480
    assert len(set((shown.items % k).tolist())) == len(shown.items), "one per class before a second of any"


@pytest.mark.parametrize(
    ("shape", "small"), [((100, 200, 3), (32, 64, 3)), ((64, 10, 1), (64, 10, 1)), ((500, 2, 1), (64, 1, 1))]
)
def test_thumbnails_are_at_most_64_pixels_and_keep_their_shape(shape: Any, small: Any) -> None:
    grey = thumbnails(np.full((2, *shape), 200, np.uint8))
    assert grey.shape == (2, *small)
    assert (grey == 200).all()
    np.testing.assert_array_equal(thumbnails(np.full((2, *shape), 0.5, np.float32)), np.full((2, *small), 128))


@pytest.mark.parametrize(
    ("outcome", "status", "reason"),
    [
        (Outcome("ok", value={"status": "ok", "reason": "enlarged"}), "ok", "enlarged"),
        (Outcome("timeout"), "timeout", "not done within its limit of 9 s"),
        (Outcome("interrupted"), "skipped", "interrupted before it was done"),
        (Outcome("failed", reason="out of memory"), "failed", "out of memory"),
    ],
)
def test_however_a_fit_ends_its_row_says_so(outcome: Outcome, status: str, reason: str) -> None:
    facts = facts_of(outcome, "its limit of 9 s")
    assert (facts["status"], facts["reason"]) == (status, reason)
