"""The pictures, drawn by matplotlib. Each takes an `ax` or makes its own, and returns it; nothing is recomputed.

No pyplot state is touched: a figure made here belongs to the caller alone.
"""

from __future__ import annotations

from math import ceil, floor, log10
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from secondlook.show.axis import tick_label
from secondlook.show.canvas import SMALL, TEXT, dress, new_axes
from secondlook.show.counts import plot_counts as plot_counts
from secondlook.show.facts import error_shares, matrix, overfitting_from
from secondlook.show.frontier import plot_frontier as plot_frontier
from secondlook.show.palette import LIGHT, Palette
from secondlook.types import FloatArray, History, ImageSet, Predictions

_COUNTS_UP_TO = 12
_CLASSES_SHOWN, _EXAMPLES_SHOWN = 12, 10

# --- learning curves -----------------------------------------------------------------------------------------------


def plot_history(history: History, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """Training and validation loss against the epoch; the kept epoch is marked, overfitting is shaded.

    Losses are mean natural-log cross-entropies per image, without class weights; those with them are thin where they
    differ. Overfitting begins at the lowest validation loss, where that rises afterwards while the training loss still
    falls. A seam, where training was gone on with, is a thin line with a word.
    """
    ax = new_axes(4.8, 3.0) if ax is None else ax
    epochs = [e.epoch for e in history.epochs]
    ax.plot(epochs, [e.train_loss for e in history.epochs], color=palette.quiet, linewidth=1.3, linestyle=(0, (3, 2)),
            label="train")  # fmt: skip
    ax.plot(epochs, [e.valid_loss for e in history.epochs], color=palette.ink, linewidth=1.7, label="validation")
    _weighted_losses(ax, history, palette)
    start = overfitting_from(history)
    if start is not None:
        ax.axvspan(start, epochs[-1], color=palette.shade, zorder=0, linewidth=0, label="overfitting")
    kept = [e for e in history.epochs if e.epoch == history.best]
    if kept:
        ax.axvline(kept[0].epoch, color=palette.accent, linewidth=1, zorder=1)
        ax.plot([kept[0].epoch], [kept[0].valid_loss], "o", color=palette.accent, markersize=5.5, label="kept epoch",
                clip_on=False, zorder=3)  # fmt: skip
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set(xlabel="epoch", ylabel="loss")
    if len(epochs) == 1:
        ax.set_xlim(epochs[0] - 1, epochs[0] + 1)
    loss_scale(ax, [history])
    _seams(ax, history, palette)
    dress(ax, palette)
    if palette is LIGHT:
        ax.legend(frameon=False, fontsize=SMALL, labelcolor=palette.ink)
    return ax


def _weighted_losses(ax: Axes, history: History, palette: Palette) -> None:
    """The losses that are optimised, thin, over the epochs where weights make them differ from the plain ones."""
    if not any(e.weighted for e in history.epochs):
        return
    epochs = [e.epoch for e in history.epochs]
    for part, colour, dashes in (("train", palette.quiet, (0, (3, 2))), ("valid", palette.ink, "solid")):
        losses = [getattr(e, f"{part}_weighted_loss") if e.weighted else np.nan for e in history.epochs]
        ax.plot(epochs, losses, color=colour, linewidth=0.7, linestyle=dashes, alpha=0.7)


def _seams(ax: Axes, history: History, palette: Palette) -> None:
    """A thin line where training was gone on with; above it, clear of the curves, a word."""
    last, room, taken = history.epochs[-1].epoch, history.epochs[-1].epoch / 4, -np.inf
    line = 0
    for seam in history.seams:
        place = seam.epoch + 0.5
        late = place > last - room
        line = 1 - line if place < taken else 0  # one line higher where the word before it still goes on
        taken = place + room
        ax.axvline(place, color=palette.quiet, linewidth=0.7, zorder=1)
        ax.annotate(
            seam.word, (place, 1), (0, 2 + 9 * line), xycoords=("data", "axes fraction"), textcoords="offset points",
            ha="right" if late else "left", va="bottom", size=SMALL, color=palette.quiet,
        )  # fmt: skip


def loss_scale(ax: Axes, histories: list[History]) -> None:
    """The loss axis that holds all these histories: from zero, or in powers where losses fall more than tenfold."""
    losses = [
        v
        for h in histories
        for e in h.epochs
        for v in (e.train_loss, e.valid_loss, e.train_weighted_loss, e.valid_weighted_loss)
        if np.isfinite(v)
    ]
    if not losses:
        return
    low, high = min(losses), max(losses)
    if low <= 0 or high / low < 10:
        ax.set_ylim(0, high * 1.05 or 1)
        ax.yaxis.set_major_locator(MaxNLocator(4))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_label(value)))
        return
    low = max(low, high * 1e-5)
    ax.set_yscale("log")
    ax.set_ylim(low / 1.2, high * 1.2)
    decades = range(floor(log10(low)), ceil(log10(high)) + 1)
    steps = (1, 3) if len(decades) <= 5 else (1,)
    ticks = [m * 10.0**e for e in decades for m in steps if low / 1.2 <= m * 10.0**e <= high * 1.2]
    ax.yaxis.set_major_locator(FixedLocator(ticks))
    ax.yaxis.set_major_formatter(FixedFormatter([tick_label(t) for t in ticks]))
    ax.yaxis.set_minor_locator(NullLocator())


