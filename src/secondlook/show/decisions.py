"""What decisions on labels did to a comparison: sentences, and scores before and after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from secondlook.judge.findings.words import many
from secondlook.show import format as fmt
from secondlook.show.findings_terminal import paragraph
from secondlook.show.names import visible
from secondlook.types import Change, Replay, Run

_MODELS_IN_TERMINAL = 4


@dataclass(frozen=True)
class ChangeLine:
    """One model before and after; numbers as text."""

    model: str
    before: str
    after: str
    difference: str
    p: str


def decided_text(replay: Replay) -> str:
    """What the decisions changed, in a sentence."""
    numbers = [sum(what.values()) for what in (replay.changed, replay.excluded, replay.kept)]
    words = (
        ("label was changed", "labels were changed"),
        ("image left out", "images left out"),
        ("label kept after a look", "labels kept after a look"),
    )
    said = [many(n, *pair) for n, pair in zip(numbers, words, strict=True) if n]
    where = "in train and valid" if sum(replay.changed.values()) + sum(replay.excluded.values()) else ""
    return f"Decisions in {visible(replay.file)}: {fmt.listing(said) if said else 'none apply'} {where}".rstrip() + "."


def judged_text(run: Run, replay: Replay) -> str:
    """By which labels the test part judges."""
    n = sum(run.class_counts["test"])
    if not replay.test:
        return f"None of the {n:,} test images has a decision; all scores are on the labels given."
    one = replay.test == 1
    return (
        f"{replay.test:,} of the {n:,} test images {'has a decision' if one else 'have decisions'}; "
        f"{'it is' if one else 'they are'} judged by the label{'' if one else 's'} given."
    )


def change_lines(replay: Replay) -> list[ChangeLine]:
    """Every model before and after, with the digits that the intervals support."""
    lines = []
    for change in replay.changes:
        half = max(fmt.half_width(change.difference, change.difference_low, change.difference_high), 1e-4)
        places = fmt.decimals(half)
        before, after = (fmt.share(value, digits=places) for value in (change.before, change.after))
        low, high = (signed(v, places) for v in (change.difference_low, change.difference_high))
        difference = f"{signed(change.difference, places)} ({low} to {high})"
        lines.append(ChangeLine(change.model, before, after, difference, _p(change)))
    return lines


def signed(value: float, digits: int) -> str:
    """A difference of shares with its sign: ``+.012``, ``−.004``, ``0``."""
    text = fmt.share(abs(value), digits=digits)
    if abs(value) < 0.5 * 10.0**-digits:
        return "0"
    return f"{'+' if value > 0 else '−'}{text}"


def _p(change: Change) -> str:
    return "< .001" if change.p < 0.001 else fmt.share(change.p, digits=3) if change.p < 1 else "1"


def decision_lines(run: Run, width: int) -> list[Text]:
    """For below the table in a terminal; nothing without decisions."""
    replay = run.decisions
    if replay is None:
        return []
    lines = paragraph(decided_text(replay), width, 2)
    changes = _chosen_first(change_lines(replay), run.chosen)
    if changes:
        said = [f"{c.model} {c.before} → {c.after}, {c.difference}" for c in changes[:_MODELS_IN_TERMINAL]]
        lines += paragraph(f"test accuracy before → after, difference (95 %): {'; '.join(said)}", width, 2)
    return [*lines, *paragraph(judged_text(run, replay), width, 2, "dim")]


def decided_values(run: Run) -> dict[str, object] | None:
    """What the report's section shows; None without decisions."""
    replay = run.decisions
    if replay is None:
        return None
    return {
        "said": decided_text(replay),
        "judged": judged_text(run, replay),
        "changes": _chosen_first(change_lines(replay), run.chosen),
        "n": replay.changes[0].n if replay.changes else 0,
        "given": visible(replay.given),
    }


def _chosen_first(lines: Sequence[ChangeLine], chosen: str) -> list[ChangeLine]:
    return sorted(lines, key=lambda line: line.model != chosen)
