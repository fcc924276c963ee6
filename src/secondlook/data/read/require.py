"""What a comparison needs of its images, said before any work is done."""

from __future__ import annotations

from secondlook.data.split import part_sizes
from secondlook.errors import DataError
from secondlook.types import ImageSet

# With fewer, an interval spans everything, and train, valid and test cannot each hold one of every class.
_MIN_ITEMS = 10
_MIN_PER_CLASS = 3


def require_labels(images: ImageSet) -> None:
    """Raises DataError where no image has a label."""
    if not (images.labels >= 0).any():
        raise DataError(
            f"{images.source} has no labels: expected a column 'label' in a CSV, "
            "an array y in an npz, or a folder per class"
        )


def require_comparable(images: ImageSet, *, valid: float | int, test: float | int) -> None:
    """Raises where models cannot be compared on these images.

    Args:
        images: what was read.
        valid: the validation part, as a fraction or a count.
        test: the test part, likewise.

    Raises:
        DataError: no labels, one class only (in all, or in the source's own training part), too few images in all or
            in a class.
        UsageError: the parts asked for cannot be cut from these images.
    """
    require_labels(images)
    counts = {name: n for name, n in images.counts().items() if n}
    if len(counts) < 2:
        raise DataError(f"{images.source}: expected at least 2 classes to tell apart, got 1: {next(iter(counts))}")
    if (n := sum(counts.values())) < _MIN_ITEMS:
        raise DataError(
            f"{images.source}: expected at least {_MIN_ITEMS} labelled images, "
            f"at least {_MIN_PER_CLASS} per class, got {n}"
        )
    name = min(counts, key=lambda c: counts[c])
    if counts[name] < _MIN_PER_CLASS:
        raise DataError(
            f"{images.source}: expected at least {_MIN_PER_CLASS} images per class, "
            f"so that train, valid and test can each hold one, got {counts[name]} of class {name}; "
            "add images or leave the class out"
        )
    part_sizes(images, valid=valid, test=test)
