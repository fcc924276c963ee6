"""The cells of a study, planned before anything is trained: what each varies, on which images; or why it cannot be."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from secondlook import seeds
from secondlook.data.subsets import Pool, random_order
from secondlook.data.words import few
from secondlook.errors import UsageError
from secondlook.types import Kind

# A study without values doubles its size from a sixteenth of what there is, in five steps.
_STEPS = 5
# Images per class below which there is nothing to hold out and nothing to learn.
LEAST_ROWS = 2
NOISE = (0.0, 5.0, 10.0, 20.0, 40.0)
REMEDIES = ("weights", "oversample", "augment")


@dataclass(frozen=True)
class Planned:
    """One cell to be.

    Attributes:
        members: class codes, ascending. rows: training images of each.
        noise: share of wrong labels.

    The rest is as in `secondlook.types.Cell`.
    """

    model: str
    seed: int
    members: tuple[int, ...]
    rows: tuple[int, ...]
    minority: int | None = None
    noise: float | None = None
    remedy: str | None = None
    order: str = ""

    @property
    def size(self) -> int:
        """All training images."""
        return sum(self.rows)

    @property
    def per_class(self) -> int:
        """Training images of each class; with a minority, of every other one."""
        return next((n for n in self.rows if n != self.minority), self.rows[0])

    @property
    def name(self) -> str:
        """What its file is called; two cells of a study never share it."""
        words = [self.model, f"rows-{self.per_class}", f"classes-{len(self.members)}"]
        words += [self.order] if self.order else []
        words += [f"minority-{self.minority}"] if self.minority is not None else []
        words += [f"noise-{self.noise:g}"] if self.noise is not None else []
        words += [self.remedy] if self.remedy else []
        return "--".join([*words, f"seed-{self.seed}"])


@dataclass(frozen=True)
class Varied:
    """What is asked to vary; () takes what suits the images.

    Attributes:
        values: of `kind`: rows per class, minority rows, classes or per cent.
        rows: rows per class of the other kinds; None for as many as every class has.
        classes: of a grid. minority: a class's name. remedies: beside doing nothing.
    """

    kind: Kind
    values: tuple[float, ...] = ()
    rows: tuple[int, ...] = ()
    classes: tuple[int, ...] = ()
    minority: str = ""
    remedies: tuple[str, ...] = ()


def cell_seed(study: int, cell: int) -> int:
    """What gives the streams of a study's cells of one number: its images, its classes, its initial weights."""
    return seeds.integer(study, "cell", cell)


def planned(
    varied: Varied, pool: Pool, models: Sequence[str], draws: int, hardest: Sequence[int], seed: int
) -> list[Planned]:
    """The cells of a study, model by model.

    Args:
        draws: of every cell. seed: the study's.
        hardest: class codes, those first that are most often taken for one another; () where they are not asked for.

    Raises:
        UsageError: it asks for images or classes that are not there, or for one cell only.
    """
    make: dict[Kind, Callable[[Varied, Pool, Sequence[int], int], list[Planned]]] = {
        "size": _size, "imbalance": _imbalance, "classes": _classes, "grid": _grid, "noise": _noise,
    }  # fmt: skip
    if varied.kind in ("classes", "grid") and len(_everyone(pool)) < 3:
        raise UsageError(
            f"expected images of 3 classes at least for a study of {varied.kind}, got {few(pool.classes)}; vary the "
            "size, imbalance or noise of these"
        )
    one = [
        replace(cell, seed=draw)
        for draw in range(draws)
        for cell in make[varied.kind](varied, pool, hardest, cell_seed(seed, draw))
    ]
    if len({(c.members, c.rows, c.noise, c.remedy) for c in one if c.seed == 0}) < 2:
        raise UsageError(f"expected two values at least to vary in a study of {varied.kind}, got one cell; give more")
    return [replace(cell, model=model) for model in models for cell in one]


def _size(varied: Varied, pool: Pool, hardest: Sequence[int], seed: int) -> list[Planned]:
    everyone = _everyone(pool)
    sizes = [int(n) for n in varied.values] or _doublings(_most(pool, everyone))
    return [Planned("", seed, everyone, _equal(pool, everyone, n)) for n in sizes]


