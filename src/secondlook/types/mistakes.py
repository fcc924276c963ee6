"""Wrongly answered images of a finished run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from secondlook.types.arrays import FloatArray, IntArray, Part

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

# `Mistakes.model` where all models are looked at together.
ALL_MODELS = "all"


@dataclass(frozen=True, eq=False)
class Nearest:
    """The training images most like some items; 3 for each of m items.

    Attributes:
        items: int64 (m, 3), indices into the ImageSet, the nearest first; -1 where none was looked for, or there are
            fewer.
        distances: float64 (m, 3), root of the mean squared difference of pixel values in [0, 1]; NaN beside -1.
        names: the name of every item that `items` holds.
        labels: its given label.
        whose: what they were looked for among: "training images", or "other images" in a run with folds.
    """

    items: IntArray
    distances: FloatArray
    names: Mapping[int, str]
    labels: Mapping[int, int]
    whose: str = "training images"


@dataclass(frozen=True, eq=False)
class Mistakes:
    """Wrongly answered images: m of them, by part, then by true class, the largest loss first.

    For all models together an image is in as soon as one of the `voters` missed it, and those that most of them missed
    come first; the answer is then the wrong one that most of them gave, and confidence and loss are means over them.

    Attributes:
        run: the run directory.
        source: what was compared, as the user asked for it.
        model: whose mistakes they are, or "all".
        models: every model that has answers, best on validation first: what `said` holds.
        voters: the models that `missed_by` counts: those but baselines, where there are others.
        parts: the parts that were looked at, in their order.
        classes: k class names.
        shape: height, width and channels of the compared images.
        counts: images of each class in each part, {part: (k,)}.
        wanted: the class that was asked for, as an index; None for all.
        items: int64 (m,), indices into the ImageSet.
        ids, names: as in the ImageSet, m each.
        part_of: "train", "valid" or "test", m of them.
        given, answers: int64 (m,), indices into `classes`.
        confidence: float64 (m,), the probability of the answer.
        loss: float64 (m,), -ln of the probability of the given label.
        said: int64 (m, models), every model's answer.
        missed_by: int64 (m,), how many of the voters were wrong.
        nearest: the training images most like them; None where the images could not be read.
        why_no_images: a sentence where the images could not be read again; "" else.
        top: the most that are shown of a true class; None for what the medium holds.
    """

    run: Path
    source: str
    model: str
    models: tuple[str, ...]
    voters: tuple[str, ...]
    parts: tuple[Part, ...]
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    counts: Mapping[Part, Sequence[int]]
    wanted: int | None
    items: IntArray
    ids: NDArray[np.str_]
    names: Sequence[str]
    part_of: NDArray[np.str_]
    given: IntArray
    answers: IntArray
    confidence: FloatArray
    loss: FloatArray
    said: IntArray
    missed_by: IntArray
    nearest: Nearest | None = None
    why_no_images: str = ""
    top: int | None = None
    _pixels: Callable[[int], NDArray[Any] | None] = field(default=lambda item: None, repr=False)

    def __len__(self) -> int:
        return len(self.items)

    def pixels(self, item: int) -> NDArray[Any] | None:
        """An item's image (h, w, c), small where it is the run's own copy; None where there is none."""
        return self._pixels(item)

    @cached_property
    def others(self) -> tuple[str, ...]:
        """The models whose answers stand beside: all but the one whose mistakes these are."""
        return tuple(model for model in self.models if model != self.model)

    def rows(self, part: Part, label: int) -> IntArray:
        """The mistakes on one class in one part: indices into the arrays, the worst first."""
        return np.flatnonzero((self.part_of == part) & (self.given == label)).astype(np.int64)

    def json(self) -> dict[str, Any]:
        """What ``--json`` prints: all mistakes, whatever `top` is."""
        return {
            "run": str(self.run),
            "model": self.model,
            "parts": list(self.parts),
            "classes": list(self.classes),
            "counts": {part: list(self.counts[part]) for part in self.parts},
            "voters": list(self.voters),
            "why_no_images": self.why_no_images,
            "mistakes": [self._json(i) for i in range(len(self))],
        }

    def _json(self, i: int) -> dict[str, Any]:
        return {
            "part": str(self.part_of[i]),
            "id": str(self.ids[i]),
            "name": self.names[i],
            "given": self.classes[self.given[i]],
            "answer": self.classes[self.answers[i]],
            "confidence": float(self.confidence[i]),
            "loss": float(self.loss[i]),
            "missed_by": int(self.missed_by[i]),
            "said": {model: self.classes[self.said[i, j]] for j, model in enumerate(self.models)},
            "nearest": [
                {"name": name, "label": label, "distance": distance} for name, label, distance in self.nearest_of(i)
            ],
        }

    def nearest_of(self, i: int) -> list[tuple[str, str, float]]:
        """The training images most like the i-th mistake as (name, label, distance), the nearest first."""
        if self.nearest is None:
            return []
        found = self.nearest
        pairs = zip(found.items[i].tolist(), found.distances[i].tolist(), strict=True)
        return [(found.names[item], self.classes[found.labels[item]], far) for item, far in pairs if item >= 0]

    def frame(self) -> pd.DataFrame:
        """One line per mistake: part, item, id, name, given, answer, confidence, loss, missed_by, ``says MODEL`` for
        every model, and the name, label and distance of the nearest training images.
        """
        import pandas as pd

        classes = np.array(self.classes, dtype=object)
        columns: dict[str, Any] = {
            "part": self.part_of.astype(object),
            "item": self.items,
            "id": self.ids.astype(object),
            "name": list(self.names),
            "given": classes[self.given],
            "answer": classes[self.answers],
            "confidence": self.confidence,
            "loss": self.loss,
            "missed_by": self.missed_by,
        }
        columns |= {f"says {model}": classes[self.said[:, j]] for j, model in enumerate(self.models)}
        near = [self.nearest_of(i) for i in range(len(self))]
        for rank in range(0 if self.nearest is None else self.nearest.items.shape[1]):
            for at, what in enumerate(("", "_label", "_distance")):
                values = [found[rank][at] if rank < len(found) else None for found in near]
                columns[f"nearest_{rank + 1}{what}"] = values
        return pd.DataFrame(columns)

    def plot(self, ax: Axes | None = None) -> Axes:
        """A sheet of the mistakes, one line per true class, the worst first, the answers below."""
        from secondlook.show.mistakes_plot import plot_mistakes

        return plot_mistakes(self, ax)

    def report(self, path: str | Path) -> Path:
        """Writes a page with the images as one HTML file.

        Returns:
            The path written.
        """
        from secondlook.show.mistakes import write_mistakes

        return write_mistakes(self, Path(path))

    def _repr_html_(self) -> str:
        from secondlook.show.mistakes import mistakes_div

        return mistakes_div(self)
