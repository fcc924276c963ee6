"""A reproduction's report: one HTML file without network or scripts."""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from secondlook.show.page import style, templates, write_page
from secondlook.show.palette import SENTINELS
from secondlook.show.reproduction_words import CAPTION, TERMS, about, columns, drawn, tally, title_of
from secondlook.types import FigureTable, Reproduced, Reproduction


def write_reproduction(found: Reproduction, path: Path) -> Path:
    """Writes the page as one HTML file: it is whole or it is not there.

    Returns:
        The path written.
    """
    return write_page(path, page_html(found))


def page_html(found: Reproduction) -> str:
    """The page as text."""
    return (
        templates()
        .get_template("reproduction.html")
        .render(
            title=title_of(found),
            css=style("style.css", "page.css", "study.css", "reproduction.css", ramp=""),
            studies=[_study(study, at) for at, study in enumerate(found.studies)],
            caption=CAPTION,
            made=_made(found),
            terms=TERMS,
        )
    )


def _study(study: Reproduced, at: int) -> dict[str, object]:
    return {
        "name": study.name,
        "title": study.title,
        "about": about(study),
        "tally": tally(study),
        "claims": study.claims,
        "differences": study.differences,
        "tables": [(table, columns(table), _pictures(table, f"s{at}t{i}")) for i, table in enumerate(study.tables)],
        "runs": [(run, f"{study.name}/{run if run.endswith('.html') else f'{run}/report.html'}") for run in study.runs],
    }


def _pictures(table: FigureTable, name: str) -> list[Markup]:
    from secondlook.show.canvas import new_axes
    from secondlook.show.reproduction_plots import height, plot_figures
    from secondlook.show.svg import themed

    found = []
    for at, measure in enumerate(drawn(table)):
        ax = new_axes(4.6, height(table, measure))
        plot_figures(table, measure, ax, palette=SENTINELS)
        label = f"{measure}: published figures as grey marks, ours as dots with intervals; the table has the numbers"
        found.append(Markup(themed(ax.figure, f"{name}m{at}", label)))  # type: ignore[arg-type]  # our own figure
    return found


def _made(found: Reproduction) -> list[tuple[str, str, bool]]:
    hardware = found.config["hardware"]
    return [
        ("Machine", f"{hardware['cpu']}, {hardware['cores']} cores", False),
        ("Command", str(found.config["command"]), True),
        ("Directory", str(found.path), True),
    ]
