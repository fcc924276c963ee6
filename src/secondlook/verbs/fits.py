"""Which fits a model has in a comparison: one, one per fold, or one per seed."""

from __future__ import annotations

from dataclasses import dataclass

from secondlook import seeds
from secondlook.data.plan import Plan
from secondlook.models.entry import Entry, Size
from secondlook.runs.folds import fold_name
from secondlook.runs.repeats import seed_name
from secondlook.types import Split
from secondlook.verbs.options import Options


@dataclass(frozen=True, eq=False)
class Fit:
    """One fit of a model.

    Attributes:
        name: where the run keeps it: "lenet", "lenet/fold-2", "lenet/seed-2".
        label: what it is called while it works.
        index: 0 for the first, whose weights and history stand for the model.
        split: the parts it learns from and answers.
        seed: gives its random streams.
    """

    name: str
    label: str
    index: int
    split: Split
    seed: int


def fits_of(entry: Entry, plan: Plan, options: Options, size: Size) -> list[Fit]:
    """Every fit of a model, the first first. A model that no random stream moves is fitted once, whatever --seeds."""
    name, seed = entry.name, options.seed
    if plan.folds is not None:
        n = len(plan.splits)
        return [
            Fit(
                fold_name(name, i),
                f"{name}  fold {i + 1}/{n}",
                i,
                split,
                seed if i == 0 else seeds.integer(seed, "fold", i),
            )
            for i, split in enumerate(plan.splits)
        ]
    first = Fit(name, name, 0, plan.split, seed)
    tuned = options.tune and bool(entry.space)
    if options.seeds == 1 or not (tuned or entry.seeded(size)):
        return [first]
    more = [
        Fit(
            seed_name(name, i),
            f"{name}  seed {i + 1}/{options.seeds}",
            i,
            plan.split,
            seeds.integer(seed, "seed", i),
        )
        for i in range(1, options.seeds)
    ]
    return [first, *more]
