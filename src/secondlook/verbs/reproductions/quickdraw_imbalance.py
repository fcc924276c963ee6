"""Quick, Draw!, imbalance: one category kept, the other made rare, tested on fresh drawings of both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from secondlook.judge.claims import all_hold, figure, more, within
from secondlook.measure.estimates import share_over_seeds
from secondlook.types import Cell, Claim, Estimate, Figure, FigureTable, Study
from secondlook.verbs.reproductions.quickdraw_recipe import CNN_2, draws, most, of_value, recipe
from secondlook.verbs.reproductions.setting import Outcome, Setting, over_seeds, score
from secondlook.verbs.study import study

MAJORITY, FRESH = 50_000, 20_000
# Minority drawings beside 50,000: accuracy in training; on the study's test part, which is as uneven, since .43 of the
# minority and 1 of the majority make .99 only there; and of fresh drawings of each.
PUBLISHED: Mapping[int, tuple[float, float, float, float]] = {
    100: (0.99, 0.99, 1.0, 0.43),
    1_000: (0.99, 0.99, 0.99, 0.81),
    5_000: (0.99, 0.98, 0.99, 0.88),
    10_000: (0.98, 0.98, 0.98, 0.94),
    25_000: (0.98, 0.97, 0.98, 0.95),
    50_000: (0.98, 0.97, 0.98, 0.98),
}
# The rarest at which something is to be augmented.
AUGMENTED = 1_000


def imbalance(at: Setting, data: tuple[Any, Any], pair: Sequence[str]) -> Outcome:
    """The study's ratios, with nothing done, and with the rare drawings taken more often and varied."""
    rows = min(most(data), MAJORITY)
    sizes = {n: max(4, round(rows * n / MAJORITY)) for n in PUBLISHED}
    found = study(
        "imbalance", data, sorted(set(sizes.values())), minority=pair[1], remedy="oversample,augment", models=CNN_2,
        rows=rows, seeds=draws(at), **recipe(at), **at.options("imbalance"),
    )  # fmt: skip
    table = FigureTable(
        f"Imbalance: {pair[0]} against fewer of {pair[1]}",
        tuple(line for n, ours in sizes.items() for line in _figures(found, pair, n, ours, rows)),
        f"The study kept 50,000 of its majority; ours is {rows:,}, and the minority the same share of it.",
    )
    return Outcome((table,), tuple(_claims(at, found, pair, sizes, rows)), ())


def _figures(found: Study, pair: Sequence[str], n: int, ours: int, rows: int) -> list[Figure]:
    train, test, majority, minority = PUBLISHED[n]
    cells = of_value(found, ours)
    of = f"{100 * n / MAJORITY:g} %: {n:,}, ours {ours:,}"
    return [
        figure(
            of, "train accuracy", train, over_seeds(cells, "train", min(rows + ours, 1_000)), n=(MAJORITY + n) * 4 // 5
        ),
        figure(of, "test accuracy", test, as_uneven(cells, pair, rows, ours), n=(MAJORITY + n) // 5),
        figure(of, "fresh, as many of both", None, over_seeds(cells, "test")),
        figure(of, "majority", majority, recall(cells, pair[0]), n=FRESH // 2),
        figure(of, "minority", minority, recall(cells, pair[1]), n=FRESH // 2),
        figure(of, "minority, oversampled", None, recall(of_value(found, ours, "oversample"), pair[1])),
        figure(of, "and augmented", None, recall(of_value(found, ours, "augment"), pair[1])),
    ]


def recall(cells: Sequence[Cell], name: str) -> Estimate:
    """A class's recall over seeds."""
    n = cells[0].counts[cells[0].members.index(name)] if cells else 0
    return share_over_seeds([value for cell in cells if (value := cell.recall(name)) is not None], n)


def as_uneven(cells: Sequence[Cell], pair: Sequence[str], rows: int, minority: int) -> Estimate:
    """The accuracy on images of which as few are of the minority as in training, from the recalls of both."""
    weight = minority / (rows + minority)
    both = [(cell.recall(pair[0]), cell.recall(pair[1])) for cell in cells]
    shares = [(1 - weight) * a + weight * b for a, b in both if a is not None and b is not None]
    return share_over_seeds(shares, min(cells[0].counts) if cells else 0)


def _claims(at: Setting, found: Study, pair: Sequence[str], sizes: Mapping[int, int], rows: int) -> Iterator[Claim]:
    minority = pair[1]
    rare, equal, some = (recall(of_value(found, sizes[n]), minority) for n in (100, MAJORITY, AUGMENTED))
    often, varied = (recall(of_value(found, sizes[AUGMENTED], how), minority) for how in ("oversample", "augment"))
    whole = as_uneven(of_value(found, sizes[100]), pair, rows, sizes[100])
    yield at.claim(
        "The rarer a class in training, the fewer of its fresh drawings are recognised (H4).",
        all_hold(more(equal, rare), more(equal, some)),
        f"{score(rare)} at {100 * 100 / MAJORITY:g} % of the majority, {score(some)} at "
        f"{100 * AUGMENTED / MAJORITY:g} %, {score(equal)} at as many",
    )
    yield at.claim(
        "Accuracy hides a rare class: .99 on an equally uneven test part, where fewer than half of the minority are "
        "right.",
        all_hold(within(whole, 0.98), within(rare, high=0.5)),
        f"{score(whole)} on drawings as uneven as in training; {score(rare)} of the minority",
    )
    yield at.claim(
        "Augmentation finds more of a rare class (H4 as it is worded; the study itself only added drawings).",
        more(varied, often),
        f"{score(some)} with nothing done, {score(often)} with its drawings taken as often as the others', "
        f"{score(varied)} with those varied too, at {100 * AUGMENTED / MAJORITY:g} %",
    )
