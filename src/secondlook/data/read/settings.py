"""How a source is to be read: one frozen value that every reader gets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from secondlook.data.read.pixels import check_size
from secondlook.errors import UsageError

Resize = Literal["stretch", "pad", "crop"]
RESIZES: tuple[Resize, ...] = get_args(Resize)


@dataclass(frozen=True)
class Settings:
    """The options of reading.

    Attributes:
        size: the edge in pixels to which all images are resized; None keeps a uniform native size (of photos, up to 256
            pixels), else 64.
        resize: how an image of another form becomes square: "stretch" it, "pad" it to a square with black, or "crop"
            its middle.
        group: the column of a manifest, or a regular expression on item names (its first group, else the whole match),
            that tells which items belong together; "" for none.
        strict: refuse what has faults instead of going on without them.
        cache: keep decoded images for the next start.
        root: where an archive was unpacked to: nothing outside it may be read; None where the source is no archive.
    """

    size: int | None = None
    resize: Resize = "stretch"
    group: str = ""
    strict: bool = False
    cache: bool = True
    root: Path | None = None

    def __post_init__(self) -> None:
        check_size(self.size)
        if self.resize not in RESIZES:
            raise UsageError(f"expected --resize to be one of {', '.join(RESIZES)}, got '{self.resize}'")


DEFAULT = Settings()
