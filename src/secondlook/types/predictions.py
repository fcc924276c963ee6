"""What models say, and how good it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from secondlook.types.arrays import IntArray, Part

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one fitted model says of the items of one part.

    Attributes:
        probabilities: float32 (n, k), rows sum to 1.
        labels: int64 (n,), the given labels.
        items: int64 (n,), indices into the ImageSet.
        names: n names, as in the ImageSet.
        classes: k class names.
    """

    model: str
    part: Part
    probabilities: NDArray[np.float32]
    labels: IntArray
    items: IntArray
    names: Sequence[str]
    classes: tuple[str, ...]

    @cached_property
    def predicted(self) -> IntArray:
        """int64 (n,): the most probable class; the first of equals."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    def frame(self) -> pd.DataFrame:
        """One line per item: name, given label, answer, the answer's probability, correct."""
        import pandas as pd

        classes = np.array(self.classes, dtype=object)
        return pd.DataFrame(
            {
                "item": self.items,
                "name": list(self.names),
                "given": classes[self.labels],
                "answer": classes[self.predicted],
                "probability": self.probabilities.max(axis=1),
                "correct": self.predicted == self.labels,
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """The confusion matrix, shares per true class."""
        from secondlook.show.plots import plot_confusion

        return plot_confusion(self, ax)


@dataclass(frozen=True)
class Score:
    """A metric's value with its 95 % interval, the number of items behind it, and what no model at all would get.

    Attributes:
        low, high: NaN where no interval is known.
        chance: what guessing evenly among the classes gets. majority: what always answering the most frequent training
            class gets. NaN where that is no number.
        of: the class that the score is of; "" for all of them together.
    """

    metric: str
    value: float
    low: float
    high: float
    n: int
    chance: float
    majority: float
    of: str = ""

    def frame(self) -> pd.DataFrame:
        """One line."""
        import pandas as pd

        return pd.DataFrame([{f.name: getattr(self, f.name) for f in fields(self)}])
