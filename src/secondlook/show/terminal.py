"""The table in the terminal: at most 100 columns, the intervals drawn in text, paths last."""

from __future__ import annotations

import os
from collections.abc import Sequence
from io import StringIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from secondlook.show import format as fmt
from secondlook.show.axis import Axis
from secondlook.show.decisions import decision_lines
from secondlook.show.facts import (
    STATUS_WORDS,
    chosen_row,
    finished,
    leaking,
    means,
    notes,
    tied,
    times,
    title,
    trained_by,
)
from secondlook.show.findings_terminal import compact_lines, first_lines, paragraph
from secondlook.show.gaps import terminal_lines as verdict_lines
from secondlook.show.label_safety import augmented
from secondlook.show.operating_words import lines as operating_lines
from secondlook.show.probes import terminal_lines
from secondlook.show.rounds import round_lines
from secondlook.show.seeds import lines as seed_lines
from secondlook.show.table import arm, digits, leaks
from secondlook.show.words import metric_name
from secondlook.types import Row, Run

_LONGEST_NAME = 18
_NARROWEST_BAR, _WIDEST_BAR = 8, 44
CHANCE, MAJORITY, CUT = "┊", "╎", "○"


def _columns(row: Row, places: int, clean: bool) -> dict[str, str]:
    """The cells right of the bar, by header. Later ones give way first where the terminal is narrow."""
    first = {"clean": fmt.share(row.clean_accuracy, arm(row, "clean"), places)} if clean else {}
    return first | {
        "balanced": fmt.share(row.test_balanced_accuracy, digits=places),
        "valid": fmt.share(row.valid_accuracy, digits=places),
        "train": fmt.share(row.train_accuracy, digits=places),
        "loss": fmt.loss(row.test_log_loss),
        "trained": fmt.count(row.trained),
        "madds": fmt.count(row.macs),
        "fit s": fmt.number(row.fit_seconds),
        "µs/img": fmt.number(row.predict_us),
        "MB": fmt.number(row.peak_mb),
    }


def bar(row: Row, run: Run, axis: Axis, width: int) -> str:
    """A row's interval on the common axis, exactly `width` characters: ``  ┊   ──●──``; ○ where it was cut."""

    def at(value: float) -> int:
        return min(int(axis.position(value) * width), width - 1)

    cells = [" "] * width
    cells[at(run.majority)] = MAJORITY
    cells[at(run.chance)] = CHANCE
    if row.test_accuracy is not None:
        for i in range(at(row.test_low or 0.0), at(1.0 if row.test_high is None else row.test_high) + 1):
            cells[i] = "─"
        cells[at(row.test_accuracy)] = "●" if row.status == "ok" else CUT
    return "".join(cells)


def _fit(text: str, width: int) -> str:
    """Text in exactly this many cells; cut with an ellipsis where it is longer."""
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def _header(run: Run) -> str:
    data = run.data
    n = next((r.n_test for r in finished(run)), None) or sum(run.class_counts.get("test", ()))
    places = digits(run)
    where = f"on {n:,} test images" if run.cv is None else f"in {run.cv[0]} folds, {times(run.cv[1])},"
    return (
        f"{title(run)}: {data['n']:,} images, {len(data['classes'])} classes; {where} "
        f"chance {fmt.share(run.chance, digits=places)}, majority {fmt.share(run.majority, digits=places)}"
    )


def _legend(run: Run) -> list[str]:
    if not run.chosen:
        return ["no model finished"]
    stretched = "   (axis stretched towards 0 and 1)" if Axis.of(run).stretched else ""
    metric = metric_name(str(run.config["metric"]))
    lines = [
        f"* chosen on validation by {metric}",
        f"─●─ test accuracy, 95 % interval   {CHANCE} chance   {MAJORITY} majority{stretched}",
    ]
    lines[1:1] = verdict_lines(run)
    if run.cv is not None:
        lines.append(f"every score is the {means(run)}, the interval Nadeau and Bengio's")
    lines += _leak_lines(run)
    if any(r.status != "ok" for r in finished(run)):
        lines.append(f"{CUT} stopped before its training was done")
    return lines


def _leak_lines(run: Run) -> list[str]:
    """What the column of clean scores leaves out, and what that does to the chosen model's."""
    best = chosen_row(run)
    if best is None or not (n := leaking(best)):
        return []
    images = f"the {n:,} leaked test image{'' if n == 1 else 's'}"
    if best.clean_accuracy is None:
        return ["clean: every test image is leaked, so nothing is left to judge by"]
    was, is_now = best.test_accuracy or 0.0, best.clean_accuracy
    before, after = (fmt.share(value, digits=digits(run)) for value in (was, is_now))
    change = (
        f"{'falls' if is_now < was else 'rises'} from {before} to {after}" if before != after else f"stays at {after}"
    )
    return [f"clean: without {images} the best {change}"]


