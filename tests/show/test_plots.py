"""The pictures hold the right data."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from numpy.testing import assert_allclose

from secondlook.show.plots import plot_confusion, plot_examples, plot_frontier, plot_history
from secondlook.types import ImageSet


def line(ax, label):
    return next(found for found in ax.get_lines() if found.get_label() == label)


def test_each_model_stands_at_its_size_and_test_accuracy(run):
    ax = plot_frontier(run)
    for row in run.rows:
        if row.test_accuracy is not None:
            assert_allclose(line(ax, row.model).get_xydata(), [[row.trained, row.test_accuracy]])
    assert_allclose(line(ax, "chance").get_ydata(), run.chance)
    assert_allclose(line(ax, "majority value").get_ydata(), run.majority)
    assert_allclose(line(ax, "chosen").get_xydata(), [[run["lenet"].trained, run["lenet"].test_accuracy]])


def test_intervals_are_drawn_from_low_to_high(run):
    drawn = [c.get_segments()[0] for c in plot_frontier(run).collections]
    expected = [(r.trained, r.test_low, r.test_high) for r in run.rows if r.test_accuracy is not None]
    assert_allclose([(s[0][0], s[0][1], s[1][1]) for s in drawn], expected)


def test_the_stair_rises_along_the_efficient_models(run):
    ax = plot_frontier(run)
    stair = line(ax, "efficient frontier").get_xydata()
    assert line(ax, "efficient frontier").get_drawstyle() == "steps-post"
    models = ["knn", "rbf-svm", "cnn-small", "lenet"]
    assert_allclose(stair[:-1], [[run[m].trained, run[m].test_accuracy] for m in models])


@pytest.mark.parametrize("variant", [{}, {"scale": 0.8}, {"n_test": 270}, {"k": 2, "skew": 0.6}, {"perfect": True}])
def test_names_cover_neither_each_other_nor_the_points(make_run, variant):
    run = make_run(**variant)
    ax = plot_frontier(run)
    ax.figure.canvas.draw()
    named = [t for t in ax.texts if t.arrow_patch is not None]
    boxes = [Text.get_window_extent(t) for t in named]
    assert len(named) == 9
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])
        for row in run.rows:
            if row.test_accuracy is not None:
                assert not box.contains(*ax.transData.transform((row.trained, row.test_accuracy)))


@pytest.mark.parametrize("variant", [{}, {"scale": 0.9, "k": 20}, {"n_test": 270}, {"k": 345, "scale": 0.7}])
def test_no_line_to_a_point_crosses_another_name(make_run, variant):
    ax = plot_frontier(make_run(**variant))
    ax.figure.canvas.draw()
    named = [t for t in ax.texts if t.arrow_patch is not None]
    boxes = {t: Text.get_window_extent(t) for t in named}
    far = [t for t in named if t.arrow_patch.get_visible()]
    for text in far:
        start = (boxes[text].min + boxes[text].max) / 2
        way = start + (ax.transData.transform(text.xy) - start) * np.linspace(0, 1, 200)[:, None]
        for other in named:
            if other is not text:
                assert not any(boxes[other].contains(*place) for place in way), (text, other)


def test_a_run_in_which_nothing_finished_still_shows_chance_and_majority(make_run):
    ax = plot_frontier(make_run(all_failed=True))
    assert {found.get_label() for found in ax.get_lines()} == {"chance", "majority value"}


def test_without_untrained_models_the_size_axis_is_logarithmic(run, make_run):
    from dataclasses import replace

    rows = tuple(r for r in run.rows if r.trained)
    assert plot_frontier(replace(run, rows=rows)).get_xscale() == "log"
    assert plot_frontier(run).get_xscale() == "symlog"


def test_learning_curves_are_the_plain_losses_with_the_kept_epoch(run):
    history = run.histories["lenet"]
    ax = plot_history(history)
    assert_allclose(line(ax, "train").get_ydata(), [e.train_loss for e in history.epochs])
    assert_allclose(line(ax, "validation").get_ydata(), [e.valid_loss for e in history.epochs])
    best = history.epochs[history.best - 1]
    assert_allclose(line(ax, "kept epoch").get_xydata(), [[best.epoch, best.valid_loss]])


def test_overfitting_is_shaded_from_its_start_to_the_end(run):
    shaded = [p for p in plot_history(run.histories["mlp-small"]).patches if p.get_label() == "overfitting"]
    assert len(shaded) == 1
    epochs = run.histories["mlp-small"].epochs
    lowest = min(epochs, key=lambda e: e.valid_loss).epoch
    assert_allclose([shaded[0].get_x(), shaded[0].get_x() + shaded[0].get_width()], [lowest, epochs[-1].epoch])
    assert not plot_history(run.histories["cnn-small"]).patches


def test_one_epoch_can_be_drawn(run):
    from secondlook.types import History

    ax = plot_history(History(run.histories["lenet"].epochs[:1], 1, "limit"))
    assert ax.get_xlim()[0] < 1 < ax.get_xlim()[1]


def test_a_confusion_matrix_shows_shares_off_the_diagonal_and_writes_the_counts(run):
    p = run.predictions("logistic")
    ax = plot_confusion(p)
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (p.labels, p.predicted), 1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    right, wrong = (image.get_array() for image in ax.images)
    assert_allclose(wrong.filled(0), shares * (1 - np.eye(10)))
    assert_allclose(right.filled(0), shares * np.eye(10))
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): int(t.get_text()) for t in ax.texts}
    assert written == {(i, j): counts[i, j] for i, j in zip(*np.nonzero(counts), strict=True)}


def test_many_classes_are_drawn_without_counts(make_run):
    ax = plot_confusion(make_run(k=50, scale=0.7).predictions("lenet"))
    assert not ax.texts
    assert ax.images[0].get_array().shape == (50, 50)


def images(k, h=8, w=8, c=1, dtype=np.uint8):
    n = 3 * k
    pixels = (np.arange(n * h * w * c).reshape(n, h, w, c) % 251).astype(dtype)
    pixels = pixels / np.float32(255) if dtype == np.float32 else pixels
    names = [f"a/{i}.png" for i in range(n)]
    classes = tuple(f"c${i}" for i in range(k))
    return ImageSet(pixels, np.arange(n) % k, classes, np.array(names), names, "a", "a folder")


@pytest.mark.parametrize(("c", "dtype"), [(1, np.uint8), (3, np.uint8), (1, np.float32)])
def test_the_sheet_of_examples_has_one_line_per_class(c, dtype):
    shown = images(4, c=c, dtype=dtype)
    ax = plot_examples(shown)
    sheet = ax.images[0].get_array()
    first = shown.pixels[0] / 255 if dtype == np.uint8 else shown.pixels[0]
    assert_allclose(sheet[:8, :8, :3], np.broadcast_to(first, (8, 8, 3)), atol=1e-6)
    second = shown.pixels[5] / 255 if dtype == np.uint8 else shown.pixels[5]
    assert_allclose(sheet[9:17, 9:17, :3], np.broadcast_to(second, (8, 8, 3)), atol=1e-6)
    assert [t.get_text() for t in ax.get_yticklabels()] == [rf"c\${i}" for i in range(4)]


def test_a_sheet_that_leaves_classes_out_says_so():
    assert plot_examples(images(30)).get_title(loc="left") == "12 of 30 classes shown"
    assert plot_examples(images(3)).get_title(loc="left") == ""


def test_pictures_are_drawn_into_the_axes_given(run):
    ax = Figure().add_subplot()
    assert plot_frontier(run, ax) is ax
    for draw, thing in (
        (plot_history, run.histories["lenet"]),
        (plot_confusion, run.predictions("lenet")),
        (plot_examples, images(2)),
    ):
        ax = Figure().add_subplot()
        assert draw(thing, ax) is ax
        ax.figure.canvas.draw()


def test_no_pyplot_figure_is_left_behind(run):
    import sys

    plot_frontier(run)
    if "matplotlib.pyplot" in sys.modules:
        assert not sys.modules["matplotlib.pyplot"].get_fignums()
