"""Images shared by the tests of the models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

Part = tuple[NDArray[Any], NDArray[Any]]


@pytest.fixture(scope="module")
def digits() -> tuple[Part, Part, Part]:
    """Real digits, 8x8, as bytes: 900 to train, 300 to validate, 597 to test."""
    images, y = load_digits(return_X_y=True)
    X = (images.reshape(-1, 8, 8, 1) * 15.9).astype(np.uint8)
    order = np.random.default_rng(0).permutation(len(X))
    return tuple((X[part], y[part]) for part in np.split(order, [900, 1200]))  # type: ignore[return-value]
