"""What the probe's answers mean: accuracies, intervals, paired drops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.judge.probes import MOST, sample, score_probes
from secondlook.measure.intervals import wilson
from secondlook.measure.pairs import agresti_min
from secondlook.seeds import stream
from secondlook.types import Predictions, Probes


def said(labels, right):
    """Predictions of two classes that are right where asked to be."""
    labels, right = np.asarray(labels), np.asarray(right, dtype=bool)
    answers = np.where(right, labels, 1 - labels)
    names = [f"{i}.png" for i in range(len(labels))]
    return Predictions(
        "net", "test", np.eye(2, dtype=np.float32)[answers], labels, np.arange(len(labels)), names, ("a", "b")
    )


def test_all_of_a_small_test_part_and_a_stratified_thousand_of_a_large_one_are_probed():
    small = (28, 28, 1)
    np.testing.assert_array_equal(sample(np.zeros(50, int), small, 0), np.arange(50))
    labels = np.repeat([0, 1, 2], [7000, 2999, 1])
    places = sample(labels, small, 0)
    assert len(places) == MOST
    assert (np.diff(places) > 0).all()
    np.testing.assert_allclose(np.bincount(labels[places]), [700, 299, 1], atol=1)
    assert places[-1] == 9999
    np.testing.assert_array_equal(places, sample(labels, small, 0))
    assert (places != sample(labels, small, 1)).any()
    assert len(sample(labels, (64, 64, 3), 0)) == 325
    assert len(sample(labels, (224, 224, 3), 0)) == 200


def test_a_probe_of_several_ways_counts_their_mean_and_its_interval_knows_but_the_images():
    labels = np.tile([0, 1], 100)
    right = np.ones(200, bool)
    right[:20] = False
    two = np.stack([labels, np.where(np.arange(200) < 100, 1 - labels, labels)])
    untouched, moved = score_probes(said(labels, right), {"items": np.arange(200), "shift 1": two})
    assert (untouched.probe, untouched.accuracy, untouched.drop, untouched.falls) == ("untouched", 0.9, 0.0, False)
    assert (untouched.low, untouched.high) == wilson(180, 200)
    assert (moved.probe, moved.n, moved.accuracy) == ("shift 1", 200, 0.75)
    assert (moved.low, moved.high) == wilson(150, 200)
    assert moved.drop == pytest.approx(0.15)
    # Of 80 images half a hit was lost, of 20 half a one was won.
    assert (moved.drop_low, moved.drop_high) == agresti_min(40, 10, 200)
    assert moved.falls


def test_only_the_items_that_were_probed_count():
    labels = np.tile([0, 1], 50)
    right = np.arange(100) < 50
    found = score_probes(said(labels, right), {"items": np.arange(40), "noise": labels[None, :40]})
    assert [(row.n, row.accuracy) for row in found] == [(40, 1.0), (40, 1.0)]
    assert found[1].drop_low < 0 < found[1].drop_high
    assert not found[1].falls


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 40), ways=st.integers(1, 4), seed=st.integers(0, 999))
def test_values_lie_in_their_intervals_and_drops_are_differences(n, ways, seed):
    rng = stream(seed, "probe")
    labels, right = rng.integers(0, 2, n), rng.random(n) < 0.7
    answers = {"items": np.arange(n), "noise": rng.integers(0, 2, (ways, n)), "invert": 1 - labels[None]}
    rows = score_probes(said(labels, right), answers)
    for row in rows:
        assert 0 <= row.low <= row.accuracy <= row.high <= 1
        assert -1 <= row.drop_low <= row.drop <= row.drop_high <= 1
        assert row.drop == pytest.approx(rows[0].accuracy - row.accuracy)
    assert rows[2].accuracy == 0
    kept = Probes(rows, {"knn": "too slow"}, 0.5)
    assert Probes.from_json(kept.json()) == kept
    assert list(kept.frame()["probe"]) == ["untouched", "noise", "invert"]
    assert kept.kinds == ("untouched", "noise", "invert")
    assert (kept.n, len(kept), [*kept.by_model()]) == (n, 3, ["net"])


def test_nothing_probed_is_an_empty_table():
    none = Probes()
    assert (none.n, none.kinds, none.by_model(), Probes.from_json({})) == (0, (), {}, none)
    assert list(none.frame().columns)[:3] == ["model", "probe", "n"]
