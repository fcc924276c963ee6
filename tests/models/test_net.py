"""Nets as text: what parses prints back, and counts equal PyTorch's own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondlook.errors import UsageError
from secondlook.models.engines.torch_net import build, count_module
from secondlook.models.ladder import NETS
from secondlook.models.net import Count, check_size, enlarged, parse

TEXTS = {entry.name: entry.net for entry in NETS}

# The studies' own figures, on their own image sizes; see each study.
PUBLISHED = [
    ("mlp", (28, 28, 1), 10, 318_010),
    ("mlp-small", (28, 28, 1), 10, 20_067),
    ("cnn-small", (28, 28, 1), 10, 19_322),
    ("cnn-nopool", (28, 28, 1), 10, 320_890),
    ("lenet", (28, 28, 1), 10, 44_426),
    ("convnet", (28, 28, 1), 10, 390_218),
    ("cnn-wide", (120, 120, 3), 1, 1_615_905),
    ("cnn-wide", (120, 120, 3), 2, 1_615_970),
]


def torch_count(text: str, image: tuple[int, int, int], outputs: int) -> Count:
    """The same by PyTorch: its parameters, its state, its flop counter."""
    return count_module(build(parse(text), image, outputs), image)


@pytest.mark.parametrize(("name", "image", "outputs", "published"), PUBLISHED)
def test_a_study_s_net_has_the_study_s_parameters(name, image, outputs, published) -> None:
    count = parse(TEXTS[name]).count(image, outputs)
    assert count.trained == published
    assert count == torch_count(TEXTS[name], image, outputs)


def test_the_tiny_net_stays_below_eighty_and_the_vanilla_one_near_a_thousand() -> None:
    assert parse(TEXTS["cnn-tiny"]).count((30, 30, 1), 2).trained <= 80
    assert 950 <= parse(TEXTS["cnn-vanilla"]).count((30, 30, 1), 2).trained <= 1_050


@pytest.mark.parametrize("name", TEXTS)
def test_a_ladder_s_net_prints_as_it_was_written(name: str) -> None:
    assert parse(TEXTS[name]).text == TEXTS[name]


sizes = st.integers(1, 5)
maps = st.one_of(
    st.builds(
        "conv {} {}x{}{}{}".format,
        sizes,
        sizes,
        sizes,
        st.sampled_from(["", " stride 2", " stride 3"]),
        st.sampled_from(["", " same"]),
    ),
    st.builds("{}pool {}{}".format, st.sampled_from(["max", "avg"]), sizes, st.sampled_from(["", " stride 2"])),
    st.builds("residual {}{}".format, sizes, st.sampled_from(["", " stride 2"])),
)
anywhere = st.sampled_from(["bn", "relu", "leaky", "leaky 0.01", "gelu", "tanh", "abs", "dropout 0.25"])
flat = st.one_of(st.builds("dense {}".format, sizes), anywhere)
nets = st.builds(
    lambda head, bridge, tail: ", ".join([*head, *bridge, *tail]),
    st.lists(st.one_of(maps, anywhere), max_size=5),
    st.lists(st.sampled_from(["flatten", "globalmax", "globalavg"]), max_size=1),
    st.lists(flat, max_size=3),
)


def in_order(text: str) -> bool:
    """Whether nothing that needs maps comes after what flattens them."""
    words = [piece.split()[0] for piece in text.split(", ") if piece]
    first = next((i for i, w in enumerate(words) if w in ("dense", "flatten", "globalmax", "globalavg")), len(words))
    return not any(
        w in ("conv", "maxpool", "avgpool", "residual", "globalmax", "globalavg") for w in words[first + 1 :]
    )


@given(nets.filter(in_order), st.integers(0, 9), st.integers(0, 9), st.sampled_from([1, 3]), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_any_net_counts_as_pytorch_counts_and_accepts_its_smallest_image(text, more_h, more_w, c, outputs) -> None:
    net = parse(text)
    assert parse(net.text) == net
    h, w = net.smallest()
    for image in ((h, w, c), (h + more_h, w + more_w, c)):
        count = net.count(image, outputs)
        assert count == torch_count(text, image, outputs)
    for small in ((h - 1, w + 9, c), (h + 9, w - 1, c)):
        if min(small) > 0:
            with pytest.raises(UsageError, match=f"at least {h}x{w}"):
                net.count(small, outputs)


@given(st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_parses_or_is_refused_with_its_place(text: str) -> None:
    try:
        net = parse(text)
    except UsageError as error:
        message = str(error)
    else:
        assert parse(net.text) == net
        return
    assert "the net's text is wrong at layer" in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conv 8 3x3, maxpol 2", r"layer 2, character 13: expected a layer, got 'maxpol'; did you mean 'maxpool'\?"),
        ("conv 8", r"layer 1, character 1: expected a kernel size such as 3x3, got nothing"),
        ("conv eight 3x3", r"expected a number of channels, got 'eight'"),
        ("relu,, bn", r"layer 2, character 6: expected a layer, got nothing"),
        ("zzz", r"got 'zzz'; the layers are conv, bn"),
        ("dense 10 relu", r"expected a comma after 'dense 10', got 'relu'"),
        ("dense 1000000000", r"a number of units between 1 and 65,536, got 1,000,000,000"),
        ("dense 0", r"between 1 and 65,536, got 0"),
        ("dropout 1.5", r"a probability below 1, got 1.5"),
        ("leaky 2", r"a slope below 1, got 2"),
        ("dense 9, conv 8 3x3", r"layer 2, character 10: 'conv 8 3x3' needs feature maps, but 'dense 9' before it"),
        ("globalavg, maxpool 2", r"'maxpool 2' needs feature maps, but 'globalavg' before it"),
        ("maxpool 2 stride", r"expected a stride, a whole number, got nothing"),
    ],
)
def test_an_ill_formed_net_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(text)


def test_a_net_too_large_for_any_machine_is_refused_before_it_is_built() -> None:
    with pytest.raises(UsageError, match="at most 500,000,000 trained numbers"):
        check_size(parse("dense 65536, dense 65536"), (28, 28, 1), 10)


def test_small_images_are_enlarged_as_a_whole() -> None:
    lenet = parse(TEXTS["lenet"])
    assert lenet.smallest() == (16, 16)
    assert enlarged(lenet, (8, 8, 1)) == (16, 16, 1)
    assert enlarged(lenet, (8, 16, 1)) == (16, 32, 1)
    assert enlarged(lenet, (28, 28, 3)) == (28, 28, 3)
