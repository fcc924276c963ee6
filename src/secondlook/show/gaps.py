"""What the pairs of models say, in words: how small a gap a test set could have shown, and who is better."""

from __future__ import annotations

from math import isfinite

from secondlook.show import format as fmt
from secondlook.show.facts import finished, tied
from secondlook.types import Pair, Run

NO_DIFFERENCE = "no difference seen"


def rivals(run: Run) -> list[Pair]:
    """The chosen model against each other one that finished, in the table's order."""
    found = (run.pairs.between(run.chosen, row.model) for row in finished(run))
    return [pair for pair in found if pair is not None]


def points(gap: float) -> str:
    """A difference of shares in percentage points: 12 points, 1.3 points, 0.05 points."""
    size = abs(100 * gap)
    digits = 0 if size >= 9.95 else 1 if size >= 0.095 else 2
    return f"{size:.{digits}f}{fmt.NB}points"


def gap_words(run: Run, models: list[str]) -> str:
    """What this test set could have shown between the chosen model and these: a phrase, "" where nothing is known."""
    found = [pair for pair in rivals(run) if pair.b in models]
    if not found:
        return ""
    what = "these folds" if found[0].method == "folds" else "this test set"
    if not all(isfinite(pair.shows) for pair in found):
        return f"{what} could not show any gap"
    return f"{what} could only show gaps above {points(max(pair.shows for pair in found))}"


def better_on_test(run: Run) -> list[str]:
    """Models that are better than the chosen one on the test images, which validation could not know."""
    return [pair.b for pair in rivals(run) if pair.verdict == "worse"]


def terminal_lines(run: Run) -> list[str]:
    """The verdicts below the terminal's table: what the ≈ means in points, and who did better on test."""
    same = [row.model for row in finished(run) if row.model in tied(run) and row.model != run.chosen]
    lines = [f"≈ no difference seen: {gap_words(run, same)}".replace(fmt.NB, " ")] if same else []
    if better := better_on_test(run):
        lines.append(f"better than * on test, which validation could not know: {fmt.listing(better)}")
    return lines
