"""The numbers a net starts from, drawn without PyTorch: the very bits that `torch_net.build` draws from the same seed.

PyTorch takes longer to import than a small net to train. Its generator is the Mersenne Twister, as NumPy's older one
is, and a float32 of its uniform law is made of the lower 24 of each 32 bits. (It is the last bit that may differ on
processors without a fused multiply-add.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.models.layers import BatchNorm, Conv, Dense, GlobalPool, Layer, Residual, Shape
from secondlook.models.net import Net

_BITS = 24


@dataclass(frozen=True)
class Initial:
    """What a net starts from.

    Attributes:
        values: by the names and in the order of PyTorch's `state_dict`.
        parameters: names of those that are trained, in the same order.
    """

    values: dict[str, NDArray[Any]] = field(default_factory=dict)
    parameters: list[str] = field(default_factory=list)


def initial(net: Net, image: tuple[int, int, int], outputs: int, *, seed: int) -> Initial:
    """What a net for images of (h, w, c) starts from, with its output layer."""
    h, w, c = image
    found = Initial()
    for name, layer, shape in _placed((*net.layers, Dense(outputs)), (c, h, w), ""):
        if isinstance(layer, BatchNorm):
            _norm(found, name, shape[0])
        else:
            sizes = _weights(layer, shape)
            found.values[f"{name}.weight"] = np.empty(sizes, np.float32)
            found.values[f"{name}.bias"] = np.zeros(sizes[0], np.float32)
            found.parameters.extend((f"{name}.weight", f"{name}.bias"))
    _draw([array for array in found.values.values() if array.ndim > 1], seeds.integer(seed, "init"))
    return found


def _placed(layers: tuple[Layer, ...], shape: Shape, before: str) -> Iterator[tuple[str, Layer, Shape]]:
    """The layers that have numbers, each with its name and the shape of what it takes."""
    at = 0
    for layer in layers:
        if isinstance(layer, Residual):
            yield from _placed(layer.branch(), shape, f"{before}{at}.branch.")
            yield from _placed(layer.shortcut(shape), shape, f"{before}{at}.shortcut.")
        many = _modules(layer, shape)
        if isinstance(layer, Conv | Dense | BatchNorm):
            yield f"{before}{at + many - 1}", layer, shape
        at, shape = at + many, layer.out(shape)


def _modules(layer: Layer, shape: Shape) -> int:
    """How many modules PyTorch has for it: one pads, or flattens, before or after another."""
    match layer:
        case Conv():
            padded = layer.same and layer.kernel != (1, 1) and not all(k % 2 for k in layer.kernel)
            return 1 + padded
        case Dense():
            return 1 + (len(shape) == 3)
        case GlobalPool():
            return 2
    return 1


def _weights(layer: Layer, shape: Shape) -> tuple[int, ...]:
    if isinstance(layer, Conv):
        return (layer.channels, shape[0], *layer.kernel)
    assert isinstance(layer, Dense)
    return (layer.units, prod(shape))


def _norm(found: Initial, name: str, channels: int) -> None:
    one, zero = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    found.values.update({f"{name}.weight": one, f"{name}.bias": zero})
    found.values.update({f"{name}.running_mean": zero.copy(), f"{name}.running_var": one.copy()})
    found.values[f"{name}.num_batches_tracked"] = np.array(0)
    found.parameters.extend((f"{name}.weight", f"{name}.bias"))


def _draw(weighted: list[NDArray[Any]], seed: int) -> None:
    """He's uniform law before each hidden layer, Glorot's for the output; see `torch_net`."""
    stream = np.random.RandomState(seed % 2**32)  # a stream of its own, seeded as PyTorch seeds its
    for array in weighted:
        fan_out, fan_in = (n * prod(array.shape[2:]) for n in array.shape[:2])
        bound = sqrt(3) * (sqrt(2) / sqrt(fan_in))
        if array is weighted[-1]:
            bound = sqrt(3) * sqrt(2 / (fan_in + fan_out))
        bits = stream.randint(0, 2**32, array.size, np.uint32) & np.uint32(2**_BITS - 1)
        low, high = np.float32(-bound), np.float32(bound)
        # float64 holds this without rounding, so that it is rounded once, as by a fused multiply-add.
        drawn = bits * 2.0**-_BITS * np.float64(high - low) + np.float64(low)
        array[...] = drawn.reshape(array.shape)
