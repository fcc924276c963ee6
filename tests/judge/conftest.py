"""Small sets and contexts made in memory; no file is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from secondlook.data.audit import Measured
from secondlook.judge.findings import DataContext
from secondlook.seeds import stream
from secondlook.types import Finding, ImageSet, Origins, Split


@pytest.fixture
def make_set() -> Callable[..., ImageSet]:
    """Makes a set: labels are indices into `classes` ("a", "b", … by default); pixels are noise unless given."""

    def make(labels: Any, pixels: Any = None, shape: tuple[int, int, int] = (6, 6, 1), **fields: Any) -> ImageSet:
        labels = np.asarray(labels, dtype=np.int64)
        n, k = len(labels), int(labels.max(initial=-1)) + 1
        if pixels is None:
            pixels = stream(0, "noise").integers(0, 256, (n, *shape), dtype=np.uint8)
        given = {
            "classes": tuple("abcdefghijklmnopqrstuvwxyz"[:k]),
            "ids": np.array([f"{i:016x}" for i in range(n)], dtype=np.str_),
            "names": [f"{i}.png" for i in range(n)],
            "source": "made",
            "format": "made in memory",
        }
        if "parts" in fields:
            fields["parts"] = np.asarray(fields["parts"], dtype=np.str_)
        return ImageSet(pixels=pixels, labels=labels, **{**given, **fields})

    return make


@pytest.fixture
def make_context() -> Callable[..., DataContext]:
    """Makes a context; a split is given as (train, valid, test) indices."""

    def make(images: ImageSet, cut: Any = None) -> DataContext:
        if cut is None:
            return DataContext(Measured(images), None, "none was asked for")
        train, valid, test = (np.asarray(part, dtype=np.int64) for part in cut)
        return DataContext(Measured(images), Split(train, valid, test, "by hand", 0))

    return make


@pytest.fixture
def make_origins() -> Callable[..., Origins]:
    """Makes origins of n plain 64x64 JPEGs, but for what is given."""

    def make(n: int, **given: Any) -> Origins:
        plain = {
            "formats": np.full(n, "JPEG"),
            "modes": np.full(n, "RGB"),
            "bytes": stream(0, "bytes").integers(1500, 2500, n),
            "widths": np.full(n, 64),
            "heights": np.full(n, 64),
            "grey": np.zeros(n, dtype=np.bool_),
            "turned": np.zeros(n, dtype=np.bool_),
            "transparent": np.zeros(n, dtype=np.bool_),
            "frames": np.ones(n, dtype=np.int64),
        }
        return Origins(**{**plain, **{name: np.asarray(value) for name, value in given.items()}})

    return make


@pytest.fixture
def ask() -> Callable[[Any, str, DataContext], Finding | str | None]:
    """What the check of a code says: its finding, None where all is well, or why it does not apply."""

    def asked(checks: Any, code: str, context: DataContext) -> Finding | str | None:
        (check,) = [check for check in checks if check.code == code]
        if reason := check.applies(context):
            return reason
        found = check.find(context)
        assert found is None or found.code == code
        return found

    return asked
