"""What every model of the ladder must do. Each check is applied to each entry: a new model is tested by existing."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone

from secondlook.models.entry import Entry, Size
from secondlook.models.ladder import ladder, with_epochs

LADDER: tuple[Entry, ...] = tuple(ladder().values())

Images = NDArray[np.uint8]


def easy(n: int = 90, seed: int = 0) -> tuple[Images, NDArray[np.int64]]:
    """Grey images 12x12 of three classes: a bright square at one of three places, in noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    X = rng.integers(0, 90, (n, 12, 12, 1))
    for image, place in zip(X, y, strict=True):
        image[4 * place : 4 * place + 4, 4:8] += 150
    return X.astype(np.uint8), y


def fitted(entry: Entry, seed: int = 0, **more: Any) -> Any:
    X, y = easy()
    return entry.make(seed).fit(X, y, valid=easy(30, seed=1), **more)


def check_it_beats_chance_on_an_easy_set(entry: Entry) -> None:
    X, y = easy(60, seed=2)
    accuracy = (fitted(entry).predict(X) == y).mean()
    assert accuracy >= (1 / 3 if entry.family == "baseline" else 0.9)


def check_probabilities_are_float32_rows_that_sum_to_one(entry: Entry) -> None:
    P = fitted(entry).predict_proba(easy(30, seed=2)[0])
    assert P.shape == (30, 3)
    assert P.dtype == np.float32
    assert P.min() >= 0
    np.testing.assert_allclose(P.sum(axis=1), 1, atol=1e-6)


def check_the_answer_is_the_most_probable_class(entry: Entry) -> None:
    model = fitted(entry)
    rng = np.random.default_rng(3)
    flat = np.full((20, 12, 12, 1), 128, np.uint8)
    for X in (easy(60, seed=2)[0], rng.integers(0, 256, (200, 12, 12, 1), dtype=np.uint8), flat):
        np.testing.assert_array_equal(model.predict(X), model.classes_[model.predict_proba(X).argmax(axis=1)])


def check_the_same_seed_gives_the_same_bits(entry: Entry) -> None:
    X = easy(60, seed=2)[0]
    first, second = fitted(entry, 7).predict_proba(X), fitted(entry, 7).predict_proba(X)
    assert first.tobytes() == second.tobytes()


def check_it_fits_without_validation_images(entry: Entry) -> None:
    X, y = easy()
    model = entry.make(0).fit(X, y)
    assert model.predict(X).shape == y.shape


def check_names_are_as_good_as_numbers(entry: Entry) -> None:
    X, y = easy()
    Xv, yv = easy(30, seed=1)
    names = np.array(["cat", "dog", "10"])
    order = np.unique(names)
    numbers = np.searchsorted(order, names)
    by_name = entry.make(0).fit(X, names[y], valid=(Xv, names[yv]))
    by_number = entry.make(0).fit(X, numbers[y], valid=(Xv, numbers[yv]))
    assert by_name.classes_.tolist() == ["10", "cat", "dog"]
    np.testing.assert_array_equal(by_name.predict(Xv), order[by_number.predict(Xv)])


def check_an_image_may_have_or_lack_its_channel(entry: Entry) -> None:
    X, y = easy()
    Xv, yv = easy(30, seed=1)
    grey = entry.make(0).fit(X[..., 0], y, valid=(Xv[..., 0], yv))
    np.testing.assert_array_equal(grey.predict_proba(Xv[..., 0]), fitted(entry).predict_proba(Xv))


def check_flat_rows_do(entry: Entry) -> None:
    X, y = easy()
    Xv, yv = easy(30, seed=1)
    flat = entry.make(0).fit(X.reshape(90, -1), y, valid=(Xv.reshape(30, -1), yv))
    np.testing.assert_allclose(flat.predict_proba(Xv.reshape(30, -1)), fitted(entry).predict_proba(Xv), atol=1e-4)


def check_bytes_and_fractions_agree(entry: Entry) -> None:
    def model() -> Any:
        # Adam gives a weight whose gradient is nothing but rounding a whole step, this way or that, and large steps of
        # deep nets make 1e-3 of one weight's last bit within nine; small ones of SGD do not.
        made = entry.make(0)
        return made.set_params(optimizer="sgd", learning_rate=1e-3) if entry.is_net else made

    (X, y), (Xv, yv) = easy(), easy(30, seed=1)
    # Twice the size, so that no net enlarges them: bytes stay bytes there, each rounded, and fractions do not.
    if entry.is_net:
        X, Xv = (np.repeat(np.repeat(some, 2, axis=1), 2, axis=2) for some in (X, Xv))
    fractions, bytes_ = model().fit(X / 255, y, valid=(Xv / 255, yv)), model().fit(X, y, valid=(Xv, yv))
    np.testing.assert_allclose(fractions.predict_proba(Xv / 255), bytes_.predict_proba(Xv), atol=1e-5)


