"""Labels that may be wrong, the worst first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondlook.types.arrays import FloatArray, IntArray
from secondlook.types.run import Thumbnails

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class ClassDoubt:
    """One class: its number of labels, how many of them are estimated to be wrong, how many are suspected."""

    name: str
    n: int
    wrong: int
    suspected: int


@dataclass(frozen=True, eq=False)
class Suspects:
    """Every item of a set with the quality of its label, the worst first.

    Attributes:
        path: the table, or None where it was not written.
        data: {"source", "format", "n", "judged" (items with a quality), "classes", "shape", "fingerprint", "folds" (a
            number), "method" (how they came about), "models" (by name: "agrees", the share of judged items that it
            answers by the given label; "weight", "seconds", "peak_mb"), "agrees" and "kappa" (of all models together),
            "sees" (whether they do better than guessing; else nothing is estimated), "failed" (why a model is missing,
            by name), "notes" (what models did otherwise than asked, by name), "left_out" (what is not judged),
            "seed", "seconds"}.
        classes: one per class, in class order.
        items: int64 (n,), indices into the ImageSet.
        names, ids: as in the ImageSet.
        labels: int64 (n,), the given labels; -1 where there is none.
        suggested: int64 (n,), what the models answer; -1 where an item is not judged.
        quality: float64 (n,), 0 worst .. 1 best; NaN where an item is not judged.
        suspected: bool (n,).
        reasons: "", "models", "copies" or "models and copies", why an item is suspected.
        thumbnails: small images of the worst that are suspected.
    """

    path: Path | None
    data: Mapping[str, Any]
    classes: tuple[ClassDoubt, ...]
    items: IntArray
    names: Sequence[str]
    ids: NDArray[np.str_]
    labels: IntArray
    suggested: IntArray
    quality: FloatArray
    suspected: NDArray[np.bool_]
    reasons: NDArray[np.str_]
    thumbnails: Thumbnails = field(repr=False)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def page(self) -> Path | None:
        """The HTML page beside the table."""
        return None if self.path is None else self.path.with_suffix(".html")

    @property
    def estimated(self) -> int:
        """How many labels are estimated to be wrong."""
        return sum(doubt.wrong for doubt in self.classes)

    def class_name(self, label: int) -> str:
        """The name of a class, "" for -1."""
        return "" if label < 0 else str(self.data["classes"][label])

    def frame(self) -> pd.DataFrame:
        """One line per item, the worst first: name, id, label, suggested, quality, suspected, reason."""
        import pandas as pd

        classes = np.array([*self.data["classes"], ""], dtype=object)
        return pd.DataFrame(
            {
                "name": list(self.names),
                "id": self.ids,
                "label": classes[self.labels],
                "suggested": classes[self.suggested],
                "quality": self.quality,
                "suspected": self.suspected,
                "reason": self.reasons,
            }
        )

    def json(self) -> dict[str, Any]:
        """What ``--json`` prints: the numbers, the classes, and the items that are suspected."""
        items = [
            {
                "name": self.names[i],
                "id": str(self.ids[i]),
                "label": self.class_name(int(self.labels[i])),
                "suggested": self.class_name(int(self.suggested[i])),
                "quality": None if np.isnan(self.quality[i]) else float(self.quality[i]),
                "reason": str(self.reasons[i]),
            }
            for i in np.flatnonzero(self.suspected).tolist()
        ]
        return {
            "suspects": None if self.path is None else str(self.path),
            "page": None if self.page is None else str(self.page),
            "data": dict(self.data),
            "estimated": self.estimated,
            "suspected": len(items),
            "classes": [asdict(doubt) for doubt in self.classes],
            "items": items,
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """A sheet of the worst suspects: given and suggested label, quality."""
        from secondlook.show.suspects_plot import plot_suspects

        return plot_suspects(self, ax)

    def report(self, path: str | Path | None = None) -> Path:
        """Writes the one-file page of the worst suspects; by default beside the table.

        Returns:
            The path written.
        """
        from secondlook.show.suspects import write_suspects

        return write_suspects(self, Path(path) if path is not None else self.page or Path("suspects.html"))

    def _repr_html_(self) -> str:
        from secondlook.show.suspects import suspects_html

        return suspects_html(self)
