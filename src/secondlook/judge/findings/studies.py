"""S101 to S106: what a study's numbers say, and what they do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isnan
from typing import Any

import numpy as np

from secondlook.judge.findings.words import many, percent
from secondlook.judge.registry import Check
from secondlook.types import Finding, Study

# A test of shape says so from here on. A gain of less than this over the last doubling is none.
_ALPHA, _FLAT = 0.01, 0.005
# A minority whose recall lies so far below the others' is one that accuracy hides.
_HIDDEN = 0.1


@dataclass(frozen=True, eq=False)
class StudyContext:
    """What the checks look at."""

    study: Study

    @cached_property
    def means(self) -> Mapping[str, dict[Any, tuple[float, float, int]]]:
        """By model, what was varied → (mean accuracy, standard deviation over seeds, seeds); nothing was remedied."""
        found: dict[str, dict[Any, tuple[float, float, int]]] = {}
        for model in self.study.models:
            values: dict[Any, list[float]] = {}
            for cell in self.study.of(model):
                if cell.plain:
                    values.setdefault(self.study.value(cell), []).append(cell.test_accuracy or 0.0)
            found[model] = {
                value: (float(np.mean(some)), float(np.std(some, ddof=1)) if len(some) > 1 else float("nan"), len(some))
                for value, some in sorted(values.items())
            }
        return found


def _always(context: StudyContext) -> str:
    return ""


def _only(*kinds: str) -> Callable[[StudyContext], str]:
    def applies(context: StudyContext) -> str:
        return "" if context.study.kind in kinds else f"a study of {context.study.kind}"

    return applies


def _lost(context: StudyContext) -> Finding | None:
    lost = [cell for cell in context.study.cells if cell.status != "ok"]
    if not lost:
        return None
    return Finding(
        "S101",
        f"{many(len(lost), 'cell')} of {len(context.study.cells):,} did not end well, first {lost[0].model} with "
        f"{lost[0].rows:,} images per class: {lost[0].reason}.",
        "serious",
        {"cells": [cell.name for cell in lost], "of": len(context.study.cells)},
        "Laws and curves leave them out. Raise --limit where time ran out, and run the same command again in another "
        "--out.",
    )


def _not_straight(context: StudyContext) -> Finding | None:
    wrong = {
        model: line.fits
        for model, laws in context.study.laws.items()
        if (line := laws.lines.get("test_accuracy")) is not None and not isnan(line.fits) and line.fits < _ALPHA
    }
    if not wrong:
        return None
    worst = min(wrong, key=lambda model: wrong[model])
    return Finding(
        "S102",
        f"A straight line is the wrong shape for {worst}'s accuracy (RESET test, p = {wrong[worst]:.2g}): its slope "
        "holds nowhere but on average, and not beyond what was measured.",
        "warning",
        {"reset_p": wrong},
        "Read the coefficients as averages over the range that was measured, and forecast by the power law.",
    )


def _flat(context: StudyContext) -> Finding | None:
    flat = {}
    for model, means in context.means.items():
        sizes = sorted(means)
        halves = [n for n in sizes if n <= sizes[-1] / 2]
        if halves:
            gain = means[sizes[-1]][0] - means[halves[-1]][0]
            if gain < _FLAT:
                flat[model] = (halves[-1], sizes[-1], gain)
    if not flat:
        return None
    model, (before, after, gain) = min(flat.items(), key=lambda item: item[1][2])
    return Finding(
        "S103",
        f"More images hardly help {model}: from {before:,} to {after:,} per class its accuracy changed by "
        f"{100 * gain:+.1f} points.",
        "info",
        {name: {"from": a, "to": b, "gain": g} for name, (a, b, g) in flat.items()},
        "Look for a better model, better labels or larger images before collecting more of the same.",
    )


def _no_forecast(context: StudyContext) -> Finding | None:
    missed = {
        model: laws.held_out for model, laws in context.study.laws.items() if laws.held_out and not laws.held_out.holds
    }
    if not missed:
        return None
    model, held = next(iter(missed.items()))
    foretold = held.foretold[-1]
    rare = context.study.kind == "imbalance"
    of = f"of {context.study.config['minority']}, for it," if rare else "per class"
    return Finding(
        "S104",
        f"The smaller sizes do not foretell the largest for {model}: at {held.rows[-1]:,} images {of} an error of "
        f"{percent(foretold.low)} to {percent(foretold.high)} was foretold, {percent(held.measured[-1])} was measured.",
        "warning",
        {name: one.json() for name, one in missed.items()},
        "Take no forecast from this law. More sizes and more --seeds show where its shape fails.",
    )


def _noisy(context: StudyContext) -> Finding | None:
    found = {}
    for model, means in context.means.items():
        steps = [b[0] - a[0] for a, b in zip(list(means.values())[:-1], list(means.values())[1:], strict=True)]
        spreads = [spread for _, spread, _ in means.values() if not isnan(spread)]
        if steps and spreads and float(np.median(spreads)) > float(np.median(np.abs(steps))):
            found[model] = float(np.median(spreads))
    if not found:
        return None
    model = max(found, key=lambda name: found[name])
    return Finding(
        "S105",
        f"Chance moves {model} more than what was varied: seeds differ by {100 * found[model]:.1f} points (standard "
        "deviation), more than one step of the study does.",
        "info",
        {"spread": found},
        "Take more --seeds, or larger steps, before you read anything into single cells.",
    )


def _hidden_minority(context: StudyContext) -> Finding | None:
    study = context.study
    name, hidden = str(study.config["minority"]), {}
    for model in study.models:
        cells = [cell for cell in study.of(model) if not cell.remedy]
        least = min((cell.minority or 0 for cell in cells), default=0)
        here = [cell for cell in cells if cell.minority == least]
        recalls = [recall for cell in here if (recall := cell.recall(name)) is not None]
        if not recalls:
            continue
        others = [
            recall for cell in here for other in cell.members
            if other != name and (recall := cell.recall(other)) is not None
        ]  # fmt: skip
        gap = float(np.mean(others)) - float(np.mean(recalls))
        if gap > _HIDDEN:
            accuracy = float(np.mean([cell.test_accuracy for cell in here if cell.test_accuracy is not None]))
            hidden[model] = (least, float(np.mean(recalls)), float(np.mean(others)), accuracy)
    if not hidden:
        return None
    model, (least, recall, others_, accuracy) = max(hidden.items(), key=lambda item: item[1][2] - item[1][1])
    return Finding(
        "S106",
        f"Accuracy hides the minority: with {many(least, 'image')} of {name}, {model} answers {percent(accuracy)} "
        f"right, but only {percent(recall)} of {name}, against {percent(others_)} of the other classes.",
        "warning",
        {m: {"minority": a, "recall": b, "others": c, "accuracy": d} for m, (a, b, c, d) in hidden.items()},
        "Judge by the minority's recall or by balanced accuracy. Class weights and oversampling are --remedy's words.",
    )


CHECKS: tuple[Check[StudyContext], ...] = (
    Check("S101", "Cells that failed or ran out of time.", _always, _lost, "serious"),
    Check(
        "S102",
        f"A straight line that is the wrong shape for the accuracy: RESET's p-value is below {_ALPHA:g}.",
        _always,
        _not_straight,
        "warning",
    ),
    Check(
        "S103",
        f"More images that hardly help: from half the largest size on, a gain under {100 * _FLAT:g} points.",
        _only("size"),
        _flat,
        "info",
    ),
    Check(
        "S104",
        "Largest sizes that the law of the smaller ones does not foretell.",
        _only("size", "grid", "imbalance"),
        _no_forecast,
        "warning",
    ),
    Check(
        "S105",
        "Seeds that differ by more than one step of what was varied.",
        _only("size", "imbalance", "classes", "noise"),
        _noisy,
        "info",
    ),
    Check(
        "S106",
        f"A minority whose recall lies {100 * _HIDDEN:g} points or more below the other classes'.",
        _only("imbalance"),
        _hidden_minority,
        "warning",
    ),
)
