"""Words that are written in one place and read in another: what sources call their parts, what a split says."""

from __future__ import annotations

import re
from collections.abc import Sequence

from secondlook.types import Part

# What folders, files and arrays are called, in lower case.
PART_WORDS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "valid",
    "valid": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
    "t10k": "test",  # the test files of MNIST and its kin
}

_LONGEST_NAME = 100


def part_of(name: str) -> Part | None:
    """The part that the first such word of a name tells: "emnist-letters-test" is "test"; None where none does."""
    words = re.split(r"[-_. ]+", name.lower())
    return next((PART_WORDS[word] for word in words if word in PART_WORDS), None)


def few(names: Sequence[str]) -> str:
    """The first three, and how many more there are: "a, b, c and 4 more"; of an endless name its beginning."""
    shown = [name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…" for name in names[:3]]
    return ", ".join(shown) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def repeats(n: int, of: int, part: Part, before: Part) -> str:
    """The clause of `Split.method` on images of a part that have an identical one in a part before it."""
    name = {"train": "training", "valid": "validation", "test": "test"}[before]
    return f"{n:,} of {of:,} {part} images {'is' if n == 1 else 'are'} also in {name}"


def seen_in_training(method: str) -> str:
    """How many test images are also in training, as a `Split.method` says it ("12"); "" where it says none."""
    found = re.search(r"([0-9,]+) of [0-9,]+ test images (?:is|are) also in training", method)
    return found[1] if found else ""
