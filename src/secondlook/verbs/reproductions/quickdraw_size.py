"""Quick, Draw!, the size of the data: accuracy and loss after the first and the last epoch, for several sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from secondlook.judge.claims import all_hold, figure, more
from secondlook.measure.estimates import alone
from secondlook.types import Claim, Epoch, Estimate, Figure, FigureTable, Study
from secondlook.types.reproduction import Unit
from secondlook.verbs.reproductions.quickdraw_recipe import CNN_2, K, draws, epochs, most, of_value, recipe
from secondlook.verbs.reproductions.setting import Outcome, Setting, epoch_mean, score
from secondlook.verbs.study import study

# Drawings per class: (training accuracy, validation accuracy, training loss, validation loss) after epochs 1 and 10.
PUBLISHED: Mapping[int, tuple[tuple[float, ...], tuple[float, ...]]] = {
    500: ((0.39, 0.58, 1.93, 1.45), (0.92, 0.82, 0.25, 0.63)),
    1_000: ((0.46, 0.62, 1.66, 1.22), (0.91, 0.83, 0.28, 0.63)),
    3_000: ((0.66, 0.77, 1.09, 0.77), (0.93, 0.87, 0.22, 0.87)),
    5_000: ((0.66, 0.79, 0.99, 0.66), (0.93, 0.89, 0.22, 0.41)),
    7_000: ((0.69, 0.80, 0.99, 0.70), (0.93, 0.89, 0.22, 0.38)),
    10_000: ((0.76, 0.83, 0.79, 0.56), (0.91, 0.89, 0.20, 0.35)),
}
MEASURES: Mapping[str, Callable[[Epoch], float]] = {
    "train accuracy": lambda epoch: epoch.train_accuracy,
    "validation accuracy": lambda epoch: epoch.valid_accuracy,
    "train loss": lambda epoch: epoch.objective,
    "validation loss": lambda epoch: epoch.valid_loss,
}
# Sizes of ours alone, for the law.
MORE = (2_000,)
QUICK = (200, 500, 800)


def size(at: Setting, data: tuple[Any, Any]) -> Outcome:
    """The second convolutional net on nested sets, each seed another draw."""
    here = most(data)
    sizes = QUICK if at.quick else tuple(sorted(n for n in (*PUBLISHED, *MORE) if n <= here))
    found = study("size", data, sizes, models=CNN_2, seeds=draws(at), **recipe(at), **at.options("sizes"))
    table = FigureTable(
        f"Drawings per class: {CNN_2} after the first and the last epoch",
        tuple(line for n in sorted({*PUBLISHED, *sizes}) for line in _figures(at, found, n, n in sizes)),
        f"The study's last epoch is its tenth, ours is number {epochs(at)}. Ours are means over seeds with Student's "
        "intervals; training losses are running means while the weights move, as in Keras, accuracies are measured "
        "after the epoch. The study's 3,000 has the same .87 for accuracy and loss, which looks like a slip.",
    )
    return Outcome((table,), tuple(_claims(at, found, sizes)), ())


def _figures(at: Setting, found: Study, n: int, there: bool) -> list[Figure]:
    lines = []
    for which, epoch in enumerate((1, epochs(at))):
        published = PUBLISHED.get(n, ((None,) * 4,) * 2)[which]
        cells = of_value(found, n)
        for (measure, of), theirs in zip(MEASURES.items(), published, strict=True):
            why = "" if there else "not in the quick version" if at.quick else "not so many drawings at hand"
            ours = epoch_mean(cells, epoch, of)
            unit: Unit = "share" if "accuracy" in measure else "nats"
            # Keras prints training accuracy as a running mean while the weights move, far behind in the first epoch.
            n_theirs = (K * n * 4 // 5 if measure == "train accuracy" else K * n // 5) if unit == "share" else None
            if epoch == 1 and measure == "train accuracy":
                ours = alone(ours.value)
            lines.append(
                figure(f"{n:,}, {('first', 'last')[which]} epoch", measure, theirs, ours, unit, n=n_theirs, why=why)
            )
    return lines


def _claims(at: Setting, found: Study, sizes: tuple[int, ...]) -> Iterator[Claim]:
    def last(n: int, of: Callable[[Epoch], float]) -> Estimate:
        return epoch_mean(of_value(found, n), epochs(at), of)

    few, many = sizes[0], sizes[-1]
    gap = {n: last(n, lambda epoch: epoch.train_accuracy - epoch.valid_accuracy) for n in (few, many)}
    valid = {n: last(n, lambda epoch: epoch.valid_accuracy) for n in (few, many)}
    yield at.claim(
        "Little data leads to overfitting: training outruns validation the more, the fewer drawings there are (H3).",
        all_hold(more(gap[few], gap[many]), more(valid[many], valid[few])),
        f"training less validation accuracy {100 * gap[few].value:.1f} points at {few:,} per class, "
        f"{100 * gap[many].value:.1f} at {many:,}; validation {score(valid[few])} and {score(valid[many])}",
    )
