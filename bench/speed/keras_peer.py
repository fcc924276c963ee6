"""Keras 3 on TensorFlow: the same net built from its text, trained by `model.fit`."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from bench.speed.clock import Clock
from bench.speed.task import Task
from keras import layers
from numpy.typing import NDArray

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
    Shape,
)

# Steps that TensorFlow takes in one call, where the peer is tuned; by default it returns to Python after each.
STEPS_PER_CALL = 16


class Keras:
    """A Sequential model compiled with its defaults; Adam's epsilon and batch norm's numbers are PyTorch's.

    Keras adds epsilon before the bias correction, PyTorch after it: the outputs of LeNet after 16 steps agree to 2e-2,
    and to 1e-5 with an epsilon of next to nothing.
    """

    def __init__(self, task: Task) -> None:
        tf.config.threading.set_intra_op_parallelism_threads(task.threads)
        tf.config.threading.set_inter_op_parallelism_threads(task.threads)
        if task.device == "cpu":
            tf.config.set_visible_devices([], "GPU")
        self.device = "cuda" if tf.config.get_visible_devices("GPU") else "cpu"
        keras.utils.set_random_seed(task.seed)
        self.batch = task.batch
        found = task.loaded()
        self.images, self.labels = found.pixels.astype(np.float32) / 255, found.labels
        self.model = model(task)
        calls = {"steps_per_execution": STEPS_PER_CALL} if task.tuned else {}
        self.detail = f"{STEPS_PER_CALL} steps per execution" if task.tuned else ""
        self.model.compile(
            keras.optimizers.Adam(task.learning_rate, epsilon=1e-8),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            **calls,
        )

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        parts = [
            self.model(pixels[at : at + 512] / np.float32(255), training=False) for at in range(0, len(pixels), 512)
        ]
        found: NDArray[np.float32] = np.concatenate(parts)
        return found

    def train(self, clock: Clock) -> None:
        # One call, since each call of fit makes its pipeline anew.
        self.model.fit(
            self.images, self.labels, batch_size=self.batch, epochs=10**6, verbose=0, callbacks=[_Until(clock)]
        )


class _Until(keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.stop_training = not self.clock.lap()


def model(task: Task) -> Any:
    """The net with the case's weights, brought from PyTorch's order (channels first) to TensorFlow's."""
    net, image = task.net, task.image
    shapes: list[Shape] = [(image[2], *image[:2]), *net.shapes(image, task.outputs)]
    given = _weights(task)
    made = keras.Sequential([layers.Input(image)])
    for layer, shape in zip((*net.layers, Dense(task.outputs)), shapes, strict=False):
        for part in _layers(layer, shape):
            made.add(part)
        if isinstance(layer, Conv | Dense | BatchNorm):
            made.layers[-1].set_weights(_transposed(layer, shape, next(given)))
    return made


def _weights(task: Task) -> Iterator[list[NDArray[Any]]]:
    """The arrays of each layer that has any, in order, without batch norm's counts of batches."""
    found: dict[str, list[NDArray[Any]]] = {}
    for name, value in task.weights().items():
        if not name.endswith("num_batches_tracked"):
            found.setdefault(name.rpartition(".")[0], []).append(value)
    return iter(found.values())


def _layers(layer: Layer, shape: Shape) -> list[Any]:
    match layer:
        case Conv(same=False):
            return [layers.Conv2D(layer.channels, layer.kernel, layer.stride)]
        case BatchNorm():
            return [layers.BatchNormalization(epsilon=1e-5, momentum=0.9)]
        case Activation(kind="relu"):
            return [layers.ReLU()]
        case Activation(kind="leaky"):
            return [layers.LeakyReLU(layer.slope)]
        case Pool(kind="max"):
            return [layers.MaxPool2D(layer.kernel, layer.stride)]
        case GlobalPool():
            return [layers.GlobalMaxPool2D() if layer.kind == "max" else layers.GlobalAvgPool2D()]
        case Flatten():
            return [layers.Flatten()]
        case Dense():
            return [*([layers.Flatten()] if len(shape) == 3 else []), layers.Dense(layer.units)]
        case Dropout():
            return [layers.Dropout(layer.p)]
    raise NotImplementedError(f"expected a layer of the seven nets, got {layer.text}; add it here")


def _transposed(layer: Layer, shape: Shape, arrays: list[NDArray[Any]]) -> list[NDArray[Any]]:
    match layer:
        case Conv():
            return [arrays[0].transpose(2, 3, 1, 0), arrays[1]]
        case Dense():
            # Feature maps are flattened channel by channel there, pixel by pixel here.
            weight = arrays[0].reshape(-1, *shape).transpose(*range(2, len(shape) + 1), 1, 0)
            return [weight.reshape(prod(shape), -1), arrays[1]]
    return arrays
