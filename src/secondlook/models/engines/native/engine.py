"""The native engine: an `Engine` over code compiled from a net's text."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from ctypes import POINTER, Structure, byref, c_bool, c_double, c_float, c_int32, c_int64, c_uint64, c_void_p
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from secondlook import seeds
from secondlook.models.engines import Examples, Measured, Optimiser, Weights
from secondlook.models.engines.native.build import Unavailable, library
from secondlook.models.engines.native.initial import initial
from secondlook.models.engines.native.program import program
from secondlook.models.engines.native.source import source
from secondlook.models.layers import Activation, Dropout
from secondlook.models.net import Net
from secondlook.types import FloatArray, IntArray

if TYPE_CHECKING:
    from secondlook.models.engines.torch_augment import Augmenter

_KINDS = {"adam": 0, "adamw": 1, "sgd": 2}
# Names of the optimisers' moments, as PyTorch has them.
_MOMENTS = {"adam": ("exp_avg", "exp_avg_sq"), "adamw": ("exp_avg", "exp_avg_sq"), "sgd": ("momentum_buffer",)}


class _Pixels(Structure):
    _fields_ = (
        ("values", c_void_p),
        ("floats", c_int32),
        ("mean", c_void_p),
        ("inverse", c_void_p),
        ("labels", c_void_p),
        ("weights", c_void_p),
    )


class _Model(Structure):
    _fields_ = (("weights", c_void_p), ("running", c_void_p), ("first", c_void_p), ("second", c_void_p))


class _Optimiser(Structure):
    _fields_ = (("kind", c_int32), ("decay", c_float), ("momentum", c_float))


class _Measured(Structure):
    _fields_ = (("loss", c_double), ("weighted", c_double), ("weight", c_double), ("right", c_double))


# Above these, what makes small nets fast is lost, a block that stays in the second-level cache, and memory grows: a
# batch-norm layer keeps what a whole batch makes.
LARGEST_WEIGHTS = 4_000_000
LARGEST_IMAGE, LARGEST_BATCH = 1_500_000, 60_000_000


def unsupported(net: Net, image: tuple[int, int, int], outputs: int, batch: int = 128) -> str:
    """Why a net cannot be compiled for steps of `batch` images; "" where it can."""
    if net.count(image, outputs).trained > LARGEST_WEIGHTS:
        return f"it has more than {LARGEST_WEIGHTS:,} trained numbers"
    made = program(net, image, outputs)
    numbers = sum(made.sizes)
    if numbers > LARGEST_IMAGE:
        return f"it makes more than {LARGEST_IMAGE:,} numbers of an image"
    if made.running and batch < 2:
        return "batch norm has no variance of one image"
    if made.running and numbers * batch > LARGEST_BATCH:
        return f"its batch norm would keep more than {LARGEST_BATCH:,} numbers of a batch"
    for layer in net.layers:
        value = layer.slope if isinstance(layer, Activation) else layer.p if isinstance(layer, Dropout) else 0
        # Templates take whole numbers only: these are millionths there.
        if round(value * 1e6) != round(value * 1e12) / 1e6:
            return f"'{layer.text}' has more than six decimals"
    return ""


def _pointer(array: NDArray[Any] | None) -> int | None:
    return None if array is None else array.ctypes.data


class NativeEngine:
    """An `Engine` over native code; see `models.engines.Engine`.

    Weights start as those of `torch_net.build` from the same seed (see `initial`), have the same names, and move freely
    between both engines, with the optimiser's moments. Dropout draws from a hash of the seed, the step and the place.
    """

    def __init__(
        self,
        net: Net,
        image: tuple[int, int, int],
        outputs: int,
        *,
        seed: int,
        mean: FloatArray,
        scale: FloatArray,
        optimiser: Optimiser,
        threads: int,
        flags: Sequence[str] = (),
    ) -> None:
        """`mean` and `scale`, one per channel, standardise pixels: (x - mean) / scale, in the pixels' own unit.

        Raises:
            Unavailable: there is no C++ compiler, or it fails.
        """
        made = program(net, image, outputs)
        self._library = _typed(library(source(made, image), flags=flags))
        self._outputs, self._chosen, self._seed = outputs, optimiser, seeds.integer(seed, "dropout")
        first = initial(net, image, outputs, seed=seed)
        self._shapes = {name: array.shape for name, array in first.values.items()}
        self._parameters = first.parameters
        self._statistics = [name for name in first.values if name.endswith(("running_mean", "running_var"))]
        self._places = made.places
        self._weights, *self._moments = np.zeros((3, made.parameters), np.float32)
        self._running = np.zeros(made.running, np.float32)
        self.restore(first.values)
        self._mean, self._inverse = mean.astype(np.float32), (1 / scale).astype(np.float32)
        self._none, self._one = np.zeros(len(mean), np.float32), np.ones(len(mean), np.float32)
        self._model = _Model(*(_pointer(a) for a in (self._weights, self._running, *self._moments)))
        self._optimiser = _Optimiser(_KINDS[optimiser.name], optimiser.weight_decay, optimiser.momentum)
        self._parts: dict[str, Examples] = {}
        self._loss, self._seen, self._steps = 0.0, 0, 0
        self.augment: Augmenter | None = None
        self._threads = threads
        self._enlist()

    def _enlist(self) -> None:
        """Threads of this process: a fork takes the memory along, but not them."""
        self._process, self._team, self._lock = os.getpid(), c_void_p(), Lock()
        if not self._library.engine_create(self._threads, byref(self._team)):
            self._team = c_void_p()
            raise Unavailable(f"there is no memory or no room for {self._threads} threads")

    def _call(self, function: str, *arguments: Any) -> None:
        """Calls the library; one at a time, since its buffers are those of the engine.

        Raises:
            MemoryError: there is not enough for what a batch leaves behind.
        """
        if self._process != os.getpid():
            self._enlist()
        with self._lock:
            if not getattr(self._library, function)(self._team, *arguments):
                raise MemoryError("not enough memory for what a batch leaves behind in this net; take a smaller batch")

    def __del__(self) -> None:
        if getattr(self, "_process", 0) == os.getpid() and self._team:
            self._library.engine_destroy(self._team)

    def load(self, part: Literal["train", "valid"], examples: Examples) -> None:
        pixels, weights = examples.pixels, examples.weights
        if pixels.dtype != np.uint8 or not pixels.flags.c_contiguous:
            pixels = np.ascontiguousarray(pixels, np.uint8 if pixels.dtype == np.uint8 else np.float32)
        labels = np.ascontiguousarray(examples.labels, np.int64)
        weights = None if weights is None else np.ascontiguousarray(weights, np.float32)
        self._parts[part] = Examples(pixels, labels, weights)

    def _pixels(self, examples: Examples, *, standardised: bool = False) -> _Pixels:
        mean, inverse = (self._none, self._one) if standardised else (self._mean, self._inverse)
        values, floats = _pointer(examples.pixels), int(examples.pixels.dtype != np.uint8)
        labels, weights = _pointer(examples.labels), _pointer(examples.weights)
        return _Pixels(values, floats, _pointer(mean), _pointer(inverse), labels, weights)

    def steps(self, order: IntArray, batch: int, rates: FloatArray) -> None:
        train = self._parts["train"]
        order = np.ascontiguousarray(order, np.int64)
        if self.augment is None:
            self._take(train, order, batch, rates)
        else:
            for at, rate in enumerate(rates):
                varied = self._varied(train, order[at * batch : (at + 1) * batch])
                self._take(varied, np.arange(len(varied.labels)), batch, np.array([rate]), standardised=True)

    def _take(
        self, part: Examples, order: IntArray, batch: int, rates: FloatArray, *, standardised: bool = False
    ) -> None:
        pixels = self._pixels(part, standardised=standardised)
        rates = np.ascontiguousarray(rates, np.float64)
        loss = c_double()
        self._call(
            "engine_steps", byref(pixels), byref(self._model), byref(self._optimiser), _pointer(order), len(order),
            batch, _pointer(rates), self._steps, self._seed, byref(loss),
        )  # fmt: skip
        self._loss += loss.value
        self._seen += len(order)
        self._steps += len(rates)

    def _varied(self, part: Examples, items: IntArray) -> Examples:
        """A batch as the augmenter varies it: standardised float32 images, channels last."""
        import torch

        assert self.augment is not None
        images = (part.pixels[items] - self._mean) * self._inverse
        varied = self.augment(torch.from_numpy(images).permute(0, 3, 1, 2)).permute(0, 2, 3, 1).contiguous().numpy()
        return Examples(varied, part.labels[items], None if part.weights is None else part.weights[items])

    def gradient(self, items: IntArray) -> tuple[float, dict[str, NDArray[np.float32]]]:
        """The loss of one batch of training items and its gradient by parameter name, without a step."""
        out, pixels = np.empty_like(self._weights), self._pixels(self._parts["train"])
        items = np.ascontiguousarray(items, np.int64)
        loss = c_double()
        self._call(
            "engine_gradient", byref(pixels), byref(self._model), _pointer(items), len(items), self._steps, self._seed,
            _pointer(out), byref(loss),
        )  # fmt: skip
        return loss.value, self._named(out)

    def objective(self) -> float:
        value, self._loss, self._seen = self._loss / max(self._seen, 1), 0.0, 0
        return value

    def evaluate(self, part: Literal["train", "valid"], items: IntArray | None = None) -> Measured:
        examples = self._parts[part]
        items = np.arange(len(examples.labels)) if items is None else np.ascontiguousarray(items, np.int64)
        pixels, found = self._pixels(examples), _Measured()
        self._call("engine_evaluate", byref(pixels), byref(self._model), _pointer(items), len(items), byref(found))
        loss = found.loss / len(items)
        weighted = loss if examples.weights is None else found.weighted / found.weight
        return Measured(loss, found.right / len(items), weighted)

    def logits(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        kind = np.uint8 if pixels.dtype == np.uint8 else np.float32
        # By a name, so that a copy lives until it is answered.
        asked = Examples(np.ascontiguousarray(pixels, kind), np.arange(len(pixels)))
        some, out = self._pixels(asked), np.empty((len(pixels), self._outputs), np.float32)
        self._call("engine_logits", byref(some), byref(self._model), _pointer(asked.labels), len(pixels), _pointer(out))
        return out

    def weights(self) -> Weights:
        found = self._named(self._weights)
        ends = np.cumsum([0, *(self._shapes[name][0] for name in self._statistics)])
        for i, name in enumerate(self._statistics):
            found[name] = self._running[ends[i] : ends[i + 1]].copy()
        counts = {name: np.array(self._steps) for name in self._shapes if name.endswith("num_batches_tracked")}
        return {name: {**found, **counts}[name] for name in self._shapes}

    def restore(self, weights: Weights) -> None:
        self._put(weights, self._weights)
        if self._statistics:
            self._running[:] = np.concatenate([weights[name] for name in self._statistics])

    def state(self) -> Weights:
        found = {f"weights/{name}": array for name, array in self.weights().items()}
        found["steps"] = np.array(self._steps)
        for moment, values in zip(_MOMENTS[self._chosen.name], self._moments, strict=False):
            named = self._named(values)
            found |= {f"optimiser/{i}/{moment}": named[name] for i, name in enumerate(self._parameters)}
        if self._chosen.name != "sgd":
            found |= {f"optimiser/{i}/step": np.array(self._steps, np.float32) for i in range(len(self._parameters))}
        return found

    def resume(self, state: Weights) -> None:
        self.restore({name.partition("/")[2]: a for name, a in state.items() if name.startswith("weights/")})
        for moment, values in zip(_MOMENTS[self._chosen.name], self._moments, strict=False):
            named = {name: state[f"optimiser/{i}/{moment}"] for i, name in enumerate(self._parameters)}
            self._put(named, values)
        self._steps = int(state["steps"])
        if self.augment is not None:
            self.augment.step = self._steps

    def _put(self, named: Weights, flat: NDArray[np.float32]) -> None:
        for name, (at, size) in zip(self._parameters, self._places, strict=True):
            flat[at : at + size] = named[name].ravel()

    def _named(self, flat: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        """Copies by name."""
        places = zip(self._parameters, self._places, strict=True)
        return {name: flat[at : at + size].reshape(self._shapes[name]).copy() for name, (at, size) in places}


def _typed(loaded: ctypes.CDLL) -> ctypes.CDLL:
    """Says what the library's functions take and return."""
    pixels, model, optimiser = POINTER(_Pixels), POINTER(_Model), POINTER(_Optimiser)
    many, pointer, loss = c_int64, c_void_p, POINTER(c_double)
    work = [c_void_p, pixels, model]
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "engine_create": (c_bool, [c_int32, POINTER(c_void_p)]),
        "engine_destroy": (None, [c_void_p]),
        "engine_steps": (c_bool, [*work, optimiser, pointer, many, many, pointer, many, c_uint64, loss]),
        "engine_gradient": (c_bool, [*work, pointer, many, many, c_uint64, pointer, loss]),
        "engine_evaluate": (c_bool, [*work, pointer, many, POINTER(_Measured)]),
        "engine_logits": (c_bool, [*work, pointer, many, pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded
