"""Strokes to bitmaps: closed forms, cairo and Google's own files as oracles."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from secondlook.data.read import simplify as module
from secondlook.data.read.drawing import Drawing, Drawings, collect, parse, starts
from secondlook.data.read.render import render
from secondlook.data.read.simplify import peucker, simplify

SCALE = 28 / 304  # pixels per unit
WIDTH = 16 * SCALE

Stroke = tuple[list[float], list[float]]
units = st.integers(0, 255)
points = st.lists(st.tuples(units, units), min_size=1, max_size=12).map(
    lambda p: ([x for x, _ in p], [y for _, y in p])
)
sketches = st.lists(points, min_size=1, max_size=5)


def batch(*drawings: list[Stroke]) -> Drawings:
    return collect([Drawing("", True, strokes, True) for strokes in drawings])


def drawn(*strokes: Stroke) -> Any:
    return render(batch(list(strokes)))[0]


def split(drawings: Drawings) -> list[list[Stroke]]:
    """The strokes of each drawing as lists."""
    ends = np.cumsum(drawings.points)
    strokes = [
        (drawings.x[a:b].tolist(), drawings.y[a:b].tolist()) for a, b in zip(ends - drawings.points, ends, strict=True)
    ]
    cuts = [0, *np.cumsum(drawings.strokes).tolist()]
    return [strokes[a:b] for a, b in pairwise(cuts)]


def test_a_level_line_covers_what_its_width_and_length_say() -> None:
    image = drawn(([0, 255], [0, 0])).astype(float) / 255
    # It lies between the rows 13 and 14, and covers an equal share of each.
    assert_allclose(image[13:15, 5:23], WIDTH / 2, atol=0.01)
    assert image[:12].max() == image[16:].max() == 0
    assert_allclose(image.sum(), 255 * SCALE * WIDTH + np.pi * WIDTH**2 / 4, rtol=0.01)


def test_an_upright_line_is_a_level_one_turned() -> None:
    assert_allclose(drawn(([0, 0], [0, 255])).astype(int), drawn(([0, 255], [0, 0])).T.astype(int), atol=6)


@pytest.mark.parametrize("dot", [([0], [0]), ([0, 0], [0, 0]), ([7, 7, 7], [9, 9, 9])])
def test_a_dot_is_a_disc_in_the_middle(dot: Stroke) -> None:
    image = drawn(dot).astype(float) / 255
    # A polygon of twelve corners stands for the disc: 3/π of its area.
    assert_allclose(image.sum(), np.pi * WIDTH**2 / 4, rtol=0.06)
    assert_allclose(image[13:15, 13:15].sum(), image.sum(), rtol=0.2)


@given(sketches)
def test_the_margin_stays_black(strokes: list[Stroke]) -> None:
    image = drawn(*strokes)
    assert image.max() > 0
    assert not any(border.any() for border in (image[0], image[-1], image[:, 0], image[:, -1]))


@given(st.lists(sketches, min_size=1, max_size=30))
def test_a_drawing_is_the_same_alone_and_among_others(sheets: list[list[Stroke]]) -> None:
    assert_array_equal(render(batch(*sheets)), np.stack([drawn(*strokes) for strokes in sheets]))


def test_no_drawings_are_no_bitmaps() -> None:
    assert render(batch()).shape == (0, 28, 28)


def test_strokes_are_laid_over_each_other_not_added() -> None:
    line: Stroke = ([0, 255], [0, 0])
    once = drawn(line).astype(float) / 255
    assert_allclose(drawn(line, line) / 255, 1 - (1 - once) ** 2, atol=0.005)


def test_settings_of_matplotlib_change_nothing() -> None:
    import matplotlib as mpl

    strokes: list[Stroke] = [([0, 255, 3], [0, 100, 180])]
    expected = drawn(*strokes)
    with mpl.rc_context({"path.snap": True, "path.sketch": (5, 50, 2), "agg.path.chunksize": 101, "savefig.dpi": 9}):
        assert_array_equal(drawn(*strokes), expected)


def by_cairo(strokes: list[Stroke]) -> Any:
    """What Google does: github.com/googlecreativelab/quickdraw-dataset/issues/19."""
    try:
        import cairocffi as cairo
    except (ImportError, OSError):
        pytest.skip("needs cairocffi and the cairo library")
    surface = cairo.ImageSurface(cairo.FORMAT_ARGB32, 28, 28)
    context = cairo.Context(surface)
    context.set_antialias(cairo.ANTIALIAS_BEST)
    context.set_line_cap(cairo.LINE_CAP_ROUND)
    context.set_line_join(cairo.LINE_JOIN_ROUND)
    context.set_line_width(16)
    context.scale(SCALE, SCALE)
    context.translate(24, 24)
    context.set_source_rgb(1, 1, 1)
    right, low = (max(max(stroke[axis]) for stroke in strokes) for axis in (0, 1))
    for x, y in strokes:
        context.move_to(x[0] + 128 - right / 2, y[0] + 128 - low / 2)
        for point in zip(x, y, strict=True):
            context.line_to(point[0] + 128 - right / 2, point[1] + 128 - low / 2)
        context.stroke()
    return np.frombuffer(surface.get_data(), np.uint8).reshape(28, 28, 4)[..., 0].copy()


@given(sketches)
def test_any_strokes_come_out_nearly_as_cairo_draws_them(strokes: list[Stroke]) -> None:
    difference = np.abs(drawn(*strokes).astype(int) - by_cairo(strokes))
    assert difference.mean() < 2
    assert difference.max() < 90


def google(real_data: Path) -> tuple[list[list[Stroke]], Any]:
    """Drawings of which there are strokes and Google's bitmap: the first rows of every file of bitmaps."""
    strokes, bitmaps = [], []
    for file in sorted((real_data / "quickdraw/bitmaps_10x4000").glob("*.npy")):
        word = "alarm clock" if file.stem == "clock" else file.stem  # which that file holds
        lines = (real_data / f"quickdraw/strokes_simplified_344x25/{word}.ndjson").read_text().splitlines()
        strokes += [[(x, y) for x, y in json.loads(line)["drawing"]] for line in lines]
        bitmaps.append(np.load(file)[: len(lines)].reshape(-1, 28, 28))
    return strokes, np.concatenate(bitmaps)


