"""The ladder: every model a comparison can fit, from the lazy baseline to small convolutional nets."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from secondlook.errors import UsageError
from secondlook.models.engines.choice import EngineName, Precision
from secondlook.models.entry import Entry, Size
from secondlook.models.net import Net, enlarged, parse

if TYPE_CHECKING:
    from secondlook.models.net_classifier import Factory

# Measured on two cores with PyTorch 2.13: multiply-adds per second of a forward pass, and seconds per step and per
# number that a layer leaves behind. They only order the ladder and make the first estimate of the time.
MACS_PER_SECOND = 110e9
SECONDS_PER_STEP = 1.0e-3
SECONDS_PER_ACTIVATION = 2.0e-9
# The same of native code, all three passes of a training step together; and what compiling and choosing take.
NATIVE_PER_MAC, NATIVE_PER_ACTIVATION, NATIVE_START = 4.0e-11, 1.0e-10, 5.0
# Trainings that PyTorch does in so many seconds, roughly, are not worth the compiler's and the timing's.
WORTH_SECONDS = 2.0

# Nets that reach the same accuracy when their steps multiply in bfloat16: shown over seeds in bench/RESULTS.md. Only
# these are trained so where `precision` is "auto".
SAME_IN_BF16 = ("convnet", "cnn-wide")


def image_seconds(macs: int, numbers: int) -> float:
    """Roughly, the seconds that one image takes of a training step with PyTorch.

    Args:
        macs: multiply-adds of its forward pass. numbers: that it leaves behind.
    """
    return 3 * macs / MACS_PER_SECOND + SECONDS_PER_ACTIVATION * numbers


def _make_net(text: str | Factory, settings: Mapping[str, Any], seed: int) -> Any:
    from secondlook.models.net_classifier import NetClassifier

    return NetClassifier(text, random_state=seed, **settings)


def _net_seconds(text: str, settings: Mapping[str, Any], size: Size) -> float:
    from secondlook.models.engines.native.engine import unsupported
    from secondlook.models.train import auto_batch, auto_epochs

    net = parse(text)
    image = enlarged(net, size.shape)
    per_image = image_seconds(net.count(image, size.k).macs, net.activations(image, size.k))
    batch = settings.get("batch") or auto_batch(size.n_train)
    epochs = settings.get("epochs") or auto_epochs(size.n_train, batch)
    passes = epochs * (size.n_train + (size.n_valid + min(size.n_train, size.n_valid)) / 3) + size.n / 3
    by_torch = passes * per_image + epochs * size.n_train / batch * SECONDS_PER_STEP
    if by_torch < WORTH_SECONDS or unsupported(net, image, size.k):
        return by_torch
    native = NATIVE_PER_MAC * net.count(image, size.k).macs + NATIVE_PER_ACTIVATION * net.activations(image, size.k)
    return min(by_torch, NATIVE_START + passes * native)


def _space() -> dict[str, Any]:
    """What --tune searches for every net: how fast it learns, and what holds it back."""
    return {
        "learning_rate": [3e-4, 1e-3, 3e-3, 1e-2],
        "weight_decay": [0.0, 1e-4, 1e-3, 1e-2],
        "batch": [32, 64, 128],
        "optimizer": ["adamw"],
    }


def net_entry(name: str, text: str, line: str, *, default: bool = False, **settings: Any) -> Entry:
    """A line of the ladder for a net's text; `settings` are those of `NetClassifier`."""
    net = parse(text)
    return Entry(
        name,
        "convolution" if net.convolutional else "dense",
        line,
        partial(_make_net, net.text, settings),
        _space(),
        partial(_net_seconds, net.text, settings),
        default,
        net=net.text,
    )


_TWO_CONV = "conv 4 3x3, relu, {0}conv 8 2x2, relu, {0}dense 64, relu"

