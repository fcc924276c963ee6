"""Shortcuts: one number per image that gives its class away, so that a model need not look at the picture.

Each feature (a pixel, the border, a statistic, a fact of the file) is judged alone, out of sample: see `telling`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.data.audit.features import Feature, Kind, features, levels
from secondlook.data.audit.statistics import Statistics
from secondlook.data.audit.telling import Told, bins_of, bins_of_levels, chance, even_edges, tailed_edges, tell
from secondlook.types import ImageSet, IntArray

# A class with fewer different items tells nothing: two are learnt from, two judge.
SMALLEST_CLASS = 4
_MOST_ITEMS = 20_000
_MOST_ITEMS_OF_PIXELS = 5_000
_MOST_PIXELS = 64 * 64 * 3
# Bounds on time: pixel values that are looked at, and pixels times classes.
_MOST_VALUES = 12_000_000
_MOST_CELLS = 400_000
_EXAMPLES = 8


@dataclass(frozen=True)
class Example:
    """An item that a shortcut was judged on: its index, the feature's value in words, whether its class was told."""

    index: int
    value: str
    told: bool


@dataclass(frozen=True, eq=False)
class Shortcut:
    """What one feature alone tells of the class; judged on items that its rules were not learnt from.

    Attributes:
        kind: "pixel", "border", "statistic" or "file".
        name: what it is: "brightness of the border", "pixel in row 0, column 5".
        naming: how well it names the class: 0 is chance (1/k of k classes), 1 perfect.
        parting: how well it tells `group` from the other classes: 0 is chance, 1 perfect.
        group: the classes (indices) that it tells best from the others: half of all classes at most.
        low, high: the interval that the rule is about, in words.
        within: whether the group's items lie in this interval, or outside it.
        p: how likely blind chance would tell a group as well, times the number of features tried; at most 1.
        n: how many items were looked at.
        k: how many classes.
        alike: how many pixels tell nine tenths as much or more, this one included; 1 for other features.
        where: row, column and channel of a pixel, else None.
        examples: items that it tells, then items that it does not.
    """

    kind: Kind
    name: str
    naming: float
    parting: float
    group: tuple[int, ...]
    low: str
    high: str
    within: bool
    p: float
    n: int
    k: int
    alike: int
    where: tuple[int, int, int] | None
    examples: tuple[Example, ...]


@dataclass(frozen=True, eq=False)
class _Sample:
    """Items to look at, in random order, the classes taking turns; any first part of it is balanced as well."""

    chosen: IntArray
    labels: IntArray
    half: IntArray
    classes: IntArray

    def first(self, n: int) -> _Sample:
        return _Sample(self.chosen[:n], self.labels[:n], self.half[:n], self.classes)


def shortcuts(images: ImageSet, statistics: Statistics) -> tuple[Shortcut, ...]:
    """Every feature that varies and, of all pixels, the best; the most telling first.

    Looked at are labelled items outside the source's own test part, of classes with at least 4 different ones; of
    identical items one. Of more than 20,000 (5,000, or fewer of large images, for pixels) a seeded sample is drawn,
    the classes taking turns. Images of more than 64 x 64 x 3 values, or 400,000 values times classes, are reduced by
    area before single pixels are judged.

    Returns:
        An empty tuple where there are not two such classes.
    """
    sample = _sample(images)
    if len(sample.classes) < 2:
        return ()
    found = [*_of_features(images, statistics, sample), _of_pixels(images, sample)]
    # Bonferroni: as many chances of a false alarm as features were tried. A pixel is chosen on one half and judged on
    # the other, so that all pixels count as one. Twice the mean of two p-values is a p-value, however they depend on
    # each other (Rüschendorf, Random variables with maximum sums, Adv. Appl. Probab. 14 (1982), 623-632).
    corrected = [replace(shortcut, p=min(1.0, shortcut.p * len(found))) for shortcut in found]
    return tuple(sorted(corrected, key=lambda s: -(s.naming + s.parting)))


def _sample(images: ImageSet) -> _Sample:
    rng = seeds.stream(0, "shortcuts")
    free = (images.labels >= 0) & (np.strings.find(images.ids, "#") < 0)
    if images.parts is not None and (free & (images.parts != "test")).any():
        free &= images.parts != "test"
    counts = np.bincount(images.labels[free], minlength=len(images.classes))
    classes = np.flatnonzero(counts >= SMALLEST_CLASS)
    free &= np.isin(images.labels, classes)
    items = rng.permutation(np.flatnonzero(free))
    items = items[np.argsort(images.labels[items], kind="stable")]
    labels = np.searchsorted(classes, images.labels[items])
    turn = np.arange(len(items)) - np.searchsorted(labels, labels)
    order = np.argsort(turn + rng.random(len(items)))
    return _Sample(items[order], labels[order], turn[order] % 2, classes).first(_MOST_ITEMS)


