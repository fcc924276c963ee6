"""A few numbers per image: how bright, how contrasted, how colourful, how sharp, and what its border looks like."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.types import ImageSet

# Values per block: 1 MB as float32, so that a block stays in the cache and a memory map is never copied as a whole.
_BLOCK_VALUES = 1 << 18

# ITU-R BT.601, as Pillow turns colours into greys.
_LUMA = (np.float32(0.299), np.float32(0.587), np.float32(0.114))


@dataclass(frozen=True, eq=False)
class Statistics:
    """Numbers of n images, float32 arrays (n,), all in [0, 1]; "grey" is the luma (BT.601) of a pixel.

    Attributes:
        mean: brightness: the mean grey.
        contrast: the standard deviation of the greys; at most 0.5.
        low, high: the darkest and the brightest grey.
        sharpness: the mean difference between a grey and its neighbours to the right and below.
        border_mean: the mean grey of the frame, 1 pixel wide (1/32 of the shorter side in images larger than that).
        border_contrast: the standard deviation of the greys of the frame.
        red, green, blue: the mean of each channel; the mean grey for images of one channel.
        saturation: how far the channels of a pixel are apart, as a share of the largest (as in HSV), bright pixels
            counting in proportion; 0 for images of one channel.
    """

    mean: NDArray[np.float32]
    contrast: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    sharpness: NDArray[np.float32]
    border_mean: NDArray[np.float32]
    border_contrast: NDArray[np.float32]
    red: NDArray[np.float32]
    green: NDArray[np.float32]
    blue: NDArray[np.float32]
    saturation: NDArray[np.float32]


def statistics(images: ImageSet) -> Statistics:
    """The numbers of every image, computed block by block."""
    h, w, c = images.shape
    frame = _frame(h, w)
    step = max(1, _BLOCK_VALUES // (h * w * c))
    table = np.empty((len(fields(Statistics)), len(images)), np.float32)
    for i in range(0, len(images), step):
        table[:, i : i + step] = _measure(images.pixels[i : i + step], frame)
    # Sums of float32 may pass the ends by a rounding.
    return Statistics(*np.clip(table, 0, 1, out=table))


def _frame(h: int, w: int) -> NDArray[np.bool_]:
    """Which pixels (h * w,) are the border."""
    width = max(1, min(h, w) // 32)
    inside = np.zeros((h, w), dtype=np.bool_)
    inside[width : h - width, width : w - width] = True
    return ~inside.ravel()


def _measure(block: NDArray[Any], frame: NDArray[np.bool_]) -> NDArray[np.float32]:
    """One line per field of Statistics, for pixels (b, h, w, c)."""
    b, h, w, c = block.shape
    full = np.float32(255 if block.dtype == np.uint8 else 1)
    planes = [block[..., channel].reshape(b, h * w).astype(np.float32) for channel in range(c)]
    means = [plane.mean(axis=1) for plane in planes]
    if c == 1:
        grey, means, saturation = planes[0], means * 3, np.zeros(b, np.float32)
    else:
        saturation = _saturation(planes)
        red, green, blue = planes
        grey = red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2]
    mean, contrast = _moments(grey)
    border_mean, border_contrast = _moments(grey[:, frame])
    low, high, sharpness = grey.min(axis=1), grey.max(axis=1), _sharpness(grey.reshape(b, h, w))
    levels = [mean, contrast, low, high, sharpness, border_mean, border_contrast, *means]
    return np.stack([*(level / full for level in levels), saturation])


def _saturation(planes: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """The sum of largest less smallest channels as a share of the sum of the largest, (b,); 0 for black."""
    red, green, blue = planes
    largest, smallest = np.maximum(red, green), np.minimum(red, green)
    np.maximum(largest, blue, out=largest)
    np.minimum(smallest, blue, out=smallest)
    bright = largest.sum(axis=1)
    largest -= smallest
    return np.asarray(largest.sum(axis=1) / np.maximum(bright, np.finfo(np.float32).tiny))


def _moments(grey: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation of every line."""
    mean = grey.mean(axis=1, dtype=np.float32)
    centred = grey - mean[:, None]
    return mean, np.sqrt(np.einsum("ij,ij->i", centred, centred) / np.float32(grey.shape[1]))


def _sharpness(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean absolute difference between neighbours, (b,); 0 where there are none."""
    total, pairs = np.zeros(len(grey), np.float32), 0
    for across, along in ((grey[:, :, 1:], grey[:, :, :-1]), (grey[:, 1:], grey[:, :-1])):
        if across[0].size:
            steps = across - along
            total += np.abs(steps, out=steps).sum(axis=(1, 2))
            pairs += steps[0].size
    return total / np.float32(max(1, pairs))