# --- confusion -----------------------------------------------------------------------------------------------------


def plot_confusion(predictions: Predictions, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """The confusion matrix: lines are given classes, columns are answers, colours are shares of the line.

    The diagonal is muted so that the mistakes stand out; the darkest cell is the most frequent of them. Counts are
    written for up to 12 classes.
    """
    counts = matrix(predictions)
    shares = error_shares(counts)
    k = len(counts)
    side = min(max(3.2, 0.45 * k), 9.0)
    ax = new_axes(side + 0.8, side) if ax is None else ax
    wrong = np.ma.masked_array(shares, mask=np.eye(k, dtype=bool))
    right = np.ma.masked_array(shares, mask=~np.eye(k, dtype=bool))
    top = float(wrong.max()) if k > 1 and float(wrong.max()) > 0 else 1.0
    ax.imshow(right, cmap=_ramp(palette.ground, palette.rule), vmin=0, vmax=1)
    ax.imshow(wrong, cmap=_ramp(palette.ground, palette.ramp), vmin=0, vmax=top)
    if k <= _COUNTS_UP_TO:
        for i, j in zip(*np.nonzero(counts), strict=True):
            dark = i != j and shares[i, j] > 0.55 * top
            colour = palette.ground if dark else palette.quiet if i == j else palette.ink
            ax.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", color=colour, size=SMALL)
    _class_ticks(ax, predictions.classes)
    dress(ax, palette)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set(xlabel="answer", ylabel="given")
    ax.set_title(f"{predictions.model}, {predictions.part}", loc="left", size=TEXT, color=palette.ink)
    return ax


def _ramp(low: str, high: str) -> LinearSegmentedColormap:
    return LinearSegmentedColormap.from_list("ramp", [low, high])


def plain(text: str) -> str:
    """Text that matplotlib writes as it stands: a dollar sign begins no formula."""
    return text.replace("$", r"\$")


def _class_ticks(ax: Axes, classes: tuple[str, ...]) -> None:
    if len(classes) > 40:
        return
    names = [plain(c if len(c) <= 14 else c[:13] + "…") for c in classes]
    places = range(len(classes))
    ax.set_xticks(places, names, rotation=90 if max(map(len, names)) > 3 else 0)
    ax.set_yticks(places, names)


# --- examples ------------------------------------------------------------------------------------------------------


def plot_examples(images: ImageSet, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """A sheet of examples, one line per class: the first images of each, at most 10 of at most 12 classes.

    Where more classes exist, the title says how many are shown.
    """
    h, w, _ = images.shape
    shown = images.classes[:_CLASSES_SHOWN]
    picks = [np.flatnonzero(images.labels == c)[:_EXAMPLES_SHOWN] for c in range(len(shown))]
    columns = max((len(p) for p in picks), default=1) or 1
    gap = max(1, round(0.08 * max(h, w)))
    sheet = np.zeros((len(shown) * (h + gap) - gap, columns * (w + gap) - gap, 4), dtype=np.float64)
    for line, items in enumerate(picks):
        for column, item in enumerate(items):
            top, left = line * (h + gap), column * (w + gap)
            sheet[top : top + h, left : left + w] = _rgba(images.pixels[item])
    if ax is None:
        ax = new_axes(1.4 + 0.62 * columns, 0.5 + 0.62 * len(shown) * h / w)
    ax.imshow(sheet, interpolation="nearest" if max(h, w) <= 64 else "antialiased")
    ax.set_yticks([line * (h + gap) + h / 2 - 0.5 for line in range(len(shown))], [plain(c) for c in shown])
    ax.set_xticks([])
    dress(ax, palette)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if len(shown) < len(images.classes):
        title = f"{len(shown)} of {len(images.classes)} classes shown"
        ax.set_title(title, loc="left", size=SMALL, color=palette.quiet)
    return ax


def _rgba(pixels: NDArray[Any]) -> FloatArray:
    image = pixels / 255.0 if pixels.dtype == np.uint8 else pixels.astype(np.float64)
    rgb = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
    return np.concatenate([rgb, np.ones((*rgb.shape[:2], 1))], axis=2)
