"""What the terminal and the report say of several seeds."""

from __future__ import annotations

from secondlook.show import format as fmt
from secondlook.types import Row, Run


def spread_of(row: Row) -> str:
    """Mean and standard deviation over a model's seeds: ".969 ± .004"; a dash where no seed moves it."""
    if row.seeds is None or row.seeds_mean is None or row.seeds_sd is None:
        return fmt.MISSING
    return fmt.share(row.seeds_mean, row.seeds_sd)


def hover(row: Row) -> str:
    """The range of a model's seeds, and what the table's own score is, for those who point at it."""
    if row.seeds is None or row.seeds_low is None or row.seeds_high is None:
        return "the same by every seed"
    low, high = (fmt.share(value, digits=4) for value in (row.seeds_low, row.seeds_high))
    return f"mean and standard deviation of {row.seeds} seeds, from {low} to {high}; the row is the first seed's"


def seeded(run: Run) -> list[Row]:
    """The rows that several seeds were fitted for."""
    return [row for row in run.rows if row.seeds_mean is not None]


def lines(run: Run) -> list[str]:
    """The spread over seeds beside that over items, a line."""
    rows = seeded(run)
    if not rows:
        return []
    said = "; ".join(f"{row.model} {spread_of(row)}" for row in rows)
    return [f"over {max(row.seeds or 0 for row in rows)} seeds, mean test accuracy ± standard deviation: {said}"]
