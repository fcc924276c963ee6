"""The PyTorch engine: a net's spec to a module, and the steps that train it, on the CPU or a CUDA device.

The data stay on the device as they came (uint8 or float32, channels last); a batch is one gather. There is no
per-item Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from secondlook import seeds
from secondlook.models.engines import Weights
from secondlook.models.layers import (
    Activation,
    BatchNorm,
    Conv,
    Dense,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Pool,
    Residual,
    Shape,
)
from secondlook.models.net import Count, Net
from secondlook.types import FloatArray, IntArray

# Images per forward pass when predicting: activations of about 128 MB at most, and never fewer than 16 images.
PREDICT_NUMBERS = 32_000_000
# Multiply-adds of a step, forward and backward, from which a second thread pays: measured on two cores.
SHARED_STEP = 20_000_000


class _Same(nn.Module):
    """Zero padding of kernel - 1, the larger half after: PyTorch's own 'same' refuses strides."""

    def __init__(self, kernel: tuple[int, int]) -> None:
        super().__init__()
        (top, left), (bottom, right) = [(k - 1) // 2 for k in kernel], [k // 2 for k in kernel]
        self.padding = (left, right, top, bottom)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.pad(x, self.padding)


class _Abs(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.abs()


class _Dropout(nn.Module):
    """Dropout that draws from a generator of its own, so that no global random state is touched."""

    def __init__(self, p: float, generator: torch.Generator) -> None:
        super().__init__()
        self.p, self.generator = p, generator

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        keep = torch.empty_like(x).bernoulli_(1 - self.p, generator=self.generator)
        return x * keep / (1 - self.p)


class _Residual(nn.Module):
    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch, self.shortcut = branch, shortcut

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x) + self.shortcut(x))


_ACTIVATIONS: dict[str, Callable[[Activation], nn.Module]] = {
    "relu": lambda a: nn.ReLU(),
    "leaky": lambda a: nn.LeakyReLU(a.slope),
    "gelu": lambda a: nn.GELU(),
    "tanh": lambda a: nn.Tanh(),
    "abs": lambda a: _Abs(),
}


