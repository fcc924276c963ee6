"""Findings as the pages show them: the words, the numbers, and the images concerned, few enough to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from secondlook.show.gallery import display_size, encode
from secondlook.show.names import visible
from secondlook.types import Finding, IntArray, Item, Thumbnails

SEVERITY_WORDS = {"serious": "serious", "warning": "warning", "info": "note"}

# What makes accuracy itself doubtful is said before any number.
FIRST = "M101"
# A finding on the images that one on the models says again, with the models' numbers: in short lists it stands alone.
_SAID_BY = {"D201": "M101", "D203": "M110"}

# Of one finding: groups (copies of one image), images in each; single images; files without an image.
_GROUPS, _IN_GROUP, _SINGLES, _NAMES = 8, 4, 16, 12
# Of all findings together: so many images are kept, and so many characters of them stand on a page.
_MOST_IMAGES, _MOST_CHARACTERS = 320, 2_500_000
_LISTED = 8


@dataclass(frozen=True)
class Tile:
    """One image: where it is drawn from, its size in CSS pixels, what is said of it, and its file."""

    source: str
    width: int
    height: int
    note: str
    name: str


@dataclass(frozen=True)
class Together:
    """Images that belong together, copies of each other, or all single ones; `more` are not shown."""

    tiles: tuple[Tile, ...]
    grouped: bool
    more: int


@dataclass(frozen=True)
class Card:
    """One finding: `names` are items without an image, as (name, note); `more` items are not shown at all."""

    code: str
    severity: str
    title: str
    advice: str
    evidence: tuple[tuple[str, str], ...]
    shelves: tuple[Together, ...]
    names: tuple[tuple[str, str], ...]
    more: int


def severity_counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How many there are of each severity, the worst first."""
    found = dict.fromkeys(SEVERITY_WORDS, 0)
    for finding in findings:
        found[finding.severity] += 1
    return found


def said_once(findings: Iterable[Finding]) -> list[Finding]:
    """The findings without those that another one says again, with more to it."""
    found = list(findings)
    there = {finding.code for finding in found}
    return [finding for finding in found if _SAID_BY.get(finding.code) not in there]


def counted(n: int, severity: str) -> str:
    """ "2 warnings", "1 serious finding", "3 notes"."""
    word = "serious finding" if severity == "serious" else SEVERITY_WORDS[severity]
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def picked(finding: Finding) -> tuple[list[list[Item]], list[Item]]:
    """The items of a finding that are shown: with an image, those of one group together; and those without."""
    groups: dict[Any, list[Item]] = {}
    for item in finding.items:
        if item.index >= 0:
            groups.setdefault(("group", item.group) if item.group is not None else "single", []).append(item)
    singles = groups.pop("single", [])[:_SINGLES]
    shown = [members[:_IN_GROUP] for members in list(groups.values())[:_GROUPS]]
    files = [item for item in finding.items if item.index < 0]
    return [*shown, *([singles] if singles else [])], files[:_NAMES]


def pictured(findings: Sequence[Finding]) -> IntArray:
    """The items whose images are worth keeping: indices, int64 (m,), sorted, each once."""
    wanted: dict[int, None] = {}
    for finding in findings:
        wanted |= dict.fromkeys(item.index for shelf in picked(finding)[0] for item in shelf)
    return np.array(sorted(list(wanted)[:_MOST_IMAGES]), dtype=np.int64)


def cards(findings: Sequence[Finding], thumbnails: Thumbnails | None) -> list[Card]:
    """The findings in their order, with the images that were kept; without `thumbnails`, with the names alone."""
    stock = _Stock(thumbnails)
    return [_card(finding, stock) for finding in findings]


class _Stock:
    """The images of a page, encoded when they are first asked for, as long as there is room."""

    def __init__(self, thumbnails: Thumbnails | None) -> None:
        self._places = {} if thumbnails is None else {int(item): i for i, item in enumerate(thumbnails.items)}
        self._pixels = None if thumbnails is None else thumbnails.pixels
        self._encoded: dict[int, str] = {}
        self._room = _MOST_CHARACTERS

    def tile(self, item: Item) -> Tile | None:
        """An item's image, or None where there is none, or no room for it."""
        place = self._places.get(item.index)
        if place is None or self._pixels is None:
            return None
        if place not in self._encoded:
            self._encoded[place] = encode(self._pixels[place])
        source = self._encoded[place]
        if len(source) > self._room:
            return None
        self._room -= len(source)
        width, height = display_size(self._pixels.shape[1:])
        return Tile(source, width, height, item.note, item.name)


def _card(finding: Finding, stock: _Stock) -> Card:
    picks, files = picked(finding)
    sizes = Counter(item.group for item in finding.items if item.index >= 0)
    shelves, unseen = [], []
    for picks_of_one in picks:
        tiles = [stock.tile(item) for item in picks_of_one]
        unseen += [item for item, tile in zip(picks_of_one, tiles, strict=True) if tile is None]
        if found := tuple(tile for tile in tiles if tile is not None):
            group = picks_of_one[0].group
            more = 0 if group is None else sizes[group] - len(picks_of_one)
            shelves.append(Together(found, group is not None, more))
    names = [*unseen, *files][:_NAMES]
    shown = sum(len(shelf.tiles) + shelf.more for shelf in shelves) + len(names)
    return Card(
        code=finding.code,
        severity=SEVERITY_WORDS[finding.severity],
        title=finding.title,
        advice=finding.advice,
        evidence=tuple((name.replace("_", " "), value_text(value)) for name, value in finding.evidence.items()),
        shelves=tuple(shelves),
        names=tuple((item.name, item.note) for item in names),
        more=len(finding.items) - shown,
    )


def value_text(value: Any) -> str:
    """A value of the evidence in a few words: 1,240; .042; yes; "a, b and 4 more"."""
    if value is None or value == "" or value == [] or value == {}:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, Mapping):
        return _joined([f"{name} {value_text(inner)}" for name, inner in value.items()])
    if isinstance(value, list | tuple):
        return _joined([value_text(inner) for inner in value])
    return visible(str(value))


def _float_text(value: float) -> str:
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def _joined(parts: list[str]) -> str:
    rest = len(parts) - _LISTED
    return ", ".join(parts[:_LISTED]) + (f" and {rest:,} more" if rest > 0 else "")
