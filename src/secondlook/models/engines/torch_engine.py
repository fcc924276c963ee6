"""The PyTorch engine: the steps that train a module, on the CPU or a CUDA device.

The data stay on the device as they came (uint8 or float32, channels last); a batch is one gather. There is no
per-item Python.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from secondlook.models.engines import Examples, Measured, Optimiser, Weights
from secondlook.models.engines.choice import Choice
from secondlook.models.engines.torch_augment import Augmenter
from secondlook.models.engines.torch_net import SeededDropout, compile_pools
from secondlook.models.engines.torch_passes import compile_passes, standardised
from secondlook.types import FloatArray, IntArray

# Images per forward pass when predicting: activations of about 128 MB at most, and never fewer than 16 images.
PREDICT_NUMBERS = 32_000_000
# Images stay on a GPU when they take at most this share of its free memory.
RESIDENT_SHARE = 0.5


def _optimiser(chosen: Optimiser, module: nn.Module) -> torch.optim.Optimizer:
    """The PyTorch optimiser over the module's parameters; the learning rate is set at each step."""
    parameters = list(module.parameters())
    if chosen.name == "sgd":
        return torch.optim.SGD(
            parameters,
            lr=1.0,
            momentum=chosen.momentum,
            nesterov=chosen.momentum > 0,
            weight_decay=chosen.weight_decay,
        )
    kind = torch.optim.Adam if chosen.name == "adam" else torch.optim.AdamW
    # The fused kernel updates all weights in one pass: on small nets the update is a good part of a step.
    return kind(parameters, lr=1.0, weight_decay=chosen.weight_decay, fused=True)


