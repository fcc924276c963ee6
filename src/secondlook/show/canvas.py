"""What every picture starts from: axes of their own figure, two thin rules, quiet text."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from secondlook.show.palette import Palette

# Points.
TEXT, SMALL = 10.0, 9.0


def new_axes(width: float, height: float) -> Axes:
    """Axes of a new figure of this size in inches. Its canvas lets a notebook show it."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure.add_subplot()


def dress(ax: Axes, palette: Palette) -> None:
    """Two thin axes and quiet text: the data speak."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(palette.rule)
    ax.tick_params(colors=palette.quiet, labelsize=SMALL, length=3, width=0.8, which="major")
    ax.tick_params(length=0, which="minor")
    ax.xaxis.label.set(color=palette.quiet, size=SMALL)
    ax.yaxis.label.set(color=palette.quiet, size=SMALL)