def test_googles_own_bitmaps_are_cairos_to_the_bit(real_data: Path) -> None:
    strokes, bitmaps = google(real_data)
    assert len(strokes) == 250
    assert_array_equal(np.stack([by_cairo(drawing) for drawing in strokes]), bitmaps)


def test_ours_are_googles_but_for_a_fifth_of_a_grey_level(real_data: Path) -> None:
    strokes, bitmaps = google(real_data)
    ours = render(batch(*strokes)).astype(int)
    assert np.abs(ours - bitmaps).mean() < 0.25
    assert np.abs(ours - bitmaps).max() < 40
    assert np.corrcoef(ours.ravel(), bitmaps.ravel())[0, 1] > 0.9999
    assert abs(ours.mean() / bitmaps.mean() - 1) < 0.005


def plain_peucker(x: Any, y: Any, epsilon: float) -> list[int]:
    """The textbook's recursion, for one line."""
    if len(x) < 3:
        return list(range(len(x)))
    dx, dy = x[-1] - x[0], y[-1] - y[0]
    length = np.hypot(dx, dy)
    distance = np.hypot(x - x[0], y - y[0]) if not length else np.abs((x - x[0]) * dy - (y - y[0]) * dx) / length
    i = 1 + int(distance[1:-1].argmax())
    if distance[i] <= epsilon:
        return [0, len(x) - 1]
    left, right = plain_peucker(x[: i + 1], y[: i + 1], epsilon), plain_peucker(x[i:], y[i:], epsilon)
    return [*left, *(i + j for j in right[1:])]


