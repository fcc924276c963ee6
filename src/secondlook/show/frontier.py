"""Test accuracy against the numbers trained, with the efficient frontier."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, floor, log10

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation
from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator
from matplotlib.transforms import Bbox

from secondlook.show import format as fmt
from secondlook.show.axis import Axis, tick_label
from secondlook.show.canvas import SMALL, TEXT, dress, new_axes
from secondlook.show.facts import finished, frontier
from secondlook.show.labels import place
from secondlook.show.palette import LIGHT, Palette, family
from secondlook.types import Row, Run


def plot_frontier(run: Run, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """Test accuracy with its 95 % interval against the numbers trained, on a log axis.

    Models that train nothing stand left of the axis break. The efficient frontier is the stair; chance and the
    majority value are the thin lines.

    Args:
        run: a finished comparison.
        ax: where to draw; new axes by default.
        palette: colours of text and rules.

    Returns:
        The axes.
    """
    ax = new_axes(7.2, 4.4) if ax is None else ax
    rows = [r for r in finished(run) if r.trained is not None]
    _share_scale(ax, run)
    _size_scale(ax, [r.trained or 0 for r in rows], palette)
    for value, name, style in ((run.chance, "chance", ":"), (run.majority, "majority value", "--")):
        ax.axhline(value, color=palette.quiet, linewidth=0.9, linestyle=style, zorder=1, label=name)
    stair = frontier(run)
    if stair:
        right = ax.get_xlim()[1]
        x = [r.trained or 0 for r in stair] + [right]
        y = [r.test_accuracy or 0.0 for r in stair]
        ax.step(x, [*y, y[-1]], where="post", color=palette.rule, linewidth=2.5, zorder=1.5, label="efficient frontier")
    for row in rows:
        _point(ax, row, row.model == run.chosen, palette)
    ax.set(xlabel="numbers trained", ylabel="test accuracy")
    dress(ax, palette)
    _name_points(ax, run, rows, palette)
    return ax


def _share_scale(ax: Axes, run: Run) -> None:
    axis = Axis.of(run)
    if axis.stretched:
        ax.set_yscale("function", functions=(axis.warp, axis.unwarp))
    room = 0.02 * (axis.end - axis.start)
    low, high = axis.unwarp(np.array([axis.start - room, axis.end + room]))
    ax.set_ylim(float(low), float(high))
    ticks = axis.ticks(gap=0.1)
    ax.yaxis.set_major_locator(FixedLocator(ticks))
    ax.yaxis.set_major_formatter(FixedFormatter([tick_label(t) for t in ticks]))
    ax.yaxis.set_minor_locator(NullLocator())


def _size_scale(ax: Axes, sizes: list[int], palette: Palette) -> None:
    some = [s for s in sizes if s > 0] or [1]
    first, last = floor(log10(min(some))), ceil(log10(max(some) * 1.6))
    last = max(last, first + 1)
    if 0 not in sizes:
        ax.set_xscale("log")
        ax.set_xlim(10.0**first * 0.8, 10.0**last)
    else:
        # Zero has no logarithm: it stands one decade left of the smallest, beyond a break.
        ax.set_xscale("symlog", linthresh=10.0**first, linscale=0.8)
        ax.set_xlim(-(10.0**first) * 0.4, 10.0**last)
        ax.annotate(
            "//", (0.5 * 10.0**first, 0), xycoords=("data", "axes fraction"), ha="center", va="center",
            color=palette.quiet, size=TEXT, annotation_clip=False,
        )  # fmt: skip
    step = max(1, ceil((last - first) / 7))
    ticks = [0.0] * (0 in sizes) + [10.0**e for e in range(first, last + 1, step)]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_major_formatter(FixedFormatter([_short(round(t)) for t in ticks]))
    ax.xaxis.set_minor_locator(NullLocator())


def _short(n: int) -> str:
    return "1k" if n == 1000 else fmt.count(n).replace(".0", "")


def _point(ax: Axes, row: Row, chosen: bool, palette: Palette) -> None:
    colour, marker, _ = family(row.family)
    x, y = row.trained or 0, row.test_accuracy or 0.0
    ax.vlines(x, row.test_low or y, row.test_high or y, color=palette.quiet, linewidth=1.2, zorder=2)
    if chosen:
        ax.plot([x], [y], "o", markersize=14, markerfacecolor="none", markeredgecolor=palette.accent,
                markeredgewidth=1.8, zorder=2.5, label="chosen")  # fmt: skip
    ax.plot([x], [y], marker, markersize=7, markerfacecolor=colour, markeredgecolor=palette.ink,
            markeredgewidth=0.7, zorder=3, label=row.model)  # fmt: skip


def _name_points(ax: Axes, run: Run, rows: list[Row], palette: Palette) -> None:
    FigureCanvasAgg(ax.figure).draw()  # type: ignore[arg-type, no-untyped-call]  # the layout must stand before boxes are compared
    at = ax.transData.transform
    obstacles = []
    for row in rows:
        x, y = at((row.trained or 0, row.test_accuracy or 0.0))
        low, high = (at((row.trained or 0, v or 0.0))[1] for v in (row.test_low, row.test_high))
        pad = (8 if row.model == run.chosen else 5) * ax.figure.dpi / 72
        obstacles += [Bbox([[x - pad, y - pad], [x + pad, y + pad]]), Bbox([[x - 1, low], [x + 1, high]])]
    obstacles += _drawn_lines(ax, run)
    order = sorted(rows, key=lambda r: (r.model != run.chosen, -(r.test_accuracy or 0)))
    texts = []
    lines = _name_lines(ax, run, palette)
    for row in order:
        mine = row.model == run.chosen
        texts.append(
            ax.annotate(
                row.model,
                (row.trained or 0, row.test_accuracy or 0.0),
                xytext=(7, 0),
                textcoords="offset points",
                color=palette.accent if mine else palette.ink,
                size=TEXT,
                weight="bold" if mine else "normal",
                arrowprops={"arrowstyle": "-", "color": palette.quiet, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 4},
            )
        )
    for text in texts:
        text.set_in_layout(False)
    place(ax, texts, obstacles + [line.get_window_extent() for line in lines])


def _drawn_lines(ax: Axes, run: Run) -> list[Bbox]:
    """Thin boxes along the stair, chance and majority, in display units."""
    left, right = ax.get_xlim()
    corners = [(r.trained or 0, r.test_accuracy or 0.0) for r in frontier(run)]
    ends = [*(x for x, _ in corners[1:]), right]
    level = [(x, y, end, y) for (x, y), end in zip(corners, ends, strict=True)] if corners else []
    upright = [(b[0], a[1], b[0], b[1]) for a, b in pairwise(corners)]
    across = [(left, value, right, value) for value in (run.chance, run.majority)]
    boxes = []
    for x0, y0, x1, y1 in (*level, *upright, *across):
        (left_x, low_y), (right_x, high_y) = ax.transData.transform([(x0, y0), (x1, y1)])
        boxes.append(Bbox([[left_x - 2, low_y - 2], [right_x + 2, high_y + 2]]))
    return boxes


def _name_lines(ax: Axes, run: Run, palette: Palette) -> list[Annotation]:
    marks = sorted([(run.chance, "chance"), (run.majority, "majority")])
    if marks[0][0] == marks[1][0]:
        marks = [(run.chance, "chance = majority")]
    # The higher line is named above itself, the lower one below, so that two close lines keep their names apart.
    return [
        ax.annotate(
            name,
            (1, value),
            xytext=(-2, 2 if i == len(marks) - 1 else -2),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="bottom" if i == len(marks) - 1 else "top",
            color=palette.quiet,
            size=SMALL,
        )
        for i, (value, name) in enumerate(marks)
    ]
