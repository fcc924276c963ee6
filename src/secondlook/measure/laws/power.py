"""The power law with a floor: err(n, k) = (floor + scale · n^-power) · (k - 1)^growth, and its bootstrap.

Sources: Cortes et al. 1993 ("Learning curves: asymptotic values and rate of convergence"); Hestness et al. 2017
(arXiv 1712.00409) for nets; Viering and Loog 2021 (arXiv 2103.10948), a review of the shapes.

For a given power and growth the law is linear in floor and scale, and both are 0 or more: so those two are solved for
at every point of a grid, and the best point wins (variable projection). All bootstrap samples share the grid's work.

The bootstrap lets the floor be negative: held at 0, its samples pile up there, and where the true floor is 0 the
intervals of forecasts end too high (they held the truth at four times the largest size in 86 % of cases, not in 95 %).

From a few sizes nobody can tell a floor from a slower power law: errors often stand still for a while, at about as many
images as weights (Nakkiran et al. 2020, arXiv 1912.02292), and then fall on. So the law is fitted twice: with a floor
that stays, and with one that falls, err(n) = floor · n^-slow + scale · n^-power, all of it fitted; broken power laws
(Caballero et al. 2023, arXiv 2210.14891) are such. Half the samples come from each. Where the two are far apart, an end
that leaves out 2.5 % of all leaves out 5 % of one: then either law is held in 95 % of cases, whichever is true (Imbens
and Manski 2004, "Confidence intervals for partially identified parameters").

Cells of one seed are nested: half of 800 images are the 400 of another cell, so their errors go together. They count
as correlated by the share of images that they have in common, n1 / n2 (which is how far those of real cells were), and
all sums of squares are taken after that is undone (generalised least squares).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from secondlook import seeds
from secondlook.types import Estimate, FloatArray, HeldOut, IntArray, PowerLaw

DRAWS = 1_000
# Grids of the two exponents. Learning curves of classifiers have powers from some 0.1 to 1.
POWERS = np.geomspace(0.02, 3.0, 120)
GROWTHS = np.linspace(0.0, 2.5, 51)
# The powers of a floor that falls; with 60 of them forecasts are the same to some 3 in 1,000, with 9 they are not.
SLOWS = np.geomspace(0.02, 1.0, 30)
# An error of 0 has no variance by the law's own account: as if there were so much of it.
LEAST_ERROR = 1e-4
# The share of an error's variance that is its training's own, on whichever images.
_OWN = 0.02
# Bootstrap samples that are solved at a time.
_BLOCK = 16
# The level of the intervals that held-out sizes must lie in: a right law fails in one of a hundred cases.
HELD_OUT = 0.99
# Sizes a law needs before it has anything to say, and before its largest may be held out.
LEAST_SIZES, LEAST_TO_HOLD = 3, 4


class _Grid(NamedTuple):
    """Every choice of exponents for m cells: (g,) each, and what floor and scale are multiplied by, (g, m)."""

    rows: FloatArray
    classes: IntArray
    powers: FloatArray
    growths: FloatArray
    slows: FloatArray
    floors: FloatArray
    scales: FloatArray


class _Spread(NamedTuple):
    """How the errors of m cells spread around a law: `undo` (m, m) makes independent noise of variance 1 of theirs, and
    `make` (m, m) theirs of that.
    """

    undo: FloatArray
    make: FloatArray


def fit_power(
    rows: IntArray, errors: FloatArray, classes: IntArray | None = None, *, nests: IntArray | None = None,
    seed: int = 0, draws: int = DRAWS,
) -> PowerLaw:  # fmt: skip
    """The law of some cells, with a bootstrap.

    An error's variance is taken as σ² · err · (1 - err), and as that of .5 above it. The bootstrap draws errors from
    the fitted law with a σ that is uncertain itself (its square is scaled inverse χ²), and fits each draw.

    Args:
        rows: (m,), images per class. errors: (m,), 1 - accuracy. classes: (m,), how many classes; None where all have
            the same.
        nests: (m,), which cells are nested in one another, those of an equal number; None where all are independent.
        seed: gives the bootstrap.

    Raises:
        ValueError: fewer than three different numbers of images, or no more cells than parameters.
    """
    k = np.full(len(rows), 2) if classes is None else np.asarray(classes)
    free = 4 if len(np.unique(k)) > 1 else 3
    if len(np.unique(rows)) < LEAST_SIZES or len(rows) <= free:
        raise ValueError(
            f"expected {LEAST_SIZES} sizes and {free + 1} cells at least, got {len(np.unique(rows))} sizes"
        )
    sizes = np.asarray(rows, dtype=np.float64)
    powers = POWERS if free == 3 else POWERS[::2]  # two grids make many points
    grid = _grid(sizes, k, powers, GROWTHS)
    y = np.asarray(errors, dtype=np.float64)
    together: FloatArray = np.asarray(np.linalg.cholesky(_correlation(sizes, k, nests)), dtype=np.float64)
    spread = _spread(np.full_like(y, y.mean()), together)
    for _ in range(4):  # the weights follow the fit, and settle at once
        best = _finest(sizes, k, y, spread, _solve(grid, y[:, None], spread)[0], powers)
        fitted = _value(best, rows, k)
        spread = _spread(fitted, together)
    sigma2 = float(np.square(spread.undo @ (y - fitted)).sum() / (len(y) - free))
    rng = seeds.stream(seed, "power law")
    drawn = sigma2 * (len(y) - free) / rng.chisquare(len(y) - free, draws)
    noise = np.sqrt(drawn) * (spread.make @ rng.standard_normal((len(y), draws)))
    stays = _bootstrap(grid, y, spread, noise, sink=True)[:, :4]
    falls = _bootstrap(_falling(sizes, k, float(best[3])), y, spread, noise, sink=False)
    floor, scale, power, growth, _ = (float(value) for value in best)
    known = tuple(sorted({int(n) for n in rows})), tuple(sorted({int(c) for c in k}))
    sigma = float(np.sqrt(sigma2))
    return PowerLaw(floor, scale, power, growth, sigma, stays, np.sqrt(drawn), *known, falling=falls)


def foretell(
    law: PowerLaw, rows: float, classes: int = 2, *, trainings: int = 0, level: float = 0.95, seed: int = 0
) -> Estimate:
    """The law's error at a number of images per class; its interval allows for a floor that falls.

    Args:
        trainings: interval for the mean error of so many trainings; 0 for the law's own, without their noise.
        level: of the interval.
    """
    value = float(_value(np.array([law.floor, law.scale, law.power, law.growth, 0.0]), rows, classes))
    drawn = _value(law.samples.T, rows, classes)
    if trainings:
        noise = seeds.stream(seed, "forecast").standard_normal(len(drawn))
        sigmas = np.resize(law.sigmas, len(drawn))
        drawn = drawn + sigmas * np.sqrt(_variance(drawn) / trainings) * noise
    low, high = np.quantile(np.clip(drawn, 0, 1), ((1 - level) / 2, (1 + level) / 2))
    # Where the floor that fits best is below 0, the law that may not go there lies above its own samples.
    value = min(value, 1.0)
    return Estimate(value, min(float(low), value), max(float(high), value))


def hold_out(
    rows: IntArray, errors: FloatArray, classes: IntArray | None = None, *, nests: IntArray | None = None, seed: int = 0
) -> HeldOut | None:
    """What the smaller sizes say of the largest: the upper quarter of the sizes, one at least.

    None where too few are left to fit a law to.
    """
    sizes = np.unique(rows)
    left_out = sizes[-max(1, len(sizes) // 4) :]
    keep = ~np.isin(rows, left_out)
    if len(sizes) < LEAST_TO_HOLD:
        return None
    some, nested = (None if one is None else np.asarray(one)[keep] for one in (classes, nests))
    try:
        law = fit_power(np.asarray(rows)[keep], np.asarray(errors)[keep], some, nests=nested, seed=seed)
    except ValueError:
        return None
    measured, foretold = [], []
    for size in left_out:
        here, k = np.asarray(rows) == size, 2
        if classes is not None:  # the middle one of those that are there
            known = np.unique(np.asarray(classes)[here])
            k = int(known[len(known) // 2])
            here &= np.asarray(classes) == k
        measured.append(float(np.asarray(errors)[here].mean()))
        foretold.append(foretell(law, int(size), k, trainings=int(here.sum()), level=HELD_OUT, seed=seed))
    return HeldOut(tuple(int(n) for n in left_out), tuple(measured), tuple(foretold))


def _grid(rows: FloatArray, classes: IntArray, powers: FloatArray, growths: FloatArray) -> _Grid:
    growths = growths if len(np.unique(classes)) > 1 else np.zeros(1)
    powers, grown = (each.ravel() for each in np.meshgrid(powers, growths))
    return _multiplied(rows, classes, powers, grown, np.zeros(len(powers)))


def _falling(rows: FloatArray, classes: IntArray, growth: float) -> _Grid:
    """Laws whose floor falls, more slowly than the rest; of one growth."""
    powers, slows = (each.ravel() for each in np.meshgrid(POWERS[::2], SLOWS))
    apart = powers > 1.1 * slows
    return _multiplied(rows, classes, powers[apart], np.full(apart.sum(), growth), slows[apart])


def _multiplied(
    rows: FloatArray, classes: IntArray, powers: FloatArray, growths: FloatArray, slows: FloatArray
) -> _Grid:
    n, risen = np.log(rows), np.exp(np.outer(growths, np.log(np.maximum(classes - 1, 1))))
    floors, scales = (risen * np.exp(-np.outer(each, n)) for each in (slows, powers))
    return _Grid(rows, classes, powers, growths, slows, floors, scales)


def _correlation(rows: FloatArray, classes: IntArray, nests: IntArray | None) -> FloatArray:
    """How the errors of cells go together (m, m): by the share of images in common, within a nest."""
    if nests is None:
        return np.eye(len(rows))
    n, k = np.log(rows), np.log(np.asarray(classes, dtype=np.float64))
    shared = np.exp(-np.abs(n[:, None] - n) - np.abs(k[:, None] - k))
    same = np.asarray(nests)[:, None] == np.asarray(nests)
    return np.asarray((1 - _OWN) * np.where(same, shared, 0.0) + _OWN * np.eye(len(n)))


def _spread(fitted: FloatArray, together: FloatArray) -> _Spread:
    """For a law's values (m,) and the Cholesky factor (m, m) of how cells go together."""
    deviations = np.sqrt(_variance(fitted))
    return _Spread(np.linalg.inv(together) / deviations, deviations[:, None] * together)


