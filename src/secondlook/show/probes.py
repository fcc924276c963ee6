"""The invariance probe as it is shown: a table, one small picture per model, and a line or two in the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from secondlook.show import format as fmt
from secondlook.show.findings_terminal import paragraph
from secondlook.show.palette import LIGHT, Palette
from secondlook.types import Probe, Probes, Run

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

UNTOUCHED, SHIFT = "untouched", "shift "
# The shift that the terminal names, and a fall that is worth its second line.
_NAMED, _FALL = 2, 0.05


@dataclass(frozen=True)
class Cell:
    """One accuracy of the table: `falls` where it is lower than untouched beyond chance; `more` on hover."""

    text: str
    falls: bool
    more: str


@dataclass(frozen=True)
class ProbePanel:
    """One model's picture, with what it shows in words."""

    model: str
    svg: Markup


def heads(probes: Probes) -> list[tuple[str, str]]:
    """The table's columns: short name and what it means."""
    return [(_head(kind), _meaning(kind)) for kind in probes.kinds]


def _head(kind: str) -> str:
    name, _, amount = kind.partition(" ")
    return {"shift": f"shift {amount} px", "rotate": f"turn {amount}°", "invert": "inverted"}.get(name, kind)


def _meaning(kind: str) -> str:
    name, _, amount = kind.partition(" ")
    pixels = f"{amount} pixel{'' if amount == '1' else 's'}"
    return {
        "untouched": "The same images as they are.",
        "shift": f"Moved by {pixels}: the mean over up, down, left and right; the border is repeated.",
        "rotate": f"Turned by {amount} degrees: the mean over both directions.",
        "noise": "Normal noise of a tenth of the range added to every pixel.",
        "invert": "Negatives: black becomes white.",
    }[name]


def lines(probes: Probes) -> list[tuple[str, list[Cell]]]:
    """The table: every model's accuracies, in the order of `heads`."""
    places = _places(probes)
    return [
        (model, [_cell(found[kind], places) for kind in probes.kinds if kind in found])
        for model, found in probes.by_model().items()
    ]


def _cell(row: Probe, places: int) -> Cell:
    said = f"{row.accuracy:.3f} ({row.low:.3f} to {row.high:.3f})"
    if row.probe != UNTOUCHED:
        said += f"; {_points(row.drop)} below untouched ({_points(row.drop_low)} to {_points(row.drop_high)})"
    return Cell(fmt.share(row.accuracy, digits=places), row.falls, said)


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _shifted(found: Mapping[str, Probe]) -> list[tuple[int, Probe]]:
    """The shifts by pixels, untouched being 0."""
    shifts = [(int(kind.removeprefix(SHIFT)), row) for kind, row in found.items() if kind.startswith(SHIFT)]
    return [(0, found[UNTOUCHED]), *sorted(shifts, key=lambda pair: pair[0])]


def plot_probes(probes: Probes, ax: Axes | None = None, *, palette: Palette = LIGHT) -> Axes:
    """Accuracy against the shift in pixels, a line per model with its interval as a band; chance dotted."""
    from matplotlib.ticker import MaxNLocator

    from secondlook.show.canvas import SMALL, dress, new_axes

    ax = new_axes(4.8, 3.0) if ax is None else ax
    for model, found in probes.by_model().items():
        pixels, rows = zip(*_shifted(found), strict=True)
        ax.plot(pixels, [row.accuracy for row in rows], marker="o", markersize=3.5, linewidth=1.4, label=model)
        ax.fill_between(pixels, [row.low for row in rows], [row.high for row in rows], alpha=0.12, linewidth=0)
    ax.axhline(probes.chance, color=palette.quiet, linewidth=0.9, linestyle=(0, (1, 3)))
    ax.set(xlabel="shift in pixels", ylabel="accuracy", ylim=(0, 1.02))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    dress(ax, palette)
    ax.legend(frameon=False, fontsize=SMALL, labelcolor=palette.ink)
    return ax


