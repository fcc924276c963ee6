"""Augmentation on the device: a whole batch is varied in a few calls, each image by its own amounts."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from secondlook import seeds
from secondlook.data.augment import Augmentation, Drawn, draw, parse
from secondlook.types import FloatArray

# Normal numbers that are drawn once: every step takes its noise from a random place among them, since drawing anew
# would cost more than all else here.
_POOL = 1 << 22


class Augmenter:
    """Varies batches of standardised images.

    What a step draws depends on the seed and the step's number alone: training that goes on later only has to know
    `step`, how many were taken.
    """

    def __init__(
        self, spec: Augmentation, *, seed: int, white: FloatArray, low: FloatArray, high: FloatArray, scale: float = 1
    ) -> None:
        """`white` (c,) is the full range in standardised units; images stay between `low` and `high`, (c,).

        `scale` is how many pixels of these images one of the spec's is: more than 1 where they were enlarged.
        """
        self.spec, self.seed, self.scale, self.step = spec, seed, scale, 0
        self._bounds = white, low, high
        self._pool: Tensor | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """Images (n, c, h, w), float32, as the next step sees them."""
        n, _, h, w = x.shape
        rng = seeds.stream(self.seed, "augment", self.step)
        self.step += 1
        drawn = draw(self.spec, n, h, w, rng, scale=self.scale)
        start = rng.random()
        if self.spec.moves:
            x = _moved(x, drawn)
        if self.spec.brightness or self.spec.noise:
            x = self._lit(x, drawn, start)
        return _cut(x, drawn, round(self.spec.cutout * self.scale)) if self.spec.cutout else x

    def _lit(self, x: Tensor, drawn: Drawn, start: float) -> Tensor:
        """Brighter or darker, and noisy, within the range."""
        white, low, high = (_tensor(bound, x)[:, None, None] for bound in self._bounds)
        more = x + _tensor(drawn.brightness, x)[:, None, None, None] * white
        if self.spec.noise:
            more.addcmul_(self._noise(x, start), _tensor(drawn.noise, x)[:, None, None, None] * white)
        return more.clamp_(low, high)

    def _noise(self, x: Tensor, start: float) -> Tensor:
        if self._pool is None or len(self._pool) < 2 * x.numel():
            generator = torch.Generator(x.device).manual_seed(seeds.integer(self.seed, "augment", "noise"))
            self._pool = torch.randn(max(_POOL, 2 * x.numel()), generator=generator, device=x.device)
        at = int(start * (len(self._pool) - x.numel()))
        n, c, h, w = x.shape
        # In the memory order of the images, which are channels last.
        return self._pool[at : at + x.numel()].view(n, h, w, c).permute(0, 3, 1, 2)


def augmenter(
    text: str, X: NDArray[Any], image: tuple[int, int, int], *, mean: FloatArray, scale: FloatArray, seed: int
) -> Augmenter | None:
    """What varies training images `X` (n, h, w, c) by an augmentation's text; None where it varies nothing.

    Args:
        image: (h, w, c) as the net sees them, enlarged where it asks for more.
        mean, scale: (c,), they standardise pixels: (x - mean) / scale.

    Raises:
        UsageError: the text is no augmentation, or too strong for images of this size.
    """
    spec = parse(text)
    if spec == Augmentation():
        return None
    spec.check_fits(*X.shape[1:3])
    low, high, white = 0.0, 255.0, 255.0
    if X.dtype != np.uint8:
        # Pixels as `ImageSet` holds them lie in [0, 1]; a user's own numbers keep to their own range.
        low, high, white = min(0.0, float(X.min())), max(1.0, float(X.max())), 1.0
    return Augmenter(
        spec,
        seed=seed,
        white=white / scale,
        low=(low - mean) / scale,
        high=(high - mean) / scale,
        scale=image[0] / X.shape[1],
    )


def _tensor(array: FloatArray, like: Tensor) -> Tensor:
    return torch.from_numpy(array).to(like.device, torch.float32)


def _moved(x: Tensor, drawn: Drawn) -> Tensor:
    """Resampled: bilinear between pixels, the nearest border pixel outside; memory stays channels last."""
    h, w = x.shape[2:]
    # PyTorch counts in half sides, x before y: -1 is the first pixel's centre and 1 the last one's. Its own
    # affine_grid makes the same numbers by a matrix product per image, in three times the time.
    half = torch.tensor([max(w - 1, 1) / 2, max(h - 1, 1) / 2], device=x.device)
    m, v = _tensor(drawn.matrices, x).flip(1) / half[:, None], _tensor(drawn.offsets, x).flip(1) / half
    y, x_ = (torch.arange(size, dtype=torch.float32, device=x.device) - (size - 1) / 2 for size in (h, w))
    down = y[:, None] * m[:, None, :, 0] + v[:, None]
    across = x_[:, None] * m[:, None, :, 1]
    grid = down[:, :, None] + across[:, None]
    moved = nn.functional.grid_sample(x.contiguous(), grid, padding_mode="border", align_corners=True)
    return moved.contiguous(memory_format=torch.channels_last)


def _cut(x: Tensor, drawn: Drawn, side: int) -> Tensor:
    """With a hole of the image's mean colour."""
    centres = _tensor(drawn.holes, x)
    rows, columns = (_inside(centres[:, i], x.shape[2 + i], side) for i in (0, 1))
    hole = (rows[:, :, None] & columns[:, None, :])[:, None]
    return torch.where(hole, x.mean((2, 3), keepdim=True), x)


def _inside(centre: Tensor, size: int, side: int) -> Tensor:
    first = (centre * size).floor()[:, None] - side // 2
    at = torch.arange(size, device=centre.device)
    return (at >= first) & (at < first + side)