def _conv(layer: Conv, shape: Shape) -> list[nn.Module]:
    if not layer.same or layer.kernel == (1, 1):
        return [nn.Conv2d(shape[0], layer.channels, layer.kernel, layer.stride)]
    if all(k % 2 for k in layer.kernel):
        padding = (layer.kernel[0] // 2, layer.kernel[1] // 2)
        return [nn.Conv2d(shape[0], layer.channels, layer.kernel, layer.stride, padding)]
    return [_Same(layer.kernel), nn.Conv2d(shape[0], layer.channels, layer.kernel, layer.stride)]


def _modules(layer: Layer, shape: Shape, dropout: torch.Generator) -> list[nn.Module]:
    match layer:
        case Conv():
            return _conv(layer, shape)
        case BatchNorm():
            return [nn.BatchNorm2d(shape[0]) if len(shape) == 3 else nn.BatchNorm1d(shape[0])]
        case Activation():
            return [_ACTIVATIONS[layer.kind](layer)]
        case Pool():
            pool = nn.MaxPool2d if layer.kind == "max" else nn.AvgPool2d
            return [pool(layer.kernel, layer.stride)]
        case GlobalPool():
            whole = nn.AdaptiveMaxPool2d(1) if layer.kind == "max" else nn.AdaptiveAvgPool2d(1)
            return [whole, nn.Flatten()]
        case Flatten():
            return [nn.Flatten()]
        case Dense():
            flat = [nn.Flatten()] if len(shape) == 3 else []
            return [*flat, nn.Linear(prod(shape), layer.units)]
        case Dropout():
            return [_Dropout(layer.p, dropout)]
        case Residual():
            branches = [
                _sequence(part, shape, dropout) if part else nn.Identity()
                for part in (layer.branch(), layer.shortcut(shape))
            ]
            return [_Residual(*branches)]
    raise TypeError(f"no PyTorch module for {layer.text}")  # a layer added to the grammar but not here


def _sequence(layers: tuple[Layer, ...], shape: Shape, dropout: torch.Generator) -> nn.Sequential:
    modules: list[nn.Module] = []
    for layer in layers:
        modules += _modules(layer, shape, dropout)
        shape = layer.out(shape)
    return nn.Sequential(*modules)


def _initialise(module: nn.Module, generator: torch.Generator) -> None:
    """He's uniform law before each hidden layer, Glorot's for the output; biases zero.

    Sources: He et al. 2015 (arXiv 1502.01852, eq. 10); Glorot and Bengio 2010 (eq. 16).
    """
    weighted = [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    for m in weighted:
        if m is weighted[-1]:
            nn.init.xavier_uniform_(m.weight, generator=generator)
        else:
            nn.init.kaiming_uniform_(m.weight, nonlinearity="relu", generator=generator)
        if m.bias is not None:
            nn.init.zeros_(m.bias)


def build(net: Net, image: tuple[int, int, int], outputs: int, *, seed: int = 0) -> nn.Sequential:
    """The module of a net for images of (h, w, c), with its output layer, initialised from the seed.

    It takes float32 (n, c, h, w) and returns logits (n, outputs).
    """
    h, w, c = image
    dropout = torch.Generator().manual_seed(seeds.integer(seed, "dropout"))
    module = _sequence((*net.layers, Dense(outputs)), (c, h, w), dropout)
    _initialise(module, torch.Generator().manual_seed(seeds.integer(seed, "init")))
    return module


def call_factory(
    factory: Callable[[tuple[int, int, int], int], nn.Module], image: tuple[int, int, int], outputs: int, *, seed: int
) -> nn.Module:
    """A user's own module. Its layers draw from PyTorch's global stream, which is seeded, and then put back."""
    with torch.random.fork_rng():
        torch.manual_seed(seeds.integer(seed, "init"))
        return factory(image, outputs)


def count_module(module: nn.Module, image: tuple[int, int, int]) -> Count:
    """Counts any module: trainable parameters, all floating-point state, multiply-adds by PyTorch's counter."""
    trained = sum(p.numel() for p in module.parameters() if p.requires_grad)
    stored = sum(t.numel() for t in module.state_dict().values() if t.is_floating_point())
    h, w, c = image
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        module.eval()(torch.zeros(1, c, h, w))
    return Count(trained, stored, counter.get_total_flops() // 2)


@dataclass(frozen=True)
class Optimiser:
    """Which optimiser, and its weight decay (decoupled for AdamW, an L2 penalty for the others, as in PyTorch)."""

    name: Literal["adam", "adamw", "sgd"] = "adam"
    weight_decay: float = 0.0
    momentum: float = 0.9  # of SGD, with Nesterov's correction

    def make(self, module: nn.Module) -> torch.optim.Optimizer:
        """The PyTorch optimiser over the module's parameters; the learning rate is set at each step."""
        parameters = list(module.parameters())
        if self.name == "sgd":
            return torch.optim.SGD(
                parameters,
                lr=1.0,
                momentum=self.momentum,
                nesterov=self.momentum > 0,
                weight_decay=self.weight_decay,
            )
        kind = torch.optim.Adam if self.name == "adam" else torch.optim.AdamW
        # The fused kernel updates all weights in one pass: on small nets the update is a good part of a step.
        return kind(parameters, lr=1.0, weight_decay=self.weight_decay, fused=True)


@dataclass(frozen=True, eq=False)
class Examples:
    """Images (n, h, w, c), labels int64 (n,) and, for training, weights float32 (n,) with mean 1, or None."""

    pixels: NDArray[Any]
    labels: IntArray
    weights: NDArray[np.float32] | None = None


class TorchEngine:
    """An `Engine` over PyTorch; see `models.engines.Engine`."""

    def __init__(
        self,
        module: nn.Module,
        *,
        mean: FloatArray,
        scale: FloatArray,
        optimiser: Optimiser,
        device: torch.device,
        per_image: int,
    ) -> None:
        """`mean` and `scale`, one per channel, standardise pixels: (x - mean) / scale, in the pixels' own unit.

        `per_image` is how many numbers an image leaves behind in the net: it limits the batches of predictions.
        """
        self.device = device
        self.module = module.to(device)
        for m in self.module.modules():
            if isinstance(m, _Dropout) and device.type != "cpu":
                # A generator draws on one device only; carry the CPU generator's seed over.
                m.generator = torch.Generator(device).manual_seed(m.generator.initial_seed())
        if any(isinstance(m, nn.Conv2d) for m in self.module.modules()):
            self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stub lacks it
        self.mean = torch.as_tensor(mean, dtype=torch.float32, device=device)
        self.scale = torch.as_tensor(scale, dtype=torch.float32, device=device)
        self.optimiser = optimiser.make(self.module)
        self.predict_batch = max(16, min(PREDICT_NUMBERS // per_image, 1024))
        self._parts: dict[str, tuple[Tensor, Tensor, Tensor | None]] = {}
        self._loss_sum = torch.zeros((), device=device)
        self._seen = 0

    def load(self, part: Literal["train", "valid"], examples: Examples) -> None:
        """Puts a part on the device."""
        weights = None if examples.weights is None else self._resident(examples.weights)
        self._parts[part] = self._resident(examples.pixels), self._resident(examples.labels), weights

    def _resident(self, array: NDArray[Any]) -> Tensor:
        # A read-only array would make PyTorch warn; nothing here writes to it, but a copy is the safe way to say so.
        return torch.from_numpy(array if array.flags.writeable else array.copy()).to(self.device)

    def _input(self, pixels: Tensor) -> Tensor:
        """float32 (n, c, h, w), standardised; memory stays channels last."""
        return ((pixels.float() - self.mean) / self.scale).permute(0, 3, 1, 2)

    def step(self, items: IntArray, learning_rate: float) -> None:
        self.module.train()
        pixels, labels, weights = self._parts["train"]
        index = torch.from_numpy(items).to(self.device)
        losses = nn.functional.cross_entropy(self.module(self._input(pixels[index])), labels[index], reduction="none")
        loss = losses.mean() if weights is None else (losses * weights[index]).mean()
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimiser.step()
        # Summed on the device: asking for the value here would make a GPU wait at every step.
        self._loss_sum += loss.detach() * len(items)
        self._seen += len(items)

    def objective(self) -> float:
        value = float(self._loss_sum) / max(self._seen, 1)
        self._loss_sum.zero_()
        self._seen = 0
        return value

    @torch.inference_mode()
    def evaluate(self, part: Literal["train", "valid"], items: IntArray | None = None) -> tuple[float, float]:
        pixels, labels, _ = self._parts[part]
        index = torch.arange(len(labels)) if items is None else torch.from_numpy(items)
        self.module.eval()
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        hits = torch.zeros((), dtype=torch.int64, device=self.device)
        for batch in torch.split(index, self.predict_batch):
            batch = batch.to(self.device)
            logits, given = self.module(self._input(pixels[batch])), labels[batch]
            loss += nn.functional.cross_entropy(logits, given, reduction="sum")
            hits += (logits.argmax(1) == given).sum()
        return float(loss) / len(index), float(hits) / len(index)

    @torch.inference_mode()
    def logits(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        self.module.eval()
        parts = [
            self.module(self._input(self._resident(pixels[at : at + self.predict_batch]))).cpu()
            for at in range(0, len(pixels), self.predict_batch)
        ]
        return torch.cat(parts).numpy()

    def weights(self) -> Weights:
        return {name: t.detach().cpu().numpy().copy() for name, t in self.module.state_dict().items()}

    def restore(self, weights: Weights) -> None:
        self.module.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in weights.items()})


@contextmanager
def threads_for(macs_per_step: int) -> Iterator[None]:
    """One thread inside for steps too small to share, all of PyTorch's for the others.

    Two threads gain nothing on such steps, and lose tenfold where another process is busy: they wait for each other.
    The choice depends on the net and the batch alone, so that the same seed gives the same bits.
    """
    before = torch.get_num_threads()
    if macs_per_step < SHARED_STEP:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def choose_device(name: str) -> torch.device:
    """The device of a name ("cpu", "cuda", "cuda:1"); "auto" takes CUDA where there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
