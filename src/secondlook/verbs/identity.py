"""What a comparison is: what makes two commands the same one, and what is said of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from secondlook.data.plan import Plan
from secondlook.measure.objectives import Objective
from secondlook.models import class_weight as class_weights
from secondlook.models.entry import Entry
from secondlook.runs.machine import versions
from secondlook.runs.parent import Parent
from secondlook.types import PARTS
from secondlook.verbs.options import Options


def identity_of(
    plan: Plan, entries: list[Entry], options: Options, parent: Parent | None, objective: Objective | None
) -> dict[str, Any]:
    """What makes two commands the same comparison; all of it is written into the run."""
    return {
        "data": plan.images.fingerprint,
        "split_fingerprint": plan.fingerprint,
        "models": [e.name for e in entries],
        "nets": {e.name: e.net for e in entries if e.is_net},
        **options.identity(),
        **({} if objective is None or objective.costs is None else {"costs": objective.costs.tolist()}),
        **({} if parent is None else {"parent": parent.identity()}),
        "versions": versions(),
    }


def made_of(plan: Plan, options: Options, parent: Parent | None) -> dict[str, Any]:
    """What a run's configuration says beside what identifies it."""
    classes, labels = plan.images.classes, plan.images.labels
    weights = class_weights.resolve(options.class_weight, classes, labels[plan.split.train])
    more: dict[str, Any] = {} if parent is None else {"parent": parent.config()}
    if weights is not None:
        more["class_weights"] = dict(zip(classes, weights.tolist(), strict=True))
    return {
        **more,
        "split": {"method": plan.method, "fingerprint": plan.fingerprint},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def described(plan: Plan) -> str:
    """A plan in a line: the source, how it was read, how many images each part has."""
    images, folds = plan.images, plan.folds
    if folds is not None:
        return f"{images.source}: {images.format}; {len(folds.items):,} images ({plan.method})"
    parts = ", ".join(f"{len(plan.split[part]):,} {part}" for part in PARTS)
    return f"{images.source}: {images.format}; {parts} ({plan.method})"
