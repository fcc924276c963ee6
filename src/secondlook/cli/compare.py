"""``secondlook compare``: no logic."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from secondlook.cli.app import (
    Data,
    Engine,
    Group,
    Json,
    Mute,
    NoCache,
    Precision,
    Recipe,
    Resize,
    Seed,
    Side,
    Test,
    Valid,
    print_json,
)


def compare(
    ctx: typer.Context,
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
    recipe: Recipe = "",
    engine: Engine = "auto",
    precision: Precision = "auto",
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
    continue_: Annotated[
        str, typer.Option("--continue", help="Go on training a net of this finished run, in a run of its own.")
    ] = "",
    model: Annotated[str, typer.Option(help="The net that --continue goes on with.")] = "",
    out: Annotated[str | None, typer.Option(help="The run directory; runs/NAME-N by default.")] = None,
    json: Json = False,
) -> int:
    """Fit a ladder of models on your images; say which is really better, and whether it is good."""
    from secondlook.verbs.compare import compare as verb
    from secondlook.verbs.continuing import continue_run, refuse_others
    from secondlook.verbs.options import amount, own_nets

    given = {name for name in ctx.params if getattr(ctx.get_parameter_source(name), "name", "") == "COMMANDLINE"}
    if continue_ or model:
        refuse_others(given)
        run = continue_run(
            continue_,
            model,
            data=data if "data" in given else None,
            epochs=epochs,
            class_weight=class_weight or None,
            augment=augment or None,
            engine=engine if "engine" in given else None,  # type: ignore[arg-type]  # checked by the verb
            precision=precision if "precision" in given else None,  # type: ignore[arg-type]
            budget=budget,
            limit=limit,
            cache=not no_cache,
            mute=mute,
            out=out,
            quiet=json,
        )
        return _print_run(run, json=json)
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
        recipe=recipe,
        engine=engine,  # type: ignore[arg-type]  # the verb checks it and says what there is
        precision=precision,  # type: ignore[arg-type]
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
    return _print_run(run, json=json)


def _print_run(run: Any, *, json: bool) -> int:
    """Prints a finished run; the exit code that goes with it."""
    if json:
        print_json(run.json())
    else:
        from secondlook.show.terminal import table_text

        typer.echo(table_text(run, color=sys.stdout.isatty()), nl=False)
    return 0 if all(row.status == "ok" for row in run.rows) and not run.serious else 3
