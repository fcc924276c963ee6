"""How many images a wanted accuracy asks for, and when a law has no answer to that."""

from __future__ import annotations

from math import inf

import numpy as np

from secondlook.types import Estimate, FloatArray, IntArray, Needed, PowerLaw

# Beyond so many times the largest measured size nothing is said: a law that is off by little there is off by much here.
FARTHEST = 20.0
# Nor where the interval's ends lie so many times apart.
WIDEST = 20.0
# More images than this are no number.
ENDLESS = 1e15


def needed(law: PowerLaw, accuracy: float, rows: IntArray, errors: FloatArray, classes: int = 2) -> Needed:
    """Images per class for a wanted accuracy, by a law's inverse in every bootstrap sample.

    Args:
        accuracy: what is wanted, in (0, 1).
        rows, errors: (m,), the cells of `classes` classes that the law was fitted to.
    """
    most = law.rows[-1]
    reached = _reached(accuracy, rows, errors)
    if reached is not None:
        return Needed(accuracy, None, reached)
    best = np.array([[law.floor, law.scale, law.power, law.growth, 0.0]])
    value, drawn = float(_inverse(best, 1 - accuracy, classes)[0]), _inverse(law.samples, 1 - accuracy, classes)
    low, high = (float(np.quantile(drawn, q, method="nearest")) for q in (0.025, 0.975))
    if law.held_out is not None and not law.held_out.holds:
        sizes = ", ".join(f"{n:,}" for n in law.held_out.rows)
        return Needed(accuracy, None, refused=f"the smaller sizes do not foretell what was measured at {sizes}")
    if value == inf:
        ends = f"{1 - law.floor * max(classes - 1, 1) ** law.growth:.3f}".removeprefix("0")
        return Needed(accuracy, None, refused=f"the law that fits best does not get there, it ends at {ends}")
    if float(np.quantile(law.draws[:, 0], 0.975)) < 0:
        return Needed(accuracy, None, refused="the error falls faster than a power law does, so none can be followed")
    if value > FARTHEST * most:
        return Needed(accuracy, None, refused=f"it lies beyond {FARTHEST:g} times the largest size measured, {most:,}")
    if high > max(WIDEST * max(low, 1.0), FARTHEST * most):
        from_ = two_digits(max(low, float(most)))
        return Needed(
            accuracy,
            None,
            refused=f"any number from {from_:,.0f} images on would agree with what was measured",
        )
    return Needed(accuracy, Estimate(value, min(low, value), max(high, value)))


def two_digits(value: float) -> float:
    """Rounded to what a law supports."""
    unit = 10.0 ** max(0, len(f"{value:.0f}") - 2)
    return round(value / unit) * unit


def _reached(accuracy: float, rows: IntArray, errors: FloatArray) -> int | None:
    """The smallest size from which on every mean accuracy is there."""
    found = None
    for size in np.unique(rows)[::-1]:
        if 1 - float(errors[rows == size].mean()) < accuracy:
            break
        found = int(size)
    return found


def _inverse(parameters: FloatArray, error: float, classes: int) -> FloatArray:
    """The number of images at which laws (s, 5) reach an error, (s,); inf where they do not below `ENDLESS`.

    By halving the logarithm of the interval: all these laws fall for as long as they are above 0.
    """
    floor, scale, power, growth, slow = parameters.T
    wanted = error / np.maximum(classes - 1, 1) ** growth
    low, high = np.full(len(parameters), -np.log(ENDLESS)), np.full(len(parameters), np.log(ENDLESS))
    never = floor * np.exp(-slow * high) + scale * np.exp(-power * high) > wanted
    for _ in range(60):
        middle = (low + high) / 2
        above = floor * np.exp(-slow * middle) + scale * np.exp(-power * middle) > wanted
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(never, np.inf, np.exp(high))
