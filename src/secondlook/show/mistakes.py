"""The page of mistakes: galleries by true class, one HTML file without network or scripts; and for notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path, PurePath
from typing import Any

from markupsafe import Markup

from secondlook.runs.results import thumbnails
from secondlook.show import format as fmt
from secondlook.show.gallery import PIXELATED_UP_TO, display_size, encode
from secondlook.show.mistakes_words import (
    PART_NOUNS,
    anchor,
    images_of,
    missed_classes,
    missed_too,
    others_said,
    sentences,
    shown_rows,
    totals,
)
from secondlook.show.names import visible
from secondlook.show.page import style, templates, write_page
from secondlook.types import ALL_MODELS, Mistakes, Part

# Of each class of each part where `top` says nothing, and of all together.
PER_CLASS, _MOST = 40, 1000
# Characters of pictures: of the mistakes, and of the training images beside them. The page stays below 5 MB.
_ROOM, _NEAR_ROOM = 2_000_000, 1_100_000
_NEAR_SIDE = 40
# In a notebook: of each class, of all together, and characters.
_DIV_PER_CLASS, _DIV_MOST, _DIV_ROOM = 8, 160, 600_000

TERMS = {
    "loss": "-ln of the probability that the model gave to the given label: how badly it was surprised. .69 is a "
    "coin's toss, 4.6 one chance in a hundred.",
    "in brackets": "The probability that the model gave to its wrong answer.",
    "others": "What the other models of the run answered, baselines aside; in bold the given label. An image that all "
    "of them miss is hard, or its label is wrong.",
    "nearest": "The training images with the smallest difference in pixels, and their labels. Where they bear the "
    "answer and not the given label, look at the label; where they bear the given one, the model is to blame.",
    "training images": "The images that the model learnt from: what it misses there it could not learn, or was taught "
    "wrongly.",
}


@dataclass(frozen=True)
class Neighbour:
    """A training image: its picture, its label, its name with the distance, and whether its label is the given one."""

    picture: Markup
    label: str
    title: str
    right: bool


@dataclass(frozen=True)
class Figure:
    """One mistake: what is drawn, and what stands below it."""

    picture: Markup
    given: str
    says: str
    sure: str
    loss: str
    name: str
    title: str
    others: tuple[tuple[str, int, bool, str], ...]
    missed: str
    nearest: tuple[Neighbour, ...]


@dataclass(frozen=True)
class Shelf:
    """The mistakes on one true class in one part."""

    anchor: str
    name: str
    text: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Hall:
    """The shelves of one part."""

    part: Part
    title: str
    text: str
    shelves: tuple[Shelf, ...]


class _Pictures:
    """The pictures of a page, each an image of its own: a sheet cropped a thousand times takes minutes to print.

    The mistakes themselves come before the training images beside them.
    """

    def __init__(self, found: Mistakes, rows: Sequence[int], rooms: tuple[int, int]) -> None:
        self._found = found
        self._own = _encoded(found, [(i, [int(found.items[i])]) for i in rows], rooms[0], 112)
        near = [] if found.nearest is None else [(i, found.nearest.items[i].tolist()) for i in rows]
        self._near = _encoded(found, near, rooms[1], 48)
        self._crisp = Markup(' class="pixelated"') if max(found.shape[:2]) <= PIXELATED_UP_TO else Markup("")

    def own(self, i: int) -> Markup:
        """The picture of a mistake; an empty frame where there is none."""
        if not (made := self._own.get(i, {})):
            return Markup('<span class="none">no image</span>')
        ((source, shape),) = made.values()
        return self._drawn(source, display_size(shape), str(self._found.names[i]))

    def near(self, i: int) -> tuple[Neighbour, ...]:
        """The training images beside a mistake; those that found no room are left out."""
        found, made, shown = self._found, self._near.get(i, {}), []
        items = [] if found.nearest is None else found.nearest.items[i].tolist()
        for item, (name, label, far) in zip(items, found.nearest_of(i), strict=False):
            if item in made:
                source, shape = made[item]
                h, w = (max(round(n * _NEAR_SIDE / max(shape)), 1) for n in shape)
                title = f"{visible(name)}, given {visible(label)}, differs by {fmt.share(far, digits=3)}"
                right = label == found.classes[found.given[i]]
                shown.append(Neighbour(self._drawn(source, (w, h), name), label, title, right))
        return tuple(shown)

    def _drawn(self, source: str, size: tuple[int, int], name: str) -> Markup:
        return Markup('<img{} src="{}" width="{}" height="{}" alt="{}">').format(
            self._crisp, source, *size, visible(name)
        )


_Encoded = dict[int, tuple[str, tuple[int, int]]]


def _encoded(found: Mistakes, wanted: Sequence[tuple[int, Sequence[int]]], room: int, side: int) -> dict[int, _Encoded]:
    """By mistake and item the data URI and the height and width, as long as there is room.

    Args:
        wanted: mistakes with the items that stand beside them, the most needed first.
        room: characters.
        side: the most pixels of the longer side.
    """
    known: _Encoded = {}
    made: dict[int, _Encoded] = {}
    for i, items in wanted:
        for item in items:
            if item >= 0 and item not in known and (pixels := found.pixels(item)) is not None:
                small = thumbnails(pixels[None], side)[0]
                known[item] = encode(small), small.shape[:2]
        made[i] = {item: known[item] for item in items if item in known}
        room -= sum(len(source) for source, _ in made[i].values())
        if room < 0:
            del made[i]
            break
    return made


def chosen_rows(found: Mistakes, per_class: int, most: int) -> list[int]:
    """The mistakes that a page holds: of every class the worst, then of every class the next, and so on."""
    shelves = [
        shown_rows(found, part, label, per_class).tolist()
        for part in found.parts
        for label in missed_classes(found, part)
    ]
    turns: Iterator[Any] = zip_longest(*shelves)
    return [int(i) for turn in turns for i in turn if i is not None][:most]


def halls(found: Mistakes, rows: Sequence[int], pictures: _Pictures) -> list[Hall]:
    """The galleries, by part and true class, of the mistakes that were chosen."""
    wanted, made = set(rows), []
    for part in found.parts:
        shelves = []
        for label in missed_classes(found, part):
            everything = found.rows(part, label)
            figures = tuple(_figure(found, int(i), pictures) for i in everything if int(i) in wanted)
            text = f"{len(everything):,} of {images_of(part, found.counts[part][label])} missed"
            if len(figures) < len(everything):
                text += f", {len(figures):,} shown"
            if figures:
                shelves.append(Shelf(anchor(part, label), found.classes[label], text, figures))
        n, shown = int((found.part_of == part).sum()), sum(len(shelf.figures) for shelf in shelves)
        if shelves:
            made.append(Hall(part, f"On {PART_NOUNS[part]} images", _hall_text(found, n, shown), tuple(shelves)))
    return made


def _hall_text(found: Mistakes, n: int, shown: int) -> str:
    order = "by how many models miss them, then by loss" if found.model == ALL_MODELS else "the largest loss first"
    some = f"{shown:,} of {n:,} shown, the worst of each class" if shown < n else f"All {n:,} shown" if n > 1 else "One"
    return f"{some}; {order}." if n > 1 else "One mistake."


def _figure(found: Mistakes, i: int, pictures: _Pictures) -> Figure:
    name = str(found.names[i])
    others = others_said(found, i)
    listed = "; ".join(f"{', '.join(models)}: {answer}" for answer, models, _ in others)
    missed = missed_too(found, i) if found.model != ALL_MODELS else f"{found.missed_by[i]} of {len(found.voters)}"
    return Figure(
        picture=pictures.own(i),
        given=found.classes[found.given[i]],
        says=found.classes[found.answers[i]],
        sure=fmt.share(float(found.confidence[i]), digits=2),
        loss=fmt.loss(float(found.loss[i])),
        name=name,
        title=f"{visible(name)}; loss {fmt.loss(float(found.loss[i]))}" + (f"; {visible(listed)}" if listed else ""),
        others=tuple((answer, len(models), right, ", ".join(models)) for answer, models, right in others),
        missed=missed,
        nearest=pictures.near(i),
    )


def write_mistakes(found: Mistakes, path: Path) -> Path:
    """Writes the page as one HTML file: it is whole or it is not there. Its folder is made where it is missing.

    Returns:
        The path written.
    """
    return write_page(path, mistakes_html(found))


def mistakes_html(found: Mistakes) -> str:
    """The page as text."""
    rows = chosen_rows(found, PER_CLASS, _MOST)
    pictures = _Pictures(found, rows, (_ROOM, _NEAR_ROOM))
    made = halls(found, rows, pictures)
    whose = f"mistakes of {found.model}" if found.model != ALL_MODELS else "mistakes of all models"
    source = visible(PurePath(found.source).name or found.source)
    return (
        templates()
        .get_template("mistakes.html")
        .render(
            title=f"{source}: {whose}",
            about=_about(found),
            css=style("style.css", "page.css", "mistakes.css", ramp=""),
            sentences=sentences(found),
            halls=made,
            together=found.model == ALL_MODELS,
            whose="" if found.nearest is None else found.nearest.whose,
            why_no_images=found.why_no_images,
            terms=_terms(found),
        )
    )


def _about(found: Mistakes) -> str:
    h, w, c = found.shape
    sizes = fmt.listing([images_of(part, sum(found.counts[part])) for part in found.parts])
    return (
        f"{sizes} of {h} × {w} pixels ({'grey' if c == 1 else 'colour'}), {len(found.classes):,} classes; "
        f"from the run {visible(str(found.run))}."
    )


def _terms(found: Mistakes) -> dict[str, str]:
    dropped = {"training images"} if "train" not in found.parts else set()
    dropped |= {"others"} if not found.others else set()
    dropped |= {"nearest"} if found.nearest is None else set()
    return {term: meaning for term, meaning in TERMS.items() if term not in dropped}


def mistakes_div(found: Mistakes) -> str:
    """The worst mistakes as HTML with their own style, for notebooks; nothing else is loaded.

    Returns:
        A ``<div>``.
    """
    rows = chosen_rows(found, _DIV_PER_CLASS, _DIV_MOST)
    shown = halls(found, rows, _Pictures(found, rows, (_DIV_ROOM, _DIV_ROOM)))
    template = templates().get_template("mistakes_shelves.html")
    inner = template.render(halls=shown, together=found.model == ALL_MODELS, anchors=False)
    said = Markup("<p>{}</p>").format(totals(found))
    return f'<div class="secondlook"><style>{style("style.css", "mistakes.css")}</style>{said}{inner}</div>'
