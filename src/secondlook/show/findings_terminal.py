"""Findings in the terminal, wrapped: for an audit's page, and in short for below a comparison's table."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import cell_len, chop_cells
from rich.text import Text

from secondlook.show.findings import FIRST, SEVERITY_WORDS, counted, said_once
from secondlook.show.names import shortened, visible
from secondlook.types import Finding, Item

_STYLES = {"serious": "bold red", "warning": "yellow", "info": "dim"}
# Code and severity stand in front of a title.
_INDENT = 13
_NAME_ROOM, _ITEMS = 56, 3


def filled(text: str, width: int) -> list[str]:
    """A text's lines of at most `width` cells; broken at spaces, and inside long words.

    Not at no-break spaces, nor before a percent sign.
    """
    lines, line = [], ""
    for word in re.split(" (?!%)", visible(text)):
        if line and cell_len(line) + 1 + cell_len(word) <= width:
            line = f"{line} {word}"
            continue
        if line:
            lines.append(line)
        *full, line = chop_cells(word, width) or [""]
        lines += full
    return [*lines, line] if line or not lines else lines


def paragraph(text: str, width: int, indent: int = 0, style: str = "") -> list[Text]:
    """Filled lines, those after the first indented."""
    lines = filled(text, width - indent)
    return [Text(" " * (indent if i else 0)).append(line, style) for i, line in enumerate(lines)]


def finding_lines(findings: Sequence[Finding], width: int = 100) -> list[Text]:
    """A finding's code, severity and title, then what to do and the first items; notes have their title alone."""
    lines: list[Text] = []
    for finding in findings:
        lines += _titled(finding, width)
        if finding.severity != "info":
            lines += _indented(finding.advice, width)
            lines += _indented(_items(finding, width - _INDENT), width)
    return lines


def compact_lines(findings: Sequence[Finding], width: int = 100) -> list[Text]:
    """For below a table: serious findings and warnings by code and title; notes are only counted.

    What makes accuracy doubtful stands above the table, see `first_lines`.
    """
    lines: list[Text] = []
    found = [finding for finding in said_once(findings) if finding.code != FIRST]
    for finding in found:
        if finding.severity != "info":
            lines += _titled(finding, width)
    notes = [finding for finding in found if finding.severity == "info"]
    of_models = sum(finding.on_models for finding in notes)
    of_study = sum(finding.code.startswith("S") for finding in notes)
    if notes:
        counts = {"images": len(notes) - of_models - of_study, "models": of_models, "study": of_study}
        said = [f"{counted(n, 'info')} on the {what}" for what, n in counts.items() if n]
        lines.append(Text(f"{' and '.join(said)}: see the report", style="dim"))
    return lines


def first_lines(findings: Sequence[Finding], width: int = 100) -> list[Text]:
    """For above a table: that accuracy misleads here, before any number is praised."""
    return [line for finding in findings if finding.code == FIRST for line in _titled(finding, width)]


def _titled(finding: Finding, width: int) -> list[Text]:
    first, *rest = filled(finding.title, width - _INDENT)
    head = Text(f"{finding.code:<5}", style="dim")
    head.append(f"{SEVERITY_WORDS[finding.severity]:<8}", style=_STYLES[finding.severity]).append(first)
    return [head, *(Text(" " * _INDENT).append(line) for line in rest)]


def _indented(text: str, width: int) -> list[Text]:
    """Quiet lines below a title; none for no text."""
    return [Text(" " * _INDENT).append(line, "dim") for line in filled(text, width - _INDENT) if line]


def _items(finding: Finding, room: int) -> str:
    """The first items by name, two of a group side by side, copies with an equals sign; as many as one line holds."""
    groups: list[list[Item]] = []
    for item in finding.items:
        if groups and item.group is not None and groups[-1][0].group == item.group:
            groups[-1].append(item)
        else:
            groups.append([item])
    said, shown = "", 0
    for group in groups[:_ITEMS]:
        names = _sign(group[:2]).join(shortened(item.name, _NAME_ROOM) for item in group[:2])
        text, now = f"{said}, {names}" if said else names, shown + len(group[:2])
        if said and cell_len(text + _more(len(finding.items) - now)) > room:
            break
        said, shown = text, now
    return said + _more(len(finding.items) - shown) if said else ""


def _sign(group: Sequence[Item]) -> str:
    """What stands between items of a group: ids up to "#" are equal where the bytes are."""
    return " = " if len({item.id.partition("#")[0] for item in group}) == 1 else " with "


def _more(n: int) -> str:
    return f" and {n:,} more" if n else ""
