"""Pictures of thresholds: the curves they lie on, and how sure they are."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from secondlook.measure.curves import curve
from secondlook.show.canvas import SMALL, dress, new_axes
from secondlook.show.names import visible
from secondlook.show.palette import LIGHT, Palette
from secondlook.types import OperatingPoint, Predictions

# From so many points on, a curve is drawn by every few: no eye sees the difference.
_POINTS = 400

# (recall, precision or false-positive rate) of answers, and what they are called.
Mark = tuple[float, float, str]


def plot_curve(
    predictions: Predictions,
    of: str,
    ax: Axes | None = None,
    *,
    kind: str = "precision-recall",
    others: tuple[Predictions, ...] = (),
    marks: tuple[Mark, ...] = (),
    palette: Palette = LIGHT,
) -> Axes:
    """The precision-recall or the ROC curve of one class against the rest.

    Args:
        predictions: whose curve is drawn in full. others: further models, quieter.
        of: the class.
        kind: "precision-recall" or "roc".
        marks: answers to mark on it, as (x, y, name).
    """
    ax = new_axes(3.6, 3.4) if ax is None else ax
    place = predictions.classes.index(of)
    for said in (*others, predictions):
        found = curve(said.labels == place, said.probabilities[:, place])
        x, y = (found.recall, found.precision) if kind != "roc" else (found.false_positive_rate, found.recall)
        x, y = (x[1:], y[1:]) if kind != "roc" else (x, y)
        some = np.unique(np.linspace(0, len(x) - 1, min(len(x), _POINTS)).astype(int))
        own = said is predictions
        ax.plot(x[some], y[some], color=palette.accent if own else palette.rule, linewidth=1.8 if own else 1.1,
                zorder=2 if own else 1)  # fmt: skip
    if kind == "roc":
        ax.plot([0, 1], [0, 1], color=palette.quiet, linewidth=0.8, linestyle=(0, (2, 3)), zorder=0)
    else:
        share = float((predictions.labels == place).mean())
        ax.axhline(share, color=palette.quiet, linewidth=0.8, linestyle=(0, (2, 3)), zorder=0)
    for i, (x_at, y_at, name) in enumerate(marks):
        filled = i == len(marks) - 1
        ax.plot([x_at], [y_at], "o", markersize=6.5, color=palette.ink, zorder=3, clip_on=False,
                markerfacecolor=palette.ink if filled else palette.ground)  # fmt: skip
        left = x_at > (0.45 if kind == "roc" else 0.85)
        ax.annotate(name, (x_at, y_at), xytext=(-8 if left else 8, -12 if kind == "roc" else 9), size=SMALL,
                    textcoords="offset points", ha="right" if left else "left", color=palette.ink)  # fmt: skip
    ax.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall" if kind != "roc" else "false-positive rate",
           ylabel="precision" if kind != "roc" else "recall")  # fmt: skip
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_ticks([0, 0.5, 1], labels=["0", ".5", "1"])
    dress(ax, palette)
    return ax


def plot_thresholds(point: OperatingPoint, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """The threshold of every class with its interval; the line is that of the usual answer, 1 / classes."""
    k = len(point.thresholds)
    ax = new_axes(4.8, max(1.6, 0.3 * k + 0.8)) if ax is None else ax
    for line, threshold in enumerate(point.thresholds):
        if threshold.low is not None and threshold.high is not None:
            ax.plot([threshold.low, threshold.high], [line, line], color=palette.quiet, linewidth=1.4)
        ax.plot([threshold.value], [line], "o", color=palette.accent, markersize=6)
    ax.axvline(1 / k, color=palette.quiet, linewidth=0.8, linestyle=(0, (2, 3)))
    ax.set_yticks(range(k), [visible(threshold.of) for threshold in point.thresholds])
    ax.set(xlim=(0, None), ylim=(k - 0.5, -0.5), xlabel="threshold")
    dress(ax, palette)
    return ax
