"""How the Quick, Draw! study trains its nets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from secondlook.types import Cell, Study
from secondlook.verbs.reproductions.setting import Setting

DENSE, CNN_1, CNN_2 = "mlp-small", "cnn-nopool", "cnn-small"
EPOCHS, QUICK_EPOCHS = 10, 4
# A fifth is tested on.
TEST = 0.2
SEEDS, GRID_SEEDS, SPLITS = 5, 3, 5
K = 10


def recipe(at: Setting) -> dict[str, Any]:
    """Adam at 1e-3 in batches of 64, all epochs."""
    return {
        "recipe": "batch=64,learning_rate=0.001,schedule=constant,patience=100,keep=last",
        "epochs": epochs(at),
        "test": TEST,
    }


def epochs(at: Setting) -> int:
    """How many."""
    return QUICK_EPOCHS if at.quick else EPOCHS


def draws(at: Setting) -> int:
    """Seeds of every cell."""
    return 2 if at.quick else SEEDS


def most(data: tuple[Any, Any]) -> int:
    """Drawings that every class has to train on."""
    return int(min(np.unique(data[1], return_counts=True)[1]) * (1 - TEST))


def of_value(found: Study, value: Any, remedy: str = "") -> Sequence[Cell]:
    """The cells with a value of what was varied, which differ by their seed alone."""
    return [cell for cell in found.of(CNN_2) if found.value(cell) == value and (cell.remedy or "") == remedy]
