"""Which images a run keeps small copies of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondlook.runs.pictures import in_cells, per_cell, pictures_to_keep
from secondlook.types import ImageSet, Part, Predictions


def answers(items: Sequence[tuple[int, int, float]], k: int = 3, part: Part = "test", start: int = 0) -> Predictions:
    """One model's answers from (given label, answer, its probability)."""
    labels = np.array([given for given, _, _ in items], dtype=np.int64)
    said = np.zeros((len(items), k), np.float32)
    for row, (_, answer, sure) in zip(said, items, strict=True):
        row[:] = (1 - sure) / (k - 1)
        row[answer] = sure
    where = np.arange(start, start + len(items))
    return Predictions("m", part, said, labels, where, [str(i) for i in where], tuple("abcdefghij"[:k]))


def images(n: int, shape: tuple[int, int, int] = (4, 4, 1), k: int = 3) -> ImageSet:
    return ImageSet(
        np.zeros((n, *shape), np.uint8), np.zeros(n, np.int64), tuple("abcdefghij"[:k]), np.zeros(n, "U1"), [""] * n,
        "x", "y",
    )  # fmt: skip


def test_of_every_cell_the_surest_mistake_comes_before_the_second_of_any() -> None:
    said = answers([(2, 1, 0.6), (2, 1, 0.9), (2, 1, 0.8), (0, 1, 0.5), (2, 2, 0.9), (1, 0, 0.7), (1, 0, 0.4)])
    # Turn by turn; within a turn the fuller cell first: three times 2 for 1, twice 1 for 0, once 0 for 1.
    assert in_cells(said, 9).tolist() == [1, 5, 3, 2, 6, 0]
    assert in_cells(said, 1).tolist() == [1, 5, 3]
    assert in_cells(said, 0).tolist() == []


def test_of_right_answers_the_least_sure_come_first_and_unlabelled_items_never() -> None:
    said = answers([(0, 0, 0.9), (0, 0, 0.6), (-1, 0, 0.5), (1, 1, 0.7), (1, 0, 0.7)])
    assert in_cells(said, 9, right=True).tolist() == [1, 3, 0]
    assert in_cells(said, 9).tolist() == [4]


items = st.lists(st.tuples(st.integers(-1, 2), st.integers(0, 2), st.floats(0.4, 1)), max_size=40)


@given(items, st.integers(0, 5), st.booleans())
def test_every_cell_has_its_share_and_no_item_comes_twice(found: Any, most: int, right: bool) -> None:
    said = answers(found)
    rows = in_cells(said, most, right=right)
    assert len(set(rows.tolist())) == len(rows)
    cells = said.labels * 3 + said.predicted
    for cell in range(9):
        of_cell = [i for i in range(len(cells)) if said.labels[i] >= 0 and cells[i] == cell]
        wanted = min(most, len(of_cell)) if (cell // 3 == cell % 3) == right else 0
        assert (cells[rows] == cell).sum() == wanted


@pytest.mark.parametrize(("k", "most"), [(2, 60), (5, 24), (7, 12), (345, 12)])
def test_where_cells_are_few_they_hold_more(k: int, most: int) -> None:
    assert per_cell(k) == most


def test_a_run_keeps_the_chosen_models_mistakes_on_test_and_train_and_some_of_the_others() -> None:
    test = [(0, 1, 0.9), (1, 1, 0.9), (2, 2, 0.8), (2, 0, 0.6)]
    train = [(0, 0, 0.9), (1, 2, 0.9), (2, 2, 0.7)]
    said: dict[tuple[str, Part], Predictions] = {
        ("best", "test"): answers(test),
        ("best", "train"): answers(train, part="train", start=4),
        ("other", "test"): answers([(0, 0, 0.9), (1, 1, 0.9), (2, 1, 0.8), (2, 2, 0.6)]),
    }
    kept = pictures_to_keep(images(7), "best", ["best", "other"], lambda model, part: said[model, part])
    # Mistakes on test, on train, then right answers, the least sure of a class first; the other's are in by then.
    assert kept.items.tolist() == [0, 3, 5, 1, 2]
    assert kept.pixels.shape == (5, 4, 4, 1)


def test_where_no_model_finished_nothing_is_kept() -> None:
    assert len(pictures_to_keep(images(3), "", [], lambda model, part: answers([])).items) == 0


def test_large_images_are_kept_small_and_fewer() -> None:
    many = answers([(i % 2, 1 - i % 2, 0.9) for i in range(900)], k=2)
    kept = pictures_to_keep(images(900, (100, 80, 3), 2), "m", ["m"], lambda model, part: many)
    assert kept.pixels.shape[1:] == (64, 51, 3)
    assert kept.pixels.nbytes <= 6_000_000
    assert len(kept.items) == len(set(kept.items.tolist())) <= 6_000_000 // (64 * 51 * 3)
