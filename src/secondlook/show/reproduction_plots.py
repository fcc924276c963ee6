"""The pictures of a reproduction: ours as dots with their intervals, published figures as grey marks."""

from __future__ import annotations

from math import isnan

from matplotlib.axes import Axes

from secondlook.show.canvas import SMALL, TEXT, dress, new_axes
from secondlook.show.palette import LIGHT, Palette
from secondlook.show.plots import plain
from secondlook.types import FigureTable


def height(table: FigureTable, measure: str) -> float:
    """Inches that a picture of a measure wants."""
    return 0.9 + 0.26 * sum(table.at(of, measure) is not None for of in table.lines)


def plot_figures(table: FigureTable, measure: str, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """One measure of a table, a line for each thing that it is of.

    Raises:
        KeyError: nothing of the table is measured so.
    """
    lines = [figure for of in table.lines if (figure := table.at(of, measure)) is not None]
    if not lines:
        raise KeyError(f"no measure {measure!r} in this table; it has {', '.join(table.measures)}")
    ax = new_axes(5.2, height(table, measure)) if ax is None else ax
    for at, figure in enumerate(lines):
        if figure.published is not None:
            ax.plot(figure.published, at, marker="D", markersize=6, color=palette.quiet, alpha=0.55, linewidth=0,
                    markeredgewidth=0, zorder=2)  # fmt: skip
        if figure.ours is None:
            continue
        if not isnan(figure.ours.low):
            ends = figure.ours.low, figure.ours.high
            ax.plot(ends, (at, at), color=palette.accent, linewidth=1.4, zorder=3, solid_capstyle="butt")
        ax.plot(figure.ours.value, at, marker="o", markersize=4.5, color=palette.accent, linewidth=0, zorder=4)
    ax.set_yticks(range(len(lines)), [plain(figure.of) for figure in lines])
    ax.set_ylim(len(lines) - 0.5, -0.5)
    ax.set_title(plain(measure), loc="left", size=TEXT, color=palette.ink)
    dress(ax, palette)
    ax.tick_params(axis="y", length=0, labelsize=SMALL)
    ax.grid(axis="x", color=palette.rule, linewidth=0.6)
    ax.set_axisbelow(True)
    return ax
