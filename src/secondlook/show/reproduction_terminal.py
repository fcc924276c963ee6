"""A reproduction in the terminal: claims with their verdicts, then the published tables beside ours, the path last."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from secondlook.show.findings_terminal import paragraph
from secondlook.show.reproduction_words import CAPTION, Columns, about, columns, tally
from secondlook.show.terminal import as_text
from secondlook.types import Claim, Reproduced, Reproduction

_STYLES = {"holds": "bold", "does not hold": "bold yellow", "cannot be told": "dim"}
_VERDICT, _MOST_LINES = 14, 20


def reproduction_text(found: Reproduction, width: int = 100, color: bool = False) -> str:
    """The reproduction as text that ends in a newline."""
    return as_text(reproduction_lines(found, width), color)


def reproduction_lines(found: Reproduction, width: int = 100) -> list[Text]:
    """One `rich.text.Text` per line, none wider than `width` but the path."""
    lines: list[Text] = []
    for study in found.studies:
        lines += [*_study(study, width), Text()]
    lines += [*paragraph(CAPTION, width, 0, "dim"), Text()]
    return [*lines, Text(str(found.path / "report.html"))]


def _study(study: Reproduced, width: int) -> list[Text]:
    lines = [Text(f"{study.name}: {study.title}", "bold"), *paragraph(about(study), width, 0, "dim"), Text()]
    lines += [*paragraph(tally(study), width), Text()]
    for claim in study.claims:
        lines += _claim(claim, width)
    for table in study.tables:
        lines += [Text(), Text(table.title, "bold"), *_table(columns(table), width)]
        lines += paragraph(table.note, width, 0, "dim") if table.note else []
    return lines


def _claim(claim: Claim, width: int) -> list[Text]:
    room = width - _VERDICT - 2
    said = [*paragraph(claim.text, room), *paragraph(claim.why, room, 0, "dim")]
    heads = [Text(f"{claim.verdict:<{_VERDICT}}  ", _STYLES[claim.verdict]), *[Text(" " * (_VERDICT + 2))] * len(said)]
    return [Text.assemble(head, line) for head, line in zip(heads, said, strict=False)]


def _table(found: Columns, width: int) -> list[Text]:
    """The table; measures that find no room side by side follow below."""
    first = max(cell_len(of) for of, _ in found.lines)
    blocks: list[list[int]] = [[]]
    used = first
    sizes = [_sizes(found, at) for at in range(len(found.measures))]
    for at, (theirs, ours) in enumerate(sizes):
        wide = 2 + ours + (theirs + 2 if theirs else 0)
        if blocks[-1] and used + wide > width:
            blocks.append([])
            used = first
        blocks[-1].append(at)
        used += wide
    return [line for block in blocks for line in _block(found, block, sizes, first)]


def _sizes(found: Columns, at: int) -> tuple[int, int]:
    """Cells that the published and our column of a measure take; 0 for what is not published."""
    name, published = found.measures[at]
    told = [cells[at] for _, cells in found.lines if cells[at] is not None]
    theirs = max([len("published"), *(cell_len(one.published) for one in told if one)]) if published else 0
    ours = max([len("ours"), *(cell_len(one.ours) for one in told if one)])
    return theirs, max(ours, cell_len(name) - (theirs + 2 if theirs else 0))


def _block(found: Columns, block: list[int], sizes: list[tuple[int, int]], first: int) -> list[Text]:
    top, heads = " " * first, " " * first
    for at in block:
        theirs, ours = sizes[at]
        top += f"  {found.measures[at][0]:>{ours + (theirs + 2 if theirs else 0)}}"
        heads += (f"  {'published':>{theirs}}" if theirs else "") + f"  {'ours':>{ours}}"
    lines = [Text(top, "dim"), Text(heads, "dim")]
    for of, cells in found.lines[:_MOST_LINES]:
        line = f"{of:<{first}}"
        for at in block:
            one, (theirs, ours) = cells[at], sizes[at]
            line += f"  {one.published if one else '':>{theirs}}" if theirs else ""
            line += f"  {one.ours if one else '':>{ours}}"
        if line.strip() != of:
            lines.append(Text(line.rstrip()))
    if len(found.lines) > _MOST_LINES:
        lines.append(Text(f"… and {len(found.lines) - _MOST_LINES} more lines in the report", "dim"))
    return lines
