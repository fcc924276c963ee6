"""The command line: one command per verb, no logic."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from typing import Annotated, Any

import typer

from secondlook import __version__

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Take a second look at your image classifier: which model is really better, and is it good?",
)

# Options that commands share: the same names, defaults and words everywhere.
Data = typer.Argument(help="A folder, a file, or a built-in: digits, slash.")
Test = Annotated[str, typer.Option(help="Share (0.15) or number (250) of items to judge by.")]
Valid = Annotated[str, typer.Option(help="Share (0.15) or number (150) of items to choose by.")]
Group = Annotated[str, typer.Option(help="What belongs together: a manifest's column, or a pattern on item names.")]
Side = Annotated[int | None, typer.Option(help="Resize images to SIZE x SIZE.")]
Resize = Annotated[str, typer.Option(help="How images of another form become square: stretch, pad, crop.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Decode anew, and keep nothing decoded.")]
Seed = Annotated[int, typer.Option(help="Gives every random stream.")]
Mute = Annotated[list[str] | None, typer.Option(help="Codes of findings to leave out: D103,D201. Repeatable.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"secondlook {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command(no_args_is_help=False)
def compare(
    data: Annotated[str, Data] = "digits",
    models: Annotated[
        str | None, typer.Option(help="Names with commas between, or all. See the docs for the ladder.")
    ] = None,
    net: Annotated[
        list[str] | None, typer.Option(help='Your own net: NAME="conv 8 3x3, relu, maxpool 2". Repeatable.')
    ] = None,
    test: Test = "0.15",
    valid: Valid = "0.15",
    cv: Annotated[
        str | None, typer.Option(help="Folds in place of a test part: 5, or 5x3 for 5 folds 3 times over; 5 is 5x2.")
    ] = None,
    group: Group = "",
    metric: Annotated[
        str, typer.Option(help="What chooses: balanced_accuracy, accuracy, macro_f1, log_loss.")
    ] = "balanced_accuracy",
    tune: Annotated[
        bool, typer.Option("--tune", help="Search each model's settings on folds of the training part.")
    ] = False,
    epochs: Annotated[int | None, typer.Option(help="The most that nets are trained.")] = None,
    class_weight: Annotated[
        str, typer.Option(help="How much a class counts in training: balanced, or NAME=7,OTHER=1 (1 where not named).")
    ] = "",
    augment: Annotated[
        str, typer.Option(help="Vary the training images of nets: auto, or shift=2,rotate=10,flip. See the docs.")
    ] = "",
    objective: Annotated[
        str, typer.Option(help="Thresholds chosen on validation: recall:NAME>=0.9, or a metric such as macro_f1.")
    ] = "",
    cost: Annotated[
        str, typer.Option(help="A CSV of what each answer costs for each true class, in place of --objective.")
    ] = "",
    seeds: Annotated[int, typer.Option(help="Fit every model so many times, and show how far chance moves it.")] = 1,
    labels: Annotated[str, typer.Option(help="A file of decisions on labels, as secondlook suspects writes it.")] = "",
    budget: Annotated[str | None, typer.Option(help="Time for the whole command: 90s, 10m, 1h.")] = None,
    limit: Annotated[str | None, typer.Option(help="Time for one model, its predictions too: 90s, 10m, 1h.")] = None,
    size: Side = None,
    resize: Resize = "stretch",
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse faults and tiny classes instead of leaving them out.")
    ] = False,
    no_cache: NoCache = False,
    seed: Seed = 0,
    mute: Mute = None,
    out: Annotated[str | None, typer.Option(help="The run directory; runs/NAME-N by default.")] = None,
    json: Json = False,
) -> int:
    """Fit a ladder of models on your images; say which is really better, and whether it is good."""
    from secondlook.verbs.compare import compare as verb
    from secondlook.verbs.options import amount, own_nets

    run = verb(
        data,
        models=models,
        nets=own_nets(net or []),
        test=amount("test", test),
        valid=amount("valid", valid),
        cv=cv,
        group=group,
        metric=metric,  # type: ignore[arg-type]  # the verb checks it and says what there is
        tune=tune,
        epochs=epochs,
        class_weight=class_weight,
        augment=augment,
        objective=objective,
        cost=cost,
        seeds=seeds,
        labels=labels,
        budget=budget,
        limit=limit,
        size=size,
        resize=resize,  # type: ignore[arg-type]  # the reader checks it and says what there is
        strict=strict,
        cache=not no_cache,
        seed=seed,
        mute=mute or (),
        out=out,
        quiet=json,
    )
    _print_run(run, json=json)
    return 0 if all(row.status == "ok" for row in run.rows) and not run.serious else 3


@app.command()
def audit(
    data: Annotated[str | None, Data] = None,
    out: Annotated[
        str | None, typer.Option(help="The folder for audit.html and audit.json; runs/NAME-audit-N by default.")
    ] = None,
    mute: Mute = None,
    size: Side = None,
    resize: Resize = "stretch",
    group: Group = "",
    strict: Annotated[bool, typer.Option("--strict", help="Refuse a source with faults.")] = False,
    no_cache: NoCache = False,
    test: Test = "0.15",
    valid: Valid = "0.15",
    seed: Seed = 0,
    json: Json = False,
    clear_cache: Annotated[
        bool, typer.Option("--clear-cache", help="Empty the cache of decoded images first; needs no DATA.")
    ] = False,
) -> int:
    """Look at your images before any training: copies, leakage, classes, odd images, shortcuts, faults."""
    from secondlook.verbs.audit import audit as verb
    from secondlook.verbs.audit import cleared
    from secondlook.verbs.options import amount

    if clear_cache:
        typer.echo(cleared(), err=data is not None or json)
        if data is None:
            return 0
    if data is None:
        raise typer.BadParameter("expected DATA: a folder, a file, or a built-in: digits, slash.")
    found = verb(
        data,
        size=size,
        resize=resize,  # type: ignore[arg-type]  # the reader checks it and says what there is
        group=group,
        strict=strict,
        cache=not no_cache,
        valid=amount("valid", valid),
        test=amount("test", test),
        seed=seed,
        mute=mute or (),
        out=out,
        quiet=json,
    )
    _print_audit(found, json=json)
    return 3 if found.serious else 0


@app.command()
def make(
    what: Annotated[str, typer.Argument(help="What to make: slash.")],
    out: Annotated[str, typer.Argument(help="The file to write, NAME.npz.")],
    n: Annotated[int, typer.Option(help="Number of images.")] = 1000,
    size: Annotated[int, typer.Option(help="Height and width in pixels.")] = 30,
    noise: Annotated[float, typer.Option(help="Half the width of the uniform noise.")] = 0.25,
    length: Annotated[int, typer.Option(help="Pixels of a slash.")] = 4,
    seed: Seed = 0,
) -> int:
    """Write a generated data set: images that only convolution tells apart."""
    from secondlook.verbs.make import make as verb

    path = verb(what, out, n=n, size=size, noise=noise, length=length, seed=seed)
    typer.echo(f"{path}: {n:,} images of {size}x{size}")
    return 0


def _print_audit(found: Any, *, json: bool) -> None:
    if json:
        _print_json(found.json())
        return
    from secondlook.show.audit_terminal import audit_text

    typer.echo(audit_text(found, color=sys.stdout.isatty()), nl=False)


def _print_json(document: Any) -> None:
    from secondlook.runs.files import json_bytes

    typer.echo(json_bytes(document).decode(), nl=False)


def _print_run(run: Any, *, json: bool) -> None:
    if json:
        _print_json(run.json())
        return
    from secondlook.show.terminal import table_text

    typer.echo(table_text(run, color=sys.stdout.isatty()), nl=False)


def main() -> None:
    """The entry point: runs a command and turns every error into one sentence and an exit code."""
    from secondlook.errors import SecondlookError

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without our characters must not cost the results
    try:
        code = app(standalone_mode=False)
    except SecondlookError as error:
        typer.echo(f"secondlook: {error}", err=True)
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        typer.echo("secondlook: interrupted", err=True)
        code = 130
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        code = _usage(error)
    sys.exit(code or 0)


def _usage(error: Exception) -> int:
    """The parser's own complaints as a sentence; anything else is a defect of ours and keeps its traceback."""
    words = getattr(error, "format_message", None)
    if words is None:
        raise error
    helped = type(error).__name__ == "NoArgsIsHelpError"
    typer.echo(words() if helped else f"secondlook: {words()} See secondlook --help.", err=True)
    return 2
