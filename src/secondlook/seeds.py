"""Every random stream comes from one seed and a purpose; there is no global random state anywhere.

``stream(0, "split")`` is a NumPy generator that depends on the seed and on the words alone. Two purposes never
share a stream, so drawing more of one (another model, another bootstrap) leaves the others as they were.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def _entropy(seed: int, purpose: tuple[str | int, ...]) -> list[int]:
    text = "\x1f".join(str(word) for word in purpose)
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return [seed, *(int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4))]


def stream(seed: int, *purpose: str | int) -> np.random.Generator:
    """A NumPy generator for one purpose, e.g. ``stream(0, "order", "lenet")``.

    Args:
        seed: the run's seed, 0 or more.
        purpose: words or numbers that name what the numbers are for.
    """
    import numpy as np

    return np.random.default_rng(np.random.SeedSequence(_entropy(seed, purpose)))


def integer(seed: int, *purpose: str | int) -> int:
    """A seed in [0, 2**31) for libraries that take an integer (`random_state`, ``torch.Generator``)."""
    return int(stream(seed, *purpose).integers(2**31))
