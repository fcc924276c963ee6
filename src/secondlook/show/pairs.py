"""Which model is better: what stands in each cell of the report's tables of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt

from secondlook.show import format as fmt
from secondlook.show.facts import finished
from secondlook.show.gaps import NO_DIFFERENCE, points, rivals
from secondlook.show.table import Bar
from secondlook.types import Pair, Run

# As many models as fit side by side.
MATRIX_UP_TO = 20
_TICKS = (0.0, 0.01, 0.05, 0.2, 0.5, 1.0)
_TICK_ROOM = 12  # percent of the axis between two ticks' labels
_HOW: Mapping[str, str] = {
    "items": "Both models of a pair answer the same {n} images, so only those images count that one of them alone gets "
    "right: McNemar's exact test asks whether these could be tosses of a coin. The interval is Agresti and Min's.",
    "groups": "Both models of a pair answer the same {n} images. These hang together in groups, and images of a group "
    "are right or wrong together: interval and test use the cluster-robust error.",
    "folds": "Both models of a pair are scored in the same folds. The differences in each fold are tested by the "
    "corrected t of Nadeau and Bengio, which allows for the training images that folds share.",
}


@dataclass(frozen=True)
class PairLine:
    """The chosen model against another: its bar on the common axis, and its cells as text."""

    model: str
    verdict: str
    seen: bool
    bar: Bar
    difference: str
    interval: str
    only: str
    p: str
    shows: str


@dataclass(frozen=True)
class MatrixCell:
    """A model against another, or against itself: points, whether a difference is seen, and all of it in words."""

    text: str
    seen: bool
    hover: str


@dataclass(frozen=True)
class PairTable:
    """Everything the template writes; a matrix line is (number, model, cells)."""

    text: str
    lines: tuple[PairLine, ...]
    ticks: tuple[tuple[float, str], ...]
    zero: float
    matrix: tuple[tuple[int, str, tuple[MatrixCell, ...]], ...]
    left_out: int


def pair_table(run: Run) -> PairTable | None:
    """What the report shows of the pairs; None where fewer than two models finished."""
    pairs = rivals(run)
    if not pairs:
        return None
    low, high = min(0.0, *(p.low for p in pairs)), max(0.0, *(p.high for p in pairs))
    ends = _warp(low), _warp(high)
    room = 0.04 * (ends[1] - ends[0])

    def at(value: float) -> float:
        return round(100 * (_warp(value) - ends[0] + room) / (ends[1] - ends[0] + 2 * room), 2)

    models = [row.model for row in finished(run)][:MATRIX_UP_TO]
    matrix = [(i, a, tuple(_cell(run, a, b) for b in models)) for i, a in enumerate(models, 1)]
    ticks = sorted({sign * tick for tick in _TICKS for sign in (1, -1) if low <= sign * tick <= high})
    return PairTable(
        _text(run, pairs),
        tuple(_line(run, pair, at(pair.difference), at(pair.low), at(pair.high)) for pair in pairs),
        tuple(_spaced([(at(tick), _signed(tick, 0)) for tick in ticks], at(0.0))),
        at(0.0),
        tuple(matrix) if len(models) > 2 else (),
        len(finished(run)) - len(models),
    )


def _warp(value: float) -> float:
    """Differences on the axis: by their square roots, so that small ones are seen beside large ones."""
    return sqrt(abs(value)) * (1 if value > 0 else -1)


def _spaced(ticks: list[tuple[float, str]], zero: float) -> list[tuple[float, str]]:
    """Ticks without those that would run into one nearer to zero."""
    kept: list[tuple[float, str]] = []
    for tick in sorted(ticks, key=lambda t: abs(t[0] - zero)):
        if all(abs(tick[0] - other[0]) >= _TICK_ROOM for other in kept):
            kept.append(tick)
    return sorted(kept)


def _line(run: Run, pair: Pair, dot: float, low: float, high: float) -> PairLine:
    digits = 1 if pair.n < 5_000 else 2
    interval = f"{_signed(pair.low, digits)} to {_signed(pair.high, digits)}"
    said = f"{run.chosen} less {pair.b}: {_signed(pair.difference, digits)} points, 95 % interval {interval}"
    return PairLine(
        pair.b,
        NO_DIFFERENCE
        if pair.verdict == NO_DIFFERENCE
        else f"{run.chosen if pair.difference > 0 else pair.b} is better",
        pair.verdict != NO_DIFFERENCE,
        Bar(dot, low, high, said),
        _signed(pair.difference, digits),
        interval,
        f"{pair.only_a:,} : {pair.only_b:,}",
        _p(pair.p_holm),
        points(pair.shows).removesuffix(f"{fmt.NB}points") if isfinite(pair.shows) else fmt.MISSING,
    )


def _cell(run: Run, a: str, b: str) -> MatrixCell:
    pair = run.pairs.between(a, b)
    if pair is None:
        return MatrixCell("" if a == b else fmt.MISSING, False, a if a == b else f"{a} and {b} were not compared")
    verdict = NO_DIFFERENCE if pair.verdict == NO_DIFFERENCE else f"{a} is {pair.verdict} than {b}"
    hover = (
        f"{a} less {b}: {_signed(pair.difference, 2)} points, 95 % interval {_signed(pair.low, 2)} to "
        f"{_signed(pair.high, 2)}; p = {_p(pair.p_holm)} with Holm's correction: {verdict}"
    )
    return MatrixCell(_signed(pair.difference, 1), pair.verdict != NO_DIFFERENCE, hover)


def _signed(gap: float, digits: int) -> str:
    """A difference in points with its sign: +1.9, −0.4, 0.0."""
    text = f"{100 * gap:+.{digits}f}"
    return text[1:] if not float(text) else text.replace("-", "−")


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else "1" if value > 0.9995 else f"{value:.3f}"[1:]


def _text(run: Run, pairs: Sequence[Pair]) -> str:
    """How the verdicts came about, in the run's own case."""
    how, count = _HOW[pairs[0].method].format(n=fmt.whole(pairs[0].n)), len(run.pairs)
    if count == 1:
        return how
    return (
        f"{how} The p-values are corrected by Holm for all {count:,} pairs of models, so that at most 5 % of such "
        "tables name a difference where there is none; the intervals are for each pair alone."
    )
