"""What each class counts in training: the one place that reads `--class-weight`.

A weight has one meaning for every model: each image of the class counts as if it were there so many times, in
training and where training looks at the validation part. What models do with it is in docs/class-weights.md.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from math import isfinite

import numpy as np

from secondlook.data.words import few
from secondlook.errors import UsageError
from secondlook.types import FloatArray, IntArray

BALANCED, NONE = "balanced", "none"


def as_text(asked: str | Mapping[str, float]) -> str:
    """Class weights as the command line has them; a mapping from names to numbers becomes "hotdog=7,other=1".

    Raises:
        UsageError: a mapping's value is no number.
    """
    if isinstance(asked, str):
        return "" if asked.strip() == NONE else asked.strip()
    return ",".join(f"{name}={_short(str(name), weight)}" for name, weight in asked.items())


def _short(name: str, weight: object) -> str:
    if isinstance(weight, bool) or not isinstance(weight, int | float | np.integer | np.floating):
        raise UsageError(f"expected a number as the class weight of '{name}', got {weight!r}")
    text = f"{float(weight):g}"
    return text if float(text) == float(weight) else repr(float(weight))


def resolve(asked: str, classes: Sequence[str], labels: IntArray) -> FloatArray | None:
    """The weight of each class, float64 (k,); None where none are asked for.

    Args:
        asked: "" or "none", "balanced", or "hotdog=7,other=1"; classes that are not named count 1.
        classes: k names.
        labels: int64 (n,), of the training part: "balanced" gives every class n / (k · its count), as scikit-learn's
            ``compute_class_weight`` does, over the k classes that occur.

    Raises:
        UsageError: no such class, no such number, or fewer than two classes are left with a weight above 0.
    """
    text = as_text(asked)
    if not text:
        return None
    counts = np.bincount(labels[labels >= 0], minlength=len(classes))
    weights = np.ones(len(classes))
    if text == BALANCED:
        there = counts > 0
        weights[there] = counts.sum() / (there.sum() * counts[there])
        return weights
    for name, weight in _named(text, classes).items():
        weights[classes.index(name)] = weight
    if ((weights > 0) & (counts > 0)).sum() < 2:
        raise UsageError(f"expected --class-weight above 0 for two classes at least, got '{text}'; raise another one")
    return weights


def _named(text: str, classes: Sequence[str]) -> dict[str, float]:
    """The weights by the names of classes, in which "=" and "," may occur."""
    found: dict[str, float] = {}
    while text:
        starts = {name: m for name in classes if (m := re.match(rf"{re.escape(name)}\s*=", text))}
        if not starts:
            raise UsageError(_unknown(text.partition(",")[0], classes))
        name = max(starts, key=len)
        number, _, text = (part.strip() for part in text[starts[name].end() :].partition(","))
        if name in found:
            raise UsageError(f"expected each class once in --class-weight, got '{name}' twice; leave one out")
        found[name] = _number(name, number)
    return found


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not (isfinite(value) and value >= 0):
        raise UsageError(f"expected a number of 0 or more as the class weight of '{name}', got '{text}'")
    return value


def _unknown(words: str, classes: Sequence[str]) -> str:
    name, equals, _ = words.partition("=")
    name = name.strip()
    if not equals:
        return f"expected --class-weight to be balanced or NAME=7,OTHER=1, got '{words}'"
    near = difflib.get_close_matches(name, classes, n=1, cutoff=0.4)
    hint = f", did you mean '{near[0]}'?" if near else "."
    return f"expected --class-weight to name classes, got '{name}'{hint} They are {few(classes)}"
