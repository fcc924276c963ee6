"""The slash study's set: a short diagonal on a light, noisy ground, which only convolution tells apart from the other.

Source: the slash study, http://soph.info/slash-data, and its file slash_data.npz (CC BY 4.0), whose distribution was
read off: see `make_slash`.
"""

from __future__ import annotations

import numpy as np

from secondlook import seeds
from secondlook.data.read.arrays import from_arrays
from secondlook.errors import UsageError
from secondlook.types import ImageSet

CLASSES = ("\\", "/")


def make_slash(n: int = 1000, *, size: int = 30, noise: float = 0.25, length: int = 4, seed: int = 0) -> ImageSet:
    r"""Grey images with one diagonal each: class "\" runs down to the right, class "/" down to the left.

    The ground is 1, the diagonal 0; both plus noise uniform in [-noise, noise], then clipped to [0, 1]. Start row and
    column are uniform over all places where the diagonal fits. Labels alternate, "\" first.

    Args:
        n: number of images, 2 or more.
        size: height and width in pixels.
        noise: half the width of the noise, 0 to 1; from 0.5 on, the levels of ground and diagonal overlap.
        length: pixels of the diagonal, 2 to `size`.
        seed: 0 or more.

    Returns:
        An ImageSet with pixels (n, size, size, 1), float32; uint8 when `noise` is 0, since two levels are left.
    """
    _check(n, size, noise, length, seed)
    rng = seeds.stream(seed, "slash")
    labels = np.arange(n, dtype=np.int64) % 2
    rows, columns = rng.integers(size - length + 1, size=(2, n))
    steps = np.arange(length)
    across = columns[:, None] + np.where(labels[:, None] == 0, steps, length - 1 - steps)
    # In float32 throughout: at n = 100,000 a float64 copy would be 720 MB.
    x = rng.random((n, size, size), dtype=np.float32) * np.float32(2 * noise) - np.float32(noise)
    ground = np.ones((n, size, size), dtype=np.float32)
    ground[np.arange(n)[:, None], rows[:, None] + steps, across] = 0
    x += ground
    np.clip(x, 0, 1, out=x)
    return from_arrays(
        x,
        labels,
        source="slash",
        kind=f"the slash study's images, generated (size {size}, noise {noise:g}, length {length}, seed {seed})",
        names=[f"slash:{i}" for i in range(n)],
        classes=CLASSES,
    )


def _check(n: int, size: int, noise: float, length: int, seed: int) -> None:
    whole = {"n": n, "size": size, "length": length, "seed": seed}
    for name, value in whole.items():
        if not isinstance(value, int | np.integer) or isinstance(value, bool):
            raise UsageError(f"slash: expected {name} as a whole number, got {value!r}")
    if n < 2:
        raise UsageError(f"slash: expected n of at least 2, one image per class, got {n}")
    if not 2 <= size <= 4096:
        raise UsageError(f"slash: expected a size from 2 to 4096 pixels, got {size}")
    if not 2 <= length <= size:
        raise UsageError(f"slash: expected a length from 2 to the size, {size}, got {length}")
    if not 0 <= noise <= 1:
        raise UsageError(f"slash: expected noise from 0 to 1, got {noise:g}")
    if seed < 0:
        raise UsageError(f"slash: expected a seed of 0 or more, got {seed}")
