"""Quick, Draw!, the models: a dense net against two convolutional ones, by accuracy, time per epoch, time to learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isnan, nan
from typing import Any

from secondlook.judge.claims import figure, more, same, within
from secondlook.measure.estimates import UNKNOWN, difference, exactly, geometric_mean, mean, share_over_seeds
from secondlook.types import Claim, Estimate, Figure, FigureTable, Run
from secondlook.verbs.compare import compare
from secondlook.verbs.reproductions.quickdraw_recipe import CNN_1, CNN_2, DENSE, SPLITS, recipe
from secondlook.verbs.reproductions.setting import Outcome, Setting, failed, needs_people, said, score

NUMBERS = {DENSE: 20_067, CNN_1: 320_890, CNN_2: 19_322}
HUMANS = 0.87
# "About 5 points" and "around 13 times": give or take two points, and a factor of two.
GAIN, GAIN_MARGIN = 0.05, 0.02
FASTER, FACTOR = 13.0, 2.0
Runs = Sequence[Run]
Seconds = Callable[[Run, str], float]


def models(at: Setting, data: tuple[Any, Any]) -> Outcome:
    """The three nets, on several splits."""
    runs = [
        compare(
            data, models=[DENSE, CNN_1, CNN_2], valid=0.1, **recipe(at),
            **{**at.options(f"models-{i + 1}"), "seed": at.seed + i},
        )
        for i in range(1 if at.quick else SPLITS)
    ]  # fmt: skip
    test = {name: _accuracy(runs, name) for name in NUMBERS}
    times = _ratio(runs, _per_epoch), _ratio(runs, _to_learn)
    lines = [
        *(line for name in NUMBERS for line in _figures(runs, name, test[name])),
        figure("people", "test accuracy", HUMANS, UNKNOWN, why="it takes people's answers"),
        figure(f"{CNN_2} less {DENSE}", "gain", GAIN, difference(test[CNN_2], test[DENSE])),
        figure(f"{DENSE} / {CNN_2}", "s per epoch", FASTER, times[0], "times"),
        figure(f"{DENSE} / {CNN_2}", "s to learn", FASTER, times[1], "times"),
    ]
    table = FigureTable(
        "The models",
        tuple(lines),
        f"To learn is to reach on validation what {DENSE} reaches at its best. The study's 13 times is of other code, "
        "and it does not say of which of the two times.",
    )
    return Outcome((table,), tuple(_claims(at, runs, test, times)), ())


def _accuracy(runs: Runs, name: str) -> Estimate:
    found = [run[name].test_accuracy for run in runs]
    n = runs[0][name].n_test
    known = [value for value in found if value is not None]
    return share_over_seeds(known, n) if n and len(known) == len(runs) else UNKNOWN


def _figures(runs: Runs, name: str, test: Estimate) -> list[Figure]:
    row, why = runs[0][name], next((failed(run[name]) for run in runs if failed(run[name])), "")
    return [
        figure(name, "trained", NUMBERS[name], exactly(row.trained), "count", why=why),
        figure(name, "multiply-adds", None, exactly(row.macs), "count", why=why),
        figure(name, "test accuracy", None, test, why=why),
        figure(name, "s per epoch", None, _mean(runs, _per_epoch, name), "seconds", why=why),
        figure(name, "s to learn", None, _mean(runs, _to_learn, name), "seconds", why=why),
    ]


def _per_epoch(run: Run, name: str) -> float:
    """Seconds per epoch after the first, which has the start in it; NaN where the net failed."""
    if name not in run.histories:
        return nan
    epochs = run.histories[name].epochs
    return (epochs[-1].seconds - epochs[0].seconds) / (len(epochs) - 1)


def _to_learn(run: Run, name: str) -> float:
    """Seconds until the validation accuracy is there that the dense net reaches at its best; NaN where it never is."""
    if not {name, DENSE} <= run.histories.keys():
        return nan
    goal = max(epoch.valid_accuracy for epoch in run.histories[DENSE].epochs)
    return next((epoch.seconds for epoch in run.histories[name].epochs if epoch.valid_accuracy >= goal), nan)


def _mean(runs: Runs, of: Seconds, name: str) -> Estimate:
    """The mean over splits; unknown where one is."""
    found = [of(run, name) for run in runs]
    return UNKNOWN if any(isnan(one) for one in found) else mean(found)


def _ratio(runs: Runs, of: Seconds) -> Estimate:
    """How many times longer the dense net takes than the second convolutional one."""
    found = [of(run, DENSE) / of(run, CNN_2) for run in runs]
    return UNKNOWN if any(isnan(one) for one in found) else geometric_mean(found)


def _gap(runs: Runs, name: str) -> Estimate:
    """Training less validation accuracy in the last epoch."""
    if any(name not in run.histories for run in runs):
        return UNKNOWN
    last = [run.histories[name].epochs[-1] for run in runs]
    return mean([epoch.train_accuracy - epoch.valid_accuracy for epoch in last])


def _claims(at: Setting, runs: Runs, test: Mapping[str, Estimate], times: tuple[Estimate, Estimate]) -> Iterator[Claim]:
    gain = difference(test[CNN_2], test[DENSE])
    yield at.claim(
        "A convolutional net is more accurate than a dense one of as many numbers (H2).",
        more(test[CNN_2], test[DENSE]),
        said(test, [CNN_2, DENSE]),
    )
    yield at.claim(
        "The convolutional net is more accurate than the dense one by about 5 points.",
        same(gain, GAIN, None, GAIN_MARGIN),
        f"{100 * gain.value:+.1f} points ({100 * gain.low:.1f} to {100 * gain.high:.1f}); about is within two",
        levels=True,
    )
    for what, found in (("do an epoch", times[0]), (f"become as good as {DENSE} at its best", times[1])):
        yield at.claim(
            f"The convolutional net trains around 13 times as fast as the dense one, in time to {what}.",
            within(found, FASTER / FACTOR, FASTER * FACTOR),
            f"{_times(found)} as fast ({_engines(runs)}); it does {_macs(runs):.1f} times the multiply-adds per image; "
            "around is within a factor of two",
        )
    gaps = {name: _gap(runs, name) for name in (CNN_1, CNN_2)}
    yield at.claim(
        "The first convolutional net, with more numbers than drawings, overfits more than the second, with pooling.",
        more(gaps[CNN_1], gaps[CNN_2]),
        f"training less validation accuracy in the last epoch {100 * gaps[CNN_1].value:.1f} and "
        f"{100 * gaps[CNN_2].value:.1f} points",
    )
    yield at.claim(
        "The dense net does not struggle: its accuracy is reasonable, as people's .87 is (H1, which the study "
        "rejects).",
        within(test[DENSE], HUMANS),
        f"{score(test[DENSE])}; the study's discussion puts people above the dense net, its results do not",
        levels=True,
    )
    yield needs_people(
        "People get 87 % right, the dense net less, the convolutional net more.", said(test, [DENSE, CNN_2])
    )


def _times(found: Estimate) -> str:
    if isnan(found.value):
        return "no times known: one of them failed, or never became"
    if isnan(found.low):
        return f"{found.value:.2f} times"
    return f"{found.value:.2f} times ({found.low:.2f} to {found.high:.2f})"


def _engines(runs: Runs) -> str:
    """Who trained the two."""
    engines = dict.fromkeys(run[name].engine or "none" for run in runs for name in (DENSE, CNN_2))
    return f"trained by {' and '.join(engines)}"


def _macs(runs: Runs) -> float:
    a, b = (runs[0][name].macs or 0 for name in (CNN_2, DENSE))
    return a / b if b else float("nan")
