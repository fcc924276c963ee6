"""Studies that others published, made again: their figures beside ours, and what became of their claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from secondlook.types.estimate import Estimate, finite

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# How the reason begins why a figure is missing whose model did not end.
FAILED = "the model failed"
Holds = Literal["holds", "does not hold", "cannot be told"]
# What a figure counts in: a share in [0, 1], a number of things, nats, percentage points, how many times, seconds.
Unit = Literal["share", "count", "nats", "points", "times", "seconds"]


@dataclass(frozen=True)
class Figure:
    """One published number beside ours.

    Attributes:
        of: what it is of: a model, a size. measure: what it measures: "test accuracy".
        published: theirs; None where they give none and ours is shown alone.
        ours: with its 95 % interval, or ends that are NaN where it has none; None where we have none.
        agrees: whether the two can be the same number: the interval of their difference, each with its uncertainty,
            holds 0. None where that cannot be asked.
        why: why we have none.
    """

    of: str
    measure: str
    unit: Unit
    published: float | None
    ours: Estimate | None
    agrees: bool | None = None
    why: str = ""

    def json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {**vars(self), "ours": None if self.ours is None else self.ours.json()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """What `json` gave, read again."""
        ours = document["ours"]
        nan = float("nan")
        known = None if ours is None else Estimate(**{k: nan if v is None else v for k, v in ours.items()})
        return cls(**{**document, "ours": known})


@dataclass(frozen=True)
class FigureTable:
    """A published table beside ours.

    Attributes:
        title: what it shows. figures: line by line. note: how ours were measured.
    """

    title: str
    figures: tuple[Figure, ...]
    note: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """What the figures are of, in order."""
        return tuple(dict.fromkeys(figure.of for figure in self.figures))

    @property
    def measures(self) -> tuple[str, ...]:
        """What is measured, in order."""
        return tuple(dict.fromkeys(figure.measure for figure in self.figures))

    def at(self, of: str, measure: str) -> Figure | None:
        """One figure, or None."""
        return next((one for one in self.figures if (one.of, one.measure) == (of, measure)), None)

    def plot(self, measure: str, ax: Axes | None = None) -> Axes:
        """One measure: ours as dots with their intervals, the published ones as grey marks."""
        from secondlook.show.reproduction_plots import plot_figures

        return plot_figures(self, measure, ax)


@dataclass(frozen=True)
class Claim:
    """What a study says, and what our numbers say of it.

    Attributes:
        text: the claim, in our words. why: the numbers behind the verdict.
    """

    text: str
    verdict: Holds
    why: str


@dataclass(frozen=True)
class Reproduced:
    """One study, made again.

    Attributes:
        name: as on the command line. title: what it asks. source: who published it, and where.
        data: what ours was made of. differences: what differs from the study, a sentence each.
        runs: the comparisons and studies it was made of, as folders in its own.
        quick: whether it was shortened. seconds: what it took, all attempts together.
        failed: why it could not be made; "" where it was.
    """

    name: str
    title: str
    source: str
    data: str
    differences: tuple[str, ...]
    tables: tuple[FigureTable, ...]
    claims: tuple[Claim, ...]
    runs: tuple[str, ...]
    quick: bool
    seconds: float
    failed: str = ""

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Of all tables."""
        return tuple(figure for table in self.tables for figure in table.figures)

    def json(self) -> dict[str, Any]:
        """A plain dictionary."""
        tables = [
            {"title": one.title, "note": one.note, "figures": [figure.json() for figure in one.figures]}
            for one in self.tables
        ]
        return {
            **vars(self),
            "differences": list(self.differences),
            "tables": tables,
            "claims": [vars(claim) for claim in self.claims],
            "runs": list(self.runs),
            "seconds": finite(self.seconds),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """What `json` gave, read again."""
        tables = tuple(
            FigureTable(one["title"], tuple(Figure.from_json(f) for f in one["figures"]), one["note"])
            for one in document["tables"]
        )
        lists = {name: tuple(document[name]) for name in ("differences", "runs")}
        return cls(**{**document, **lists, "tables": tables, "claims": tuple(Claim(**c) for c in document["claims"])})


@dataclass(frozen=True)
class Reproduction:
    """Published studies made again, as `secondlook.reproduce` made them and `load_reproduction` reopens them.

    Attributes:
        path: the directory. config: what was asked for, and of what machine.
        studies: each with its tables and claims.
    """

    path: Path
    config: Mapping[str, Any]
    studies: tuple[Reproduced, ...]

    @property
    def complete(self) -> bool:
        """Whether every study was made, and every model of each."""
        return not any(one.failed or any(f.why.startswith(FAILED) for f in one.figures) for one in self.studies)

    def __getitem__(self, name: str) -> Reproduced:
        for one in self.studies:
            if one.name == name:
                return one
        raise KeyError(f"no study {name!r} here; there are {', '.join(one.name for one in self.studies)}")

    def frame(self) -> pd.DataFrame:
        """One line per figure: study, table, of, measure, unit, published, ours, low, high, agrees."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "study": one.name, "table": table.title, "of": figure.of, "measure": figure.measure,
                    "unit": figure.unit, "published": figure.published,
                    **{name: getattr(figure.ours, at, None) for name, at in _OURS.items()}, "agrees": figure.agrees,
                }
                for one in self.studies for table in one.tables for figure in table.figures
            ]
        )  # fmt: skip

    def claims(self) -> pd.DataFrame:
        """One line per claim: study, text, verdict, why."""
        import pandas as pd

        return pd.DataFrame([{"study": one.name, **vars(claim)} for one in self.studies for claim in one.claims])

    def json(self) -> dict[str, Any]:
        """What ``reproduction.json`` and ``--json`` hold."""
        return {"run": str(self.path), "studies": [one.json() for one in self.studies]}

    def plot(self, ax: Axes | None = None) -> Axes:
        """The first table's test accuracy, or its first measure: ours as dots, the published figures as grey marks."""
        table = self.studies[0].tables[0]
        return table.plot("test accuracy" if "test accuracy" in table.measures else table.measures[0], ax)

    def report(self, path: str | Path | None = None) -> Path:
        """Writes the one-file HTML report; by default ``report.html`` in the directory."""
        from secondlook.show.reproduction_page import write_reproduction

        return write_reproduction(self, Path(path) if path is not None else self.path / "report.html")

    def markdown(self) -> str:
        """The same as Markdown text."""
        from secondlook.show.reproduction_markdown import reproduction_markdown

        return reproduction_markdown(self)


_OURS = {"ours": "value", "low": "low", "high": "high"}
