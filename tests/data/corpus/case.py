"""Bad and odd inputs as people really have them, each with what must come of it: a right reading, or one sentence."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from secondlook import seeds
from secondlook.types import ImageSet

Check = Callable[[ImageSet], object]


@dataclass(frozen=True)
class Case:
    """One input.

    Attributes:
        name: what is odd about it.
        make: writes it below an empty folder; returns what a user would give.
        n: how many items are read, None where it is refused.
        classes: their classes.
        faults: (part of the name, kind) of every fault but the ignored files.
        check: more that must hold of what is read.
        error: a pattern for the sentence with which it is refused.
    """

    name: str
    make: Callable[[Path], Path]
    n: int | None = None
    classes: Sequence[str] | None = ("cat", "dog")
    faults: Sequence[tuple[str, str]] = ()
    check: Check | None = None
    error: str = ""


def noise(*shape: int, of: str = "") -> Any:
    """Bytes that differ from call to call by `of` alone."""
    return seeds.stream(0, "corpus", of, *shape).integers(0, 256, shape, dtype=np.uint8)


def save(file: Path, pixels: Any = None, **options: Any) -> Path:
    """An image file; of noise that depends on its name where no pixels are given."""
    file.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(
        noise(12, 12, 3, of=str(file.name) + file.parent.name) if pixels is None else pixels
    )  # fmt: skip
    image.save(file, **options)
    return file


def photos(folder: Path, each: int = 4) -> Path:
    """A sound set: so many images in cat and dog."""
    for name in ("cat", "dog"):
        for i in range(each):
            save(folder / name / f"{i}.png")
    return folder


def put(folder: Path, name: str, data: bytes) -> Path:
    """A sound set with one file more."""
    file = photos(folder) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    return folder


def encoded(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    """An image of 12x12 as a file's bytes."""
    stream = io.BytesIO()
    (image or Image.fromarray(noise(12, 12, 3, of=kind))).save(stream, kind, **options)
    return stream.getvalue()


def pixel(images: ImageSet, name: str, y: int = 0, x: int = 0) -> list[int]:
    """One pixel of the item of that name."""
    at = next(i for i, n in enumerate(images.names) if n.endswith(name))
    return [int(v) for v in images.pixels[at, y, x]]


def equals(expected: Any) -> Callable[[Any], None]:
    """A check by ==, that shows both sides."""

    def check(value: Any) -> None:
        assert value == expected

    return check


def cut(make: Callable[[Path], Path], share: float = 0.6) -> Callable[[Path], Path]:
    """Another input without its end."""

    def made(folder: Path) -> Path:
        file = make(folder)
        data = file.read_bytes()
        file.write_bytes(data[: int(len(data) * share)])
        return file

    return made
