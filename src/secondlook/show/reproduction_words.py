"""Published figures and ours as text: the same words for the terminal, the page and Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import floor, isfinite, isnan, log10

from secondlook.show import format as fmt
from secondlook.types import Figure, FigureTable, Holds, Reproduced, Reproduction
from secondlook.types.reproduction import Unit

# Ours lies above or below the published figure by more than chance.
ABOVE, BELOW = "▲", "▼"
CAPTION = (
    "Ours with half of its 95 % interval. ▲ and ▼: above or below the published figure by more than its rounding, the "
    "number of items it was counted on, and our interval explain; –: not at hand."
)
VERDICTS: tuple[Holds, ...] = ("holds", "does not hold", "cannot be told")
# A picture of so few lines says no more than the table.
_ALONE = 2
_NUMBERS = ("no", "one", "two", "three", "four", "five")
_SEVERAL: Mapping[Holds, str] = {
    "holds": "hold", "does not hold": "do not hold", "cannot be told": "cannot be told",
}  # fmt: skip
TERMS = {
    "holds, does not hold, cannot be told": (
        "Where the whole 95 % interval of our number lies: where the claim says, elsewhere, or on both sides."
    ),
    "published figure": (
        "As the study printed it, or counted from what it printed: a net's layout, a confusion matrix. Of one training "
        "each. Grey marks in the pictures."
    ),
    "ours": (
        "Shares of test items with Wilson's 95 % interval; over several seeds, joined with Student's interval of the "
        "seeds. Means of epochs with Student's, slopes with robust errors."
    ),
    "trained, kept": "Numbers learnt by optimisation, and numbers kept for prediction: kNN keeps all its images.",
    "stand-in": "Other images than the study's, because those are not at hand.",
}


@dataclass(frozen=True)
class Told:
    """A figure as text: theirs, ours with a mark, and why ours is missing."""

    published: str
    ours: str
    why: str


@dataclass(frozen=True)
class Columns:
    """A table as text.

    Attributes:
        measures: names, and whether any figure of each is published.
        lines: what each line is of, and its figures by measure; None where there is none.
    """

    measures: tuple[tuple[str, bool], ...]
    lines: tuple[tuple[str, tuple[Told | None, ...]], ...]


def columns(table: FigureTable) -> Columns:
    """The table, a line for each thing that figures are of, a column for each measure."""
    published = {m: any(f.published is not None for f in table.figures if f.measure == m) for m in table.measures}
    lines = []
    for of in table.lines:
        found = [table.at(of, measure) for measure in table.measures]
        lines.append((of, tuple(None if one is None else told(one) for one in found)))
    return Columns(tuple(published.items()), tuple(lines))


def told(figure: Figure) -> Told:
    """One figure."""
    theirs = "" if figure.published is None else published_text(figure.published, figure.unit)
    if figure.ours is None:
        return Told(theirs, fmt.MISSING, figure.why)
    half = fmt.half_width(figure.ours.value, figure.ours.low, figure.ours.high)
    mark = ""
    if figure.agrees is False and figure.published is not None:
        mark = ABOVE if figure.ours.value > figure.published else BELOW
    return Told(theirs, ours_text(figure.ours.value, half, figure.unit) + mark, "")


def published_text(value: float, unit: Unit) -> str:
    """As it was printed, to four digits."""
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "points":
        return f"{value:+.4g}"
    text = f"{value:.3g}"
    if unit == "share":
        whole, _, digits = f"{value:.4f}".rstrip("0").partition(".")
        text = f"{whole}.{digits:0<2}" if digits else whole
    return text.removeprefix("0") if text.startswith("0.") else text


def ours_text(value: float, half: float, unit: Unit) -> str:
    """A number with as many digits as its interval supports."""
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "share":
        return fmt.share(value, half if half > 0 and isfinite(half) else None)
    sign = "+" if unit == "points" else ""
    if isnan(half) or half <= 0:
        return f"{value:{sign}.3g}"
    digits = max(0, 1 - floor(log10(half)) - (half / 10.0 ** floor(log10(half)) >= 2))
    return f"{value:{sign}.{digits}f} ± {half:.{digits}f}"


def tally(study: Reproduced) -> str:
    """How many claims hold, and how many figures agree: a sentence."""
    counts = Counter(claim.verdict for claim in study.claims)
    said = ", ".join(
        f"{n} {verdict if n == 1 else _SEVERAL[verdict]}" for verdict in VERDICTS if (n := counts[verdict])
    )
    if study.failed:
        return f"It could not be made: {study.failed}."
    asked = [one.agrees for one in study.figures if one.agrees is not None and one.unit != "count"]
    claims = f"Of {len(study.claims)} claims {said}"
    if not asked:
        return f"{claims}."
    return (
        f"{claims}; {sum(asked)} of {len(asked)} measured figures do not differ from the published by more than chance."
    )


def title_of(found: Reproduction) -> str:
    """What the page is called."""
    if len(found.studies) == 1:
        return f"{found.studies[0].name}, made again"
    return f"{_NUMBERS[len(found.studies)]} published studies, made again"


def about(study: Reproduced) -> str:
    """Source, data and time in a line."""
    quick = ", quick" if study.quick else ""
    return f"Published: {study.source}. Made of {study.data}. {fmt.seconds(study.seconds)}{quick}."


def drawn(table: FigureTable) -> tuple[str, ...]:
    """The measures that a picture can show: shares and losses of several things, with published figures and ours."""
    units = {f.measure: f.unit for f in table.figures}
    counts = Counter(f.measure for f in table.figures)
    both = {f.measure for f in table.figures if f.published is not None and f.ours is not None}
    return tuple(m for m in table.measures if units[m] in ("share", "nats") and m in both and counts[m] > _ALONE)
