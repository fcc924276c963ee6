"""Mistakes in the terminal: at most 100 columns, by true class, names last."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from secondlook.show import format as fmt
from secondlook.show.findings_terminal import paragraph
from secondlook.show.mistakes_words import (
    PART_NOUNS,
    missed_classes,
    missed_too,
    shown_rows,
    totals,
)
from secondlook.show.names import shortened
from secondlook.show.terminal import as_text
from secondlook.types import ALL_MODELS, Mistakes, Part

# Mistakes of each class of each part, mistakes in all, and classes, where --top says nothing.
_PER_CLASS, _LINES, _SHELVES = 5, 120, 30
_CLASS_ROOM, _NEAR_ROOM, _NAME_ROOM = 16, 22, 20


def mistakes_lines(found: Mistakes, width: int = 100) -> list[Text]:
    """A sentence, then a line per mistake below its true class.

    Args:
        found: mistakes.
        width: cells in a line; at least 60.
    """
    width = max(width, 60)
    lines = paragraph(totals(found), width, 2)
    if found.why_no_images:
        lines += paragraph(found.why_no_images, width, 2, "yellow")
    shelves = _shelves(found)
    most = max(1, min(_PER_CLASS, _LINES // max(len(shelves), 1)))
    table = _Columns(found, width)
    if len(found):
        lines += [Text(), table.head()]
    for part, label in shelves:
        lines += _class(found, part, label, most, table)
    left = len(found) - sum(len(shown_rows(found, part, label, most)) for part, label in shelves)
    return [*lines, *_closing(found, left, width)]


def _shelves(found: Mistakes) -> list[tuple[Part, int]]:
    """The classes with mistakes by part, in their order; of many, unless asked for, those missed most."""
    shelves = [(part, label) for part in found.parts for label in missed_classes(found, part)]
    if found.top is not None or len(shelves) <= _SHELVES:
        return shelves

    def missed(shelf: tuple[Part, int]) -> tuple[float, int]:
        part, label = shelf
        n = len(found.rows(part, label))
        return n / max(found.counts[part][label], 1), n

    kept = set(sorted(shelves, key=missed, reverse=True)[:_SHELVES])
    return [shelf for shelf in shelves if shelf in kept]


def _class(found: Mistakes, part: Part, label: int, most: int, table: _Columns) -> list[Text]:
    rows = shown_rows(found, part, label, most)
    n = len(found.rows(part, label))
    said = f"  {n:,} of {found.counts[part][label]:,} {PART_NOUNS[part]} images missed"
    said += f", {len(rows):,} shown" if len(rows) < n else ""
    name = shortened(found.classes[label], min(_CLASS_ROOM, max(table.width - len(said) - 6, 6)))
    head = Text(f"given {name}", style="bold").append(said, style="dim not bold")
    head.truncate(table.width)
    return [Text(), head, *(table.line(int(i)) for i in rows)]


def _closing(found: Mistakes, left: int, width: int) -> list[Text]:
    if not len(found):
        return []
    some = len({*zip(found.part_of.tolist(), found.given.tolist(), strict=True)}) - len(_shelves(found))
    said = "Sorted by loss, the largest first"
    if found.model == ALL_MODELS:
        said = "Sorted by how many models miss an image, then by loss"
    if some:
        said = f"The {_SHELVES} classes missed most, {some:,} more have mistakes. {said}"
    if left:
        said += f"; {left:,} more: --top N shows N of each class, --out FILE.csv writes all"
    return [Text(), *paragraph(f"{said}; --out FILE.html shows the images.", width, 2, "dim")]


class _Columns:
    """The columns of one list: as wide as their longest cell, the name last, cut where there is no more room."""

    def __init__(self, found: Mistakes, width: int) -> None:
        self._found, self.width = found, width
        names = [found.classes[answer] for answer in set(found.answers.tolist())]
        self._says = min(max((cell_len(shortened(name, _CLASS_ROOM)) for name in names), default=4), _CLASS_ROOM)
        self._says = max(self._says, 4)
        together = found.model == ALL_MODELS
        self._miss = "missed by" if together else "others miss"
        self._voted = len([model for model in found.voters if model != found.model]) > 0
        near = [self._nearest(i) for i in range(len(found))] if found.nearest is not None else []
        self._near = max((cell_len(text) for text in near), default=0)
        self._near = max(self._near, len("nearest")) if self._near else 0
        # In a narrow terminal the names need the room.
        self._near = self._near if cell_len(self._start("", "", "", "", "")) + _NAME_ROOM <= width else 0

    def head(self) -> Text:
        """The columns' names."""
        return Text(self._joined("says", "sure", "loss", self._miss, "nearest", "name").rstrip(), style="dim")

    def line(self, i: int) -> Text:
        """One mistake."""
        found = self._found
        missed = missed_too(found, i) if found.model != ALL_MODELS else f"{found.missed_by[i]} of {len(found.voters)}"
        says = shortened(found.classes[found.answers[i]], _CLASS_ROOM)
        sure, loss = fmt.share(float(found.confidence[i]), digits=2), fmt.loss(float(found.loss[i]))
        return Text(self._joined(says, sure, loss, missed, self._nearest(i), str(found.names[i])).rstrip())

    def _joined(self, says: str, sure: str, loss: str, missed: str, near: str, name: str) -> str:
        start = self._start(says, sure, loss, missed, near)
        return start + shortened(name, max(self.width - cell_len(start), 8))

    def _start(self, says: str, sure: str, loss: str, missed: str, near: str) -> str:
        """Everything before the name."""
        cells = [set_cell_size(says, self._says), f"{sure:>4}", f"{loss:>5}"]
        cells += [f"{missed:>{len(self._miss)}}"] if self._voted else []
        cells += [set_cell_size(near, self._near)] if self._near else []
        return "  " + "  ".join(cells) + "  "

    def _nearest(self, i: int) -> str:
        """The labels of the nearest training images, the nearest first."""
        labels = [shortened(label, 7) for _, label, _ in self._found.nearest_of(i)]
        return shortened(" ".join(labels), _NEAR_ROOM)


def mistakes_text(found: Mistakes, width: int = 100, color: bool = False) -> str:
    """The list as text that ends in a newline.

    Args:
        found: mistakes.
        width: cells in a line.
        color: with the terminal's colours, unless the environment sets ``NO_COLOR``.
    """
    return as_text(mistakes_lines(found, width), color)


def written_text(found: Mistakes, out: str, width: int = 100, color: bool = False) -> str:
    """What is said where the mistakes went to a file or folder: the sentence, what stopped us, and the path last."""
    lines = paragraph(totals(found), width, 2)
    if found.why_no_images:
        lines += paragraph(found.why_no_images, width, 2, "yellow")
    return as_text([*lines, Text(), Text(out)], color)
