"""The end of a comparison: chooses on validation, opens the test part, scores, judges, writes and seals the run."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from time import perf_counter
from typing import TYPE_CHECKING, Any

from secondlook.measure.objectives import Objective
from secondlook.runs.folds import write_folds
from secondlook.runs.operating import operating_point
from secondlook.runs.parent import all_rounds
from secondlook.runs.pictures import pictures_to_keep
from secondlook.runs.repeats import write_seeds
from secondlook.runs.results import majority_share, ranked
from secondlook.runs.scorecards import model_pairs, model_scores, write_scores
from secondlook.types import OperatingPoint, Part, Predictions, Row, Run
from secondlook.verbs.judging import judged_run

if TYPE_CHECKING:
    from secondlook.verbs.comparison import Comparison


def finish(comparison: Comparison) -> Run:
    """Makes the run of what was fitted. Up to `open_test` nothing has looked at an answer to a test image."""
    directory, plan = comparison.directory, comparison.plan
    metric = comparison.options.metric
    order = ranked([comparison.row(name, facts, test=False) for name, facts in comparison.facts.items()], metric)
    chosen = order[0].model if order and order[0].valid_score is not None else ""
    if chosen:
        directory.open_test()
    rows = [comparison.row(row.model, comparison.facts[row.model], test=True) for row in order]
    scored = [row.model for row in order if "fit_seconds" in comparison.facts[row.model]]
    results = {
        "metric": metric,
        "chosen": chosen,
        "chance": 1 / len(plan.images.classes),
        "majority": fmean(majority_share(plan.images, split) for split in plan.splits),
        **_scores(comparison, scored),
        **_asked_for(comparison, rows, scored, chosen),
    }
    directory.write_results(
        results,
        rows,
        pictures_to_keep(plan.images, chosen, scored, lambda model, part: _answers(comparison, model, part)),
    )
    devices = sorted({str(facts["device"]) for facts in comparison.facts.values() if "device" in facts})
    directory.write_made(perf_counter() - comparison.started, ", ".join(devices) or "cpu")
    run = judged_run(directory, plan, comparison.options, comparison.facts)
    run.report()
    directory.seal()
    return run


def _answers(comparison: Comparison, model: str, part: Part) -> Predictions:
    plan = comparison.plan
    return comparison.directory.predictions(model, part, plan.images, plan.shown)


def _scores(comparison: Comparison, scored: Sequence[str]) -> dict[str, Any]:
    """Writes every score of every model, fold and seed; the pairs of models for run.json."""
    directory, plan, options = comparison.directory, comparison.plan, comparison.options
    several = plan.folds is not None or options.seeds > 1
    tables = {model: comparison.rows(model, test=True) for model in scored} if several else {}
    if plan.folds is not None:
        write_folds(directory.path / "folds.csv", plan.folds, tables)
    elif options.seeds > 1:
        write_seeds(directory.path / "seeds.csv", tables)
    scores = model_scores(directory, scored, plan.images, plan.shown, plan.folds, options.seed)
    write_scores(directory.path / "scores.csv", scores)
    return {"pairs": model_pairs(directory, scored, plan.images, plan.shown, plan.folds, tables).json()}


def _asked_for(comparison: Comparison, rows: Sequence[Row], scored: Sequence[str], chosen: str) -> dict[str, Any]:
    """What only some comparisons have, for run.json: rounds, thresholds, decisions on labels."""
    found: dict[str, Any] = {}
    if comparison.parent is not None and chosen:
        said = _answers(comparison, chosen, "test")
        rounds = all_rounds(comparison.parent, comparison.directory.path, rows[0], said)
        found["rounds"] = [one.json() for one in rounds]
    if comparison.objective is not None:
        found["operating"] = [_operating(comparison, model, comparison.objective).json() for model in scored]
    if comparison.before is not None:
        answers = {model: _answers(comparison, model, "test") for model in scored}
        found["decisions"] = comparison.before.replay(rows, answers).json()
    return found


def _operating(comparison: Comparison, model: str, objective: Objective) -> OperatingPoint:
    """A model's thresholds, chosen on its validation answers alone."""
    valid, test = (_answers(comparison, model, part) for part in ("valid", "test"))
    return operating_point(valid, test, objective, seed=comparison.options.seed)
