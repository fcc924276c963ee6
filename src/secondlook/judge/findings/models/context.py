"""What the checks of models look at, and words they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from secondlook.data.words import few
from secondlook.measure.scores import confusion
from secondlook.types import History, IntArray, Item, Pair, Pairs, Part, Predictions, Row, Run, Severity


@dataclass(frozen=True, eq=False)
class ModelsContext:
    """The models of one comparison, after the test part was opened.

    Attributes:
        rows: one per model, best on validation first.
        chosen: the model with the best validation score; "" where none finished.
        classes: k class names.
        counts: images per class in each part, k each.
        chance: 1 / k. majority: the test share of the class that is most frequent in training.
        ids: str (n,), of all items of the set.
        histories: how each net learnt.
        answers: what a model says of a part. With folds, "test" is every image, answered by the model that had not seen
            it; "train" and "valid" are the first fold's.
        pairs: every two models on the same test images.
        folds: whether scores are means over folds.
    """

    rows: tuple[Row, ...]
    chosen: str
    classes: tuple[str, ...]
    counts: Mapping[str, Sequence[int]]
    chance: float
    majority: float
    ids: NDArray[np.str_]
    histories: Mapping[str, History]
    answers: Callable[[str, Part], Predictions]
    pairs: Pairs = field(default_factory=Pairs)
    folds: bool = False
    _kept: dict[tuple[str, Part], Predictions] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, run: Run, ids: NDArray[np.str_]) -> ModelsContext:
        """That of a run whose results were written; `ids` are those of all items of the set."""
        return cls(
            rows=run.rows,
            chosen=run.chosen,
            classes=tuple(run.data["classes"]),
            counts=run.class_counts,
            chance=run.chance,
            majority=run.majority,
            ids=ids,
            histories=run.histories,
            answers=run.predictions,
            pairs=run.pairs,
            folds=run.cv is not None,
        )

    @cached_property
    def done(self) -> tuple[Row, ...]:
        """The rows with test scores."""
        return tuple(row for row in self.rows if row.test_accuracy is not None)

    @cached_property
    def judged(self) -> tuple[Row, ...]:
        """Those of models that learn something: all but the baseline; the chosen one first."""
        found = [row for row in self.done if row.family != "baseline"]
        return tuple(sorted(found, key=lambda row: row.model != self.chosen))

    @cached_property
    def learnt(self) -> dict[str, History]:
        """The histories of models with test scores, the chosen one's first."""
        return {row.model: self.histories[row.model] for row in self.judged if row.model in self.histories}

    def predictions(self, model: str, part: Part = "test") -> Predictions:
        """What a model says of a part, labelled items only; read once."""
        if (model, part) not in self._kept:
            said = self.answers(model, part)
            known = np.flatnonzero(said.labels >= 0)
            if len(known) < len(said.labels):
                said = Predictions(
                    model, part, said.probabilities[known], said.labels[known], said.items[known],
                    [said.names[i] for i in known.tolist()], said.classes,
                )  # fmt: skip
            self._kept[model, part] = said
        return self._kept[model, part]

    def matrix(self, model: str, part: Part = "test") -> IntArray:
        """Counts, int64 (k, k): a line per label, a column per answer."""
        said = self.predictions(model, part)
        return confusion(said.labels, said.predicted, len(self.classes))

    def surest(self, said: Predictions, places: IntArray) -> tuple[Item, ...]:
        """Items of a finding at these places of predictions, each with what the model says, the surest answer first."""
        order = np.argsort(-said.probabilities[places].max(axis=1), kind="stable")
        return self.items(said, places[order], lambda place: self.says(said, place))

    def items(self, said: Predictions, places: IntArray, note: Callable[[int], str]) -> tuple[Item, ...]:
        """Items of a finding at these places of predictions, each with what is said of it."""
        found = []
        for place in places.tolist():
            index = int(said.items[place])
            found.append(Item(said.names[place], str(self.ids[index]), index, note(place)))
        return tuple(found)

    def says(self, said: Predictions, place: int) -> str:
        """ "hotdog, lenet says nohotdog (.97)": the given label, the answer, its probability."""
        answer, sure = int(said.predicted[place]), float(said.probabilities[place].max())
        given, text = self.classes[int(said.labels[place])], f"{sure:.2f}".removeprefix("0")
        return f"{given}, {said.model} says {self.classes[answer]} ({text})"

    def against(self) -> tuple[Pair, ...]:
        """The chosen model against each other one that learns; nothing where the baseline was chosen."""
        names = {row.model for row in self.judged}
        if self.chosen not in names:
            return ()
        return tuple(pair for pair in self.pairs.of(self.chosen) if pair.b in names)

    def weight(self, models: Iterable[str]) -> Severity:
        """Info; a warning where the chosen model is concerned."""
        return "warning" if self.chosen in models else "info"


# The same in words, for `Check.severity`.
IF_CHOSEN = "info; warning where the chosen model is concerned"


def others(models: Sequence[str]) -> str:
    """A clause on all models but the first: "; the same holds for knn, forest"; "" where there is one."""
    return f"; the same holds for {few(list(models[1:]))}" if len(models) > 1 else ""


def needs_models(context: ModelsContext) -> str:
    """Why a check of models does not apply: none that learns has test scores."""
    return "" if context.judged else "no model but the baseline has test scores"


def needs_classes(context: ModelsContext) -> str:
    """Why a check of classes does not apply."""
    if not context.done:
        return "no model has test scores"
    return "" if np.count_nonzero(context.counts["test"]) >= 2 else "fewer than two classes in the test part"


def needs_pairs(context: ModelsContext) -> str:
    """Why a check of the chosen model's rivals does not apply."""
    return "" if context.against() else "the chosen model has no other that learns to be compared with"


def needs_nets(context: ModelsContext) -> str:
    """Why a check of learning curves does not apply."""
    return "" if context.learnt else "no net was trained"
