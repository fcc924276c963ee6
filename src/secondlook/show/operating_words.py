"""Thresholds in words and numbers, for the terminal and the report."""

from __future__ import annotations

from collections.abc import Mapping

from secondlook.measure.objectives import Objective, parse_objective
from secondlook.show import format as fmt
from secondlook.show.names import visible
from secondlook.types import OperatingPoint, Run, Threshold

# Of more classes only the thresholds at the two ends are named.
_NAMED = 6


def goal_of(run: Run) -> Objective | None:
    """The objective of a run as it was asked for; costs are the run's own business."""
    text = str(run.config.get("objective") or "")
    return parse_objective(text, tuple(run.data["classes"])) if text and run.operating else None


def value_name(goal: Objective | None, classes: tuple[str, ...]) -> str:
    """What the objective names: "recall of hotdog", "macro F1", "mean cost"."""
    if goal is None:
        return "mean cost"
    name = {"macro_f1": "macro F1", "f1": "F1", "mcc": "MCC"}.get(goal.metric, goal.metric.replace("_", " "))
    return f"{name} of {visible(classes[goal.of])}" if goal.of >= 0 else name


def interval(scores: Mapping[str, float | None], name: str) -> str:
    """A score of answers with the half-width of its interval, where it has one."""
    value, low, high = scores.get(name), scores.get(f"{name}_low"), scores.get(f"{name}_high")
    if value is None:
        return fmt.MISSING
    half = None if low is None or high is None else fmt.half_width(value, low, high)
    return fmt.share(value, half, None if half is not None else 3)


def _threshold(threshold: Threshold) -> str:
    text = fmt.share(threshold.value, digits=3)
    if threshold.low is None or threshold.high is None:
        return text
    return f"{text} ({fmt.share(threshold.low, digits=2)} to {fmt.share(threshold.high, digits=2)})"


def thresholds_of(point: OperatingPoint, goal: Objective | None) -> str:
    """The thresholds that say something: of the objective's class, of the second of two, of few all."""
    if goal is not None and goal.of >= 0:
        return _threshold(point.thresholds[goal.of])
    if len(point.thresholds) == 2:
        return f"{visible(point.thresholds[1].of)} {_threshold(point.thresholds[1])}"
    if len(point.thresholds) <= _NAMED:
        return ", ".join(f"{visible(t.of)} {fmt.share(t.value, digits=3)}" for t in point.thresholds)
    low, high = (f(point.thresholds, key=lambda t: t.value) for f in (min, max))
    return f"{visible(low.of)} {fmt.share(low.value, digits=3)} … {visible(high.of)} {fmt.share(high.value, digits=3)}"


def cell(scores: Mapping[str, float | None], goal: Objective | None) -> str:
    """What the objective names, of answers; with a bound the other share beside it."""
    if goal is None:
        return fmt.loss(scores.get("value"))
    if goal.least:
        other = goal.maximised
        return f"{interval(scores, goal.metric)}, {other} {interval(scores, other)}"
    return fmt.share(scores.get("value"), digits=3)


def sentence(point: OperatingPoint, goal: Objective | None, classes: tuple[str, ...]) -> str:
    """What thresholds do to one model, in one or two sentences."""
    what = value_name(goal, classes)
    if goal is None:
        return (
            f"With thresholds chosen on validation, an answer of {point.model} to a test image costs "
            f"{fmt.loss(point.test['value'])} on average, and {fmt.loss(point.test_before['value'])} without them."
        )
    if not goal.least:
        return (
            f"With thresholds chosen on validation for {what}, {point.model} reaches "
            f"{fmt.share(point.test['value'], digits=3)} on the test images; its most probable class "
            f"{fmt.share(point.test_before['value'], digits=3)}."
        )
    name, other = f"“{visible(classes[goal.of])}”", goal.maximised
    asked = f"a {goal.metric} of at least {fmt.share(goal.least, digits=2)} for {name}"
    if not point.met:
        reached = fmt.share(point.valid[goal.metric], digits=3)
        return f"{point.model} cannot reach {asked} on validation at any threshold; the nearest is {reached}."
    low = point.test.get(f"{goal.metric}_low")
    high = point.test.get(f"{goal.metric}_high")
    kept = ""
    if low is not None and high is not None:
        kept = (
            "; that is as asked for"
            if low >= goal.least
            else "; that is less than asked for"
            if high < goal.least
            else "; more or less than asked for, this test part cannot tell"
        )
    rule = (
        f"answers {name} from a probability of {_threshold(point.thresholds[goal.of])} on"
        if len(classes) == 2
        else f"has the threshold {_threshold(point.thresholds[goal.of])} for {name}, where an even one is "
        f"{fmt.share(1 / len(classes), digits=3)}"
    )
    return (
        f"For {asked}, chosen on validation, {point.model} {rule}. On the test images its {goal.metric} is then "
        f"{interval(point.test, goal.metric)} (it was {interval(point.test_before, goal.metric)}){kept}; its "
        f"{other} is {interval(point.test, other)} (it was {interval(point.test_before, other)})."
    )


def lines(run: Run) -> list[str]:
    """What the terminal says of thresholds: the chosen model's sentence."""
    classes = tuple(run.data["classes"])
    return [sentence(point, goal_of(run), classes) for point in run.operating if point.model == run.chosen]
