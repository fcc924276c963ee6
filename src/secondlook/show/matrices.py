"""Confusion matrices for the page: SVG with a title on every cell up to 20 classes, a small PNG above."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from io import BytesIO

import numpy as np
from markupsafe import Markup, escape

from secondlook.show import format as fmt
from secondlook.show.facts import error_shares
from secondlook.types import IntArray

CELLS_UP_TO = 20
# With more classes a cell is too small to be pointed at.
POINTED_UP_TO = 90
# Upper ends of the ramp's steps: the share of a true class that a cell may hold. Fixed, so that matrices compare.
STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
# Opacity of each step. None lies where neither dark nor light text would be readable on it.
OPACITIES = (0.07, 0.14, 0.22, 0.32, 0.42, 0.52, 0.82, 1.0)
# The first step whose text is written in the page's ground colour.
LIGHT_TEXT_FROM = 6
_PNG_INK = (168, 72, 132)


def step(share: float) -> int:
    """Index of the ramp's step for a share above 0."""
    return next(i for i, end in enumerate(STEPS) if share <= end + 1e-12)


def _name(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _labels(classes: tuple[str, ...], cell: float, room: int, left: float, top: float, size: float) -> list[Markup]:
    upright = max(map(len, classes)) * size * 0.62 > cell
    out = []
    for i, text in enumerate(classes):
        short, middle = _name(text, room), (i + 0.5) * cell
        out.append(
            Markup('<text x="{:.1f}" y="{:.1f}" dy=".35em" text-anchor="end"><title>{}</title>{}</text>').format(
                left - 5, top + middle, text, short
            )
        )
        turn = Markup(' text-anchor="start" dy=".35em" transform="rotate(-90 {:.1f} {:.1f})"').format(
            left + middle, top - 5
        )
        flat = Markup(' text-anchor="middle"')
        out.append(
            Markup('<text x="{:.1f}" y="{:.1f}"{}><title>{}</title>{}</text>').format(
                left + middle, top - 5, turn if upright else flat, text, short
            )
        )
    return out


def _cell(
    i: int, j: int, n: int, support: int, cell: float, classes: tuple[str, ...], written: bool, opens: str
) -> Markup:
    share = n / support
    kind = "d" if i == j else f"s{step(share)}"
    x, y = round(j * cell, 1), round(i * cell, 1)
    says = "right" if i == j else f"says {classes[j]}"
    title = f"given {classes[i]}, {says}: {n:,} of {support:,} ({fmt.round_percent(share)})"
    drawn = Markup('<g class="{}"><title>{}</title><rect x="{}" y="{}" width="{}" height="{}"/>{}</g>').format(
        kind, title, x, y, round(cell, 1), round(cell, 1),
        Markup('<text{} x="{}" y="{}">{}</text>').format(
            Markup("") if written else Markup(' class="p"'), round(x + cell / 2, 1), round(y + cell / 2, 1), n
        ),
    )  # fmt: skip
    return _linked(opens, drawn)


def _linked(anchor: str, drawn: Markup) -> Markup:
    """What is drawn, as a link to a place on the page where there is one."""
    return Markup('<a href="#{}">').format(anchor) + drawn + Markup("</a>") if anchor else drawn


def overlay(links: Mapping[tuple[int, int], str], classes: tuple[str, ...]) -> Markup:
    """Invisible cells to lie over a `png` of a matrix, a link each; nothing where there are too many classes.

    Keys go past them, since they are many: the list of confusions beside leads to the same places.
    """
    k = len(classes)
    if not links or k > POINTED_UP_TO:
        return Markup("")
    cells = [
        Markup(
            '<a href="#{}" tabindex="-1"><title>given {}, says {}</title><rect x="{}" y="{}" width="1" height="1"/></a>'
        ).format(anchor, classes[i], classes[j], j, i)
        for (i, j), anchor in links.items()
    ]
    return Markup('<svg class="over" viewBox="0 0 {0} {0}">{1}</svg>').format(k, Markup("").join(cells))


def svg(
    counts: IntArray,
    classes: tuple[str, ...],
    label: str,
    *,
    large: bool,
    links: Mapping[tuple[int, int], str] | None = None,
) -> Markup:
    """A matrix of at most 20 classes. Cells without items are left empty.

    Args:
        counts: int64 (k, k), line = given label, column = answer.
        large: with counts on screen (up to 12 classes); else they show on hover and in print.
        links: the places on the page that cells (line, column) lead to.
    """
    k = len(counts)
    cell = min(max((500 if large else 230) / k, 12), 80 if large else 64)
    size = 13.0 if large else 11.0
    text = min(size, cell * 0.42 if not large else 13.0, 0.8 * cell)
    room = 14 if large else 11
    longest = min(max(map(len, classes)), room)
    names = min(size, cell)
    left = longest * names * 0.6 + 12
    top = left if longest * names * 0.62 > cell else names + 10
    width, height = left + k * cell + 1, top + k * cell + 1
    parts = [
        Markup('<svg class="matrix" viewBox="0 0 {0:.0f} {1:.0f}" width="{0:.0f}" role="{3}" aria-label="{2}">').format(
            width, height, label, "group" if links else "img"
        ),
        Markup('<g font-size="{:.1f}">').format(names),
        *_labels(classes, cell, room, left, top, names),
        Markup('</g><g class="cells" font-size="{:.1f}" transform="translate({:.1f} {:.1f})">').format(text, left, top),
        Markup('<rect class="frame" width="{0:.1f}" height="{0:.1f}"/>').format(k * cell),
    ]
    support = counts.sum(axis=1)
    for i, j in zip(*np.nonzero(counts), strict=True):
        written = large and k <= 12
        opens = (links or {}).get((int(i), int(j)), "")
        parts.append(_cell(int(i), int(j), int(counts[i, j]), int(support[i]), cell, classes, written, opens))
    return Markup("").join([*parts, Markup("</g></svg>")])


def png(counts: IntArray) -> str:
    """A matrix of any size as a data URI, one pixel per cell: opacity as in the ramp, a grey diagonal."""
    from PIL import Image

    shares = error_shares(counts)
    k = len(shares)
    index = np.searchsorted(np.array(STEPS) + 1e-12, shares)
    pixels = np.zeros((k, k, 4), dtype=np.uint8)
    pixels[..., :3] = _PNG_INK
    alpha = np.array([*OPACITIES, 1.0])[index]
    # Above 20 classes a cell is a pixel or two: fainter than this could not be seen.
    pixels[..., 3] = np.where(shares > 0, 255 * np.maximum(alpha, 0.25), 0).astype(np.uint8)
    diagonal = np.arange(k)
    pixels[diagonal, diagonal, :3] = 128
    pixels[diagonal, diagonal, 3] = (30 + 90 * shares[diagonal, diagonal]).astype(np.uint8)
    return data_uri(Image.fromarray(pixels), "PNG", optimize=True)


def data_uri(image: object, kind: str, **options: object) -> str:
    """A Pillow image as a data URI."""
    out = BytesIO()
    image.save(out, format=kind, **options)  # type: ignore[attr-defined]
    return f"data:image/{kind.lower()};base64,{base64.b64encode(out.getvalue()).decode()}"


def legend() -> Markup:
    """The ramp's steps with their upper ends in percent."""
    parts = []
    for i, end in enumerate(STEPS):
        parts.append(
            Markup(
                '<g class="s{0}"><rect x="{1}" y="1" width="34" height="14"/></g><text x="{2}" y="28">{3}</text>'
            ).format(i, i * 36, i * 36 + 34, f"{100 * end:g}")
        )
    label = escape("Steps of the colour: up to .5, 1, 2, 5, 10, 20, 50 and 100 % of the given class")
    return Markup('<svg class="legend" viewBox="0 0 300 34" width="300" role="img" aria-label="{}">{}</svg>').format(
        label, Markup("").join(parts)
    )
