"""The report: one HTML file without network or scripts, and the same table for notebooks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from secondlook.show import format as fmt
from secondlook.show.by_class import ClassTable, class_table
from secondlook.show.facts import chosen_row, finished, matrix, overfitting_from, title, top_confusions
from secondlook.show.findings import cards, counted, severity_counts
from secondlook.show.gallery import PIXELATED_UP_TO, Gallery, gallery
from secondlook.show.made import made
from secondlook.show.matrices import CELLS_UP_TO, LIGHT_TEXT_FROM, OPACITIES, legend, png, svg
from secondlook.show.page import style, templates, write_page
from secondlook.show.palette import SENTINELS, family
from secondlook.show.table import digits, table
from secondlook.show.words import glossary, metric_name, sentences
from secondlook.types import Audit, History, Run

# Outlines of the markers of `palette.FAMILIES`, around (0, 0).
_SHAPES = {
    "X": "M-4-2-2-4 0-2 2-4 4-2 2 0 4 2 2 4 0 2-2 4-4 2-2 0Z",
    "v": "M-5-4H5L0 5Z",
    "D": "M0-5 5 0 0 5-5 0Z",
    "^": "M-5 4H5L0-5Z",
    "s": "M-4-4H4V4H-4Z",
    "P": "M-2-5H2V-2H5V2H2V5H-2V2H-5V-2H-2Z",
    "o": "M-4.5 0A4.5 4.5 0 1 1 4.5 0 4.5 4.5 0 1 1-4.5 0Z",
    "h": "M0-5 4.3-2.5V2.5L0 5-4.3 2.5V-2.5Z",
}
_TOP = 10


@dataclass(frozen=True)
class Panel:
    """One small picture: SVG, or the data URI of a PNG."""

    model: str
    text: str
    anchor: str = ""
    svg: Markup | None = None
    png: str = ""
    label: str = ""


def _ramp() -> str:
    rules = [f".s{i} rect {{ fill: var(--ramp); fill-opacity: {o}; }}" for i, o in enumerate(OPACITIES)]
    rules += [f"svg.matrix .s{i} text {{ fill: var(--ground); }}" for i in range(LIGHT_TEXT_FROM, len(OPACITIES))]
    return "\n".join(rules)


def _table_values(run: Run, links: dict[str, str]) -> dict[str, Any]:
    places = digits(run)
    return {
        "table": table(run),
        "terms": glossary(run),
        "links": links,
        "firsts": ("balanced", "valid", "trained", "fit s"),
        "chance": fmt.share(run.chance, digits=places),
        "majority": fmt.share(run.majority, digits=places),
        "metric": metric_name(str(run.config["metric"])),
    }


def table_html(run: Run) -> str:
    """The table of models as HTML with its own style, for notebooks; nothing else is loaded.

    Args:
        run: a comparison.

    Returns:
        A ``<div>``.
    """
    inner = templates().get_template("table.html").render(**_table_values(run, {}))
    return f'<div class="secondlook"><style>{style("style.css")}</style>{inner}</div>'


def _frontier(run: Run, width: float, height: float, name: str) -> Markup:
    from secondlook.show.canvas import new_axes
    from secondlook.show.frontier import plot_frontier
    from secondlook.show.svg import themed

    ax = new_axes(width, height)
    plot_frontier(run, ax, palette=SENTINELS)
    label = "Test accuracy against numbers trained: " + "; ".join(
        f"{r.model} {fmt.share(r.test_accuracy)} with {fmt.count(r.trained)}" for r in finished(run)
    )
    return Markup(themed(ax.figure, name, label))  # type: ignore[arg-type]  # made above: a whole figure


def _families(run: Run) -> list[tuple[str, str, str]]:
    seen = dict.fromkeys(family(r.family) for r in finished(run))
    return [(name, colour, _SHAPES[marker]) for colour, marker, name in seen]


def _curve_text(history: History) -> str:
    start = overfitting_from(history)
    text = f"{len(history.epochs)} epochs, kept {history.best}"
    return text + (f", overfits from {start}" if start is not None else "")


def _curves(run: Run) -> list[Panel]:
    from secondlook.show.canvas import new_axes
    from secondlook.show.plots import loss_scale, plot_history
    from secondlook.show.svg import themed

    shown = {m: h for m, h in run.histories.items() if h.epochs}
    order = [r.model for r in run.rows if r.model in shown]
    last = max((h.epochs[-1].epoch for h in shown.values()), default=1)
    panels = []
    for i, model in enumerate(order):
        ax = new_axes(3.5, 2.3)
        plot_history(shown[model], ax, palette=SENTINELS)
        ax.set_xlim(1 if last > 1 else 0, max(last, 2))
        loss_scale(ax, list(shown.values()))
        text = _curve_text(shown[model])
        drawn = themed(ax.figure, f"curve{i}", f"Learning curve of {model}: {text}")  # type: ignore[arg-type]
        panels.append(Panel(model, text, svg=Markup(drawn)))
    return panels


def _matrices(run: Run, links: dict[str, str]) -> list[Panel]:
    panels = []
    rows = sorted(finished(run), key=lambda r: r.model != run.chosen)
    for i, row in enumerate(rows):
        predictions = run.predictions(row.model)
        counts, classes = matrix(predictions), predictions.classes
        text = f"{fmt.whole(int(counts.trace()))} of {fmt.whole(int(counts.sum()))} right"
        label = f"Confusion matrix of {row.model}, {text}"
        if len(classes) <= CELLS_UP_TO:
            drawn = svg(counts, classes, label, large=i == 0)
            panels.append(Panel(row.model, text, links[row.model], drawn, label=label))
        else:
            panels.append(Panel(row.model, text, links[row.model], png=png(counts), label=label))
    return panels


def _by_class(run: Run) -> tuple[ClassTable | None, list[tuple[str, str, int, int]]]:
    """Of the chosen model: the table of classes, and its most frequent confusions (given, says, count, support)."""
    if chosen_row(run) is None:
        return None, []
    predictions = run.predictions(run.chosen)
    counts, classes = matrix(predictions), predictions.classes
    support = counts.sum(axis=1)
    top = [(classes[a], classes[b], n, int(support[a])) for a, b, n in top_confusions(counts, _TOP)]
    return class_table(counts, classes), top


def _gallery_text(shown: Gallery) -> str:
    if shown.total == 0:
        return "None on the test images."
    text = f"{shown.shown:,} of {shown.total:,} shown"
    if len(shown.shelves) < shown.classes_with_mistakes:
        text += f", from {len(shown.shelves)} of {shown.classes_with_mistakes} classes with mistakes"
    return text + ", by given class, the surest first. In brackets: the probability of the wrong answer."


def _about(run: Run) -> str:
    h, w, c = run.data["shape"]
    colour = "grey" if c == 1 else "colour" if c == 3 else f"{c} channels"
    return (
        f"{run.data['n']:,} images of {h} × {w} pixels ({colour}), {len(run.data['classes'])} classes. "
        f"{len(run.rows)} model{'s' if len(run.rows) != 1 else ''} compared."
    )


def _audit_text(audit: Audit) -> str:
    """What came of the audit, in a sentence; the page of its own has the checks by name."""
    counts = {severity: n for severity, n in severity_counts(audit.findings).items() if n}
    said = fmt.listing([counted(n, severity) for severity, n in counts.items()]) if counts else "nothing was found"
    silent = f"{len(audit.silent):,} check{'' if len(audit.silent) == 1 else 's'} found nothing"
    muted = f"; muted: {', '.join(audit.muted)}" if audit.muted else ""
    return f"What was found out about the images before anything was fitted: {said}; {silent}{muted}."


def _values(run: Run) -> dict[str, Any]:
    done = finished(run)
    links = {row.model: f"confusion-{i}" for i, row in enumerate(run.rows) if row in done}
    by_class, top = _by_class(run)
    best = chosen_row(run)
    shown = gallery(run.predictions(best.model), run.thumbnails(), run.data["shape"]) if best else None
    curves = _curves(run)
    parts = [("table", "Models")]
    parts += [("size", "Accuracy against size")] if done else []
    parts += [("curves", "Learning curves")] if curves else []
    parts += [("confusion", "Confusion matrices"), ("mistakes", "Mistakes")] if best else []
    audit = run.audit
    parts += [("data", "The images")] if audit else []
    return {
        **_table_values(run, links),
        "run": run,
        "title": title(run),
        "about": _about(run),
        "css": style("style.css", "page.css", "findings.css", ramp=_ramp()),
        "sentences": sentences(run),
        "parts": [*parts, ("made", "How it was made"), ("glossary", "Terms")],
        "size_wide": _frontier(run, 9.0, 4.8, "size") if done else "",
        "size_narrow": _frontier(run, 3.5, 4.0, "sizen") if done else "",
        "families": _families(run),
        "curves": curves,
        "matrices": _matrices(run, links),
        "by_class": by_class,
        "legend": legend(),
        "top": top,
        "k": len(run.data["classes"]),
        "gallery": shown,
        "gallery_text": _gallery_text(shown) if shown else "",
        "made": made(run),
        "audit": audit,
        "audit_text": _audit_text(audit) if audit else "",
        "cards": cards(run.findings, audit.thumbnails) if audit else [],
        "anchors": True,
        "pixelated": max(run.data["shape"][:2]) <= PIXELATED_UP_TO,
    }


def warm_up() -> None:
    """Imports what a report needs, so that writing one later does not wait for it."""

    import secondlook.show.plots  # noqa: F401

    templates()


def write_report(run: Run, path: Path) -> Path:
    """Writes the report as one HTML file: it is whole or it is not there.

    Args:
        run: a comparison, finished or not.
        path: the file; its folder is made where it is missing.

    Returns:
        The path written.
    """
    return write_page(path, templates().get_template("report.html").render(**_values(run)))
