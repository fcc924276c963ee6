"""The result types: frozen, holding data only. `.frame()` tabulates, `.plot(ax)` draws; nothing is recomputed."""

from __future__ import annotations

from secondlook.types.arrays import PARTS, FloatArray, IntArray, Part, Status
from secondlook.types.audit import Audit
from secondlook.types.finding import SEVERITIES, Finding, Item, Severity
from secondlook.types.folds import Folds
from secondlook.types.history import Epoch, History
from secondlook.types.images import ImageSet, Split
from secondlook.types.predictions import Predictions, Score
from secondlook.types.run import Row, Run, Thumbnails
from secondlook.types.sources import Fault, FaultKind, Origins

__all__ = [
    "PARTS",
    "SEVERITIES",
    "Audit",
    "Epoch",
    "Fault",
    "FaultKind",
    "Finding",
    "FloatArray",
    "Folds",
    "History",
    "ImageSet",
    "IntArray",
    "Item",
    "Origins",
    "Part",
    "Predictions",
    "Row",
    "Run",
    "Score",
    "Severity",
    "Split",
    "Status",
    "Thumbnails",
]
