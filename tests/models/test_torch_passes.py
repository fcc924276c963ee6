"""Max pooling as one compiled pass, against PyTorch's modules: values, gradients, and where it does not apply."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from secondlook.models.engines import torch_passes
from secondlook.models.engines.native import Unavailable
from secondlook.models.engines.torch_net import build, compile_pools
from secondlook.models.net import parse

pytestmark = pytest.mark.compiler

ACTIVATIONS = [None, nn.ReLU(), nn.LeakyReLU(0.2)]


@pytest.fixture(autouse=True)
def _anew() -> Iterator[None]:
    torch_passes._compiled.cache_clear()
    yield
    torch_passes._compiled.cache_clear()


def maps(n: int, c: int, h: int, w: int, dtype: torch.dtype = torch.float32, *, ties: bool = False) -> Tensor:
    x = torch.randn((n, c, h, w), generator=torch.Generator().manual_seed(n + c + h + w))
    x = x.mul(2).round() if ties else x
    return x.to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_()


def by_modules(x: Tensor, k: int, activation: nn.Module | None) -> Tensor:
    pooled = nn.functional.max_pool2d(x, k)
    return pooled if activation is None else activation(pooled)


def assert_same(x: Tensor, k: int, activation: Any) -> str:
    """Compares values and gradients; returns the name of what made the gradient."""
    ours, theirs = torch_passes.max_pool(x, nn.MaxPool2d(k), activation), by_modules(x, k, activation)
    assert torch.equal(ours, theirs)
    g = torch.randn_like(theirs)
    (found,), (wanted,) = torch.autograd.grad(ours, x, g), torch.autograd.grad(theirs, x, g)
    assert torch.equal(found, wanted)
    return type(ours.grad_fn).__name__


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("k", "h", "w"), [(2, 8, 6), (2, 7, 9), (3, 9, 11)])
def test_values_and_gradients_are_those_of_the_modules(
    activation: Any, dtype: torch.dtype, ties: bool, k: int, h: int, w: int
) -> None:
    assert assert_same(maps(3, 32, h, w, dtype, ties=ties), k, activation) == "_PooledBackward"


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_share_the_images(threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert_same(maps(4, 16, 8, 8), 2, ACTIVATIONS[1])
    finally:
        torch.set_num_threads(before)


def test_a_gradient_in_another_memory_order_is_understood() -> None:
    x = maps(2, 16, 4, 4)
    g = torch.randn(2, 16, 2, 2)
    found = torch.autograd.grad(torch_passes.max_pool(x, nn.MaxPool2d(2), None), x, g)
    assert torch.equal(found[0], torch.autograd.grad(by_modules(x, 2, None), x, g)[0])


def test_what_is_not_a_number_stays_one() -> None:
    x = maps(1, 16, 4, 4)
    with torch.no_grad():
        x[0, 3, 1, 1] = torch.nan
    assert torch.isnan(torch_passes.max_pool(x, nn.MaxPool2d(2), ACTIVATIONS[1])).sum() == 1


@pytest.mark.parametrize(
    ("x", "pool"),
    [
        (maps(2, 12, 6, 6), nn.MaxPool2d(2)),
        (maps(2, 16, 6, 6), nn.MaxPool2d(3, 1)),
        (maps(2, 16, 6, 6).detach(), nn.MaxPool2d(2)),
        (maps(2, 16, 6, 6).detach().contiguous().requires_grad_(), nn.MaxPool2d(2)),
        (maps(2, 16, 6, 6, torch.float64), nn.MaxPool2d(2)),
    ],
    ids=["channels that fill no vector", "overlapping", "no gradient", "another order", "another type"],
)
def test_elsewhere_it_is_the_modules(x: Tensor, pool: nn.MaxPool2d) -> None:
    found = torch_passes.max_pool(x, pool, nn.ReLU())
    assert torch.equal(found, torch.relu(pool(x)))
    assert type(found.grad_fn).__name__ in ("ReluBackward0", "NoneType")


def test_without_a_compiler_it_is_the_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: str) -> Any:
        raise Unavailable("no compiler")

    monkeypatch.setattr(torch_passes, "library", fail)
    assert assert_same(maps(2, 16, 4, 4), 2, ACTIVATIONS[1]) == "ReluBackward0"


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("h", "w", "c"), [(5, 7, 3), (4, 4, 1), (1, 3, 2), (16, 16, 3)])
def test_images_are_standardised_to_the_bit_as_by_pytorch(h: int, w: int, c: int, dtype: torch.dtype) -> None:
    pixels = torch.randint(0, 256, (9, h, w, c), generator=torch.Generator().manual_seed(h), dtype=torch.uint8)
    items, mean, scale = torch.tensor([8, 0, 0, 3]), torch.linspace(90, 130, c), torch.linspace(40, 70, c)
    found = torch_passes.standardised(pixels, items, mean, scale, dtype)
    assert found is not None
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(found, ((pixels[items] - mean) / scale).permute(0, 3, 1, 2).to(dtype))


def test_pixels_of_another_kind_are_left_to_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    items, one = torch.tensor([0]), torch.ones(3)
    for pixels in (torch.rand(2, 4, 4, 3), torch.zeros(2, 4, 8, 3, dtype=torch.uint8)[:, :, ::2]):
        assert torch_passes.standardised(pixels, items, one, one, torch.float32) is None


@pytest.mark.parametrize("act", ["relu", "leaky", "tanh"])
def test_a_net_learns_the_same_with_it(act: str) -> None:
    text = f"conv 32 3x3, {act}, maxpool 2, conv 16 3x3, bn, maxpool 2, dense 4"
    x, gradients = torch.randn(5, 3, 14, 14).contiguous(memory_format=torch.channels_last), []
    for compiled in (False, True):
        module = build(parse(text), (14, 14, 3), 2, seed=0).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if compiled:
            compile_pools(module)
        module(x).square().mean().backward()
        gradients.append([p.grad for p in module.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
