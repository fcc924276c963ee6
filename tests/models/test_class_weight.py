"""Class weights have one meaning for every model: an image counts as if it were there so many times."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from sklearn.utils.class_weight import compute_class_weight

from secondlook.errors import UsageError
from secondlook.models.base import ImageClassifier
from secondlook.models.class_weight import as_text, resolve
from secondlook.models.classical import KNN, Boosting, Forest, LinearSVM, Logistic, Majority, PolySVM, RbfSVM
from secondlook.models.entry import Entry
from secondlook.models.fitting import FitTask, fit_model
from secondlook.models.ladder import ladder, with_epochs
from secondlook.models.net_classifier import NetClassifier

CLASSES = ("hotdog", "other", "a=b", "a", "no, thanks")
COUNTS = [10, 40, 5, 20, 25]
LABELS = np.repeat(np.arange(5), COUNTS)


# --- what is asked -------------------------------------------------------------------------------------------------


def test_balanced_equals_scikit_learn() -> None:
    found = resolve("balanced", CLASSES, LABELS)
    np.testing.assert_array_equal(found, compute_class_weight("balanced", classes=np.arange(5), y=LABELS))


def test_balanced_counts_the_classes_that_occur_and_no_unlabelled_images() -> None:
    labels = np.array([0, 0, 0, 1, -1, -1])
    np.testing.assert_array_equal(resolve("balanced", CLASSES, labels), [4 / 6, 4 / 2, 1, 1, 1])


@pytest.mark.parametrize("nothing", ["", "none", " none "])
def test_nothing_asked_gives_no_weights(nothing: str) -> None:
    assert resolve(nothing, CLASSES, LABELS) is None


@pytest.mark.parametrize(
    ("asked", "weights"),
    [
        ("hotdog=7", [7, 1, 1, 1, 1]),
        ("hotdog=7,other=0.5", [7, 0.5, 1, 1, 1]),
        (" hotdog = 7 , a = 2 ", [7, 1, 1, 2, 1]),
        ("a=b=3,a=2", [1, 1, 3, 2, 1]),
        ("no, thanks=4,a=0", [1, 1, 1, 0, 4]),
        ("hotdog=1e-3", [1e-3, 1, 1, 1, 1]),
    ],
)
def test_classes_that_are_not_named_count_one(asked: str, weights: list[float]) -> None:
    np.testing.assert_array_equal(resolve(asked, CLASSES, LABELS), weights)


@given(st.dictionaries(st.sampled_from(CLASSES), st.floats(1e-6, 1e6), min_size=1))
def test_a_mapping_says_the_same_as_its_text(asked: dict[str, float]) -> None:
    found = resolve(as_text(asked), CLASSES, LABELS)
    assert found is not None
    assert dict(zip(CLASSES, found, strict=True)) == {**dict.fromkeys(CLASSES, 1.0), **asked}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("hotdgo=7", "to name classes, got 'hotdgo', did you mean 'hotdog'? They are hotdog, other, a=b and 2 more"),
        ("zzz=7", "got 'zzz'. They are hotdog"),
        ("7", "expected --class-weight to be balanced or NAME=7,OTHER=1, got '7'"),
        ("hotdog:7", "balanced or NAME=7,OTHER=1, got 'hotdog:7'"),
        ("hotdog=seven", "expected a number of 0 or more as the class weight of 'hotdog', got 'seven'"),
        ("hotdog=-1", "got '-1'"),
        ("hotdog=nan", "got 'nan'"),
        ("hotdog=inf", "got 'inf'"),
        ("hotdog=", "as the class weight of 'hotdog', got ''"),
        ("hotdog=2,hotdog=3", "expected each class once in --class-weight, got 'hotdog' twice; leave one out"),
        ("hotdog=0,other=0,a=0,a=b=0", "above 0 for two classes at least, got 'hotdog=0,other=0,a=0,a=b=0'"),
    ],
)  # fmt: skip
def test_what_is_no_class_weight_is_said_in_a_sentence(asked: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolve(asked, CLASSES, LABELS)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ["7", None, True])
def test_a_mapping_s_value_that_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="expected a number as the class weight of 'hotdog', got"):
        as_text({"hotdog": value})


# --- against scikit-learn's own ------------------------------------------------------------------------------------

WEIGHTS = np.array([1.0, 6.0])
NUMBERS = {0: 1.0, 1: 6.0}


def uneven(n: int = 120, seed: int = 0) -> tuple[Any, Any]:
    """Images 5x5 of two classes, four of the first to one of the second, which overlap."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 5 == 4).astype(int)
    return np.clip(rng.normal(100 + 12 * y[:, None], 40, (n, 25)), 0, 255).astype(np.uint8).reshape(n, 5, 5, 1), y