NETS: tuple[Entry, ...] = (
    net_entry(
        "mlp-small", "dense 25, relu, dense 12, relu", "the Quick, Draw! study's dense net: what 20,067 numbers do"
    ),
    net_entry(
        "mlp",
        "dense 400, leaky",
        "one wide dense layer: blind to neighbourhood, hard to beat when centred",
        default=True,
    ),
    net_entry(
        "cnn-tiny",
        "conv 4 3x3, relu, globalmax",
        "four small patterns, found anywhere: enough when a detail decides, hopeless otherwise",
        learning_rate=1e-2,
    ),
    net_entry(
        "cnn-vanilla",
        "conv 8 3x3, bn, relu, maxpool 2, conv 12 3x3, bn, relu, maxpool 2, globalavg",
        "two rounds of convolution, batch norm and pooling in about a thousand numbers",
        learning_rate=1e-2,
    ),
    net_entry(
        "cnn-small",
        _TWO_CONV.format("maxpool 2, "),
        "the Quick, Draw! study's second net: convolution at the price of a dense net of the same size",
        default=True,
    ),
    net_entry(
        "cnn-nopool",
        _TWO_CONV.format(""),
        "the Quick, Draw! study's first net: the same without pooling, 16 times larger",
    ),
    net_entry(
        "lenet",
        "conv 6 5x5, leaky, maxpool 2, conv 16 5x5, leaky, maxpool 2, dense 120, leaky, dense 84, leaky",
        "LeCun's classic of 1998 with today's activations: the best start on small grey images",
        default=True,
    ),
    net_entry(
        "convnet",
        "conv 32 5x5, relu, bn, conv 64 5x5, relu, bn, maxpool 2, conv 128 3x3, relu, bn, maxpool 2, dropout 0.1, "
        "dense 128, relu, bn, dropout 0.5",
        "the hard-digits study's net: batch norm and dropout, 99.4 % on MNIST",
    ),
    net_entry(
        "cnn-wide",
        "conv 32 3x3, relu, maxpool 2, conv 32 3x3, relu, maxpool 2, dense 64, relu",
        "the hotdog study's net for photos; two logits here in place of its one sigmoid unit",
    ),
    net_entry(
        "resnet-small",
        "conv 16 3x3 same, bn, relu, residual 16, residual 32 stride 2, residual 64 stride 2, globalavg",
        "three residual blocks: the modern way to be deep, takes any image size",
    ),
)


def same_in_bf16(net: Net) -> bool:
    """Whether a net was shown to reach the same accuracy in bfloat16."""
    return net.text in {entry.net for entry in NETS if entry.name in SAME_IN_BF16}


def ladder() -> dict[str, Entry]:
    """Every model by name, simplest first."""
    from secondlook.models.classical import CLASSICAL

    return {entry.name: entry for entry in (*CLASSICAL, *NETS)}


def needs_torch(models: str | Sequence[str] | None, nets: Mapping[str, Any]) -> bool:
    """Whether a request means any net: known before the heavy libraries are, so that they can be imported meanwhile."""
    words = {"all", "default", *(entry.name for entry in NETS)}
    return bool(nets) or models is None or not words.isdisjoint(_words(models))


def only_nets(models: str | Sequence[str] | None, nets: Mapping[str, Any]) -> bool:
    """Whether a request means nets and nothing else, which is known before scikit-learn is imported."""
    return models is not None and {entry.name for entry in NETS}.union(nets).issuperset(_words(models))


def _words(models: str | Sequence[str]) -> list[str]:
    return [word.strip() for word in models.split(",") if word.strip()] if isinstance(models, str) else list(models)


def own_net(name: str, net: str | Factory) -> Entry:
    """A line for a user's own net: its text, or a function that makes a torch.nn.Module."""
    if isinstance(net, str):
        return net_entry(name, net, "your own net")
    make = partial(_make_net, net, {})
    text = f"your own module, {_fingerprint(net)}"
    return Entry(name, "convolution", "your own module", make, _space(), lambda size: 60.0, net=text)


