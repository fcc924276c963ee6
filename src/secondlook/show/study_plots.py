"""The pictures of a study, drawn by matplotlib from its cells and laws; nothing is fitted here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, NullLocator

from secondlook.measure.laws.power import foretell
from secondlook.show.canvas import SMALL, TEXT, dress, new_axes
from secondlook.show.palette import LIGHT, Palette
from secondlook.show.plots import plain
from secondlook.show.study_words import VARIED, judged_by, measure_name
from secondlook.types import Cell, FloatArray, PowerLaw, Study

# Okabe and Ito's colours and a marker each, so that no colour stands alone.
STYLES = (
    ("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"), ("#E69F00", "v"), ("#56B4E9", "P"),
    ("#8a8a8a", "X"),
)  # fmt: skip
DASHES: Mapping[str, Any] = {
    "": "solid", "random": "solid", "weights": (0, (4, 2)), "oversample": (0, (1, 1.5)), "augment": (0, (6, 2, 1, 2)),
    "hardest": (0, (4, 2)),
}  # fmt: skip
# A law is drawn so far beyond the largest size that was measured.
_BEYOND = 4.0


def style_of(study: Study, model: str) -> tuple[str, str]:
    """Colour and marker of a model."""
    return STYLES[study.models.index(model) % len(STYLES)]


def plot_study(study: Study, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """What was measured over what was varied: each seed a dot, their mean a line; of a grid, its first model's map."""
    if study.kind == "grid":
        return plot_grid(study, study.models[0], ax, palette=palette)
    ax = new_axes(7.2, 4.2) if ax is None else ax
    for (model, variant), values in series(study).items():
        _curve(ax, study, model, variant, values)
    for model in study.models:
        law = study.laws[model].power if model in study.laws else None
        if law is not None:
            _law(ax, law, style_of(study, model)[0])
    if study.kind in ("size", "imbalance"):
        log_rows(ax)
    if study.kind == "classes":
        ks = sorted({cell.classes for cell in study.cells})
        ax.plot(ks, [1 / k for k in ks], color=palette.quiet, linewidth=1, linestyle=(0, (1, 3)), label="chance")
    ax.set(xlabel=VARIED[study.kind], ylabel=plain(measure_name(study)))
    dress(ax, palette)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False, fontsize=SMALL, labelcolor=palette.ink, loc="best").set_zorder(5)
    return ax


def series(study: Study) -> dict[tuple[str, str], dict[Any, list[float]]]:
    """By model and remedy or order: the values measured, by what was varied."""
    found: dict[tuple[str, str], dict[Any, list[float]]] = {}
    for cell in study.cells:
        value = judged_by(study, cell)
        if value is not None:
            key = cell.model, cell.remedy or cell.order
            found.setdefault(key, {}).setdefault(study.value(cell), []).append(value)
    return found


def _curve(ax: Axes, study: Study, model: str, variant: str, values: Mapping[Any, Sequence[float]]) -> None:
    colour, marker = style_of(study, model)
    xs = sorted(values)
    means = [float(np.mean(values[x])) for x in xs]
    label = model if variant in ("", "random") else f"{model}, {variant}"
    ax.plot(
        xs, means, color=colour, linewidth=1.6, linestyle=DASHES.get(variant, "solid"), marker=marker, markersize=4.5,
        label=plain(label), zorder=3,
    )  # fmt: skip
    dots = [(x, y) for x in xs for y in values[x] if len(values[x]) > 1]
    if dots:
        x, y = zip(*dots, strict=True)
        ax.scatter(x, y, s=7, color=colour, alpha=0.45, linewidth=0, zorder=2)


def _law(ax: Axes, law: PowerLaw, colour: str) -> None:
    """The law's accuracy with its band, thin beyond what was measured."""
    xs = np.geomspace(law.rows[0], law.rows[-1] * _BEYOND, 60)
    said = [foretell(law, float(x), law.classes[-1]) for x in xs]
    ax.fill_between(xs, [1 - f.high for f in said], [1 - f.low for f in said], color=colour, alpha=0.12, linewidth=0)
    beyond = xs >= law.rows[-1]
    ax.plot(xs[beyond], [1 - f.value for f, far in zip(said, beyond, strict=True) if far], color=colour, linewidth=1,
            linestyle=(0, (2, 2)), zorder=1)  # fmt: skip


def log_rows(ax: Axes) -> None:
    """Numbers of images on a logarithmic axis, ticked at 1, 2 and 5."""
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    low = max(low, 0.5)
    ticks = [m * 10.0**e for e in range(-1, 8) for m in (1, 2, 5) if low <= m * 10.0**e <= high]
    while len(ticks) > 9:
        ticks = ticks[::2]
    ax.set_xticks(ticks)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.xaxis.set_minor_locator(NullLocator())


