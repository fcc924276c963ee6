"""Nets as one line of text: ``conv 6 5x5, leaky, maxpool 2, dense 120, leaky``. The output layer is added.

The text parses to a frozen spec that knows its shapes, parameters, multiply-adds and the smallest image it accepts,
and prints back to the same text.

    conv N HxW [stride S] [same|valid]   convolution with bias, N channels; valid unless said otherwise
    bn                                   batch normalisation
    relu  leaky [SLOPE]  gelu  tanh  abs activations; leaky's slope is 0.2 unless given
    maxpool K [stride S]  avgpool K [stride S]   windows of K x K; the stride is K unless given
    globalmax  globalavg                 one number per channel
    flatten                              done before a dense layer in any case
    dense N                              fully connected with bias, N units
    dropout P                            0 <= P < 1
    residual N [stride S]                conv 3x3, bn, relu, conv 3x3, bn, plus the input, relu
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

from secondlook.errors import UsageError
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

# Far above any net this package is for, far below what would exhaust a machine's memory before a word is said.
LARGEST_NUMBER = 65_536
LARGEST_NET = 500_000_000


@dataclass(frozen=True)
class Count:
    """Numbers of a net on one input shape: trained, stored for prediction, multiply-adds per image."""

    trained: int
    stored: int
    macs: int


@dataclass(frozen=True)
class Net:
    """A parsed net, without its output layer."""

    layers: tuple[Layer, ...]

    @property
    def text(self) -> str:
        """The canonical text; parsing it gives this net again."""
        return ", ".join(layer.text for layer in self.layers)

    def shapes(self, image: tuple[int, int, int], outputs: int) -> tuple[Shape, ...]:
        """The shape after each layer and after the output layer, for one image of (h, w, c).

        Raises:
            UsageError: a layer does not fit what comes before it, or the image is too small.
        """
        h, w, c = image
        least = self.smallest()
        if h < least[0] or w < least[1]:
            raise UsageError(f"expected images of at least {least[0]}x{least[1]} for this net, got {h}x{w}")
        return tuple(after for _, _, after in self._walk((c, h, w), outputs))

    def _walk(self, shape: Shape, outputs: int) -> Iterator[tuple[Layer, Shape, Shape]]:
        for layer in (*self.layers, Dense(outputs)):
            after = layer.out(shape)
            yield layer, shape, after
            shape = after

    def count(self, image: tuple[int, int, int], outputs: int) -> Count:
        """Trained and stored numbers and multiply-adds for images of (h, w, c), the output layer included.

        A soft-max over two classes has two outputs; the same net with one sigmoid unit has ``outputs=1``.
        """
        self.shapes(image, outputs)
        h, w, c = image
        trained = buffers = macs = 0
        for layer, before, _ in self._walk((c, h, w), outputs):
            trained += layer.trained(before)
            buffers += layer.buffers(before)
            macs += layer.macs(before)
        return Count(trained, trained + buffers, macs)

    def activations(self, image: tuple[int, int, int], outputs: int) -> int:
        """Numbers that one image leaves behind on its way through, all layers together: what a batch costs."""
        return sum(prod(shape) for shape in self.shapes(image, outputs))

    def smallest(self) -> tuple[int, int]:
        """The smallest height and width of an image that this net accepts."""
        size = (1, 1)
        for layer in reversed(self.layers):
            size = layer.smallest(size)
        return size

    @property
    def convolutional(self) -> bool:
        """Whether any layer looks at neighbouring pixels."""
        return any(isinstance(layer, Conv | Residual) for layer in self.layers)

    def __str__(self) -> str:
        return self.text


class _Words:
    """The words of one layer, taken from the left."""

    def __init__(self, words: list[str]) -> None:
        self.words = words

    def take(self, pattern: str, what: str) -> re.Match[str]:
        word = self.words.pop(0) if self.words else ""
        match = re.fullmatch(pattern, word)
        if not match:
            raise ValueError(f"expected {what}, got {word!r}" if word else f"expected {what}, got nothing")
        return match

    def number(self, what: str) -> int:
        return self.within(int(self.take(r"\d{1,12}", what)[0]), what)

    def within(self, value: int, what: str) -> int:
        if not 1 <= value <= LARGEST_NUMBER:
            raise ValueError(f"expected {what} between 1 and {LARGEST_NUMBER:,}, got {value:,}")
        return value

    def decimal(self, what: str) -> float:
        return float(self.take(r"\d*\.?\d+(e-?\d+)?", what)[0])

    def stride(self, default: int) -> int:
        if self.words[:1] != ["stride"]:
            return default
        del self.words[0]
        return self.number("a stride, a whole number")

    def word(self, *choices: str) -> str:
        return self.words.pop(0) if self.words and self.words[0] in choices else ""


def _conv(words: _Words) -> Layer:
    channels = words.number("a number of channels")
    size = words.take(r"(\d{1,6})x(\d{1,6})", "a kernel size such as 3x3")
    kernel = words.within(int(size[1]), "a kernel height"), words.within(int(size[2]), "a kernel width")
    stride = words.stride(1)
    return Conv(channels, kernel, stride, same=words.word("same", "valid") == "same")


def _pool(kind: str) -> Callable[[_Words], Layer]:
    def parse(words: _Words) -> Layer:
        kernel = words.number("a window size, a whole number")
        return Pool("max" if kind == "max" else "avg", kernel, words.stride(kernel))

    return parse


def _leaky(words: _Words) -> Layer:
    if not words.words:
        return Activation("leaky")
    slope = words.decimal("a slope such as 0.2")
    if slope >= 1:
        raise ValueError(f"expected a slope below 1, got {slope}")
    return Activation("leaky", slope)


def _dropout(words: _Words) -> Layer:
    p = words.decimal("a probability such as 0.5")
    if p >= 1:
        raise ValueError(f"expected a probability below 1, got {p}")
    return Dropout(p)


_LAYERS: dict[str, Callable[[_Words], Layer]] = {
    "conv": _conv,
    "bn": lambda words: BatchNorm(),
    "relu": lambda words: Activation("relu"),
    "leaky": _leaky,
    "gelu": lambda words: Activation("gelu"),
    "tanh": lambda words: Activation("tanh"),
    "abs": lambda words: Activation("abs"),
    "maxpool": _pool("max"),
    "avgpool": _pool("avg"),
    "globalmax": lambda words: GlobalPool("max"),
    "globalavg": lambda words: GlobalPool("avg"),
    "flatten": lambda words: Flatten(),
    "dense": lambda words: Dense(words.number("a number of units")),
    "dropout": _dropout,
    "residual": lambda words: Residual(words.number("a number of channels"), words.stride(1)),
}


def _layer(piece: str) -> Layer:
    words = _Words(piece.lower().split())
    name = words.words.pop(0) if words.words else ""
    if name not in _LAYERS:
        near = difflib.get_close_matches(name, _LAYERS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"the layers are {', '.join(_LAYERS)}"
        raise ValueError(f"expected a layer, got {name!r}; {hint}" if name else "expected a layer, got nothing")
    layer = _LAYERS[name](words)
    if words.words:
        raise ValueError(f"expected a comma after '{layer.text}', got {words.words[0]!r}")
    return layer


def parse(text: str) -> Net:
    """Parses a net's text.

    Raises:
        UsageError: names the place (layer and character) of what is wrong, and what was expected there.
    """
    layers: list[Layer] = []
    flat_after = ""
    at = 0
    for number, piece in enumerate(text.split(",") if text.strip() else [], 1):
        place = at + len(piece) - len(piece.lstrip()) + 1
        try:
            layer = _layer(piece)
            if flat_after and isinstance(layer, Conv | Pool | GlobalPool | Residual):
                raise ValueError(f"'{layer.text}' needs feature maps, but '{flat_after}' before it made them flat")
        except ValueError as error:
            message = f"the net's text is wrong at layer {number}, character {place}: {error}"
            raise UsageError(message) from None
        if isinstance(layer, Dense | Flatten | GlobalPool):
            flat_after = layer.text
        layers.append(layer)
        at += len(piece) + 1
    return Net(tuple(layers))


def enlarged(net: Net, image: tuple[int, int, int]) -> tuple[int, int, int]:
    """The (h, w, c) at which the net sees images of `image`: enlarged as a whole until the net accepts them."""
    h, w, c = image
    need_h, need_w = net.smallest()
    factor = max(need_h / h, need_w / w, 1.0)
    return max(need_h, round(h * factor)), max(need_w, round(w * factor)), c


def check_size(net: Net, image: tuple[int, int, int], outputs: int) -> None:
    """Refuses a net whose weights alone would fill a machine, before anything is allocated.

    Raises:
        UsageError: more than 500 million trained numbers.
    """
    trained = net.count(image, outputs).trained
    if trained > LARGEST_NET:
        raise UsageError(
            f"expected a net of at most {LARGEST_NET:,} trained numbers, got {trained:,} on images of "
            f"{image[0]}x{image[1]}; use fewer units, pooling, or a smaller --size"
        )
