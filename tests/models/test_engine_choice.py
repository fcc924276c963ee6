"""Which engine trains a net: asked for, timed, remembered, said."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from secondlook.errors import UsageError
from secondlook.models.engines import Examples, Optimiser, choosing
from secondlook.models.engines.choice import Choice, check
from secondlook.models.engines.choosing import device_for, make, prepare, rebuilt
from secondlook.models.engines.job import Job, job_of, own_job
from secondlook.models.engines.native import Unavailable
from secondlook.models.engines.remembered import recall, remember
from secondlook.models.engines.timing import Timed, seconds_per_image
from secondlook.models.engines.torch_engine import TorchEngine
from secondlook.models.ladder import NETS, same_in_bf16
from secondlook.models.net import parse
from secondlook.runs.machine import cores, waited

LENET = next(entry.net for entry in NETS if entry.name == "lenet")
WIDE = next(entry.net for entry in NETS if entry.name == "cnn-wide")


def job(text: str = LENET, image: tuple[int, int, int] = (28, 28, 1)) -> Job:
    c = image[2]
    return job_of(
        parse(text), image, 10, seed=1, mean=np.full(c, 99.0), scale=np.full(c, 50.0), optimiser=Optimiser(),
        device=torch.device("cpu"),
    )  # fmt: skip


class Native(TorchEngine):
    """Stands for the native engine: told apart by its kind."""


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> None:
    """Native code without a compiler."""

    def fake(self: Job, threads: int) -> TorchEngine:
        made = self.torch(Choice(threads=threads))
        made.__class__ = Native
        return made

    monkeypatch.setattr(Job, "native", fake)


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Job, threads: int) -> TorchEngine:
        raise Unavailable("no C++ compiler was found")

    monkeypatch.setattr(Job, "native", fail)


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, float]]:
    """What timing finds: by the start of a way's words, 1 where none is given. "calls" counts; "busy" is 0 or 1."""
    known: dict[str, float] = {"calls": 0, "busy": 0}

    def fake(engines: Any, image: Any, k: int, batch: int) -> Timed:
        known["calls"] += 1
        found = {name: next((v for word, v in known.items() if name.startswith(word)), 1.0) for name in engines}
        return Timed(found, bool(known["busy"]))

    monkeypatch.setattr(choosing, "seconds_per_image", fake)
    return known  # type: ignore[return-value]


@pytest.mark.parametrize(("fast", "words"), [("native", "native fp32"), ("PyTorch", "PyTorch fp32")])
def test_auto_takes_the_fastest(native: None, times: Any, fast: str, words: str) -> None:
    times[fast] = 0.1
    made = prepare(job(), batch=64)
    assert made.choice.words == words
    assert isinstance(made.engine, Native) == (fast == "native")
    assert made.note == ""


def test_a_choice_is_remembered_though_times_change(native: None, times: Any) -> None:
    times["native"] = 0.1
    first = prepare(job(), batch=64).choice
    times["native"] = 9.0
    assert prepare(job(), batch=64).choice == first
    assert times["calls"] == 1
    prepare(job(), batch=32)
    prepare(job(image=(30, 28, 1)), batch=64)
    prepare(job(LENET + ", dropout 0.5"), batch=64)
    assert times["calls"] == 4, "another batch, image or net is another choice"