def plot_grid(study: Study, model: str, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """Mean accuracy of a model for each number of classes and of images, written into the cells of a map."""
    ks = sorted({cell.classes for cell in study.cells})
    rows = sorted({cell.rows for cell in study.cells})
    values = grid_means(study.of(model), ks, rows)
    ax = new_axes(1.4 + 0.52 * len(rows), 0.9 + 0.34 * len(ks)) if ax is None else ax
    known = values[~np.isnan(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    for (i, j), value in np.ndenumerate(values):
        if isnan(value):
            continue
        # The more errors, the darker; drawn cell by cell, so that a page shows it in its own colours.
        share = (high - value) / (high - low) if high > low else 0.0
        ax.add_patch(
            Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=palette.ramp, alpha=0.06 + 0.84 * share, linewidth=0)
        )
        ax.text(j, i, f"{value:.3f}".lstrip("0"), ha="center", va="center", size=SMALL,
                color=palette.ground if share > 0.55 else palette.ink)  # fmt: skip
    ax.set(xlim=(-0.5, len(rows) - 0.5), ylim=(len(ks) - 0.5, -0.5))
    ax.set_xticks(range(len(rows)), [f"{n:,}" for n in rows])
    ax.set_yticks(range(len(ks)), [str(k) for k in ks])
    ax.set(xlabel="images per class", ylabel="classes")
    ax.set_title(plain(model), loc="left", size=TEXT, color=palette.ink)
    dress(ax, palette)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def grid_means(cells: Iterable[Cell], ks: Sequence[int], rows: Sequence[int]) -> FloatArray:
    """Mean accuracy over seeds, float64 (k, n); NaN where there is no cell."""
    values: dict[tuple[int, int], list[float]] = {}
    for cell in cells:
        if cell.test_accuracy is not None:
            values.setdefault((cell.classes, cell.rows), []).append(cell.test_accuracy)
    return np.array([[np.mean(values[k, n]) if (k, n) in values else np.nan for n in rows] for k in ks])


def plot_learning(study: Study, model: str, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """Validation loss by epoch: the mean over seeds and their range, one curve per value of what was varied."""
    ax = new_axes(4.8, 3.0) if ax is None else ax
    curves: dict[Any, list[list[float]]] = {}
    for cell in study.of(model):
        if cell.history is not None and cell.plain:
            value = cell.rows if study.kind == "grid" else study.value(cell)
            curves.setdefault(value, []).append([epoch.valid_loss for epoch in cell.history.epochs])
    values = sorted(curves)
    ramp = LinearSegmentedColormap.from_list("steps", ["#bcd3e6", "#0b3f66"])
    for at, value in enumerate(values):
        longest = max(len(one) for one in curves[value])
        table = np.array([one + [np.nan] * (longest - len(one)) for one in curves[value]])
        known = ~np.isnan(table).any(axis=0)
        colour = ramp(at / max(1, len(values) - 1))
        epochs = np.flatnonzero(known) + 1
        ax.fill_between(
            epochs, table[:, known].min(axis=0), table[:, known].max(axis=0), color=colour, alpha=0.15, linewidth=0
        )
        ax.plot(epochs, table[:, known].mean(axis=0), color=colour, linewidth=1.5)
        if at in (0, len(values) - 1) and known.any():
            end = int(np.flatnonzero(known)[-1])
            ax.annotate(f" {value:,}" if not isinstance(value, tuple) else "", (end + 1, table[:, end].mean()),
                        size=SMALL, color=palette.quiet, va="center")  # fmt: skip
    ax.set(xlabel="epoch", ylabel="validation loss")
    ax.set_title(plain(model), loc="left", size=TEXT, color=palette.ink)
    ax.margins(x=0.12)
    dress(ax, palette)
    return ax


def plot_by_class(study: Study, model: str, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """Recall of every class over the images of the minority, nothing being done about it; the minority stands out."""
    ax = new_axes(4.8, 3.0) if ax is None else ax
    rare = str(study.config["minority"])
    cells = [cell for cell in study.of(model) if cell.plain]
    sizes = sorted({study.value(cell) for cell in cells})
    names = dict.fromkeys(name for cell in cells for name in cell.members)
    for name in sorted(names, key=lambda name: name == rare):
        values = {n: [r for c in cells if study.value(c) == n and (r := c.recall(name)) is not None] for n in sizes}
        known = [n for n in sizes if values[n]]
        line = {"color": palette.accent, "linewidth": 1.8, "marker": "o", "markersize": 4} if name == rare else {
            "color": palette.quiet, "linewidth": 0.9, "alpha": 0.6}  # fmt: skip
        ax.plot(known, [float(np.mean(values[n])) for n in known], label=plain(name), **line)  # type: ignore[arg-type]
    log_rows(ax)
    ax.set(xlabel=VARIED[study.kind], ylabel="recall")
    ax.set_title(plain(f"{model}: {rare}, and the other classes"), loc="left", size=TEXT, color=palette.ink)
    dress(ax, palette)
    return ax


def plot_residuals(study: Study, model: str, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """What a straight line leaves of the accuracy, over its fit: a pattern says that the line is the wrong shape."""
    ax = new_axes(4.8, 3.0) if ax is None else ax
    line = study.laws[model].lines["test_accuracy"]
    colour, marker = style_of(study, model)
    ax.axhline(0, color=palette.rule, linewidth=1)
    ax.scatter(line.fitted, 100 * line.residuals, s=16, color=colour, marker=marker, linewidth=0, alpha=0.8)
    ax.set(xlabel="fitted accuracy", ylabel="residual, points")
    ax.set_title(plain(model), loc="left", size=TEXT, color=palette.ink)
    dress(ax, palette)
    return ax
