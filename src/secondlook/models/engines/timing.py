"""Which of several ways to train takes the least time: a few real steps of each, on random images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from time import perf_counter
from typing import NamedTuple

import numpy as np

from secondlook import seeds
from secondlook.models.engines import Engine, Examples
from secondlook.runs.machine import waited

# Seconds after which no further round begins; the fastest ways have so many rounds in any case.
SECONDS, _FEWEST_ROUNDS = 0.3, 2
# A way that is so much slower than the fastest, by one measurement each, is out.
FAR_SLOWER = 1.5
# Where our threads wait for a core so large a share of the time, and so many seconds, other processes are at work: two
# threads that wait for each other in every layer are then slowed many times over, and one that does not wait is not.
# Alone on two cores they waited up to a quarter of 0.03 s and a sixth of 0.3 s, for those of the way before that still
# spun; beside a busy process two thirds.
BUSY, BUSY_SECONDS = 0.3, 0.05
# Short steps are measured so many at a time that they fill this time.
_LONG_ENOUGH = 5e-3
# What is made by the first step does not matter in a step of so many seconds.
_LONG = 0.1
_MOST_STEPS, _MOST_ROUNDS = 64, 8


@dataclass(eq=False)
class _Lane:
    """One way: its engine, with images loaded, how many steps a measurement takes, and the least seconds per image."""

    engine: Engine
    batch: int
    steps: int = 1
    best: float = field(default=inf)

    def take(self, items: int) -> float:
        """Takes its steps: the seconds of all."""
        order = np.arange(self.steps * self.batch, dtype=np.int64) % items
        started = perf_counter()
        self.engine.steps(order, self.batch, np.zeros(self.steps))
        return perf_counter() - started

    def warm(self, items: int) -> None:
        """The first step makes what all later ones use, where that matters; the next says how many are measured."""
        took = self.take(items)
        if took < _LONG:
            took = self.take(items)
        self.best = took / self.batch
        self.steps = int(min(max(1.0, _LONG_ENOUGH / max(took, 1e-9)), _MOST_STEPS))

    def measure(self, items: int) -> None:
        self.best = min(self.best, self.take(items) / (self.steps * self.batch))


class Timed(NamedTuple):
    """Seconds that a training step takes per image, by engine; the least of several measurements.

    `busy` says that other processes were at work meanwhile, on Linux.
    """

    seconds: dict[str, float]
    busy: bool


def seconds_per_image(engines: Mapping[str, Engine], image: tuple[int, int, int], k: int, batch: int) -> Timed:
    """Times a few steps of each engine.

    The engines' weights are of no use afterwards. They take turns, so that what else the machine does hits all alike.

    Args:
        image: (h, w, c). k: number of classes. batch: images per step.
    """
    rng = seeds.stream(0, "timing")
    items = 2 * batch
    examples = Examples(rng.integers(0, 256, (items, *image), dtype=np.uint8), np.arange(items) % k)
    lanes = {}
    started, before = perf_counter(), waited()
    for name, engine in engines.items():
        engine.load("train", examples)
        lanes[name] = _Lane(engine, batch)
        lanes[name].warm(items)
    for done in range(_MOST_ROUNDS):
        best = min(lane.best for lane in lanes.values())
        racing = [lane for lane in lanes.values() if lane.best < FAR_SLOWER * best]
        if len(racing) == 1 or (done >= _FEWEST_ROUNDS and perf_counter() - started > SECONDS):
            break
        for lane in racing:
            lane.measure(items)
    wait = waited() - before
    busy = wait > max(BUSY_SECONDS, BUSY * (perf_counter() - started))
    return Timed({name: lane.best for name, lane in lanes.items()}, busy)
