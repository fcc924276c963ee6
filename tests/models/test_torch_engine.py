"""The PyTorch engine against PyTorch written out by hand."""

from __future__ import annotations

from threading import Barrier
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from secondlook.models.engines import Examples, Optimiser
from secondlook.models.engines.choice import Choice
from secondlook.models.engines.torch_augment import augmenter
from secondlook.models.engines.torch_engine import TorchEngine, choose_device, side_by_side
from secondlook.models.engines.torch_net import build
from secondlook.models.net import parse

NET = "conv 4 3x3, leaky, bn, maxpool 2, dense 8, relu"


def data(n: int = 40, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 10, 12, 3), dtype=np.uint8), rng.integers(0, 3, n)


def engine_for(
    module: nn.Module,
    optimiser: Optimiser = Optimiser(),  # noqa: B008
    weights: Any = None,
    choice: Choice = Choice(),  # noqa: B008
) -> TorchEngine:
    X, y = data()
    engine = TorchEngine(
        module,
        mean=np.array([100.0, 110.0, 120.0]),
        scale=np.array([50.0, 60.0, 70.0]),
        optimiser=optimiser,
        device=torch.device("cpu"),
        per_image=5_000_000,
        choice=choice,
    )
    engine.load("train", Examples(X, y, weights))
    engine.load("valid", Examples(*data(20, seed=1)))
    return engine


def by_hand() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.LeakyReLU(0.2),
        nn.BatchNorm2d(4),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * 4 * 5, 8),
        nn.ReLU(),
        nn.Linear(8, 3),
    )


def standardised(X: Any) -> torch.Tensor:
    x = (X.astype(np.float32) - np.float32([100, 110, 120])) / np.float32([50, 60, 70])
    return torch.from_numpy(x.transpose(0, 3, 1, 2).copy())


OPTIMISERS = [
    (Optimiser("adam"), lambda p: torch.optim.Adam(p, lr=1e-2)),
    (Optimiser("adamw", 0.1), lambda p: torch.optim.AdamW(p, lr=1e-2, weight_decay=0.1)),
    (Optimiser("sgd", 1e-3), lambda p: torch.optim.SGD(p, lr=1e-2, momentum=0.9, nesterov=True, weight_decay=1e-3)),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("optimiser", "peer"), OPTIMISERS)
def test_steps_equal_a_loop_written_by_hand(optimiser: Optimiser, peer: Any, weighted: bool) -> None:
    X, y = data()
    weights = np.linspace(0, 2, 40, dtype=np.float32) if weighted else None
    engine = engine_for(build(parse(NET), (10, 12, 3), 3, seed=1), optimiser, weights)
    module = by_hand()
    module.load_state_dict(
        {k: torch.from_numpy(v) for k, v in zip(module.state_dict(), engine.weights().values(), strict=True)}
    )
    theirs = peer(module.parameters())
    order = np.random.default_rng(0)
    losses = []
    for _ in range(10):
        items = order.permutation(40)[:16]
        engine.steps(items, len(items), np.array([1e-2]))
        loss = nn.functional.cross_entropy(module(standardised(X[items])), torch.from_numpy(y[items]), reduction="none")
        loss = (loss * torch.from_numpy(weights[items])).mean() if weights is not None else loss.mean()
        theirs.zero_grad()
        loss.backward()
        theirs.step()
        losses.append(loss.item())
    for ours, other in zip(engine.weights().values(), module.state_dict().values(), strict=True):
        np.testing.assert_allclose(ours, other.numpy(), rtol=2e-4, atol=2e-5)
    assert engine.objective() == pytest.approx(np.mean(losses), rel=1e-4)
    assert engine.objective() == 0.0


def test_evaluation_is_of_the_whole_part_without_dropout_or_weights() -> None:
    engine = engine_for(build(parse(NET + ", dropout 0.9"), (10, 12, 3), 3), weights=np.full(40, 2, np.float32))
    engine.steps(np.arange(16), 16, np.array([1e-2]))
    X, y = data(20, seed=1)
    logits = torch.from_numpy(engine.logits(X))
    loss, accuracy, weighted = engine.evaluate("valid")
    assert weighted == loss, "the part has no weights"
    assert loss == pytest.approx(nn.functional.cross_entropy(logits, torch.from_numpy(y)).item(), rel=1e-5)
    assert accuracy == pytest.approx((logits.argmax(1).numpy() == y).mean())
    some = np.array([3, 5, 7])
    X, y = data()
    loss = engine.evaluate("train", some).loss
    expected = nn.functional.cross_entropy(torch.from_numpy(engine.logits(X[some])), torch.from_numpy(y[some]))
    assert loss == pytest.approx(expected.item(), rel=1e-5)


def test_restoring_brings_the_same_answers_back() -> None:
    engine = engine_for(build(parse(NET), (10, 12, 3), 3))
    X, _ = data()
    before, kept = engine.logits(X), engine.weights()
    engine.steps(np.arange(16), 16, np.array([1e-1]))
    assert not np.allclose(engine.logits(X), before)
    engine.restore(kept)
    np.testing.assert_array_equal(engine.logits(X), before)


