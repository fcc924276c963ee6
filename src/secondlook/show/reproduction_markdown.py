"""A reproduction as Markdown: every published figure beside ours, and a verdict per claim."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from secondlook.show.reproduction_words import CAPTION, about, columns, tally, title_of
from secondlook.types import FigureTable, Reproduced, Reproduction


def reproduction_markdown(found: Reproduction) -> str:
    """The page, with a section for each study."""
    title = title_of(found)
    hardware = found.config["hardware"]
    head = [
        f"# {title[0].upper()}{title[1:]}",
        f"By `secondlook reproduce` on {hardware['cores']} cores ({hardware['cpu']}), seed {found.config['seed']}.",
        CAPTION,
    ]
    return "\n\n".join([*head, *(part for study in found.studies for part in _study(study))]) + "\n"


def _study(study: Reproduced) -> list[str]:
    claims = [(claim.text, f"**{claim.verdict}**", claim.why) for claim in study.claims]
    parts = [
        f"## {study.name}: {study.title}",
        about(study),
        tally(study),
        _table(("claim", "verdict", "our numbers"), claims, "lll"),
    ]
    for table in study.tables:
        parts += [f"### {table.title}", _figures(table), *([table.note] if table.note else [])]
    return [*parts, "What differs from the study:", "\n".join(f"- {said}" for said in study.differences)]


def _figures(table: FigureTable) -> str:
    found = columns(table)
    heads, lines = [""], [[of] for of, _ in found.lines]
    for at, (measure, published) in enumerate(found.measures):
        heads += [f"{measure}, published", "ours"] if published else [measure]
        for line, (_, cells) in zip(lines, found.lines, strict=True):
            one = cells[at]
            line += ([one.published if one else ""] if published else []) + [one.ours if one else ""]
    return _table(heads, lines, "l" + "r" * (len(heads) - 1))


def _table(heads: Sequence[str], lines: Iterable[Sequence[str]], sides: str) -> str:
    rule = ["---" if side == "l" else "---:" for side in sides]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in (heads, rule, *lines)
    )
