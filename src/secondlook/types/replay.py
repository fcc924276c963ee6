"""What decisions on labels did to a comparison: the same models, fitted on the labels as given and as decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Change:
    """One model before and after, judged on the same test items by the labels given.

    Attributes:
        n: test items.
        before, after: test accuracy of the model fitted on the labels as given, and as decided; low and high: the 95 %
            Wilson intervals.
        before_balanced, after_balanced: balanced accuracy.
        difference: after less before. difference_low, difference_high: its paired 95 % interval. p: how often two
            equally good models would differ at least so much; not corrected for the number of models.
    """

    model: str
    n: int
    before: float
    before_low: float
    before_high: float
    after: float
    after_low: float
    after_high: float
    before_balanced: float
    after_balanced: float
    difference: float
    difference_low: float
    difference_high: float
    p: float


@dataclass(frozen=True)
class Replay:
    """Decisions that a comparison was made with.

    Attributes:
        file: where they were read from. fingerprint: 16 hex digits of what they say of these images.
        changed, excluded, kept: items of train and valid whose label was changed, that were left out, whose label was
            looked at and stands.
        test: items of the test part that have decisions, which do not count there. elsewhere: items in no part.
        given: the run in which the models were fitted on the labels as given.
        data: the fingerprint of the images with the labels as given.
        changes: one per model that finished both times, in the order of the rows.
    """

    file: str
    fingerprint: str
    changed: Mapping[str, int]
    excluded: Mapping[str, int]
    kept: Mapping[str, int]
    test: int
    elsewhere: int
    given: str
    data: str
    changes: tuple[Change, ...] = ()

    def frame(self) -> pd.DataFrame:
        """One line per model, the fields of `Change`."""
        import pandas as pd

        names = [f.name for f in fields(Change)]
        return pd.DataFrame([[getattr(change, name) for name in names] for change in self.changes], columns=names)

    def json(self) -> dict[str, Any]:
        """A plain dictionary."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**values, "changes": [{f.name: getattr(c, f.name) for f in fields(c)} for c in self.changes]}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Replay:
        """What `json` gave, read again."""
        changes = tuple(Change(**change) for change in document["changes"])
        return cls(**{**document, "changes": changes})
