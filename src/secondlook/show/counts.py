"""How many items each class has, the parts stacked: one bar per class, or a profile where there are many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from secondlook.show.canvas import SMALL, dress, new_axes
from secondlook.show.names import shortened
from secondlook.show.palette import LIGHT, Palette
from secondlook.types import Audit, IntArray

# More classes than this are drawn as a profile, without names.
NAMES_UP_TO = 40
# Opacity of each part, darkest where it matters most; "all" stands where there are no parts.
SHADES: Mapping[str, float] = {"train": 0.32, "valid": 0.62, "test": 1.0, "all": 0.5, "left out": 0.12}
_NAME_ROOM = 20
PROFILE_HEIGHT = 2.6  # inches


def plot_counts(audit: Audit, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """Items per class in each part, stacked from the training part on.

    Up to 40 classes have a bar each, in class order from the top, with the number in all at its end. More are drawn
    as a profile, the most frequent first.
    """
    classes: Sequence[str] = audit.data["classes"]
    counts: Mapping[str, Sequence[int]] = audit.data["counts"]
    if ax is None:
        few = len(classes) <= NAMES_UP_TO
        ax = new_axes(6.4, 0.75 + 0.25 * max(len(classes), 2) if few else PROFILE_HEIGHT)
    table = np.array([counts[part] for part in counts], dtype=np.int64).reshape(len(counts), len(classes))
    if len(classes) <= NAMES_UP_TO:
        _bars(ax, table, list(counts), classes, palette)
    else:
        _profile(ax, table, list(counts), palette)
    dress(ax, palette)
    if palette is LIGHT and len(counts) > 1:
        ax.legend(frameon=False, fontsize=SMALL, labelcolor=palette.ink, loc="best")
    return ax


def _bars(ax: Axes, table: IntArray, parts: list[str], classes: Sequence[str], palette: Palette) -> None:
    places, left = np.arange(len(classes)), np.zeros(len(classes), dtype=np.int64)
    for part, row in zip(parts, table, strict=True):
        ax.barh(places, row, left=left, height=0.72, color=palette.quiet, alpha=SHADES[part], linewidth=0, label=part)
        left = left + row
    most = int(left.max(initial=0))
    for place, total in enumerate(left.tolist()):
        ax.text(total + 0.008 * max(most, 1), place, f"{total:,}", va="center", size=SMALL, color=palette.quiet)
    # Room for the longest number behind the longest bar.
    ax.set_xlim(0, max(most, 1) * (1.04 + 0.02 * len(f"{most:,}")))
    ax.set_ylim(len(classes) - 0.4, -0.6)
    ax.set_yticks(places, [_label(name) for name in classes])
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.xaxis.set_major_formatter(FuncFormatter(_thousands))
    ax.set_xlabel("images")


def _profile(ax: Axes, table: IntArray, parts: list[str], palette: Palette) -> None:
    order = np.argsort(-table.sum(axis=0), kind="stable")
    edges: NDArray[Any] = np.arange(len(order) + 1)
    low = np.zeros(len(order), dtype=np.int64)
    for part, row in zip(parts, table[:, order], strict=True):
        high = low + row
        ax.stairs(high, edges, baseline=low, fill=True, color=palette.quiet, alpha=SHADES[part], linewidth=0,
                  label=part)  # fmt: skip
        low = high
    ax.set_xlim(0, len(order))
    ax.set_ylim(0, max(int(low.max(initial=0)), 1) * 1.05)
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.yaxis.set_major_formatter(FuncFormatter(_thousands))
    ax.set(xlabel=f"{len(order):,} classes, the most frequent first", ylabel="images")


def _thousands(value: float, _: int) -> str:
    return f"{value:,.0f}"


def _label(name: str) -> str:
    # A dollar sign begins no formula; it is escaped last, so that it is not cut apart.
    return shortened(name, _NAME_ROOM).replace("$", r"\$")
