"""What a study says while it works: cells done, time left, and the table growing."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from secondlook.show import format as fmt
from secondlook.types import Cell

# Where there is no terminal, a line at most every so many seconds.
_EVERY = 5.0


class Progress:
    """Tells how a study goes on, on standard error: a live line on a terminal, a line now and then elsewhere.

    The time left follows from how long the finished cells took beside what they were expected to.
    """

    def __init__(self, quiet: bool = False, stream: TextIO | None = None) -> None:
        self._quiet, self._stream = quiet, sys.stderr if stream is None else stream
        self._live: Bar | None = None
        self._task: Any = None

    def begin(self, total: int, known: Sequence[Cell], expected: Mapping[str, float]) -> None:
        """The study has so many cells; some are known, the others are expected to take so many seconds each."""
        self._total, self._done = total, len(known)
        self._expected, self._foreseen = dict(expected), 0.0
        self._started = self._said = time.monotonic()
        if known:
            self._say(f"{len(known):,} of {total:,} cells are done already")
        if self._quiet or not self._stream.isatty() or not expected:
            return
        self._live = Bar(
            TextColumn("{task.description}", markup=False), BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f} of {task.total:.0f} cells", style="dim"),
            TextColumn("{task.fields[left]}", style="dim"), console=Console(file=self._stream), transient=True,
            refresh_per_second=4,
        )  # fmt: skip
        self._task = self._live.add_task("", total=total, completed=len(known), left="")
        self._live.start()

    def event(self, key: str, kind: str, data: Mapping[str, Any]) -> None:
        """News from a cell."""
        if self._live is not None and kind == "epoch":
            self._live.update(self._task, description=f"{key.split('--')[0]}  epoch {data['epoch']}/{data['epochs']}")

    def ended(self, cell: Cell, seconds: float) -> None:
        """A cell has ended, well or not."""
        self._done += 1
        self._foreseen += self._expected.pop(cell.name, 0.0)
        left = self._left()
        line = f"{described(cell)}  {outcome(cell)}"
        if self._live is not None:
            self._live.console.print(line, markup=False, highlight=False, soft_wrap=True)
            self._live.update(self._task, completed=self._done, left=left)
        elif cell.status != "ok" or time.monotonic() - self._said > _EVERY or self._done == self._total:
            self._said = time.monotonic()
            self._say(f"{self._done:,} of {self._total:,} cells{f', {left}' if left else ''}: {line}")

    def close(self) -> None:
        """Takes the live line away. Safe to call twice."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _left(self) -> str:
        if not self._expected or self._foreseen <= 0:
            return ""
        pace = (time.monotonic() - self._started) / self._foreseen
        text = fmt.seconds(pace * sum(self._expected.values()))
        return f"{text if text.startswith('under') else f'about {text}'} left"

    def _say(self, text: str) -> None:
        if not self._quiet:
            with contextlib.suppress(BrokenPipeError):
                self._stream.write(f"{text}\n")
                self._stream.flush()


def described(cell: Cell) -> str:
    """What a cell varies, in words: "lenet, 500 per class, seed 2"."""
    words = [cell.model, f"{cell.rows:,} per class"]
    words += [f"{cell.classes} classes"]
    words += [f"{cell.order} classes"] if cell.order == "hardest" else []
    words += [f"minority {cell.minority:,}"] if cell.minority is not None else []
    words += [f"{cell.noise:g} % wrong"] if cell.noise is not None else []
    words += [cell.remedy] if cell.remedy else []
    return ", ".join([*words, f"seed {cell.seed + 1}"])


def outcome(cell: Cell) -> str:
    """How a cell ended."""
    if cell.status != "ok":
        return f"{cell.status}: {cell.reason}"
    half = fmt.half_width(cell.test_accuracy or 0.0, cell.test_low or 0.0, cell.test_high or 1.0)
    return fmt.share(cell.test_accuracy, half)
