"""What an engine is made for: a net, the images it sees, how it is optimised, and where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Protocol

import torch
from torch import nn

from secondlook.models.engines import Engine, Optimiser
from secondlook.models.engines.choice import Choice
from secondlook.models.engines.native import NativeEngine
from secondlook.models.engines.torch_augment import Augmenter
from secondlook.models.engines.torch_engine import TorchEngine
from secondlook.models.engines.torch_net import build, call_factory, count_module
from secondlook.models.layers import BatchNorm, Dropout, Residual
from secondlook.models.net import Count, Net
from secondlook.types import FloatArray


class Trainer(Engine, Protocol):
    """An engine that varies its training images where it is given an augmenter."""

    augment: Augmenter | None


@dataclass(frozen=True, eq=False)
class Job:
    """What is to be trained.

    Attributes:
        net: None for a user's own module.
        image: (h, w, c) as the net sees it. outputs: how many logits.
        module: makes the initialised module.
        macs: multiply-adds of a forward pass of one image. per_image: numbers that it leaves behind, itself included.
        seed: gives the initial weights and dropout's streams.
        mean, scale: (c,), they standardise pixels: (x - mean) / scale.
    """

    net: Net | None
    image: tuple[int, int, int]
    outputs: int
    module: Callable[[], nn.Module]
    macs: int
    per_image: int
    seed: int
    mean: FloatArray
    scale: FloatArray
    optimiser: Optimiser
    device: torch.device

    @property
    def passes_apart(self) -> bool:
        """Whether images may pass in smaller lots than a batch: no layer looks at the batch as a whole."""
        return self.net is not None and not any(isinstance(layer, BatchNorm | Residual) for layer in self.net.layers)

    @property
    def passes_side_by_side(self) -> bool:
        """Whether parts of a batch may pass at the same time: no layer looks at all of it, or draws at random."""
        return self.passes_apart and not any(isinstance(layer, Dropout) for layer in self.net.layers)  # type: ignore[union-attr]

    @property
    def largest(self) -> int:
        """Numbers of the largest layer of one image."""
        assert self.net is not None
        return max(prod(shape) for shape in (self.image, *self.net.shapes(self.image, self.outputs)))

    def torch(self, choice: Choice, *, long: bool = True) -> Trainer:
        """A fresh PyTorch engine; for a long training on the CPU, with what is worth being compiled."""
        return TorchEngine(
            self.module(),
            mean=self.mean,
            scale=self.scale,
            optimiser=self.optimiser,
            device=self.device,
            per_image=self.per_image,
            choice=choice,
            compiled=long and self.device.type == "cpu",
        )

    def native(self, threads: int) -> Trainer:
        """A fresh native engine.

        Raises:
            Unavailable: there is no compiler, or it fails.
        """
        assert self.net is not None
        return NativeEngine(
            self.net,
            self.image,
            self.outputs,
            seed=self.seed,
            mean=self.mean,
            scale=self.scale,
            optimiser=self.optimiser,
            threads=threads,
        )


def job_of(
    net: Net, image: tuple[int, int, int], outputs: int, *, seed: int, mean: FloatArray, scale: FloatArray,
    optimiser: Optimiser, device: torch.device,
) -> Job:  # fmt: skip
    """The job of a net's text; nothing is allocated yet."""
    module = partial(build, net, image, outputs, seed=seed)
    # Standardised, and once more where a layer wants another order.
    per_image = net.activations(image, outputs) + 2 * prod(image)
    macs = net.count(image, outputs).macs
    return Job(net, image, outputs, module, macs, per_image, seed, mean, scale, optimiser, device)


def own_job(
    factory: Callable[[tuple[int, int, int], int], nn.Module], image: tuple[int, int, int], outputs: int, *, seed: int,
    mean: FloatArray, scale: FloatArray, optimiser: Optimiser, device: torch.device,
) -> tuple[Job, Count]:  # fmt: skip
    """The job of a user's own module, and the module's counts."""
    module = partial(call_factory, factory, image, outputs, seed=seed)
    count = count_module(module(), image)
    # What it leaves behind is not known.
    per_image = 100 * prod(image)
    return Job(None, image, outputs, module, count.macs, per_image, seed, mean, scale, optimiser, device), count
