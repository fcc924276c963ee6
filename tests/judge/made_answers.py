"""Runs of a few items whose answers are written out: no model is fitted here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from secondlook.runs.items import Items
from secondlook.types import Part, Predictions, Row, Run, Thumbnails

CLASSES = ("a", "b", "c")


def said(answers: Sequence[tuple[int, float]], k: int = 3) -> Any:
    """Probabilities float32 (n, k): so much for the answer, the rest shared by the others."""
    rows = np.full((len(answers), k), 0.0)
    for row, (answer, sure) in zip(rows, answers, strict=True):
        row[:] = (1 - sure) / (k - 1)
        row[answer] = sure
    return rows.astype(np.float32)


def run_of(
    labels: Mapping[Part, Sequence[int]],
    answers: Mapping[str, Mapping[Part, Any]],
    baselines: Sequence[str] = (),
    path: Path = Path("runs/made"),
) -> tuple[Run, Items]:
    """A run with these labels by part (test first, items numbered through) and these probabilities by model."""
    given = np.concatenate([np.asarray(labels.get(p, ()), dtype=np.int64) for p in ("test", "train", "valid")])
    starts = np.cumsum([0, *(len(labels.get(p, ())) for p in ("test", "train", "valid"))])
    parts: dict[Part, Any] = {
        p: np.arange(starts[i], starts[i + 1]) for i, p in enumerate(("test", "train", "valid"))  # type: ignore[misc]
    }  # fmt: skip
    names = np.array([f"{i}.png" for i in range(len(given))])
    items = Items(given, np.array([f"id{i}" for i in range(len(given))]), names, CLASSES, parts, None)

    def predictions(model: str, part: Part = "test") -> Predictions:
        where = parts[part]
        return Predictions(model, part, answers[model][part], given[where], where, names[where].tolist(), CLASSES)

    rows = [
        Row(m, "ok", test_accuracy=0.5, family="baseline" if m in baselines else "linear") for m in answers
    ]  # fmt: skip
    rows += [Row("lost", "failed", "out of memory")]
    data = {"source": "made", "classes": list(CLASSES), "shape": [4, 4, 1], "n": len(given)}
    nothing = Thumbnails(np.zeros(0, np.int64), np.zeros((0, 1, 1, 1), np.uint8))
    run = Run(
        path, {"cv": None}, data, tuple(rows), 1 / 3, 0.5, next(iter(answers)), {}, {}, predictions, lambda: nothing
    )
    return run, items