def test_dropout_draws_from_a_stream_of_its_own_and_keeps_the_mean() -> None:
    module = build(parse("dropout 0.25"), (1, 20_000, 1), 2, seed=3)[0].train()
    torch.manual_seed(0)
    state = torch.get_rng_state()
    out = module(torch.ones(1, 1, 1, 20_000))
    assert torch.equal(torch.get_rng_state(), state)
    assert out.unique().tolist() == pytest.approx([0.0, 1 / 0.75])
    assert out.mean().item() == pytest.approx(1, abs=0.02)


def test_initial_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(0)
    first = build(parse(NET), (10, 12, 3), 3, seed=5).state_dict()
    torch.manual_seed(1)
    again, other = (build(parse(NET), (10, 12, 3), 3, seed=s).state_dict() for s in (5, 6))
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["0.weight"], other["0.weight"])


@pytest.mark.parametrize(("size", "kernel", "stride"), [(7, "3x3", 1), (8, "2x4", 1), (9, "4x2", 2), (10, "5x5", 3)])
def test_same_padding_keeps_the_size_over_the_stride(size: int, kernel: str, stride: int) -> None:
    net = parse(f"conv 2 {kernel} stride {stride} same")
    module = build(net, (size, size, 1), 2)
    maps = module[:-2](torch.zeros(1, 1, size, size))
    assert maps.shape[1:] == net.shapes((size, size, 1), 2)[0] == (2, -(-size // stride), -(-size // stride))


def test_a_read_only_array_is_taken_without_a_warning() -> None:
    engine = engine_for(build(parse(NET), (10, 12, 3), 3))
    X, _ = data()
    X.flags.writeable = False
    assert engine.logits(X).shape == (40, 3)


@pytest.mark.parametrize("writeable", [True, False])
def test_images_are_not_copied(writeable: bool) -> None:
    engine = engine_for(build(parse(NET), (10, 12, 3), 3))
    X, y = data()
    X.flags.writeable = writeable
    engine.load("train", Examples(X, y))
    assert engine._parts["train"][0].data_ptr() == X.ctypes.data


PLAIN = "conv 4 3x3, leaky, maxpool 2, conv 6 2x2, tanh, maxpool 2, dense 8, relu"


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "choice", [Choice(micro=1), Choice(micro=5), Choice(micro=16), Choice(sides=2), Choice(sides=3), Choice(sides=16)]
)
def test_parts_of_a_batch_leave_the_gradient_of_the_batch(choice: Choice, weighted: bool) -> None:
    weights = np.linspace(0, 2, 40, dtype=np.float32) if weighted else None
    found = []
    for how in (Choice(), choice):
        engine = engine_for(build(parse(PLAIN), (10, 12, 3), 3, seed=1), weights=weights, choice=how)
        engine.steps(np.arange(16), 16, np.array([1e-3]))
        found.append(([p.grad.clone() for p in engine.module.parameters()], engine.objective()))
    (whole, loss), (apart, same) = found
    assert loss == pytest.approx(same, rel=1e-6)
    for one, other in zip(whole, apart, strict=True):
        scale = float(one.abs().max())
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-5, atol=1e-6 * scale)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_parts_side_by_side_give_the_same_bits_twice_however_steps_are_asked_for(precision: Any) -> None:
    def trained(calls: int) -> Any:
        choice = Choice("torch", precision, 2, sides=2)
        engine = engine_for(build(parse(PLAIN), (10, 12, 3), 3, seed=1), choice=choice)
        for order, rates in zip(
            np.split(np.tile(np.arange(40), 4), calls), np.split(np.full(8, 1e-2), calls), strict=True
        ):
            engine.steps(order, 20, rates)
        return np.concatenate([a.ravel() for a in engine.weights().values()])

    np.testing.assert_array_equal(trained(1), trained(1))
    np.testing.assert_array_equal(trained(1), trained(4))


def test_a_thread_that_begins_late_computes_alone_too() -> None:
    before, everyone = torch.get_num_threads(), Barrier(2)

    def count() -> int:
        everyone.wait(10)  # so that each thread answers once
        return torch.get_num_threads()

    with side_by_side(2) as pool:
        list(pool.map(lambda _: everyone.wait(10), range(2)))  # both are there, and have not computed yet
        torch.set_num_threads(2)  # what one takes when it is first asked
        try:
            assert list(pool.map(lambda _: count(), range(2))) == [1, 1]
        finally:
            torch.set_num_threads(before)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("micro", [0, 5])
def test_the_same_seed_and_choice_give_the_same_bits_with_dropout(precision: Any, micro: int) -> None:
    def trained() -> Any:
        net = parse(PLAIN + ", dropout 0.5")
        engine = engine_for(build(net, (10, 12, 3), 3, seed=1), choice=Choice("torch", precision, micro=micro))
        engine.steps(np.arange(40), 16, np.full(3, 1e-2))
        return engine.weights()

    for one, other in zip(trained().values(), trained().values(), strict=True):
        assert one.tobytes() == other.tobytes()


