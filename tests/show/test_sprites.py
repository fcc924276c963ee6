"""Sheets of images: what is cropped from them are the images."""

from __future__ import annotations

import base64
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from secondlook.show.sprites import sheet


def pictures(n, shape, seed=0):
    return list(np.random.default_rng(seed).integers(0, 255, (n, *shape)).astype(np.uint8))


def drawn(made):
    """The sheet's pixels (h, w, c), as a browser would have them."""
    pixels = np.asarray(Image.open(BytesIO(base64.b64decode(made.source.split(",")[1]))))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def cropped(made, i):
    """What the i-th image shows, by its viewBox."""
    x, y, w, h = map(int, re.search(r'viewBox="([^"]+)"', made.image(i, "it"))[1].split())
    return drawn(made)[y : y + h, x : x + w]


@pytest.mark.parametrize("shape", [(28, 28, 1), (8, 12, 1), (20, 9, 3), (32, 32, 3), (64, 64, 1)])
@pytest.mark.parametrize("n", [1, 2, 7])
def test_small_or_grey_images_come_back_bit_for_bit(shape, n):
    images = pictures(n, shape)
    made = sheet("s", images, 10**7)
    assert made.n == n
    assert made.source.startswith("data:image/png;base64,")
    for i, image in enumerate(images):
        np.testing.assert_array_equal(cropped(made, i), image)


def test_photographs_come_back_nearly_and_do_not_bleed_into_each_other():
    y, x = np.mgrid[:60, :45] / 60
    smooth = (np.stack([x, y, x * y], axis=2) * 200).astype(np.uint8)
    images = [np.zeros((60, 45, 3), np.uint8), smooth, np.full((60, 45, 3), 250, np.uint8)] * 4
    made = sheet("s", images, 10**7)
    assert made.source.startswith("data:image/jpeg;base64,")
    for i, image in enumerate(images):
        assert np.abs(cropped(made, i).astype(int) - image).mean() < 3
        assert np.abs(cropped(made, i).astype(int) - image).max() < 10


def test_large_images_are_reduced_and_smooth_ones_have_a_margin():
    made = sheet("s", pictures(3, (200, 100, 3)), 10**7, side=80)
    assert (made.width, made.height) == (40, 80)
    assert made.margin == 1
    assert not made.pixelated
    assert "pixelated" not in made.defined()
    assert "image-rendering:pixelated" in sheet("s", pictures(3, (8, 8, 1)), 10**7).defined()


def test_so_many_as_there_is_room_for_the_first_first():
    images = pictures(200, (28, 28, 1))
    made = sheet("s", images, 60_000)
    assert 0 < made.n < 200
    assert 40_000 < len(made.source) <= 60_000
    np.testing.assert_array_equal(cropped(made, made.n - 1), images[made.n - 1])
    assert sheet("s", images, 50) is None
    assert sheet("s", [], 10**7) is None


def test_an_image_is_named_for_those_who_hear_the_page_and_names_are_text():
    made = sheet("shots", pictures(2, (28, 28, 1)), 10**7)
    assert 'aria-label="a&lt;b&gt;.png"' in made.image(0, "a<b>.png")
    assert "<title>a&lt;b&gt;.png</title>" in made.image(0, "a<b>.png", titled=True)
    assert 'href="#shots"' in made.image(1, "x")
    assert 'width="112" height="112"' in made.image(0, "x")
    assert 'width="40" height="40"' in made.image(0, "x", 40)
    assert made.defined().count('id="shots"') == 1


def test_fractions_are_drawn_as_bytes():
    images = [np.full((8, 8, 1), v, np.float32) for v in (0, 0.5, 1)]
    made = sheet("s", images, 10**6)
    assert [int(cropped(made, i)[0, 0, 0]) for i in range(3)] == [0, 128, 255]