def panels(probes: Probes, chosen: str) -> list[ProbePanel]:
    """A picture per model, all on the same axes: shifts as a line with its band, then the other probes as dots."""
    from markupsafe import Markup

    from secondlook.show.canvas import new_axes
    from secondlook.show.palette import SENTINELS
    from secondlook.show.svg import themed

    shown = []
    for i, (model, found) in enumerate(probes.by_model().items()):
        ax = new_axes(2.7, 1.7)
        _draw(ax, found, probes.chance, SENTINELS, SENTINELS.accent if model == chosen else SENTINELS.ink)
        said = ", ".join(f"{_head(kind)} {fmt.share(row.accuracy)}" for kind, row in found.items())
        drawn = themed(ax.figure, f"probe{i}", f"Accuracy of {model} on changed test images: {said}")  # type: ignore[arg-type]
        shown.append(ProbePanel(model, Markup(drawn)))
    return shown


def _draw(ax: Axes, found: Mapping[str, Probe], chance: float, palette: Palette, colour: str) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter

    from secondlook.show.axis import tick_label
    from secondlook.show.canvas import dress

    pixels, rows = zip(*_shifted(found), strict=True)
    low, high = [row.low for row in rows], [row.high for row in rows]
    ax.fill_between(pixels, low, high, color=palette.shade, linewidth=0)
    ax.plot(
        pixels, [row.accuracy for row in rows], color=colour, linewidth=1.6, marker="o", markersize=3.5, clip_on=False
    )
    other = [row for kind, row in found.items() if kind != UNTOUCHED and not kind.startswith(SHIFT)]
    first, step = max(pixels) + 1.4, 1.25
    for i, row in enumerate(other):
        ax.plot([first + step * i] * 2, [row.low, row.high], color=palette.quiet, linewidth=1.2)
        ax.plot([first + step * i], [row.accuracy], "o", color=colour, markersize=3.5, clip_on=False)
    ax.axhline(chance, color=palette.quiet, linewidth=0.9, linestyle=(0, (1, 3)), zorder=0)
    ax.set_ylim(0, 1)
    ax.set_xlim(-0.3, first + step * max(len(other) - 1, 0) + 0.5)
    ax.yaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick_label(value)))
    names = {"rotate": "turn", "noise": "noise", "invert": "inv."}
    ax.xaxis.set_major_locator(FixedLocator([*pixels, *(first + step * i for i in range(len(other)))]))
    ax.xaxis.set_major_formatter(
        FixedFormatter([*(str(p) for p in pixels), *(names[row.probe.partition(" ")[0]] for row in other)])
    )
    dress(ax, palette)
    ax.tick_params(axis="x", labelsize=8)


def terminal_lines(run: Run, width: int = 100) -> list[Text]:
    """What became of the chosen model's accuracy, and which models a small shift costs most and least."""
    probes = run.invariance
    found = probes.by_model()
    text = []
    if found:
        model = run.chosen if run.chosen in found else next(iter(found))
        places = _places(probes)
        said = ", ".join(
            f"{_head(kind)} {fmt.share(row.accuracy, digits=places)}" for kind, row in found[model].items()
        )
        text = [f"probe on {probes.n:,} test images, {model}: {said}", _shift_line(probes, places)]
    if probes.skipped:
        text.append(f"not probed: {fmt.listing([*probes.skipped])}; the report says why")
    return [line for one in text if one for line in paragraph(one, width, 2, "dim")]


def _places(probes: Probes) -> int:
    """Decimals that the widest interval supports."""
    return fmt.decimals(max((fmt.half_width(row.accuracy, row.low, row.high) for row in probes.rows), default=0.0))


def _shift_line(probes: Probes, places: int) -> str:
    """Which model falls most and which least when images move a little; "" where none falls by much.

    Models that cannot be told from chance before are left out: they have nothing to lose.
    """
    found = {m: by_kind for m, by_kind in probes.by_model().items() if by_kind[UNTOUCHED].low > probes.chance}
    near = [kind for kind in probes.kinds if kind.startswith(SHIFT) and int(kind.removeprefix(SHIFT)) <= _NAMED]
    if len(found) < 2 or not near:
        return ""
    rows = sorted((by_kind[near[-1]] for by_kind in found.values()), key=lambda row: row.drop)
    if not rows[-1].falls or rows[-1].drop < _FALL:
        return ""
    by = near[-1].removeprefix(SHIFT)

    def moved(row: Probe) -> str:
        before = found[row.model][UNTOUCHED].accuracy
        return f"{row.model} from {fmt.share(before, digits=places)} to {fmt.share(row.accuracy, digits=places)}"

    pixels = f"{by} pixel{'' if by == '1' else 's'}"
    return f"moved by {pixels}: {moved(rows[-1])} falls most, {moved(rows[0])} least"