def check_one_image_is_answered_as_in_a_batch(entry: Entry) -> None:
    model, X = fitted(entry), easy(12, seed=2)[0]
    alone = np.concatenate([model.predict_proba(X[i : i + 1]) for i in range(len(X))])
    np.testing.assert_allclose(alone, model.predict_proba(X), atol=1e-5)


def check_parameters_can_be_read_and_set(entry: Entry) -> None:
    model = entry.make(5)
    assert model.random_state == 5
    assert model.get_params().keys() == clone(model).set_params(random_state=6).get_params().keys()
    assert set(entry.space) <= set(model.get_params())


def check_a_pickle_answers_the_same(entry: Entry) -> None:
    model, X = fitted(entry), easy(30, seed=2)[0]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict_proba(X), model.predict_proba(X))


def check_weight_zero_is_as_absent(entry: Entry) -> None:
    X, y = easy(120)
    keep = np.arange(120) >= 40
    valid = easy(30, seed=1)
    weighted = entry.make(0).fit(X, y, sample_weight=keep.astype(float), valid=valid)
    absent = entry.make(0).fit(X[keep], y[keep], sample_weight=np.ones(80), valid=valid)
    np.testing.assert_allclose(weighted.predict_proba(valid[0]), absent.predict_proba(valid[0]), atol=1e-4)


def check_weights_count(entry: Entry) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (80, 12, 12, 1), dtype=np.uint8), np.arange(80) % 2
    X[40:] = X[:40]
    y[40:] = 1 - y[:40]
    often = np.repeat(np.arange(80), np.where(y == 1, 50, 1))
    valid = X[often], y[often]  # chosen by what counts in training
    model = entry.make(0).fit(X, y, sample_weight=np.where(y == 1, 50.0, 1.0), valid=valid)
    assert (model.predict(X) == 1).mean() > 0.9, "every image occurs twice, once per class: the heavy class wins"


def check_the_counts_are_set(entry: Entry) -> None:
    model = fitted(entry)
    assert isinstance(model.n_trained_, int)
    assert isinstance(model.n_stored_, int)
    assert 0 <= model.n_trained_ <= model.n_stored_
    assert model.n_stored_ > 0
    assert model.macs_ is None or (isinstance(model.macs_, int) and model.macs_ > 0)
    assert all(isinstance(note, str) and note for note in model.notes_)


def check_another_image_size_is_refused(entry: Entry) -> None:
    with pytest.raises(ValueError, match=r"expect|features") as caught:
        fitted(entry).predict(np.zeros((3, 9, 12, 1), np.uint8))
    assert "\n" not in str(caught.value)


def check_one_class_is_refused(entry: Entry) -> None:
    with pytest.raises(ValueError, match="class"):
        entry.make(0).fit(easy()[0], np.zeros(90, int))


def check_a_second_fit_forgets_the_first(entry: Entry) -> None:
    X, y = easy()
    valid = easy(30, seed=1)
    again = entry.make(0).fit(X[:60, :6], y[:60] % 2, valid=(X[60:, :6], y[60:] % 2)).fit(X, y, valid=valid)
    np.testing.assert_array_equal(again.predict_proba(valid[0]), fitted(entry).predict_proba(valid[0]))


def check_the_images_are_left_as_they_were(entry: Entry) -> None:
    X, y = easy()
    X.flags.writeable = y.flags.writeable = False
    entry.make(0).fit(X, y, valid=(X, y)).predict(X)


def check_time_is_estimated_and_grows(entry: Entry) -> None:
    small, large = Size(1_000, 200, 200, (8, 8, 1), 10), Size(40_000, 8_000, 8_000, (28, 28, 1), 10)
    assert 0 < entry.seconds(small) <= entry.seconds(large)
    pickle.dumps(entry)


CHECKS: list[Callable[[Entry], None]] = [check for name, check in list(globals().items()) if name.startswith("check_")]


# Only these need a net that is trained to its end.
LEARNING = {check_it_beats_chance_on_an_easy_set, check_weights_count}


# The four largest nets take most of the time of all; the other fifteen are asked every time.
DEEP = {"convnet", "resnet-small", "cnn-wide", "cnn-nopool"}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize(
    "entry",
    [pytest.param(e, id=e.name, marks=pytest.mark.slow if e.name in DEEP else ()) for e in LADDER],
)
def test_a_model_keeps_the_contract(entry: Entry, check: Callable[[Entry], None]) -> None:
    check(entry if check in LEARNING else with_epochs(entry, 3))


def test_names_are_unique_and_lines_are_short() -> None:
    names = [entry.name for entry in LADDER]
    assert len(set(names)) == len(names)
    assert all(20 <= len(entry.line) <= 110 and not entry.line.endswith(".") for entry in LADDER)
