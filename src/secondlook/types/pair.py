"""Two models on the same items: how far apart they are, and whether that can be told from chance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Verdict = Literal["better", "worse", "no difference seen"]
PairMethod = Literal["items", "groups", "folds"]
_FLIPPED: Mapping[str, Verdict] = {"better": "worse", "worse": "better", "no difference seen": "no difference seen"}


@dataclass(frozen=True)
class Pair:
    """What the same test items say of two models, a against b.

    Attributes:
        difference: the accuracy of a less that of b. low, high: its paired 95 % interval, for this pair alone.
        p: how often two equally good models would differ at least so much. p_holm: the same with Holm's correction for
            all pairs of the run; the verdict rests on it.
        verdict: "better" or "worse" (a than b), where p_holm is below 0.05; else "no difference seen".
        shows: the smallest difference of accuracies that these items would have shown four times out of five, corrected
            for all pairs; NaN where they are too few to show any.
        n: items. only_a, only_b: of these, those that only a, or only b, gets right.
        method: what the interval and p rest on: "items" (independent of each other), "groups" of items, or "folds".
    """

    a: str
    b: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    verdict: Verdict
    shows: float
    n: int
    only_a: int
    only_b: int
    method: PairMethod = "items"

    @property
    def flipped(self) -> Pair:
        """The same, b against a."""
        return replace(
            self, a=self.b, b=self.a, difference=-self.difference, low=-self.high, high=-self.low,
            verdict=_FLIPPED[self.verdict], only_a=self.only_b, only_b=self.only_a,
        )  # fmt: skip

    def json(self) -> dict[str, Any]:
        """A plain dictionary, in the order of the fields; None for what is NaN."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: None if value != value else value for name, value in values.items()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Pair:
        """What `json` gave, read again."""
        known: dict[str, Any] = {name: float("nan") if value is None else value for name, value in document.items()}
        return cls(**known)


@dataclass(frozen=True)
class Pairs:
    """Every pair of the models that finished, once, in the table's order."""

    pairs: tuple[Pair, ...] = ()

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.pairs)

    def __len__(self) -> int:
        return len(self.pairs)

    def between(self, a: str, b: str) -> Pair | None:
        """What is known of a against b, whichever stands first; None where they were not compared."""
        for pair in self.pairs:
            if (pair.a, pair.b) == (a, b):
                return pair
            if (pair.a, pair.b) == (b, a):
                return pair.flipped
        return None

    def of(self, model: str) -> tuple[Pair, ...]:
        """The model against each other one."""
        return tuple(p if p.a == model else p.flipped for p in self.pairs if model in (p.a, p.b))

    def json(self) -> list[dict[str, Any]]:
        """A plain dictionary per pair."""
        return [pair.json() for pair in self.pairs]

    def frame(self) -> pd.DataFrame:
        """One line per pair, the fields of `Pair`."""
        import pandas as pd

        names = [f.name for f in fields(Pair)]
        return pd.DataFrame([[getattr(pair, name) for name in names] for pair in self.pairs], columns=names)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Each difference with its interval, on one axis with zero marked."""
        from secondlook.show.score_plots import plot_pairs

        return plot_pairs(self, ax)
