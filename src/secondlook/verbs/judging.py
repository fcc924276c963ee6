"""After the last score: what is to be said of the models of a run, and what the probe found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from secondlook.data.plan import Plan
from secondlook.judge.findings import ModelsContext, judge_models
from secondlook.judge.probes import score_probes
from secondlook.models.probing import read_probes
from secondlook.runs.load import read_results
from secondlook.runs.results import thumbnails
from secondlook.runs.store import RunDirectory
from secondlook.types import Probe, Probes, Run, Thumbnails
from secondlook.verbs.options import Options


def judged_run(directory: RunDirectory, plan: Plan, options: Options, facts: Mapping[str, Mapping[str, Any]]) -> Run:
    """The run with the findings on its models and its probes added.

    Args:
        directory: its results must have been written.
        facts: what is known of every model's fit, by name.
    """
    from secondlook.show.findings import pictured

    run = read_results(directory.path)
    context = ModelsContext.of(run, plan.images.ids)
    checked = judge_models(context, mute=[code for code in options.mute.split(",") if code])
    items = pictured(checked.findings)
    checks = {
        "silent": list(checked.silent),
        "not_applicable": dict(checked.not_applicable),
        "muted": list(checked.muted),
    }
    probes = _probes(run, plan, facts)
    directory.write_judged(
        checked.findings, checks, probes.json(), Thumbnails(items, thumbnails(plan.images.pixels[items]))
    )
    return read_results(directory.path)


def _probes(run: Run, plan: Plan, facts: Mapping[str, Mapping[str, Any]]) -> Probes:
    """What became of each model's accuracy on changed test images."""
    rows: list[Probe] = []
    skipped: dict[str, str] = {}
    for row in run.rows:
        if row.test_accuracy is None or row.family == "baseline":
            continue
        answers = dict(read_probes(run.path / "models" / row.model / "probes.npz"))
        if not answers:
            skipped[row.model] = str(facts[row.model].get("not_probed") or "it was fitted without")
            continue
        # With folds the first one was probed: its test items among all.
        items = plan.splits[0].test[answers["items"]]
        answers["items"] = np.searchsorted(plan.shown.test, items) if plan.folds is not None else answers["items"]
        rows += score_probes(run.predictions(row.model), answers)
    return Probes(tuple(rows), skipped, run.chance)
