"""The native engine against PyTorch: gradients, steps, evaluation; any net of the grammar; the same bits twice."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from torch import nn

from secondlook.errors import UsageError
from secondlook.models.engines import Examples, Optimiser
from secondlook.models.engines.native import NativeEngine, Unavailable, unsupported
from secondlook.models.engines.native.program import program
from secondlook.models.engines.torch_engine import TorchEngine
from secondlook.models.engines.torch_net import SeededDropout, build
from secondlook.models.ladder import NETS
from secondlook.models.layers import Layer
from secondlook.models.net import Net, parse

pytestmark = pytest.mark.compiler

SMALL = "conv 4 3x3, leaky, bn, maxpool 2, dense 8, relu"
EVERYTHING = (
    "conv 5 3x3 stride 2 same, gelu, avgpool 3 stride 2, conv 7 4x2 stride 3 same, tanh, residual 7, "
    "residual 6 stride 2, abs, bn, maxpool 2 stride 1, flatten, dense 9, leaky 0.03, bn"
)
MEAN, SCALE = np.array([100.0, 110.0, 120.0]), np.array([50.0, 60.0, 70.0])


@pytest.fixture(autouse=True)
def cache_of_the_test(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cache for all tests here, and for all processes that run them: many compile the same nets."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    monkeypatch.setenv("SECONDLOOK_CACHE", str(shared / "compiled"))


# Compiled in half the time, where it is not the compiler that is tested.
QUICK = ("-O1",)


def data(n: int, image: tuple[int, int, int], k: int, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, *image), dtype=np.uint8), rng.integers(0, k, n)


def engines(
    text: str, image: tuple[int, int, int] = (12, 11, 3), k: int = 3, n: int = 37, weights: Any = None, **settings: Any
) -> tuple[NativeEngine, TorchEngine]:
    """Both engines at the same weights, with the same data: a number of images that makes no whole blocks."""
    net, optimiser = parse(text), settings.pop("optimiser", Optimiser())
    mean, scale = MEAN[: image[2]], SCALE[: image[2]]
    native = NativeEngine(
        net, image, k, seed=1, mean=mean, scale=scale, optimiser=optimiser, **{"threads": 2, **settings}
    )
    module = build(net, image, k, seed=1)
    cpu = torch.device("cpu")
    peer = TorchEngine(module, mean=mean, scale=scale, optimiser=optimiser, device=cpu, per_image=100_000)
    for engine in (native, peer):
        engine.load("train", Examples(*data(n, image, k), weights))
        engine.load("valid", Examples(*data(21, image, k, seed=1), None if weights is None else weights[:21]))
    return native, peer


def torch_gradient(
    module: nn.Module, X: Any, y: Any, weights: Any = None, dtype: torch.dtype = torch.float64
) -> tuple[float, dict[str, Any]]:
    """The loss and gradient, in double precision unless said."""
    c = X.shape[3]
    x = torch.from_numpy((X - MEAN[:c]) / SCALE[:c]).permute(0, 3, 1, 2).to(dtype)
    module.to(dtype).train().zero_grad()
    losses = nn.functional.cross_entropy(module(x), torch.from_numpy(y), reduction="none")
    loss = losses.mean() if weights is None else (losses * torch.from_numpy(weights)).mean()
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item(), {name: p.grad.numpy() for name, p in module.named_parameters()}  # type: ignore[union-attr]


def joined(named: dict[str, Any]) -> Any:
    return np.concatenate([array.ravel() for array in named.values()])


def assert_same_gradient(text: str, image: tuple[int, int, int], k: int, n: int = 37, **settings: Any) -> None:
    """Ours is 1e-5 near that of double precision; or, where single precision cannot be, no worse than PyTorch's own.

    A batch norm divides by the spread of a batch. Of nine nearly equal values that spread is rounding,
    and PyTorch's own single precision is then more than 1e-5 away too.
    """
    native, _ = engines(text, image, k, n, **settings)
    X, y = data(n, image, k)
    loss, found = native.gradient(np.arange(n))
    weights = settings.get("weights")
    wanted_loss, wanted = torch_gradient(build(parse(text), image, k, seed=1), X, y, weights)
    assert loss == pytest.approx(wanted_loss, rel=1e-5)
    assert list(found) == list(wanted)
    a, b = joined(found), joined(wanted)
    error = np.linalg.norm(a - b)
    if error > 1e-5 * np.linalg.norm(b):
        _, single = torch_gradient(build(parse(text), image, k, seed=1), X, y, weights, torch.float32)
        assert error <= 4 * np.linalg.norm(joined(single) - b)


@pytest.mark.parametrize("entry", [e for e in NETS if e.name not in ("convnet", "cnn-wide")], ids=lambda e: e.name)
def test_the_gradient_of_every_small_net_of_the_ladder_is_that_of_pytorch(entry: Any) -> None:
    flags = () if entry.name in ("lenet", "cnn-vanilla") else QUICK
    assert_same_gradient(entry.net, (28, 28, 1), 10, flags=flags)


def test_every_layer_of_the_grammar_has_the_gradient_of_pytorch() -> None:
    assert_same_gradient(EVERYTHING, (38, 41, 3), 4)


@pytest.mark.parametrize(
    "flags",
    [
        (*QUICK, "-mno-avx512f"),
        pytest.param(("-mno-avx512f",), marks=pytest.mark.slow),
        pytest.param(("-mno-avx512f", "-mno-avx2", "-mno-fma"), marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
@pytest.mark.skipif(torch.backends.cpu.get_cpu_capability() == "DEFAULT", reason="a processor without AVX2")
def test_narrower_vectors_give_the_same_gradient(flags: tuple[str, ...]) -> None:
    assert_same_gradient(EVERYTHING, (38, 41, 3), 4, flags=flags)


def test_weighted_images_give_the_weighted_gradient() -> None:
    assert_same_gradient(SMALL, (12, 11, 3), 3, weights=np.linspace(0, 2, 37, dtype=np.float32))


LAYERS = st.one_of(
    st.builds("conv {} {}x{}{}{}".format, st.integers(1, 9), st.integers(1, 4), st.integers(1, 4),
              st.sampled_from(["", " stride 2"]), st.sampled_from(["", " same"])),
    st.sampled_from(["bn", "relu", "leaky", "leaky 0.5", "gelu", "tanh", "abs"]),
    st.builds("{}pool {}{}".format, st.sampled_from(["max", "avg"]), st.integers(1, 3),
              st.sampled_from(["", " stride 1", " stride 2"])),
    st.builds("residual {}{}".format, st.integers(1, 5), st.sampled_from(["", " stride 2"])),
)  # fmt: skip
HEADS = st.sampled_from(["", "globalmax", "globalavg", "flatten", "dense 5", "dense 17, relu", "dense 3, bn, tanh"])
DRAWN = st.builds(lambda body, head: ", ".join([*body, *([head] if head else [])]), st.lists(LAYERS, max_size=4), HEADS)


def check_drawn(text: str, image: tuple[int, int, int], k: int, n: int) -> None:
    net = parse(text)
    least = net.smallest()
    image = max(image[0], least[0]), max(image[1], least[1]), image[2]
    assert_same_gradient(text, image, k, n, flags=QUICK)


shapes = st.tuples(st.integers(3, 14), st.integers(3, 14), st.sampled_from([1, 3]))


@settings(max_examples=2, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@example("residual 3, residual 3 stride 2", (9, 7, 1), 2, 18)  # a value that two operations use
@example("maxpool 3 stride 2", (6, 9, 3), 5, 16)  # overlapping windows, no gradient before them
@given(DRAWN, shapes, st.integers(2, 12), st.integers(9, 40))
def test_any_net_of_the_grammar_has_the_gradient_of_pytorch(text: str, image: Any, k: int, n: int) -> None:
    check_drawn(text, image, k, n)


@pytest.mark.slow
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(DRAWN, shapes, st.integers(2, 12), st.integers(9, 40))
def test_many_nets_of_the_grammar_have_the_gradient_of_pytorch(text: str, image: Any, k: int, n: int) -> None:
    check_drawn(text, image, k, n)


OPTIMISERS = [Optimiser("adam"), Optimiser("adam", 1e-3), Optimiser("adamw", 0.1), Optimiser("sgd", 1e-3)]


@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=str)
def test_a_hundred_steps_lose_as_much_as_pytorch(optimiser: Optimiser) -> None:
    native, peer = engines(SMALL, optimiser=optimiser, weights=np.linspace(0.5, 1.5, 37, dtype=np.float32))
    orders = np.random.default_rng(0)
    rates = np.linspace(1e-3, 1e-4, 3)
    for _ in range(34):
        order = orders.permutation(37)
        for engine in (native, peer):
            engine.steps(order, 16, rates)
        assert native.objective() == pytest.approx(peer.objective(), rel=1e-4)
    ours, theirs = native.evaluate("valid"), peer.evaluate("valid")
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-3)
    assert ours.weighted_loss == pytest.approx(theirs.weighted_loss, rel=1e-3)
    assert ours.accuracy == theirs.accuracy


def test_running_statistics_are_pytorchs() -> None:
    native, peer = engines(SMALL)
    for engine in (native, peer):
        engine.steps(np.arange(37), 16, np.full(3, 1e-3))
    ours, theirs = native.weights(), peer.weights()
    assert list(ours) == list(theirs)
    for name, array in ours.items():
        assert array.shape == theirs[name].shape, name
        assert np.allclose(array, theirs[name], rtol=1e-3, atol=1e-5), name


def test_evaluation_and_logits_are_pytorchs() -> None:
    native, peer = engines(EVERYTHING, (38, 41, 3), 4, weights=np.linspace(0, 2, 37, dtype=np.float32))
    some = np.array([3, 1, 36])
    for engine in (native, peer):
        engine.steps(np.arange(32), 16, np.full(2, 1e-3))
    native.restore(peer.weights())
    for items in (None, some):
        assert native.evaluate("train", items) == pytest.approx(peer.evaluate("train", items), rel=1e-4)
    X, _ = data(19, (38, 41, 3), 4)
    assert np.allclose(native.logits(X), peer.logits(X), atol=1e-4)
    assert np.allclose(native.logits(X / np.float32(1)), peer.logits(X), atol=1e-4)


def test_evaluating_does_not_touch_training() -> None:
    native, _ = engines(SMALL)
    _, before = native.gradient(np.arange(37))
    native.evaluate("valid")
    native.logits(data(5, (12, 11, 3), 3)[0])
    _, after = native.gradient(np.arange(37))
    assert (joined(before) == joined(after)).all()


def state_after_ten_steps(threads: int, calls: int = 1) -> Any:
    native, _ = engines(SMALL + ", dropout 0.2", threads=threads)
    order, rates = np.random.default_rng(0).integers(0, 37, 160), np.linspace(1e-2, 1e-3, 10)
    for items, some in zip(np.split(order, calls), np.split(rates, calls), strict=True):
        native.steps(items, 16, some)
    return joined(dict(native.state()))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_same_seed_and_threads_give_the_same_bits_however_steps_are_asked_for(threads: int) -> None:
    once = state_after_ten_steps(threads)
    assert (once == state_after_ten_steps(threads)).all()
    assert (once == state_after_ten_steps(threads, calls=5)).all()


@pytest.mark.parametrize("first", ["native", "torch"])
@pytest.mark.parametrize("optimiser", OPTIMISERS[1:], ids=str)
def test_training_moves_between_the_engines_with_its_moments(first: str, optimiser: Optimiser) -> None:
    pair = dict(zip(("native", "torch"), engines(SMALL, optimiser=optimiser), strict=True))
    second = "torch" if first == "native" else "native"
    order, rates = np.arange(32), np.full(2, 1e-3)
    pair[first].steps(order, 16, rates)
    state = pair[first].state()
    pair[second].resume(state)
    for engine in pair.values():
        engine.steps(order, 16, rates)
    ours, theirs = pair["native"].weights(), pair["torch"].weights()
    for name in ours:
        assert np.allclose(ours[name], theirs[name], rtol=1e-3, atol=1e-5), name


def test_gone_on_with_training_takes_the_bits_it_would_have_taken() -> None:
    text = SMALL + ", dropout 0.2"
    straight, _ = engines(text)
    first, _ = engines(text)
    second, _ = engines(text)
    order, rates = np.arange(32), np.full(2, 1e-2)
    for engine in (straight, straight, first):
        engine.steps(order, 16, rates)
    second.resume(first.state())
    second.steps(order, 16, rates)
    assert (joined(dict(second.state())) == joined(dict(straight.state()))).all()


def hashed_mask(p: float, n: int, images: int, key: int) -> Any:
    """Dropout's factors (images, n) as the header's hash makes them, written out again."""

    def mixed(h: Any) -> Any:
        h = h ^ (h >> np.uint32(16))
        h = h * np.uint32(0x7FEB352D)
        h = h ^ (h >> np.uint32(15))
        h = h * np.uint32(0x846CA68B)
        return h ^ (h >> np.uint32(16))

    place = (np.arange(images, dtype=np.uint32)[:, None] * np.uint32(n)) + np.arange(n, dtype=np.uint32)
    low, high = np.uint32(key & 0xFFFFFFFF), np.uint32(key >> 32)
    uniform = (mixed(mixed(place ^ low) + high) >> np.uint32(8)) * 2.0**-24
    return np.where(uniform < np.float32(1 - p), 1 / (1 - p), 0.0)


def splitmix(z: int) -> int:
    mask = 2**64 - 1
    z = (z + 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


@pytest.mark.parametrize("done", [0, 3])
def test_dropout_drops_by_its_hash_of_the_step(done: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "dense 40, relu, dropout 0.3, dense 20, dropout 0.5"
    native, _ = engines(text)
    X, y = data(37, (12, 11, 3), 3)
    native.steps(np.zeros(done, np.int64), 1, np.zeros(done))  # steps that change nothing but their number
    loss, found = native.gradient(np.arange(37))
    # Values of the program: image, dense, relu, dropout, dense, dropout. Each layer of dropout has a key of its own.
    seed = splitmix(native._seed + done)
    keys = {value: (seed + value * 0x9E3779B97F4A7C15) % 2**64 for value in (3, 5)}
    masks = [hashed_mask(0.3, 40, 37, keys[3]), hashed_mask(0.5, 20, 37, keys[5])]
    assert 0.25 < (masks[0] == 0).mean() < 0.35
    waiting = [torch.from_numpy(mask) for mask in masks]
    monkeypatch.setattr(SeededDropout, "forward", lambda self, x: x * waiting.pop(0))
    wanted_loss, wanted = torch_gradient(build(parse(text), (12, 11, 3), 3, seed=1), X, y)
    assert loss == pytest.approx(wanted_loss, rel=1e-5)
    assert np.allclose(joined(found), joined(wanted), rtol=1e-4, atol=1e-6)


def test_masks_of_steps_and_layers_have_nothing_to_do_with_each_other() -> None:
    masks = [
        hashed_mask(0.5, 64, 64, (splitmix(7 + step) + layer * 0x9E3779B97F4A7C15) % 2**64).ravel()
        for step in range(3)
        for layer in (2, 4)
    ]
    apart = np.abs(np.corrcoef(masks) - np.eye(6))
    assert apart.max() < 4 / 64  # four standard errors of 4,096 pairs


@pytest.mark.parametrize("text", ["dense 8, leaky", "dense 8, relu", "conv 4 3x3, maxpool 2", "conv 4 3x3, globalmax"])
def test_a_net_that_diverged_loses_what_is_no_number(text: str) -> None:
    for engine in engines(text):
        engine.restore({name: array * np.float32(np.nan) for name, array in engine.weights().items()})
        assert np.isnan(engine.evaluate("valid").loss)


def test_two_threads_may_ask_the_same_engine() -> None:
    native, _ = engines(SMALL, threads=1)
    X = data(2_000, (12, 11, 3), 3)[0]
    wanted = native.logits(X)
    with ThreadPoolExecutor(4) as pool:
        assert all((found == wanted).all() for found in pool.map(native.logits, [X] * 16))


@pytest.mark.parametrize("kind", ["transposed", "float64", "strided"])
def test_images_that_must_be_copied_are_kept_until_they_are_answered(kind: str) -> None:
    native, _ = engines(SMALL)
    X = data(3_000, (12, 11, 3), 3)[0]
    other = {
        "transposed": np.asfortranarray(X),
        "float64": X.astype(np.float64),
        "strided": np.repeat(X, 2, axis=2)[:, :, ::2],
    }[kind]
    assert np.allclose(native.logits(other), native.logits(X), atol=1e-5)


def test_batches_smaller_than_a_block_and_larger_than_the_set() -> None:
    native, peer = engines(SMALL)
    for engine in (native, peer):
        engine.steps(np.array([4, 2, 7, 9]), 2, np.full(2, 1e-3))
        engine.steps(np.array([4, 2, 7]), 64, np.array([1e-3]))
    assert native.objective() == pytest.approx(peer.objective(), rel=1e-5)


def test_after_a_fork_the_child_has_threads_of_its_own() -> None:
    native, _ = engines(SMALL)
    X, _ = data(40, (12, 11, 3), 3)
    wanted = native.logits(X)
    child = os.fork()
    if not child:
        signal.alarm(60)  # a child that waits for threads it does not have
        os._exit(0 if (native.logits(X) == wanted).all() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert (native.logits(X) == wanted).all()


def test_memory_maps_and_strided_images_train_as_arrays(tmp_path: Any) -> None:
    native, _ = engines(SMALL)
    X, y = data(37, (12, 11, 3), 3)
    np.save(tmp_path / "x.npy", X)
    wide = np.zeros((37, 12, 22, 3), np.uint8)
    wide[:, :, ::2] = X
    _, wanted = native.gradient(np.arange(37))
    for pixels in (np.load(tmp_path / "x.npy", mmap_mode="r"), wide[:, :, ::2]):
        native.load("train", Examples(pixels, y))
        assert (joined(native.gradient(np.arange(37))[1]) == joined(wanted)).all()


def test_augmented_images_are_the_same_for_both_engines() -> None:
    from secondlook.models.engines.torch_augment import augmenter

    X, _ = data(37, (12, 11, 3), 3)
    pair = engines(SMALL)
    for engine in pair:
        engine.augment = augmenter("shift=1,flip,brightness=0.1", X, (12, 11, 3), mean=MEAN, scale=SCALE, seed=5)
        engine.steps(np.arange(37), 16, np.full(3, 1e-3))
    assert pair[0].objective() == pytest.approx(pair[1].objective(), rel=1e-4)
    assert pair[0].evaluate("valid") == pytest.approx(pair[1].evaluate("valid"), rel=1e-3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("dense 65536, dense 600", "more than 4,000,000 trained numbers"),
        ("conv 64 3x3 same, conv 64 3x3 same, conv 64 3x3 same", "more than 1,500,000 numbers of an image"),
        ("conv 32 3x3, bn", "its batch norm would keep more than 60,000,000 numbers of a batch"),
        ("dense 5, leaky 0.1234567", "'leaky 0.1234567' has more than six decimals"),
        ("dense 5, dropout 0.1234567", "'dropout 0.1234567' has more than six decimals"),
        (SMALL, ""),
    ],
)
def test_what_cannot_be_compiled_says_why(text: str, reason: str) -> None:
    assert unsupported(parse(text), (100, 100, 3), 2).endswith(reason)


def test_batch_norm_needs_two_images() -> None:
    assert unsupported(parse(SMALL), (12, 11, 3), 3, batch=1) == "batch norm has no variance of one image"
    assert unsupported(parse("dense 3"), (12, 11, 3), 3, batch=1) == ""


def test_too_little_memory_is_an_error_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    native, _ = engines(SMALL)
    # A lock that is held would not be a failure, but wait for ever: the call must give it back.
    monkeypatch.setattr(native._library, "engine_evaluate", lambda *arguments: False)
    for _ in range(2):
        with pytest.raises(MemoryError, match="not enough memory for what a batch leaves behind in this net"):
            native.evaluate("valid")


def test_threads_that_cannot_be_had_make_it_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    native, _ = engines(SMALL)
    monkeypatch.setattr(native._library, "engine_create", lambda *arguments: False)
    monkeypatch.setattr(native, "_process", 0)
    with pytest.raises(Unavailable, match="there is no memory or no room for 2 threads"):
        native.evaluate("valid")


def test_a_layer_without_a_kernel_is_said_to_have_none() -> None:
    class Odd(Layer):
        text = "odd"  # type: ignore[assignment]

    with pytest.raises(TypeError, match="no kernel for odd"):
        program(Net((Odd(),)), (4, 4, 1), 2)


def test_a_net_of_a_billion_units_is_refused_before_anything_is_made() -> None:
    with pytest.raises(UsageError, match="between 1 and 65,536, got 1,000,000,000"):
        parse("dense 1000000000")
    assert unsupported(parse("dense 65536, dense 65536"), (28, 28, 1), 10)


def test_parameters_begin_at_whole_cache_lines_and_are_all_there() -> None:
    made = program(parse(SMALL), (12, 11, 3), 3)
    assert all(at % 16 == 0 for at, _ in made.places)
    assert sum(size for _, size in made.places) == parse(SMALL).count((12, 11, 3), 3).trained


def test_an_image_too_small_for_the_net_is_refused() -> None:
    with pytest.raises(UsageError, match="expected images of at least 4x4 for this net, got 3x9"):
        program(parse(SMALL), (3, 9, 3), 3)
