"""A net under scikit-learn's contract: it learns, says how, and keeps what prediction needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

from secondlook.errors import FitError
from secondlook.models.engines.torch_net import build
from secondlook.models.net import parse
from secondlook.models.net_classifier import NetClassifier

SMALL = "conv 4 3x3, bn, relu, maxpool 2, dense 16, relu"


@pytest.fixture(scope="module")
def fitted(digits: Any) -> NetClassifier:
    (X, y), valid, _ = digits
    return NetClassifier(SMALL, epochs=15, learning_rate=5e-3, random_state=1).fit(X, y, valid=valid)


def test_a_small_net_reads_digits(fitted: NetClassifier, digits: Any) -> None:
    X, y = digits[2]
    assert (fitted.predict(X) == y).mean() > 0.88


def test_the_kept_epoch_is_the_one_with_the_lowest_validation_loss(fitted: NetClassifier, digits: Any) -> None:
    losses = [epoch.valid_loss for epoch in fitted.history_.epochs]
    assert fitted.history_.best == int(np.argmin(losses)) + 1
    X, y = digits[1]
    P = fitted.predict_proba(X)
    assert -np.log(P[np.arange(len(y)), y]).mean() == pytest.approx(min(losses), rel=1e-4)
    kept = fitted.history_.epochs[fitted.history_.best - 1]
    assert (fitted.predict(X) == y).mean() == pytest.approx(kept.valid_accuracy)


def test_saved_weights_and_metadata_are_all_that_prediction_needs(
    fitted: NetClassifier, digits: Any, tmp_path: Path
) -> None:
    fitted.save(tmp_path / "w.safetensors")
    with safe_open(tmp_path / "w.safetensors", "np") as file:
        known = json.loads(file.metadata()["secondlook"])
        weights = {name: torch.from_numpy(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    module = build(parse(known["net"]), tuple(known["image"]), len(known["classes"])).eval()
    module.load_state_dict(weights)
    X, _ = digits[2]
    x = (X.astype(np.float32) - known["mean"]) / known["scale"]
    with torch.no_grad():
        P = module(torch.from_numpy(x.astype(np.float32)).permute(0, 3, 1, 2)).softmax(1).numpy()
    np.testing.assert_allclose(P, fitted.predict_proba(X), atol=1e-5)


def test_small_images_are_enlarged_and_it_is_said(digits: Any) -> None:
    (X, y), valid, _ = digits
    model = NetClassifier("conv 2 5x5, maxpool 2, conv 2 5x5, relu, globalavg", epochs=1).fit(X, y, valid=valid)
    assert model.image_ == (14, 14, 1)
    assert model.notes_ == ("images enlarged from 8x8 to 14x14, the smallest this net takes",)


def test_counts_are_those_of_the_text(fitted: NetClassifier) -> None:
    count = parse(SMALL).count((8, 8, 1), 10)
    assert (fitted.n_trained_, fitted.macs_) == (count.trained, count.macs)
    assert fitted.n_stored_ == count.stored + 2


def test_training_that_diverges_is_said_in_a_sentence(digits: Any) -> None:
    (X, y), valid, _ = digits
    wild = NetClassifier("dense 8", epochs=2, learning_rate=1e30, optimizer="sgd", schedule="constant")
    with pytest.raises(FitError, match=r"training diverged .*; try a learning_rate below 1e"):
        wild.fit(X, y, valid=valid)


def test_flat_rows_that_make_no_image_are_refused_where_a_net_looks_at_neighbours() -> None:
    X, y = np.zeros((40, 10), np.uint8), np.arange(40) % 2
    with pytest.raises(ValueError, match="expected rows that make a square image of 1 or 3 channels, got 10 numbers"):
        NetClassifier("conv 2 3x3, globalavg", epochs=1).fit(X, y)
    NetClassifier("dense 2", epochs=1).fit(X, y)


@pytest.mark.parametrize(("d", "image"), [(64, (8, 8, 1)), (48, (4, 4, 3))])
def test_flat_rows_become_square_images(d: int, image: tuple[int, int, int]) -> None:
    X = np.random.default_rng(0).integers(0, 256, (40, d), dtype=np.uint8)
    assert NetClassifier("conv 2 3x3, globalavg", epochs=1).fit(X, np.arange(40) % 2).image_ == image


def test_few_images_serve_for_training_and_validation() -> None:
    X = np.random.default_rng(0).integers(0, 256, (6, 8, 8), dtype=np.uint8)
    model = NetClassifier("dense 4", epochs=2).fit(X, [0, 1, 2, 0, 1, 2])
    assert model.predict(X).shape == (6,)


def test_the_threads_are_left_as_they_were(digits: Any) -> None:
    (X, y), valid, _ = digits
    before = torch.get_num_threads()
    NetClassifier("dense 4", epochs=1).fit(X, y, valid=valid)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("block", [100, 10**6])
def test_pixels_are_standardised_by_the_mean_and_deviation_of_each_channel(
    dtype: type, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secondlook.models.pixels._BLOCK_NUMBERS", block)
    X = np.random.default_rng(0).integers(0, 256, (40, 6, 5, 3)).astype(dtype)
    X = X if dtype is np.uint8 else X / np.float32(255)
    X[..., 1] = X[0, 0, 0, 1]
    model = NetClassifier("globalavg", epochs=1).fit(X, np.arange(40) % 2, valid=(X[:9], np.arange(9) % 2))
    np.testing.assert_allclose(model.mean_, X.mean(axis=(0, 1, 2), dtype=np.float64), rtol=1e-9)
    expected = X.std(axis=(0, 1, 2), dtype=np.float64)
    np.testing.assert_allclose(model.scale_[[0, 2]], expected[[0, 2]], rtol=1e-9)
    assert model.scale_[1] == 1.0, "a channel of one value is not divided by nothing"


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_are_enlarged_in_blocks_that_do_not_show(dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = (np.random.default_rng(0).random((30, 4, 4, 1)) * 255).astype(dtype), np.arange(30) % 2
    net = "conv 2 5x5, relu, globalavg"
    whole = NetClassifier(net, epochs=2).fit(X, y, valid=(X[:9], y[:9])).predict_proba(X)
    for room in ("pixels", "enlarging"):
        monkeypatch.setattr(f"secondlook.models.{room}._BLOCK_NUMBERS", 60)
    pieces = NetClassifier(net, epochs=2).fit(X, y, valid=(X[:9], y[:9])).predict_proba(X)
    np.testing.assert_allclose(pieces, whole, atol=1e-6)
