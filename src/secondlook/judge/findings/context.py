"""What the checks of data look at, and words they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from secondlook.data.audit import Measured
from secondlook.types import PARTS, ImageSet, IntArray, Item, Part, Split


@dataclass(frozen=True, eq=False)
class DataContext:
    """A set of images, how it is split, and what was measured on it.

    Attributes:
        measured: the measurements; they hold the images.
        split: the parts that a comparison would use; None where none can be cut.
        why_no_split: the reason, in a sentence; "" with a split.
    """

    measured: Measured
    split: Split | None = None
    why_no_split: str = ""

    @property
    def images(self) -> ImageSet:
        """The set itself."""
        return self.measured.images

    @cached_property
    def part_of(self) -> NDArray[np.str_]:
        """The part of every item, str (n,): the source's own where it has one, else the split's; "" for none."""
        parts = np.full(len(self.images), "", dtype="<U5")
        if self.split is not None:
            for part in PARTS:
                parts[self.split[part]] = part
        if self.images.parts is not None:
            parts = np.where(parts == "", self.images.parts, parts)
        return parts

    def own_parts(self) -> tuple[Part, ...]:
        """The parts the source itself came with; () where it has none."""
        found = self.images.parts
        return () if found is None else tuple(part for part in PARTS if (found == part).any())

    def label(self, index: int) -> str:
        """The class of an item, "unlabelled" where unknown."""
        given = int(self.images.labels[index])
        return self.images.classes[given] if given >= 0 else "unlabelled"

    def items(
        self, indices: Sequence[int] | IntArray, notes: Sequence[str] = (), group: int | None = None
    ) -> list[Item]:
        """Items of a finding, by default with their class as a note."""
        images = self.images
        return [
            Item(images.names[i], str(images.ids[i]), int(i), notes[at] if notes else self.label(int(i)), group)
            for at, i in enumerate(indices)
        ]


def needs_labels(context: DataContext) -> str:
    """Why a check of classes does not apply: nothing is labelled."""
    return "" if (context.images.labels >= 0).any() else "no labels"


def needs_split(context: DataContext) -> str:
    """Why a check of parts does not apply."""
    return "" if context.split is not None else f"no split ({context.why_no_split})"


def needs_own_parts(context: DataContext) -> str:
    """Why a check of the source's own parts does not apply."""
    return "" if context.own_parts() else "the source has no parts of its own"


def always(context: DataContext) -> str:
    """A check that applies to every set."""
    return ""
