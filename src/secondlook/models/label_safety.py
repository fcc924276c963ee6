"""Label safety: which variations leave every class what it is, judged by a net that was trained without them.

A mirrored slash is the other class, a turned 6 is a 9: an augmentation that does so teaches wrong labels. Small
convolutional nets, the reader, are trained on images as they are, and then read images that they have not seen, as
they are and varied. How well the reader tells a class from the others is the share of the class's images that it reads
as that class, less the share of all other images that it does: Youden's index (1950) of that class against the rest. A
variation is kept where this index falls, for every class, by less than `TOLERANCE`, with 95 % confidence; so one that
costs some class more is kept in about 2.5 % of cases, or fewer, however many classes there are.

Why the index and not the share of answers that stay: varied images are a little softer and noisier, which moves the
border between two classes; what one loses the other then gains, and nothing has changed its label. Of a class that is
turned into another nothing is gained back. Of what is refused nobody can say from this alone whether the label changes
or the reader is at a loss; either way it is not used, and the answers that changed are kept as the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.data.augment import Augmentation, apply, draw
from secondlook.measure.intervals import wilson
from secondlook.models.safety_candidates import CANDIDATES, Candidate, Kept, together, weaker
from secondlook.models.safety_reader import READER, Reader, SomeImages, as_it_is
from secondlook.types import IntArray, LabelSafety, Moved, Part, Trial, TrialVerdict

Emit = Callable[[str, dict[str, Any]], None]
Images = NDArray[Any]

# A class may lose so much of its index at most.
TOLERANCE = 0.1
# A class with a lower index is not known well enough to see it lose anything.
KNOWN = 0.2
# With fewer validation images of some class all images but the test part's are read, in folds, each by one net; else
# several read the validation images together.
ENOUGH, FOLDS, NETS = 50, 3, 3
# With fewer even then, no variation could pass: with nothing lost the interval reaches the tolerance.
FEWEST = 35
# Images to learn from and to read, over all classes; of each class at least so many where there are, to read at most so
# many: more take their time and decide little else.
LEARNT, READ, OF_A_CLASS, MOST_OF_A_CLASS = 9_000, 4_000, 100, 1_000


@dataclass(frozen=True, eq=False)
class SafetyTask:
    """What a child needs: a .npy file of images per part, their labels, the names of the classes, a seed."""

    pixels: Mapping[Part, Path]
    y_train: IntArray
    y_valid: IntArray
    classes: tuple[str, ...]
    seed: int


def decide(task: SafetyTask, emit: Emit) -> LabelSafety:
    """Tries every variation on images the reader has not seen; what it keeps is tried once more, all together.

    Events: "reader" {fit, fits}; "trial" {augment, verdict}.
    """
    parts = [np.load(task.pixels[part], mmap_mode="r") for part in ("train", "valid")]
    y = np.concatenate([task.y_train, task.y_valid])
    folds = _folds(task)
    if isinstance(folds, str):
        return LabelSafety("", folds, tolerance=TOLERANCE)
    readers: list[Reader] = []
    for i, (learn, read) in enumerate(folds):
        emit("reader", {"fit": i + 1, "fits": len(folds)})
        some = SomeImages(parts, learn), y[learn], SomeImages(parts, read), y[read]
        seed = seeds.integer(task.seed, "label safety", i)
        readers.append(Reader(*some, seed, nets=NETS if len(folds) == 1 else 1))
    judge = _Judge(readers, task.classes, seeds.stream(task.seed, "label safety", "amounts"))
    found = LabelSafety(
        "", "", (), judge.known, READER, sum(len(reader.nets) for reader in readers), len(folds), len(judge.labels),
        TOLERANCE,
    )  # fmt: skip
    if blind := [name for name, index in judge.known.items() if index < KNOWN]:
        return replace(found, problem=_blind(blind, judge.known))
    return _tried(found, judge, emit)


def _folds(task: SafetyTask) -> list[tuple[IntArray, IntArray]] | str:
    """Places to learn from and to read, in train and valid one after the other; or why there are none."""
    from sklearn.model_selection import StratifiedKFold

    k, n = len(task.classes), len(task.y_train)
    y = np.concatenate([task.y_train, task.y_valid])
    counts = np.bincount(y, minlength=k)
    if counts.min() < FEWEST:
        least = int(counts.argmin())
        images = "image" if counts[least] == 1 else "images"
        return (
            f"the training and validation parts have {counts[least]} {images} of '{task.classes[least]}', and "
            f"{FEWEST} of every class are needed to tell"
        )
    learnt, read = max(LEARNT // k, OF_A_CLASS), min(max(READ // k, OF_A_CLASS), MOST_OF_A_CLASS)
    if min(np.bincount(part, minlength=k).min() for part in (task.y_train, task.y_valid)) >= ENOUGH:
        learn, held = (
            _at_most(task.y_train, learnt, task.seed, "learn"),
            _at_most(task.y_valid, read, task.seed, "read"),
        )
        return [(learn, n + held)]
    some = _at_most(y, learnt * FOLDS // (FOLDS - 1), task.seed, "learn")
    cut = StratifiedKFold(FOLDS, shuffle=True, random_state=seeds.integer(task.seed, "label safety", "folds"))
    folds = [(some[learn], some[held]) for learn, held in cut.split(some, y[some])]
    return [(learn, held[_at_most(y[held], -(-read // FOLDS), task.seed, "read")]) for learn, held in folds]


def _at_most(y: IntArray, most: int, seed: int, purpose: str) -> IntArray:
    """Sorted places of at most so many items of each class, drawn at random."""
    order = seeds.stream(seed, "label safety", purpose).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    counts = np.bincount(y)
    rank = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(order[rank < most]).astype(np.int64)


def _blind(names: Sequence[str], known: Mapping[str, float]) -> str:
    worst = min(names, key=lambda name: known[name])
    return (
        f"the reader does not know '{worst}' well enough to see it lose anything: it tells it from the others by "
        f"{100 * known[worst]:.0f} points of 100, and {100 * KNOWN:.0f} are needed"
    )


class _Judge:
    """All that was read as it is, and what becomes of it under a variation."""

    def __init__(self, readers: Sequence[Reader], classes: tuple[str, ...], rng: np.random.Generator) -> None:
        self.readers, self.classes, self.rng = readers, classes, rng
        self.labels = np.concatenate([reader.labels for reader in readers])
        self.before = np.concatenate([reader.answers(as_it_is) for reader in readers])
        first = readers[0].read.parts[0]
        self.size = int(first.shape[1]), int(first.shape[2])
        rates = np.array([_rates(self.labels, self.before, c) for c in range(len(classes))])
        self.known = dict(zip(classes, (rates[:, 0] - rates[:, 1]).tolist(), strict=True))

    def full(self, candidate: Candidate, strength: float) -> Trial:
        """One candidate at its full strength, whose direction is drawn for each image."""

        def after(reader: Reader) -> IntArray:
            ways = self.rng.choice([-1, 1], (len(reader.labels), 2))
            return reader.answers(lambda images, block: candidate.change(images, strength, ways[block], self.rng))

        return self._trial(candidate.text(strength), after)

    def joint(self, spec: Augmentation) -> Trial:
        """All together, in amounts as training draws them."""

        def varied(images: Images, block: slice) -> Images:
            return apply(spec, images, draw(spec, len(images), *self.size, self.rng), self.rng)

        return self._trial(str(spec), lambda reader: reader.answers(varied))

    def _trial(self, text: str, answers: Callable[[Reader], IntArray]) -> Trial:
        after = np.concatenate([answers(reader) for reader in self.readers])
        return judged(text, self.labels, self.before, after, self.classes)


def judged(text: str, labels: IntArray, before: IntArray, after: IntArray, classes: Sequence[str]) -> Trial:
    """What a variation does to the answers (n,) on images with these labels, for the class that bears it worst."""
    losses, highs = np.array([_loss(labels, before, after, c) for c in range(len(classes))]).T.round(12)
    verdict: TrialVerdict = (
        "kept" if highs.max() < TOLERANCE else "refused" if losses.max() >= TOLERANCE else "undecided"
    )
    by, counts = losses if verdict == "refused" else highs, np.bincount(labels, minlength=len(classes))
    # Two classes lose the same: the smaller one is why no more can be said.
    worst = max(range(len(classes)), key=lambda c: (by[c], -counts[c]))
    moved = sorted((_moved(labels, before, after, c, classes) for c in range(len(classes))), key=_share_lost)[::-1]
    return Trial(
        text, verdict, float(losses[worst]), float(highs.max()), classes[worst], int(counts[worst]),
        tuple(m for m in moved[:2] if m.lost),
    )  # fmt: skip


def _rates(labels: IntArray, answers: IntArray, c: int) -> tuple[float, float]:
    """The shares of a class's own images, and of all others, that are answered with it."""
    own = labels == c
    return float((answers[own] == c).mean()), float((answers[~own] == c).mean())


