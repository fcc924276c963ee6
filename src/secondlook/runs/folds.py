"""From the folds of a cross-validation to one row per model: means, and their corrected intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.measure.fold_card import fold_interval
from secondlook.runs.files import savez, write_atomically, write_csv, write_json
from secondlook.runs.results import FACTS
from secondlook.runs.store import RunDirectory
from secondlook.types import Folds, ImageSet, Part, Row

# What a line of folds.csv holds of a fold's own row.
COLUMNS = (
    "n_train", "n_valid", "n_test", "train_accuracy", "valid_accuracy", "valid_score", "test_accuracy",
    "test_balanced_accuracy", "test_macro_f1", "test_log_loss", "fit_seconds", "predict_us", "peak_mb",
)  # fmt: skip
_MEANS = ("test_balanced_accuracy", "test_macro_f1", "test_log_loss", "valid_score")


def fold_name(model: str, index: int) -> str:
    """Where a run keeps one fold of a model: "lenet/fold-1"."""
    return f"{model}/fold-{index + 1}"


def membership(folds: Folds, n: int) -> NDArray[np.uint8]:
    """What each split does with each item, uint8 (splits, n): 0 nothing, 1 trains, 2 chooses, 3 tests."""
    table = np.zeros((len(folds), n), dtype=np.uint8)
    for line, split in zip(table, folds.splits, strict=True):
        line[split.train], line[split.valid], line[split.test] = 1, 2, 3
    return table


def mean_row(model: str, facts: Mapping[str, Any], rows: Sequence[Row], n: int) -> Row:
    """One row for all folds of a model.

    Accuracies are means; the intervals of valid and test are Nadeau and Bengio's. Where all folds score the same there
    is no variance to judge by: the interval is then Wilson's for so many items.

    Args:
        facts: as `merged` leaves them.
        rows: a row per fold, without scores where it has none.
        n: items that are tested in one repeat.
    """
    values: dict[str, Any] = {name: facts[name] for name in FACTS if name in facts}
    if "fit_seconds" not in facts:
        return Row(model=model, **values)
    sizes = {part: fmean(getattr(row, f"n_{part}") or 0 for row in rows) for part in ("train", "valid", "test")}
    for part in ("train", "valid", "test"):
        scores = [getattr(row, f"{part}_accuracy") for row in rows]
        if None in scores:
            continue
        values |= {f"{part}_accuracy": fmean(scores), f"n_{part}": n if part == "test" else round(sizes[part])}
        if part != "train":
            items = n if part == "test" else round(sizes[part])
            values[f"{part}_low"], values[f"{part}_high"] = fold_interval(scores, sizes["train"], sizes[part], items)
    for name in _MEANS:
        found = [getattr(row, name) for row in rows]
        values[name] = None if None in found else fmean(found)
    return Row(model=model, **values)


def merged(facts: Sequence[Mapping[str, Any]], folds: int) -> dict[str, Any]:
    """What is known of a model from its folds, in their order: of all, or up to one that left no predictions."""
    last, first = facts[-1], facts[0]
    lost = next((i for i, known in enumerate(facts) if "fit_seconds" not in known), None)
    if lost is not None:
        reason = f"fold {lost + 1} of {folds}: {facts[lost]['reason']}"
        return {**facts[lost], "reason": reason}
    cut = next((i for i, known in enumerate(facts) if known["status"] != "ok"), None)
    return {
        **first,
        "status": "ok" if cut is None else facts[cut]["status"],
        "reason": _shared([known["reason"] for known in facts], folds, cut),
        "params": _shared([known["params"] for known in facts], folds),
        "interrupted": last["interrupted"],
        "fit_seconds": fmean(known["fit_seconds"] for known in facts),
        "predict_us": fmean(known["predict_us"] for known in facts),
        "peak_mb": max(known["peak_mb"] for known in facts),
    }


def _shared(texts: Sequence[str], folds: int, index: int | None = None) -> str:
    """What all folds say, or what one of them does: the one given, else the first that says anything."""
    if len(set(texts)) == 1:
        return texts[0]
    index = next(i for i, text in enumerate(texts) if text) if index is None else index
    return f"fold {index + 1} of {folds}: {texts[index]}"


def gather(directory: RunDirectory, model: str, facts: Mapping[str, Any], images: ImageSet, folds: Folds) -> None:
    """Makes a model of its folds: the answers to every item when it was tested first, and the first fold's weights,
    history, and answers to its train and valid parts. The facts come last and say that it is done.
    """
    target = directory.path / "models" / model
    first = target / "fold-1"
    for file in sorted(first.iterdir()):
        if file.name not in ("facts.json", "log.txt"):
            file.replace(target / file.name)
    whole = np.zeros((len(images), len(images.classes)), dtype=np.float32)
    said: dict[Part, Any] = {}
    for index in range(folds.k):
        found = directory.answers(fold_name(model, index))
        whole[folds.splits[index].test] = found["test"]
        said = said or found
    arrays = {str(part): table for part, table in said.items()} | {"test": whole[folds.items]}
    write_atomically(directory.path / "predictions" / f"{model}.npz", lambda part: savez(part, arrays))
    write_json(target / "facts.json", facts)


def write_folds(path: Path, folds: Folds, rows: Mapping[str, Sequence[Row]]) -> None:
    """Writes folds.csv: a line per model and fold."""
    lines = [
        {"model": model, "repeat": folds.place(i)[0], "fold": folds.place(i)[1], "status": row.status}
        | {name: getattr(row, name) for name in COLUMNS}
        for model, found in rows.items()
        for i, row in enumerate(found)
    ]
    write_csv(path, ["model", "repeat", "fold", "status", *COLUMNS], lines)
