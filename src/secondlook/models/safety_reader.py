"""The reader of label safety: a net that is trained on images as they are, and then reads others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.data import transform
from secondlook.types import IntArray

Images = NDArray[Any]
# From images, and which of all they are, to others of the same shape.
Change = Callable[[Images, slice], Images]

# It looks for details wherever they are, so that a shift alone changes little.
READER = (
    "conv 16 3x3 same, bn, relu, maxpool 2, conv 32 3x3 same, bn, relu, maxpool 2, "
    "conv 64 3x3 same, bn, relu, globalmax"
)
STEPS, BATCH, LEARNING_RATE, FEWEST_EPOCHS, MOST_EPOCHS = 1_200, 32, 3e-3, 4, 60
# The reader sees larger images at a whole fraction of their size, which makes up for the softness of what is resampled.
SEEN_SIDE = 48
_BLOCK_NUMBERS = 16_000_000


class SomeImages:
    """Some images of both parts, which stay where they are: they are taken in blocks."""

    def __init__(self, parts: Sequence[Images], places: IntArray) -> None:
        self.parts, self.places = parts, places
        self.step = max(1, _BLOCK_NUMBERS // max(1, parts[0][0].size))

    def seen(self, change: Change) -> Images:
        """All of them, changed, as the reader sees them; `change` is told which of them it gets."""
        blocks = [slice(at, at + self.step) for at in range(0, len(self.places), self.step)]
        return np.concatenate([reduced(change(self._taken(self.places[block]), block)) for block in blocks])

    def _taken(self, places: IntArray) -> Images:
        n = len(self.parts[0])
        own = [self.parts[0][places[places < n]], self.parts[1][places[places >= n] - n]]
        found = np.concatenate(own)
        order = np.argsort(places >= n, kind="stable")
        back = np.empty(len(places), np.int64)
        back[order] = np.arange(len(places))
        return np.asarray(found[back])


def reduced(images: Images) -> Images:
    """Images (n, h, w, c) as means of square blocks of pixels, so that the longer side is `SEEN_SIDE` at most."""
    n, h, w, c = images.shape
    f = -(-max(h, w) // SEEN_SIDE)
    if f == 1 or min(h, w) < f:
        return images
    cells = images[:, : h // f * f, : w // f * f].reshape(n, h // f, f, w // f, f, c)
    mean = cells.mean(axis=(2, 4), dtype=np.float32)
    return np.asarray((np.rint(mean) if images.dtype == np.uint8 else mean).astype(images.dtype))


class Reader:
    """Nets that were trained on some images, each from its own start, and other images for them to read together.

    The mean of several wavers less than one does where images are hard.
    """

    def __init__(
        self, learn: SomeImages, y: IntArray, read: SomeImages, labels: IntArray, seed: int, *, nets: int = 1
    ) -> None:
        from secondlook.models.net_classifier import NetClassifier

        rng = seeds.stream(seed, "softened")
        soft, corners = rng.random(len(y)) < 0.5, rng.choice([-0.5, 0.5], (len(y), 2))

        def softened(images: Images, block: slice) -> Images:
            # Every second image is moved by half a pixel: the softness that comes with resampling is then nothing new.
            return transform.affine(
                images, np.broadcast_to(np.eye(2), (len(images), 2, 2)), corners[block] * soft[block, None]
            )

        self.read, self.labels = read, labels
        epochs = int(np.clip(STEPS * BATCH // len(y), FEWEST_EPOCHS, MOST_EPOCHS))
        # Classes count alike, also where the best epoch is chosen.
        of_class = len(y) / np.bincount(y)
        X, held = learn.seen(softened), (read.seen(as_it_is), labels, of_class[labels])
        self.nets = [
            NetClassifier(
                READER,
                epochs=epochs,
                batch=BATCH,
                learning_rate=LEARNING_RATE,
                random_state=seeds.integer(seed, "reader", i),
            ).fit(X, y, of_class[y], valid=held)
            for i in range(nets)
        ]

    def answers(self, change: Change) -> IntArray:
        """What they read after a change, (n,)."""
        seen = self.read.seen(change)
        said = np.mean([net.predict_proba(seen) for net in self.nets], axis=0)
        return np.asarray(said.argmax(axis=1), dtype=np.int64)


def as_it_is(images: Images, block: slice) -> Images:
    """The change that changes nothing: what all others are compared with."""
    return images