def _loss(labels: IntArray, before: IntArray, after: IntArray, c: int) -> tuple[float, float]:
    """How much of its index a class loses, and the upper end of the 95 % interval.

    The index falls by what is lost and rises by what is won back, among the class's own images and, the other way
    round, among the others: four shares. The interval of their sum adds the squares of the distances from each share
    to the end of its Wilson interval, which keeps its coverage where few or none are lost (MOVER: Zou and Donner,
    Statistics in Medicine 27 (2008), 1693-1702).
    """
    own = labels == c
    loss, reach = 0.0, 0.0
    for some, sign in ((own, 1), (~own, -1)):
        was, now, n = before[some] == c, after[some] == c, int(some.sum())
        gone, come = int((was & ~now).sum()), int((now & ~was).sum())
        worse, better = (gone, come)[::sign]
        loss += (worse - better) / n
        reach = hypot(reach, wilson(worse, n)[1] - worse / n, better / n - wilson(better, n)[0])
    return loss, loss + reach


def _moved(labels: IntArray, before: IntArray, after: IntArray, c: int, classes: Sequence[str]) -> Moved:
    right = (labels == c) & (before == c)
    to = np.bincount(after[right & (after != c)], minlength=len(classes))
    taken = int(to.argmax())
    return Moved(classes[c], int(right.sum()), int(to.sum()), classes[taken] if to[taken] else "", int(to[taken]))


def _share_lost(moved: Moved) -> float:
    return moved.lost / max(moved.right, 1)


def _tried(found: LabelSafety, judge: _Judge, emit: Emit) -> LabelSafety:
    """Every candidate from its weakest strength on, until one is not kept; then all that were kept, together."""
    trials: list[Trial] = []
    alone: dict[str, list[tuple[float, float]]] = {}

    def add(trial: Trial) -> bool:
        trials.append(trial)
        emit("trial", {"augment": trial.augment, "verdict": trial.verdict})
        return trial.verdict == "kept"

    for candidate in CANDIDATES:
        for strength in candidate.strengths(min(judge.size)):
            if not add(judge.full(candidate, strength)):
                break
            alone.setdefault(candidate.name, []).append((strength, trials[-1].high))
    # What is harmless alone may be too much together.
    kept: Kept = alone
    while len(kept) > 1 and not add(judge.joint(together(kept))):
        kept = weaker(kept)
    return replace(found, augment=str(together(kept)), trials=tuple(trials))
