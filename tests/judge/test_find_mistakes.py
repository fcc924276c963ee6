"""Which images were missed, in which order, and by whom; from answers that are written out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_answers import CLASSES, run_of, said

from secondlook.judge.mistakes import find_mistakes, ranks, with_nearest
from secondlook.types import ImageSet, Mistakes

LABELS = [0, 0, 0, 1, 1, 2]
ONE = said([(1, 0.5), (0, 0.9), (2, 0.8), (0, 0.7), (1, 0.6), (2, 0.9)])
TWO = said([(1, 0.9), (0, 0.9), (1, 0.6), (1, 0.7), (1, 0.6), (0, 0.5)])
LAZY = said([(0, 1 / 3 + 1e-3)] * 6)


def made(model: str = "one", **more: Any) -> Mistakes:
    run, items = run_of({"test": LABELS}, {m: {"test": p} for m, p in (("one", ONE), ("two", TWO), ("lazy", LAZY))},
                        baselines=["lazy"])  # fmt: skip
    return find_mistakes(run, items, model, ("test",), **more)


def test_a_models_mistakes_stand_by_class_the_largest_loss_first() -> None:
    found = made()
    assert found.items.tolist() == [2, 0, 3]
    assert [found.classes[c] for c in found.given] == ["a", "a", "b"]
    assert [found.classes[c] for c in found.answers] == ["c", "b", "a"]
    np.testing.assert_allclose(found.confidence, [0.8, 0.5, 0.7], rtol=1e-6)
    np.testing.assert_allclose(found.loss, -np.log([0.1, 0.25, 0.15]), rtol=1e-6)
    assert list(found.names) == ["2.png", "0.png", "3.png"]
    assert found.ids.tolist() == ["id2", "id0", "id3"]
    assert found.counts == {"test": [3, 2, 1]}


def test_what_every_other_model_said_stands_beside_and_baselines_do_not_count() -> None:
    found = made()
    assert found.models == ("one", "two", "lazy")
    assert found.voters == ("one", "two")
    assert found.others == ("two", "lazy")
    assert found.said.tolist() == [[2, 1, 0], [1, 1, 0], [0, 1, 0]]
    assert found.missed_by.tolist() == [2, 2, 1]


def test_for_all_models_together_those_that_most_of_them_miss_come_first() -> None:
    found = made("all")
    # Item 2: c by one (.8) and b by two (.6): one vote each, so the more probable. Item 5: missed by two alone.
    assert found.items.tolist() == [0, 2, 3, 5]
    assert found.missed_by.tolist() == [2, 2, 1, 1]
    assert found.answers.tolist() == [1, 2, 0, 0]
    sure = [(0.5 + 0.9) / 2, (0.8 + 0.2) / 2, (0.7 + 0.15) / 2, (0.05 + 0.5) / 2]
    np.testing.assert_allclose(found.confidence, sure, rtol=1e-6)
    np.testing.assert_allclose(found.loss[:2], -np.log([[0.25, 0.05], [0.1, 0.2]]).mean(axis=1), rtol=1e-6)


def test_where_only_baselines_finished_they_count() -> None:
    run, items = run_of({"test": LABELS}, {"lazy": {"test": LAZY}}, baselines=["lazy"])
    found = find_mistakes(run, items, "all", ("test",))
    assert found.voters == ("lazy",)
    assert found.items.tolist() == [3, 4, 5]


def test_one_class_and_several_parts_can_be_asked_for() -> None:
    assert made(label=1).items.tolist() == [3]
    assert made(label=1).wanted == 1
    answers = {"test": said([(1, 0.9), (1, 0.9)]), "train": said([(1, 0.9), (0, 0.6), (2, 0.7)])}
    run, items = run_of({"test": [0, 1], "train": [1, 1, 0]}, {"m": answers})
    found = find_mistakes(run, items, "m", ("train", "test"))
    assert found.part_of.tolist() == ["train", "train", "test"]
    assert found.items.tolist() == [4, 3, 0]
    assert found.counts == {"train": [1, 2, 0], "test": [1, 1, 0]}
    assert ranks(found).tolist() == [0, 0, 0]


def test_items_without_a_label_are_no_mistakes() -> None:
    run, items = run_of({"test": [-1, 0]}, {"m": {"test": said([(1, 0.9), (1, 0.9)])}})
    found = find_mistakes(run, items, "m", ("test",))
    assert found.items.tolist() == [1]
    assert found.counts == {"test": [1, 0, 0]}


def test_a_model_that_is_always_right_has_none_and_everything_still_works() -> None:
    run, items = run_of({"test": [0, 1]}, {"m": {"test": said([(0, 0.9), (1, 0.9)])}})
    found = find_mistakes(run, items, "m", ("test",))
    assert len(found) == 0
    assert ranks(found).tolist() == []
    assert found.frame().empty
    assert found.json()["mistakes"] == []


answers = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.floats(0.35, 1)), min_size=1, max_size=20)


@given(answers)
def test_mistakes_are_just_the_wrong_answers_and_sorted(items: Sequence[tuple[int, int, float]]) -> None:
    labels, probabilities = [label for label, _, _ in items], said([(answer, sure) for _, answer, sure in items])
    run, known = run_of({"test": labels}, {"m": {"test": probabilities}})
    found = find_mistakes(run, known, "m", ("test",))
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    assert sorted(found.items.tolist()) == wrong.tolist()
    keys = [(int(c), -float(loss)) for c, loss in zip(found.given, found.loss, strict=True)]
    assert keys == sorted(keys)
    assert (found.confidence >= 1 / 3).all()
    for label in range(3):
        rows = found.rows("test", label)
        assert ranks(found)[rows].tolist() == list(range(len(rows)))


def images(n: int) -> ImageSet:
    pixels = np.arange(n, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)
    return ImageSet(pixels, np.zeros(n, np.int64), CLASSES, np.array([f"id{i}" for i in range(n)]), [""] * n, "x", "y")


def test_the_nearest_training_images_stand_beside_the_worst_of_each_class() -> None:
    run, items = run_of(
        {"test": [0, 0, 1], "train": [0, 1, 2, 0]},
        {"m": {"test": said([(1, 0.9), (1, 0.8), (0, 0.9)]), "train": said([(1, 0.9), (1, 0.9), (2, 0.9), (0, 0.9)])}},
    )
    found = with_nearest(find_mistakes(run, items, "m", ("test", "train")), images(7), items, 1)
    assert found.nearest is not None
    assert found.items.tolist() == [0, 1, 2, 3]
    # Grey i of 255 is item i: the nearest of the training items 3..6 are those with the nearest number.
    assert found.nearest.items.tolist() == [[3, 4, 5], [-1, -1, -1], [3, 4, 5], [4, 5, 6]]
    np.testing.assert_allclose(found.nearest.distances[0], np.array([3, 4, 5]) / 255, rtol=1e-5)
    assert found.nearest_of(0)[:2] == [("3.png", "a", pytest.approx(3 / 255)), ("4.png", "b", pytest.approx(4 / 255))]
    assert found.nearest_of(1) == []
    assert found.nearest.whose == "training images"


def test_in_folds_they_are_looked_for_among_all_other_images() -> None:
    run, items = run_of({"test": [0, 1, 0]}, {"m": {"test": said([(1, 0.9), (1, 0.8), (0, 0.9)])}})
    folded = replace(items, folds=np.array([[3, 1, 2], [1, 3, 1]], np.uint8))
    found = with_nearest(find_mistakes(run, items, "m", ("test",)), images(3), folded, 5)
    assert found.nearest is not None
    assert found.nearest.items.tolist() == [[1, 2, -1]]
    assert found.nearest.whose == "other images"


def test_the_table_and_the_json_say_the_same() -> None:
    run, items = run_of(
        {"test": [0, 1], "train": [0]}, {"m": {"test": said([(1, 0.9), (1, 0.8)]), "train": said([(0, 1.0)])}}
    )
    found = with_nearest(find_mistakes(run, items, "m", ("test",)), images(3), items, 5)
    table, document = found.frame(), found.json()
    assert table.columns[:9].tolist() == [
        "part", "item", "id", "name", "given", "answer", "confidence", "loss", "missed_by"
    ]  # fmt: skip
    (line,), (one,) = table.to_dict("records"), document["mistakes"]
    assert (line["given"], line["answer"], line["says m"], line["nearest_1"]) == ("a", "b", "b", "2.png")
    assert (one["given"], one["answer"], one["said"], one["name"]) == ("a", "b", {"m": "b"}, "0.png")
    assert one["nearest"] == [{"name": "2.png", "label": "a", "distance": pytest.approx(2 / 255)}]
    assert table["nearest_2"].tolist() == [None]
    assert document["counts"] == {"test": [1, 1, 0]}
