"""Augmentation as text, the amounts that are drawn, and what they do to images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from secondlook import seeds
from secondlook.data import transform
from secondlook.data.augment import Augmentation, apply, checked, draw, parse
from secondlook.errors import UsageError

FULL = "shift=3,rotate=20,shear=10,zoom=0.3,crop=0.8,flip,vflip,brightness=0.2,noise=0.1,cutout=5"

specs = st.builds(
    Augmentation,
    shift=st.integers(0, 20),
    rotate=st.floats(0.001, 180) | st.just(0),
    shear=st.floats(0.001, 60) | st.just(0),
    zoom=st.sampled_from([0, 0.1, 1]),
    crop=st.sampled_from([1, 0.5, 0.999]),
    flip=st.booleans(),
    vflip=st.booleans(),
    brightness=st.sampled_from([0, 0.25]),
    noise=st.sampled_from([0, 0.02]),
    cutout=st.integers(0, 9),
)


def images(n: int = 6, h: int = 13, w: int = 15, c: int = 3) -> np.ndarray:
    return seeds.stream(0, "test images").integers(0, 256, (n, h, w, c), dtype=np.uint8)


def one(text: str, n: int = 400, seed: int = 0, h: int = 13, w: int = 15) -> np.ndarray:
    """Where the centre and the pixel right of it come from, (n, 2, 2), of n images drawn by a text."""
    drawn = draw(parse(text), n, h, w, seeds.stream(seed, "augment"))
    return np.stack([drawn.offsets, drawn.matrices[:, :, 1] + drawn.offsets], 1)


@pytest.mark.parametrize("text", ["", "flip", "shift=2,rotate=10,flip", "crop=0.85,noise=0.05", FULL])
def test_a_text_parses_and_prints_back_to_itself(text: str) -> None:
    assert str(parse(text)) == text


@given(specs)
def test_every_spec_is_its_texts(spec: Augmentation) -> None:
    again = parse(str(spec))
    assert again == replace(spec, rotate=again.rotate, shear=again.shear)
    assert (again.rotate, again.shear) == pytest.approx((spec.rotate, spec.shear), rel=1e-11)
    assert str(again) == str(spec)


def test_spaces_and_order_do_not_matter() -> None:
    assert checked(" rotate = 10.0 , flip,shift=2") == "shift=2,rotate=10,flip"
    assert checked(" auto ") == "auto"
    assert checked("") == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rotat=10", "there is no augmentation 'rotat', did you mean 'rotate'[?] the words are shift, rotate,"),
        ("xyz", "there is no augmentation 'xyz'; the words are"),
        ("flip,", "there is no augmentation ''; the words are"),
        ("flip,flip", "expected each word of --augment once, got 'flip' twice"),
        ("flip=2", "expected flip in --augment without a number, got 'flip=2'; write flip"),
        ("rotate", "expected rotate in --augment as degrees above 0, up to 180, such as rotate=10, got 'rotate'"),
        ("rotate=ten", "got 'rotate=ten'"),
        ("rotate=181", "got 'rotate=181'"),
        ("rotate=nan", "got 'rotate=nan'"),
        ("rotate=-5", "got 'rotate=-5'"),
        ("shift=1.5", "expected shift in --augment as whole pixels from 1 to 4096, such as shift=2, got 'shift=1.5'"),
        ("shift=0", "got 'shift=0'"),
        ("cutout=inf", "got 'cutout=inf'"),
        ("shear=61", "expected shear in --augment as degrees above 0, up to 60"),
        ("zoom=1.1", "expected zoom in --augment as a share above 0, up to 1, such as zoom=0.2"),
        ("crop=1", "expected crop in --augment as the share of a side that is kept, from 0.1 to below 1"),
        ("brightness=2", "expected brightness in --augment as a share of the range"),
        ("noise=0", "expected noise in --augment as a share of the range above 0, up to 1"),
        ("auto", "such as shift=2,flip, got 'auto'; auto stands alone, and only compare can decide"),
        ("auto,flip", "got 'auto,flip'; auto stands alone"),
    ],
)
def test_what_is_no_augmentation_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(text)


@pytest.mark.parametrize("word", ["shift", "cutout"])
def test_what_leaves_nothing_of_an_image_is_refused(word: str) -> None:
    parse(f"{word}=27").check_fits(28, 30)
    with pytest.raises(UsageError, match=f"expected {word} in --augment below the images' 28 pixels, got 28"):
        parse(f"{word}=28").check_fits(28, 30)


def test_shifts_are_whole_pixels_and_every_one_in_range_comes() -> None:
    offsets = one("shift=2", 2000)[:, 0]
    assert {*offsets[:, 0]} == {*offsets[:, 1]} == {-2, -1, 0, 1, 2}
    assert offsets.mean(axis=0) == pytest.approx([0, 0], abs=0.1)


def test_half_of_the_images_are_mirrored() -> None:
    x = images(400)
    drawn = draw(parse("flip"), 400, 13, 15, seeds.stream(0, "augment"))
    found = apply(parse("flip"), x, drawn, seeds.stream(0, "noise"))
    mirrored = (found == transform.flip(x)).all(axis=(1, 2, 3))
    assert (mirrored | (found == x).all(axis=(1, 2, 3))).all()
    assert mirrored.mean() == pytest.approx(0.5, abs=0.08)


def test_angles_and_factors_fill_their_range() -> None:
    turned = one("rotate=30")
    angle = np.rad2deg(np.arctan2(*(turned[:, 1] - turned[:, 0]).T))
    assert np.abs(angle).max() == pytest.approx(30, abs=0.5)
    assert angle.std() == pytest.approx(60 / np.sqrt(12), rel=0.1)
    factor = np.hypot(*(one("zoom=0.5")[:, 1]).T)
    assert (factor.min(), factor.max()) == pytest.approx((1 / 1.5, 1.5), rel=0.02)
    kept = one("crop=0.6")
    size = np.hypot(*(kept[:, 1] - kept[:, 0]).T)
    assert (size.min(), size.max()) == pytest.approx((0.6, 1), abs=0.01)
    # A window stays inside: its centre is at most half of what was cut away from the image's centre.
    assert (np.abs(kept[:, 0]) <= (1 - size)[:, None] / 2 * [12, 14] + 1e-9).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_drawn_map_is_the_single_transformations_one_after_the_other(seed: int) -> None:
    x = np.zeros((1, 61, 71, 1), np.float32)
    x[0, 20:40, 25:43, 0] = ndimage.gaussian_filter(seeds.stream(0, "blot").random((20, 18)), 3) - 0.45
    x = np.asarray(ndimage.gaussian_filter(x, (0, 2, 2, 0)))  # nothing symmetric, nothing sharp, nothing at the border
    text = "shift=3,rotate=40,shear=20,zoom=0.3,flip,vflip"
    drawn = draw(parse(text), 1, 61, 71, seeds.stream(seed, "augment"))
    u = seeds.stream(seed, "augment").random((13, 1))[:, 0]
    y = transform.flip(x) if u[4] < 0.5 else x
    y = transform.vflip(y) if u[5] < 0.5 else y
    y = transform.zoom(y, 1.3 ** (1 - 2 * u[3]))
    y = transform.rotate(transform.shear(y, 20 * (2 * u[1] - 1)), 40 * (2 * u[0] - 1))
    y = transform.shift(y, *np.floor(7 * u[6:8] - 3))
    found = apply(parse(text), x, drawn, seeds.stream(0, "noise"))
    # The one is resampled once, the other three times.
    assert np.abs(found - y).max() < 0.05 * np.abs(y).max()


def test_brightness_noise_and_holes_keep_to_their_amounts() -> None:
    grey = np.full((200, 16, 16, 1), 100, np.uint8)
    for text, most in (("brightness=0.2", 51), ("noise=0.1", 200)):
        spec = parse(text)
        found = apply(spec, grey, draw(spec, 200, 16, 16, seeds.stream(0, "a")), seeds.stream(0, "n")).astype(int)
        assert 0 < np.abs(found - 100).max() <= most
    spread = found.std(axis=(1, 2, 3))
    assert spread.max() == pytest.approx(25.5, rel=0.1)
    assert spread.min() < 1
    holes = apply(parse("cutout=4"), images(), draw(parse("cutout=4"), 6, 13, 15, seeds.stream(0, "a")), None)
    changed = (holes != images()).any(axis=3)
    assert (changed.sum(axis=(1, 2)) <= 16).all()
    assert changed.any(axis=(1, 2)).all()
    assert changed.any(axis=2).sum(axis=1).max() == 4


def test_nothing_asked_for_changes_nothing() -> None:
    spec = parse("")
    assert apply(spec, images(), draw(spec, 6, 13, 15, seeds.stream(0, "a")), seeds.stream(0, "n")) is not None
    assert (apply(spec, images(), draw(spec, 6, 13, 15, seeds.stream(0, "a")), seeds.stream(0, "n")) == images()).all()
    assert np.allclose(draw(spec, 6, 13, 15, seeds.stream(0, "a")).matrices, np.eye(2))
