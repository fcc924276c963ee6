"""An audit's short page in the terminal: at most 100 columns, the paths last."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from secondlook.show import format as fmt
from secondlook.show.findings_terminal import finding_lines, paragraph
from secondlook.show.names import shortened
from secondlook.show.terminal import as_text
from secondlook.types import Audit

_CLASSES, _CLASS_ROOM = 24, 28


def audit_lines(audit: Audit, width: int = 100) -> list[Text]:
    """The page: what was read, the classes, the findings, what was silent; the paths last.

    Args:
        audit: an audit.
        width: cells in a line; at least 60. Only paths may be longer.
    """
    width = max(width, 60)
    data = audit.data
    lines = paragraph(f"{data['source']}: {data['format']}", width, 2)
    lines += _split(audit, width)
    lines += [Text(), *_classes(audit, width), Text()]
    lines += finding_lines(audit.findings, width)
    lines += paragraph(_silent(audit), width, 2, "dim")
    if audit.path is not None:
        lines += [Text(), Text(str(audit.path / "audit.html")), Text(str(audit.path / "audit.json"))]
    return lines


def _split(audit: Audit, width: int) -> list[Text]:
    data = audit.data
    lines = []
    if data["split"]:
        sizes = ", ".join(f"{sum(row):,} {part}" for part, row in data["counts"].items())
        text = f"{sizes} ({data['split']}); chance {fmt.share(data['chance'], digits=2)}"
        lines += paragraph(f"{text}, majority {fmt.share(data['majority'], digits=2)}", width, 2, "dim")
    elif data["why_no_split"]:
        lines += paragraph(f"cannot be compared: {data['why_no_split']}", width, 2, "dim")
    return lines


def _classes(audit: Audit, width: int) -> list[Text]:
    """Names with their counts, in their order, columns aligned; of many classes the first and the last."""
    names = list(audit.data["classes"])
    if not names:
        return [Text("no labels", style="dim")]
    totals = [sum(column) for column in zip(*audit.data["counts"].values(), strict=True)]
    cells = [(shortened(name, _CLASS_ROOM), f"{n:,}") for name, n in zip(names, totals, strict=True)]
    if len(cells) > _CLASSES:
        gone = len(cells) - _CLASSES
        cells = [*cells[: _CLASSES - 4], (f"… {gone:,} more", ""), *cells[-4:]]
    wide = max(cell_len(name) for name, _ in cells)
    long = max(len(n) for _, n in cells)
    each = wide + 1 + long
    columns = max((width + 3) // (each + 3), 1)
    lines = []
    for start in range(0, len(cells), columns):
        line = Text()
        for i, (name, n) in enumerate(cells[start : start + columns]):
            line.append("   " if i else "")
            line.append(name + " " * (wide - cell_len(name) + 1)).append(f"{n:>{long}}", style="dim")
        line.rstrip()
        lines.append(line)
    return lines


def _silent(audit: Audit) -> str:
    n = len(audit.silent)
    said = f"nothing {'else ' if audit.findings else ''}found: {n:,} check{'' if n == 1 else 's'} silent"
    if audit.not_applicable:
        m = len(audit.not_applicable)
        said += f", {m:,} {'does' if m == 1 else 'do'} not apply"
    if audit.muted:
        said += f", {', '.join(audit.muted)} muted"
    return said


def audit_text(audit: Audit, width: int = 100, color: bool = False) -> str:
    """The page as text that ends in a newline.

    Args:
        audit: an audit.
        width: cells in a line.
        color: with the terminal's colours, unless the environment sets ``NO_COLOR``.
    """
    return as_text(audit_lines(audit, width), color)
