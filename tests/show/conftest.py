"""Plausible runs made in memory: no model is fitted here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.measure.intervals import wilson
from secondlook.measure.pairs import compare_pairs
from secondlook.measure.scorecard import scorecards
from secondlook.measure.scores import balanced_accuracy, confusion, log_loss, macro_f1
from secondlook.seeds import stream
from secondlook.types import Epoch, History, Pairs, Part, Predictions, Row, Run, Scores, Thumbnails

# name, family, share of right answers, trained, stored, multiply-adds, seconds
LADDER = (
    ("lenet", "convolution", 0.986, 44_426, 44_426, 416_520, 61.3),
    ("cnn-small", "convolution", 0.981, 19_322, 19_322, 1_204_000, 48.9),
    ("rbf-svm", "kernel", 0.976, 19_100, 1_615_970, 1_600_000, 12.1),
    ("forest", "trees", 0.957, 181_204, 362_408, 2_400, 4.2),
    ("knn", "neighbours", 0.962, 0, 23_049_600, 23_049_600, 0.02),
    ("logistic", "linear", 0.918, 7_850, 7_850, 7_840, 2.6),
    ("mlp-small", "dense", 0.951, 20_067, 20_067, 19_900, 20.4),
    ("cnn-tiny", "convolution", 0.84, 80, 80, 40_100, 30.0),
    ("majority", "baseline", 0.0, 0, 10, 0, 0.001),
)


def _answers(labels: np.ndarray, right: float, k: int, rng: np.random.Generator) -> np.ndarray:
    """Probabilities, float32 (n, k), right for about this share; some classes are mistaken for their neighbour."""
    n = len(labels)
    wrong = (labels + rng.choice([1, 1, 1, 2, 5], n)) % k
    miss = rng.random(n) > right - 0.35 * (1 - right) * (labels % 5 == 3)
    answer = np.where(miss, wrong, labels)
    logits = rng.normal(0, 1, (n, k))
    logits[np.arange(n), answer] += rng.uniform(4, 9, n)
    logits[np.arange(n), labels] += 1.5
    probabilities = np.exp(logits)
    return (probabilities / probabilities.sum(axis=1, keepdims=True)).astype(np.float32)


def _history(rng: np.random.Generator, epochs: int, overfits: bool) -> History:
    lines = []
    for e in range(1, epochs + 1):
        train = 2.2 * np.exp(-e / 3) + 0.05 * np.exp(-e / 20) + 0.004 * rng.random()
        valid = 2.2 * np.exp(-e / 3) + 0.09 + (0.012 * max(0, e - 9) if overfits else 0) + 0.01 * rng.random()
        lines.append(Epoch(e, 1.0, 1e-3, train, train, 1 - train / 3, valid, 1 - valid / 3))
    best = min(lines, key=lambda line: line.valid_loss).epoch
    return History(tuple(lines), best, "validation did not improve for 8 epochs")


def _row(name: str, family: str, sizes: tuple[int, int, int, float], p: Predictions, k: int, ns: list[int]) -> Row:
    n_train, n_valid, n_test = ns
    hits = int((p.predicted == p.labels).sum())
    acc = hits / n_test
    counts = confusion(p.labels, p.predicted, k)
    valid = min(round((acc + 0.002) * n_valid), n_valid)
    train = min(round((acc + 0.01) * n_train), n_train)
    low, high = wilson(hits, n_test)
    v, t = wilson(valid, n_valid), wilson(train, n_train)
    net = "conv 6 5x5, leaky, maxpool 2, dense 84, leaky" if family in ("convolution", "dense") else ""
    return Row(
        name, "ok", "", *sizes[:3], n_train, n_valid, n_test, train / n_train, *t, valid / n_valid, *v, acc, low, high,
        balanced_accuracy(counts), macro_f1(counts), log_loss(p.labels, p.probabilities), sizes[3],
        3.1 + 40 * (name == "knn"), 180.0 + 900 * (family == "convolution"), valid / n_valid, family, net,
    )  # fmt: skip


def build_run(
    *, k: int = 10, n_test: int = 4_200, seed: int = 0, models: tuple[Any, ...] = LADDER, classes: Any = None,
    lost: bool = True, all_failed: bool = False, skew: float = 0.0, shape: tuple[int, int, int] = (28, 28, 1),
    path: Path = Path("runs/digits-1"), metric: str = "balanced_accuracy", scale: float = 1.0, perfect: bool = False,
) -> Run:  # fmt: skip
    """A run as `compare` would leave it; `scale` multiplies every model's share of right answers."""
    rng = stream(seed, "made run")
    classes = tuple(classes or (str(c) for c in range(k)))
    weights = (1 - skew) / k + skew * (np.arange(k) == 0)
    parts = {"train": 8 * n_test, "valid": n_test, "test": n_test}
    labels = {part: rng.choice(k, n, p=weights) for part, n in parts.items()}
    labels["test"][:k] = np.arange(k)[:n_test]
    made: dict[str, Predictions] = {}
    rows = []
    for name, family, right, *sizes in models:
        p = _answers(labels["test"], 1.0 if perfect and right else min(right * scale, 1), k, rng)
        if family == "baseline":
            p = np.full((n_test, k), 0.1 / k, np.float32)
            p[:, 0] += 0.9
        names = [f"test.csv:{i + 2}" for i in range(n_test)]
        made[name] = Predictions(name, "test", p, labels["test"].astype(np.int64), np.arange(n_test), names, classes)
        if not all_failed:
            rows.append(_row(name, family, tuple(sizes), made[name], k, list(parts.values())))
    rows.sort(key=lambda r: -(r.valid_score or 0))
    if lost or all_failed:
        rows += [
            Row("poly-svm", "skipped", "its kernel grows with n²: it would take about 3 h", family="kernel"),
            Row("convnet", "timeout", "stopped after the limit of 2 min", trained=390_218, family="convolution"),
            Row("boosting", "failed", "MemoryError: could not allocate 12.1 GB", family="trees"),
        ]  # fmt: skip
    chosen = next((r.model for r in rows if r.test_accuracy is not None), "")
    nets = [r.model for r in rows if r.net]
    histories = {m: _history(rng, 12 + 6 * i, i % 2 == 0) for i, m in enumerate(nets[:3])}

    def thumbnails() -> Thumbnails:
        items = np.arange(0)
        if chosen:
            wrong = np.flatnonzero(made[chosen].predicted != made[chosen].labels)[:400]
            learnt = predictions(chosen, "train")
            items = np.r_[wrong, learnt.items[np.flatnonzero(learnt.predicted != learnt.labels)][:100]]
        given = np.r_[labels["test"], labels["train"]][items]
        return Thumbnails(items.astype(np.int64), _pictures(given, shape, stream(seed, "pictures")))

    def predictions(model: str, part: Part = "test") -> Predictions:
        if part == "test":
            return made[model]
        given, right = labels[part].astype(np.int64), 1.0 if perfect else 0.995
        said = _answers(given, right, k, stream(seed, "answers", model, part))
        names = [f"{part}.csv:{i + 2}" for i in range(len(given))]
        return Predictions(model, part, said, given, n_test + np.arange(len(given)), names, classes)

    config = {
        "metric": metric, "seed": seed, "command": f"secondlook compare digits --models all --seed {seed}",
        "models": [r.model for r in rows], "versions": {"secondlook": "0.1.0", "torch": "2.13.0", "numpy": "2.4.6"},
        "hardware": {"cpu": "AMD EPYC 7B13", "cores": 2, "memory_gb": 16.0, "device": "cpu"},
        "split": {"method": "stratified by class, 80 / 10 / 10 %", "fingerprint": "9f1e2d3c4b5a6978"},
        "created": "2026-05-09T12:30:00+00:00", "seconds": 186.4, "test_opened": 1,
    }  # fmt: skip
    data = {
        "source": "digits", "n": sum(parts.values()), "classes": list(classes), "shape": list(shape),
        "fingerprint": "0123456789abcdef", "format": "a CSV of pixels with a label column (Kaggle's digit recogniser)",
    }  # fmt: skip
    counts = {part: np.bincount(values, minlength=k).tolist() for part, values in labels.items()}
    majority = float((labels["test"] == int(np.argmax(counts["train"]))).mean())
    right = {r.model: made[r.model].predicted == made[r.model].labels for r in rows if r.test_accuracy is not None}

    def scores(model: str) -> Scores:
        said, most = {model: made[model].probabilities}, int(np.argmax(counts["train"]))
        return scorecards(labels["test"], said, classes, most=most, draws=100)[model]

    return Run(
        path, config, data, tuple(rows), 1 / k, majority, chosen, histories, counts, predictions, thumbnails,
        pairs=Pairs(compare_pairs(right)), _scores=scores,
    )  # fmt: skip


