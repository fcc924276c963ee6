"""What a study's numbers follow: a straight line, or a power law with a floor; with intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from secondlook.types.arrays import FloatArray
from secondlook.types.estimate import Estimate, finite

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Coefficient:
    """One line of a regression table: the estimate, its robust standard error, 95 % interval and p-value."""

    name: str
    value: float
    error: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Line:
    """An ordinary least-squares fit of a response.

    Attributes:
        response: what is explained, "test_accuracy".
        coefficients: the intercept and one per variable; standard errors are robust against unequal variances (HC3).
        n: cells. r2: share of the variance that is explained; NaN where nothing varies.
        fits: how sure one may be that a straight line is wrong, as the p-value of Ramsey's RESET test with robust
            errors: small where it is wrong. NaN where there are too few cells to tell.
        fitted, residuals: (n,), in the order of the cells.
    """

    response: str
    coefficients: tuple[Coefficient, ...]
    n: int
    r2: float
    fits: float
    fitted: FloatArray = field(repr=False)
    residuals: FloatArray = field(repr=False)

    def __getitem__(self, name: str) -> Coefficient:
        return next(one for one in self.coefficients if one.name == name)

    def frame(self) -> pd.DataFrame:
        """One line per coefficient."""
        import pandas as pd

        return pd.DataFrame([vars(one) for one in self.coefficients])

    def json(self) -> dict[str, Any]:
        """A plain dictionary; NaN is None."""
        return {
            "response": self.response,
            "n": self.n,
            "r2": finite(self.r2),
            "reset_p": finite(self.fits),
            "coefficients": {
                one.name: {name: finite(value) for name, value in vars(one).items() if name != "name"}
                for one in self.coefficients
            },
        }


@dataclass(frozen=True)
class PowerLaw:
    """The error of a model after n training images per class: err(n) = floor + scale · n^(-power).

    With classes as a variable too, err(n, k) = (floor + scale · n^(-power)) · (k - 1)^growth.

    Attributes:
        floor, scale, power, growth: the estimates; growth is 0 where the number of classes does not vary.
        noise: σ, where an error's variance is σ² · err · (1 - err); above an error of .5, as at .5.
        draws: (m, 4), the four parameters in bootstrap samples, from which intervals come; there the floor may be
            negative. sigmas: (m,), σ in each.
        falling: (m, 5), the four parameters and slow of the law whose floor falls itself, as floor · n^-slow, in the
            same bootstrap.
        rows: the numbers of images per class that were measured, ascending; classes: those of classes.
        held_out: what became of the forecast of the largest sizes by the smaller ones; None where there are too few.
    """

    floor: float
    scale: float
    power: float
    growth: float
    noise: float
    draws: FloatArray = field(repr=False)
    sigmas: FloatArray = field(repr=False)
    rows: tuple[int, ...] = ()
    classes: tuple[int, ...] = ()
    held_out: HeldOut | None = None
    falling: FloatArray = field(default_factory=lambda: np.empty((0, 5)), repr=False)

    @property
    def samples(self) -> FloatArray:
        """(2 m, 5): both laws' parameters, what intervals come from; slow is 0 where the floor stays."""
        return np.concatenate([np.column_stack([self.draws, np.zeros(len(self.draws))]), self.falling])

    def json(self) -> dict[str, Any]:
        """A plain dictionary: each parameter with its 95 % interval."""
        names = ("floor", "scale", "power", "growth")
        ends = np.quantile(self.draws, (0.025, 0.975), axis=0)
        ends[:, 0] = np.maximum(ends[:, 0], 0)
        found: dict[str, Any] = {
            name: {"value": getattr(self, name), "low": float(ends[0, i]), "high": float(ends[1, i])}
            for i, name in enumerate(names)
            if name != "growth" or len(self.classes) > 1
        }
        found |= {"noise": self.noise, "rows": list(self.rows), "classes": list(self.classes)}
        return {**found, "held_out": None if self.held_out is None else self.held_out.json()}


@dataclass(frozen=True)
class HeldOut:
    """The largest sizes as the smaller ones foretold them.

    Attributes:
        rows: the sizes that were left out. measured: the mean error at each. foretold: the forecast of each, with its
            99 % interval.
    """

    rows: tuple[int, ...]
    measured: tuple[float, ...]
    foretold: tuple[Estimate, ...]

    @property
    def holds(self) -> bool:
        """Whether every measured error lies in its interval."""
        return all(f.low <= m <= f.high for m, f in zip(self.measured, self.foretold, strict=True))

    def json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "rows": list(self.rows),
            "measured": list(self.measured),
            "foretold": [one.json() for one in self.foretold],
            "holds": self.holds,
        }


@dataclass(frozen=True)
class Needed:
    """How many images per class a wanted accuracy asks for.

    Attributes:
        accuracy: what is wanted. rows: images per class, with the interval; None where nothing is said.
        reached: the smallest measured size whose mean accuracy is there already, or None.
        refused: why nothing is said; "" where something is.
    """

    accuracy: float
    rows: Estimate | None
    reached: int | None = None
    refused: str = ""

    def json(self) -> dict[str, Any]:
        """A plain dictionary."""
        return {
            "accuracy": self.accuracy,
            "rows": None if self.rows is None else self.rows.json(),
            "reached": self.reached,
            "refused": self.refused,
        }
