"""Repeated k-fold cross-validation: which items train, choose and judge in each fold."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from secondlook.types.arrays import IntArray
from secondlook.types.images import Split

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Folds:
    """Splits of one set in which every item is tested once per repeat.

    Attributes:
        splits: k · repeats of them, repeat by repeat. Within one, train, valid and test are disjoint; valid is cut from
            what is not tested.
        k: folds per repeat. repeats: how often the set was divided anew.
        method: how the folds came about, and what of them may mislead.
        seed: another seed gives other folds.
    """

    splits: tuple[Split, ...]
    k: int
    repeats: int
    method: str
    seed: int

    def __len__(self) -> int:
        return len(self.splits)

    @cached_property
    def items(self) -> IntArray:
        """int64 (n,): every item, sorted; each is tested once per repeat."""
        return np.sort(np.concatenate([split.test for split in self.splits[: self.k]]))

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits of all splits."""
        digest = hashlib.blake2b("|".join(split.fingerprint for split in self.splits).encode(), digest_size=8)
        return digest.hexdigest()

    def place(self, index: int) -> tuple[int, int]:
        """Repeat and fold of a split, both from 1."""
        return index // self.k + 1, index % self.k + 1

    def frame(self) -> pd.DataFrame:
        """One line per split and item: repeat, fold, item (its index), part."""
        import pandas as pd

        tables = []
        for i, split in enumerate(self.splits):
            repeat, fold = self.place(i)
            tables.append(split.frame().assign(repeat=repeat, fold=fold))
        return pd.concat(tables, ignore_index=True)[["repeat", "fold", "item", "part"]]