def test_a_choice_made_on_a_busy_machine_is_not_remembered(
    native: None, times: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    times |= {"native": 0.1, "busy": 1}
    made = prepare(job(), batch=64)
    assert made.choice.engine == "native"
    assert made.note.startswith("other processes were at work while the engine was chosen")
    times |= {"native": 9.0, "busy": 0}
    assert prepare(job(), batch=64).choice.engine == "torch"
    assert times["calls"] == 2


def test_one_thread_is_slowed_like_any_other_and_its_choice_is_remembered(
    native: None, times: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    times |= {"native": 0.1, "busy": 1}
    assert prepare(job(), batch=64).note == ""
    prepare(job(), batch=64)
    assert times["calls"] == 1


def test_the_engine_that_was_chosen_is_fresh(times: Any) -> None:
    """The steps that were timed are not steps of the training."""
    engine = prepare(job(), precision="bf16", batch=8).engine
    for name, array in job().module().state_dict().items():
        np.testing.assert_array_equal(engine.weights()[name], array.numpy(), name)


@pytest.mark.parametrize("engine", ["auto", "native"])
def test_without_a_compiler_pytorch_trains_and_it_is_said(no_compiler: None, times: Any, engine: Any) -> None:
    made = prepare(job(), engine=engine, batch=64)
    assert made.choice.words == "PyTorch fp32"
    assert made.choice.details.endswith("no native code: no C++ compiler was found")
    asked = "trained by PyTorch, not by the native engine: no C++ compiler was found"
    assert made.note == (asked if engine == "native" else "")


@pytest.mark.parametrize("engine", ["auto", "native"])
def test_a_net_that_is_no_native_code_is_trained_by_pytorch(
    monkeypatch: pytest.MonkeyPatch, times: Any, engine: Any
) -> None:
    monkeypatch.setattr(choosing, "unsupported", lambda net, image, outputs, batch: "it is too odd")
    made = prepare(job(), engine=engine, batch=64)
    assert made.choice.why == "it is too odd"
    assert made.note == ("trained by PyTorch, not by the native engine: it is too odd" if engine == "native" else "")


def test_what_is_asked_for_is_not_timed(native: None, times: Any) -> None:
    assert prepare(job(), engine="native", batch=64).choice.words == "native fp32"
    assert prepare(job(), engine="torch", batch=64).choice == Choice("torch", threads=torch.get_num_threads())
    assert times["calls"] == 0


def test_short_trainings_and_tight_limits_get_pytorch_at_once(native: None, times: Any) -> None:
    assert prepare(job(), batch=32, steps=100).choice.engine == "torch"
    assert prepare(job(), batch=32, seconds=20).choice.engine == "torch"
    assert prepare(job(), engine="native", batch=32, steps=100).choice.engine == "native", "asked is asked"
    assert times["calls"] == 0
    prepare(job(), batch=32, steps=100_000, seconds=1e9)
    assert times["calls"] == 1


def test_bf16_is_tried_where_it_does_no_harm_and_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, native: None, times: Any
) -> None:
    times["PyTorch bf16"] = 0.1
    wide = job(WIDE, (120, 120, 3))
    monkeypatch.setattr(choosing, "has_bf16", lambda: True)
    assert prepare(wide, precision="auto", batch=100).choice.precision == "bf16"
    assert prepare(wide, precision="fp32", batch=100).choice.precision == "fp32"
    assert prepare(wide, engine="torch", batch=100).choice.precision == "bf16"
    assert prepare(wide, engine="torch", batch=100, steps=1).choice.precision == "fp32", "quickly done"
    assert prepare(job(), batch=100).choice.precision == "fp32"
    assert prepare(job(), precision="bf16", batch=100).choice.words == "PyTorch bf16", "asked is asked"
    monkeypatch.setattr(choosing, "has_bf16", lambda: False)
    assert prepare(wide, engine="torch", batch=100).choice.precision == "fp32"


def test_the_nets_that_may_be_bf16_are_those_of_the_bench() -> None:
    assert [entry.name for entry in NETS if same_in_bf16(parse(entry.net))] == ["convnet", "cnn-wide"]


def test_large_batches_pass_side_by_side_where_no_layer_minds(monkeypatch: pytest.MonkeyPatch) -> None:
    def sides(text: str, image: tuple[int, int, int], batch: int) -> set[int]:
        asked = job(text, image)
        ways = choosing._ways(asked, "fp32", batch, "no compiler")
        assert choosing.by_rule(asked, "fp32", batch).sides == max(way.sides for way in ways)
        return {way.sides for way in ways}

    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert sides(WIDE, (120, 120, 3), 100) == {1, 2}
    assert sides(WIDE, (120, 120, 3), 1) == {1}
    assert sides(LENET, (28, 28, 1), 64) == {1}, "a small step"
    assert sides(WIDE.replace("relu", "bn, relu", 1), (120, 120, 3), 100) == {1}, "batch norm looks at all of it"
    assert sides(WIDE + ", dropout 0.5", (120, 120, 3), 100) == {1}, "dropout draws in turn"
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert sides(WIDE, (120, 120, 3), 100) == {1}


def test_images_pass_apart_where_memory_is_given_back_and_a_batch_does_not_fit_the_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lots(text: str, image: tuple[int, int, int], batch: int) -> set[int]:
        asked = job(text, image)
        ways = choosing._ways(asked, "fp32", batch, "no compiler")
        return {way.micro for way in (*ways, choosing.by_rule(asked, "fp32", batch))}

    monkeypatch.setattr(choosing, "last_cache", lambda: 32 << 20)
    monkeypatch.setattr(choosing, "keep_memory", lambda: False)
    # The largest layer has 32 x 118 x 118 numbers, 1.8 MB: 18 of them fit, and 16 is a power of two.
    assert lots(WIDE, (120, 120, 3), 100) == {16}
    assert lots(LENET, (28, 28, 1), 64) == {0}, "all of it fits"
    assert lots(WIDE.replace("relu", "bn, relu", 1), (120, 120, 3), 100) == {0}, "batch norm looks at the whole batch"
    monkeypatch.setattr(choosing, "keep_memory", lambda: True)
    assert lots(WIDE, (120, 120, 3), 100) == {0}


@pytest.mark.parametrize(("batch", "threads"), [(1, {1}), (64, {1, 2}), (6_000, {2})])
def test_a_second_thread_is_for_steps_that_are_large_enough(
    monkeypatch: pytest.MonkeyPatch, batch: int, threads: set[int]
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert {way.threads for way in choosing._ways(job(), "fp32", batch, "no compiler")} == threads


def test_a_users_own_module_is_pytorchs() -> None:
    def factory(image: tuple[int, int, int], outputs: int) -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(image[0] * image[1], outputs))

    own, count = own_job(
        factory, (4, 4, 1), 2, seed=0, mean=np.zeros(1), scale=np.ones(1), optimiser=Optimiser(),
        device=torch.device("cpu"),
    )  # fmt: skip
    assert (count.trained, own.macs) == (34, 32)
    assert prepare(own, batch=8).note == ""
    made = prepare(own, engine="native", batch=8)
    assert made.choice.words == "PyTorch fp32"
    assert made.note == "trained by PyTorch, not by the native engine: it is a module of your own"


def test_an_engine_is_rebuilt_as_it_was_and_by_pytorch_where_native_code_is_gone(
    monkeypatch: pytest.MonkeyPatch, native: None
) -> None:
    assert isinstance(rebuilt(job(), Choice("native")), Native)

    def fail(self: Job, threads: int) -> TorchEngine:
        raise Unavailable("no C++ compiler was found")

    monkeypatch.setattr(Job, "native", fail)
    assert type(rebuilt(job(), Choice("native"))) is TorchEngine


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_make_gives_an_engine_that_trains(precision: Any) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (40, 28, 28, 1), dtype=np.uint8), np.arange(40) % 10
    made = make(
        parse(LENET), (28, 28, 1), 10, engine="torch", precision=precision, seed=0, mean=np.full(1, 127.0),
        scale=np.full(1, 70.0), optimiser=Optimiser(), batch=20,
    )  # fmt: skip
    made.load("train", Examples(X, y))
    before = made.evaluate("train").loss
    made.steps(np.tile(np.arange(40), 15), 20, np.full(30, 3e-3))
    assert made.evaluate("train").loss < before / 2


