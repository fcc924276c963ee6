"""Pooling before activations that never fall: the same net under the same names, from less work."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from secondlook.models.engines.torch_net import build
from secondlook.models.net import parse

RISING = ["relu", "leaky", "leaky 0", "leaky 0.01", "tanh"]
POOLS = ["maxpool 2", "maxpool 3 stride 1", "maxpool 3 stride 2", "globalmax"]


def both(text: str, x: Tensor, seed: int = 0) -> list[tuple[Tensor, list[Tensor]]]:
    """Logits and gradients, of the input first: as the net passes its layers, and in the order of its text."""
    found = []
    for ordered in (True, False):
        module = build(parse(text), (x.shape[2], x.shape[3], x.shape[1]), 3, seed=seed)
        run = module if ordered else nn.Sequential(*module)
        given_x = x.clone().requires_grad_()
        out = run(given_x)
        (out * torch.linspace(-1, 1, out.numel()).view_as(out)).sum().backward()
        found.append((out.detach(), [p.grad for p in (given_x, *module.parameters()) if p.grad is not None]))
    return found


def kinds(text: str) -> list[str]:
    """The order in which the layers of a text pass."""
    passed: list[str] = []
    module = build(parse(text), (12, 12, 1), 2)
    for layer in module:
        layer.register_forward_hook(lambda layer, x, y: passed.append(type(layer).__name__))
    module(torch.zeros(2, 1, 12, 12))
    return passed


@given(
    st.lists(st.sampled_from(RISING), min_size=1, max_size=2),
    st.sampled_from(POOLS),
    st.integers(0, 2**31),
    st.booleans(),
)
def test_values_and_gradients_are_those_of_the_texts_order(acts: list[str], pool: str, seed: int, ties: bool) -> None:
    x = torch.randn(3, 2, 9, 8, generator=torch.Generator().manual_seed(seed))
    if ties:  # whole windows below zero, and equal numbers in one window
        x = (2 * x).round() / 2
    text = f"{', '.join(acts)}, {pool}"
    (out, gradients), (other, others) = both(text, x, seed % 7)
    torch.testing.assert_close(out, other, rtol=1e-6, atol=1e-6)
    for one, two in zip(gradients, others, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("act", RISING)
def test_where_an_activation_makes_equals_no_gradient_passes_either_way(act: str) -> None:
    full = torch.tensor([[-3.0, -1.0], [-2.0, -1.0]]).expand(1, 1, 2, 2)
    for x in (full, -20 * full):  # all below zero; all where tanh is full
        (_, gradients), (_, others) = both(f"{act}, maxpool 2", x.clone())
        torch.testing.assert_close(gradients[0], others[0], rtol=0, atol=1e-7)


def test_pooling_goes_before_what_it_followed_and_nothing_else_moves() -> None:
    assert kinds("conv 2 3x3, relu, maxpool 2")[:3] == ["Conv2d", "MaxPool2d", "ReLU"]
    assert kinds("conv 2 3x3, relu, tanh, globalmax")[:4] == ["Conv2d", "AdaptiveMaxPool2d", "ReLU", "Tanh"]
    for stays in ("gelu", "abs", "bn", "dropout 0.5"):
        order = kinds(f"conv 2 3x3, relu, {stays}, maxpool 2")
        assert order[1] == "ReLU", stays
        assert order[3] == "MaxPool2d", stays
    assert kinds("conv 2 3x3, relu, avgpool 2")[1:3] == ["ReLU", "AvgPool2d"], "a mean does not commute"
    twice = "conv 2 3x3, relu, maxpool 2, tanh, conv 2 2x2, maxpool 2, relu"
    assert kinds(twice)[1:7] == ["MaxPool2d", "ReLU", "Tanh", "Conv2d", "MaxPool2d", "ReLU"]


@pytest.mark.parametrize("text", ["conv 2 3x3, relu, maxpool 2, dense 4", "residual 4 stride 2, relu, globalmax"])
def test_names_and_print_are_those_of_the_text(text: str) -> None:
    module = build(parse(text), (12, 12, 1), 2)
    assert [name for name, _ in module.named_children()] == [str(i) for i in range(len(module))]
    plain = nn.Sequential(*module)
    assert list(plain.state_dict()) == list(module.state_dict())
    assert repr(module).split("\n")[1:] == repr(plain).split("\n")[1:]
    assert type(module[:2]) is type(module)
    places = [i for i, layer in enumerate(module) if isinstance(layer, nn.ReLU)]
    assert all(a < b for a, b in pairwise(places))