class TorchEngine:
    """An `Engine` over PyTorch; see `models.engines.Engine`."""

    def __init__(
        self,
        module: nn.Module,
        *,
        mean: FloatArray,
        scale: FloatArray,
        optimiser: Optimiser,
        device: torch.device,
        per_image: int,
        choice: Choice | None = None,
        compiled: bool = False,
    ) -> None:
        """`mean` and `scale`, one per channel, standardise pixels: (x - mean) / scale, in the pixels' own unit.

        `per_image` is how many numbers an image makes, itself and in the net: it limits the batches of predictions.
        `choice` says how training works; by default in float32, a batch as a whole, with all of PyTorch's threads. With
        `compiled`, passes that are slow in PyTorch are compiled ones where there is a compiler, on the CPU.
        """
        self.device = device
        self.choice = Choice(threads=torch.get_num_threads()) if choice is None else choice
        self.module = module.to(device)
        self._compiled = compiled
        if compiled:
            compile_passes()
            compile_pools(self.module)
        self._beside: ThreadPoolExecutor | None = None
        for m in self.module.modules():
            if isinstance(m, SeededDropout) and device.type != "cpu":
                # A generator draws on one device only; carry the CPU generator's seed over.
                m.generator = torch.Generator(device).manual_seed(m.generator.initial_seed())
        if any(isinstance(m, nn.Conv2d) for m in self.module.modules()):
            # Dense layers alone gain nothing from it. Measured: up to 1.8 times as fast with it, 5 % slower at worst.
            self.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # stub lacks it
        self.mean = torch.as_tensor(mean, dtype=torch.float32, device=device)
        self.scale = torch.as_tensor(scale, dtype=torch.float32, device=device)
        self.optimiser = _optimiser(optimiser, self.module)
        self.predict_batch = max(16, min(PREDICT_NUMBERS // per_image, 1024))
        self._parts: dict[str, tuple[Tensor, Tensor, Tensor | None]] = {}
        self.augment: Augmenter | None = None
        self._loss_sum = torch.zeros((), device=device)
        self._seen = 0
        self._steps = 0

    def load(self, part: Literal["train", "valid"], examples: Examples) -> None:
        """Puts a part on the device; images that would fill it stay where they are, and go there batch by batch."""
        weights = None if examples.weights is None else self._resident(examples.weights)
        pixels = _tensor(examples.pixels)
        if self.device.type != "cuda" or pixels.nbytes <= torch.cuda.mem_get_info(self.device)[0] * RESIDENT_SHARE:
            pixels = pixels.to(self.device)
        self._parts[part] = pixels, self._resident(examples.labels), weights

    def _resident(self, array: NDArray[Any]) -> Tensor:
        return _tensor(array).to(self.device)

    def _images(self, pixels: Tensor, index: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """The images of an index that is on the device, ready for the net."""
        made = standardised(pixels, index, self.mean, self.scale, dtype) if self._compiled else None
        return self._input(pixels[index.to(pixels.device)].to(self.device)).to(dtype) if made is None else made

    def _input(self, pixels: Tensor) -> Tensor:
        """float32 (n, c, h, w), standardised; memory stays channels last."""
        # One new array, not three: bytes are widened on the way.
        return (pixels - self.mean).div_(self.scale).permute(0, 3, 1, 2)

    def steps(self, order: IntArray, batch: int, rates: FloatArray) -> None:
        self.module.train()
        with self._threads():
            for at, rate in enumerate(rates.tolist()):
                self._step(order[at * batch : (at + 1) * batch], rate)

    def _step(self, items: IntArray, learning_rate: float) -> None:
        index = torch.from_numpy(items).to(self.device)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate
        self.optimiser.zero_grad(set_to_none=True)
        if self.choice.sides > 1:
            self._side_by_side(index)
        else:
            for images, some in self._passes(index, self.choice.micro or len(index)):
                loss = self._loss(images, some, len(index))
                torch.autograd.backward(loss)
                # Summed on the device: asking for the value here would make a GPU wait at every step.
                self._loss_sum += loss.detach() * len(index)
        self.optimiser.step()
        self._seen += len(items)
        self._steps += 1

    def _side_by_side(self, index: Tensor) -> None:
        """The gradient of a batch whose parts pass at the same time, summed in their order."""

        def passed(images: Tensor, some: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
            loss = self._loss(images, some, len(index))
            return loss.detach(), torch.autograd.grad(loss, parameters)

        if self._beside is None:
            self._beside = side_by_side(self.choice.sides)
        parameters = self._parameters()
        passes = self._passes(index, -(-len(index) // self.choice.sides))
        for loss, gradients in self._beside.map(passed, *zip(*passes, strict=True)):
            self._loss_sum += loss * len(index)
            for parameter, gradient in zip(parameters, gradients, strict=True):
                if parameter.grad is None:  # in the parameter's own memory order, as the fused optimiser reads it
                    parameter.grad = torch.zeros_like(parameter)
                parameter.grad += gradient

    def _passes(self, index: Tensor, many: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The images of a step as they pass, `many` at a time, and which they are. Their gradients add up to the
        batch's, up to rounding; dropout draws for each pass in turn.
        """
        pixels = self._parts["train"][0]
        if self.augment is None:
            dtype = torch.bfloat16 if self.choice.precision == "bf16" else torch.float32
            for some in torch.split(index, many):
                yield self._images(pixels, some, dtype), some
        else:  # its draws are of a step, whatever passes at a time
            varied = self.augment(self._images(pixels, index))
            yield from zip(torch.split(varied, many), torch.split(index, many), strict=True)

    def _loss(self, images: Tensor, some: Tensor, n: int) -> Tensor:
        """What the items `some` add to the mean (weighted) loss of n."""
        _, labels, weights = self._parts["train"]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.choice.precision == "bf16"):
            logits: Tensor = self.module(images)
        losses = nn.functional.cross_entropy(logits.float(), labels[some], reduction="none")
        return (losses if weights is None else losses * weights[some]).sum() / n

    def objective(self) -> float:
        value = float(self._loss_sum) / max(self._seen, 1)
        self._loss_sum.zero_()
        self._seen = 0
        return value

    @contextmanager
    def _threads(self) -> Iterator[None]:
        """As many threads of PyTorch inside as were chosen; those that there were afterwards."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.choice.threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def evaluate(self, part: Literal["train", "valid"], items: IntArray | None = None) -> Measured:
        with self._threads():
            return self._evaluate(part, items)

    @torch.inference_mode()
    def _evaluate(self, part: Literal["train", "valid"], items: IntArray | None) -> Measured:
        pixels, labels, weights = self._parts[part]
        index = torch.arange(len(labels)) if items is None else torch.from_numpy(items)
        self.module.eval()
        loss, weighted, total = torch.zeros((3,), dtype=torch.float64, device=self.device)
        hits = torch.zeros((), dtype=torch.int64, device=self.device)
        for batch in torch.split(index, self.predict_batch):
            batch = batch.to(self.device)
            logits, given = self.module(self._images(pixels, batch)), labels[batch]
            losses = nn.functional.cross_entropy(logits, given, reduction="none").double()
            loss += losses.sum()
            hits += (logits.argmax(1) == given).sum()
            if weights is not None:
                weighted += (losses * weights[batch]).sum()
                total += weights[batch].sum()
        plain = float(loss) / len(index)
        return Measured(plain, float(hits) / len(index), plain if weights is None else float(weighted) / float(total))

    @torch.inference_mode()
    def logits(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        self.module.eval()
        parts = [
            self.module(self._input(self._resident(pixels[at : at + self.predict_batch]))).cpu()
            for at in range(0, len(pixels), self.predict_batch)
        ]
        return torch.cat(parts).numpy()

    def weights(self) -> Weights:
        return {name: t.detach().cpu().numpy().copy() for name, t in self.module.state_dict().items()}

    def restore(self, weights: Weights) -> None:
        self.module.load_state_dict({name: torch.from_numpy(np.array(a)) for name, a in weights.items()})

    def state(self) -> Weights:
        found = {f"weights/{name}": array for name, array in self.weights().items()}
        found["steps"] = np.array(self._steps)
        for i, p in enumerate(self._parameters()):
            for name, value in self.optimiser.state[p].items():
                if isinstance(value, Tensor):
                    found[f"optimiser/{i}/{name}"] = value.detach().cpu().numpy().copy()
        for i, m in enumerate(self._dropouts()):
            found[f"dropout/{i}"] = m.generator.get_state().numpy().copy()
        return found

    def resume(self, state: Weights) -> None:
        named = [(*name.partition("/")[::2], array) for name, array in state.items()]
        self.restore({name: array for kind, name, array in named if kind == "weights"})
        for i, p in enumerate(self._parameters()):
            moments = {name: array for kind, name, array in named if kind == "optimiser"}
            found = {name.partition("/")[2]: a for name, a in moments.items() if name.partition("/")[0] == str(i)}
            self.optimiser.state[p] = {name: _moment(p, array) for name, array in found.items()}
        for i, m in enumerate(self._dropouts()):
            kept = state.get(f"dropout/{i}")
            # An engine that draws otherwise keeps no stream: here it begins at a place of its own.
            _move(m.generator, _place(m, int(state["steps"])) if kept is None else kept)
        self._steps = int(state["steps"])
        if self.augment is not None:
            self.augment.step = self._steps

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.optimiser.param_groups for p in group["params"]]

    def _dropouts(self) -> list[SeededDropout]:
        return [m for m in self.module.modules() if isinstance(m, SeededDropout)]


def _place(dropout: SeededDropout, steps: int) -> NDArray[np.uint8]:
    """Where a stream goes on whose place is not known: it follows from the seed and the steps taken."""
    return np.frombuffer(f"{dropout.generator.initial_seed()} {steps}".encode(), np.uint8)


def side_by_side(sides: int) -> ThreadPoolExecutor:
    """So many threads, each of which computes alone.

    PyTorch counts threads by the thread that asks, and sets a new one to the number that was set last anywhere, when it
    is first asked for it. So it is asked first: else a thread that begins late would compute as two, by other kernels.
    """

    def alone() -> None:
        torch.get_num_threads()
        torch.set_num_threads(1)

    return ThreadPoolExecutor(sides, initializer=alone)


def _moment(parameter: Tensor, array: NDArray[Any]) -> Tensor:
    """A moment where its parameter is, laid out in memory as that is: the fused kernels read both side by side."""
    value = torch.from_numpy(np.array(array))
    if value.shape != parameter.shape:  # the count of steps
        return value.to(parameter.device)
    return torch.empty_like(parameter, requires_grad=False).copy_(value)


def _move(generator: torch.Generator, state: NDArray[np.uint8]) -> None:
    """Moves a stream to where it stood; on another kind of device, to a place that only depends on that."""
    kept = torch.from_numpy(np.array(state))
    if kept.shape == generator.get_state().shape:
        generator.set_state(kept)
    else:
        generator.manual_seed(int.from_bytes(hashlib.blake2b(kept.numpy().tobytes(), digest_size=7).digest(), "big"))


def _tensor(array: NDArray[Any]) -> Tensor:
    """The array as a tensor, without a copy: it may be a memory map larger than memory."""
    with warnings.catch_warnings():
        # PyTorch would let us write to a read-only array; nothing here does.
        warnings.filterwarnings("ignore", "The given NumPy array is not writ")
        return torch.from_numpy(array)


def choose_device(name: str) -> torch.device:
    """The device of a name ("cpu", "cuda", "cuda:1"); "auto" takes CUDA where there is one."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)
