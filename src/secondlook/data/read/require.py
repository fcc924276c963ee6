"""What a comparison needs of its images, said before any work is done."""

from __future__ import annotations

from secondlook.data.split import part_sizes
from secondlook.errors import DataError
from secondlook.types import ImageSet

# With fewer, an interval spans everything.
_MIN_ITEMS = 10


def require_labels(images: ImageSet) -> None:
    """Raises DataError where no image has a label."""
    if not (images.labels >= 0).any():
        raise DataError(
            f"{images.source} has no labels: expected a column 'label' in a CSV, "
            "an array y in an npz, or a folder per class"
        )


def require_enough(images: ImageSet) -> None:
    """Raises DataError where no models can be compared: no labels, one class only, too few images in all."""
    require_labels(images)
    counts = {name: n for name, n in images.counts().items() if n}
    if len(counts) < 2:
        raise DataError(f"{images.source}: expected at least 2 classes to tell apart, got 1: {next(iter(counts))}")
    if (n := sum(counts.values())) < _MIN_ITEMS:
        raise DataError(f"{images.source}: expected at least {_MIN_ITEMS} labelled images, got {n}; add images")


def require_comparable(images: ImageSet, *, valid: float | int, test: float | int) -> None:
    """Raises where models cannot be compared on these images, divided like this.

    Args:
        images: what was read, without classes that are too small (`secondlook.data.split.without_tiny_classes`).
        valid: the validation part, as a fraction or a count.
        test: the test part, likewise.

    Raises:
        DataError: no labels, one class only (in all, or in the source's own training part), too few images in all.
        UsageError: the parts asked for cannot be cut from these images.
    """
    require_enough(images)
    part_sizes(images, valid=valid, test=test)