def _pictures(labels: np.ndarray, shape: tuple[int, int, int], rng: np.random.Generator) -> np.ndarray:
    """A blob per class in noise, uint8 (m, h, w, c)."""
    h, w, c = shape
    y, x = np.mgrid[:h, :w]
    angle = 2 * np.pi * labels[:, None, None] / max(labels.max(initial=0) + 1, 1)
    cy, cx = h / 2 + h / 4 * np.sin(angle), w / 2 + w / 4 * np.cos(angle)
    blob = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (h * w / 40))
    images = (235 * blob[..., None] + rng.integers(0, 20, (len(labels), h, w, c))).clip(0, 255)
    return images.astype(np.uint8)


NOTES = {
    "lenet": {"reason": "images enlarged from 8x8 to 16x16, the smallest this net takes"},
    "cnn-tiny": {"reason": "images enlarged from 8x8 to 16x16, the smallest this net takes"},
    "mlp-small": {"status": "timeout", "reason": "stopped at its time limit in epoch 7 of 30; epoch 5 was kept"},
    "forest": {"status": "timeout"},
}


@pytest.fixture(scope="session")
def noted() -> Run:
    """A run in which models that have scores have notes, too: two share one, one was stopped and says no more."""
    run = build_run()
    return replace(run, rows=tuple(replace(row, **NOTES.get(row.model, {})) for row in run.rows))


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Run]:
    """Makes each run once: nothing changes it."""
    made: dict[str, Run] = {}

    def make(**variant: Any) -> Run:
        key = repr(sorted(variant.items()))
        if key not in made:
            made[key] = build_run(**variant)
        return made[key]

    return make


@pytest.fixture(scope="session")
def run() -> Run:
    return build_run()
