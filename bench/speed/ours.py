"""This package's engine, as `NetClassifier` drives it: all steps of a pass in one call."""

from __future__ import annotations

from math import ceil

import numpy as np
from bench.speed.clock import Clock
from bench.speed.task import Task
from numpy.typing import NDArray

from secondlook.models.engines import Examples, Optimiser
from secondlook.models.engines.choosing import device_for, prepare
from secondlook.models.engines.job import job_of


class Ours:
    """The engine that `auto` chooses, with uint8 images that are scaled by 1/255 as they are used."""

    def __init__(self, task: Task) -> None:
        images = task.loaded()
        self.n, self.batch, self.learning_rate = len(images.labels), task.batch, task.learning_rate
        self.rng = np.random.default_rng(task.seed)
        mean, scale = np.zeros(task.image[2]), np.full(task.image[2], 255.0)
        device = device_for(task.device, "auto")
        job = job_of(
            task.net, task.image, task.outputs, seed=task.seed, mean=mean, scale=scale, optimiser=Optimiser(),
            device=device,
        )  # fmt: skip
        self.engine, choice, _ = prepare(job, precision=task.precision, batch=task.batch)
        self.engine.load("train", Examples(*images))
        self.engine.restore(task.weights())
        self.detail, self.device = choice.details, str(device)

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.engine.logits(pixels)

    def train(self, clock: Clock) -> None:
        rates, again = np.full(ceil(self.n / self.batch), self.learning_rate), True
        while again:
            self.engine.steps(self.rng.permutation(self.n), self.batch, rates)
            self.engine.objective()  # waits for a GPU
            again = clock.lap()
