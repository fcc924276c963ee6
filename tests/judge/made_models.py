"""Models made in memory: answers and curves of which it is known what is to be said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from secondlook.judge.findings import ModelsContext, model_checks
from secondlook.measure.pairs import compare_pairs
from secondlook.measure.scores import accuracy_score, balanced_accuracy, confusion
from secondlook.types import PARTS, Epoch, Finding, History, Pairs, Part, Predictions, Row


def sure(answers: Any, k: int, by: float = 0.9) -> np.ndarray:
    """Probabilities, float32 (n, k), of answers given with this probability."""
    answers = np.asarray(answers)
    table = np.full((len(answers), k), (1 - by) / (k - 1), dtype=np.float32)
    table[np.arange(len(answers)), answers] = by
    return table


def flipped(labels: np.ndarray, share: float, k: int, seed: int = 0) -> np.ndarray:
    """Answers of which this share is wrong, spread evenly over the items."""
    wrong = np.random.default_rng(seed).permutation(len(labels))[: round(share * len(labels))]
    answers = labels.copy()
    answers[wrong] = (labels[wrong] + 1) % k
    return answers


def curve(train: Sequence[float], valid: Sequence[float], ended: str = "all epochs done", best: int = 0) -> History:
    lines = [Epoch(i + 1, 1.0, 0.1, t, t, 0.5, v, 0.5) for i, (t, v) in enumerate(zip(train, valid, strict=True))]
    return History(tuple(lines), best or int(np.argmin(valid)) + 1, ended)


def context(
    labels: Mapping[Part, Any],
    models: Mapping[str, Mapping[Part, Any]],
    *,
    k: int = 2,
    histories: Mapping[str, History] | None = None,
    facts: Mapping[str, Mapping[str, Any]] | None = None,
    folds: bool = False,
    chosen: str | None = None,
) -> ModelsContext:
    """A context; `models` gives each one's answers (n,) or probabilities (n, k) by part, the first model is chosen."""
    labels = {part: np.asarray(labels[part], dtype=np.int64) for part in PARTS}
    known = {part: labels[part][labels[part] >= 0] for part in PARTS}
    starts = dict(zip(PARTS, np.cumsum([0, *(len(labels[part]) for part in PARTS)]), strict=False))
    classes = tuple("abcdefghijklmnopqrstuvwxyz"[:k])
    tables = {m: {p: t if np.ndim(t) == 2 else sure(t, k) for p, t in said.items()} for m, said in models.items()}
    majority = float((known["test"] == np.bincount(known["train"], minlength=k).argmax()).mean())

    def answers(model: str, part: Part) -> Predictions:
        items = starts[part] + np.arange(len(labels[part]))
        names = [f"{part}/{i}.png" for i in range(len(items))]
        return Predictions(model, part, np.float32(tables[model][part]), labels[part], items, names, classes)

    def row(model: str) -> Row:
        values: dict[str, Any] = {}
        for part in PARTS:
            seen = labels[part] >= 0
            said = tables[model][part].argmax(axis=1)[seen]
            score = accuracy_score(known[part], said, k, majority=majority)
            values |= {f"{part}_accuracy": score.value, f"{part}_low": score.low, f"{part}_high": score.high}
            values[f"n_{part}"] = int(seen.sum())
            if part == "test":
                values["test_balanced_accuracy"] = balanced_accuracy(confusion(known[part], said, k))
        extra = {"family": "linear", "trained": 100, "stored": 100} | dict((facts or {}).get(model, {}))
        return Row(model, "ok", **values | extra)

    rows = tuple(row(model) for model in models)
    seen = labels["test"] >= 0
    right = {m: (tables[m]["test"].argmax(axis=1) == labels["test"])[seen] for m in models}
    n = sum(len(of) for of in labels.values())
    return ModelsContext(
        rows=rows,
        chosen=next(iter(models)) if chosen is None and models else chosen or "",
        classes=classes,
        counts={part: np.bincount(known[part], minlength=k).tolist() for part in PARTS},
        chance=1 / k,
        majority=majority,
        ids=np.array([f"{i:016x}" for i in range(n)]),
        histories=histories or {},
        answers=answers,
        pairs=Pairs(compare_pairs(right)),
        folds=folds,
    )


def everywhere(answers: Any, **parts: Any) -> dict[Part, Any]:
    """The same answers in every part but for those given."""
    return {part: parts.get(part, answers) for part in PARTS}


def ask(code: str, about: ModelsContext) -> Finding | str | None:
    """What a check says: its finding, None where all is well, or why it does not apply."""
    (check,) = [check for check in model_checks() if check.code == code]
    if reason := check.applies(about):
        return reason
    found = check.find(about)
    assert found is None or found.code == code
    return found


Asked = Callable[..., Finding | str | None]
