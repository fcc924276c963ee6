"""A run's images, read again from where they came from: a run keeps what was said of them, not the images."""

from __future__ import annotations

from typing import Any

import numpy as np

from secondlook.data.read import read
from secondlook.errors import DataError, UsageError
from secondlook.runs.items import Items
from secondlook.types import ImageSet, Run


def read_again(run: Run, items: Items, data: Any = None) -> tuple[ImageSet | None, str]:
    """The images of a run, if they can be had and are still the same.

    They are read as the run read them, and are the same where every item has the id, the hash of its source bytes,
    that the run knows.

    Args:
        run: a finished run.
        items: what it compared.
        data: where the images are now: whatever `secondlook.read` takes. None for where the run found them.

    Returns:
        The images, in the run's order, and ""; or None, and why in a sentence.

    Raises:
        DataError: `data` was given, and holds other images. UsageError: it is not there.
    """
    if data is None and run.data["source"] == "arrays":
        return None, "The images came from Python as arrays and cannot be read again; give them as --data."
    source = run.data["source"] if data is None else data
    config = run.config
    try:
        images = read(
            source, size=config.get("size"), resize=config.get("resize", "stretch"), group=config.get("group", "")
        )
    except (UsageError, DataError):
        if data is not None:
            raise
        return None, f"The images cannot be read again from {source}; give the place where they are now as --data."
    if len(images) == len(items.ids) and np.array_equal(images.ids, items.ids):
        return images, ""
    same = int(np.isin(items.ids, images.ids).sum())
    if data is not None:
        raise DataError(
            f"{images.source}: expected the {len(items.ids):,} images of {run.path}, "
            f"got {len(images):,}, {same:,} of them the same; give the images that were compared as --data"
        )
    return None, (
        f"The images in {source} were changed since the run ({same:,} of {len(items.ids):,} are still the same); "
        "give the place of those that were compared as --data."
    )
