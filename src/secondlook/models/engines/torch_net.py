"""A net's spec as a PyTorch module, initialised from a seed; and the counts of any module."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from secondlook import seeds
from secondlook.models.engines.torch_passes import max_pool
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


class SeededDropout(nn.Module):
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


# max(f(a), f(b)) = f(max(a, b)) for these: they never fall.
_RISING = (nn.ReLU, nn.LeakyReLU, nn.Tanh)
_MAX_POOLS = (nn.MaxPool2d, nn.AdaptiveMaxPool2d)


class _Layers(nn.Sequential):
    """The layers of a text under the names of its order, passed in the order that costs least.

    A max pooling goes before the activations that it follows, where these never fall: the same values from a quarter
    of the work, for windows of 2 x 2. The gradients are the same too. Where an activation makes equals of unequal
    numbers (below zero, or where it is full) its slope there is zero, so it does not matter which of them is the
    maximum. One case is left: a slope may round two neighbouring floats to one, and then another of the two gets
    the gradient.
    """

    compiled = False  # whether pooling and the activation after it are one compiled pass, see `torch_passes`

    def forward(self, x: Tensor) -> Tensor:
        left = self._order()[::-1]
        while left:
            layer = left.pop()
            if self.compiled and isinstance(layer, nn.MaxPool2d):
                joins = bool(left) and isinstance(left[-1], nn.ReLU | nn.LeakyReLU)
                x = max_pool(x, layer, left.pop() if joins else None)  # type: ignore[arg-type]  # as was just asked
            else:
                x = layer(x)
        return x

    def _order(self) -> list[nn.Module]:
        order: list[nn.Module] = []
        for layer in self:
            at = len(order)
            while isinstance(layer, _MAX_POOLS) and at and isinstance(order[at - 1], _RISING):
                at -= 1
            order.insert(at, layer)
        return order


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
            return [SeededDropout(layer.p, dropout)]
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
    return _Layers(*modules)


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


def compile_pools(module: nn.Module) -> None:
    """From now on, the net's max pooling and the activations after it are compiled passes, where that can be had."""
    for part in module.modules():
        if isinstance(part, _Layers):
            part.compiled = True


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
