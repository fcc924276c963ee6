"""Figures as inline SVG that follows the page: its fonts, its light and dark, its one name space of ids."""

from __future__ import annotations

import re
from dataclasses import fields
from io import StringIO

import matplotlib
from matplotlib.figure import Figure

from secondlook.show.palette import SENTINELS


def themed(figure: Figure, name: str, label: str) -> str:
    """The figure as an ``<svg>`` element for HTML.

    Args:
        figure: drawn with `palette.SENTINELS`; each of these colours becomes the page's CSS variable of that name.
        name: prefix that keeps the element's ids unique on the page.
        label: what the picture shows, for those who hear the page. Plain text; it is escaped here.
    """
    from markupsafe import escape

    out = StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "secondlook"}):
        nothing: dict[str, None] = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(out, format="svg", transparent=True, metadata=nothing)
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*">', "<g>", text)
    text = re.sub(r'\s(id=")', rf" \1{name}-", text)
    text = text.replace("xlink:href", "href").replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    for field in fields(SENTINELS):
        text = text.replace(getattr(SENTINELS, field.name), f"var(--{field.name})")
    text = re.sub(r"font-family:[^;\"]*;?|font: [0-9.]+px [^;\"]*", _font, text)
    head = re.search(r'<svg[^>]*viewBox="([^"]*)"[^>]*>', text)
    assert head is not None  # matplotlib always writes one
    # matplotlib counts in points, the page in pixels.
    width = round(float(head.group(1).split()[2]) * 4 / 3)
    new = f'<svg class="figure" viewBox="{head.group(1)}" width="{width}" role="img" aria-label="{escape(label)}">'
    return text.replace(head.group(0), new).replace("\n", "").strip()


def _font(match: re.Match[str]) -> str:
    size = re.search(r"[0-9.]+px", match.group(0))
    return f"font-size: {size.group(0)}" if size else ""
