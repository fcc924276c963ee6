"""What a comparison says while it works: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from secondlook.show import format as fmt
from secondlook.show.facts import STATUS_WORDS
from secondlook.types import Row

__all__ = ["Narrator"]


# Work shorter than this needs no name.
_LONG_SECONDS = 1.0


def _about(seconds: float) -> str:
    text = fmt.seconds(seconds)
    return text if text.startswith("under") else f"about {text}"


class _TimeLeft(ProgressColumn):
    """Time left by the narrator's own estimate, not by rich's, which knows nothing of the models to come."""

    max_refresh = 0.5

    def __init__(self, narrator: Narrator) -> None:
        super().__init__()
        self._narrator = narrator

    def render(self, task: Task) -> Text:
        return Text(f"{_about(self._narrator.seconds_left())} left", style="dim")


class Narrator:
    """Tells how a comparison goes on. Everything goes to one stream; nothing to standard output.

    On a terminal one live line shows the models done, the current one, its epoch and the time left; elsewhere each
    model gets a line when it starts and a line when it ends.

    Args:
        stream: where to; standard error by default.
        quiet: say nothing at all.
    """

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._live: Progress | None = None
        self._bar: Any = None
        self._planned: dict[str, float] = {}
        self._spent = 0.0
        self._foreseen = 0.0
        self._current: tuple[str, float, float] | None = None
        self._lock = threading.Lock()

    def say(self, text: str) -> None:
        """A line of its own."""
        if self._quiet:
            return
        if self._live is not None:
            self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            # Whoever listened (``2>&1 | head``) may have left: the comparison goes on all the same.
            with contextlib.suppress(BrokenPipeError):
                self._stream.write(f"{text}\n")
                self._stream.flush()

    @contextlib.contextmanager
    def work(self, what: str) -> Iterator[None]:
        """Names work that takes longer than a second, once that is known: "looking for near duplicates …"."""
        late = threading.Timer(_LONG_SECONDS, self.say, [f"{what} …"])
        late.daemon = True
        late.start()
        try:
            yield
        finally:
            late.cancel()

    def plan(self, models_with_seconds: Sequence[tuple[str, float]]) -> None:
        """The models to come with the seconds each is expected to take."""
        self._planned = dict(models_with_seconds)
        n = len(self._planned)
        total = sum(self._planned.values())
        self.say(f"{n} model{'' if n == 1 else 's'}, {_about(total)}")
        if n and not self._quiet and self._stream.isatty():
            console = Console(file=self._stream)
            self._live = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=24),
                TextColumn("{task.completed:.0f} of {task.total:.0f} models", style="dim"),
                _TimeLeft(self),
                console=console,
                transient=True,
                refresh_per_second=4,
            )
            self._bar = self._live.add_task("", total=n)
            self._live.start()

    def start(self, model: str, seconds: float) -> None:
        """A model's fit begins; it is expected to take this many seconds."""
        with self._lock:
            self._planned[model] = seconds
            self._current = (model, seconds, time.monotonic())
        if self._live is not None:
            self._live.update(self._bar, description=model)
        else:
            self.say(f"{model}  fitting ({_about(seconds)}) …")

    def event(self, model: str, kind: str, data: Mapping[str, Any]) -> None:
        """News from a fit: ``"epoch"`` {"epoch", "epochs", "valid_accuracy"} or ``"search"`` {"done", "total"}.

        Other kinds, and all of them where there is no terminal, are not shown.
        """
        if self._live is None:
            return
        if kind == "epoch":
            valid = fmt.share(data.get("valid_accuracy"), digits=3)
            self._live.update(self._bar, description=f"{model}  epoch {data['epoch']}/{data['epochs']}  valid {valid}")
        elif kind == "search":
            self._live.update(self._bar, description=f"{model}  tried {data['done']} of {data['total']} settings")

    def done(self, row: Row, seconds: float) -> None:
        """A model ended, well or not, after this many seconds."""
        with self._lock:
            expected = self._planned.pop(row.model, 0.0)
            self._current = None
            if row.status == "ok":
                self._spent += seconds
                self._foreseen += expected
        if row.status == "ok":
            said = f"done in {fmt.seconds(seconds)}: valid {fmt.share(row.valid_accuracy, digits=3)}"
        else:
            after = "" if row.status == "skipped" else f" after {fmt.seconds(seconds)}"
            said = f"{STATUS_WORDS[row.status]}{after}" + (f": {row.reason}" if row.reason else "")
        self.say(f"{row.model}  {said}")
        if self._live is not None:
            self._live.update(self._bar, advance=1, description="")

    def seconds_left(self) -> float:
        """What the models to come were expected to take, corrected by how the finished ones kept to it."""
        with self._lock:
            pace = min(max(self._spent / self._foreseen, 0.2), 5.0) if self._foreseen > 0 else 1.0
            left = sum(self._planned.values()) * pace
            if self._current is not None:
                _, expected, began = self._current
                left -= min(time.monotonic() - began, expected * pace)
            return max(left, 0.0)

    def close(self) -> None:
        """Takes the live line away. Safe to call twice."""
        if self._live is not None:
            self._live.stop()
            self._live = None
