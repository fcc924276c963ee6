"""Plausible audits made in memory: nothing is read, measured or judged here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from secondlook.seeds import stream
from secondlook.show.findings import pictured
from secondlook.types import Audit, Finding, Item, Thumbnails

# What may stand in a file's or a class's name.
NASTY = (
    "<script>alert(1)</script>.png", "a\"b'c & d.jpg", "two\nlines\t.jpg", "\u202egpj.exe", "שלום עולם.jpg", "x" * 300,
    "caf\udce9.jpg", "{{ 7*7 }}{% raw %}", "</style></title><b>", "\x1b[31mred\x07", "$x_1$", "網" * 90,
)  # fmt: skip


def pairs(
    n: int, names: Sequence[str] | None = None, notes: tuple[str, str] = ("cat, train", "cat, test")
) -> tuple[Item, ...]:
    """n groups of two items with the same bytes."""
    made = []
    for i in range(2 * n):
        name = names[i % len(names)] if names else f"{('train', 'test')[i % 2]}/cat/IMG_{20_000 + 7 * i}.jpg"
        made.append(Item(name, f"{i // 2:016x}{'#2' if i % 2 else ''}", i, notes[i % 2], i // 2))
    return tuple(made)


def singles(n: int, start: int = 0, note: str = "dog") -> tuple[Item, ...]:
    return tuple(Item(f"photos/dog/{i}.png", f"{i:016x}", i, note) for i in range(start, start + n))


def files(n: int) -> tuple[Item, ...]:
    """Items that could not be read."""
    return tuple(Item(f"photos/dog/broken_{i}.jpg", note="truncated: 1,204 of 88,123 bytes") for i in range(n))


LEAK = Finding(
    "D103", "12 of 270 test images (4.4 %) are also in training: the score tells in part what was learnt by heart",
    "serious", {"test": 270, "leaked": 12, "share": 0.0444, "identical": 9, "near": 3},
    "Take them out of one part, or let secondlook split: it keeps copies on one side.", pairs(12),
)  # fmt: skip
IMBALANCE = Finding(
    "D201", "The largest class, cat, has 7.2 times as many images as the smallest, dog", "warning",
    {"largest": 1240, "smallest": 172, "ratio": 7.21, "majority": 0.878, "counts": {"cat": 1240, "dog": 172}},
    "Read balanced accuracy rather than accuracy, and compare with the majority classifier.",
)  # fmt: skip
DARK = Finding(
    "D302", "17 images are far darker than the others", "info",
    {"images": 17, "threshold": 0.031, "classes": ["cat", "dog"]},
    "Look at them: lens cap, night, or a decoding fault?", singles(17, 30),
)  # fmt: skip
BROKEN = Finding(
    "D501", "49 files could not be read and were left out", "warning",
    {"broken": 49, "of": 1461, "by reason": {"truncated": 49}},
    "Copy them again from where they come from, or delete them.", files(49),
)  # fmt: skip


def build_audit(
    *, classes: Sequence[str] = ("cat", "dog"), findings: Sequence[Finding] = (LEAK, BROKEN, IMBALANCE, DARK),
    split: bool = True, shape: tuple[int, int, int] = (64, 64, 3), path: Path | None = Path("runs/photos-audit-1"),
    n: int = 1412, faults: Sequence[dict[str, str]] | None = None, source: str = "photos/", seed: int = 0,
    not_applicable: dict[str, str] | None = None, muted: tuple[str, ...] = (),
) -> Audit:  # fmt: skip
    """An audit as the verb would return it; every item has a picture."""
    k = len(classes)
    rng = stream(seed, "made audit")
    weights = np.sort(rng.random(k) + 0.2)[::-1]
    total = np.maximum((weights / weights.sum() * n).astype(int), 1) if k else np.zeros(0, int)
    counts: dict[str, list[int]] = {"all": total.tolist()}
    if split and k:
        test, valid = total // 6, total // 6
        counts = {"train": (total - test - valid).tolist(), "valid": valid.tolist(), "test": test.tolist()}
    if faults is None:
        faults = [{"name": i.name, "kind": "broken", "reason": i.note} for i in files(49)]
        faults += [
            {"name": f"photos/{name}", "kind": "ignored", "reason": "not an image"} for name in (".DS_Store", "a.txt")
        ]
    data: dict[str, Any] = {
        "source": source, "n": n,
        "format": f"a folder per class: {n:,} photos of 64x64, RGB, {k} classes; resized to 64x64",
        "classes": list(classes), "counts": counts, "shape": list(shape), "fingerprint": "0123456789abcdef",
        "split": "stratified by class, identical images kept together" if split and k else "",
        "why_no_split": "" if split and k else f"{source} has no labels: expected a folder per class",
        "chance": 1 / k if k else None, "majority": float(total.max() / total.sum()) if split and k else None,
        "faults": list(faults), "seconds": 3.21,
    }  # fmt: skip
    items = pictured(findings)
    return Audit(
        path, data, tuple(findings), ("D101", "D102", "D301"),
        {"D401": "no labels"} if not_applicable is None else not_applicable, muted,
        Thumbnails(items, pictures(len(items), shape)),
    )  # fmt: skip


def pictures(n: int, shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    """Blobs of two colours in noise, uint8 (n, h, w, c); two neighbours are alike."""
    h, w, c = shape
    rng = stream(seed, "pictures of an audit")
    y, x = np.mgrid[:h, :w]
    made = np.empty((n, h, w, c), np.uint8)
    for i in range(n):
        angle = 2.4 * (i // 2)
        blob = np.exp(
            -((y - h / 2 - h / 4 * np.sin(angle)) ** 2 + (x - w / 2 - w / 4 * np.cos(angle)) ** 2) / (h * w / 40)
        )
        tint = np.array([0.9, 0.5 + 0.4 * np.sin(i // 2), 0.3])[:c]
        made[i] = (230 * blob[..., None] * tint + rng.integers(0, 22, (h, w, c))).clip(0, 255)
    return made
