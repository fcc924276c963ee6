"""The seven nets of the studies: their images, the study's batch, and how much of each is timed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import secondlook as sl
from secondlook.models.engines.choice import Precision
from secondlook.models.ladder import ladder
from secondlook.models.layers import Dense
from secondlook.models.net import Net, parse
from secondlook.types import IntArray

# Keras trains with this many images per step unless told otherwise, and two of the studies told it nothing.
KERAS_BATCH = 32


class Images(NamedTuple):
    """uint8 (n, h, w, c) and int64 (n,)."""

    pixels: NDArray[np.uint8]
    labels: IntArray

    def first(self, n: int) -> Images:
        """So many images; the set is repeated where it has fewer."""
        index = np.arange(n) % len(self.labels)
        return Images(self.pixels[index], self.labels[index])


@dataclass(frozen=True)
class Case:
    """A net as a study trains it.

    Attributes:
        title: the study and its net.
        model: its name on the ladder, which holds its text.
        source: its images, below SECONDLOOK_DATA.
        image: (h, w, c). outputs: classes.
        batch: images per step in the study.
        pass_images: images of one timed pass; slash's 750 are repeated, so that what a peer does once per pass weighs
            little.
        large: whether it is timed with `precision="auto"`; the small nets are with float32.
        n_train, epochs, learning_rate, seeds: of the comparison of accuracies.
    """

    title: str
    model: str
    source: str
    image: tuple[int, int, int]
    outputs: int
    batch: int
    pass_images: int
    n_train: int
    epochs: int
    large: bool = False
    learning_rate: float = 1e-3
    seeds: int = 20

    @property
    def net(self) -> Net:
        return parse(self.text)

    @property
    def text(self) -> str:
        text = ladder()[self.model].net
        assert text, f"{self.model} is no net"
        return text

    @property
    def precision(self) -> Precision:
        return "auto" if self.large else "fp32"

    @property
    def flops(self) -> float:
        """Floating-point operations of a training step, per image.

        A multiply-add is two, and each is done three times: forward, for the weights' gradient, and for the input's.
        The first layer's input needs no gradient.
        """
        shapes: list[tuple[int, ...]] = [(self.image[2], *self.image[:2]), *self.net.shapes(self.image, self.outputs)]
        macs = [
            layer.macs(shape) for layer, shape in zip((*self.net.layers, Dense(self.outputs)), shapes, strict=False)
        ]
        return 2.0 * (3 * sum(macs) - next(count for count in macs if count))


CASES = (
    Case("Quick, Draw! FC", "mlp-small", "quickdraw/bitmaps_10x4000", (28, 28, 1), 10, 64, 32_768, 32_000, 10),
    Case("Quick, Draw! CNN 2", "cnn-small", "quickdraw/bitmaps_10x4000", (28, 28, 1), 10, 64, 16_384, 32_000, 10),
    Case(
        "slash, tiny", "cnn-tiny", "slash/slash_data.npz", (30, 30, 1), 2, KERAS_BATCH, 8_192, 750, 80,
        learning_rate=1e-2,
    ),
    Case(
        "slash, vanilla", "cnn-vanilla", "slash/slash_data.npz", (30, 30, 1), 2, KERAS_BATCH, 8_192, 750, 80,
        learning_rate=1e-2,
    ),
    Case("digits, LeNet", "lenet", "mnist", (28, 28, 1), 10, KERAS_BATCH, 8_192, 37_800, 5),
    # The study does not say its batch; 128 is that of Keras' own MNIST example.
    Case("hard digits, convnet", "convnet", "mnist", (28, 28, 1), 10, 128, 1_280, 60_000, 3, large=True, seeds=5),
    # Ten epochs, the study's first round: after six the net still gives all the same answer, and nothing is compared.
    Case(
        "hotdog, 120x120", "cnn-wide", "hotdog/food101_64px", (120, 120, 3), 2, 100, 400, 4_900, 10, large=True,
        seeds=10,
    ),
)  # fmt: skip


def chosen(names: Sequence[str]) -> list[Case]:
    """The cases of these models, all by default."""
    unknown = set(names) - {case.model for case in CASES}
    if unknown:
        sys.exit(f"expected nets among {', '.join(case.model for case in CASES)}; got {', '.join(sorted(unknown))}")
    return [case for case in CASES if not names or case.model in names]


def data() -> Path:
    """The folder of the studies' data; ends the program where none is named."""
    if "SECONDLOOK_DATA" not in os.environ:
        sys.exit("needs SECONDLOOK_DATA, the folder with mnist/, slash/, quickdraw/ and hotdog/")
    return Path(os.environ["SECONDLOOK_DATA"])


@cache
def _read(source: str, size: int) -> Any:
    return sl.read(data() / source, size=size)


def images(case: Case) -> tuple[Images, Images]:
    """Its training images, at most `n_train`, and its test images, both in a seeded order.

    Nothing is chosen by validation images here, so those of a source that has some test as well.
    """
    found = _read(case.source, case.image[0])
    pixels = found.pixels if found.pixels.dtype == np.uint8 else np.rint(found.pixels * 255).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(pixels))
    if found.parts is None:  # slash and the drawings come in one piece
        train, test = order[: case.n_train], order[case.n_train :]
    else:
        train, test = order[found.parts[order] == "train"][: case.n_train], order[found.parts[order] != "train"]
    return Images(pixels[train], found.labels[train]), Images(pixels[test], found.labels[test])