def _classes(varied: Varied, pool: Pool, hardest: Sequence[int], seed: int) -> list[Planned]:
    k = len(_everyone(pool))
    counts = [int(n) for n in varied.values] or list(range(2, k + 1))
    _check_classes(counts, k)
    rows = _rows(varied, pool)
    orders = {"random": random_order(pool, seed), "hardest": tuple(hardest)}
    return [
        Planned("", seed, tuple(sorted(order[:n])), _equal(pool, order[:n], rows), order=name)
        for name, order in orders.items() if order
        for n in counts
    ]  # fmt: skip


def _grid(varied: Varied, pool: Pool, hardest: Sequence[int], seed: int) -> list[Planned]:
    k = len(_everyone(pool))
    counts = varied.classes or tuple(range(min(3, k), k + 1))
    _check_classes(counts, k)
    sizes = varied.rows or tuple(_doublings(_most(pool, _everyone(pool))))
    order = random_order(pool, seed)
    return [
        Planned("", seed, tuple(sorted(order[:n])), _equal(pool, order[:n], rows), order="random")
        for n in counts
        for rows in sizes
    ]


def _noise(varied: Varied, pool: Pool, hardest: Sequence[int], seed: int) -> list[Planned]:
    everyone, rows = _everyone(pool), _rows(varied, pool)
    shares = varied.values or NOISE
    return [Planned("", seed, everyone, _equal(pool, everyone, rows), noise=share) for share in shares]


def _imbalance(varied: Varied, pool: Pool, hardest: Sequence[int], seed: int) -> list[Planned]:
    minority, counts, everyone = _minority(varied.minority, pool), pool.counts(), _everyone(pool)
    rows = varied.rows[-1] if varied.rows else _most(pool, [code for code in everyone if code != minority])
    there = int(counts[minority])
    sizes = [int(n) for n in varied.values] or _doublings(min(there, rows))
    others = [code for code in everyone if code != minority]
    _equal(pool, others, rows)
    for n in sizes:
        if n > there:
            raise UsageError(
                f"expected at most {there:,} images of {pool.classes[minority]}, all it has to train on, got {n:,}; "
                "give fewer"
            )
    return [
        Planned(
            "", seed, everyone, tuple(n if code == minority else rows for code in everyone), minority=n, remedy=remedy,
        )
        for remedy in ("", *varied.remedies)
        for n in sizes
    ]  # fmt: skip


def _minority(name: str, pool: Pool) -> int:
    if name in pool.classes:
        code = pool.classes.index(name)
        if not pool.counts()[code]:
            raise UsageError(f"expected a --minority with images to train on, got '{name}', which has none")
        return code
    if not name:
        raise UsageError(f"expected --minority NAME, the class that is to be rare, out of {few(pool.classes)}")
    near = difflib.get_close_matches(name, pool.classes, n=1, cutoff=0.4)
    hint = f", did you mean '{near[0]}'?" if near else "."
    raise UsageError(f"expected --minority to name a class, got '{name}'{hint} They are {few(pool.classes)}")


def _everyone(pool: Pool) -> tuple[int, ...]:
    return tuple(np.flatnonzero(pool.counts()).tolist())


def _most(pool: Pool, members: Sequence[int]) -> int:
    """So many training images has every one of some classes."""
    return int(pool.counts()[list(members)].min())


def _rows(varied: Varied, pool: Pool) -> int:
    return varied.rows[-1] if varied.rows else _most(pool, _everyone(pool))


def _equal(pool: Pool, members: Sequence[int], rows: int) -> tuple[int, ...]:
    """The same number of images of each class; refused where one has not so many."""
    if rows < LEAST_ROWS:
        raise UsageError(f"expected {LEAST_ROWS} images per class at least, got {rows}")
    counts = pool.counts()
    if (most := _most(pool, members)) < rows:
        fewest = min(members, key=lambda code: (counts[code], code))
        raise UsageError(
            f"expected at most {most:,} images per class, all that {pool.classes[fewest]} has to train on, got "
            f"{rows:,}; give fewer, or a smaller --test"
        )
    return (rows,) * len(members)


def _check_classes(counts: Sequence[int], k: int) -> None:
    for n in counts:
        if not 2 <= n <= k:
            raise UsageError(f"expected from 2 to {k} classes, which is all there are, got {n}")


def _doublings(most: int) -> list[int]:
    """Five sizes, each twice the one before, the last all there is."""
    return sorted({max(LEAST_ROWS, most >> step) for step in range(_STEPS)})
