"""Many jobs on a Ray cluster: the same calls as on this machine, the shared array put into its object store once.

Ray schedules, retries and moves data; here is only what joins it to `Workers`. A call is retried where its process or
its node dies, and every call ends once: what comes back twice is not looked at again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from time import perf_counter
from typing import Any

from numpy.typing import NDArray

from secondlook.errors import RunError, UsageError
from secondlook.runs.interrupts import Interrupts
from secondlook.runs.job import Outcome
from secondlook.runs.workers import Call, Teller

# Seconds between two looks at Ctrl-C while nothing ends.
_LOOK = 0.5
# A call whose process or node dies is begun anew so many times.
RETRIES = 5
MISSING = "expected Ray for --on {0}, but it is not installed; install it with: pip install 'secondlook[ray]'"


class RayWorkers:
    """Tasks of a Ray cluster, one core each; a context manager.

    Args:
        on: "ray" starts a cluster on this machine, "ray://HOST:PORT" joins one, "auto" the one that Ray finds
            (RAY_ADDRESS, or a cluster this machine belongs to).
        gpus: GPUs that each task asks for, a share of one as well.
        many: tasks of a cluster that is started here, at a time.

    Raises:
        UsageError: Ray is not installed. RunError: there is no such cluster.
    """

    def __init__(self, on: str, many: int, *, gpus: float = 0.0) -> None:
        try:
            ray: Any = import_module("ray")
        except ImportError:
            raise UsageError(MISSING.format(on)) from None
        self._ray, self._gpus = ray, gpus
        self._ours = not ray.is_initialized()
        if self._ours:
            self._join(on, many)
        self._cores = int(ray.cluster_resources().get("CPU", 1))

    def _join(self, on: str, many: int) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "include_dashboard": False, "logging_level": "ERROR"}
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            if on == "ray":
                self._ray.init(address="local", num_cpus=many, **quiet)
            else:
                quiet.pop("include_dashboard")
                self._ray.init(address="auto" if on == "auto" else on, **quiet)
        except Exception as error:  # Ray's own errors are of many kinds
            said = " ".join(str(error).split())[:200]
            raise RunError(
                f"cannot join the Ray cluster of --on {on} ({said}); start one (ray start --head), or give --on ray"
            ) from None

    def __enter__(self) -> RayWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            self._ray.shutdown()

    @property
    def several(self) -> str:
        return f"on a Ray cluster of {self._cores} core{'' if self._cores == 1 else 's'}"

    def run(
        self, calls: Sequence[Call], shared: NDArray[Any], tell: Teller, interrupts: Interrupts
    ) -> Iterator[tuple[Call, Outcome]]:
        """As `Workers.run`; events of jobs are not told, and their limits are Ray's to keep: none."""
        if not calls:
            return
        ray = self._ray
        task = ray.remote(num_cpus=1, num_gpus=self._gpus, max_retries=RETRIES)(_carried_out)
        kept = ray.put(shared)
        waiting, running = list(calls)[::-1], dict[Any, Call]()
        most = max(2, 2 * self._cores)  # so many handed in that no core waits, and few enough to stop soon
        while running or (waiting and not interrupts.count):
            while waiting and len(running) < most and not interrupts.count:
                call = waiting.pop()
                running[task.remote(kept, _packed(call))] = call
            if interrupts.count:
                for reference in running:
                    ray.cancel(reference, force=True)
                return
            done, _ = ray.wait(list(running), num_returns=1, timeout=_LOOK)
            for reference in done:
                yield running.pop(reference), self._outcome(reference)

    def _outcome(self, reference: Any) -> Outcome:
        try:
            found: Outcome = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            return Outcome("failed", reason=f"Ray: {' '.join(str(error).split())[:300]}")
        return found


def _packed(call: Call) -> bytes:
    """A call as it travels: with the caller's path, so that what its functions need is found where it is there."""
    import cloudpickle

    return bytes(cloudpickle.dumps((sys.path, cloudpickle.dumps((call.function, call.args)))))


def _carried_out(shared: NDArray[Any], packed: bytes) -> Outcome:
    """A call in a process of Ray's, on one thread as elsewhere."""
    import cloudpickle
    from threadpoolctl import threadpool_limits

    started = perf_counter()
    try:
        path, inner = cloudpickle.loads(packed)
        sys.path += [place for place in path if place not in sys.path]
        function, args = cloudpickle.loads(inner)
        import torch

        torch.set_num_threads(1)
        with threadpool_limits(1):
            value = function(shared, *args, lambda kind, data: None)
    except MemoryError:
        return Outcome("failed", reason="out of memory", seconds=perf_counter() - started)
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return Outcome("failed", reason=reason, seconds=perf_counter() - started)
    return Outcome("ok", value=value, seconds=perf_counter() - started)