@pytest.mark.parametrize("text", ["dense 1000000000", "dense 65536, dense 65536", "conv 60000 3x3, conv 60000 3x3"])
def test_a_net_of_a_billion_units_is_refused_before_anything_is_made(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*arguments: Any, **more: Any) -> Any:
        raise AssertionError("something was made")

    for name in ("torch", "native"):
        monkeypatch.setattr(Job, name, never)
    with pytest.raises(UsageError, match=r"between 1 and 65,536|at most 500,000,000 trained numbers"):
        make(parse(text), (28, 28, 1), 10, seed=0, mean=np.zeros(1), scale=np.ones(1), optimiser=Optimiser(), batch=32)


def test_what_no_engine_does_is_refused() -> None:
    with pytest.raises(UsageError, match="expected --engine to be one of auto, torch, native, got 'jax'"):
        check("jax", "auto")
    with pytest.raises(UsageError, match="expected --precision to be one of auto, fp32, bf16, got 'fp8'"):
        check("auto", "fp8")
    with pytest.raises(UsageError, match="--engine native without --precision bf16, since the native engine computes"):
        prepare(job(), engine="native", precision="bf16", batch=8)


def test_native_code_is_for_the_cpu_alone() -> None:
    with pytest.raises(UsageError, match=r"expected --engine native on the CPU, .*, got the device 'cuda'"):
        device_for("cuda", "native")
    assert device_for("auto", "native").type == "cpu"


def test_a_choice_says_what_it_is() -> None:
    assert Choice("torch", "bf16", 2, 16).details == "PyTorch bf16, 2 threads, 16 images at a time"
    assert Choice("torch", "fp32", 2, sides=2).details == "PyTorch fp32, 2 threads, a batch in 2 parts side by side"
    assert Choice("native").details == "native fp32, 1 thread"


