"""Which engine trains a net here: as asked, or the fastest of those that can, remembered for the next time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from math import inf
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import torch

from secondlook.errors import UsageError
from secondlook.models.engines import Engine, Optimiser
from secondlook.models.engines.allocator import keep_memory
from secondlook.models.engines.at_once import by_blocks
from secondlook.models.engines.choice import Choice, EngineName, Precision, check
from secondlook.models.engines.job import Job, Trainer, job_of
from secondlook.models.engines.native import Unavailable, unsupported
from secondlook.models.engines.processor import has_bf16, last_cache
from secondlook.models.engines.remembered import recall, remember
from secondlook.models.engines.timing import seconds_per_image
from secondlook.models.engines.torch_engine import choose_device
from secondlook.models.ladder import SECONDS_PER_STEP, WORTH_SECONDS, image_seconds, same_in_bf16
from secondlook.models.net import Net, check_size
from secondlook.runs.machine import hardware
from secondlook.types import FloatArray

# Nor is a training with so tight a limit: the compiler, which is given half of that, must not eat it up.
LEAST_SECONDS = 60.0
# Multiply-adds of a step, forward and backward, from which a second thread pays PyTorch: measured on two cores. Two
# threads gain nothing on smaller steps, and lose tenfold where another process is busy: they wait for each other.
# Within a factor NEAR of it both are timed.
SHARED_STEP, NEAR = 20_000_000, 8
# Of larger steps, a part of the batch is timed: so many multiply-adds, and so many images at least.
TIMED_STEP, TIMED_IMAGES = 1_000_000_000, 32


# Nets of more numbers than this are not timed: several of them, with gradients and moments, would fill the memory.
LARGEST_TIMED = 20_000_000
EMPTY: Mapping[str, Any] = MappingProxyType({})
BUSY = "other processes were at work while the engine was chosen, so the next training chooses anew"


class Prepared(NamedTuple):
    """A fresh engine; what was chosen; and a sentence where that is not what was asked for."""

    engine: Trainer
    choice: Choice
    note: str = ""


def make(
    net: Net,
    image: tuple[int, int, int],
    outputs: int,
    *,
    engine: EngineName = "auto",
    precision: Precision = "auto",
    seed: int,
    mean: FloatArray,
    scale: FloatArray,
    optimiser: Optimiser,
    device: str = "auto",
    batch: int,
) -> Engine:
    """An engine for a net's text, ready to train for long; see `prepare`.

    Args:
        image: (h, w, c), at least the smallest that the net takes.
        device: "auto", "cpu", "cuda".

    Raises:
        UsageError: what was asked for does not go together, or the net is too large for any machine.
    """
    check_size(net, image, outputs)
    chosen = device_for(device, engine)
    job = job_of(net, image, outputs, seed=seed, mean=mean, scale=scale, optimiser=optimiser, device=chosen)
    return prepare(job, engine=engine, precision=precision, batch=batch).engine


def device_for(name: str, engine: str) -> torch.device:
    """The device of a name; with "auto", a GPU where there is one and native code was not asked for.

    Raises:
        UsageError: native code was asked for on a GPU.
    """
    device = choose_device("cpu" if name == "auto" and engine == "native" else name)
    if engine == "native" and device.type != "cpu":
        raise UsageError(
            f"expected --engine native on the CPU, since it compiles for that alone, got the device '{name}'; "
            "take --engine torch, or the device cpu"
        )
    return device


def prepare(
    job: Job, *, engine: EngineName = "auto", precision: Precision = "auto", batch: int, steps: int | None = None,
    seconds: float = inf, before: Mapping[str, Any] = EMPTY,
) -> Prepared:  # fmt: skip
    """A fresh engine for a job.

    "auto" takes a few steps with each engine that can, on a CPU, and chooses the fastest. The choice is remembered for
    the same net, images, batch, threads and machine. A GPU, a module of the user's own and a short training get PyTorch
    at once. "torch" and "native" are what they say, with settings that follow from the sizes: nothing is timed.

    Args:
        batch: images per step. steps: how many at most; None for many. seconds: the most that training may take.
        before: the choice of a training that is gone on with: "auto" keeps to it, so that it is as if never stopped.

    Raises:
        UsageError: bf16 was asked of the native engine.
    """
    check(engine, precision)
    on_cpu = job.device.type == "cpu"
    if on_cpu:
        keep_memory()
    if engine == "native":
        return _native(job, batch)
    if engine == "auto" and on_cpu and (kept := _kept(job, precision, before)):
        return kept
    short = seconds < LEAST_SECONDS or (steps is not None and steps * _step_seconds(job, batch) < WORTH_SECONDS)
    if engine == "torch" or job.net is None or short or not on_cpu:
        # What is quickly done needs no bfloat16, whose gain was shown on long trainings.
        plain = by_rule(job, "fp32" if short and precision == "auto" else precision, batch)
        return Prepared(job.torch(plain, long=not short), plain)
    why = "bf16 was asked for" if precision == "bf16" else _unsupported(job, batch)
    try:
        return _fastest(job, precision, batch, why)
    except Unavailable as error:
        return _fastest(job, precision, batch, str(error))


def _kept(job: Job, precision: Precision, before: Mapping[str, Any]) -> Prepared | None:
    """The engine of the training before, where it can be had and is not against what is asked for."""
    try:
        choice = Choice.from_json(before)
        if precision in ("auto", choice.precision) and choice.threads <= torch.get_num_threads():
            return Prepared(_made(job, choice), choice)
    except (ValueError, Unavailable):
        pass
    return None


def by_rule(job: Job, precision: Precision, batch: int) -> Choice:
    """How PyTorch works where nothing is timed: it depends on sizes and the machine alone."""
    threads = torch.get_num_threads()
    if job.device.type != "cpu":
        return Choice("torch", "bf16" if precision == "bf16" else "fp32", threads)
    return Choice(
        "torch",
        _precisions(job, precision)[-1],
        threads if 3 * job.macs * batch >= SHARED_STEP else 1,
        _lot(job, batch),
        max(_sides(job, batch)),
    )


def rebuilt(job: Job, choice: Choice) -> Trainer:
    """An engine for what was chosen before, to predict with; PyTorch where native code cannot be had any more."""
    try:
        return _made(job, choice)
    except Unavailable:
        return job.torch(replace(choice, engine="torch"), long=False)


def _native(job: Job, batch: int) -> Prepared:
    """What was asked for, or PyTorch and the reason."""
    choice, why = by_blocks(batch), _unsupported(job, batch)
    try:
        if not why:
            return Prepared(_made(job, choice), choice)
    except Unavailable as error:
        why = str(error)
    return instead(job, batch, why)


def instead(job: Job, batch: int, why: str) -> Prepared:
    """PyTorch in place of native code, which cannot be had for a reason."""
    plain = replace(by_rule(job, "fp32", batch), why=why)
    return Prepared(job.torch(plain), plain, f"trained by PyTorch, not by the native engine: {why}")


def _unsupported(job: Job, batch: int) -> str:
    """Why a job cannot be native code; "" where it can."""
    if job.net is None:
        return "it is a module of your own"
    return unsupported(job.net, job.image, job.outputs, batch)


def _made(job: Job, choice: Choice) -> Trainer:
    return job.native(choice.threads) if choice.engine == "native" else job.torch(choice)


def _fastest(job: Job, precision: Precision, batch: int, why: str) -> Prepared:
    """The fastest engine, as it was chosen before or now; without native code where there is a reason why not.

    Raises:
        Unavailable: there is another.
    """
    assert job.net is not None
    ways = _ways(job, precision, batch, why)
    if job.net.count(job.image, job.outputs).trained > LARGEST_TIMED:
        ways = [by_rule(job, precision, batch)]
    if len(ways) == 1:
        return Prepared(_made(job, ways[0]), ways[0])
    key = _key(job, precision, batch, why)
    if (known := recall(key)) is not None:
        return Prepared(_made(job, known), known)
    engines = {way.details: _made(job, way) for way in ways}
    timed = seconds_per_image(engines, job.image, job.outputs, _timed_batch(job, batch))
    del engines
    choice = min(ways, key=lambda way: timed.seconds[way.details])
    if timed.busy and any(way.threads > 1 for way in ways):  # one thread is slowed like any other
        return Prepared(_made(job, choice), choice, BUSY)
    choice = remember(key, choice, {name: round(1e6 * value, 3) for name, value in timed.seconds.items()})
    return Prepared(_made(job, choice), choice)


def _ways(job: Job, precision: Precision, batch: int, why: str) -> list[Choice]:
    """What is worth a try."""
    threads, work = torch.get_num_threads(), 3 * job.macs * batch
    counts = {threads} if work >= SHARED_STEP * NEAR else {1} if work < SHARED_STEP / NEAR else {1, threads}
    ways = [
        Choice("torch", chosen, count, _lot(job, batch), sides, why)
        for chosen in _precisions(job, precision)
        for count in sorted(counts)
        for sides in _sides(job, batch)
    ]
    return ways if why else [by_blocks(batch), *ways]


def _sides(job: Job, batch: int) -> tuple[int, ...]:
    """In how many parts side by side a batch may pass: large steps in one for each thread, which need not wait for
    each other in every layer.
    """
    threads = torch.get_num_threads()
    large = 3 * job.macs * batch >= SHARED_STEP * NEAR and batch >= threads > 1
    return (1, threads) if large and job.device.type == "cpu" and job.passes_side_by_side else (1,)


def _precisions(job: Job, asked: Precision) -> tuple[Literal["fp32", "bf16"], ...]:
    """What may be tried, the likely best last: bf16 only where it was shown to do no harm, and to be worth it."""
    if asked != "auto":
        return (asked,)
    return ("fp32", "bf16") if job.net is not None and same_in_bf16(job.net) and has_bf16() else ("fp32",)


def _lot(job: Job, batch: int) -> int:
    """Images that pass at a time so that the largest layer stays in the cache: a power of two; 0 for all.

    What lots save is mostly the kernel's work on fresh memory. Where freed memory is kept they gain nothing: hotdog's
    net took 388 images a second as a whole and 379 in lots, 705 and 587 in bf16.
    """
    if keep_memory() or not job.passes_apart or 4 * job.per_image * batch <= last_cache():
        return 0
    fit = 1 << max(0, (last_cache() // (4 * job.largest)).bit_length() - 1)
    return fit if fit < batch else 0


def _timed_batch(job: Job, batch: int) -> int:
    """How many images a step is timed with."""
    return min(batch, max(TIMED_IMAGES, 2 * _lot(job, batch), TIMED_STEP // max(1, 3 * job.macs)))


def _step_seconds(job: Job, batch: int) -> float:
    """Roughly, with PyTorch."""
    return SECONDS_PER_STEP + batch * image_seconds(job.macs, job.per_image)


def _key(job: Job, precision: Precision, batch: int, why: str) -> dict[str, Any]:
    """What a choice holds for."""
    assert job.net is not None
    return {
        "net": job.net.text,
        "image": job.image,
        "outputs": job.outputs,
        "batch": batch,
        "precision": precision,
        "without native code": why,
        "threads": torch.get_num_threads(),
        "cpu": hardware()["cpu"],
        "versions": {"secondlook": version("secondlook"), "torch": torch.__version__},
        "memory kept": keep_memory(),
    }