def _fingerprint(function: Factory) -> str:
    """8 hex digits that change with a function's source, so that a run is not gone on with by another module."""
    import hashlib
    import inspect

    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):  # typed at a prompt, or an object without source
        source = repr(function)
    return hashlib.blake2b(source.encode(), digest_size=4).hexdigest()


def choose(models: str | Sequence[str] | None, nets: Mapping[str, str | Factory]) -> list[Entry]:
    """The entries asked for, in the ladder's order; `None` takes the default ones, and "all" every one.

    Args:
        models: names, as a list or with commas between; "all" and "default" stand for many; None is "default".
        nets: the user's own nets by name; each joins what was asked for.

    Raises:
        UsageError: an unknown name (the nearest known one is suggested), or an own net with a known name.
    """
    # Without scikit-learn where it is not needed; a name of your own must not be a classical model's.
    known = {entry.name: entry for entry in NETS} if only_nets(models, nets) and not nets else ladder()
    if models is not None:
        models = _words(models)
    if models is not None and not models and not nets:
        raise UsageError("expected at least one model, got none; leave --models out for the default ones")
    for name in nets:
        if not re.fullmatch(r"[\w-]+", name):
            raise UsageError(f"expected a net's name of letters, digits, - and _, got '{name}'; rename it")
        if name in known or name in ("all", "default"):
            raise UsageError(f"expected a new name for your own net, got '{name}', which is already a model; rename it")
    own = {name: own_net(name, net) for name, net in nets.items()}
    wanted: list[str] = []
    for name in models if models is not None else ["default"]:
        if name == "all":
            wanted += known
        elif name == "default":
            wanted += [entry.name for entry in known.values() if entry.default]
        elif name in known or name in own:
            wanted.append(name)
        else:
            raise UsageError(_unknown(name, [*known, *own]))
    picked = {**known, **own}
    return [picked[name] for name in picked if name in wanted or name in own]


def _unknown(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name.lower(), ["all", "default", *names], n=1, cutoff=0.4)
    hint = f", did you mean '{near[0]}'?" if near else ";"
    return f"there is no model '{name}'{hint} the models are {', '.join(names)}"


def with_epochs(entry: Entry, epochs: int | None) -> Entry:
    """The entry with its nets trained for so many epochs at most; models without epochs stay as they are."""
    if epochs is None or not entry.is_net:
        return entry
    return replace(entry, make=partial(_with_epochs, entry.make, epochs))


def _with_epochs(make: Callable[[int], Any], epochs: int, seed: int) -> Any:
    return make(seed).set_params(epochs=epochs)


def with_recipe(entry: Entry, recipe: Mapping[str, Any]) -> Entry:
    """The entry with its nets trained by these settings of `NetClassifier`; other models stay as they are."""
    return replace(entry, make=partial(_with_recipe, entry.make, dict(recipe))) if recipe and entry.is_net else entry


def _with_recipe(make: Callable[[int], Any], recipe: dict[str, Any], seed: int) -> Any:
    return make(seed).set_params(**recipe)


def with_augment(entry: Entry, augment: str) -> Entry:
    """The entry with its nets' training images varied by this text; other models learn from images as they are."""
    return replace(entry, make=partial(_with_augment, entry.make, augment)) if augment and entry.is_net else entry


def _with_augment(make: Callable[[int], Any], augment: str, seed: int) -> Any:
    return make(seed).set_params(augment=augment)


def with_engine(entry: Entry, engine: EngineName, precision: Precision) -> Entry:
    """The entry with its nets trained by this engine, in this precision."""
    if (engine, precision) == ("auto", "auto") or not entry.is_net:
        return entry
    return replace(entry, make=partial(_with_engine, entry.make, engine, precision))


def _with_engine(make: Callable[[int], Any], engine: EngineName, precision: Precision, seed: int) -> Any:
    return make(seed).set_params(engine=engine, precision=precision)
