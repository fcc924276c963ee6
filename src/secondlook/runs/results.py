"""From what the models said to the rows of the table: every score comes from the stored predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.measure.scores import (
    Metric,
    accuracy_score,
    balanced_accuracy,
    confusion,
    log_loss,
    macro_f1,
    score,
    utility,
)
from secondlook.runs.jobs import Outcome
from secondlook.types import ImageSet, IntArray, Part, Predictions, Row, Split, Thumbnails

# What the report shows of the chosen model's mistakes: enough to judge, few enough to send by mail.
MISTAKES_PER_CLASS = 12
MISTAKES = 480
THUMBNAIL_PIXELS = 64

Probabilities = Mapping[Part, Any]


def facts_of(outcome: Outcome, limit: str) -> dict[str, Any]:
    """What is kept of a fit that ended, well or not; `limit` names the time it had, in words."""
    facts: dict[str, Any] = {"peak_mb": outcome.peak_bytes / 1e6, "interrupted": outcome.status == "interrupted"}
    if outcome.status == "ok":
        return {**facts, **outcome.value}
    if outcome.status == "timeout":
        return {**facts, "status": "timeout", "reason": f"not done within {limit}"}
    if outcome.status == "interrupted":
        return {**facts, "status": "skipped", "reason": "interrupted before it was done"}
    return {**facts, "status": "failed", "reason": outcome.reason}


def majority_share(images: ImageSet, split: Split) -> float:
    """The test accuracy of always answering the class that is most frequent in training."""
    return float((images.labels[split.test] == most_frequent(images, split)).mean())


def most_frequent(images: ImageSet, split: Split) -> int:
    """The class that is most frequent in training; the first of equals."""
    return int(np.bincount(images.labels[split.train]).argmax())


def make_row(
    model: str,
    facts: Mapping[str, Any],
    probabilities: Probabilities | None,
    images: ImageSet,
    split: Split,
    metric: Metric,
    *,
    test: bool,
    leaked: NDArray[np.bool_] | None = None,
) -> Row:
    """A model's row; without `test` the test columns stay empty.

    Args:
        leaked: bool (n_test,), test items that the `clean` scores leave out; None where nothing leaks.
    """
    values: dict[str, Any] = {name: facts[name] for name in FACTS if name in facts}
    if probabilities is None:
        return Row(model=model, **values)
    majority = majority_share(images, split)
    parts: tuple[Part, ...] = ("train", "valid", "test") if test else ("train", "valid")
    for part in parts:
        labels, said = images.labels[split[part]], probabilities[part]
        accuracy = accuracy_score(labels, said.argmax(axis=1), len(images.classes), majority=majority)
        values |= {f"{part}_accuracy": accuracy.value, f"{part}_low": accuracy.low, f"{part}_high": accuracy.high}
        values[f"n_{part}"] = len(labels)
    values["valid_score"] = score(metric, images.labels[split.valid], probabilities["valid"])
    if test:
        labels, said = images.labels[split.test], probabilities["test"]
        matrix = confusion(labels, said.argmax(axis=1), len(images.classes))
        values["test_balanced_accuracy"] = balanced_accuracy(matrix)
        values["test_macro_f1"] = macro_f1(matrix)
        values["test_log_loss"] = log_loss(labels, said)
        values |= _clean(labels, said, leaked)
    return Row(model=model, **values)


def _clean(labels: IntArray, said: Any, leaked: NDArray[np.bool_] | None) -> dict[str, Any]:
    """The test scores without what leaks; nothing where nothing does."""
    if leaked is None or not leaked.any():
        return {}
    labels, said = labels[~leaked], said[~leaked]
    if not len(labels):
        return {"n_clean": 0}
    accuracy = accuracy_score(labels, said.argmax(axis=1), said.shape[1], majority=0.0)
    matrix = confusion(labels, said.argmax(axis=1), said.shape[1])
    return {
        "n_clean": len(labels),
        "clean_accuracy": accuracy.value,
        "clean_low": accuracy.low,
        "clean_high": accuracy.high,
        "clean_balanced_accuracy": balanced_accuracy(matrix),
    }


FACTS = (
    "status", "reason", "trained", "stored", "macs", "fit_seconds", "predict_us", "peak_mb", "family", "net", "params",
    "engine",
)  # fmt: skip


def ranked(rows: Sequence[Row], metric: Metric) -> list[Row]:
    """Best on validation first; of equals the one with fewer trained numbers; those without a score last."""

    def key(row: Row) -> tuple[bool, float, float]:
        value = row.valid_score
        return value is None, 0.0 if value is None else -utility(metric, value), float(row.trained or 0)

    return sorted(rows, key=key)


def mistakes_to_show(predictions: Predictions | None, images: ImageSet) -> Thumbnails:
    """Small images of wrongly answered items, per true class the most confident first, capped."""
    if predictions is None:
        return Thumbnails(np.zeros(0, np.int64), np.zeros((0, 1, 1, 1), np.uint8))
    wrong = np.flatnonzero(predictions.predicted != predictions.labels)
    surest = wrong[np.argsort(-predictions.probabilities[wrong].max(axis=1), kind="stable")]
    per_class = max(1, min(MISTAKES_PER_CLASS, MISTAKES // len(images.classes)))
    seen = np.zeros(len(images.classes), dtype=np.int64)
    shown: list[int] = []
    for i in surest:
        if seen[predictions.labels[i]] < per_class and len(shown) < MISTAKES:
            seen[predictions.labels[i]] += 1
            shown.append(int(i))
    items = predictions.items[np.array(shown, dtype=np.int64)]
    return Thumbnails(items, thumbnails(images.pixels[items]))


def thumbnails(pixels: Any, side: int = THUMBNAIL_PIXELS) -> Any:
    """uint8 copies (n, h, w, c) of at most `side` pixels on the longer side."""
    if pixels.dtype != np.uint8:
        pixels = (pixels * 255).round().astype(np.uint8)
    n, h, w, c = pixels.shape
    longest = max(h, w)
    if longest <= side or n == 0:
        return pixels
    from PIL import Image

    size = (max(1, w * side // longest), max(1, h * side // longest))
    small = [Image.fromarray(p.squeeze(-1) if c == 1 else p).resize(size, Image.Resampling.BOX) for p in pixels]
    return np.stack([np.asarray(image).reshape(size[1], size[0], c) for image in small])