def test_augmentation_draws_the_same_whatever_passes_at_a_time() -> None:
    losses = []
    for micro in (0, 5):
        engine = engine_for(build(parse(PLAIN), (10, 12, 3), 3, seed=1), choice=Choice(micro=micro))
        engine.augment = augmenter(
            "shift=2,noise=0.1", data()[0], (10, 12, 3), mean=np.full(3, 110.0), scale=np.full(3, 60.0), seed=0
        )
        engine.steps(np.arange(40), 16, np.full(3, 1e-3))
        losses.append(engine.objective())
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_bf16_trains_alike_and_keeps_weights_losses_and_answers_in_float32() -> None:
    X, _ = data()
    losses = []
    for precision in ("fp32", "bf16"):
        engine = engine_for(build(parse(NET), (10, 12, 3), 3, seed=1), choice=Choice("torch", precision))
        engine.steps(np.tile(np.arange(40), 20), 20, np.full(40, 3e-3))
        losses.append((engine.objective(), engine.evaluate("train").loss))
        assert {a.dtype for a in engine.weights().values()} == {np.dtype(np.float32), np.dtype(np.int64)}
        assert engine.logits(X).dtype == np.float32
        assert engine._loss(standardised(X), torch.arange(40), 40).dtype == torch.float32
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.05)
    assert losses[0] != losses[1], "it did compute otherwise"


def test_answers_do_not_depend_on_the_precision_of_training() -> None:
    X, _ = data()
    kept = engine_for(build(parse(NET), (10, 12, 3), 3, seed=1)).weights()
    answers = []
    for precision in ("fp32", "bf16"):
        engine = engine_for(build(parse(NET), (10, 12, 3), 3), choice=Choice("torch", precision))
        engine.restore(kept)
        answers.append(engine.logits(X))
    np.testing.assert_array_equal(*answers)


def test_the_threads_that_were_chosen_are_those_of_training_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before, seen = torch.get_num_threads(), set()
    engine = engine_for(build(parse(NET), (10, 12, 3), 3), choice=Choice(threads=before + 1))
    forward = engine.module.forward
    monkeypatch.setattr(engine.module, "forward", lambda x: (seen.add(torch.get_num_threads()), forward(x))[1])
    engine.steps(np.arange(16), 16, np.array([1e-3]))
    engine.evaluate("valid")
    assert seen == {before + 1}
    assert torch.get_num_threads() == before


def test_training_goes_on_from_an_engine_that_keeps_no_streams_of_dropout() -> None:
    def resumed() -> Any:
        engine = engine_for(build(parse(PLAIN + ", dropout 0.5"), (10, 12, 3), 3, seed=1))
        engine.resume({name: array for name, array in state.items() if not name.startswith("dropout")})
        engine.steps(np.arange(40), 16, np.full(3, 1e-2))
        return engine.state()

    first = engine_for(build(parse(PLAIN + ", dropout 0.5"), (10, 12, 3), 3, seed=1))
    first.steps(np.arange(40), 16, np.full(3, 1e-2))
    state = first.state()
    one, other = resumed(), resumed()
    assert all(one[name].tobytes() == other[name].tobytes() for name in one)
    assert int(one["steps"]) == 6


def test_auto_takes_a_gpu_only_where_there_is_one() -> None:
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert choose_device("cpu").type == "cpu"


@pytest.mark.gpu
def test_the_same_code_trains_on_a_gpu() -> None:
    X, y = data()
    engine = TorchEngine(
        build(parse(NET + ", dropout 0.5"), (10, 12, 3), 3),
        mean=np.zeros(3), scale=np.full(3, 255.0), optimiser=Optimiser(), device=torch.device("cuda"), per_image=1_000,
    )  # fmt: skip
    engine.load("train", Examples(X, y))
    before, _ = engine.evaluate("train")
    for _ in range(50):
        engine.steps(np.arange(40), 40, np.array([1e-2]))
    assert engine.evaluate("train")[0] < before


@pytest.mark.gpu
def test_images_that_would_fill_a_gpu_stay_in_memory_and_train_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = []
    for share in (0.5, 0.0):
        monkeypatch.setattr("secondlook.models.engines.torch_engine.RESIDENT_SHARE", share)
        engine = TorchEngine(
            build(parse(NET), (10, 12, 3), 3, seed=1),
            mean=np.zeros(3), scale=np.full(3, 255.0), optimiser=Optimiser(), device=torch.device("cuda"),
            per_image=1_000,
        )  # fmt: skip
        engine.load("train", Examples(*data()))
        assert engine._parts["train"][0].is_cuda == (share > 0)
        for _ in range(5):
            engine.steps(np.arange(40), 40, np.array([1e-3]))
        losses.append(engine.evaluate("train")[0])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
