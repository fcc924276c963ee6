"""What sources call their parts, and how names are listed in a sentence."""

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


def part_of(name: str) -> Part | None:
    """The part that the first such word of a name tells: "emnist-letters-test" is "test"; None where none does."""
    words = re.split(r"[-_. ]+", name.lower())
    return next((PART_WORDS[word] for word in words if word in PART_WORDS), None)


def few(names: Sequence[str]) -> str:
    """The first three, and how many more there are: "a, b, c and 4 more"."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
