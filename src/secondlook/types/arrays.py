"""The words for arrays and parts that every room uses."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Part = Literal["train", "valid", "test"]
PARTS: tuple[Part, ...] = ("train", "valid", "test")
Status = Literal["ok", "failed", "timeout", "skipped"]
IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
