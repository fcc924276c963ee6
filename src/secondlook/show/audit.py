"""The audit's page: one HTML file without network or scripts, and the findings for notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from markupsafe import Markup

from secondlook.show import format as fmt
from secondlook.show.audit_words import AUDIT_GLOSSARY, FAULT_WORDS, fault_counts, sentences
from secondlook.show.counts import NAMES_UP_TO, PROFILE_HEIGHT, SHADES
from secondlook.show.findings import cards
from secondlook.show.gallery import PIXELATED_UP_TO
from secondlook.show.names import visible
from secondlook.show.page import style, templates, write_page
from secondlook.show.palette import SENTINELS
from secondlook.types import Audit, Finding

_FAULTS_LISTED, _CLASSES_LISTED = 40, 400
_PART_WORDS = {"train": "train", "valid": "validation", "test": "test", "all": "labelled", "left out": "left out"}


@dataclass(frozen=True)
class ClassBar:
    """One class: its pieces as (left end, width, opacity), ends in percent of the longest bar; numbers as text."""

    name: str
    pieces: tuple[tuple[float, float, float], ...]
    total: str
    title: str


@dataclass(frozen=True)
class LeftOut:
    """One kind of fault: how many, the words for it, the first as (name, reason), and how many more."""

    n: int
    words: str
    listed: tuple[tuple[str, str], ...]
    more: int


def findings_html(findings: Sequence[Finding]) -> str:
    """Findings as HTML with their own style, for notebooks; without images, and nothing else is loaded.

    Returns:
        A ``<div>``.
    """
    inner = templates().get_template("findings.html").render(cards=cards(findings, None), anchors=False, pixelated=True)
    said = inner if findings else "<p>Nothing was found.</p>"
    return f'<div class="secondlook"><style>{style("style.css", "findings.css")}</style>{said}</div>'


def write_audit(audit: Audit, path: Path) -> Path:
    """Writes the page as one HTML file: it is whole or it is not there. Its folder is made where it is missing.

    Returns:
        The path written.
    """
    return write_page(path, audit_html(audit))


def audit_html(audit: Audit) -> str:
    """The page as text."""
    return templates().get_template("audit.html").render(**_values(audit))


def _values(audit: Audit) -> dict[str, Any]:
    data = audit.data
    left_out = _left_out(audit)
    parts = [("findings", "Findings")] if audit.findings else []
    parts += [("classes", "Classes")] if data["classes"] else []
    parts += [("left-out", "Left out")] if left_out else []
    return {
        "title": visible(PurePath(str(data["source"])).name or str(data["source"])),
        "about": _about(data),
        "css": style("style.css", "page.css", "findings.css", "audit.css", ramp=""),
        "sentences": sentences(audit),
        "parts": [*parts, ("checks", "Checks"), ("made", "How it was made"), ("glossary", "Terms")],
        "cards": cards(audit.findings, audit.thumbnails),
        "anchors": True,
        "pixelated": max(data["shape"][:2]) <= PIXELATED_UP_TO,
        "shades": _shades(data["counts"]),
        "bars": _bars(data),
        "profile_wide": _profile(audit, 9.0, "counts"),
        "profile_narrow": _profile(audit, 3.6, "countsn"),
        "classes": _totals(data)[:_CLASSES_LISTED],
        "classes_more": max(len(data["classes"]) - _CLASSES_LISTED, 0),
        "left_out": left_out,
        **_checks(audit),
        "made": _made(audit),
        "terms": AUDIT_GLOSSARY,
    }


def _about(data: Mapping[str, Any]) -> str:
    h, w, c = data["shape"]
    k = len(data["classes"])
    classes = "no labels" if not k else f"{k:,} class{'' if k == 1 else 'es'}"
    images = f"{data['n']:,} image{'' if data['n'] == 1 else 's'}"
    return f"{images} of {h} × {w} pixels ({'grey' if c == 1 else 'colour'}), {classes}."


def _shades(counts: Mapping[str, Sequence[int]]) -> list[tuple[str, float, int]]:
    return [(_PART_WORDS[part], SHADES[part], sum(row)) for part, row in counts.items()]


def _totals(data: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The classes in their order with their numbers of images in all."""
    totals = [sum(column) for column in zip(*data["counts"].values(), strict=True)]
    return [(visible(name), n) for name, n in zip(data["classes"], totals, strict=True)]


def _bars(data: Mapping[str, Any]) -> list[ClassBar]:
    """A stacked bar per class, where they are few enough to have one each."""
    totals = _totals(data)
    if len(totals) > NAMES_UP_TO:
        return []
    most = max((n for _, n in totals), default=0) or 1
    bars = []
    for c, (name, total) in enumerate(totals):
        at, pieces, said = 0, [], []
        for part, row in data["counts"].items():
            if row[c]:
                pieces.append((round(100 * at / most, 3), round(100 * row[c] / most, 3), SHADES[part]))
            said.append(f"{_PART_WORDS[part]} {row[c]:,}")
            at += row[c]
        bars.append(ClassBar(name, tuple(pieces), f"{total:,}", f"{name}: {', '.join(said)}"))
    return bars


def _profile(audit: Audit, width: float, name: str) -> Markup:
    """Many classes in one picture, without their names."""
    from secondlook.show.canvas import new_axes
    from secondlook.show.plots import plot_counts
    from secondlook.show.svg import themed

    k = len(audit.data["classes"])
    if k <= NAMES_UP_TO:
        return Markup("")
    ax = new_axes(width, PROFILE_HEIGHT)
    plot_counts(audit, ax, palette=SENTINELS)
    numbers = [n for _, n in _totals(audit.data)]
    label = f"Images per class, {k:,} classes, the most frequent first: from {max(numbers):,} down to {min(numbers):,}"
    return Markup(themed(ax.figure, name, label))  # type: ignore[arg-type]  # made above: a whole figure


def _left_out(audit: Audit) -> list[LeftOut]:
    found = []
    for kind, n in fault_counts(audit).items():
        items = [(f["name"], f["reason"]) for f in audit.data["faults"] if f["kind"] == kind]
        listed = tuple(items[:_FAULTS_LISTED])
        found.append(LeftOut(n, FAULT_WORDS[kind][n > 1], listed, n - len(listed)))
    return found


def _checks(audit: Audit) -> dict[str, Any]:
    """What was checked and found silent, what did not apply and why, what was muted: codes with what they look for."""
    from secondlook.judge.findings import data_checks

    about = {check.code: check.about for check in data_checks()}
    reasons: dict[str, list[str]] = {}
    for code, reason in audit.not_applicable.items():
        reasons.setdefault(reason, []).append(code)
    return {
        "silent": [(code, about.get(code, "")) for code in audit.silent],
        "not_applicable": [(visible(why), [(code, about.get(code, "")) for code in c]) for why, c in reasons.items()],
        "muted": [(code, about.get(code, "")) for code in audit.muted],
    }


def _made(audit: Audit) -> list[tuple[str, str, bool]]:
    data = audit.data
    split = data["split"]
    lines = [
        ("Data", f"{data['source']}: {data['format']}", False),
        ("Split", f"{split}; " + ", ".join(f"{name} {n:,}" for name, _, n in _shades(data["counts"])), False),
        ("No split", data["why_no_split"], False),
        ("Measured in", fmt.seconds(data["seconds"]), False),
        ("Data fingerprint", data["fingerprint"], True),
    ]
    wanted = {"Split": bool(split), "No split": bool(data["why_no_split"])}
    return [(name, visible(str(value)), code) for name, value, code in lines if wanted.get(name, True)]
