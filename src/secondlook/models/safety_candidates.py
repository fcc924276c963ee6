"""The variations that label safety tries, and at which strengths."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data import transform
from secondlook.data.augment import Augmentation
from secondlook.types import IntArray

Images = NDArray[Any]
# By name: the strengths that were kept, weakest first, and the most that some class may lose at each.
Kept = Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class Candidate:
    """A variation and the strengths to try, weakest first; each includes those below it.

    Attributes:
        change: from images, a strength, ways (n, 2) of -1 or 1, and a generator to images at that full strength.
    """

    name: str
    strengths: Callable[[int], Sequence[float]]
    change: Callable[[Images, float, IntArray, np.random.Generator], Images]

    def text(self, strength: float) -> str:
        return str(replace(Augmentation(), **{self.name: self.value(strength)}))

    def value(self, strength: float) -> Any:
        """The strength as a spec takes it."""
        return (
            type(getattr(Augmentation(), self.name))(strength) if self.name in ("shift", "flip", "vflip") else strength
        )


def _shifts(side: int) -> list[float]:
    return sorted({max(1.0, float(round(side * share))) for share in (1 / 32, 1 / 16, 1 / 8, 1 / 4)})


def _only(*strengths: float) -> Callable[[int], Sequence[float]]:
    return lambda side: strengths


CANDIDATES = (
    Candidate("flip", _only(1), lambda x, s, ways, rng: transform.flip(x)),
    Candidate("vflip", _only(1), lambda x, s, ways, rng: transform.vflip(x)),
    Candidate("shift", _shifts, lambda x, s, ways, rng: transform.shift(x, s * ways[:, 0], s * ways[:, 1])),
    Candidate(
        "rotate",
        _only(5, 10, 15, 20, 30, 45, 60, 90, 120, 150, 180),
        lambda x, s, ways, rng: transform.rotate(x, s * ways[:, 0]),
    ),
    Candidate("shear", _only(5, 10, 15, 20), lambda x, s, ways, rng: transform.shear(x, s * ways[:, 0])),
    Candidate(
        "zoom", _only(0.1, 0.2, 0.3), lambda x, s, ways, rng: transform.zoom(x, (1 + s) ** ways[:, 0].astype(float))
    ),
    Candidate("brightness", _only(0.1, 0.2, 0.3), lambda x, s, ways, rng: transform.brightness(x, s * ways[:, 0])),
    Candidate("noise", _only(0.02, 0.05, 0.1), lambda x, s, ways, rng: transform.noise(x, s, rng=rng)),
)


def together(kept: Kept) -> Augmentation:
    """What was kept, each at its largest strength, as one spec."""
    return Augmentation(**{c.name: c.value(kept[c.name][-1][0]) for c in CANDIDATES if c.name in kept})


def weaker(kept: Kept) -> Kept:
    """The same with a step back for the one that went the most steps, of several the one closest to the limit.

    So every kind keeps its weakest strength until all others are down to theirs; then it goes.
    """
    most = max(kept, key=lambda name: (len(kept[name]), kept[name][-1][1]))
    found = {**kept, most: kept[most][:-1]}
    return {name: steps for name, steps in found.items() if steps}
