"""Classes of which there are too few images to learn, choose and judge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from secondlook.data.split.parts import own_parts, pool_of
from secondlook.errors import DataError
from secondlook.types import ImageSet


def without_tiny_classes(images: ImageSet, *, strict: bool = False) -> tuple[ImageSet, tuple[str, ...]]:
    """The set without the classes that cannot have an image in every part that is cut.

    A class needs one image to train on and one for each part that is cut: 3 where the source has no parts of its own.
    Where the source has its own test part, every class stays: what lacks in one part shifts nothing.

    Args:
        images: labelled images.
        strict: refuse such classes instead of leaving them out.

    Returns:
        The set, in which images of those classes have the label -1 and `classes` lacks their names; and the names.

    Raises:
        DataError: with `strict`, a class is too small; or fewer than two classes are left.
    """
    cut = [part for part in ("valid", "test") if part not in own_parts(images)]
    need = len(cut) + 1 if "test" in cut else 1
    counts = np.bincount(images.labels[pool_of(images)], minlength=len(images.classes))
    tiny = (counts > 0) & (counts < need)
    names = tuple(name for name, small in zip(images.classes, tiny, strict=True) if small)
    if not names:
        return images, ()
    kept = np.flatnonzero(~tiny)
    if strict or (counts[kept] > 0).sum() < 2:
        least = int(np.flatnonzero(tiny)[counts[tiny].argmin()])
        raise DataError(
            f"{images.source}: expected at least {need} images per class, so that train, {' and '.join(cut)} can each "
            f"hold one, got {counts[least]} of class {images.classes[least]}; add images or leave the class out"
        )
    new = np.full(len(images.classes) + 1, -1, dtype=np.int64)
    new[kept] = np.arange(len(kept))
    return replace(images, labels=new[images.labels], classes=tuple(images.classes[i] for i in kept)), names
