"""The result types: frozen, holding data only. `.frame()` tabulates, `.plot(ax)` draws; nothing is recomputed."""

from __future__ import annotations

from secondlook.types.arrays import PARTS, FloatArray, IntArray, Part, Status
from secondlook.types.history import Epoch, History
from secondlook.types.images import ImageSet, Split
from secondlook.types.predictions import Predictions, Score
from secondlook.types.run import Row, Run, Thumbnails

__all__ = [
    "PARTS",
    "Epoch",
    "FloatArray",
    "History",
    "ImageSet",
    "IntArray",
    "Part",
    "Predictions",
    "Row",
    "Run",
    "Score",
    "Split",
    "Status",
    "Thumbnails",
]
