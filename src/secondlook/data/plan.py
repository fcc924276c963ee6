"""From images to what a comparison does with them: which are left out, which train, choose and judge."""

from __future__ import annotations

from dataclasses import dataclass, replace

from secondlook.data.audit import Measured
from secondlook.data.read.require import require_comparable, require_enough, require_labels
from secondlook.data.split import folds, split, without_tiny_classes
from secondlook.data.split.parts import own_parts
from secondlook.data.words import few
from secondlook.types import Folds, ImageSet, IntArray, Split


@dataclass(frozen=True, eq=False)
class Plan:
    """What is compared, and on which images.

    Attributes:
        images: the set; images of classes that are too small have the label -1 and belong to no part.
        split: disjoint parts; with folds the first of them.
        folds: None for a single split.
        left_out: names of the classes that are too small.
    """

    images: ImageSet
    split: Split
    folds: Folds | None = None
    left_out: tuple[str, ...] = ()

    @property
    def splits(self) -> tuple[Split, ...]:
        """Every model is fitted once on each."""
        return (self.split,) if self.folds is None else self.folds.splits

    @property
    def shown(self) -> Split:
        """The parts that a run's stored predictions are of: with folds, train and valid of the first fold, and as the
        test part every item, each answered by the model of the fold that tested it in the first repeat.
        """
        if self.folds is None:
            return self.split
        return Split(self.split.train, self.split.valid, self.folds.items, self.folds.method, self.folds.seed)

    @property
    def method(self) -> str:
        """How the parts came about, and what of them may mislead."""
        return self.split.method

    @property
    def fingerprint(self) -> str:
        """16 hex digits of all parts."""
        return self.split.fingerprint if self.folds is None else self.folds.fingerprint


def plan(
    measured: Measured,
    *,
    valid: float | int = 0.15,
    test: float | int = 0.15,
    seed: int = 0,
    cv: tuple[int, int] | None = None,
    strict: bool = False,
) -> Plan:
    """The parts that a comparison of these images uses.

    Near copies are looked for only where something is to be cut: a source that has all three parts keeps them.

    Args:
        measured: the images, and where near copies are found.
        valid, test, seed: as `secondlook.data.split.split` takes them.
        cv: folds and repeats, in place of a test part.
        strict: refuse classes that are too small instead of leaving them out.

    Raises:
        UsageError, DataError: these images cannot be compared, or not so.
    """
    require_labels(measured.images)
    images, left_out = without_tiny_classes(measured.images, strict=strict)
    if cv is not None:
        require_enough(images)
        k, repeats = cv
        found = folds(images, k=k, repeats=repeats, valid=valid, seed=seed, together=measured.near.together)
        first = replace(found.splits[0], method=_with(found.method, left_out))
        return Plan(images, first, replace(found, method=first.method), left_out)
    require_comparable(images, valid=valid, test=test)
    cut = split(images, valid=valid, test=test, seed=seed, together=_together(measured, images))
    return Plan(images, replace(cut, method=_with(cut.method, left_out)), None, left_out)


def _together(measured: Measured, images: ImageSet) -> IntArray | None:
    return None if len({"valid", "test"} & {*own_parts(images)}) == 2 else measured.near.together


def _with(method: str, left_out: tuple[str, ...]) -> str:
    if not left_out:
        return method
    plural = "" if len(left_out) == 1 else "es"
    return f"{method}; class{plural} {few(left_out)} left out, with too few images for every part"
