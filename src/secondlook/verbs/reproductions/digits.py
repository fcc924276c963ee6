"""The digits study: three models for Kaggle's digit recogniser, from a linear SVM to a small convolutional net."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import nan
from pathlib import Path

from secondlook.judge.claims import all_hold, figure, more
from secondlook.measure.estimates import alone, exactly, paired_difference, published_share
from secondlook.types import Claim, Figure, FigureTable, Run
from secondlook.verbs.compare import compare
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
    said,
    some_images,
)

_BETTER = (("cnn", "shallow"), ("shallow", "linear-svm"))
# Kaggle's labelled file has so many of MNIST's 70,000; a tenth of them were held out.
N, N_TRAIN, N_TEST = 42_000, 37_800, 4_200
# TensorFlow 2's leaky ReLU has a slope of 0.2.
NETS = {
    "shallow": "dense 400, leaky 0.2",
    "cnn": "conv 6 5x5, leaky 0.2, maxpool 2, conv 16 5x5, leaky 0.2, maxpool 2, dense 120, leaky 0.2, dense 84, "
    "leaky 0.2",
}
EPOCHS = {"shallow": 100, "cnn": 50}
RECIPE = "batch=32,learning_rate=0.001,schedule=constant,patience=100,keep=last"
# Training and test accuracy.
PUBLISHED: Mapping[str, tuple[float, float]] = {
    "linear-svm": (0.954, 0.938),
    "shallow": (0.997, 0.976),
    "cnn": (0.998, 0.984),
}
CNN_NUMBERS = 44_426
# Held out of the training images to follow training by.
VALID = 0.05
QUICK_N = 6_000


def find(data: Path | None) -> Given:
    """Kaggle's train.csv, or MNIST, of which those are 42,000 rows; without any, scikit-learn's 1,797 small digits."""
    if data is None:
        return Given("digits", "scikit-learn's 1,797 digits of 8x8 pixels, which are not the study's", stand_in=True)
    path = place(
        data, ("mnist", "train.csv"), lambda path: has_idx(path) or _is_kaggle(path),
        "Kaggle's train.csv or MNIST's four files", "digits",
    )  # fmt: skip
    if path.suffix == ".csv":
        return Given(path, "Kaggle's train.csv")
    if is_mnist(path):
        return Given(path, "42,000 of MNIST's 70,000 digits, drawn by the seed, as Kaggle's train.csv holds so many")
    return Given(path, f"the images of {path.name}, which are not MNIST", stand_in=True)


def _is_kaggle(path: Path) -> bool:
    """A CSV of pixels, as Kaggle gives it."""
    if path.suffix != ".csv":
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().startswith("label,pixel0")


def made(at: Setting) -> Outcome:
    """The SVM with its search, then the nets, on the same split."""
    most = QUICK_N if at.quick else N
    data = at.given.data if isinstance(at.given.data, str) else some_images(at, most, "kaggle")
    runs = {"linear-svm": compare(data, models="linear-svm", tune=True, test=0.1, valid=VALID, **at.options("svm"))}
    for name, net in NETS.items():
        runs[name] = compare(
            data, models="majority", nets={name: net}, test=0.1, valid=VALID, recipe=RECIPE,
            epochs=10 if at.quick else EPOCHS[name], engine="native" if at.quick else "auto", **at.options(name),
        )  # fmt: skip
    rows = {name: run[name] for name, run in runs.items()}
    table = FigureTable(
        f"Three models on {rows['cnn'].n_train or 0:,} training and {rows['cnn'].n_test or 0:,} test images",
        tuple(line for name in PUBLISHED for line in _figures(name, runs[name])),
        f"C of the SVM by a search over 2^-7 to 2^6: {rows['linear-svm'].params or 'none'}.",
    )
    return Outcome((table,), tuple(_claims(at, runs)), _differences(at))


def _figures(name: str, run: Run) -> list[Figure]:
    (train, test), row = PUBLISHED[name], run[name]
    return [
        figure(name, "train accuracy", train, row_score(row, "train"), n=N_TRAIN, why=failed(row)),
        figure(name, "test accuracy", test, row_score(row, "test"), n=N_TEST, why=failed(row)),
        figure(name, "trained", CNN_NUMBERS if name == "cnn" else None, exactly(row.trained), "count", why=failed(row)),
        figure(name, "seconds to fit", None, alone(nan if row.fit_seconds is None else row.fit_seconds), "seconds"),
    ]


def _claims(at: Setting, runs: Mapping[str, Run]) -> Iterator[Claim]:
    test = {name: row_score(run[name], "test") for name, run in runs.items()}
    yield at.claim(
        "The convolutional net is best, then the shallow net, then the linear SVM.",
        all_hold(*(more(paired_difference(right(runs[a], a), right(runs[b], b)), exactly(0)) for a, b in _BETTER)),
        f"test accuracies {said(test, ['cnn', 'shallow', 'linear-svm'])}, compared on the same images",
        levels=True,
    )
    yield _longer(at, {name: runs[name] for name in NETS if name in runs[name].histories})
    wrong = int((~right(runs["cnn"], "cnn")).sum())
    yield needs_people(
        "Most of the digits that the convolutional net gets wrong are hard for a person too.",
        f"{wrong:,} mistakes are in the report of its run",
    )


def _longer(at: Setting, runs: Mapping[str, Run]) -> Claim:
    """Whether the second half of training still gained."""
    verdicts, words = [], []
    for name, run in runs.items():
        epochs, n = run.histories[name].epochs, run[name].n_valid or 0
        middle, end = epochs[len(epochs) // 2 - 1], epochs[-1]
        verdicts.append(more(published_share(end.valid_accuracy, n), published_share(middle.valid_accuracy, n)))
        words.append(
            f"{name} {middle.valid_accuracy:.4f} in epoch {middle.epoch}, {end.valid_accuracy:.4f} in {end.epoch}"
        )
    text = "Trained a little longer, the nets are slightly better, on images they did not learn from too."
    return at.claim(text, all_hold(*verdicts), f"validation accuracies: {'; '.join(words)}", levels=True)


def _differences(at: Setting) -> tuple[str, ...]:
    found = [
        f"A tenth is held out, as in the study, and {VALID:.0%} more to follow training by. The last epoch's weights "
        "are kept, as there.",
        "The SVM's search is ours: C between 2^-7 and 2^6, five folds, on parts of the images first. Pixels are "
        "standardised; the study divided them by 255.",
    ]
    if at.given.stand_in:
        found.append("These are not the study's digits. The published figures are of 42,000 of 28x28 pixels.")
    if at.quick:
        found.append(f"Quick: {QUICK_N:,} images in place of {N:,}, and 10 epochs.")
    return tuple(found)


STUDY = SourceStudy(
    "digits",
    "What does a net add to a linear SVM on handwritten digits?",
    "a write-up of Kaggle's Digit Recognizer with scikit-learn and Keras",
    find,
    made,
)
