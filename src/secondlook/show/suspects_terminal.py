"""Suspected labels in the terminal: how many, which classes, the worst; at most 100 columns, the paths last."""

from __future__ import annotations

import numpy as np
from rich.cells import cell_len
from rich.text import Text

from secondlook.show import format as fmt
from secondlook.show.findings_terminal import paragraph
from secondlook.show.names import shortened
from secondlook.show.suspects import class_lines
from secondlook.show.suspects_words import CAVEAT, quality, sentences
from secondlook.show.terminal import as_text
from secondlook.types import Suspects

_WORST, _CLASSES, _NAME, _LABEL = 10, 8, 40, 16


def suspects_lines(found: Suspects, width: int = 100) -> list[Text]:
    """The page: what was judged, how many are wrong, by class, the worst ten; the paths last.

    Args:
        found: suspected labels.
        width: cells in a line; at least 60. Only paths may be longer.
    """
    width, data = max(width, 60), found.data
    lines = paragraph(f"{data['source']}: {data['format']}", width, 2)
    lines += paragraph(_judged(found), width, 2, "dim")
    lines += [Text(), *(line for s in sentences(found) for line in paragraph(s.text, width, 2))]
    if found.suspected.any():
        lines += paragraph(CAVEAT, width, 2, "dim")
        lines += [Text(), *_table(_worst(found), width, frozenset({2}))]
        lines += [Text(), *_table(_classes(found), width, frozenset({1, 2, 3}))]
    for name, why in data["failed"].items():
        lines += paragraph(f"{name} was left out: {why}", width, 2, "yellow")
    if found.path is not None:
        lines += [Text(), Text(str(found.page)), Text(str(found.path))]
    return lines


def _judged(found: Suspects) -> str:
    models = [f"{name} agrees with {fmt.percent(m['agrees'])}" for name, m in found.data["models"].items()]
    text = f"{found.data['judged']:,} labels judged, {found.data['method']}; {fmt.listing(models, most=8)}"
    left = found.data["left_out"]
    return text + (f"; not judged: {'; '.join(left)}" if left else "")


def _worst(found: Suspects) -> list[list[str]]:
    rows = [["given", "suggested", "quality", "image"]]
    for i in np.flatnonzero(found.suspected)[:_WORST]:
        given, said = (shortened(found.class_name(int(c)), _LABEL) for c in (found.labels[i], found.suggested[i]))
        rows.append([given, said, quality(found.quality[i]), shortened(found.names[i], _NAME)])
    return rows


def _classes(found: Suspects) -> list[list[str]]:
    listed = [line for line in class_lines(found) if (line.wrong, line.suspected) != ("0", "0")]
    rows = [["class", "labels", "estimated wrong", "suspected"]]
    rows += [[shortened(s.name, _LABEL), s.n, s.wrong, s.suspected] for s in listed[:_CLASSES]]
    rest = len(listed) - _CLASSES
    return [*rows, [f"and {rest:,} more", "", "", ""]] if rest > 0 else rows


def _table(rows: list[list[str]], width: int, right: frozenset[int]) -> list[Text]:
    """Columns aligned, those of `right` to the right; the first line is quiet."""
    sizes = [max(cell_len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for i, row in enumerate(rows):
        line = Text("  ", style="dim" if i == 0 else "")
        for column, (cell, size) in enumerate(zip(row, sizes, strict=True)):
            gap = " " * (size - cell_len(cell))
            line.append(f"{gap}{cell}   " if column in right else f"{cell}{gap}   ")
        line.rstrip()
        line.truncate(width)
        lines.append(line)
    return lines


def suspects_text(found: Suspects, width: int = 100, color: bool = False) -> str:
    """The page as text that ends in a newline; `color` as in `secondlook.show.terminal.as_text`."""
    return as_text(suspects_lines(found, width), color)
