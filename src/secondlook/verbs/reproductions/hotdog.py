"""The hotdog study: how a lazy answer hides behind accuracy, in three rounds of training one net."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import DataError
from secondlook.judge.claims import all_hold, figure, more, same, within
from secondlook.measure.estimates import exactly, paired_difference, share
from secondlook.types import Claim, Estimate, Figure, FigureTable, Run
from secondlook.verbs.compare import compare
from secondlook.verbs.continuing import continue_run
from secondlook.verbs.reproductions.hotdog_epochs import ROUNDS, curves
from secondlook.verbs.reproductions.setting import (
    Given,
    Outcome,
    Setting,
    SourceStudy,
    failed,
    place,
    row_score,
    score,
)

NET = "cnn-wide"
# Of the hotdog class after each round: right hotdogs, hotdogs answered, hotdogs there; from its matrices.
PUBLISHED: Sequence[tuple[int, int, int]] = ((47, 61, 114), (71, 101, 114), (81, 162, 114))
N_VALID, LAZY, NUMBERS = 888, 774 / 888, 1_615_905
WEIGHTS = 7.0
SIZE, QUICK_SIZE, QUICK_ROUNDS = 120, 64, (4, 4, 4)
RECIPE = "batch=100,learning_rate=0.001,schedule=constant,patience=100,keep=last"


def find(data: Path | None) -> Given:
    """Photos in train and test, each with a folder of hotdogs and one of other food."""
    inside = ("hotdog/food101_64px", "food101_64px")
    what = "train and test folders of hotdogs and other food"
    path = place(data, inside, lambda path: (path / "train").is_dir(), what, "hotdog")
    if not any(_is_hotdog(folder.name) for folder in (path / "train").iterdir()):
        raise DataError(f"expected a folder of hotdogs in {path / 'train'}, got none of that name; rename it to hotdog")
    return Given(path, f"the photos of {path.name}, where the study had its own", stand_in=True)


def made(at: Setting) -> Outcome:
    """Ten epochs; ten more with weights; twenty more."""
    rounds, size = (QUICK_ROUNDS, QUICK_SIZE) if at.quick else (ROUNDS, SIZE)
    first = compare(
        at.given.data, models=["majority", NET], size=size, epochs=rounds[0], recipe=RECIPE, **at.options("round-1")
    )
    hotdog = next(name for name in first.data["classes"] if _is_hotdog(name))
    weights = {hotdog: WEIGHTS}
    second = continue_run(first.path, NET, epochs=rounds[1], class_weight=weights, **at.kept("round-2"))
    third = continue_run(second.path, NET, epochs=rounds[2], **at.kept("round-3"))
    found = [_judged(run, hotdog) for run in (first, second, third)]
    row = first[NET]
    table = FigureTable(
        "Precision and recall of hotdogs after each round",
        (
            *(line for i in range(3) for line in _figures(i, found[i])),
            figure("always no", "accuracy", LAZY, row_score(first["majority"], "test"), n=N_VALID),
            figure(NET, "trained", NUMBERS, exactly(row.trained), "count", why=failed(row)),
        ),
        "The study's accuracies are counted from its matrices. Our net has two outputs in place of one, 65 numbers "
        "more.",
    )
    claims = (*_claims(at, first, found), *_of_curves(at, third))
    return Outcome((table, curves(third, NET, rounds)), claims, _differences(at, first))


@dataclass(frozen=True, eq=False)
class Judged:
    """What a round's net says of the test photos: scores, and which it answers right, of all and of hotdogs."""

    precision: Estimate
    recall: Estimate
    accuracy: Estimate
    right: NDArray[np.bool_]
    there: NDArray[np.bool_]

    def less(self, other: Judged) -> tuple[Estimate, Estimate]:
        """How far accuracy and recall lie above another round's, on the same photos."""
        mine, theirs = self.right, other.right
        return paired_difference(mine, theirs), paired_difference(mine[self.there], theirs[self.there])


def _is_hotdog(name: str) -> bool:
    return "".join(letter for letter in name.lower() if letter.isalpha()) in ("hotdog", "hotdogs")


def _judged(run: Run, hotdog: str) -> Judged:
    said = run.predictions(NET)
    code = said.classes.index(hotdog)
    there, answered = said.labels == code, said.predicted == code
    both = int((there & answered).sum())
    return Judged(
        share(both, int(answered.sum())),
        share(both, int(there.sum())),
        row_score(run[NET], "test"),
        said.predicted == said.labels,
        there,
    )


