"""Made answers for the tests of scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st


@st.composite
def answers(draw: Any) -> tuple[Any, Any]:
    """Labels (n,) and probabilities (n, k), some classes absent; some of the probabilities are rounded, so that they
    tie."""
    k, n, seed = draw(st.integers(2, 6)), draw(st.integers(1, 40)), draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    sharp = draw(st.sampled_from([0.1, 1.0, 10.0]))
    said = rng.dirichlet(np.full(k, sharp), n)
    if draw(st.booleans()):
        said = np.round(said, 1) + 1e-3
    return rng.integers(0, k, n), (said / said.sum(1, keepdims=True))


def made(n: int, k: int, sharp: float = 2.0, seed: int = 0) -> tuple[Any, Any]:
    """Labels (n,) and probabilities float32 (n, k) of a model that is fairly good."""
    rng = np.random.default_rng(seed)
    labels, logits = rng.integers(0, k, n), rng.normal(size=(n, k))
    logits[np.arange(n), labels] += sharp
    said = np.exp(logits)
    return labels, (said / said.sum(axis=1, keepdims=True)).astype(np.float32)
