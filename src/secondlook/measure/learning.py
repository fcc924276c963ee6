"""What a learning curve says: from which epoch a net overfits, and whether it was still getting better at its end.

Losses of single epochs jump about, so both are asked of their level, the median over a few epochs, and both must stand
out of the noise. The noise is read off the curve itself: off how far each loss lies from the mean of its neighbours,
which a slow rise or fall does not change. Everything is in logarithms, since losses differ by factors.
"""

from __future__ import annotations

from math import log, sqrt

import numpy as np

from secondlook.types import FloatArray, History

# A level that is this much higher counts as risen, if it also stands out by so many standard errors. Five of them keep
# false alarms rare even where the noise of one epoch lasts into the next (see the tests for how rare).
_RISE, _ERRORS = log(1.02), 5.0
# A fall needs less, since nothing is chosen as the lowest of many.
_FALL, _FALL_ERRORS = log(1.02), 3.0
# Fewer epochs after the lowest loss are no trend.
_LATER = 3
# The standard error of a median against that of a mean, for normal noise: sqrt(pi / 2).
_MEDIAN = 1.2533


def overfitting_from(history: History) -> int | None:
    """The epoch from which a net overfits: its validation loss is lowest there and rises after it, while the training
    loss still falls.

    The loss at its end, a median over the last epochs, must be 2 % above the lowest median of as many epochs, and above
    it by five standard errors; the training loss must be lower at the end than at that lowest point. A single bad epoch
    is not enough, be it the last one. The losses are those that are optimised, weighted where images have weights, and
    of the epochs since that last changed.

    Returns:
        The epoch, from 1; None where the net does not overfit, or where fewer than three epochs follow.
    """
    train, valid = _losses(history)
    half = _half(len(valid))
    if len(valid) < 2 * half + 1 + _LATER:
        return None
    levels = _levels(valid, half)
    window = slice(int(levels.argmin()), int(levels.argmin()) + 2 * half + 1)
    lowest = window.start + int(valid[window].argmin())
    later = len(valid) - 1 - lowest
    rise = float(levels[-1] - levels.min())
    falls = np.median(train[-2 * half - 1 :]) < np.median(train[window])
    if later < _LATER or rise <= max(_RISE, _ERRORS * _error(valid, half)) or not falls:
        return None
    return int(history.current[lowest].epoch)


def falling_at_end(history: History) -> float:
    """By what share the validation loss still fell over the last fifth of the epochs; 0 where no fall can be seen.

    A loss that fell by less than 2 % there, or by less than three standard errors of its noise, counts as flat. Where
    there are fewer than five epochs the last is compared with the one before it.
    """
    _, valid = _losses(history)
    if len(valid) < 2:
        return 0.0
    half = _half(len(valid)) if len(valid) >= 5 else 0
    levels = _levels(valid, half)
    back = min(max(1, len(valid) // 5), len(levels) - 1)
    fall = float(levels[-1 - back] - levels[-1])
    return 1 - float(np.exp(-fall)) if fall > max(_FALL, _FALL_ERRORS * _error(valid, half)) else 0.0


def _losses(history: History) -> tuple[FloatArray, FloatArray]:
    """Logarithms of the training and validation losses as they are optimised, so with class weights the weighted ones,
    of the epochs since the objective last changed; float64 (epochs,). A loss of 0 or one that is no number is drawn to
    the nearest there is.
    """
    tiny, huge = 1e-12, 1e12

    def logs(losses: list[float]) -> FloatArray:
        values = np.nan_to_num(np.array(losses, dtype=np.float64), nan=huge, posinf=huge, neginf=tiny)
        return np.asarray(np.log(np.clip(values, tiny, huge)))

    # Of what is optimised, as long as it was the same: only those losses compare.
    epochs = history.current
    return logs([e.train_weighted_loss for e in epochs]), logs([e.valid_weighted_loss for e in epochs])


def _half(n: int) -> int:
    """How many epochs on either side make a level: a twentieth, one at least."""
    return max(1, n // 20)


def _levels(losses: FloatArray, half: int) -> FloatArray:
    """Medians over 2·half + 1 epochs, float64 (epochs - 2·half,)."""
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(losses, 2 * half + 1), axis=1))


def _error(losses: FloatArray, half: int) -> float:
    """The standard error of the difference between two levels."""
    if len(losses) < 4:
        return 0.0
    off = losses[1:-1] - (losses[:-2] + losses[2:]) / 2
    # A loss minus the mean of two others has 1.5 times its variance.
    noise = 1.4826 * float(np.median(np.abs(off - np.median(off)))) / sqrt(1.5)
    return _MEDIAN * noise * sqrt(2 / (2 * half + 1))
