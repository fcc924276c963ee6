"""What becomes of a model's accuracy when its test images are moved, turned, noised or inverted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Probe:
    """One model on one kind of changed images, beside the same images untouched.

    Attributes:
        probe: "untouched", "shift 1", …, "rotate 15", "noise", "invert".
        n: images. accuracy: the share answered rightly; where a probe goes several ways (up, down, left, right), the
            mean over them. low, high: Wilson's 95 % interval for n images, however many ways.
        drop: the accuracy on the untouched images less this one. drop_low, drop_high: its paired 95 % interval.
    """

    model: str
    probe: str
    n: int
    accuracy: float
    low: float
    high: float
    drop: float
    drop_low: float
    drop_high: float

    @property
    def falls(self) -> bool:
        """Whether the accuracy is lower than on the untouched images, beyond what chance explains."""
        return self.drop_low > 0


@dataclass(frozen=True)
class Probes:
    """All probes of a comparison, on the same test images for every model.

    Attributes:
        rows: model by model in the order of the run's table, and within one the untouched images first.
        skipped: models that were not probed, and why.
        chance: 1 / number of classes.
    """

    rows: tuple[Probe, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    chance: float = 0.0

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def n(self) -> int:
        """How many images each model was probed on."""
        return self.rows[0].n if self.rows else 0

    @property
    def kinds(self) -> tuple[str, ...]:
        """The probes by name, the untouched images first."""
        return tuple(dict.fromkeys(row.probe for row in self.rows))

    def by_model(self) -> dict[str, dict[str, Probe]]:
        """Every model's probes by name."""
        found: dict[str, dict[str, Probe]] = {}
        for row in self.rows:
            found.setdefault(row.model, {})[row.probe] = row
        return found

    def json(self) -> dict[str, Any]:
        """A plain dictionary: n, chance, rows, skipped."""
        rows = [asdict(row) for row in self.rows]
        return {"n": self.n, "chance": self.chance, "rows": rows, "skipped": dict(self.skipped)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Probes:
        """What `json` gave, read again; nothing for an empty document."""
        rows = tuple(Probe(**row) for row in document.get("rows", ()))
        return cls(rows, document.get("skipped", {}), document.get("chance", 0.0))

    def frame(self) -> pd.DataFrame:
        """One line per model and probe."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self.rows], columns=[f.name for f in fields(Probe)])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Accuracy against the shift in pixels, a line per model."""
        from secondlook.show.probes import plot_probes

        return plot_probes(self, ax)
