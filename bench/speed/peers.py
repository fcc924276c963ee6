"""PyTorch as people write it: a DataLoader that shuffles, or a permutation and tensors indexed by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from bench.speed.clock import Clock
from bench.speed.task import Task
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from secondlook.models.engines.torch_net import SeededDropout, build


class Torch:
    """A module, Adam, and float32 images ready in memory, planes of channels one after the other."""

    def __init__(self, task: Task) -> None:
        self.device = choose(task.device)
        self.batch = task.batch
        options = {"channels last, fused Adam": task.tuned, "1 thread": task.threads == 1}
        self.detail = ", ".join(name for name, used in options.items() if used)
        torch.manual_seed(task.seed)
        found = task.loaded()
        self.images = torch.from_numpy(found.pixels).permute(0, 3, 1, 2).float().contiguous() / 255
        self.labels = torch.from_numpy(found.labels)
        self.module = module(task).to(self.device)
        if task.tuned:
            self.module = self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.images = self.images.contiguous(memory_format=torch.channels_last)
        self.loss = nn.CrossEntropyLoss()
        self.optimiser = torch.optim.Adam(
            self.module.parameters(), lr=task.learning_rate, fused=True if task.tuned else None
        )

    @torch.inference_mode()
    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.module.eval()
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        parts = [self.module(images[at : at + 512].to(self.device) / 255.0).cpu() for at in range(0, len(images), 512)]
        found: NDArray[np.float32] = torch.cat(parts).numpy()
        return found

    def train(self, clock: Clock) -> None:
        again = True
        while again:
            self.module.train()
            for images, labels in self.batches():
                self.optimiser.zero_grad()
                loss = self.loss(self.module(images), labels)
                loss.backward()
                self.optimiser.step()
            if self.device == "cuda":
                torch.cuda.synchronize()
            again = clock.lap()

    def batches(self) -> Iterable[tuple[Tensor, Tensor]]:
        raise NotImplementedError


class Loader(Torch):
    """As a tutorial writes it."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.loader = DataLoader(TensorDataset(self.images, self.labels), batch_size=self.batch, shuffle=True)

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        for images, labels in self.loader:
            yield images.to(self.device), labels.to(self.device)


class ByHand(Torch):
    """The images on the device, a batch is one indexing."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.images, self.labels = self.images.to(self.device), self.labels.to(self.device)

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        for index in torch.split(torch.randperm(len(self.labels), device=self.device), self.batch):
            yield self.images[index], self.labels[index]


def choose(device: str) -> str:
    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def module(task: Task) -> nn.Sequential:
    """The net with the case's weights, and with PyTorch's own dropout."""
    made = build(task.net, task.image, task.outputs)
    made.load_state_dict({name: torch.from_numpy(value) for name, value in task.weights().items()})
    return nn.Sequential(*(nn.Dropout(part.p) if isinstance(part, SeededDropout) else part for part in made))
