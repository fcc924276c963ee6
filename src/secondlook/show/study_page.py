"""A study's report: one HTML file without network or scripts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path
from typing import Any

from markupsafe import Markup

from secondlook.show import format as fmt
from secondlook.show.findings import cards
from secondlook.show.page import style, templates, write_page
from secondlook.show.palette import SENTINELS
from secondlook.show.study_words import (
    QUESTION,
    VARIED,
    columns,
    measure_name,
    name_of,
    need_short,
    sentences,
    table,
    terms,
    unit_of,
)
from secondlook.types import ModelLaws, Needed, Study


def write_study(study: Study, path: Path) -> Path:
    """Writes the page as one HTML file: it is whole or it is not there.

    Returns:
        The path written.
    """
    return write_page(path, page_html(study))


def page_html(study: Study) -> str:
    """The page as text."""
    return (
        templates()
        .get_template("study.html")
        .render(
            title=name_of(study),
            question=QUESTION[study.kind],
            about=_about(study),
            css=style("style.css", "page.css", "findings.css", "study.css", ramp=""),
            sentences=sentences(study),
            pictures=_pictures(study),
            caption=_caption(study),
            by_class=_by_class(study),
            learning=_learning(study),
            varied=VARIED[study.kind],
            measured=measure_name(study),
            heads=[head for head, _, _ in columns(study)],
            lines=table(study),
            coefficients=_coefficients(study),
            residuals=_residuals(study),
            needed=_needed(study),
            grows="images of it, the other classes as they are"
            if study.kind == "imbalance"
            else ("images per class, all classes growing alike"),
            cards=cards(study.findings, None),
            made=_made(study),
            terms=terms(study),
            anchors=False,
        )
    )


def _drawn(
    draw: Callable[..., Any], study: Study, *args: Any, size: tuple[float, float], name: str, label: str
) -> Markup:
    from secondlook.show.canvas import new_axes
    from secondlook.show.svg import themed

    ax = new_axes(*size)
    draw(study, *args, ax, palette=SENTINELS)
    return Markup(themed(ax.figure, name, label))  # type: ignore[arg-type]  # our own figure, escaped by `themed`


def _pictures(study: Study) -> list[Markup]:
    from secondlook.show.study_plots import plot_grid, plot_study

    label = f"{measure_name(study)} over {VARIED[study.kind]}; the table below has the numbers"
    if study.kind != "grid":
        return [_drawn(plot_study, study, size=(8.4, 4.6), name="study", label=label)]
    rows, ks = ({getattr(cell, name) for cell in study.cells} for name in ("rows", "classes"))
    size = (1.4 + 0.56 * len(rows), 0.9 + 0.36 * len(ks))
    return [
        _drawn(plot_grid, study, model, size=size, name=f"grid{i}", label=f"{label}, {model}")
        for i, model in enumerate(study.models)
        if study.of(model)
    ]


def _caption(study: Study) -> str:
    if study.kind == "grid":
        return "Mean over seeds; the more errors, the darker."
    banded = any(laws.power is not None for laws in study.laws.values())
    bands = "; bands are the power law's 95 % intervals, its line goes on beyond what was measured" if banded else ""
    return f"Dots are single seeds, lines their means{bands}."


def _by_class(study: Study) -> list[Markup]:
    from secondlook.show.study_plots import plot_by_class

    if study.kind != "imbalance":
        return []
    return [
        _drawn(plot_by_class, study, model, size=(4.4, 2.9), name=f"class{i}", label=f"recall of each class, {model}")
        for i, model in enumerate(study.models)
        if study.of(model)
    ]


def _learning(study: Study) -> list[Markup]:
    from secondlook.show.study_plots import plot_learning

    return [
        _drawn(plot_learning, study, model, size=(4.4, 2.9), name=f"learn{i}", label=f"how {model} learnt")
        for i, model in enumerate(study.models)
        if any(cell.history is not None for cell in study.of(model))
    ]


def _residuals(study: Study) -> list[Markup]:
    from secondlook.show.study_plots import plot_residuals

    return [
        _drawn(plot_residuals, study, model, size=(4.4, 2.9), name=f"left{i}", label=f"what a line leaves of {model}")
        for i, model in enumerate(study.models)
        if model in study.laws and "test_accuracy" in study.laws[model].lines
    ]


def _coefficients(study: Study) -> list[tuple[str, str, str, str, str, str]]:
    """Lines of the regression table: model and response, variable, estimate, robust error, interval, p."""
    found, units = [], unit_of(study)
    for model, laws in study.laws.items():
        for response, line in laws.lines.items():
            who = f"{model}, {response.removeprefix('test_').replace('_', '-')}"
            for c in line.coefficients:
                unit, name = units.get(c.name, (1, c.name))
                value, error, low, high = (f"{unit * x:.4f}" for x in (c.value, c.error, c.low, c.high))
                p = "–" if isnan(c.p) else "under .001" if c.p < 0.001 else fmt.share(c.p, digits=3)
                found.append((who, name, value, error, f"{low} to {high}", p))
    return found


@dataclass(frozen=True)
class NeedTable:
    """How many images an accuracy asks for: a line for all classes together and for each class, a column per model.

    `lines` are (who, cells), a cell is its text and, where there is no forecast, the reason.
    """

    accuracy: str
    models: tuple[str, ...]
    lines: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def _needed(study: Study) -> list[NeedTable]:
    laws = {model: found for model, found in study.laws.items() if found.needed}
    whole = str(study.config["minority"]) if study.kind == "imbalance" else "all together"
    return [
        _need_table(laws, whole, at) for at in range(max((len(found.needed) for found in laws.values()), default=0))
    ]


def _need_table(laws: Mapping[str, ModelLaws], whole: str, at: int) -> NeedTable:
    def cells(of: Callable[[ModelLaws], Sequence[Needed]]) -> tuple[tuple[str, str], ...]:
        found = [of(one) for one in laws.values()]
        return tuple((need_short(some[at]), some[at].refused) if len(some) > at else ("–", "") for some in found)

    first = next(iter(laws.values()))
    lines = [(whole, cells(lambda one: one.needed))]
    names = dict.fromkeys(name for one in laws.values() for name in one.by_class)
    lines += [(name, cells(lambda one, name=name: one.by_class.get(name, ()))) for name in names]  # type: ignore[misc]
    return NeedTable(fmt.share(first.needed[at].accuracy, digits=3), tuple(laws), tuple(lines))


def _about(study: Study) -> str:
    data = study.data
    done = sum(cell.status == "ok" for cell in study.cells)
    tested = max((cell.n_test for cell in study.cells), default=0)
    return (
        f"{data['n']:,} images of {data['shape'][0]}x{data['shape'][1]}, {len(data['classes'])} classes; "
        f"{done:,} trainings, each tested on the same images ({tested:,} at most)"
    )


def _made(study: Study) -> list[tuple[str, str, bool]]:
    config = study.config
    hardware = config["hardware"]
    engines = sorted({cell.engine for cell in study.cells if cell.engine})
    seconds = sum(cell.fit_seconds or 0.0 for cell in study.cells)
    return [
        ("Source", str(study.data["source"]), True),
        ("Test images", str(config["split_method"]), False),
        ("Seeds", f"{config['seeds']}, from {config['seed']}", False),
        ("Nets trained by", ", ".join(engines) or "–", False),
        ("Time of all fits", f"{fmt.seconds(seconds)}, one thread each", False),
        ("Machine", f"{hardware['cpu']}, {hardware['cores']} cores", False),
        ("Command", str(config["command"]), True),
        ("Directory", str(study.path), True),
        ("Data fingerprint", str(study.data["fingerprint"]), True),
    ]
