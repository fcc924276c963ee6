"""A study in the terminal: its table, its sentences, its findings, the path last."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from secondlook.show.findings_terminal import compact_lines, paragraph
from secondlook.show.study_words import VARIED, columns, measure_name, name_of, sentences, table
from secondlook.show.terminal import as_text
from secondlook.types import Study

_MOST_LINES = 40


def study_text(study: Study, width: int = 100, color: bool = False) -> str:
    """The study as text that ends in a newline."""
    return as_text(study_lines(study, width), color)


def study_lines(study: Study, width: int = 100) -> list[Text]:
    """One `rich.text.Text` per line, none wider than `width` but the path."""
    lines = table(study)
    n = len(study.cells)
    head = (
        f"{name_of(study)}: {measure_name(study)} over {VARIED[study.kind]}; {n:,} cells, mean ± deviation over seeds"
    )
    found = [*paragraph(head, width, 2, "dim"), Text()]
    heads = [name for name, _, _ in columns(study)]
    label = VARIED[study.kind]
    first = max(cell_len(label), *(cell_len(line.label) for line in lines))
    sizes = [max(cell_len(h), *(cell_len(line.values[i]) for line in lines)) for i, h in enumerate(heads)]
    shown = len(sizes)
    while shown > 1 and first + sum(size + 2 for size in sizes[:shown]) > width:
        shown -= 1
    found.append(
        Text(f"{label:>{first}}" + "".join(f"  {h:>{s}}" for h, s in zip(heads[:shown], sizes, strict=False)), "dim")
    )
    for line in lines[:_MOST_LINES]:
        values = "".join(f"  {v:>{s}}" for v, s in zip(line.values[:shown], sizes, strict=False))
        found.append(Text(f"{line.label:>{first}}{values}"))
    if len(lines) > _MOST_LINES:
        found.append(Text(f"… and {len(lines) - _MOST_LINES} more lines, all in cells.csv", "dim"))
    if shown < len(sizes):
        more = len(sizes) - shown
        found.append(Text(f"… and {more} more column{'' if more == 1 else 's'}, all in cells.csv", "dim"))
    found.append(Text())
    for sentence in sentences(study):
        found += paragraph(sentence, width, 2)
    if notes := compact_lines(study.findings, width):
        found += [Text(), *notes]
    report = study.path / "report.html"
    return [*found, Text(str(report if report.is_file() else study.path))]
