"""From several seeds of one model to its row: how far chance alone moves the scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from secondlook.runs.files import write_csv
from secondlook.runs.folds import COLUMNS
from secondlook.types import Row


def seed_name(model: str, index: int) -> str:
    """Where a run keeps a further seed of a model: "lenet/seed-2"."""
    return f"{model}/seed-{index + 1}"


def with_spread(row: Row, rows: Sequence[Row]) -> Row:
    """A model's row with what its seeds say.

    The row itself stays the first seed's: its scores, its confusion matrix and its mistakes are of one fitted model.
    Only `valid_score`, by which models are chosen, becomes the mean, since it is a way of learning that is chosen.

    Args:
        row: of the first seed.
        rows: of all seeds that have scores, the first among them.
    """
    if len(rows) < 2:
        return row
    valid = [r.valid_score for r in rows if r.valid_score is not None]
    test = [r.test_accuracy for r in rows if r.test_accuracy is not None]
    row = replace(row, seeds=len(rows), valid_score=fmean(valid))
    if not test:
        return row
    return replace(row, seeds_mean=fmean(test), seeds_sd=stdev(test), seeds_low=min(test), seeds_high=max(test))


def joined(facts: Sequence[Mapping[str, Any]], seeds: int) -> dict[str, Any]:
    """What is known of a model from its seeds, in their order: the first's, and a note on seeds that gave nothing."""
    first = dict(facts[0])
    lost = [(i, known) for i, known in enumerate(facts) if i and "fit_seconds" not in known]
    if lost:
        i, known = lost[0]
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        note = f"seed {i + 1} of {seeds}{more} gave no answers: {known['reason']}"
        first["reason"] = "; ".join(text for text in (str(first["reason"]), note) if text)
        # Done, but with less than was asked for.
        first["status"] = known["status"] if first["status"] == "ok" else first["status"]
    first["interrupted"] = any(known.get("interrupted", False) for known in facts)
    return first


def write_seeds(path: Path, rows: Mapping[str, Sequence[Row]]) -> None:
    """Writes seeds.csv: a line per model and seed."""
    lines = [
        {"model": model, "seed": i + 1, "status": row.status} | {name: getattr(row, name) for name in COLUMNS}
        for model, found in rows.items()
        for i, row in enumerate(found)
    ]
    write_csv(path, ["model", "seed", "status", *COLUMNS], lines)
