"""Nets compiled from their text: C++ for one net, its image size and its outputs, sixteen images at a time.

`program` turns a net into operations, `source` writes them as C++ over the kernels of the headers here, `build` has the
system's compiler make a library of it, `initial` draws the numbers that it starts from, and `engine` trains with that
library. None of it imports PyTorch.
"""

from __future__ import annotations

from secondlook.models.engines.native.build import Unavailable
from secondlook.models.engines.native.engine import NativeEngine, unsupported

__all__ = ["NativeEngine", "Unavailable", "unsupported"]
