"""Every score of one model on one part, each with its interval."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secondlook.types.arrays import Part
from secondlook.types.predictions import Score

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Scores:
    """All scores of a model on the items of one part: of all classes together, then of each class.

    ``scores["macro_f1"]`` is a score of all classes, ``scores["recall", "hotdog"]`` one of a class. What each is, and
    how its interval comes about, stands in docs/scores.md.
    """

    model: str
    part: Part
    scores: tuple[Score, ...]

    def __iter__(self) -> Iterator[Score]:
        return iter(self.scores)

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, key: str | tuple[str, str]) -> Score:
        metric, of = (key, "") if isinstance(key, str) else key
        for score in self.scores:
            if (score.metric, score.of) == (metric, of):
                return score
        there = dict.fromkeys(score.metric for score in self.scores if bool(score.of) == bool(of))
        raise KeyError(
            f"no score {metric!r}{f' of {of!r}' if of else ''} of {self.model!r}; it has {', '.join(there) or 'none'}"
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that have scores of their own."""
        return tuple(dict.fromkeys(score.of for score in self.scores if score.of))

    def frame(self) -> pd.DataFrame:
        """One line per score: metric, of, value, low, high, n, chance, majority."""
        import pandas as pd

        columns = ["metric", "of", "value", "low", "high", "n", "chance", "majority"]
        table = {name: [getattr(score, name) for score in self.scores] for name in columns}
        # As objects: a class named after a folder may hold bytes that are no UTF-8, which pandas' text cannot.
        return pd.DataFrame({**table, "of": pd.Series(table["of"], dtype=object)})

    def plot(self, ax: Axes | None = None) -> Axes:
        """The scores of all classes together that lie between 0 and 1, as dots with their intervals."""
        from secondlook.show.score_plots import plot_scores

        return plot_scores(self, ax)
