"""Colours, each with one meaning. Families: Okabe and Ito's palette, with a marker each so that no colour stands alone.

Source: M. Okabe, K. Ito, Color Universal Design (2008).
"""

from __future__ import annotations

from dataclasses import dataclass

# family: (colour, matplotlib marker, name in a legend). Blue, the eighth colour, is the accent: the chosen model.
FAMILIES: dict[str, tuple[str, str, str]] = {
    "baseline": ("#8a8a8a", "X", "baseline"),
    "linear": ("#F0E442", "v", "linear"),
    "kernel": ("#56B4E9", "D", "kernel"),
    "neighbours": ("#E69F00", "^", "neighbours"),
    "trees": ("#009E73", "s", "trees"),
    "dense": ("#CC79A7", "P", "dense net"),
    "convolution": ("#D55E00", "o", "convolutional net"),
}
OTHER = ("#999999", "h", "other")


@dataclass(frozen=True)
class Palette:
    """The colours that follow the ground they are drawn on."""

    ink: str
    quiet: str
    rule: str
    shade: str
    accent: str
    ground: str
    ramp: str


LIGHT = Palette("#1c1f22", "#5b636b", "#d5d9dd", "#eef2f6", "#0072B2", "#ffffff", "#8a1c63")
DARK = Palette("#e6e8ea", "#a3abb3", "#3a4046", "#1d252d", "#6cbcf0", "#14171a", "#ff8fd0")

# What the page's figures are drawn with. No picture uses these colours otherwise: `svg.themed` turns each into the
# page's CSS variable of that name, so that figures follow light and dark.
SENTINELS = Palette("#010203", "#010204", "#010205", "#010206", "#010207", "#010208", "#010209")


def family(name: str) -> tuple[str, str, str]:
    """Colour, marker and legend name of a model family; grey hexagons for one that is not known."""
    return FAMILIES.get(name, OTHER)