def rows(X: Any) -> Any:
    return (X.reshape(len(X), -1) / np.float32(255)).astype(np.float32)


def weighted(model: ImageClassifier, weights: Any = WEIGHTS) -> ImageClassifier:
    (X, y), (Xv, yv) = uneven(), uneven(60, 1)
    return model.fit(X, y, weights[y], valid=(Xv, yv, weights[yv]))


def test_logistic_equals_class_weight() -> None:
    X, y = uneven()
    reference = LogisticRegression(class_weight=NUMBERS, max_iter=200).fit(rows(X), y)
    np.testing.assert_allclose(weighted(Logistic()).predict_proba(X), reference.predict_proba(rows(X)), atol=1e-5)


@pytest.mark.parametrize(
    ("model", "reference"),
    [
        (LinearSVM(C=0.5), SVC(kernel="linear", C=0.5, class_weight=NUMBERS)),
        (RbfSVM(C=2.0, gamma=0.3), SVC(C=2.0, gamma=0.3, class_weight=NUMBERS)),
        (PolySVM(gamma=0.1), SVC(kernel="poly", C=1.0, degree=3, gamma=0.1, coef0=1.0, class_weight=NUMBERS)),
    ],
)
def test_svms_equal_class_weight(model: Any, reference: SVC) -> None:
    X, y = uneven()
    expected = reference.fit(rows(X).astype(float), y).decision_function(rows(X))
    np.testing.assert_allclose(weighted(model).decision_values(rows(X))[:, 1], expected, atol=1e-6)  # type: ignore[attr-defined]


def test_a_forest_draws_its_samples_by_the_weights() -> None:
    X, y = uneven()
    reference = RandomForestClassifier(30, random_state=4).fit(rows(X), y, WEIGHTS[y])
    model = weighted(Forest(n_estimators=30, random_state=4))
    np.testing.assert_allclose(model.predict_proba(X), reference.predict_proba(rows(X)), atol=1e-6)


def test_boosting_equals_class_weight_and_stops_by_the_weighted_loss() -> None:
    (X, y), (Xv, yv) = uneven(), uneven(60, 1)
    settings = {"learning_rate": 0.2, "max_bins": 63, "early_stopping": True, "n_iter_no_change": 5, "max_iter": 40}
    reference = HistGradientBoostingClassifier(**settings, random_state=0)
    reference.fit(rows(X), y, WEIGHTS[y], X_val=rows(Xv), y_val=yv, sample_weight_val=WEIGHTS[yv])
    model = weighted(Boosting(max_iter=40))
    np.testing.assert_allclose(model.predict_proba(X), reference.predict_proba(rows(X)), atol=1e-6)
    plain = Boosting(max_iter=40).fit(X, y, WEIGHTS[y], valid=(Xv, yv))
    assert plain.n_iter_ != model.n_iter_, "the validation part's weights decide when it stops"


# --- against rows repeated -----------------------------------------------------------------------------------------


def repeated(X: Any, y: Any) -> tuple[Any, Any]:
    often = np.repeat(np.arange(len(y)), WEIGHTS.astype(int)[y])
    return X[often], y[often]


@pytest.mark.parametrize(
    ("model", "tolerance"),
    [(Majority(), 1e-7), (Logistic(C=0.3), 2e-4)],
    ids=["majority", "logistic"],
)
def test_a_weight_of_six_is_as_six_of_the_image(model: ImageClassifier, tolerance: float) -> None:
    X, _ = uneven()
    expected = type(model)(**model.get_params()).fit(*repeated(*uneven())).predict_proba(X)
    np.testing.assert_allclose(weighted(model).predict_proba(X), expected, atol=tolerance)


