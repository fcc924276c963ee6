"""The report: one HTML file without network or scripts, and the same table for notebooks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from markupsafe import Markup

from secondlook.show import format as fmt
from secondlook.show.by_class import ClassTable, class_table
from secondlook.show.cells import NO_CELLS, Cells, cells
from secondlook.show.decisions import decided_values
from secondlook.show.facts import chosen_row, finished, matrix, overfitting_from, title, top_confusions
from secondlook.show.findings import cards, counted, severity_counts
from secondlook.show.gallery import PIXELATED_UP_TO, Gallery, gallery
from secondlook.show.glossary import glossary
from secondlook.show.judged import judged_values
from secondlook.show.label_safety import section
from secondlook.show.made import made
from secondlook.show.matrices import CELLS_UP_TO, LIGHT_TEXT_FROM, OPACITIES, POINTED_UP_TO, legend, overlay, png, svg
from secondlook.show.operating import operating
from secondlook.show.page import style, templates, write_page
from secondlook.show.pairs import pair_table
from secondlook.show.palette import SENTINELS, family
from secondlook.show.rounds import rounds
from secondlook.show.score_table import chosen_scores, score_table
from secondlook.show.table import digits, table
from secondlook.show.words import metric_name, sentences
from secondlook.types import Audit, History, Part, Run

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
# Bytes that a report may have with the images of its matrices; everything else on it comes first.
_MOST_BYTES = 4_700_000


@dataclass(frozen=True)
class Panel:
    """One small picture: SVG, or the data URI of a PNG."""

    model: str
    text: str
    anchor: str = ""
    svg: Markup | None = None
    png: str = ""
    label: str = ""
    over: Markup = field(default_factory=Markup)


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


def _matrices(run: Run, links: dict[str, str], opened: Cells = NO_CELLS) -> list[Panel]:
    panels = []
    rows = sorted(finished(run), key=lambda r: r.model != run.chosen)
    for i, row in enumerate(rows):
        predictions = run.predictions(row.model)
        counts, classes = matrix(predictions), predictions.classes
        text = f"{fmt.whole(int(counts.trace()))} of {fmt.whole(int(counts.sum()))} right"
        label = f"Confusion matrix of {row.model}, {text}"
        opens = opened.links.get(row.model, {})
        if len(classes) <= CELLS_UP_TO:
            drawn = svg(counts, classes, label, large=i == 0, links=opens)
            panels.append(Panel(row.model, text, links[row.model], drawn, label=label))
        else:
            over = overlay(opens, classes) if i == 0 else Markup("")
            panels.append(Panel(row.model, text, links[row.model], png=png(counts), label=label, over=over))
    return panels


def _by_class(run: Run) -> tuple[ClassTable | None, list[tuple[str, str, int, int, tuple[int, int]]]]:
    """The chosen model's table of classes, and its most frequent confusions: (given, says, count, support, cell)."""
    if chosen_row(run) is None:
        return None, []
    predictions = run.predictions(run.chosen)
    counts, classes = matrix(predictions), predictions.classes
    support = counts.sum(axis=1)
    top = [(classes[a], classes[b], n, int(support[a]), (a, b)) for a, b, n in top_confusions(counts, _TOP)]
    return class_table(counts, classes, None if run.cv else chosen_scores(run)), top


def _galleries(run: Run) -> list[Gallery]:
    """The chosen model's mistakes on the test images, and on those that it learnt from."""
    parts: tuple[Part, ...] = ("test", "train")
    kept = run.thumbnails()
    return [gallery(run.predictions(run.chosen, part), kept, run.data["shape"]) for part in parts]


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
    curves = _curves(run)
    parts = [("table", "Models")]
    compared, scored = pair_table(run), score_table(run)
    parts += [("pairs", "Which is better")] if compared else []
    parts += [("scores", "Scores")] if scored else []
    parts += [("findings", "What to know of the models")] if run.checks else []
    parts += [("size", "Accuracy against size")] if done else []
    parts += [("curves", "Learning curves")] if curves else []
    one_by_one = rounds(run)
    parts += [("rounds", "Rounds")] if one_by_one else []
    augment = section(run)
    parts += [("augment", "Augmentation")] if augment else []
    parts += [("probe", "Moved and turned")] if len(run.invariance) else []
    parts += [("confusion", "Confusion matrices"), ("mistakes", "Mistakes")] if best else []
    thresholds = operating(run)
    parts += [("operating", "Thresholds")] if thresholds else []
    audit = run.audit
    decided = decided_values(run)
    parts += [("decisions", "Decisions on labels")] if decided else []
    parts += [("data", "The images")] if audit else []
    return {
        **_table_values(run, links),
        "run": run,
        "title": title(run),
        "about": _about(run),
        "css": style("style.css", "page.css", "findings.css", "pairs.css", "probes.css", "cells.css", ramp=_ramp()),
        "sentences": sentences(run),
        "pairs": compared,
        "scores": scored,
        **judged_values(run),
        "parts": [*parts, ("made", "How it was made"), ("glossary", "Terms")],
        "size_wide": _frontier(run, 9.0, 4.8, "size") if done else "",
        "size_narrow": _frontier(run, 3.5, 4.0, "sizen") if done else "",
        "families": _families(run),
        "curves": curves,
        "weighted_curves": any(e.weighted for h in run.histories.values() for e in h.epochs),
        "seams": any(h.seams for h in run.histories.values()),
        "rounds": one_by_one,
        "augment": augment,
        **_opened(run, links, NO_CELLS),
        "by_class": by_class,
        "legend": legend(),
        "top": top,
        "k": len(run.data["classes"]),
        "galleries": _galleries(run) if best else [],
        "operating": thresholds,
        "made": made(run),
        "decided": decided,
        "audit": audit,
        "audit_text": _audit_text(audit) if audit else "",
        "cards": cards(audit.findings, audit.thumbnails) if audit else [],
        "anchors": True,
        "pixelated": max(run.data["shape"][:2]) <= PIXELATED_UP_TO,
    }


def _cells(run: Run, values: dict[str, Any], room: int) -> Cells:
    """What opens from the matrices: with many classes of the chosen model alone, or its frequent confusions alone."""
    k = len(run.data["classes"])
    models = [run.chosen, *(model for model in values["links"] if model != run.chosen)]
    shown = {model: values["links"][model] for model in (models if k <= CELLS_UP_TO else models[:1])}
    return cells(run, shown, room, {cell for *_, cell in values["top"]} if k > POINTED_UP_TO else None)


def _opened(run: Run, links: dict[str, str], opened: Cells) -> dict[str, Any]:
    """The matrices with the cells that open, and what opens."""
    return {"matrices": _matrices(run, links, opened), "opened": opened}


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
    template, values = templates().get_template("report.html"), _values(run)
    room = _MOST_BYTES - len(template.render(**values).encode("utf-8", "replace"))
    opened = _cells(run, values, room) if values["links"] else NO_CELLS
    return write_page(path, template.render(**values | _opened(run, values["links"], opened)))
