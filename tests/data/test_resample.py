"""Resizing against what it means: every source line repeated until both numbers of lines divide the result."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from secondlook.data.read.resample import resampled, rounded, total, weights
from secondlook.data.read.resize import fit, resize

edges = st.integers(1, 40)
images = hnp.arrays(np.uint8, st.tuples(st.integers(1, 3), edges, edges, st.sampled_from([1, 3])))


def mean_of_area(x: np.ndarray, axis: int, m: int) -> np.ndarray:
    n = x.shape[axis]
    shape = (*x.shape[:axis], m, n, *x.shape[axis + 1 :])
    return np.repeat(x.astype(np.float64), m, axis).reshape(shape).mean(axis + 1)


def bilinear(x: np.ndarray, height: int, width: int) -> np.ndarray:
    planes = torch.from_numpy(x.astype(np.float64)).permute(0, 3, 1, 2)
    return torch.nn.functional.interpolate(planes, (height, width), mode="bilinear").permute(0, 2, 3, 1).numpy()


@given(images, st.data())
def test_shrinking_takes_the_mean_of_the_covered_area(x: np.ndarray, data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, x.shape[1])), data.draw(st.integers(1, x.shape[2]))
    expected = mean_of_area(mean_of_area(x, 1, height), 2, width)
    assert np.abs(resampled(x, height, width) - expected).max() <= 0.5 + 1e-9


@given(images, st.integers(0, 40), st.integers(0, 40))
def test_growing_is_bilinear_as_in_pytorch(x: np.ndarray, more: int, wider: int) -> None:
    height, width = x.shape[1] + more, x.shape[2] + wider
    assert np.abs(resampled(x, height, width) - bilinear(x, height, width)).max() <= 0.5 + 1e-9


@given(images, st.integers(0, 40), st.data())
def test_each_axis_has_its_own_rule(x: np.ndarray, more: int, data: st.DataObject) -> None:
    height, width = x.shape[1] + more, data.draw(st.integers(1, x.shape[2]))
    expected = mean_of_area(bilinear(x, height, x.shape[2]), 2, width)
    assert np.abs(resampled(x, height, width) - expected).max() <= 0.5 + 1e-9


@given(images, edges, edges)
def test_what_is_mirrored_or_turned_comes_out_mirrored_or_turned(x: np.ndarray, height: int, width: int) -> None:
    done = resampled(x, height, width)
    assert_array_equal(resampled(x[:, ::-1], height, width), done[:, ::-1])
    assert_array_equal(resampled(x[:, :, ::-1], height, width), done[:, :, ::-1])
    assert_array_equal(resampled(x.swapaxes(1, 2), width, height), done.swapaxes(1, 2))


@given(st.integers(1, 60), st.integers(1, 90), st.integers(1, 20))
def test_weights_are_whole_numbers_with_one_total_however_the_lines_are_cut(n: int, m: int, band: int) -> None:
    first, whole = weights(n, m)
    assert first == 0
    assert_array_equal(whole, np.rint(whole))
    assert_array_equal(whole.sum(axis=1), total(n, m))
    added = np.zeros((m, n))
    for low in range(0, n, band):
        high = min(n, low + band)
        start, part = weights(n, m, low, high)
        added[start : start + len(part), low:high] += part
    assert_array_equal(added, whole)


@given(st.data(), st.sampled_from([1, 2, 4, 8]), st.integers(1, 12))
def test_lines_that_stand_for_several_are_weighed_by_how_many(data: st.DataObject, step: int, band: int) -> None:
    whole, m = data.draw(st.integers(2, 90)), data.draw(st.integers(1, 20))
    skip = data.draw(st.integers(0, step - 1))
    n = data.draw(st.integers(min(m + 1, whole), whole))
    m = min(m, n - 1)
    lines = -(-(skip + n) // step)
    # The weights of the original's lines, added up where one line stands for several.
    _, exact = weights(n, m) if m else (0, np.zeros((0, n)))
    expected = np.stack([exact[:, max(i * step - skip, 0) : (i + 1) * step - skip].sum(axis=1) for i in range(lines)])
    found = np.zeros((m, lines))
    for low in range(0, lines, band):
        high = min(lines, low + band)
        start, part = weights(n, m, low, high, step=step, skip=skip) if m else (0, np.zeros((0, high - low)))
        found[start : start + len(part), low:high] += part
    assert_array_equal(found, expected.T)


def test_halves_are_rounded_up_and_floats_are_not_rounded() -> None:
    assert_array_equal(rounded(np.array([1.0, 3.0, 510.0]), 2), [1, 2, 255])
    x = np.array([[0.25, 0.5], [0.75, 1.0]], np.float32).reshape(1, 2, 2, 1)
    assert resampled(x, 1, 1).dtype == np.float32
    assert_allclose(resampled(x, 1, 1).ravel(), [0.625])


@pytest.mark.parametrize(
    ("how", "box", "inner", "place"),
    [
        ("stretch", (0, 0, 30, 60), (8, 8), (0, 0)),
        ("pad", (0, 0, 30, 60), (4, 8), (2, 0)),
        ("crop", (0, 15, 30, 30), (8, 8), (0, 0)),
    ],
)
def test_an_image_of_another_form_is_stretched_padded_or_cropped(
    how: str, box: tuple[int, ...], inner: tuple[int, ...], place: tuple[int, ...]
) -> None:
    found = fit(30, 60, 8, how)  # type: ignore[arg-type]
    assert (found.box, found.inner, found.place) == (box, inner, place)
    lying = np.full((1, 30, 60, 1), 100, np.uint8)
    done = resize(lying, 8, how)[0, :, :, 0]  # type: ignore[arg-type]
    top, height = place[0], inner[0]
    assert (done[top : top + height] == 100).all()
    assert done.sum() == 100 * inner[0] * inner[1]
