"""A net as a program: values, and operations on them in order. What the C++ of it is made from.

Everything here is numbers taken from the frozen spec; of the text that a user typed nothing is left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

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
from secondlook.models.net import Net

# Monotone functions: the largest of a window is the same before and after them, and so is what it passes back.
_MONOTONE = ("relu", "leaky", "tanh")


@dataclass(frozen=True)
class Operation:
    """One call of a kernel.

    Attributes:
        kernel: the C++ template with its sizes, such as ``Dense<84, 10>``.
        kind: which calls it has: "weighted", "pad", "maximum", "mean", "pointwise", "dropout", "norm", "add".
        inputs, output: numbers of the values.
        weights, bias: where its parameters begin among all of them, in PyTorch's order.
        running: where its running statistics begin.
    """

    kernel: str
    kind: str
    inputs: tuple[int, ...]
    output: int
    weights: int = -1
    bias: int = -1
    running: int = -1


@dataclass(frozen=True)
class Program:
    """What a net does.

    Attributes:
        sizes: numbers per image of each value; the first is the image, the last the logits.
        operations: in order.
        places: where each parameter begins and its size, in PyTorch's order; `parameters` numbers hold them all.
        running: how many running statistics there are.
    """

    sizes: tuple[int, ...]
    operations: tuple[Operation, ...]
    places: tuple[tuple[int, int], ...]
    running: int

    @property
    def parameters(self) -> int:
        return sum(map(_whole, (size for _, size in self.places)))


class _Writer:
    """Writes the operations of layers, one value after another."""

    def __init__(self, shape: Shape) -> None:
        self.sizes = [prod(shape)]
        self.operations: list[Operation] = []
        self.places: list[tuple[int, int]] = []
        self.parameters = self.running = 0

    def layers(self, layers: tuple[Layer, ...], x: int, shape: Shape) -> tuple[int, Shape]:
        for layer in layers:
            x = self.layer(layer, x, shape)
            shape = layer.out(shape)
        return x, shape

    def layer(self, layer: Layer, x: int, shape: Shape) -> int:
        n = prod(shape)
        match layer:
            case Conv():
                return self._conv(layer, x, shape)
            case Dense():
                return self._weighted(f"Dense<{n}, {layer.units}>", x, layer.units, n * layer.units, layer.units)
            case BatchNorm():
                return self._norm(x, shape)
            case Activation():
                return self._emit(f"Activation<{_function(layer)}, {n}>", "pointwise", x, n)
            case Pool():
                kernel = "MaxPool" if layer.kind == "max" else "MeanPool"
                sizes = f"{_sizes(shape)}, {layer.kernel}, {layer.stride}"
                return self._pool(kernel, sizes, x, layer.out(shape))
            case GlobalPool():
                kernel = "GlobalMax" if layer.kind == "max" else "GlobalMean"
                return self._pool(kernel, f"{shape[0]}, {n // shape[0]}", x, layer.out(shape))
            case Flatten():
                return x
            case Dropout():
                return self._emit(f"Dropout<{n}, {round(layer.p * 1e6)}>", "dropout", x, n)
            case Residual():
                return self._residual(layer, x, shape)
        raise TypeError(f"no kernel for {layer.text}")  # a layer added to the grammar but not here

    def _emit(self, kernel: str, kind: str, x: int | tuple[int, ...], size: int) -> int:
        inputs = x if isinstance(x, tuple) else (x,)
        self.sizes.append(size)
        self.operations.append(Operation(kernel, kind, inputs, len(self.sizes) - 1))
        return len(self.sizes) - 1

    def _weighted(self, kernel: str, x: int, size: int, weights: int, biases: int, kind: str = "weighted") -> int:
        y = self._emit(kernel, kind, x, size)
        places = [self._place(weights), self._place(biases)]
        self.operations[-1] = replace(self.operations[-1], weights=places[0], bias=places[1])
        return y

    def _place(self, size: int) -> int:
        at = self.parameters
        self.places.append((at, size))
        self.parameters += _whole(size)
        return at

    def _conv(self, layer: Conv, x: int, shape: Shape) -> int:
        kh, kw = layer.kernel
        if layer.same and layer.kernel != (1, 1):
            c, h, w = shape
            padded = c, h + kh - 1, w + kw - 1
            sizes = f"{_sizes(shape)}, {(kh - 1) // 2}, {(kw - 1) // 2}, {padded[1]}, {padded[2]}"
            x, shape = self._emit(f"Pad<{sizes}>", "pad", x, prod(padded)), padded
        kernel = f"Conv<{_sizes(shape)}, {layer.channels}, {kh}, {kw}, {layer.stride}>"
        size = prod(replace(layer, same=False).out(shape))
        return self._weighted(kernel, x, size, layer.channels * shape[0] * kh * kw, layer.channels)

    def _norm(self, x: int, shape: Shape) -> int:
        c = shape[0]
        y = self._weighted(f"BatchNorm<{c}, {prod(shape) // c}>", x, prod(shape), c, c, "norm")
        self.operations[-1] = replace(self.operations[-1], running=self.running)
        self.running += 2 * c
        return y

    def _pool(self, kernel: str, sizes: str, x: int, after: Shape) -> int:
        return self._emit(f"{kernel}<{sizes}>", "maximum" if "Max" in kernel else "mean", x, prod(after))

    def _residual(self, layer: Residual, x: int, shape: Shape) -> int:
        branch, after = self.layers(layer.branch(), x, shape)
        shortcut, _ = self.layers(layer.shortcut(shape), x, shape)
        total = self._emit(f"add<{prod(after)}>", "add", (branch, shortcut), prod(after))
        return self.layer(Activation("relu"), total, after)


def _whole(size: int) -> int:
    """Parameters begin at whole cache lines, as vectors are loaded from there."""
    return -(-size // 16) * 16


def _sizes(shape: Shape) -> str:
    return ", ".join(map(str, shape))


def _function(layer: Activation) -> str:
    if layer.kind == "leaky":
        return f"Leaky<{round(layer.slope * 1e6)}>"
    return {"relu": "Relu", "gelu": "Gelu", "tanh": "Tanh", "abs": "Abs"}[layer.kind]


def _pooled_first(layers: tuple[Layer, ...]) -> tuple[Layer, ...]:
    """Max pooling before a monotone activation instead of after it: the same numbers, a quarter of the work."""
    order = list(layers)
    for i in range(len(order) - 1):
        first, second = order[i], order[i + 1]
        pool = isinstance(second, Pool | GlobalPool) and second.kind == "max"
        if pool and isinstance(first, Activation) and first.kind in _MONOTONE:
            order[i], order[i + 1] = second, first
    return tuple(order)


def program(net: Net, image: tuple[int, int, int], outputs: int) -> Program:
    """The program of a net with its output layer, for images of (h, w, c).

    Raises:
        UsageError: a layer does not fit what comes before it, or the image is too small.
    """
    net.shapes(image, outputs)
    h, w, c = image
    writer = _Writer((c, h, w))
    writer.layers(_pooled_first((*net.layers, Dense(outputs))), 0, (c, h, w))
    return Program(tuple(writer.sizes), tuple(writer.operations), tuple(writer.places), writer.running)
