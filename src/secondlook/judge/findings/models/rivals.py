"""M109, M110: the chosen model beside the others: would less do, and could this test set tell?"""

from __future__ import annotations

from math import isnan

import numpy as np

from secondlook.judge.findings.models.context import ModelsContext, needs_pairs, others
from secondlook.judge.findings.words import many, verb
from secondlook.judge.registry import Check
from secondlook.types import Finding, Item, Pair, Row

# A model this many times smaller is worth a word; one that may be so much worse is not as good.
_SMALLER, _WORSE = 10, 0.05
# Gaps under a point of accuracy are nobody's question; a gap of five that cannot be shown is.
_MATTERS, _LARGE = 0.01, 0.05


def _less_does(context: ModelsContext) -> Finding | None:
    rows = {row.model: row for row in context.judged}
    best = rows[context.chosen]
    same = [
        (rows[pair.b], pair)
        for pair in context.against()
        if pair.verdict == "no difference seen" and pair.high <= _WORSE and _less(rows[pair.b], best)
    ]
    if not same:
        return None
    row, pair = min(same, key=lambda found: _size(found[0]))
    names = [row.model, *(r.model for r, _ in same if r is not row)]
    return Finding(
        code="M109",
        title=(
            f"{row.model} may do as well: it {_what(row)}, {best.model} {_what(best)}, and on {pair.n:,} test images "
            f"{best.model} less {row.model} is {_points(pair)}{others(names)}."
        ),
        severity="info",
        evidence={
            "n": pair.n,
            "chosen": best.model,
            "trained_numbers": {r.model: r.trained for r in (best, *(r for r, _ in same))},
            "stored_numbers": {r.model: r.stored for r in (best, *(r for r, _ in same))},
            "difference": {r.model: p.difference for r, p in same},
            "low": {r.model: p.low for r, p in same},
            "high": {r.model: p.high for r, p in same},
        },
        advice=(
            f"Unless {best.model} is better for another reason, the simpler model is cheaper to keep, to run and to "
            "explain. The images listed are those that only one of the two gets right."
        ),
        items=_split_over(context, best.model, row.model),
    )


def _less(row: Row, best: Row) -> bool:
    """Whether a model is nearest neighbours, which learn nothing, or a tenth of the size."""
    lazy = row.family == "neighbours" and best.family != "neighbours"
    return lazy or 0 < _SMALLER * _size(row) <= _size(best)


def _size(row: Row) -> int:
    """Numbers trained; those stored where nothing is trained, as for nearest neighbours."""
    return row.trained or row.stored or 0


def _what(row: Row) -> str:
    if row.trained:
        return f"trains {many(row.trained, 'number')}"
    return f"trains nothing and looks up {many(row.stored or 0, 'stored number')}"


def _points(pair: Pair) -> str:
    """ "0.7 points (-0.4 to 1.9)"."""
    return f"{100 * pair.difference:.1f} points ({100 * pair.low:.1f} to {100 * pair.high:.1f})"


def _split_over(context: ModelsContext, one: str, other: str) -> tuple[Item, ...]:
    """The test images that only one of two models gets right."""
    a, b = context.predictions(one), context.predictions(other)
    apart = np.flatnonzero((a.predicted == a.labels) != (b.predicted == b.labels))

    def note(place: int) -> str:
        given, says = context.classes[int(a.labels[place])], (context.classes[int(p.predicted[place])] for p in (a, b))
        return f"{given}, {one} says {next(says)}, {other} {next(says)}"

    return context.items(a, apart, note)


def _too_small(context: ModelsContext) -> Finding | None:
    open_ = [
        pair
        for pair in context.against()
        if pair.verdict == "no difference seen"
        and abs(pair.difference) >= _MATTERS
        and (isnan(pair.shows) or abs(pair.difference) < pair.shows)
    ]
    if not open_:
        return None
    pair = max(open_, key=lambda found: abs(found.difference))
    shows = (
        f"so few images cannot show any between {verb(len(open_), 'the two', 'them')}"
        if isnan(pair.shows)
        else f"a gap between the two would show from about {100 * pair.shows:.1f} on"
    )
    return Finding(
        code="M110",
        title=(
            f"The test set is too small for the question: {pair.a} and {pair.b} lie {100 * abs(pair.difference):.1f} "
            f"points apart on {many(pair.n, 'image')}, and {shows}"
            f"{others([pair.b, *(p.b for p in open_ if p is not pair)])}."
        ),
        severity="warning" if abs(pair.difference) >= _LARGE else "info",
        evidence={
            "n": pair.n,
            "chosen": context.chosen,
            "difference": {p.b: p.difference for p in open_},
            "low": {p.b: p.low for p in open_},
            "high": {p.b: p.high for p in open_},
            "would_show": {p.b: None if isnan(p.shows) else p.shows for p in open_},
        },
        advice=(
            "Do not take these gaps for real, nor for nothing. Judge on more images (a larger --test, or --cv 5), "
            "or choose by cost."
        ),
    )


CHECKS: tuple[Check[ModelsContext], ...] = (
    Check(
        "M109",
        "Nearest neighbours, or a model a tenth of the size (numbers trained; stored for nearest neighbours), that "
        f"cannot be told from the chosen one and are {100 * _WORSE:g} points worse at most, at the interval's far end.",
        needs_pairs,
        _less_does,
        "info",
    ),
    Check(
        "M110",
        "A test set too small for the gaps in the table: the chosen model and another lie a point or more apart, no "
        "difference is seen, and one of that size would have had less than four chances in five to show.",
        needs_pairs,
        _too_small,
        f"info; warning from {100 * _LARGE:g} points on",
    ),
)
