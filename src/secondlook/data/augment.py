"""Augmentation: how training images are varied at random, as one line of text: ``shift=2,rotate=10,flip``.

The text parses to a frozen spec; `draw` gives each image of a batch its own amounts, and `apply` carries them out on
arrays. Engines carry out the same amounts on their own device.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.transform import affine, brightness, noise
from secondlook.errors import UsageError
from secondlook.types import FloatArray, IntArray

# The word that asks for what the labels allow; see `secondlook.models.label_safety`.
AUTO = "auto"


@dataclass(frozen=True)
class Augmentation:
    """What is varied and by how much at most; every image draws its own amount, anew in every step.

    Attributes:
        shift: whole pixels down or up, and right or left.
        rotate: degrees, either way.
        shear: degrees that upright strokes lean, either way.
        zoom: by what share an image is enlarged or made smaller: 0.2 is a factor from 1/1.2 to 1.2.
        crop: the smallest share of each side that a random window keeps, which is then enlarged; 1 is no crop.
        flip, vflip: mirrored in half of the cases: left and right, top and bottom.
        brightness: a share of the range, brighter or darker.
        noise: the largest standard deviation, as a share of the range.
        cutout: the side in pixels of a square at a random place, filled with the image's mean colour.
            Source: DeVries and Taylor 2017 (arXiv 1708.04552).
    """

    shift: int = 0
    rotate: float = 0
    shear: float = 0
    zoom: float = 0
    crop: float = 1
    flip: bool = False
    vflip: bool = False
    brightness: float = 0
    noise: float = 0
    cutout: int = 0

    def __str__(self) -> str:
        """The text that parses to this; nothing is "no augmentation"."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return ",".join(name if value is True else f"{name}={value:.12g}" for name, value in given.items())

    @property
    def moves(self) -> bool:
        """Whether pixels change their places."""
        return bool(self.shift or self.rotate or self.shear or self.zoom or self.crop != 1 or self.flip or self.vflip)

    def check_fits(self, h: int, w: int) -> None:
        """Refuses what leaves nothing of images of this height and width.

        Raises:
            UsageError: a shift or a cutout as large as the images.
        """
        for name in ("shift", "cutout"):
            if getattr(self, name) >= min(h, w):
                raise UsageError(
                    f"expected {name} in --augment below the images' {min(h, w)} pixels, got {getattr(self, name)}; "
                    "take a smaller one"
                )


def _is_pixels(x: float) -> bool:
    return 1 <= x <= 4096 and x == int(x)


def _up_to(most: float) -> Callable[[float], bool]:
    return lambda x: 0 < x <= most


# What a word's number is, an example, and whether a number is in its range. Flips take no number.
_WORDS: dict[str, tuple[str, str, Callable[[float], bool]]] = {
    "shift": ("whole pixels from 1 to 4096", "shift=2", _is_pixels),
    "rotate": ("degrees above 0, up to 180", "rotate=10", _up_to(180)),
    "shear": ("degrees above 0, up to 60", "shear=10", _up_to(60)),
    "zoom": ("a share above 0, up to 1", "zoom=0.2", _up_to(1)),
    "crop": ("the share of a side that is kept, from 0.1 to below 1", "crop=0.8", lambda x: 0.1 <= x < 1),
    "brightness": ("a share of the range above 0, up to 1", "brightness=0.2", _up_to(1)),
    "noise": ("a share of the range above 0, up to 1", "noise=0.1", _up_to(1)),
    "cutout": ("whole pixels from 1 to 4096", "cutout=8", _is_pixels),
}
_NAMES = tuple(f.name for f in fields(Augmentation))


def parse(text: str) -> Augmentation:
    """The spec of a text such as ``shift=2,rotate=10,flip``; no text is no augmentation.

    Raises:
        UsageError: an unknown word (the nearest known one is suggested), one given twice, or a number out of range.
    """
    found: dict[str, Any] = {}
    for part in text.split(",") if text.strip() else []:
        name, equals, value = (word.strip() for word in part.partition("="))
        if name == AUTO:
            raise UsageError(
                f"expected the words of an augmentation, such as shift=2,flip, got '{text}'; auto stands "
                "alone, and only compare can decide what it means"
            )
        if name not in _NAMES:
            raise UsageError(_unknown(name))
        if name in found:
            raise UsageError(f"expected each word of --augment once, got '{name}' twice")
        found[name] = _amount(name, value if equals else None, part.strip())
    return Augmentation(**found)


def checked(text: str) -> str:
    """What was asked for in full: "auto", or a spec's own text.

    Raises:
        UsageError: as `parse`.
    """
    return AUTO if text.strip() == AUTO else str(parse(text))


