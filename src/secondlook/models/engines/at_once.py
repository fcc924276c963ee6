"""The native engine where it was asked for by name: nothing is timed, and PyTorch need not be imported."""

from __future__ import annotations

import os
import sys
from math import ceil
from typing import Any, NamedTuple

from secondlook.models.engines import Optimiser
from secondlook.models.engines.allocator import keep_memory
from secondlook.models.engines.choice import Choice
from secondlook.models.engines.native import NativeEngine, Unavailable, unsupported
from secondlook.models.net import Net
from secondlook.types import FloatArray

# Images of a block of native code.
BLOCK = 16


class Compiled(NamedTuple):
    """A fresh engine, or None and the reason in a few words; and what was chosen."""

    engine: NativeEngine | None
    choice: Choice
    why: str = ""


def threads() -> int:
    """How many PyTorch uses in this process; where the environment says it, PyTorch is not asked."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if "torch" not in sys.modules and asked.isdecimal() and int(asked):
        return int(asked)
    import torch

    return torch.get_num_threads()


def by_blocks(batch: int) -> Choice:
    """Native code, with no more threads than a batch has blocks: others would only be waited for."""
    return Choice("native", threads=min(threads(), ceil(batch / BLOCK)))


def compiled(
    net: Net, image: tuple[int, int, int], outputs: int, *, seed: int, mean: FloatArray, scale: FloatArray,
    optimiser: Optimiser, batch: int,
) -> Compiled:  # fmt: skip
    """The native engine of a net's text for images of (h, w, c), as `NativeEngine` takes them, on the CPU."""
    keep_memory()
    choice, why = by_blocks(batch), unsupported(net, image, outputs, batch)
    if why:
        return Compiled(None, choice, why)
    settings: dict[str, Any] = {"seed": seed, "mean": mean, "scale": scale, "optimiser": optimiser}
    try:
        return Compiled(NativeEngine(net, image, outputs, threads=choice.threads, **settings), choice)
    except Unavailable as error:
        return Compiled(None, choice, str(error))
