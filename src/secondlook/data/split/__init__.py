"""Which images train, which choose, which judge: one split, or folds of small sets."""

from __future__ import annotations

from secondlook.data.split.kfold import folds as folds
from secondlook.data.split.parts import part_sizes as part_sizes
from secondlook.data.split.parts import split as split
from secondlook.data.split.tiny import without_tiny_classes as without_tiny_classes
