"""Encoded images on their way to pixels: what readers of photos, manifests and Parquet hand to one decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from secondlook.types import Fault


@dataclass(frozen=True)
class Listing:
    """n encoded images, not read yet.

    Attributes:
        names: n names, relative to the source, or file and row.
        labels: n class names; None where unknown.
        files: the files whose path, size and time tell whether the cache is fresh: n image files, or the few
            containers (a Parquet file) that hold them.
        encoded: the bytes of item i; may raise OSError. Called from several threads.
        meant: n truths: whether an item that turns out to be no image is a fault ("broken"), or was never meant as one
            ("ignored"). Items from a manifest always are.
        parts: n of "train", "valid", "test" where the source is split already; None where it is not.
        groups: n groups that must stay together; None where unknown.
        classes: names in the order the source declares; None for natural order.
        empty: names of classes that hold nothing at all, where the source shows them all the same (a folder).
        faults: what the reader left out already.
        notes: more to say in `ImageSet.format`.
    """

    names: Sequence[str]
    labels: Sequence[str | None]
    files: Sequence[Path]
    encoded: Callable[[int], bytes]
    meant: Sequence[bool]
    parts: Sequence[str] | None = None
    groups: Sequence[str] | None = None
    classes: Sequence[str] | None = None
    empty: Sequence[str] = ()
    faults: tuple[Fault, ...] = ()
    notes: Sequence[str] = field(default=())
