"""The hotdog study: how a lazy answer hides behind accuracy, in three rounds of training one net."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from secondlook.judge.claims import all_hold, figure, more, same, within
from secondlook.measure.estimates import exactly, share
from secondlook.types import Claim, Estimate, Figure, FigureTable, History, Round, Run
from secondlook.verbs.compare import compare
from secondlook.verbs.continuing import continue_run
from secondlook.verbs.reproductions.setting import (
    Given,
    Outcome,
    Setting,
    SourceStudy,
    place,
    row_score,
    score,
)

NET = "cnn-wide"
# Of the hotdog class after each round: right hotdogs, hotdogs answered, hotdogs there; from its matrices.
PUBLISHED: Sequence[tuple[int, int, int]] = ((47, 61, 114), (71, 101, 114), (81, 162, 114))
N_VALID, LAZY, NUMBERS = 888, 774 / 888, 1_615_905
ROUNDS = (10, 10, 20)
WEIGHTS = 7.0
# So much above its lowest, a validation loss has risen.
RISE = 1.1
# Precision and recall of the hotdogs, and accuracy.
Trio = tuple[Estimate, Estimate, Estimate]
SIZE, QUICK_SIZE, QUICK_ROUNDS = 120, 64, (5, 5, 5)
RECIPE = "batch=100,learning_rate=0.001,schedule=constant,patience=100"


def find(data: Path | None) -> Given:
    """Photos in train, validation and test, each with a folder of hotdogs and one of other food."""
    inside = ("hotdog/food101_64px", "food101_64px")
    path = place(
        data,
        inside,
        lambda path: (path / "train").is_dir(),
        "train and test folders of hotdogs and other food",
        "hotdog",
    )
    return Given(path, f"the photos of {path.name}, where the study had its own", stand_in=True)


def made(at: Setting) -> Outcome:
    """Ten epochs; ten more with weights; twenty more."""
    rounds, size = (QUICK_ROUNDS, QUICK_SIZE) if at.quick else (ROUNDS, SIZE)
    first = compare(
        at.given.data, models=["majority", NET], size=size, epochs=rounds[0], recipe=RECIPE, **at.options("round-1")
    )
    hotdog = next(name for name in first.data["classes"] if name.lower().replace("_", "") == "hotdog")
    weights = {hotdog: WEIGHTS}
    second = continue_run(first.path, NET, epochs=rounds[1], class_weight=weights, **at.place("round-2"))
    third = continue_run(second.path, NET, epochs=rounds[2], **at.place("round-3"))
    found = [_of_hotdog(one, third.data["classes"].index(hotdog)) for one in third.rounds]
    row, lazy = first[NET], row_score(first["majority"], "test")
    table = FigureTable(
        "Precision and recall of hotdogs after each round",
        (
            *(line for i in range(3) for line in _figures(i, found[i])),
            figure("always no", "accuracy", LAZY, lazy, n=N_VALID),
            figure(NET, "trained", NUMBERS, exactly(row.trained), "count", why=row.reason),
        ),
        "Ours has two outputs in place of one, which are 65 numbers more.",
    )
    return Outcome((table,), tuple(_claims(at, first, third, found)), _differences(at, first, third))


def _of_hotdog(one: Round, code: int) -> Trio:
    """Precision and recall of the class, and accuracy, with Wilson's intervals."""
    right, answered, there = one.matrix[code, code], one.matrix[:, code].sum(), one.matrix[code].sum()
    return (
        share(int(right), int(answered)),
        share(int(right), int(there)),
        Estimate(one.accuracy, one.low, one.high),
    )


def _figures(at: int, found: Trio) -> list[Figure]:
    right, answered, there = PUBLISHED[at]
    of = ("round 1", "round 2, weights 7 : 1", "round 3, the same")[at]
    return [
        figure(of, "precision", right / answered, found[0], n=answered),
        figure(of, "recall", right / there, found[1], n=there),
        figure(of, "accuracy", (right + (N_VALID - there) - (answered - right)) / N_VALID, found[2], n=N_VALID),
    ]


def _claims(at: Setting, first: Run, third: Run, found: Sequence[Trio]) -> Iterator[Claim]:
    lazy = row_score(first["majority"], "test")
    precision, recall, accuracy = ([one[i] for one in found] for i in range(3))
    yield at.claim(
        "A lazy classifier that always says no is right on 87 % of the images.",
        same(exactly(lazy.value), LAZY, None, 0.01),
        f"{lazy.value:.1%} here, by how many photos of each kind there are; the same is within a point",
    )
    yield at.claim(
        "An accuracy near 90 % hides that most hotdogs are missed.",
        all_hold(within(accuracy[0], 0.85), within(recall[0], high=0.5)),
        f"after round 1 accuracy {score(accuracy[0])}, recall of hotdogs {score(recall[0])}",
    )
    yield at.claim(
        "Class weights find more of the hotdogs, and more of what it calls hotdog is not.",
        all_hold(more(recall[1], recall[0]), more(precision[0], precision[1])),
        f"recall {score(recall[0])} to {score(recall[1])}, precision {score(precision[0])} to {score(precision[1])}",
    )
    yield at.claim(
        "Twenty epochs more make it no better: accuracy falls.",
        more(accuracy[1], accuracy[2]),
        f"accuracy {score(accuracy[1])} to {score(accuracy[2])}; recall {score(recall[1])} to {score(recall[2])}, "
        f"precision {score(precision[1])} to {score(precision[2])}",
    )
    yield _overfits(at, third.histories[NET])


def _overfits(at: Setting, history: History) -> Claim:
    """Whether the validation loss rises while the training loss falls, after the first round."""
    later = [epoch for epoch in history.epochs if epoch.epoch > history.seams[0].epoch]
    best = min(later, key=lambda epoch: epoch.valid_loss)
    last = later[-1]
    rises = last.valid_loss > RISE * best.valid_loss and last.train_loss < best.train_loss
    return at.claim(
        "With the weights it overfits, from about the eighth epoch on: training loss falls, validation loss rises.",
        "holds" if rises else "does not hold",
        f"validation loss is lowest, {best.valid_loss:.3f}, in epoch {best.epoch - history.seams[0].epoch} of these, "
        f"and {last.valid_loss:.3f} in the last; training loss {best.train_loss:.3f} and {last.train_loss:.3f}",
    )


def _differences(at: Setting, first: Run, third: Run) -> tuple[str, ...]:
    row = first[NET]
    kept = [one.kept for one in third.rounds]
    size = QUICK_SIZE if at.quick else SIZE
    found = (
        f"Other photos: {row.n_train or 0:,} to learn from, {row.n_valid or 0:,} to choose by and {row.n_test or 0:,} "
        f"to test on, resized to {size}x{size} pixels; the study had 4,766 and 888.",
        "An epoch is all training images; the study's was 30 batches of 100.",
        "Scores are of a test part that chose nothing; the study gave those of its validation part, of which its "
        "accuracy while training counted 100 images twice. Its prose says 72 % and 50 % where its own output says 77 "
        "% and 41 %.",
        f"The epoch with the lowest validation loss is kept after each round (epochs {', '.join(map(str, kept))}); the "
        "study kept the last.",
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
