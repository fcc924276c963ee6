"""Which variations of the images leave their labels alone: what was tried, what it cost, what is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

# The file of a run that holds what was decided.
KEPT_AS = "augment.json"

TrialVerdict = Literal["kept", "refused", "undecided"]


@dataclass(frozen=True)
class Moved:
    """Images of one class that a net read rightly, and what it reads once they are varied.

    Attributes:
        given: their class.
        right: how many were read rightly as they were.
        lost: of these, how many are not any more.
        taken: the class that most of those are taken for ("" where none is lost), and `most`: how many.
    """

    given: str
    right: int
    lost: int
    taken: str
    most: int


@dataclass(frozen=True)
class Trial:
    """One variation, as the images' reader bears it.

    Attributes:
        augment: its text: "rotate=10".
        verdict: "kept" where no class can lose as much as is tolerated, "refused" where one does lose it,
            "undecided" where the images are too few to tell.
        loss: of the class that loses most: how much less the net tells it from the others, as a share; see
            `models.label_safety`. high: the upper end of its 95 % interval, for the class where that is highest.
        of: that class. n: images of it.
        moved: the classes of which most is lost, worst first, two at most.
    """

    augment: str
    verdict: TrialVerdict
    loss: float
    high: float
    of: str
    n: int
    moved: tuple[Moved, ...] = ()


@dataclass(frozen=True)
class LabelSafety:
    """What ``--augment auto`` decided, and on what grounds.

    Attributes:
        augment: what is used, as text; "" for nothing.
        problem: why nothing could be decided, in a sentence; "" where it could.
        trials: every variation that was tried, in order; the last ones are of several together.
        known: by class, how well the reader tells it from the others: the share of its images that are read as it,
            less the share of other images that are; -1 to 1.
        reader: the text of the nets that read. fits: how many were trained. folds: in how many they took turns to read
            all images but the test part's; 1 where all of them read the validation part together.
        judged: how many images were read. tolerance: the loss that is refused.
    """

    augment: str
    problem: str = ""
    trials: tuple[Trial, ...] = ()
    known: Mapping[str, float] | None = None
    reader: str = ""
    fits: int = 0
    folds: int = 1
    judged: int = 0
    tolerance: float = 0.0

    def json(self) -> dict[str, Any]:
        """A plain dictionary, as the run keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> LabelSafety:
        """What `json` gave."""
        trials = tuple(
            Trial(**{**trial, "moved": tuple(Moved(**moved) for moved in trial["moved"])}) for trial in said["trials"]
        )
        return cls(**{**said, "trials": trials})

    def frame(self) -> pd.DataFrame:
        """One line per trial: augment, verdict, loss, high, of, n."""
        import pandas as pd

        names = ["augment", "verdict", "loss", "high", "of", "n"]
        return pd.DataFrame([{name: getattr(trial, name) for name in names} for trial in self.trials], columns=names)
