"""The table of models as the report and the notebook show it: what stands in each cell."""

from __future__ import annotations

from dataclasses import dataclass

from secondlook.show import format as fmt
from secondlook.show import seeds
from secondlook.show.axis import Axis, tick_label
from secondlook.show.facts import STATUS_WORDS, chosen_row, finished, leaking, means, notes, tied
from secondlook.show.gaps import gap_words
from secondlook.show.glossary import glossary
from secondlook.show.palette import family
from secondlook.types import Row, Run

_COSTS = ("trained", "stored", "mult-adds", "fit s", "µs/image", "MB")
COLUMNS = ("balanced", "macro F1", "log-loss", "valid", "train", *_COSTS)
# Names of two lines closer than this, in percent of the axis, would run into each other; further right than
# _TURN_AT a name stands left of its line and needs more room.
_LABEL_ROOM, _LABEL_ROOM_TURNED, _TURN_AT = 30, 48, 70


@dataclass(frozen=True)
class Bar:
    """Places in percent of the common axis: the dot and the two ends of its interval."""

    dot: float
    low: float
    high: float
    title: str


@dataclass(frozen=True)
class Line:
    """One model: its name, what its test cells hold, and the other cells as (column, text, hover).

    `cut` says that it has scores though it did not train to its end; `mark` is the number of its note, 0 for none;
    `status` and `reason` say why a model without scores has none.
    """

    model: str
    family: str
    chosen: bool
    tied: bool
    bar: Bar | None
    test: str
    cells: tuple[tuple[str, str, str], ...]
    cut: bool
    mark: int
    status: str
    reason: str


@dataclass(frozen=True)
class Table:
    """Everything the template writes."""

    lines: tuple[Line, ...]
    columns: tuple[tuple[str, str], ...]
    ticks: tuple[tuple[float, str], ...]
    marks: tuple[tuple[float, str], ...]
    names: tuple[tuple[float, str], ...]
    notes: tuple[tuple[str, str], ...]
    stretched: bool
    ties: int
    gaps: str
    n_test: int | None
    scores: str


def digits(run: Run) -> int:
    """Decimals for every share of the table: those that the chosen model's test interval supports."""
    best = chosen_row(run)
    if best is None:
        return 3
    return fmt.decimals(arm(best, "test"))


def arm(row: Row, part: str) -> float | None:
    """Half-width of a part's interval, None where there is none."""
    value, low, high = (getattr(row, f"{part}_{what}") for what in ("accuracy", "low", "high"))
    return None if value is None or low is None or high is None else fmt.half_width(value, low, high)


def _interval(row: Row, part: str) -> str:
    low, high, n = (getattr(row, f"{part}_low"), getattr(row, f"{part}_high"), getattr(row, f"n_{part}"))
    if low is None:
        return f"n = {fmt.whole(n)}"
    return f"95 % interval {fmt.share(low, digits=4)} to {fmt.share(high, digits=4)}, n = {fmt.whole(n)}"


def leaks(run: Run) -> bool:
    """Whether test images leak, so that scores without them stand beside the others."""
    return any(leaking(row) for row in run.rows)


def columns(run: Run) -> tuple[str, ...]:
    """The columns right of the test accuracy."""
    at = COLUMNS.index("valid")
    found = (*COLUMNS[:at], "seeds", *COLUMNS[at:]) if seeds.seeded(run) else COLUMNS
    return ("clean", *found) if leaks(run) else found


def _cells(row: Row, places: int, shown: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    def part(name: str) -> tuple[str, str]:
        value = getattr(row, f"{name}_accuracy")
        return fmt.share(value, arm(row, name), places), "" if value is None else _interval(row, name)

    found = (
        ("clean", *part("clean")),
        ("balanced", fmt.share(row.test_balanced_accuracy, digits=places), ""),
        ("macro F1", fmt.share(row.test_macro_f1, digits=places), ""),
        ("log-loss", fmt.loss(row.test_log_loss), ""),
        ("seeds", seeds.spread_of(row), seeds.hover(row)),
        ("valid", *part("valid")),
        ("train", *part("train")),
        ("trained", fmt.count(row.trained), fmt.whole(row.trained)),
        ("stored", fmt.count(row.stored), fmt.whole(row.stored)),
        ("mult-adds", fmt.count(row.macs), fmt.whole(row.macs)),
        ("fit s", fmt.number(row.fit_seconds), f"trained by {row.engine}" if row.engine else ""),
        ("µs/image", fmt.number(row.predict_us), ""),
        ("MB", fmt.number(row.peak_mb), ""),
    )
    return tuple(cell for cell in found if cell[0] in shown)


def _bar(row: Row, axis: Axis) -> Bar | None:
    if row.test_accuracy is None:
        return None
    low = row.test_accuracy if row.test_low is None else row.test_low
    high = row.test_accuracy if row.test_high is None else row.test_high
    dot, left, right = (round(100 * axis.position(v), 2) for v in (row.test_accuracy, low, high))
    return Bar(dot, left, right, f"{row.model}: {_interval(row, 'test')}{_ended(row)}")


def _ended(row: Row) -> str:
    return f"; {STATUS_WORDS[row.status]}" if row.status != "ok" else ""


def _line(row: Row, run: Run, axis: Axis, same: set[str], places: int, mark: int) -> Line:
    return Line(
        row.model,
        family(row.family)[2],
        row.model == run.chosen,
        row.model in same,
        _bar(row, axis),
        fmt.share(row.test_accuracy, arm(row, "test"), places),
        _cells(row, places, columns(run)),
        row.status != "ok" and row.test_accuracy is not None,
        mark,
        STATUS_WORDS[row.status],
        row.reason,
    )


def mark_names(marks: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Names for the chance and majority lines; one name for both where two would run into each other."""
    (a, first), (b, second) = sorted(marks)
    if b - a < (_LABEL_ROOM_TURNED if b > _TURN_AT else _LABEL_ROOM):
        return [(a, f"{first}, {second}")]
    return [(a, first), (b, second)]


def table(run: Run) -> Table:
    """What the table shows, ready to be written."""
    axis, same, places = Axis.of(run), tied(run), digits(run)
    marks = [
        (round(100 * axis.position(v), 2), name) for v, name in ((run.chance, "chance"), (run.majority, "majority"))
    ]
    said = notes(run)
    meanings = glossary(run)
    numbers = {model: i for i, (models, _) in enumerate(said, 1) for model in models}
    return Table(
        tuple(_line(row, run, axis, same, places, numbers.get(row.model, 0)) for row in run.rows),
        tuple((name, meanings[name]) for name in columns(run)),
        tuple((round(100 * axis.position(t), 2), tick_label(t)) for t in axis.ticks()),
        tuple(marks),
        tuple(mark_names(marks)),
        tuple((", ".join(models), text) for models, text in said),
        axis.stretched,
        len(same - {run.chosen}),
        gap_words(run, [row.model for row in run.rows if row.model in same - {run.chosen}]),
        next((r.n_test for r in finished(run)), None),
        _scores(run),
    )


def _scores(run: Run) -> str:
    """What dot and line are, in words."""
    if run.cv is not None:
        return f"accuracy, {means(run)}, with its 95 % interval by Nadeau and Bengio"
    n = next((r.n_test for r in finished(run)), None)
    return f"accuracy on {fmt.whole(n)} test images with its 95 % interval"