KEY = {"net": "dense 3", "image": (2, 2, 1)}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": 1}', '{"key": {"net": "dense 3"}, "choice": {}}'])
def test_a_damaged_file_is_forgotten_and_written_anew(content: str, cache_of_the_test: Path) -> None:
    assert remember(KEY, Choice("native", threads=2), {"native": 1.5}) == Choice("native", threads=2)
    (file,) = cache_of_the_test.glob("engines-1/*.json")
    file.write_text(content)
    assert recall(KEY) is None
    assert remember(KEY, Choice("torch"), {}) == Choice("torch")
    assert recall(KEY) == Choice("torch")
    assert list(cache_of_the_test.glob("engines-1/*")) == [file]


@pytest.mark.parametrize(
    "wrong",
    [
        {"engine": "jax"},
        {"precision": "fp8"},
        {"threads": 0},
        {"threads": True},
        {"micro": -1},
        {"sides": 0},
        {"why": None},
    ],
)
def test_what_is_no_choice_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected a choice of an engine, got"):
        Choice.from_json({**asdict(Choice()), **wrong})
    assert Choice.from_json(asdict(Choice())) == Choice()


def test_the_first_to_write_is_right(cache_of_the_test: Path) -> None:
    assert remember(KEY, Choice("native"), {"native": 1.5}) == Choice("native")
    assert remember(KEY, Choice("torch"), {}) == Choice("native")
    (file,) = cache_of_the_test.glob("engines-1/*.json")
    assert json.loads(file.read_text())["microseconds_per_image"] == {"native": 1.5}


def test_where_the_cache_cannot_be_written_nothing_is_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SECONDLOOK_CACHE", str(tmp_path / "file"))
    assert remember(KEY, Choice("native"), {}) == Choice("native")
    assert recall(KEY) is None


class Slow:
    """An engine whose steps take as long as it is told, by a clock of its own."""

    def __init__(self, clock: list[float], seconds: float, first: float) -> None:
        self.clock, self.seconds, self.first, self.taken = clock, seconds, first, 0

    def load(self, part: Any, examples: Examples) -> None:
        assert (part, examples.pixels.shape) == ("train", (16, 4, 4, 3))

    def steps(self, order: Any, batch: int, rates: Any) -> None:
        assert len(order) == batch * len(rates)
        assert not rates.any()
        self.clock[0] += self.first + self.seconds * len(rates)
        self.first, self.taken = 0.0, self.taken + len(rates)


def test_timing_leaves_the_first_step_out_and_drops_what_is_far_slower(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("secondlook.models.engines.timing.perf_counter", lambda: clock[0])
    fast, near, far = (Slow(clock, seconds, 0.05) for seconds in (1e-3, 1.2e-3, 3e-3))
    found = seconds_per_image({"fast": fast, "near": near, "far": far}, (4, 4, 3), 2, 8)  # type: ignore[dict-item]
    expected = {"fast": pytest.approx(1e-3 / 8), "near": pytest.approx(1.2e-3 / 8), "far": pytest.approx(3e-3 / 8)}
    assert found.seconds == expected
    assert far.taken == 2, "warmed, measured, and out"
    assert fast.taken > 20
    slow = Slow(clock, 5.0, 0.0)
    seconds_per_image({"slow": slow, "far": far}, (4, 4, 3), 2, 8)  # type: ignore[dict-item]
    assert slow.taken == 1, "one step of five seconds says enough"


def test_threads_that_wait_for_a_core_make_a_machine_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    waits, clock = iter([0.0, 0.2, 1.0, 1.4]), [0.0]
    monkeypatch.setattr("secondlook.models.engines.timing.perf_counter", lambda: clock[0])
    monkeypatch.setattr("secondlook.models.engines.timing.waited", lambda: next(waits))
    for busy in (False, True):  # 0.2 s and 0.4 s of one second
        slow = Slow(clock, 1.0, 0.0)
        assert seconds_per_image({"slow": slow}, (4, 4, 3), 2, 8).busy is busy  # type: ignore[dict-item]


@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="needs a kernel that counts waiting")
def test_waiting_is_counted_where_more_threads_compute_than_there_are_cores() -> None:
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * cores())]
    try:
        before, ends = waited(), time.monotonic() + 10
        while waited() - before < 0.1:
            assert time.monotonic() < ends, "no waiting was counted"
    finally:
        for other in others:
            other.kill()
            other.wait()
