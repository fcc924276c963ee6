"""The vectorised bootstrap against a plain one that draws items, and against closed laws."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from cases import made

from secondlook.measure.bootstrap import draw_margins, draw_means, percentiles
from secondlook.measure.scores import Margins, confusion, overall
from secondlook.seeds import stream


def test_draws_keep_each_class_s_size_and_spread_as_drawn_items_do() -> None:
    labels, said = made(300, 4, 1.5)
    matrix = confusion(labels, said.argmax(1), 4)
    drawn = overall(draw_margins(matrix, stream(0, "test"), 4_000))
    rng, plain = np.random.default_rng(0), []
    for _ in range(600):
        items = np.concatenate([rng.choice(np.flatnonzero(labels == c), (labels == c).sum()) for c in range(4)])
        plain.append(overall(Margins.of(confusion(labels[items], said[items].argmax(1), 4))))
    for name in drawn:
        theirs = np.array([one[name] for one in plain])
        assert drawn[name].mean() == pytest.approx(theirs.mean(), abs=0.006)
        assert drawn[name].std() == pytest.approx(theirs.std(), rel=0.12)


def test_draws_of_counts_are_whole_and_no_answer_comes_from_nowhere() -> None:
    matrix = np.array([[5, 3, 0], [0, 0, 0], [1, 0, 9]])
    drawn = draw_margins(matrix, stream(0, "test"), 50)
    assert (drawn.answers.sum(axis=1) == 18).all()
    assert (drawn.labels == [8, 0, 10]).all()
    assert (drawn.hits[:, 1] == 0).all()
    assert (drawn.hits <= drawn.answers).all()


def test_means_of_draws_have_the_variance_that_theory_gives() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 500)
    values = np.stack([rng.normal(size=500) + labels, 1e3 + rng.exponential(size=500)], axis=1)
    drawn = draw_means(values, labels, stream(0, "test"), 4_000)
    assert drawn.shape == (4_000, 2)
    np.testing.assert_allclose(drawn.mean(axis=0), values.mean(axis=0), atol=0.005)
    inside = [values[labels == c] for c in range(3)]
    theory = np.sqrt(sum(len(part) * part.var(axis=0) for part in inside)) / 500
    np.testing.assert_allclose(drawn.std(axis=0), theory, rtol=0.05)


def test_the_same_stream_gives_the_same_draws() -> None:
    values, labels = np.arange(20.0)[:, None], np.arange(20) % 3
    np.testing.assert_array_equal(*(draw_means(values, labels, stream(7, "b"), 30) for _ in range(2)))
    assert not np.array_equal(*(draw_means(values, labels, stream(s, "b"), 30) for s in (1, 2)))


def test_an_interval_holds_its_value_and_stays_within_its_bounds() -> None:
    drawn = np.linspace(0.5, 0.9, 1_001)
    low, high = percentiles(0.2, drawn, 0, 1)
    assert (low, high) == pytest.approx((0.01, 0.39))
    assert percentiles(0.02, drawn, 0, 1)[0] == 0
    assert percentiles(0.99, drawn, 0, 1)[1] == 1


def test_draws_that_never_differ_say_nothing() -> None:
    assert all(isnan(end) for end in percentiles(1.0, np.ones(100), 0, 1))
    assert all(isnan(end) for end in percentiles(float("nan"), np.arange(9.0), 0, 1))
    assert all(isnan(end) for end in percentiles(0.5, np.full(9, np.nan), 0, 1))