@pytest.mark.parametrize("model", [LinearSVM(C=0.5), RbfSVM(C=2.0, gamma=0.3), PolySVM(gamma=0.1)])
def test_an_svm_with_weights_is_one_of_repeated_images_and_so_is_its_calibration(model: Any) -> None:
    X, _ = uneven()
    alone = weighted(model).decision_values(rows(X))  # type: ignore[attr-defined]
    beta = model.beta_
    often = type(model)(**model.get_params()).fit(*repeated(*uneven()), valid=repeated(*uneven(60, 1)))
    # libsvm stops at a tolerance of 1e-3.
    np.testing.assert_allclose(alone, often.decision_values(rows(X)), atol=5e-3)
    (X, y), (Xv, yv) = uneven(), uneven(60, 1)
    plainly = type(model)(**model.get_params()).fit(X, y, WEIGHTS[y], valid=(Xv, yv))
    # The same but for Platt's smoothing, which counts images; without the validation part's weights far from it.
    assert abs(beta - often.beta_) < abs(plainly.beta_ - often.beta_) / 2


def test_neighbours_vote_with_their_weights() -> None:
    X = np.array([0, 10, 20, 30, 200], np.uint8).reshape(5, 1, 1, 1)
    model = KNN(n_neighbors=4).fit(X, [0, 0, 1, 0, 1], [1, 1, 7, 1, 7])
    np.testing.assert_allclose(model.predict_proba(X[:1]), [[3 / 10, 7 / 10]])


def test_a_net_keeps_the_plain_and_the_weighted_loss_of_both_parts() -> None:
    (X, y), (Xv, yv) = uneven(), uneven(60, 1)
    model = NetClassifier("dense 6, relu", epochs=4, patience=9, learning_rate=1e-2)
    model.fit(X, y, WEIGHTS[y], valid=(Xv, yv, WEIGHTS[yv]))
    epochs = model.history_.epochs
    assert model.history_.best == 1 + int(np.argmin([e.valid_weighted_loss for e in epochs]))
    kept = epochs[model.history_.best - 1]
    P = model.predict_proba(Xv).astype(float)
    losses = -np.log(P[np.arange(len(yv)), yv])
    assert kept.valid_loss == pytest.approx(losses.mean(), rel=1e-5)
    assert kept.valid_weighted_loss == pytest.approx(np.average(losses, weights=WEIGHTS[yv]), rel=1e-5)
    sample = model.state_.sample
    P = model.predict_proba(X[sample]).astype(float)
    losses = -np.log(P[np.arange(len(sample)), y[sample]])
    assert kept.train_loss == pytest.approx(losses.mean(), rel=1e-5)
    assert kept.train_weighted_loss == pytest.approx(np.average(losses, weights=WEIGHTS[y[sample]]), rel=1e-5)


def test_without_weights_the_two_losses_are_the_same_number() -> None:
    (X, y), valid = uneven(), uneven(60, 1)
    model = NetClassifier("dense 3", epochs=2).fit(X, y, np.full(len(y), 3.0), valid=valid)
    assert not any(e.weighted for e in model.history_.epochs)


def test_a_validation_image_of_weight_zero_is_absent() -> None:
    (X, y), (Xv, yv) = uneven(), uneven(60, 1)
    counts = np.where(np.arange(60) < 20, 0.0, WEIGHTS[yv])
    with_zeros = NetClassifier("dense 3", epochs=2).fit(X, y, valid=(Xv, yv, counts))
    without = NetClassifier("dense 3", epochs=2).fit(X, y, valid=(Xv[20:], yv[20:], counts[20:]))
    assert [e.valid_loss for e in with_zeros.history_.epochs] == [e.valid_loss for e in without.history_.epochs]
    with pytest.raises(UsageError, match="expected sample weights of 0 or more, not all zero, got 0 to 0"):
        NetClassifier("dense 3", epochs=2).fit(X, y, valid=(Xv, yv, np.zeros(60)))
    with pytest.raises(UsageError, match="expected one sample weight per image, 60, got an array of shape"):
        NetClassifier("dense 3", epochs=2).fit(X, y, valid=(Xv, yv, np.ones(59)))


def test_images_held_out_take_their_weights_with_them() -> None:
    X, y = uneven()
    model = NetClassifier("dense 3", epochs=2, random_state=1).fit(X, y, WEIGHTS[y])
    assert all(e.valid_weighted_loss != e.valid_loss for e in model.history_.epochs)


# --- the whole ladder ----------------------------------------------------------------------------------------------


