from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from secondlook import make_slash, read
from secondlook.errors import UsageError


def starts(x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The top left of each image's darkest four-pixel diagonal in its class's direction, (n,) each, and its sum."""
    turned = np.where(labels[:, None, None] == 0, x, x[:, :, ::-1])
    side = x.shape[1] - 3
    sums = np.sum([turned[:, i : i + side, i : i + side] for i in range(4)], axis=0).reshape(len(x), -1)
    rows, columns = np.divmod(sums.argmin(axis=1), side)
    return rows, columns, sums.min(axis=1)


def test_without_noise_each_image_is_its_diagonal() -> None:
    images = make_slash(50, noise=0)
    assert images.classes == ("\\", "/")
    assert_array_equal(images.labels, np.arange(50) % 2)
    for image, label in zip(images.pixels[..., 0], images.labels, strict=True):
        rows, columns = np.nonzero(image == 0)
        assert_array_equal(rows - rows[0], np.arange(4))
        assert_array_equal(columns - columns[0], np.arange(4) * (1 if label == 0 else -1))
        assert (image == 0).sum() + (image == 255).sum() == 900


@given(st.integers(2, 20), st.integers(2, 12), st.floats(0, 1), st.integers(0, 9), st.data())
def test_any_parameters_give_images_in_range(n: int, size: int, noise: float, seed: int, data: st.DataObject) -> None:
    length = data.draw(st.integers(2, size))
    images = make_slash(n, size=size, noise=noise, length=length, seed=seed)
    assert images.pixels.shape == (n, size, size, 1)
    assert_array_equal(images.pixels, make_slash(n, size=size, noise=noise, length=length, seed=seed).pixels)
    if images.pixels.dtype == np.float32:
        assert 0 <= images.pixels.min() <= images.pixels.max() <= 1


def test_another_seed_gives_other_images() -> None:
    assert (make_slash(10, seed=1).pixels != make_slash(10, seed=2).pixels).any()


def test_the_built_in_is_the_generator_with_its_defaults() -> None:
    assert read("slash").fingerprint == make_slash().fingerprint


def test_it_is_made_as_the_studys_own_file_was(real_data: Path) -> None:
    theirs = read(real_data / "slash/slash_data.npz")
    ours = make_slash(4000)
    assert theirs.pixels.dtype == ours.pixels.dtype == np.float32
    assert theirs.shape == ours.shape
    assert_array_equal(theirs.labels, np.arange(1000) % 2)
    for k in (0, 1):
        a, b = theirs.pixels[theirs.labels == k], ours.pixels[ours.labels == k]
        assert a.mean() == pytest.approx(b.mean(), abs=0.001)
        assert a.std() == pytest.approx(b.std(), abs=0.001)
        assert (a == 1).mean() == pytest.approx((b == 1).mean(), abs=0.005)
        assert (a == 0).mean() == pytest.approx((b == 0).mean(), abs=0.0003)
    for images in (theirs, ours):
        # Four pixels of at most 0.25 each: the diagonal is found, and runs as its class says.
        rows, columns, darkness = starts(images.pixels[..., 0], images.labels)
        assert darkness.max() <= 1
        assert (rows.min(), rows.max(), columns.min(), columns.max()) == (0, 26, 0, 26)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n": 1}, "slash: expected n of at least 2, one image per class, got 1"),
        ({"n": 2.5}, "slash: expected n as a whole number, got 2.5"),
        ({"seed": -1}, "slash: expected a seed of 0 or more, got -1"),
        ({"size": 1}, "slash: expected a size from 2 to 4096 pixels, got 1"),
        ({"size": 5000}, "slash: expected a size from 2 to 4096 pixels, got 5000"),
        ({"length": 31}, "slash: expected a length from 2 to the size, 30, got 31"),
        ({"length": 1}, "slash: expected a length from 2 to the size, 30, got 1"),
        ({"noise": -0.1}, "slash: expected noise from 0 to 1, got -0.1"),
        ({"noise": float("nan")}, "slash: expected noise from 0 to 1, got nan"),
    ],
)
def test_parameters_that_cannot_be_are_refused(parameters: dict[str, int], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_slash(**parameters)
