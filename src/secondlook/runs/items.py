"""What a run compared, item by item, as its directory keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import RunError
from secondlook.types import PARTS, IntArray, Part, Run


@dataclass(frozen=True, eq=False)
class Items:
    """The n items of a run.

    Attributes:
        labels: int64 (n,), -1 where unknown or left out.
        ids, names: str (n,), as in the ImageSet.
        classes: k class names.
        parts: indices of each part; with folds "test" holds every item that was tested.
        folds: uint8 (splits, n), what each fold does with each item (1 trains, 2 chooses, 3 tests, 0 nothing); None for
            a single split.
    """

    labels: IntArray
    ids: NDArray[np.str_]
    names: NDArray[np.str_]
    classes: tuple[str, ...]
    parts: Mapping[Part, IntArray]
    folds: NDArray[np.uint8] | None


def items_of(run: Run) -> Items:
    """Reads them.

    Raises:
        RunError: the run's items.npz is missing or damaged.
    """
    path = run.path / "items.npz"
    try:
        with np.load(path) as file:
            found = {name: file[name] for name in file.files}
        parts = {part: found[part] for part in PARTS}
        classes = tuple(run.data["classes"])
        return Items(found["labels"], found["ids"], found["names"], classes, parts, found.get("folds"))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise RunError(f"{path} is missing or damaged ({error}); delete the run and make it again") from None
