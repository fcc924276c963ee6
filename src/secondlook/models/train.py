"""The one training loop, over any engine: epochs, schedule, patience, limits, Ctrl-C; the best weights restored."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil, cos, inf, isfinite, pi
from time import perf_counter
from typing import Literal

import numpy as np

from secondlook.models.engines import Engine, Weights
from secondlook.types import Epoch, History, IntArray

Schedule = Literal["cosine", "constant"]

# Why training ended before its last epoch, other than by patience.
TIME_LIMIT = "time limit"
INTERRUPTED = "interrupted"

# Steps that a small set needs before its curve is flat: few images make short epochs, so it gets more of them.
ENOUGH_STEPS = 2_000
MOST_EPOCHS = 120


def auto_batch(n: int) -> int:
    """Images per step for n training images: small sets want more steps, large ones a busier processor."""
    return 32 if n < 5_000 else 64 if n < 20_000 else 128


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
            (Loshchilov and Hutter 2017, arXiv 1608.03983, eq. 5, without restarts); "constant" stays.
        patience: epochs without a lower validation loss after which training ends.
        seconds: wall-clock limit; training ends there with the best weights so far.
    """

    epochs: int
    batch: int
    learning_rate: float
    schedule: Schedule = "cosine"
    patience: int = 10
    seconds: float = inf

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step out of all steps."""
        if self.schedule == "constant":
            return self.learning_rate
        warm = max(1, ceil(0.05 * steps))
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
    """The weights with the lowest validation loss so far."""

    loss: float = inf
    epoch: int = 0
    weights: Weights = field(default_factory=dict)

    def offer(self, epoch: Epoch, engine: Engine) -> None:
        loss = epoch.valid_loss if isfinite(epoch.valid_loss) else inf
        if loss < self.loss or not self.weights:
            self.loss, self.epoch, self.weights = loss, epoch.epoch, engine.weights()


def train(
    engine: Engine,
    recipe: Recipe,
    *,
    n_train: int,
    n_valid: int,
    rng: np.random.Generator,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> History:
    """Trains, and leaves the weights of the best validation loss in the engine.

    Args:
        engine: holds the net and both parts of the data.
        rng: draws the order of the images and the training sample whose loss is reported.

    Returns:
        One `Epoch` per pass. Where a limit or Ctrl-C ended the last pass early, that pass is measured too.
    """
    started = perf_counter()
    sample = np.sort(rng.choice(n_train, size=min(n_train, max(n_valid, 1)), replace=False)).astype(np.int64)
    batches = _batches(n_train, recipe.batch)
    steps = batches * recipe.epochs
    epochs: list[Epoch] = []
    best = _Best()
    ended = f"all {recipe.epochs} epochs done"
    with _interruptible() as asked:
        for number in range(1, recipe.epochs + 1):
            rate, why = _pass(engine, recipe, rng.permutation(n_train), (number - 1) * batches, steps, started, asked)
            epoch = _measure(engine, number, perf_counter() - started, rate, sample)
            epochs.append(epoch)
            best.offer(epoch, engine)
            if on_epoch:
                on_epoch(epoch)
            if why:
                ended = why
                break
            if number - best.epoch >= recipe.patience:
                ended = f"no lower validation loss for {recipe.patience} epochs"
                break
    engine.restore(best.weights)
    return History(tuple(epochs), best.epoch, ended)


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
    rate = recipe.learning_rate
    for i in range(_batches(len(order), recipe.batch)):
        rate = recipe.rate(done + i, steps)
        engine.step(order[i * recipe.batch : (i + 1) * recipe.batch], rate)
        if asked.is_set():
            return rate, INTERRUPTED
        if perf_counter() - started > recipe.seconds:
            return rate, TIME_LIMIT
    return rate, ""


def _measure(engine: Engine, number: int, seconds: float, rate: float, sample: IntArray) -> Epoch:
    objective = engine.objective()
    train_loss, train_accuracy = engine.evaluate("train", sample)
    valid_loss, valid_accuracy = engine.evaluate("valid")
    return Epoch(number, seconds, rate, objective, train_loss, train_accuracy, valid_loss, valid_accuracy)