def overlapping(n: int, seed: int) -> tuple[Any, Any]:
    """Images of one grey level each, one in five of the rare class: at every level both classes occur."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 5 == 4).astype(int)
    levels = np.clip(np.round((90 + 40 * y + rng.normal(0, 35, n)) / 20) * 20, 0, 255).astype(np.uint8)
    return np.repeat(levels, 144).reshape(n, 12, 12, 1), y


# The two deepest nets take as long as the other seventeen.
DEEP = {"convnet", "resnet-small"}


@pytest.mark.parametrize(
    "entry",
    [pytest.param(e, id=n, marks=pytest.mark.slow if n in DEEP else ()) for n, e in ladder().items()],
)
def test_the_recall_of_the_rare_class_rises_with_its_weight(entry: Entry) -> None:
    (X, y), (Xv, yv), (Xt, yt) = overlapping(200, 0), overlapping(100, 1), overlapping(400, 2)
    recalls = []
    for text in ("", "rare=8"):
        weights = resolve(text, ("common", "rare"), y)
        counts = (None, None) if weights is None else (weights[y], weights[yv])
        model = with_epochs(entry, 4).make(0).fit(X, y, counts[0], valid=(Xv, yv, counts[1]))
        recalls.append(float((model.predict(Xt)[yt == 1] == 1).mean()))
    assert recalls[1] > recalls[0] + 0.1


# --- the child that fits -------------------------------------------------------------------------------------------


class Recording(ImageClassifier):
    """A model that keeps the weights it was given; it says what the (weighted) shares of the classes are."""

    seen: list[tuple[Any, Any]] = []  # noqa: RUF012  # of all its clones

    def __init__(self, *, power: int = 1, random_state: int = 0) -> None:
        self.power = power
        self.random_state = random_state

    def _fit(self, X: Any, y: Any, weights: Any, valid: Any) -> None:
        Recording.seen.append((weights, None if valid is None else valid.weights))
        self.shares_ = np.bincount(y, weights) / weights.sum()
        self.n_trained_ = self.n_stored_ = 2
        self.macs_ = None

    def _probabilities(self, X: Any) -> Any:
        return np.tile(self.shares_, (len(X), 1))


@pytest.fixture
def task(tmp_path: Path) -> FitTask:
    (X, y), (Xv, yv) = uneven(60), uneven(30, 1)
    paths = {part: tmp_path / f"{part}.npy" for part in ("train", "valid", "test")}
    for part, pixels in zip(paths, (X, Xv, Xv), strict=True):
        np.save(paths[part], pixels)
    Recording.seen.clear()
    entry = replace(
        ladder()["majority"], make=lambda seed: Recording(random_state=seed), space={"power": list(range(20))}
    )
    return FitTask(entry, paths, y, yv, 2, "log_loss", 0, False, None, tmp_path, class_weight=WEIGHTS)  # type: ignore[arg-type]


def test_a_fit_is_given_the_weight_of_every_image_in_train_and_valid(
    task: FitTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secondlook.models.fitting._save", lambda model, folder: None)
    fit_model(task, lambda kind, data: None)
    ((train, valid),) = Recording.seen
    np.testing.assert_array_equal(train, WEIGHTS[task.y_train])
    np.testing.assert_array_equal(valid, WEIGHTS[task.y_valid])
    Recording.seen.clear()
    fit_model(replace(task, class_weight=None), lambda kind, data: None)
    ((train, valid),) = Recording.seen
    assert (train == 1).all()
    assert valid is None


def test_a_search_fits_with_the_weights_and_scores_without_them(task: FitTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secondlook.models.fitting._save", lambda model, folder: None)
    scores: list[float] = []
    from secondlook.measure.scores import log_loss

    def spy(metric: str, y: Any, P: Any) -> float:
        scores.append(log_loss(y, P))
        return scores[-1]

    monkeypatch.setattr("secondlook.models.fitting.score", spy)
    fit_model(replace(task, tune=True), lambda kind, data: None)
    assert len(Recording.seen) == 10 * 3 + 1
    assert all(set(train) == {1.0, 6.0} for train, _ in Recording.seen)
    # 12 of 60 are rare: every fold of 40 has 8, whose weighted share is 48 of 80.
    assert scores == pytest.approx([-(0.8 * np.log(0.4) + 0.2 * np.log(0.6))] * 30)
