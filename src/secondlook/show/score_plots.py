"""Scores and pairs of models as dots with their intervals."""

from __future__ import annotations

from math import isfinite

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from secondlook.show.axis import tick_label
from secondlook.show.canvas import SMALL, dress, new_axes
from secondlook.show.names import shortened
from secondlook.show.palette import LIGHT, Palette
from secondlook.show.score_names import score_name
from secondlook.types import Pairs, Scores

_LINE, _NAME_ROOM = 0.26, 18  # inches per line; characters of a name


def plot_scores(scores: Scores, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """The scores of all classes together that are shares, from the top down; a tick stands where guessing is.

    Losses, which have no upper end, are left out.
    """
    shown = [s for s in scores if not s.of and s.metric not in ("log_loss", "brier") and isfinite(s.value)]
    ax = new_axes(6.0, 0.9 + _LINE * len(shown)) if ax is None else ax
    for place, score in enumerate(shown):
        _dot(ax, place, (score.value, score.low, score.high), palette.ink)
        if isfinite(score.chance):
            ax.plot([score.chance], [place], "|", color=palette.quiet, markersize=9)
    _names(ax, [score_name(score.metric) for score in shown])
    ax.set_xlim(min([0.0, *(s.low for s in shown if isfinite(s.low))]) - 0.02, 1.02)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_label(round(value, 6))))
    ax.set_xlabel("score, with its 95 % interval; | guessing")
    dress(ax, palette)
    return ax


def plot_pairs(pairs: Pairs, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """Each pair's difference of accuracies in points with its paired interval; zero is marked.

    Pairs between which no difference was seen are drawn pale, with an open dot.
    """
    ax = new_axes(6.4, 0.9 + _LINE * max(len(pairs), 1)) if ax is None else ax
    ax.axvline(0, color=palette.quiet, linewidth=1, zorder=0)
    for place, pair in enumerate(pairs):
        seen = pair.verdict != "no difference seen"
        colour = palette.accent if seen else palette.quiet
        _dot(ax, place, (100 * pair.difference, 100 * pair.low, 100 * pair.high), colour, filled=seen)
    _names(ax, [f"{_name(pair.a)} – {_name(pair.b)}" for pair in pairs])
    ax.set_xlabel("difference of accuracies in points, with its 95 % interval")
    dress(ax, palette)
    return ax


def _dot(ax: Axes, place: int, ends: tuple[float, float, float], colour: str, filled: bool = True) -> None:
    value, low, high = ends
    if isfinite(low):
        ax.plot([low, high], [place, place], color=colour, linewidth=1.6, solid_capstyle="butt")
    face = colour if filled else ax.get_facecolor()
    ax.plot([value], [place], "o", color=colour, markerfacecolor=face, markersize=5, clip_on=False)


def _names(ax: Axes, names: list[str]) -> None:
    ax.set_yticks(range(len(names)), names, fontsize=SMALL)
    ax.set_ylim(len(names) - 0.4, -0.6)


def _name(text: str) -> str:
    # A dollar sign begins no formula.
    return shortened(text, _NAME_ROOM).replace("$", r"\$")
