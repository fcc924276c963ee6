"""Augmentation on the device: against the same on arrays, and in the training of nets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from secondlook import seeds
from secondlook.data import transform
from secondlook.data.augment import apply, draw, parse
from secondlook.errors import UsageError
from secondlook.models.engines.torch_augment import Augmenter, augmenter
from secondlook.models.net_classifier import NetClassifier

MEAN, SCALE = np.array([0.4, 0.5, 0.6]), np.array([0.2, 0.3, 0.25])


def made(text: str, *, seed: int = 0, **more: Any) -> Augmenter:
    return Augmenter(parse(text), seed=seed, white=1 / SCALE, low=-MEAN / SCALE, high=(1 - MEAN) / SCALE, **more)


def images(n: int = 7, h: int = 12, w: int = 15) -> np.ndarray:
    return seeds.stream(0, "test images").random((n, h, w, 3), dtype=np.float32)


def varied(augment: Augmenter, x: np.ndarray) -> np.ndarray:
    """Images (n, h, w, c) in [0, 1], standardised, varied, and brought back."""
    tensor = torch.from_numpy(((x - MEAN) / SCALE).astype(np.float32)).permute(0, 3, 1, 2)
    return augment(tensor).permute(0, 2, 3, 1).numpy() * SCALE + MEAN


def problem(n: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Grey images with a bright bar in the left half (0) or the right half (1)."""
    rng = seeds.stream(seed, "bars")
    y = np.arange(n) % 2
    x = rng.integers(0, 90, (n, 12, 12, 1), dtype=np.uint8)
    x[np.arange(n), :, 2 + 7 * y] += 120
    return x, y


def net(**more: Any) -> NetClassifier:
    return NetClassifier("conv 4 3x3, relu, maxpool 2", epochs=3, batch=16, device="cpu", **more)


@pytest.mark.parametrize(
    "text",
    [
        "shift=3",
        "flip,vflip",
        "rotate=30,shear=10",
        "shift=3,rotate=20,shear=10,zoom=0.3,crop=0.8,flip,vflip,brightness=0.2,cutout=5",
    ],
)
def test_it_does_what_is_done_on_arrays(text: str) -> None:
    rng = seeds.stream(0, "augment", 0)
    expected = apply(parse(text), images(), draw(parse(text), 7, 12, 15, rng), rng)
    assert np.abs(varied(made(text), images()) - expected).max() < 1e-5


def test_one_pixel_high_or_wide_is_an_image_too() -> None:
    for h, w in ((1, 9), (9, 1), (1, 1)):
        found = varied(made("rotate=20,flip"), images(4, h, w))
        assert np.isfinite(found).all()


def test_noise_has_the_drawn_standard_deviation_and_stays_in_range() -> None:
    grey = np.full((40, 24, 24, 3), 0.5, np.float32)
    found = varied(made("noise=0.1"), grey)
    drawn = draw(parse("noise=0.1"), 40, 24, 24, seeds.stream(0, "augment", 0)).noise
    assert (found - 0.5).std(axis=(1, 2)) == pytest.approx(np.repeat(drawn[:, None], 3, 1), rel=0.15)
    assert np.abs((found - 0.5).mean()) < 0.002
    strong = varied(made("noise=1,brightness=1"), images(40))
    assert strong.min() >= -1e-6
    assert strong.max() <= 1 + 1e-6
    assert (strong < 1e-6).any()


def test_a_step_depends_on_the_seed_and_its_number_alone() -> None:
    text, x = "shift=3,rotate=20,noise=0.1,cutout=3", images()
    one, other = made(text), made(text)
    first, second = varied(one, x), varied(one, x)
    assert (first == varied(other, x)).all()
    assert (first != second).any()
    later = made(text)
    later.step = 1  # as training that goes on
    assert (second == varied(later, x)).all()
    assert (first != varied(made(text, seed=1), x)).any()


def test_where_images_were_enlarged_pixels_are_those_of_the_original() -> None:
    x = images(50, 24, 24)
    found = varied(made("shift=1", scale=2.0), x)
    ways = [transform.shift(x, dy, dx) for dy in (-2, 0, 2) for dx in (-2, 0, 2)]
    distances = np.array([np.abs(found - way).max(axis=(1, 2, 3)) for way in ways])
    assert (distances.min(axis=0) < 1e-5).all()
    assert len({*distances.argmin(axis=0).tolist()}) == 9


def test_numbers_beyond_0_and_1_keep_their_own_range() -> None:
    x = np.linspace(-3, 5, 60, dtype=np.float32).reshape(5, 3, 4, 1)
    augment = augmenter("brightness=1", x, (3, 4, 1), mean=np.zeros(1), scale=np.ones(1), seed=0)
    assert augment is not None
    found = augment(torch.from_numpy(x).permute(0, 3, 1, 2)).numpy()
    assert found.min() >= -3
    assert found.max() <= 5
    assert found.max() > 1.5
    assert augmenter("", x, (3, 4, 1), mean=np.zeros(1), scale=np.ones(1), seed=0) is None


def test_the_same_seed_gives_the_same_net_and_what_is_predicted_is_not_varied() -> None:
    x, y = problem()
    one, same, plain = (net(augment=a).fit(x, y) for a in ("shift=2,noise=0.1", "noise=0.1,shift=2", ""))
    assert all((one.weights_[name] == same.weights_[name]).all() for name in one.weights_)
    assert any((one.weights_[name] != plain.weights_[name]).any() for name in one.weights_)
    assert (one.predict_proba(x) == one.predict_proba(x)).all()


def test_the_losses_of_the_history_are_of_images_as_they_are() -> None:
    x, y = problem()
    fitted = net(augment="vflip,noise=1,brightness=1").fit(x, y, valid=(x, y))
    best = fitted.history_.epochs[fitted.history_.best - 1]
    said = fitted.predict_proba(x)[np.arange(len(y)), y].astype(float)
    assert best.valid_loss == pytest.approx(-np.log(said).mean(), rel=1e-4)


def test_a_net_trained_with_flips_cannot_tell_left_from_right() -> None:
    x, y = problem(240)
    apart = {
        a: NetClassifier("dense 8, relu", epochs=12, batch=16, augment=a, device="cpu").fit(x, y) for a in ("", "flip")
    }
    xt, yt = problem(200, seed=1)
    assert apart[""].score(xt, yt) > 0.95
    assert apart["flip"].score(xt, yt) < 0.75


@pytest.mark.gpu
def test_a_gpu_gives_the_same_images() -> None:
    text = "shift=3,rotate=20,flip,brightness=0.2,cutout=5"
    x = torch.from_numpy(images()).permute(0, 3, 1, 2)
    assert torch.allclose(made(text)(x.cuda()).cpu(), made(text)(x), atol=1e-4)
    noisy = made("noise=0.1")(torch.zeros(20, 3, 32, 32, device="cuda"))
    assert 0 < noisy.std() < 0.6


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ("rotat=3", (12, 12, 1), "there is no augmentation 'rotat'"),
        ("shift=12", (12, 12, 1), "expected shift in --augment below the images' 12 pixels, got 12"),
        ("auto", (12, 12, 1), "auto stands alone, and only compare can decide"),
        ("shift=2", (144,), r"expected images \(n, h, w, c\) to augment, got rows of 144 numbers; reshape them"),
    ],
)
def test_what_cannot_be_augmented_is_refused(text: str, shape: tuple[int, ...], message: str) -> None:
    x, y = problem()
    with pytest.raises(UsageError, match=message):
        NetClassifier("dense 8, relu", epochs=1, augment=text, device="cpu").fit(x.reshape(-1, *shape), y)
