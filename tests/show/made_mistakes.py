"""Mistakes as the verb leaves them; no run is read, no model fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from secondlook.seeds import stream
from secondlook.types import Mistakes, Nearest


def build_mistakes(
    n: int = 60, *, classes: Any = tuple("0123456789"), parts: Any = ("test", "train"), model: str = "lenet",
    models: Any = ("lenet", "knn", "logistic", "majority"), shape: Any = (28, 28, 1), near: bool = True,
    seen: bool = True, seed: int = 0, names: Any = None, **more: Any,
) -> Mistakes:  # fmt: skip
    """So many mistakes in each part, sorted as they come."""
    rng, k = stream(seed, "made mistakes"), len(classes)
    given = np.concatenate([np.sort(rng.integers(0, k, n)) for _ in parts]) if n else np.zeros(0, np.int64)
    m = len(given)
    answers = (given + rng.integers(1, k, m)) % k
    said = np.stack([answers, *(rng.integers(0, k, m) for _ in models[1:])], axis=1)
    voters = tuple(name for name in models if name != "majority")
    part_of = np.repeat(np.array(parts, dtype=np.str_), n)
    keys = [(i // n, int(given[i])) if n else (0, 0) for i in range(m)]
    loss = np.array(
        [loss for _, loss in sorted(zip(keys, rng.exponential(3, m), strict=True), key=lambda p: (p[0], -p[1]))]
    )
    places = rng.integers(1000, 1000 + 40, (m, 3))
    nearest = Nearest(
        places, rng.random((m, 3)), {int(i): f"train/{i}.png" for i in np.unique(places)},
        {int(i): int(i) % k for i in np.unique(places)},
    )  # fmt: skip
    pictures = {
        i: stream(seed, "picture", i).integers(0, 255, shape).astype(np.uint8) for i in (*range(m), *np.unique(places))
    }
    values: dict[str, Any] = {
        "run": Path("runs/digits-1"), "source": "digits", "model": model, "models": tuple(models), "voters": voters,
        "parts": tuple(parts), "classes": tuple(classes), "shape": tuple(shape),
        "counts": {part: np.bincount(given, minlength=k).__add__(100).tolist() for part in parts}, "wanted": None,
        "items": np.arange(m), "ids": np.array([f"{i:016x}" for i in range(m)]),
        "names": names or [f"{part_of[i]}/{i}.png" for i in range(m)], "part_of": part_of, "given": given,
        "answers": answers, "confidence": rng.uniform(0.4, 1, m), "loss": loss, "said": said,
        "missed_by": (said[:, : len(voters)] != given[:, None]).sum(axis=1), "nearest": nearest if near else None,
        "_pixels": (lambda item: pictures.get(int(item))) if seen else (lambda item: None),
    }  # fmt: skip
    return Mistakes(**values | more)
