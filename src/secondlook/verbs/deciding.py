"""Decisions on labels in a comparison: what trains and chooses follows them, what judges does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.decisions import Decided, decide, read_decisions
from secondlook.data.plan import Plan
from secondlook.errors import DataError
from secondlook.measure.pairs import compare_pairs
from secondlook.runs.files import is_run, read_json
from secondlook.runs.folders import ROOT, numbers
from secondlook.types import Change, Predictions, Replay, Row, Run


@dataclass(frozen=True, eq=False)
class Deciding:
    """A comparison's plan before and after decisions.

    Attributes:
        file: where the decisions were read from.
        given: the plan with the labels as given. plan: the same test part; in train and valid labels are changed and
            items left out.
        decided: what the decisions say.
    """

    file: Path
    given: Plan
    plan: Plan
    decided: Decided

    def counted(self) -> Replay:
        """What was decided, by part; without the models."""
        images, split, decided = self.given.images, self.given.split, self.decided
        changed = decided.labels != images.labels
        left = decided.touched & ~changed & ~decided.excluded
        learnt = {"train": split.train, "valid": split.valid}
        test = int(decided.touched[split.test].sum())
        inside = test + sum(int(decided.touched[items].sum()) for items in learnt.values())

        def by_part(which: NDArray[np.bool_]) -> dict[str, int]:
            return {part: int(which[items].sum()) for part, items in learnt.items()}

        return Replay(
            file=str(self.file),
            fingerprint=decided.fingerprint,
            changed=by_part(changed & ~decided.excluded),
            excluded=by_part(decided.excluded),
            kept=by_part(left),
            test=test,
            elsewhere=int(decided.touched.sum()) - inside,
            given="",
            data=images.fingerprint,
        )


@dataclass(frozen=True, eq=False)
class Before:
    """Decisions, and the same comparison on the labels as given, or None where there is none."""

    deciding: Deciding
    run: Run | None

    def replay(self, rows: Sequence[Row], said: Mapping[str, Predictions]) -> Replay:
        """What the decisions did: see `changes`."""
        counted = self.deciding.counted()
        if self.run is None:
            return counted
        images = self.deciding.given.images
        groups = None if images.groups is None else images.groups[self.deciding.given.split.test]
        return replace(counted, given=str(self.run.path), changes=changes(self.run, rows, said, groups))


def deciding(plan: Plan, file: str | Path) -> Deciding:
    """The plan of a comparison with a file's decisions.

    The split is that of the labels as given, so that the same test items judge before and after; their own labels stay
    as they are, whatever was decided about them.

    Raises:
        UsageError: no such file. DataError: it cannot be read, names an image or a class that is not there, or leaves
            too little to learn from.
    """
    path = Path(file).expanduser()
    decided = decide(plan.images, read_decisions(path))
    images, split = plan.images, plan.split
    labels = images.labels.copy()
    learnt = np.concatenate([split.train, split.valid])
    labels[learnt] = decided.labels[learnt]
    train, valid = (items[~decided.excluded[items]] for items in (split.train, split.valid))
    if len(np.unique(labels[train])) < 2 or not len(valid):
        raise DataError(
            f"{path}: expected decisions that leave two classes to train on and images to choose by, "
            f"got {len(train):,} to train on and {len(valid):,} to choose by; decide otherwise on some"
        )
    n = int((decided.touched & ~np.isin(np.arange(len(images)), split.test)).sum())
    method = f"{split.method}; {n:,} decision{'' if n == 1 else 's'} on labels of train and valid applied"
    after = replace(split, train=train, valid=valid, method=method)
    return Deciding(path, plan, replace(plan, images=replace(images, labels=labels), split=after), decided)


def known_run(stem: str, identity: Mapping[str, Any]) -> Path | None:
    """A finished run ``runs/STEM-N`` of this very configuration, the latest; None where there is none."""
    wanted = _plain(identity)
    for number in sorted(numbers(stem), reverse=True):
        path = ROOT / f"{stem}-{number}"
        done = is_run(path) and (path / "manifest.json").exists()
        if done and read_json(path / "config.json").get("identity") == wanted:
            return path
    return None


def _plain(document: Any) -> Any:
    """As it comes back from a file."""
    import json

    return json.loads(json.dumps(document))


def changes(
    given: Run, rows: Sequence[Row], said: Mapping[str, Predictions], groups: NDArray[np.str_] | None = None
) -> tuple[Change, ...]:
    """Before and after of every model that finished both times.

    Args:
        given: the run on the labels as given.
        rows: of the run on the labels as decided. said: its answers to the test part, by model.
        groups: (n,), the groups of the test items, or None.
    """
    found = []
    before = {row.model: row for row in given.rows if row.test_accuracy is not None}
    for row in rows:
        if row.model not in said or row.model not in before:
            continue
        was, now = given.predictions(row.model), said[row.model]
        right = {"after": now.predicted == now.labels, "before": was.predicted == was.labels}
        (pair,) = compare_pairs(right, groups=groups)
        old = before[row.model]
        found.append(
            Change(
                model=row.model,
                n=pair.n,
                before=_known(old.test_accuracy),
                before_low=_known(old.test_low),
                before_high=_known(old.test_high),
                after=_known(row.test_accuracy),
                after_low=_known(row.test_low),
                after_high=_known(row.test_high),
                before_balanced=_known(old.test_balanced_accuracy),
                after_balanced=_known(row.test_balanced_accuracy),
                difference=pair.difference,
                difference_low=pair.low,
                difference_high=pair.high,
                p=pair.p,
            )
        )
    return tuple(found)


def _known(value: float | None) -> float:
    """A score of a model that finished."""
    assert value is not None  # only those are asked for
    return value
