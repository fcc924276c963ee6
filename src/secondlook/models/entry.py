"""What a line of the ladder knows of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

# A model that would take more of the machine's memory is skipped.
MEMORY_SHARE = 0.5

Family = Literal["baseline", "linear", "kernel", "neighbours", "trees", "dense", "convolution"]


@dataclass(frozen=True)
class Size:
    """How large a comparison is: items per part, one image's (h, w, c), number of classes."""

    n_train: int
    n_valid: int
    n_test: int
    shape: tuple[int, int, int]
    k: int

    @property
    def d(self) -> int:
        """Numbers per image."""
        h, w, c = self.shape
        return h * w * c

    @property
    def n(self) -> int:
        """All items."""
        return self.n_train + self.n_valid + self.n_test


def always_seeded(size: Size) -> bool:
    """A seed moves it, however many images there are."""
    return True


def each_by_itself(size: Size, fits: int) -> float:
    """A search fits every setting on every fold by itself."""
    return fits


def _no_copy(size: Size) -> float:
    return 0.0


@dataclass(frozen=True)
class Entry:
    """One model of the ladder.

    Attributes:
        name: as in ``--models``.
        line: one line on what it is good for.
        make: from a seed to a fresh, unfitted scikit-learn classifier with the defaults that work unattended.
        space: what ``--tune`` searches, as scikit-learn's ParameterSampler takes it.
        seconds: rough time to fit and to predict all parts on two ordinary cores; it orders the ladder and is
            what the estimate shown up front is made of.
        default: whether a plain ``compare`` fits it.
        net: the net's text, for nets.
        seeded: whether its seed moves it; one that is the same by every seed is fitted once.
        searched: how many times `seconds` a search takes, of so many whole training parts in all its fits.
        memory: rough bytes it takes beside the images, which are mapped: what it copies of them.
    """

    name: str
    family: Family
    line: str
    make: Callable[[int], Any]
    space: Mapping[str, Any]
    seconds: Callable[[Size], float]
    default: bool = True
    net: str = ""
    memory: Callable[[Size], float] = _no_copy
    seeded: Callable[[Size], bool] = always_seeded
    searched: Callable[[Size, int], float] = each_by_itself

    def too_large(self, size: Size, have: float) -> str:
        """Why it is not to be fitted on a machine with so many bytes of memory; nothing where it is."""
        need = self.memory(size)
        if need <= MEMORY_SHARE * have:
            return ""
        return (
            f"not started: it would take the images as {need / 1e9:,.1f} GB of numbers, more than half of the "
            f"{have / 1e9:,.1f} GB of memory here; give fewer images or a smaller --size"
        )

    @property
    def is_net(self) -> bool:
        """Whether it is trained in epochs, by an engine."""
        return self.family in ("dense", "convolution")
