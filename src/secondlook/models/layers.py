"""The layers a net's text may name: each knows its words, shapes, parameters and multiply-adds.

A shape is (channels, height, width) for feature maps, or (features,) once flattened. Multiply-adds are those of
convolutions and dense layers, as PyTorch's flop counter has them (two flops each); biases, normalisation,
activations and pooling are not counted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import prod
from typing import Literal

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer(ABC):
    """One layer. Sizes are checked by the parser; a layer that does not fit its input raises ValueError."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The words that parse to this layer."""

    def out(self, shape: Shape) -> Shape:
        """The shape of the output for an input of `shape`, one image."""
        return shape

    def trained(self, shape: Shape) -> int:
        """Weights and biases learnt."""
        return 0

    def buffers(self, shape: Shape) -> int:
        """Numbers kept for prediction beside the trained ones: running means and variances."""
        return 0

    def macs(self, shape: Shape) -> int:
        """Multiply-adds for one image."""
        return 0

    def smallest(self, size: tuple[int, int]) -> tuple[int, int]:
        """The smallest input height and width from which the output is at least `size`."""
        return size


def _maps(layer: Layer, shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise ValueError(f"'{layer.text}' needs feature maps, but what comes before it is flat")
    return shape[0], shape[1], shape[2]


def _window(size: int, kernel: int, stride: int) -> int:
    return (size - kernel) // stride + 1


@dataclass(frozen=True)
class Conv(Layer):
    """A convolution with bias. `same` pads with zeros so that the output is the input's size / stride, rounded up."""

    channels: int
    kernel: tuple[int, int]
    stride: int = 1
    same: bool = False

    @property
    def text(self) -> str:
        stride = f" stride {self.stride}" if self.stride > 1 else ""
        return f"conv {self.channels} {self.kernel[0]}x{self.kernel[1]}{stride}{' same' if self.same else ''}"

    def out(self, shape: Shape) -> Shape:
        _, *size = _maps(self, shape)
        if self.same:
            return (self.channels, *(-(-s // self.stride) for s in size))
        return (self.channels, *(_window(s, k, self.stride) for s, k in zip(size, self.kernel, strict=True)))

    def trained(self, shape: Shape) -> int:
        return self.channels * (shape[0] * prod(self.kernel) + 1)

    def macs(self, shape: Shape) -> int:
        return prod(self.out(shape)) * shape[0] * prod(self.kernel)

    def smallest(self, size: tuple[int, int]) -> tuple[int, int]:
        h, w = ((s - 1) * self.stride + (1 if self.same else k) for s, k in zip(size, self.kernel, strict=True))
        return h, w


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Batch normalisation (Ioffe and Szegedy 2015) over channels, or over features once flat; momentum 0.1."""

    @property
    def text(self) -> str:
        return "bn"

    def trained(self, shape: Shape) -> int:
        return 2 * shape[0]

    def buffers(self, shape: Shape) -> int:
        return 2 * shape[0]


@dataclass(frozen=True)
class Activation(Layer):
    """An element-wise function; `slope` is the leaky ReLU's below zero."""

    kind: Literal["relu", "leaky", "gelu", "tanh", "abs"]
    slope: float = 0.2  # TensorFlow's leaky_relu, which the studies used; PyTorch's own default is 0.01

    @property
    def text(self) -> str:
        return self.kind if self.kind != "leaky" or self.slope == 0.2 else f"leaky {self.slope!r}"


@dataclass(frozen=True)
class Pool(Layer):
    """The maximum or mean of square windows, without padding."""

    kind: Literal["max", "avg"]
    kernel: int
    stride: int

    @property
    def text(self) -> str:
        return f"{self.kind}pool {self.kernel}" + (f" stride {self.stride}" if self.stride != self.kernel else "")

    def out(self, shape: Shape) -> Shape:
        c, *size = _maps(self, shape)
        return (c, *(_window(s, self.kernel, self.stride) for s in size))

    def smallest(self, size: tuple[int, int]) -> tuple[int, int]:
        h, w = ((s - 1) * self.stride + self.kernel for s in size)
        return h, w


@dataclass(frozen=True)
class GlobalPool(Layer):
    """The maximum or mean of each whole feature map."""

    kind: Literal["max", "avg"]

    @property
    def text(self) -> str:
        return f"global{self.kind}"

    def out(self, shape: Shape) -> Shape:
        return (_maps(self, shape)[0],)

    def smallest(self, size: tuple[int, int]) -> tuple[int, int]:
        return 1, 1


@dataclass(frozen=True)
class Flatten(Layer):
    """Feature maps to one vector, channel by channel. A dense layer flattens by itself."""

    @property
    def text(self) -> str:
        return "flatten"

    def out(self, shape: Shape) -> Shape:
        return (prod(shape),)

    def smallest(self, size: tuple[int, int]) -> tuple[int, int]:
        return 1, 1


@dataclass(frozen=True)
class Dense(Layer):
    """A fully connected layer with bias."""

    units: int

    @property
    def text(self) -> str:
        return f"dense {self.units}"

    def out(self, shape: Shape) -> Shape:
        return (self.units,)

    def trained(self, shape: Shape) -> int:
        return self.units * (prod(shape) + 1)

    def macs(self, shape: Shape) -> int:
        return self.units * prod(shape)

    def smallest(self, size: tuple[int, int]) -> tuple[int, int]:
        return 1, 1


@dataclass(frozen=True)
class Dropout(Layer):
    """Each number is dropped with probability `p` while training, the others scaled by 1 / (1 - p)."""

    p: float

    @property
    def text(self) -> str:
        return f"dropout {self.p!r}"


@dataclass(frozen=True)
class Residual(Layer):
    """The basic block of He et al. 2015 (arXiv 1512.03385, figure 2): conv 3x3, bn, relu, conv 3x3, bn, plus the
    input, relu; where channels or stride change, the input passes a 1x1 convolution and bn."""

    channels: int
    stride: int = 1

    @property
    def text(self) -> str:
        return f"residual {self.channels}" + (f" stride {self.stride}" if self.stride > 1 else "")

    def branch(self) -> tuple[Layer, ...]:
        """The layers of the main branch."""
        first = Conv(self.channels, (3, 3), self.stride, same=True)
        second = Conv(self.channels, (3, 3), same=True)
        return first, BatchNorm(), Activation("relu"), second, BatchNorm()

    def shortcut(self, shape: Shape) -> tuple[Layer, ...]:
        """The layers of the other branch: none where the input can be added as it is."""
        if self.stride == 1 and shape[0] == self.channels:
            return ()
        return Conv(self.channels, (1, 1), self.stride, same=True), BatchNorm()

    def out(self, shape: Shape) -> Shape:
        _maps(self, shape)
        return self.branch()[0].out(shape)

    def _sum(self, what: Literal["trained", "buffers", "macs"], shape: Shape) -> int:
        total = 0
        for branch in (self.branch(), self.shortcut(shape)):
            at = shape
            for layer in branch:
                total += getattr(layer, what)(at)
                at = layer.out(at)
        return total

    def trained(self, shape: Shape) -> int:
        return self._sum("trained", shape)

    def buffers(self, shape: Shape) -> int:
        return self._sum("buffers", shape)

    def macs(self, shape: Shape) -> int:
        return self._sum("macs", shape)

    def smallest(self, size: tuple[int, int]) -> tuple[int, int]:
        return self.branch()[0].smallest(size)
