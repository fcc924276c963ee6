"""Going on with a training: as if it had never stopped."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondlook.models.net_classifier import NetClassifier
from secondlook.models.state import TrainingState
from secondlook.types import History, Seam

NET = "conv 4 3x3, bn, relu, dropout 0.2, conv 3 2x2, relu, maxpool 2, dense 8, relu, dropout 0.5"
Fit = dict[str, Any]


def data(n: int = 70, seed: int = 0) -> tuple[Any, Any]:
    """Grey images 8x8 of two classes, two images of the first to one of the second: hard to tell apart."""
    rng = np.random.default_rng(seed)
    y = (np.arange(n) % 3 == 2).astype(int)
    return (rng.integers(0, 200, (n, 8, 8, 1)) + 25 * y[:, None, None, None]).astype(np.uint8), y


VALID = data(40, 1)


def trained(epochs: int, before: Any = None, weights: Any = None, **settings: Any) -> NetClassifier:
    X, y = data()
    chosen = {"schedule": "constant", "patience": 100, "batch": 16, **settings}
    model = NetClassifier(settings.pop("net", NET), epochs=epochs, random_state=3)
    model.set_params(**chosen)
    valid = VALID if weights is None else (*VALID, weights[VALID[1]])
    return model.fit(X, y, None if weights is None else weights[y], valid=valid, goes_on_from=before)


def reopened(model: NetClassifier, folder: Path) -> TrainingState:
    model.save(folder / "weights.safetensors")
    model.state_.save(folder)
    return TrainingState.load(folder)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"optimizer": "adamw", "weight_decay": 0.1},
        {"optimizer": "sgd", "learning_rate": 1e-2},
        {"augment": "shift=1,noise=0.05"},
    ],
    ids=["adam", "adamw", "sgd", "augmented"],
)
def test_some_epochs_and_some_more_are_to_the_bit_as_many_without_a_stop(settings: Fit, tmp_path: Path) -> None:
    whole = trained(7, **settings)
    first = trained(4, **settings)
    # The settings of the second part come from the state, also where it was made with others.
    second = trained(
        3, reopened(first, tmp_path), **({"augment": settings["augment"]} if "augment" in settings else {})
    )
    for name, array in whole.state_.last.items():
        assert array.tobytes() == second.state_.last[name].tobytes(), name
    assert whole.predict_proba(VALID[0]).tobytes() == second.predict_proba(VALID[0]).tobytes()
    assert whole.state_.streams == second.state_.streams
    losses = [[(e.epoch, e.objective, e.train_loss, e.valid_loss) for e in m.history_.epochs] for m in (whole, second)]
    assert losses[0] == losses[1]
    assert (whole.history_.best, second.history_.seams) == (second.history_.best, (Seam(4),))


def test_a_training_can_be_gone_on_with_again_and_again(tmp_path: Path) -> None:
    whole, part = trained(6), trained(2)
    for _ in range(2):
        part = trained(2, reopened(part, tmp_path))
    assert whole.predict_proba(VALID[0]).tobytes() == part.predict_proba(VALID[0]).tobytes()
    assert [seam.epoch for seam in part.history_.seams] == [2, 4]
    assert [e.epoch for e in part.history_.epochs] == [1, 2, 3, 4, 5, 6]
    assert all(a.seconds < b.seconds for a, b in zip(part.history_.epochs, part.history_.epochs[1:], strict=False))


def test_without_the_optimisers_moments_it_would_be_another_training(tmp_path: Path) -> None:
    before = reopened(trained(4), tmp_path)
    forgot = {name: array for name, array in before.last.items() if not name.startswith("optimiser")}
    object.__setattr__(before, "last", forgot)
    second = trained(3, before)
    assert second.predict_proba(VALID[0]).tobytes() != trained(7).predict_proba(VALID[0]).tobytes()


def test_the_best_epoch_is_sought_among_all_while_the_objective_stays(tmp_path: Path) -> None:
    first = trained(6, learning_rate=5e-3)
    # At such a rate nothing learnt before survives.
    before = reopened(first, tmp_path)
    before.settings["learning_rate"] = 3.0  # type: ignore[index]
    second = trained(2, before)
    assert second.history_.best == first.history_.best <= 6
    assert second.predict_proba(VALID[0]).tobytes() == first.predict_proba(VALID[0]).tobytes()
    assert second.notes_ == ("went on from epoch 6",)


def test_with_other_weights_the_best_epoch_is_sought_among_the_new_ones_alone(tmp_path: Path) -> None:
    before = reopened(trained(6, learning_rate=5e-3), tmp_path)
    before.settings["learning_rate"] = 3.0  # type: ignore[index]
    second = trained(2, before, weights=np.array([1.0, 7.0]))
    assert second.history_.best > 6
    assert second.history_.seams == (Seam(6, ("class weights",)),)
    assert [e.epoch for e in second.history_.current] == [7, 8]
    assert second.notes_ == ("went on from epoch 6, with other class weights",)
    third = trained(1, second.state_, weights=np.array([2.0, 14.0]))
    assert third.history_.seams[1] == Seam(8), "twice the weights are the same weights"
    other = trained(1, third.state_, augment="shift=1")
    assert other.history_.seams[2] == Seam(9, ("augmentation", "class weights"))
    assert other.history_.seams[2].word == "augmentation, class weights"
    assert Seam(3).word == "continued"


def test_the_cosine_begins_anew_without_a_rise(tmp_path: Path) -> None:
    first = trained(4, schedule="cosine")
    second = trained(4, reopened(first, tmp_path))
    rates = [e.learning_rate for e in second.history_.epochs]
    # 70 images in batches of 16: five steps an epoch, the last of the first new epoch is step 4 of 20.
    assert rates[4] == pytest.approx(1e-3 * (1 + math.cos(math.pi * 4 / 20)) / 2)
    assert rates[3] == pytest.approx(1e-3 * (1 + math.cos(math.pi * 18 / 19)) / 2), "the first training's ends near 0"


def test_patience_is_off_where_it_is_gone_on_unless_given(tmp_path: Path) -> None:
    before = reopened(trained(3, learning_rate=5e-3), tmp_path)
    before.settings["learning_rate"] = 3.0  # type: ignore[index]
    assert len(trained(9, before, patience=None).history_.epochs) == 12
    stopped = trained(9, before, patience=4)
    assert len(stopped.history_.epochs) == 7, "it counts from the seam, not from the best epoch before it"
    assert stopped.history_.ended == "no lower validation loss for 4 epochs"


@pytest.mark.gpu
def test_on_cuda_it_goes_on_as_well(tmp_path: Path) -> None:
    whole, first = trained(7, device="cuda"), trained(4, device="cuda")
    second = trained(3, reopened(first, tmp_path), device="cuda")
    np.testing.assert_allclose(whole.predict_proba(VALID[0]), second.predict_proba(VALID[0]), atol=1e-3)
    elsewhere = trained(3, reopened(first, tmp_path), device="cpu")
    assert np.isfinite(elsewhere.predict_proba(VALID[0])).all(), "from one kind of device to the other"


def test_a_stopped_epoch_is_left_and_the_next_one_begins(tmp_path: Path) -> None:
    first = trained(9, max_seconds=0.0)
    assert first.history_.ended == "time limit"
    second = trained(2, reopened(first, tmp_path))
    assert [e.epoch for e in second.history_.epochs] == [1, 2, 3]
    assert second.epochs_ == 3


def test_a_history_is_read_back_as_it_was_and_an_old_one_too() -> None:
    history = trained(2, trained(2).state_, weights=np.array([1.0, 3.0])).history_
    assert History.from_json(history.json()) == history
    old = history.json()
    del old["seams"]
    for line in old["epochs"]:
        del line["train_weighted_loss"], line["valid_weighted_loss"]
    read = History.from_json(old)
    assert read.seams == ()
    assert all(e.valid_weighted_loss == e.valid_loss and not e.weighted for e in read.epochs)
