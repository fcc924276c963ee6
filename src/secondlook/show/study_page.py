"""A study's report: one HTML file without network or scripts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath
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
    need,
    sentences,
    table,
    terms,
)
from secondlook.types import Study


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
            title=PurePath(str(study.data["source"])).name or str(study.data["source"]),
            question=QUESTION[study.kind],
            about=_about(study),
            css=style("style.css", "page.css", "findings.css", "study.css", ramp=""),
            sentences=sentences(study),
            pictures=_pictures(study),
            learning=_learning(study),
            varied=VARIED[study.kind],
            measured=measure_name(study),
            heads=[head for head, _, _ in columns(study)],
            lines=table(study),
            coefficients=_coefficients(study),
            residuals=_residuals(study),
            needed=_needed(study),
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
    found = []
    for model, laws in study.laws.items():
        for response, line in laws.lines.items():
            who = f"{model}, {response.removeprefix('test_').replace('_', '-')}"
            found += [
                (who, c.name, f"{c.value:+.3g}", f"{c.error:.2g}", f"{c.low:+.3g} to {c.high:+.3g}", f"{c.p:.2g}")
                for c in line.coefficients
            ]
    return found


def _needed(study: Study) -> list[tuple[str, str]]:
    """Who, and how many images an accuracy asks for."""
    found = []
    for model, laws in study.laws.items():
        found += [(model, need(study, one)) for one in laws.needed]
        for name, several in laws.by_class.items():
            found += [
                (f"{model}, {name}", need(study, one).replace("an accuracy", "a recall", 1)) for one in several[:1]
            ]
    return found


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
