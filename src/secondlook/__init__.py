"""secondlook: take a second look at your image classifier.

The map. A module imports only what stands above it here; a test reads this text and enforces it.
Two exceptions, both lazy: this file (the public names), and the result types' ``.plot()`` and
``.report()``, which call ``show``.

    errors        one base error; one subclass per kind of failure
    seeds         every random stream from (seed, purpose); no global random state anywhere
    types         the result types, frozen, with shapes: ImageSet Split Predictions Score History Row Run Finding Audit
    measure       what the numbers are: scores, intervals, pairs, calibration; pure functions on arrays
    runs          what is kept: the run directory (manifest last); jobs in fresh children with real limits
    data          what we look at: readers (one file per format), measurements, the split, the slash generator
    models        what learns: nets as one line of text, engines, the training loop, the ladder
    judge         what is true: findings with stable codes, one registry; doubtful labels
    show          what you see: plots, the report, the audit's page, the terminal
    verbs         what you can ask: audit, compare, mistakes, study, suspects, make, reproduce (one file each)
    cli           one command per verb; no logic
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secondlook.errors import SecondlookError as SecondlookError
    from secondlook.types import Audit as Audit
    from secondlook.types import Fault as Fault
    from secondlook.types import Finding as Finding
    from secondlook.types import History as History
    from secondlook.types import ImageSet as ImageSet
    from secondlook.types import Mistakes as Mistakes
    from secondlook.types import OperatingPoint as OperatingPoint
    from secondlook.types import Pair as Pair
    from secondlook.types import Pairs as Pairs
    from secondlook.types import Predictions as Predictions
    from secondlook.types import Reproduction as Reproduction
    from secondlook.types import Row as Row
    from secondlook.types import Run as Run
    from secondlook.types import Score as Score
    from secondlook.types import Scores as Scores
    from secondlook.types import Split as Split
    from secondlook.types import Study as Study
    from secondlook.types import Suspects as Suspects

__version__ = "0.1.0"

# Each public name and the module that defines it. Loaded on first use, so that importing the package stays quick.
_PUBLIC = {
    "audit": "secondlook.verbs.audit",
    "compare": "secondlook.verbs.compare",
    "mistakes": "secondlook.verbs.mistakes",
    "continue_run": "secondlook.verbs.continuing",
    "suspects": "secondlook.verbs.suspects",
    "study": "secondlook.verbs.study",
    "load_study": "secondlook.verbs.study_files",
    "reproduce": "secondlook.verbs.reproduce",
    "load_reproduction": "secondlook.verbs.reproduce",
    "make_slash": "secondlook.data.slash",
    "read": "secondlook.data.read",
    "load_run": "secondlook.runs.load",
    "NetClassifier": "secondlook.models.net_classifier",
    "ImageSet": "secondlook.types",
    "Split": "secondlook.types",
    "Mistakes": "secondlook.types",
    "OperatingPoint": "secondlook.types",
    "Predictions": "secondlook.types",
    "Score": "secondlook.types",
    "Scores": "secondlook.types",
    "Pair": "secondlook.types",
    "Pairs": "secondlook.types",
    "Audit": "secondlook.types",
    "Fault": "secondlook.types",
    "Finding": "secondlook.types",
    "History": "secondlook.types",
    "Reproduction": "secondlook.types",
    "Row": "secondlook.types",
    "Run": "secondlook.types",
    "Study": "secondlook.types",
    "Suspects": "secondlook.types",
    "SecondlookError": "secondlook.errors",
}

__all__ = [*_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'secondlook' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