@given(st.lists(points, min_size=1, max_size=6), st.sampled_from([0.5, 2.0, 40.0]))
def test_several_lines_at_once_lose_the_points_that_the_textbook_takes(lines: list[Stroke], epsilon: float) -> None:
    arrays = [(np.array(x, float), np.array(y, float)) for x, y in lines]
    x, y = (np.concatenate([line[axis] for line in arrays]) for axis in (0, 1))
    n = np.array([len(line) for line, _ in arrays])
    kept = peucker(x, y, starts(n), starts(n) + n - 1, epsilon)
    assert [np.flatnonzero(part).tolist() for part in np.split(kept, np.cumsum(n)[:-1])] == [
        plain_peucker(*line, epsilon) for line in arrays
    ]


@given(points, st.sampled_from([0.5, 2.0, 40.0]))
def test_no_point_is_lost_that_is_farther_than_epsilon(line: Stroke, epsilon: float) -> None:
    x, y = np.array(line[0], float), np.array(line[1], float)
    kept = np.flatnonzero(peucker(x, y, np.array([0]), np.array([len(x) - 1]), epsilon)).tolist()
    assert kept[0] == 0
    assert kept[-1] == len(x) - 1
    for a, b in pairwise(kept):
        along = np.hypot(x[b] - x[a], y[b] - y[a])
        for i in range(a + 1, b):
            area = abs((x[i] - x[a]) * (y[b] - y[a]) - (y[i] - y[a]) * (x[b] - x[a]))
            assert (area / along if along else np.hypot(x[i] - x[a], y[i] - y[a])) <= epsilon + 1e-9


@given(st.lists(sketches, min_size=1, max_size=4), st.integers(-3000, 3000), st.integers(-3000, 3000))
def test_where_raw_strokes_lie_makes_no_difference(sheets: list[list[Stroke]], right: int, down: int) -> None:
    moved = [[([v + right for v in x], [v + down for v in y]) for x, y in strokes] for strokes in sheets]
    here, there = simplify(batch(*sheets)), simplify(batch(*moved))
    assert split(here) == split(there)
    assert min(here.x.min(), here.y.min()) >= 0
    assert max(here.x.max(), here.y.max()) <= 255


def test_a_larger_drawing_of_the_same_is_the_same() -> None:
    strokes: list[Stroke] = [([0, 100, 40], [3, 20, 90]), ([50], [50])]
    larger = [([8 * v for v in x], [8 * v for v in y]) for x, y in strokes]
    assert split(simplify(batch(strokes))) == split(simplify(batch(larger)))


def test_raw_strokes_of_no_extent_become_a_dot() -> None:
    assert split(simplify(batch([([812.5], [3.0])]))) == [[([0, 0], [0, 0])]]


def test_a_point_just_at_epsilon_is_lost() -> None:
    x, y, ends = np.array([0.0, 5, 10]), np.array([0.0, 2, 0]), np.array([2])
    assert peucker(x, y, ends - 2, ends, 2.0).tolist() == [True, False, True]
    assert peucker(x, y, ends - 2, ends, 1.99).all()


def test_a_scribble_without_end_is_cut_down_to_what_can_be_worked_on() -> None:
    x, y = np.random.default_rng(0).uniform(0, 1e6, (2, 10_000)).tolist()
    line: Stroke = ([0, 255], [0, 0])
    done = simplify(batch([(x, y), (y, x)], [line]))
    assert 16_000 < len(module._resampled(module._aligned(batch([(x, y), (y, x)]))).x) < 16_390
    assert split(done)[1] == [line]


def test_raw_strokes_become_what_google_made_of_them(real_data: Path) -> None:
    folder = real_data / "quickdraw"
    known = {}
    for file in (folder / "strokes_simplified_344x25").glob("*.ndjson"):
        for line in file.read_bytes().splitlines():
            known[json.loads(line)["key_id"]] = parse(line)
    raw = {
        key: parse(line)
        for file in (folder / "strokes_raw_345").glob("*.ndjson")
        for line in file.read_bytes().splitlines()
        if (key := json.loads(line)["key_id"]) in known
    }
    assert len(raw) == 585
    ours, theirs = (collect([found[key] for key in raw]) for found in (raw, known))  # type: ignore[misc]
    same = [a == b for a, b in zip(split(simplify(ours)), split(theirs), strict=True)]
    assert np.mean(same) > 0.94
    assert np.abs(render(simplify(ours)).astype(int) - render(theirs)).mean() < 0.05