def _amount(name: str, value: str | None, part: str) -> bool | int | float:
    if name not in _WORDS:
        if value is not None:
            raise UsageError(f"expected {name} in --augment without a number, got '{part}'; write {name}")
        return True
    unit, example, fits = _WORDS[name]
    try:
        amount = float(value or "")
    except ValueError:
        amount = float("nan")  # fits no range
    if not fits(amount):
        raise UsageError(f"expected {name} in --augment as {unit}, such as {example}, got '{part}'")
    return int(amount) if fits is _is_pixels else amount


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), [*_NAMES, AUTO], n=1, cutoff=0.4)
    hint = f", did you mean '{near[0]}'?" if near else ";"
    return f"there is no augmentation '{name}'{hint} the words are {', '.join(_NAMES)}, or {AUTO} alone"


@dataclass(frozen=True, eq=False)
class Drawn:
    """What was drawn for n images.

    Attributes:
        matrices (n, 2, 2), offsets (n, 2): the map as `transform.affine` takes it, in pixels from the centre, (y, x).
        brightness, noise: shares of the range, (n,).
        holes: (y, x) of the centre of each image's hole, as shares of the sides, (n, 2).
    """

    matrices: FloatArray
    offsets: FloatArray
    brightness: FloatArray
    noise: FloatArray
    holes: FloatArray


def draw(spec: Augmentation, n: int, h: int, w: int, rng: np.random.Generator, *, scale: float = 1) -> Drawn:
    """Amounts for n images of height h and width w, every one uniform over its range.

    Args:
        scale: how many pixels here one pixel of the spec's is, where images were enlarged for a net.
    """
    # All numbers in one call, whatever the spec: a batch is small, and a call costs more than its numbers.
    u = rng.random((13, n))
    angle, lean = (np.deg2rad(by * (2 * u[i] - 1)) for i, by in ((0, spec.rotate), (1, spec.shear)))
    cos, sin, tan = np.cos(angle), np.sin(angle), np.tan(lean)
    kept = spec.crop + (1 - spec.crop) * u[2]
    size = kept * (1 + spec.zoom) ** (2 * u[3] - 1)
    mirror_x, mirror_y = (np.where(u[i] < 0.5, -1.0, 1.0) if on else 1.0 for i, on in ((4, spec.flip), (5, spec.vflip)))
    # From the new image back to the old: turned back, then leant back, then sized, then mirrored.
    matrices = np.empty((n, 2, 2))
    matrices[:, 0, 0], matrices[:, 0, 1] = size * mirror_y * cos, size * mirror_y * sin
    matrices[:, 1, 0], matrices[:, 1, 1] = size * mirror_x * (tan * cos - sin), size * mirror_x * (tan * sin + cos)
    moved = scale * np.floor((2 * spec.shift + 1) * u[6:8].T - spec.shift)
    window = (1 - kept)[:, None] * (u[8:10].T - 0.5) * np.array([h - 1, w - 1])
    offsets = window - (matrices @ moved[:, :, None])[:, :, 0]
    return Drawn(matrices, offsets, spec.brightness * (2 * u[10] - 1), spec.noise * u[11], rng.random((n, 2)))


def apply(spec: Augmentation, images: NDArray[Any], drawn: Drawn, rng: np.random.Generator) -> NDArray[Any]:
    """Images (n, h, w, c), uint8 or float32, varied by what was drawn; `rng` gives the noise of each number."""
    if spec.moves:
        images = affine(images, drawn.matrices, drawn.offsets)
    if spec.brightness:
        images = brightness(images, drawn.brightness)
    if spec.noise:
        images = noise(images, drawn.noise, rng=rng)
    return _cut(images, drawn.holes, spec.cutout) if spec.cutout else images


def _cut(images: NDArray[Any], holes: FloatArray, side: int) -> NDArray[Any]:
    mean = images.mean(axis=(1, 2), keepdims=True).astype(images.dtype)
    rows, columns = (_inside(holes[:, i], images.shape[1 + i], side) for i in (0, 1))
    return np.where((rows[:, :, None] & columns[:, None, :])[..., None], mean, images)


def _inside(centre: FloatArray, size: int, side: int) -> NDArray[np.bool_]:
    """Which rows (or columns) a hole of so many pixels covers, (n, size); at the border it may reach outside."""
    first: IntArray = np.floor(centre * size).astype(np.int64)[:, None] - side // 2
    at = np.arange(size)
    return np.asarray((at >= first) & (at < first + side))
