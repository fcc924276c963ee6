"""The page of labels that may be wrong: one HTML file without network or scripts, and a short table for notebooks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from secondlook.show import format as fmt
from secondlook.show.gallery import PIXELATED_UP_TO, display_size, encode
from secondlook.show.names import visible
from secondlook.show.page import style, templates, write_page
from secondlook.show.suspects_words import (
    CAVEAT,
    ESTIMATE,
    SUSPECT_TERMS,
    about,
    next_step,
    quality,
    sentences,
    takes,
)
from secondlook.types import Suspects

_MOST_CHARACTERS = 2_500_000
_CLASSES_LISTED, _IN_NOTEBOOK = 60, 10


@dataclass(frozen=True)
class Shown:
    """One suspect: its image, the two labels, the quality, why it is one, and its file."""

    source: str
    width: int
    height: int
    given: str
    suggested: str
    quality: str
    note: str
    name: str


@dataclass(frozen=True)
class ClassLine:
    """One class; numbers as text."""

    name: str
    n: str
    wrong: str
    share: str
    suspected: str
    taken: str


def write_suspects(found: Suspects, path: Path) -> Path:
    """Writes the page as one HTML file: it is whole or it is not there.

    Returns:
        The path written.
    """
    return write_page(path, page_html(found))


def suspects_html(found: Suspects) -> str:
    """What was estimated, and the worst ten, as HTML for notebooks; nothing else is loaded.

    Returns:
        A ``<div>``.
    """
    values = {"sentences": sentences(found), "lines": class_lines(found), "worst": shown(found, _IN_NOTEBOOK)}
    inner = templates().get_template("suspects_short.html").render(**values, pixelated=_pixelated(found))
    return f'<div class="secondlook"><style>{style("style.css", "suspects.css")}</style>{inner}</div>'


def page_html(found: Suspects) -> str:
    """The page as text."""
    worst = shown(found, len(found.thumbnails.items))
    lines = class_lines(found)
    n = int(found.suspected.sum())
    return (
        templates()
        .get_template("suspects.html")
        .render(
            title=visible(PurePath(str(found.data["source"])).name or str(found.data["source"])),
            about=about(found),
            css=style("style.css", "page.css", "suspects.css", ramp=""),
            sentences=sentences(found),
            caveat=CAVEAT,
            estimate=ESTIMATE,
            next_step=next_step(found) if n and found.path else "",
            worst=worst,
            of=n,
            lines=lines[:_CLASSES_LISTED],
            more=max(len(lines) - _CLASSES_LISTED, 0),
            pixelated=_pixelated(found),
            made=_made(found),
            terms=SUSPECT_TERMS,
        )
    )


def _pixelated(found: Suspects) -> bool:
    return bool(max(found.data["shape"][:2]) <= PIXELATED_UP_TO)


def shown(found: Suspects, most: int) -> list[Shown]:
    """The worst suspects with an image, as many as fit on a page."""
    places = {int(item): i for i, item in enumerate(found.thumbnails.items)}
    width, height = display_size(found.thumbnails.pixels.shape[1:]) if places else (0, 0)
    room, tiles = _MOST_CHARACTERS, []
    for i in np.flatnonzero(found.suspected)[:most]:
        place = places.get(int(found.items[i]))
        if place is None:
            continue
        source = encode(found.thumbnails.pixels[place])
        room -= len(source)
        if room < 0:
            break
        given, suggested = (visible(found.class_name(int(c))) for c in (found.labels[i], found.suggested[i]))
        note = "a copy has another label" if "copies" in str(found.reasons[i]) else ""
        tiles.append(Shown(source, width, height, given, suggested, quality(found.quality[i]), note, found.names[i]))
    return tiles


def class_lines(found: Suspects) -> list[ClassLine]:
    """The classes with the most wrong labels first."""
    taken = takes(found)
    lines = []
    for doubt in sorted(found.classes, key=lambda d: (-d.wrong, -d.suspected)):
        said = taken.get(doubt.name)
        share = fmt.percent(doubt.wrong / doubt.n, digits_of=0.002) if doubt.n else fmt.MISSING
        lines.append(
            ClassLine(
                visible(doubt.name), f"{doubt.n:,}", f"{doubt.wrong:,}", share, f"{doubt.suspected:,}",
                f"{visible(said[0])} ({said[1]:,})" if said else "",
            )
        )  # fmt: skip
    return lines


def _made(found: Suspects) -> list[tuple[str, str, bool]]:
    data = found.data
    lines: list[tuple[str, str, bool]] = [("Data", f"{data['source']}: {data['format']}", False)]
    for name, model in data["models"].items():
        note = f"; {data['notes'][name]}" if name in data["notes"] else ""
        agrees, counts = fmt.percent(model["agrees"]), fmt.percent(model["weight"])
        said = f"agrees with {agrees} of the labels, counts for {counts}, {fmt.seconds(model['seconds'])}{note}"
        lines.append((f"Model {name}", said, False))
    lines += [(f"Model {name}", f"left out: {why}", False) for name, why in data["failed"].items()]
    lines.append(("Folds", data["method"], False))
    if data["left_out"]:
        lines.append(("Not judged", "; ".join(data["left_out"]), False))
    lines += [
        ("Seed", str(data["seed"]), False),
        ("Made in", fmt.seconds(data["seconds"]), False),
        ("Table", str(found.path), True),
        ("Data fingerprint", data["fingerprint"], True),
    ]
    return [(name, visible(value), code) for name, value, code in lines]
