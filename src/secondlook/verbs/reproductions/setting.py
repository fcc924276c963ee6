"""What the files of the source studies share: where the data are, what is made of them, and how scores are read off."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.data.read import read
from secondlook.errors import DataError, UsageError
from secondlook.measure.estimates import UNKNOWN, mean, share_over_seeds
from secondlook.show.format import half_width, share
from secondlook.types import Cell, Claim, Epoch, Estimate, FigureTable, Holds, Part, Row, Run
from secondlook.types.reproduction import FAILED


@dataclass(frozen=True, eq=False)
class Given:
    """What a study is made of.

    Attributes:
        data: as `secondlook.compare` takes it. said: what it is, in a sentence.
        stand_in: whether it is something else than the study's own images, so that figures need not agree.
    """

    data: Any
    said: str
    stand_in: bool = False


@dataclass(frozen=True, eq=False)
class Setting:
    """How a study is made.

    Attributes:
        given: the data. folder: where its comparisons and studies are kept.
        quick: shortened. seed: gives every random stream. quiet: no progress.
    """

    given: Given
    folder: Path
    quick: bool
    seed: int
    quiet: bool

    def kept(self, name: str) -> dict[str, Any]:
        """Where a comparison or study of this name is kept, and whether it speaks."""
        return {"out": self.folder / name, "quiet": self.quiet}

    def options(self, name: str) -> dict[str, Any]:
        """The same, and the seed."""
        return {**self.kept(name), "seed": self.seed}

    def claim(self, text: str, verdict: Holds, why: str, *, levels: bool = False) -> Claim:
        """A claim with its verdict.

        Args:
            levels: whether it is about how high numbers are, or about these very images, which shortened trainings and
                other images do not tell.
        """
        if levels and (self.quick or self.given.stand_in):
            reason = "the quick version trains too little to tell" if self.quick else "these are other images"
            return Claim(text, "cannot be told", f"{why}; {reason}")
        return Claim(text, verdict, why)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a study: tables, claims, and what differs from the published one."""

    tables: tuple[FigureTable, ...]
    claims: tuple[Claim, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True)
class SourceStudy:
    """A published study.

    Attributes:
        name: on the command line. title: what it asks, as a question. source: who published it, where.
        find: from --data (None without) to what the study is made of; raises where there is nothing to make it of.
        made: makes it.
    """

    name: str
    title: str
    source: str
    find: Callable[[Path | None], Given]
    made: Callable[[Setting], Outcome]


# Of the 60,000 training labels with their header.
_MNIST = "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"


def needs_people(text: str, why: str) -> Claim:
    """A claim about what people would answer."""
    return Claim(text, "cannot be told", f"{why}; it takes people's answers")


def place(data: Path | None, inside: Sequence[str], is_it: Callable[[Path], bool], what: str, name: str) -> Path:
    """Where a study's images are: the first of some paths inside --data, or --data itself, that holds them.

    Args:
        is_it: whether a path holds them. what: what is wanted, for the message. name: the study's.

    Raises:
        UsageError: --data is missing, or there is no such path. DataError: nothing of the kind is there.
    """
    if data is None:
        raise UsageError(f"expected --data DIR to make {name} of, with {what}, got none; its images may not be shipped")
    if not data.exists():
        raise UsageError(f"expected --data to be a folder or a file, got {data}, which is not there")
    for path in (*(data / one for one in inside), data):
        if path.exists() and is_it(path):
            return path
    raise DataError(
        f"expected {what} to make {name} of, got {data}, which holds none; name their folder, or one that holds "
        f"{inside[0]}"
    )


def is_mnist(path: Path) -> bool:
    """Whether a folder's training labels are those of MNIST, by their checksum."""
    import gzip
    from hashlib import sha256

    files = [*path.glob("train-labels*idx1-ubyte*")]
    content = files[0].read_bytes() if files else b""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    return sha256(content).hexdigest() == _MNIST


def has_idx(path: Path) -> bool:
    """Whether a folder holds MNIST's kind of files."""
    return path.is_dir() and any(path.glob("*idx3-ubyte*"))


def some_images(at: Setting, most: int, purpose: str) -> tuple[NDArray[Any], NDArray[np.str_]]:
    """So many images at most of the data, drawn by the seed, and their labels; without the parts that they came in."""
    images = read(at.given.data)
    some = np.sort(seeds.stream(at.seed, purpose).permutation(len(images))[:most])
    return np.asarray(images.pixels[some]), np.array(images.classes)[images.labels[some]]


def said(found: Mapping[str, Estimate], names: Iterable[str]) -> str:
    """Accuracies by name, in words."""
    return ", ".join(f"{name} {score(found[name])}" for name in names)


def score(found: Estimate) -> str:
    """A share with the digits that its interval supports."""
    return share(found.value, half_width(found.value, found.low, found.high))


def right(run: Run, model: str, part: Part = "test") -> NDArray[np.bool_]:
    """Which items of a part a model answers right; of one that failed, none are known."""
    if run[model].status != "ok":
        return np.zeros(0, dtype=np.bool_)
    found = run.predictions(model, part)
    return np.asarray(found.predicted == found.labels)


def failed(row: Row) -> str:
    """Why a model has no figures; nothing where it has."""
    return "" if row.status == "ok" else f"{FAILED}: {row.reason}"


def row_score(row: Row, part: Part) -> Estimate:
    """A comparison's accuracy on a part; unknown where the model has none."""
    value, low, high = (getattr(row, f"{part}_{name}") for name in ("accuracy", "low", "high"))
    return UNKNOWN if value is None else Estimate(value, low, high)


def over_seeds(cells: Sequence[Cell], part: Part, n: int | None = None) -> Estimate:
    """The mean accuracy of cells that differ by their seed alone; unknown where none is done.

    Args:
        n: items of the part; by default what was tested.
    """
    found = [value for cell in cells if (value := getattr(cell, f"{part}_accuracy")) is not None]
    return share_over_seeds(found, n or cells[0].n_test) if found else UNKNOWN


def epoch_mean(cells: Sequence[Cell], at: int, of: Callable[[Epoch], float]) -> Estimate:
    """The mean over cells of what their nets' histories say of one epoch, from 1."""
    return mean([of(cell.history.epochs[at - 1]) for cell in cells if cell.history and len(cell.history.epochs) >= at])