def _bootstrap(grid: _Grid, y: FloatArray, spread: _Spread, noise: FloatArray, *, sink: bool) -> FloatArray:
    """The parameters (s, 5) of what fits a grid's best law with noise (m, s) added to it."""
    fitted = _value(_solve(grid, y[:, None], spread, sink=sink)[0], grid.rows, grid.classes)
    return _solve(grid, fitted[:, None] + noise, spread, sink=sink)


def _finest(
    rows: FloatArray, classes: IntArray, y: FloatArray, spread: _Spread, best: FloatArray, powers: FloatArray
) -> FloatArray:
    """The parameters of the best point between those of the grid, looked for on finer and finer ones around it."""
    ratio, step = powers[1] / powers[0], GROWTHS[1] - GROWTHS[0]
    for _ in range(3):
        around = np.linspace(-1, 1, 17)
        grid = _grid(rows, classes, best[2] * ratio**around, np.maximum(best[3] + step * around, 0))
        best = _solve(grid, y[:, None], spread)[0]
        ratio, step = ratio**0.125, step / 8
    return best


def _solve(grid: _Grid, samples: FloatArray, spread: _Spread, *, sink: bool = False) -> FloatArray:
    """The best parameters (s, 5) of samples (m, s) of errors, by generalised least squares with floor and scale ≥ 0.

    With `sink` the floor may be negative.
    """
    one, fall = grid.floors @ spread.undo.T, grid.scales @ spread.undo.T
    a, b, c = np.square(one).sum(axis=1), (one * fall).sum(axis=1), np.square(fall).sum(axis=1)
    undone = spread.undo @ samples
    p, q = one @ undone, fall @ undone  # (g, s)
    det = np.maximum(a * c - b * b, 1e-300)
    found = np.empty((samples.shape[1], 5))
    for at in range(0, len(found), _BLOCK):  # so that what belongs to a few samples stays in the cache
        some = slice(at, at + _BLOCK)
        ps, qs = np.ascontiguousarray(p[:, some].T), np.ascontiguousarray(q[:, some].T)
        floor, scale = _bounded(a, b, c, det, ps, qs, sink=sink)
        # The sum of squares without what all points of the grid share.
        loss = floor * (a * floor + 2 * b * scale - 2 * ps) + scale * (c * scale - 2 * qs)
        best = loss.argmin(axis=1)
        row = np.arange(len(best))
        exponents = grid.powers[best], grid.growths[best], grid.slows[best]
        found[some] = np.column_stack([floor[row, best], scale[row, best], *exponents])
    return found