def _notes(run: Run, width: int) -> list[Text]:
    """A quiet line per note, wrapped, what follows indented."""
    lines: list[Text] = []
    for models, text in notes(run):
        lines += paragraph(f"{', '.join(models)}: {text}", width, 2, "dim")
    if by := trained_by(run):
        lines += paragraph(f"nets trained by {by}", width, 2, "dim")
    return lines


def table_lines(run: Run, width: int = 100) -> list[Text]:
    """The table, one `rich.text.Text` per line. None is wider than `width`, but for the path at the end.

    Args:
        run: a comparison.
        width: cells in a line; at least 60. Where the columns do not fit, those furthest right are left out.
    """
    width, places = max(width, 60), digits(run)
    rows = {
        r.model: (fmt.share(r.test_accuracy, arm(r, "test"), places), _columns(r, places, leaks(run)))
        for r in finished(run)
    }
    names = min(max((cell_len(r.model) for r in run.rows), default=5), _LONGEST_NAME)
    test = max((len(text) for text, _ in rows.values()), default=4)
    sizes, bar_width = _sizes([cells for _, cells in rows.values()], width - (2 + names + 1 + test + 1))
    lines = [Text(_fit(_header(run), width).rstrip(), style="dim"), *first_lines(run.findings, width), Text()]
    if rows:
        heads = " ".join(f"{h:>{size}}" for h, size in sizes.items())
        top = f"  {'model':<{names}} {'test':>{test}} {'':<{bar_width}} {heads}"
        lines.append(Text(top.rstrip(), style="dim"))
    axis, same = Axis.of(run), tied(run)
    for row in run.rows:
        name = _fit(row.model, names)
        if row.model not in rows:
            lines.append(_lost(row, name, width))
            continue
        said, cells = rows[row.model]
        mark = "*" if row.model == run.chosen else "≈" if row.model in same else " "
        line = Text(f"{mark} {name} ", style="bold" if mark == "*" else "")
        line.append(f"{said:>{test}} ")
        line.append(bar(row, run, axis, bar_width), style={"*": "blue", "≈": "", " ": "dim"}[mark])
        for i, (head, size) in enumerate(sizes.items()):
            line.append(f" {cells[head]:>{size}}", style="" if i == 0 else "dim")
        lines.append(line)
    lines += [Text(), *(Text(_fit(text, width).rstrip(), style="dim") for text in _legend(run))]
    found = compact_lines(run.findings, width)
    probed = terminal_lines(run, width)
    more = [line for text in (*seed_lines(run), *operating_lines(run)) for line in paragraph(text, width, 2)]
    more += paragraph(text, width, 2) if (text := augmented(run)) else []
    more += decision_lines(run, width)
    more += round_lines(run, width)
    return [*lines, *_notes(run, width), *more, *probed, *([Text(), *found] if found else []), _path(run)]


def _sizes(rows: list[dict[str, str]], room: int) -> tuple[dict[str, int], int]:
    """The widths of the columns that fit beside a bar, by header, and the width that is left for the bar."""
    sizes = {head: max(len(head), *(len(cells[head]) for cells in rows)) for head in (rows[0] if rows else ())}
    while sizes and room - sum(size + 1 for size in sizes.values()) < _NARROWEST_BAR:
        sizes.popitem()
    return sizes, min(room - sum(size + 1 for size in sizes.values()), _WIDEST_BAR)


def _lost(row: Row, name: str, width: int) -> Text:
    said = STATUS_WORDS[row.status] + (f": {' '.join(row.reason.split())}" if row.reason else "")
    line = Text(f"  {name} ")
    line.append(_fit(said, width - line.cell_len).rstrip(), style="yellow")
    return line


def _path(run: Run) -> Text:
    report = run.path / "report.html"
    return Text(str(report if report.is_file() else run.path))


def table_text(run: Run, width: int = 100, color: bool = False) -> str:
    """The table as text that ends in a newline.

    Args:
        run: a comparison.
        width: cells in a line.
        color: with the terminal's colours, unless the environment sets ``NO_COLOR``.
    """
    return as_text(table_lines(run, width), color)


def as_text(lines: Sequence[Text], color: bool) -> str:
    """Lines as text that ends in a newline, with the terminal's colours where they are wanted and allowed."""
    if not color or os.environ.get("NO_COLOR"):
        return "".join(f"{line.plain.rstrip()}\n" for line in lines)
    out = StringIO()
    console = Console(file=out, force_terminal=True, color_system="standard", width=10_000)
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
    return out.getvalue()
