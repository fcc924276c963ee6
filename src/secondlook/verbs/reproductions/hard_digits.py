"""The hard-digits study: which of MNIST's digits a good convolutional net still gets wrong."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan
from pathlib import Path

from secondlook.judge.claims import figure, same, within
from secondlook.measure.estimates import UNKNOWN, difference, exactly
from secondlook.types import Claim, Estimate, FigureTable, Part, Run
from secondlook.verbs.compare import compare
from secondlook.verbs.mistakes import mistakes
from secondlook.verbs.reproductions.setting import (
    Given,
    Outcome,
    Setting,
    SourceStudy,
    failed,
    has_idx,
    is_mnist,
    needs_people,
    place,
    right,
    row_score,
    score,
    some_images,
)

ACCURACY, ERROR, LOSS, NUMBERS, N_TEST = 0.9938, 0.0062, 0.024713, 390_218, 10_000
# A net of the same text trained anew moves by about .1 points; the test part's own chance by .15.
MARGIN = 0.003
_PARTS: tuple[Part, ...] = ("test", "train")
# Keras' own rate for Adam, which stays unless told otherwise.
RECIPE = "batch=128,learning_rate=0.001,schedule=constant,patience=100,keep=last"
EPOCHS = 20
QUICK_N, QUICK_EPOCHS = 10_000, 4


def find(data: Path | None) -> Given:
    """MNIST with its own test part."""
    path = place(data, ("mnist",), has_idx, "MNIST's four files", "hard-digits")
    if is_mnist(path):
        return Given(path, "MNIST: 60,000 digits to learn from, its own 10,000 to test on")
    return Given(path, f"the images of {path.name}, which are not MNIST", stand_in=True)


def made(at: Setting) -> Outcome:
    """The net, its scores, and the images that it gets wrong in either part."""
    data = some_images(at, QUICK_N, "hard-digits") if at.quick else at.given.data
    run = compare(
        data, models="convnet", valid=0.1, recipe=RECIPE,
        epochs=QUICK_EPOCHS if at.quick else EPOCHS, **at.options("net"),
    )  # fmt: skip
    row = run["convnet"]
    test = row_score(row, "test")
    if row.status == "ok" and not at.quick:
        mistakes(run, model="convnet", part="test,train", out=at.folder / "mistakes.html", quiet=at.quiet)
    table = FigureTable(
        f"One net on {row.n_train or 0:,} training and {row.n_test or 0:,} test images",
        (
            figure("convnet", "test accuracy", ACCURACY, test, n=N_TEST, why=failed(row)),
            figure("convnet", "test error", ERROR, difference(exactly(1), test), n=N_TEST, why=failed(row)),
            figure("convnet", "test loss", LOSS, _loss(run), "nats", why=failed(row)),
            figure("convnet", "trained", NUMBERS, exactly(row.trained), "count", why=failed(row)),
            figure("a person at best", "test error", 0.0023, UNKNOWN, n=N_TEST, why="it takes people's answers"),
            figure(
                "the best of 2018", "test error", 0.0025, UNKNOWN, n=N_TEST, why="capsule networks are not tried here"
            ),
        ),
        "" if at.quick else "The mistakes by true class, on test and training images, are in mistakes.html.",
    )
    return Outcome((table,), tuple(_claims(at, run)), _differences(at))


def _loss(run: Run) -> Estimate:
    """The log-loss on the test part."""
    if run["convnet"].status != "ok":
        return UNKNOWN
    loss = run.scores("convnet")["log_loss"]
    return Estimate(loss.value, loss.low, loss.high)


def _claims(at: Setting, run: Run) -> Iterator[Claim]:
    test, train = (row_score(run["convnet"], part) for part in ("test", "train"))
    yield at.claim(
        "A simple convolutional net with batch norm and dropout gets 99.38 % of the test digits right.",
        same(test, ACCURACY, N_TEST, MARGIN),
        f"{score(test)} here; the same is within {100 * MARGIN:g} points",
        levels=True,
    )
    wrong = {part: int((~right(run, "convnet", part)).sum()) for part in _PARTS}
    yield at.claim(
        "After training, some of the training digits are still answered wrongly.",
        within(exactly(None if isnan(train.value) else wrong["train"]), 1),
        f"{wrong['train']:,} of them, {score(train)} right",
        levels=True,
    )
    yield needs_people(
        "Some of those training digits are mislabelled.",
        f"{wrong['train']:,} training digits are answered wrongly here; `secondlook suspects` ranks doubtful labels",
    )
    yield needs_people(
        "The best of 2018, .25 %, is superhuman: nobody reads all the digits right that the net does.",
        "the study's own guess",
    )
    yield needs_people(
        "A person could read two thirds of the wrongly answered test digits, so that the best human error is .23 %.",
        f"{wrong['test']:,} test digits are answered wrongly here, 62 in the study; a third of its .62 % is .21 %",
    )


def _differences(at: Setting) -> tuple[str, ...]:
    found = (
        "A tenth of the training images is held out to follow training by; the study trained on all 60,000. The last "
        "epoch's weights are kept, as there.",
        "The optimiser and the rate are not given in the study; ours are Adam at a constant 1e-3, in steps of 128 "
        "images, and where the processor has them in bfloat16 products.",
    )
    quick = (f"Quick: {QUICK_N:,} images in all, {QUICK_EPOCHS} epochs.",) if at.quick else ()
    return (*found, *quick)


STUDY = SourceStudy(
    "hard-digits",
    "What does a difficult digit look like?",
    'the blog post "What does a difficult MNIST digit look like?", 2018, a Keras net on MNIST',
    find,
    made,
)
