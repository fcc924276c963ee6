"""The child's part of the probe: which images are changed, how, and what is written of the answers."""

from __future__ import annotations

import numpy as np
import pytest

from secondlook.data.transform import invert, noise, rotate, shift
from secondlook.models import probing
from secondlook.models.probing import probe, probes, read_probes, ways
from secondlook.seeds import stream


def pictures(n=12, size=10, dtype=np.uint8):
    images = stream(0, "pictures").integers(0, 256, (n, size, size, 1)).astype(np.uint8)
    return images if dtype == np.uint8 else (images / 255).astype(np.float32)


def brightest_row(images):
    """One class per row: which is brightest. A model that a shift down moves by one class."""
    sums = images.astype(np.float64).sum(axis=(2, 3))
    return (sums == sums.max(axis=1, keepdims=True)).astype(np.float32)


def asked(images, items, path, **more):
    given = {"seed": 0, "predict_us": 1.0, "fit_seconds": 0.0, "left": None, **more}
    return probe(brightest_row, images, np.asarray(items), path / "probes.npz", **given)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_every_probe_keeps_the_answer_to_each_way_it_changes_each_image(tmp_path, dtype):
    images, items = pictures(dtype=dtype), np.array([1, 4, 7])
    assert asked(images, items, tmp_path) == ""
    found = read_probes(tmp_path / "probes.npz")
    assert [*found] == ["items", "shift 1", "shift 2", "shift 3", "shift 4", "rotate 15", "noise", "invert"]
    np.testing.assert_array_equal(found["items"], items)
    assert [len(found[name]) for name in found if name != "items"] == [4, 4, 4, 4, 2, 1, 1]
    some = images[items]
    expected = {
        "shift 2": [shift(some, -2, 0), shift(some, 2, 0), shift(some, 0, -2), shift(some, 0, 2)],
        "rotate 15": [rotate(some, -15), rotate(some, 15)],
        "noise": [noise(some, 0.1, rng=stream(0, "probe", "noise"))],
        "invert": [invert(some)],
    }
    for name, changed in expected.items():
        np.testing.assert_array_equal(found[name], [brightest_row(x).argmax(axis=1) for x in changed])
        assert found[name].dtype == np.uint16


def test_images_in_blocks_give_the_same_answers_as_all_at_once(tmp_path, monkeypatch):
    images, items = pictures(40), np.arange(40)
    asked(images, items, tmp_path)
    whole = read_probes(tmp_path / "probes.npz")
    monkeypatch.setattr(probing, "_BLOCK_NUMBERS", 700)
    asked(images, items, tmp_path)
    for name, table in read_probes(tmp_path / "probes.npz").items():
        np.testing.assert_array_equal(table, whole[name])


def test_small_images_are_shifted_by_less_than_half_of_them():
    assert [*probes((28, 28, 1), 0)][:4] == ["shift 1", "shift 2", "shift 3", "shift 4"]
    assert [*probes((8, 20, 1), 0)][:4] == ["shift 1", "shift 2", "shift 3", "rotate 15"]
    assert [*probes((2, 2, 1), 0)] == ["rotate 15", "noise", "invert"]
    assert (ways((28, 28, 1)), ways((8, 20, 1)), ways((2, 2, 1))) == (20, 16, 4)


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"predict_us": 1e5, "fit_seconds": 239.0}, "to answer 240 changed images would take it about 24 s"),
        ({"predict_us": 1e4, "left": 3.0}, "to answer 240 changed images would take it about 2 s"),
        ({"predict_us": 1.0, "left": -1.0}, "to answer 240 changed images would take it about 0 s"),
    ],
    ids=["slow", "little time left", "none left"],
)
def test_a_model_that_would_take_too_long_is_left_out_and_writes_nothing(tmp_path, more, reason):
    assert asked(pictures(), np.arange(12), tmp_path, **more) == reason
    assert read_probes(tmp_path / "probes.npz") == {}


def test_a_model_that_took_long_to_fit_may_take_long_to_be_probed(tmp_path):
    assert asked(pictures(), np.arange(12), tmp_path, predict_us=1e5, fit_seconds=241.0) == ""


def test_a_model_that_takes_longer_than_it_was_thought_to_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(probing, "MOST_SECONDS", 0.0)
    reason = asked(pictures(), np.arange(12), tmp_path, predict_us=0.0)
    assert reason == "its answers to 240 changed images took longer than 0 s"
    assert read_probes(tmp_path / "probes.npz") == {}
