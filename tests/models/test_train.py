"""The training loop, with an engine that only counts: schedule, patience, limits, the best weights restored."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from typing import Any

import numpy as np
import pytest

from secondlook.models.engines import Measured
from secondlook.models.train import Before, Recipe, auto_batch, auto_epochs, train
from secondlook.types import Epoch, History, Seam


class Counting:
    """Validation losses by epoch are given; the weights are the number of steps taken."""

    def __init__(self, losses: list[float], step_seconds: float = 0.0, *, weighted: list[float] | None = None) -> None:
        self.losses, self.weighted, self.step_seconds = losses, weighted or losses, step_seconds
        self.batches: list[np.ndarray[Any, Any]] = []
        self.rates: list[float] = []
        self.asked: list[Any] = []
        self.evaluations = 0
        self.restored: Any = None

    def load(self, part: str, examples: Any) -> None:
        raise AssertionError("the caller loads the data")

    def steps(self, order: Any, batch: int, rates: Any) -> None:
        assert len(rates) == -(-len(order) // batch)
        self.batches += [order[at * batch : (at + 1) * batch] for at in range(len(rates))]
        self.rates += rates.tolist()
        time.sleep(self.step_seconds * len(rates))

    def objective(self) -> float:
        return 0.5

    def evaluate(self, part: str, items: Any = None) -> Measured:
        if part == "train":
            self.asked.append(items)
            return Measured(0.1, 0.9, 0.1)
        self.evaluations += 1
        at = self.evaluations - 1
        return Measured(self.losses[at], 0.8, self.weighted[at])

    def logits(self, pixels: Any) -> Any:
        raise AssertionError("training asks for no logits")

    def weights(self) -> Any:
        return {"epoch": np.array(self.evaluations)}

    def restore(self, weights: Any) -> None:
        self.restored = int(weights["epoch"])

    def state(self) -> Any:
        return {"weights/epoch": np.array(self.evaluations)}

    def resume(self, state: Any) -> None:
        raise AssertionError("the caller moves the engine")


def run(engine: Counting, n: int = 10, n_valid: int = 4, **recipe: Any) -> Any:
    settings = {"epochs": len(engine.losses), "batch": 4, "learning_rate": 1.0, **recipe}
    return trained(engine, Recipe(**settings), n, n_valid).history


def trained(engine: Counting, recipe: Recipe, n: int = 10, n_valid: int = 4, before: Any = None, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    return train(engine, recipe, n_train=n, n_valid=n_valid, rng=rng, before=before)


def test_the_weights_of_the_lowest_validation_loss_are_restored() -> None:
    engine = Counting([0.9, 0.5, 0.7, 0.6])
    history = run(engine)
    assert (history.best, engine.restored, len(history.epochs)) == (2, 2, 4)
    assert history.ended == "all 4 epochs done"
    assert [e.valid_loss for e in history.epochs] == [0.9, 0.5, 0.7, 0.6]


def test_with_weights_the_weighted_validation_loss_decides() -> None:
    engine = Counting([0.9, 0.5, 0.7, 0.6], weighted=[3.0, 4.0, 2.0, 5.0])
    history = run(engine)
    assert (history.best, engine.restored) == (3, 3)
    assert [e.valid_weighted_loss for e in history.epochs] == [3.0, 4.0, 2.0, 5.0]
    assert len(run(Counting([0.9, 0.5, 0.7, 0.6], weighted=[3.0, 4.0, 2.0, 5.0]), patience=1).epochs) == 2


def test_of_equal_epochs_the_first_is_kept() -> None:
    assert run(Counting([0.5, 0.5, 0.5])).best == 1


def test_the_last_weights_are_kept_where_that_is_asked_for() -> None:
    engine = Counting([0.9, 0.5, 0.7, 0.6])
    history = run(engine, keep="last")
    assert history.best == 4
    assert engine.restored is None


def test_patience_ends_training_and_counts_from_the_best_epoch() -> None:
    history = run(Counting([0.9, 0.5, 0.7, 0.6, 0.55, 0.1]), patience=3)
    assert (len(history.epochs), history.best) == (5, 2)
    assert history.ended == "no lower validation loss for 3 epochs"


def test_a_loss_that_is_not_a_number_is_never_the_best() -> None:
    history = run(Counting([math.nan, 0.9, math.nan, math.inf]))
    assert history.best == 2


def test_each_pass_takes_every_item_once_in_a_new_order() -> None:
    engine = Counting([1.0, 0.9])
    run(engine, n=10)
    first, second = np.concatenate(engine.batches[:3]), np.concatenate(engine.batches[3:])
    assert [len(b) for b in engine.batches] == [4, 4, 2] * 2
    assert sorted(first) == sorted(second) == list(range(10))
    assert first.tolist() != second.tolist()


def test_a_remainder_of_one_image_is_left_out_unless_it_is_all() -> None:
    engine = Counting([1.0])
    run(engine, n=9)
    assert [len(b) for b in engine.batches] == [4, 4]
    alone = Counting([1.0])
    run(alone, n=1, n_valid=1)
    assert [len(b) for b in alone.batches] == [1]


def test_the_reported_training_sample_is_fixed_and_as_large_as_the_validation_part() -> None:
    engine = Counting([1.0, 0.9, 0.8])
    run(engine, n=10, n_valid=4)
    assert len(set(engine.asked[0].tolist())) == 4
    assert all((items == engine.asked[0]).all() for items in engine.asked)


def test_the_cosine_rises_over_a_twentieth_and_falls_to_zero() -> None:
    recipe = Recipe(epochs=1, batch=1, learning_rate=2.0)
    rates = [recipe.rate(step, 100) for step in range(101)]
    assert rates[:5] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0])
    assert rates[5] == pytest.approx(2.0)
    assert rates[100] == pytest.approx(0.0)
    for step in range(5, 101):
        assert rates[step] == pytest.approx(1 + math.cos(math.pi * (step - 5) / 95))
    assert {Recipe(1, 1, 0.3, "constant").rate(step, 100) for step in range(100)} == {0.3}


def test_however_many_steps_are_asked_at_a_time_each_has_its_own_rate() -> None:
    engine, recipe = Counting([0.5, 0.4]), Recipe(epochs=2, batch=4, learning_rate=2.0)
    trained(engine, recipe, n=400)
    assert engine.rates == [recipe.rate(step, 200) for step in range(200)]


def test_the_time_limit_ends_training_within_an_epoch_with_the_best_so_far() -> None:
    engine = Counting([0.5] + [0.4] * 99, step_seconds=0.02)
    history = run(engine, n=40, seconds=0.3)
    assert history.ended == "time limit"
    assert len(history.epochs) < 5
    assert engine.restored == history.best


def test_the_first_ctrl_c_ends_training_in_good_order() -> None:
    engine = Counting([0.5] + [0.4] * 999, step_seconds=0.01)
    before = signal.getsignal(signal.SIGINT)
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    history = run(engine, n=40)
    assert history.ended == "interrupted"
    assert engine.restored == history.best
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_raises_as_usual() -> None:
    engine = Counting([0.5] * 1000, step_seconds=0.0)
    engine.steps = lambda order, batch, rates: os.kill(os.getpid(), signal.SIGINT)  # type: ignore[method-assign]

    def twice(part: str, items: Any = None) -> Measured:
        os.kill(os.getpid(), signal.SIGINT)
        return Measured(0.5, 0.5, 0.5)

    engine.evaluate = twice  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run(engine)


def lived(losses: list[float], changed: tuple[str, ...] = ()) -> Before:
    """A training before, with these validation losses; its kept weights are called epoch -1."""
    epochs = tuple(Epoch(i + 1, 10.0 * (i + 1), 0.1, loss, loss, 0.5, loss, 0.5) for i, loss in enumerate(losses))
    best = int(np.argmin(losses)) + 1
    weights = None if changed else {"epoch": np.array(-1)}
    return Before(History(epochs, best, "all"), np.arange(4), changed, weights)


def test_what_was_kept_before_is_to_be_beaten_and_patience_counts_from_the_seam() -> None:
    engine = Counting([0.9] * 9)
    history = trained(engine, Recipe(9, 4, 1.0, patience=3), before=lived([0.3, 0.8, 0.8, 0.8, 0.8])).history
    assert (len(history.epochs), history.best, engine.restored) == (8, 1, -1)
    assert history.ended == "no lower validation loss for 3 epochs"
    better = Counting([0.9, 0.2])
    history = trained(better, Recipe(2, 4, 1.0), before=lived([0.3, 0.8])).history
    assert (history.best, better.restored, history.ended) == (4, 2, "all 4 epochs done")
    assert history.epochs[2].seconds > 20.0, "seconds are counted on"


def test_what_was_kept_for_another_objective_does_not_compete() -> None:
    engine = Counting([0.9, 0.95])
    before = lived([0.3, 0.8], changed=("class weights",))
    found = trained(engine, Recipe(2, 4, 1.0), before=before)
    assert (found.history.best, engine.restored) == (3, 1)
    assert found.history.seams == (Seam(2, ("class weights",)),)
    assert found.sample is before.sample
    assert all(items is before.sample for items in engine.asked)


def test_training_works_outside_the_main_thread() -> None:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(run(Counting([0.5, 0.4]))))
    thread.start()
    thread.join()
    assert found[0].best == 2


def test_each_epoch_is_told_as_it_ends() -> None:
    told: list[int] = []
    engine = Counting([0.5, 0.4])
    train(
        engine,
        Recipe(2, 4, 1.0),
        n_train=8,
        n_valid=4,
        rng=np.random.default_rng(0),
        on_epoch=lambda epoch: told.append(epoch.epoch),
    )
    assert told == [1, 2]


@pytest.mark.parametrize(("n", "batch", "epochs"), [(100, 32, 120), (1_257, 32, 51), (30_000, 128, 15)])
def test_small_sets_get_smaller_batches_and_more_passes(n: int, batch: int, epochs: int) -> None:
    assert auto_batch(n) == batch
    assert auto_epochs(n, batch) == epochs
