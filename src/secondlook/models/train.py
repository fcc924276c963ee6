"""The one training loop, over any engine: epochs, schedule, patience, limits, Ctrl-C; the best weights restored."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil, cos, inf, isfinite, pi
from time import perf_counter
from typing import Literal, NamedTuple

import numpy as np

from secondlook.models.engines import Engine, Weights
from secondlook.types import Epoch, History, IntArray, Seam

Schedule = Literal["cosine", "constant"]
Keep = Literal["best", "last"]

# Why training ended before its last epoch, other than by patience.
TIME_LIMIT = "time limit"
INTERRUPTED = "interrupted"

# Steps that a small set needs before its curve is flat: few images make short epochs, so it gets more of them.
ENOUGH_STEPS = 2_000
MOST_EPOCHS = 120


# Seconds of steps that are asked of an engine at a time.
BETWEEN = 0.05

# The largest batch that `auto_batch` takes.
MOST_BATCH = 128


def auto_batch(n: int) -> int:
    """Images per step for n training images: small sets want more steps, large ones a busier processor."""
    return 32 if n < 5_000 else 64 if n < 20_000 else MOST_BATCH


def auto_epochs(n: int, batch: int) -> int:
    """15 passes, and more over a small set until enough steps are taken."""
    return min(max(15, ceil(ENOUGH_STEPS * batch / n)), MOST_EPOCHS)


@dataclass(frozen=True)
class Recipe:
    """How long and how fast to train.

    Attributes:
        epochs: passes over the training items, at most.
        batch: images per step; a last batch of one image is left out, since batch norm has no variance of one.
        learning_rate: the highest.
        schedule: "cosine" rises linearly over the first 5 % of all steps and falls to zero along half a cosine
            (Loshchilov and Hutter 2017, arXiv 1608.03983, eq. 5); "constant" stays.
        patience: epochs without a lower (weighted) validation loss after which training ends; counted anew where
            training is gone on with.
        seconds: wall-clock limit; training ends there with the best weights so far.
        keep: whose weights are kept: "best", the epoch's with the lowest (weighted) validation loss, or "last".
    """

    epochs: int
    batch: int
    learning_rate: float
    schedule: Schedule = "cosine"
    patience: int = 10
    seconds: float = inf
    keep: Keep = "best"
    warm: float = 0.05  # share of the steps over which the rate rises; 0 where training is gone on with, a warm restart

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step out of all steps."""
        if self.schedule == "constant":
            return self.learning_rate
        warm = ceil(self.warm * steps)
        if step < warm:
            return self.learning_rate * (step + 1) / warm
        return self.learning_rate * (1 + cos(pi * (step - warm) / max(1, steps - warm))) / 2


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turns the first Ctrl-C into a flag, so that training can end in good order; a second one raises as usual."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked  # signals reach the main thread alone
        return

    def ask(signum: int, frame: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass
class _Best:
    """The weights with the lowest weighted validation loss so far: that is what is optimised."""

    loss: float = inf
    epoch: int = 0
    weights: Weights = field(default_factory=dict)

    def offer(self, epoch: Epoch, engine: Engine) -> None:
        loss = epoch.valid_weighted_loss if isfinite(epoch.valid_weighted_loss) else inf
        if loss < self.loss or not self.weights:
            self.loss, self.epoch, self.weights = loss, epoch.epoch, engine.weights()


@dataclass(frozen=True, eq=False)
class Before:
    """The training that this one goes on from.

    Attributes:
        history: how it learnt.
        sample: int64, the training images whose loss is reported.
        changed: what of the objective is another from here on.
        best: the weights it kept; None where they were the best of another objective and do not compete.
    """

    history: History
    sample: IntArray
    changed: tuple[str, ...] = ()
    best: Weights | None = None

    @property
    def seams(self) -> tuple[Seam, ...]:
        """Its own, and the one where it ends."""
        return (*self.history.seams, Seam(self.history.epochs[-1].epoch, self.changed))


class Trained(NamedTuple):
    """The history, the engine's state after the last step, and the training images whose loss is reported."""

    history: History
    last: Weights
    sample: IntArray


def train(
    engine: Engine,
    recipe: Recipe,
    *,
    n_train: int,
    n_valid: int,
    rng: np.random.Generator,
    on_epoch: Callable[[Epoch], None] | None = None,
    before: Before | None = None,
) -> Trained:
    """Trains, and leaves the weights of the best (weighted) validation loss, or the last ones, in the engine.

    Args:
        engine: holds the net and both parts of the data; with `before`, at the end of that training.
        rng: draws the order of the images and the training sample whose loss is reported.
        before: the training that is gone on with: its epochs are counted on, its best weights are still in the race.

    Returns:
        One `Epoch` per pass. Where a limit or Ctrl-C ended the last pass early, that pass is measured too.
    """
    started = perf_counter()
    sample = _sample(rng, n_train, max(n_valid, 1)) if before is None else before.sample
    epochs = [] if before is None else list(before.history.epochs)
    done, spent = len(epochs), epochs[-1].seconds if epochs else 0.0
    batches = _batches(n_train, recipe.batch)
    steps = batches * recipe.epochs
    best = _best_of(before)
    ended = f"all {done + recipe.epochs} epochs done"
    with _interruptible() as asked:
        for index in range(recipe.epochs):
            rate, why = _pass(engine, recipe, rng.permutation(n_train), index * batches, steps, started, asked)
            epoch = _measure(engine, done + index + 1, spent + perf_counter() - started, rate, sample)
            epochs.append(epoch)
            best.offer(epoch, engine)
            if on_epoch:
                on_epoch(epoch)
            if why:
                ended = why
                break
            if epoch.epoch - max(best.epoch, done) >= recipe.patience:
                ended = f"no lower validation loss for {recipe.patience} epochs"
                break
    last, kept = engine.state(), epochs[-1].epoch
    if recipe.keep == "best":
        kept = best.epoch
        engine.restore(best.weights)
    seams = () if before is None else before.seams
    return Trained(History(tuple(epochs), kept, ended, seams), last, sample)


def _sample(rng: np.random.Generator, n: int, most: int) -> IntArray:
    """Sorted indices of at most so many of n training images."""
    return np.sort(rng.choice(n, size=min(n, most), replace=False)).astype(np.int64)


def _best_of(before: Before | None) -> _Best:
    """The weights to beat: those of the training before, where the objective is still the same."""
    if before is None or before.best is None:
        return _Best()
    history = before.history
    kept = next(e for e in history.epochs if e.epoch == history.best)
    loss = kept.valid_weighted_loss
    return _Best(loss if isfinite(loss) else inf, history.best, before.best)


def _batches(n: int, batch: int) -> int:
    """Steps per pass: a remainder of one image is left out, unless it is all there is."""
    whole, rest = divmod(n, batch)
    return whole + (rest > 1 or n == rest)


def _pass(
    engine: Engine,
    recipe: Recipe,
    order: IntArray,
    done: int,
    steps: int,
    started: float,
    asked: threading.Event,
) -> tuple[float, str]:
    """One pass over the images; the last learning rate, and why it ended early ("" when it did not)."""
    rates = np.array([recipe.rate(done + i, steps) for i in range(_batches(len(order), recipe.batch))])
    at, many, why = 0, 1, ""
    while at < len(rates) and not why:
        before = perf_counter()
        some = rates[at : at + many]
        engine.steps(order[at * recipe.batch : (at + len(some)) * recipe.batch], recipe.batch, some)
        at += len(some)
        now = perf_counter()
        # So many steps at a time that limits and Ctrl-C are looked at about every BETWEEN seconds.
        many = max(1, min(2 * many, int(BETWEEN * len(some) / max(now - before, 1e-9))))
        why = INTERRUPTED if asked.is_set() else TIME_LIMIT if now - started > recipe.seconds else ""
    return float(rates[at - 1]), why


def _measure(engine: Engine, number: int, seconds: float, rate: float, sample: IntArray) -> Epoch:
    objective = engine.objective()
    train, valid = engine.evaluate("train", sample), engine.evaluate("valid")
    return Epoch(
        number, seconds, rate, objective, train.loss, train.accuracy, valid.loss, valid.accuracy,
        train.weighted_loss, valid.weighted_loss,
    )  # fmt: skip
