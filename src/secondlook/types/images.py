"""What is looked at: labelled images, and which of them train, choose and judge."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondlook.types.arrays import PARTS, IntArray, Part
from secondlook.types.sources import Fault, Origins

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def _bytes(names: Sequence[str]) -> bytes:
    """Names one after the other; those of files that are no UTF-8 hold surrogates."""
    return "\x1f".join(names).encode("utf-8", "surrogatepass")


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images, read and ready.

    Attributes:
        pixels: uint8, or float32 in [0, 1] where the source has more than 8 bits; shape (n, h, w, c), c = 1 or 3.
        labels: int64 (n,), indices into `classes`; -1 where unknown.
        classes: names, in natural order ("2" before "10").
        ids: str (n,), the hash of each item's source bytes, with a suffix for repeats ("…#2").
        names: where each item came from: a path relative to the source, or file and row ("train.csv:17").
        parts: the split the source itself came with, "train" | "valid" | "test" per item, or None; two parts at least,
            but "train" may be missing: such a set can be looked at, and not be compared.
        groups: a group per item that must not be torn apart by a split ("" for an item in none), or None.
        source: what the user asked for ("digits", "photos/").
        format: one sentence on how the source was recognised and read.
        faults: what was left out, in the order of the source.
        origins: what the items were as files; None where they were rows of an array.
        empty_classes: names that the source has for classes of which no image could be read; not in `classes`.
    """

    pixels: NDArray[Any]
    labels: IntArray
    classes: tuple[str, ...]
    ids: NDArray[np.str_]
    names: Sequence[str]
    source: str
    format: str
    parts: NDArray[np.str_] | None = None
    groups: NDArray[np.str_] | None = None
    faults: tuple[Fault, ...] = ()
    origins: Origins | None = None
    empty_classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of one image."""
        h, w, c = self.pixels.shape[1:]
        return int(h), int(w), int(c)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that change when an item, a label, a class name or the source's own parts change."""
        digest = hashlib.blake2b(digest_size=8)
        digest.update(_bytes(self.classes))
        digest.update("\x1f".join(self.ids.tolist()).encode())
        digest.update(np.ascontiguousarray(self.labels).tobytes())
        digest.update(b"" if self.parts is None else "\x1f".join(self.parts.tolist()).encode())
        digest.update(str(self.shape).encode())
        digest.update(b"" if self.groups is None else b"\x1e" + _bytes(self.groups.tolist()))
        return digest.hexdigest()

    def counts(self) -> dict[str, int]:
        """Number of labelled items per class, in class order."""
        known = self.labels[self.labels >= 0]
        return dict(zip(self.classes, np.bincount(known, minlength=len(self.classes)).tolist(), strict=True))

    def frame(self) -> pd.DataFrame:
        """One line per item: name, id, label, part."""
        import pandas as pd

        label = np.array([*self.classes, "?"], dtype=object)[self.labels]
        table = pd.DataFrame({"name": list(self.names), "id": self.ids, "label": label})
        return table if self.parts is None else table.assign(part=self.parts)

    def plot(self, ax: Axes | None = None) -> Axes:
        """A sheet of examples, one line per class."""
        from secondlook.show.plots import plot_examples

        return plot_examples(self, ax)


@dataclass(frozen=True, eq=False)
class Split:
    """Which items train, which choose, which judge: disjoint, sorted index arrays (int64) into an ImageSet."""

    train: IntArray
    valid: IntArray
    test: IntArray
    method: str
    seed: int

    def __getitem__(self, part: Part) -> IntArray:
        return {"train": self.train, "valid": self.valid, "test": self.test}[part]

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of the three index arrays."""
        digest = hashlib.blake2b(digest_size=8)
        for part in PARTS:
            digest.update(self[part].tobytes() + b"|")
        return digest.hexdigest()

    def frame(self) -> pd.DataFrame:
        """One line per item: item (its index), part."""
        import pandas as pd

        parts = [pd.DataFrame({"item": self[part], "part": part}) for part in PARTS]
        return pd.concat(parts).sort_values("item", ignore_index=True)