def _figures(at: int, found: Judged) -> list[Figure]:
    true, answered, there = PUBLISHED[at]
    of = ("round 1", "round 2, weights 7 : 1", "round 3, the same")[at]
    accuracy = (true + (N_VALID - there) - (answered - true)) / N_VALID
    return [
        figure(of, "precision", true / answered, found.precision, n=answered),
        figure(of, "recall", true / there, found.recall, n=there),
        figure(of, "accuracy", accuracy, found.accuracy, n=N_VALID),
    ]


def _claims(at: Setting, first: Run, found: Sequence[Judged]) -> Iterator[Claim]:
    lazy = first["majority"].test_accuracy
    one, two, three = found
    (gained, recalled), (later, found_later) = two.less(one), three.less(two)
    zero = exactly(0.0)
    yield at.claim(
        "A lazy classifier that always says no is right on 87 % of the images.",
        same(exactly(lazy), LAZY, None, 0.01),
        f"{lazy or 0:.1%} here, by how many photos of each kind there are",
        levels=True,
    )
    yield at.claim(
        "An accuracy near 90 %, hardly above the lazy classifier's, hides that most hotdogs are missed.",
        all_hold(within(one.accuracy, 0.85, 0.95), within(one.recall, high=0.5)),
        f"after round 1 accuracy {score(one.accuracy)}, recall of hotdogs {score(one.recall)}",
    )
    yield at.claim(
        "Class weights find more of the hotdogs, and more of what the net calls a hotdog is none.",
        all_hold(more(recalled, zero), more(one.precision, two.precision)),
        f"recall {score(one.recall)} to {score(two.recall)}, {_points(recalled)} on the same photos; precision "
        f"{score(one.precision)} to {score(two.precision)}",
    )
    yield at.claim(
        "The weights cost accuracy.",
        more(zero, gained),
        f"accuracy {score(one.accuracy)} to {score(two.accuracy)}, {_points(gained)} on the same photos; the study "
        "says so in prose, but its own matrices give 90.9 and 91.8 %",
    )
    yield at.claim(
        "Twenty more epochs with the weights make the net no better: accuracy falls, whatever happens to recall.",
        more(zero, later),
        f"accuracy {score(two.accuracy)} to {score(three.accuracy)}, {_points(later)} on the same photos; recall "
        f"{score(two.recall)} to {score(three.recall)}, {_points(found_later)}",
    )


def _of_curves(at: Setting, third: Run) -> Iterator[Claim]:
    history = third.histories[NET]
    last = history.epochs[-1]
    overfits = [one for one in third.findings if one.code == "M103"]
    start = (
        f"from epoch {overfits[0].evidence['from_epoch'][NET]} of {last.epoch} on" if overfits else "it did not fire"
    )
    yield at.claim(
        "With the weights the net overfits: training loss falls, validation loss rises.",
        "holds" if overfits else "cannot be told",
        f"by finding M103, {start}; in the study from about the eighth epoch with weights, the eighteenth of all",
    )
    n = third[NET].n_valid or 0
    yield at.claim(
        "At the end it gets over 95 % of the training images right.",
        within(share(round(last.train_accuracy * n), n), 0.95),
        f"{last.train_accuracy:.3f} of {n:,} training images",
        levels=True,
    )


def _points(found: Estimate) -> str:
    return f"{100 * found.value:+.1f} points ({100 * found.low:+.1f} to {100 * found.high:+.1f})"


def _differences(at: Setting, first: Run) -> tuple[str, ...]:
    row = first[NET]
    size = QUICK_SIZE if at.quick else SIZE
    found = (
        f"Other photos: {row.n_train or 0:,} to learn from, {row.n_valid or 0:,} to follow training by and "
        f"{row.n_test or 0:,} to test on, resized to {size}x{size} pixels. The study read 4,766 and 888, though its "
        "text counts 120 + 794.",
        "An epoch is all training images; the study's was 30 batches of 100, three fifths of them.",
        "Scores are of a test part; the study gave those of its validation part, of which its accuracy while training "
        "counted 100 images twice. Its prose says 72 % and 50 % where its own output says 77 % and 41 %.",
        "Rounds go on with the optimiser's moments; the study compiled its net anew, which forgets them. The last "
        "epoch's weights are kept, as there.",
    )
    quick = (f"Quick: rounds of {', '.join(map(str, QUICK_ROUNDS))} epochs at {size}x{size} pixels.",)
    return (*found, *(quick if at.quick else ()))


STUDY = SourceStudy(
    "hotdog",
    "Hotdog or not: what does accuracy hide?",
    'the series "Deep Learning for image classification", part 4: First Looks Can Be Deceiving',
    find,
    made,
)