def _bounded(
    a: FloatArray, b: FloatArray, c: FloatArray, det: FloatArray, p: FloatArray, q: FloatArray, *, sink: bool
) -> tuple[FloatArray, FloatArray]:
    """Floor and scale, (s, g) each, of the normal equations ((a, b), (b, c)) · (floor, scale) = (p, q), in bounds."""
    floor, scale = (c * p - b * q) / det, (a * q - b * p) / det
    no_floor = (floor < 0) & (not sink)
    no_scale = (scale < 0) & ~no_floor
    if no_scale.any():
        floor, scale = np.where(no_scale, np.maximum(p / a, 0), floor), np.where(no_scale, 0, scale)
    if no_floor.any():
        floor, scale = np.where(no_floor, 0, floor), np.where(no_floor, np.maximum(q / c, 0), scale)
    return floor, scale


def _value(parameters: FloatArray, rows: FloatArray | IntArray | float, classes: IntArray | int) -> FloatArray:
    """The law's error; parameters (5,) or (5, s)."""
    floor, scale, power, growth, slow = parameters
    n, risen = np.asarray(rows, dtype=np.float64), np.maximum(np.asarray(classes, dtype=np.float64) - 1, 1) ** growth
    return np.asarray((floor * n**-slow + scale * n**-power) * risen)


def _variance(errors: FloatArray) -> FloatArray:
    """An error's variance in units of σ²: err · (1 - err), which does not fall again where nearly all is wrong."""
    inside = np.clip(errors, LEAST_ERROR, 0.5)
    return np.asarray(inside * (1 - inside))
