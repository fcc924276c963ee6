"""The result types: frozen, holding data only. `.frame()` tabulates, `.plot(ax)` draws; nothing is recomputed."""

from __future__ import annotations

from secondlook.types.arrays import PARTS, FloatArray, IntArray, Part, Status
from secondlook.types.audit import Audit
from secondlook.types.estimate import Estimate
from secondlook.types.finding import SEVERITIES, Finding, Item, Severity
from secondlook.types.folds import Folds
from secondlook.types.history import Epoch, History, Seam
from secondlook.types.images import ImageSet, Split
from secondlook.types.label_safety import LabelSafety, Moved, Trial, TrialVerdict
from secondlook.types.law import Coefficient, HeldOut, Line, Needed, PowerLaw
from secondlook.types.mistakes import ALL_MODELS, Mistakes, Nearest
from secondlook.types.operating import OperatingPoint, Threshold
from secondlook.types.pair import Pair, Pairs, Verdict
from secondlook.types.predictions import Predictions, Score
from secondlook.types.probes import Probe, Probes
from secondlook.types.replay import Change, Replay
from secondlook.types.reproduction import Claim, Figure, FigureTable, Holds, Reproduced, Reproduction
from secondlook.types.rounds import Round
from secondlook.types.run import Row, Run, Thumbnails
from secondlook.types.scores import Scores
from secondlook.types.sources import Fault, FaultKind, Origins
from secondlook.types.study import KINDS, Cell, Kind, ModelLaws, Study
from secondlook.types.suspects import ClassDoubt, Suspects

__all__ = [
    "ALL_MODELS",
    "KINDS",
    "PARTS",
    "SEVERITIES",
    "Audit",
    "Cell",
    "Change",
    "Claim",
    "ClassDoubt",
    "Coefficient",
    "Epoch",
    "Estimate",
    "Fault",
    "FaultKind",
    "Figure",
    "FigureTable",
    "Finding",
    "FloatArray",
    "Folds",
    "HeldOut",
    "History",
    "Holds",
    "ImageSet",
    "IntArray",
    "Item",
    "Kind",
    "LabelSafety",
    "Line",
    "Mistakes",
    "ModelLaws",
    "Moved",
    "Nearest",
    "Needed",
    "OperatingPoint",
    "Origins",
    "Pair",
    "Pairs",
    "Part",
    "PowerLaw",
    "Predictions",
    "Probe",
    "Probes",
    "Replay",
    "Reproduced",
    "Reproduction",
    "Round",
    "Row",
    "Run",
    "Score",
    "Scores",
    "Seam",
    "Severity",
    "Split",
    "Status",
    "Study",
    "Suspects",
    "Threshold",
    "Thumbnails",
    "Trial",
    "TrialVerdict",
    "Verdict",
]
