"""Going on with a net's training: a child run that names its parent, on the same images and the same parts."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from secondlook.errors import UsageError
from secondlook.models.class_weight import NONE, as_text
from secondlook.models.engines.choice import EngineName, Precision
from secondlook.models.entry import Entry
from secondlook.models.ladder import ladder, own_net
from secondlook.runs.parent import Parent, open_parent
from secondlook.types import Run
from secondlook.verbs.audit import muted
from secondlook.verbs.comparing import Request, compared
from secondlook.verbs.options import Options, seconds
from secondlook.verbs.recipes import as_text as as_recipe
from secondlook.verbs.recipes import recipe_of

# What of the command line goes with --continue; all else is the parent's.
FREE = frozenset(
    {"data", "continue_", "model", "epochs", "class_weight", "augment", "engine", "precision", "budget", "limit",
     "no_cache", "mute", "out", "json"}
)  # fmt: skip


def continue_run(
    run: str | Path,
    model: str = "",
    *,
    data: Any = None,
    epochs: int | None = None,
    class_weight: str | Mapping[str, float] | None = None,
    augment: str | None = None,
    engine: EngineName | None = None,
    precision: Precision | None = None,
    budget: str | float | None = None,
    limit: str | float | None = None,
    cache: bool = True,
    mute: str | Iterable[str] | None = None,
    out: str | Path | None = None,
    quiet: bool = False,
) -> Run:
    """Goes on training a net of a finished run, as a run of its own; the finished one is not changed.

    The net's weights, its optimiser's moments and its random streams go on where they ended, on the same images and
    parts, and its history with them. With a constant learning rate 10 epochs and 10 more are, to the bit, 20 without a
    stop; the cosine of the ladder's nets begins anew at the full rate, without a rise (a warm restart: Loshchilov and
    Hutter 2017, arXiv 1608.03983). All epochs asked for are trained: patience is off.

    Args:
        run: the run's directory, finished; a run that goes on from another may be gone on with itself.
        model: the net; may be left out where the run has one only.
        data: as `compare` takes it, where it is no longer at the place that the run names; it must be the same.
        epochs: how many more at most; by default as many as the run was asked for.
        class_weight, augment: in place of the run's own; "none" for none. The best epoch is then sought among the new
            ones alone, otherwise among all since the objective last changed.
        engine, precision: in place of the run's own; any engine goes on from any other.
        budget, limit, cache, mute, out, quiet: as in `compare`; `mute` is the run's own unless given.

    Returns:
        The finished child. Its `rounds` have the net's scores after each round, on the same test part.

    Raises:
        UsageError, RunError: the run or the model cannot be gone on with, or the images are others.
        DataError, InterruptedRunError: as in `compare`.
    """
    parent = open_parent(run, model)
    asked = {
        "epochs": epochs,
        "class_weight": None if class_weight is None else as_text(class_weight) or NONE,
        "augment": None if augment is None else augment.strip() or NONE,
        "engine": engine,
        "precision": precision,
        "budget": seconds(budget),
        "limit": seconds(limit),
        "mute": None if mute is None else ",".join(muted(mute)),
    }
    options = _options(parent, asked, cache)
    if data is None and parent.run.data["source"] == "arrays":
        raise UsageError(f"expected data, since {parent.run.path} was made of arrays, got none; give them again")
    request = Request(
        parent.run.data["source"] if data is None else data,
        parent.model,
        {parent.model: parent.run[parent.model].net},
        options,
        muted(options.mute),
        out,
        quiet,
        parent,
        lambda path: _command(parent, data, asked, cache, path),
    )
    return compared(request, lambda: [_entry(parent)])


def refuse_others(given: Iterable[str]) -> None:
    """Refuses options of `compare` that a run which goes on from another takes from that.

    Args:
        given: names of the parameters that were given on the command line.

    Raises:
        UsageError: one of them is settled, or there is no run to go on from.
    """
    if "continue_" not in (given := {*given}):
        raise UsageError("expected --model with --continue RUN, got it alone; a comparison takes --models")
    settled = sorted(given - FREE)
    if settled:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in settled)
        them = "it" if len(settled) == 1 else "them"
        raise UsageError(f"expected --continue without {names}, which the run has settled; leave {them} out")


def _options(parent: Parent, asked: Mapping[str, Any], cache: bool) -> Options:
    """The parent's options but for what is asked; nothing is searched, and one seed goes on."""
    config = parent.run.config
    known = {f.name: config[f.name] for f in fields(Options) if f.name in config}
    new = {name: "" if value == NONE else value for name, value in asked.items() if value is not None}
    settled = {"tune": False, "seeds": 1, "budget": None, "limit": None, "cache": cache}
    # Patience is off: all epochs asked for are trained.
    recipe = {name: value for name, value in recipe_of(known.get("recipe", "")).items() if name != "patience"}
    return Options(**{**known, **settled, "recipe": as_recipe(recipe), **new})


def _entry(parent: Parent) -> Entry:
    """The net as the parent had it: of the ladder, or by its text."""
    text = parent.run[parent.model].net
    known = ladder().get(parent.model)
    return known if known is not None and known.net == text else own_net(parent.model, text)


def _command(parent: Parent, data: Any, asked: Mapping[str, Any], cache: bool, path: Path) -> str:
    """The command line that makes the child, or goes on with it."""
    words = ["secondlook", "compare"]
    if data is not None:
        words.append(str(data) if isinstance(data, str | Path) else "DATA")
    words += ["--continue", str(parent.run.path), "--model", parent.model]
    for name, value in asked.items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", f"{value:g}" if isinstance(value, float) else str(value)]
    return shlex.join([*words, *([] if cache else ["--no-cache"]), "--out", str(path)])