def _of_features(images: ImageSet, statistics: Statistics, sample: _Sample) -> list[Shortcut]:
    """One shortcut per feature that varies."""
    tried = features(images, statistics, sample.chosen)
    if not tried:
        return []
    edges = even_edges(len(sample.chosen), 64)
    binned = np.stack([bins_of(feature.values, edges) for feature in tried], axis=1)
    told = tell(binned, sample.labels, sample.half, len(edges) + 1)
    return [_shortcut(feature, told, (i, i), binned, sample) for i, feature in enumerate(tried)]


def _of_pixels(images: ImageSet, sample: _Sample) -> Shortcut:
    """The best single pixel: chosen on the half it was learnt on, judged on the other."""
    h, w, c = images.shape
    k = len(sample.classes)
    factor = 1
    while (d := -(-h // factor) * -(-w // factor) * c) > _MOST_PIXELS or (d * k > _MOST_CELLS and d > c):
        factor += 1
    sample = sample.first(min(_MOST_ITEMS_OF_PIXELS, max(_MOST_VALUES // d, SMALLEST_CLASS * k)))
    values = levels(images.pixels, sample.chosen, factor)
    flat = values.reshape(len(values), -1)
    edges = tailed_edges(len(flat))
    binned = bins_of_levels(flat, edges)
    told = tell(binned, sample.labels, sample.half, len(edges) + 1)
    best = int(told.rules[0].worth.argmax()), int(told.rules[1].worth.argmax())
    worth = (told.naming + told.parting).mean(axis=0)
    column = max(best, key=lambda i: worth[i])
    row, across, channel = (int(i) for i in np.unravel_index(column, values.shape[1:]))
    where = row * factor, across * factor, channel
    feature = Feature("pixel", _pixel_name(where, factor, c), flat[:, column])
    alike = int((worth >= 0.9 * worth[column]).sum())
    return _shortcut(feature, told, best, binned, sample, column=column, alike=alike, where=where)


def _pixel_name(where: tuple[int, int, int], factor: int, c: int) -> str:
    row, column, channel = where
    colour = f", {('red', 'green', 'blue')[channel]}" if c == 3 else ""
    if factor == 1:
        return f"pixel in row {row}, column {column}{colour}"
    return f"square of {factor}x{factor} pixels from row {row}, column {column}{colour}"


def _shortcut(
    feature: Feature,
    told: Told,
    best: tuple[int, int],
    binned: NDArray[np.uint8],
    sample: _Sample,
    *,
    column: int | None = None,
    alike: int = 1,
    where: tuple[int, int, int] | None = None,
) -> Shortcut:
    """What is told by the columns `best` of each half; its words are about `column`, by default the first."""
    column = best[0] if column is None else column
    inside, ours = _sides(told, 0, column, binned, sample.labels)
    values = feature.values[inside] if inside.any() else feature.values
    grouped = told.rules[0].group[:, column]
    within = bool(2 * grouped.sum() <= len(grouped))
    blind = sum(
        chance(*(side[sample.half != learnt] for side in _sides(told, learnt, best[learnt], binned, sample.labels)))
        for learnt in (0, 1)
    )
    return Shortcut(
        kind=feature.kind,
        name=feature.name,
        naming=_mean(told.naming[[0, 1], best]),
        parting=_mean(told.parting[[0, 1], best]),
        group=tuple(sample.classes[grouped if within else ~grouped].tolist()),
        low=feature.words(values.min()),
        high=feature.words(values.max()),
        within=within,
        p=blind,
        n=len(sample.chosen),
        k=len(sample.classes),
        alike=alike,
        where=where,
        examples=_examples(feature, inside == ours, sample),
    )


def _mean(halves: NDArray[np.float32]) -> float:
    """Without what float32 cannot know, so that perfect is 1."""
    return round(float(halves.mean(dtype=np.float64)), 6)


def _sides(
    told: Told, learnt: int, column: int, binned: NDArray[np.uint8], labels: IntArray
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which items lie in the interval of a rule, and which are of its group."""
    rules = told.rules[learnt]
    inside = (binned[:, column] >= rules.low[column]) & (binned[:, column] < rules.high[column])
    return inside, rules.group[labels, column]


def _examples(feature: Feature, right: NDArray[np.bool_], sample: _Sample) -> tuple[Example, ...]:
    """The first items that are told, and the first that are not; the classes take turns in a sample."""
    chosen = [*np.flatnonzero(right)[:_EXAMPLES], *np.flatnonzero(~right)[:_EXAMPLES]]
    return tuple(Example(int(sample.chosen[i]), feature.words(feature.values[i]), bool(right[i])) for i in chosen)
