"""``secondlook study``: no logic."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from secondlook.cli.app import (
    Data,
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
    print_json,
)


def study(
    kind: Annotated[str, typer.Argument(help="What to vary: size, imbalance, classes, grid, noise.")],
    data: Annotated[str, Data] = "digits",
    values: Annotated[
        str,
        typer.Argument(help="Images per class 500,1000; of the minority; classes 3..10; or per cent wrong 0,5,10."),
    ] = "",
    models: Annotated[str | None, typer.Option(help="Names with commas between, or all; logistic,lenet.")] = None,
    net: Annotated[
        list[str] | None, typer.Option(help='Your own net: NAME="conv 8 3x3, relu, maxpool 2". Repeatable.')
    ] = None,
    rows: Annotated[
        str, typer.Option(help="Images per class of the other kinds; of a grid several: 500..3000:500.")
    ] = "",
    classes: Annotated[str, typer.Option(help="Numbers of classes of a grid: 3..10.")] = "",
    minority: Annotated[str, typer.Option(help="The class that is rare in a study of imbalance.")] = "",
    remedy: Annotated[str, typer.Option(help="What to try against it: weights,oversample,augment.")] = "",
    augment: Annotated[
        str, typer.Option(help="What the remedy of that name varies images by.")
    ] = "shift=1,rotate=5,zoom=0.05",
    accuracy: Annotated[str, typer.Option(help="Say how many images these accuracies ask for: 0.95,0.99.")] = "",
    seeds: Annotated[int, typer.Option(help="Draws of every cell: other images, other initial weights.")] = 3,
    test: Test = "0.15",
    epochs: Annotated[int | None, typer.Option(help="The most that nets are trained.")] = None,
    recipe: Recipe = "",
    engine: Annotated[
        str, typer.Option(help="Who trains nets: auto (native code where a net has it), torch, native.")
    ] = "auto",
    precision: Precision = "auto",
    limit: Annotated[str | None, typer.Option(help="Time for one cell: 90s, 10m, 1h.")] = None,
    workers: Annotated[int | None, typer.Option(help="Cells at a time; as many as there are cores.")] = None,
    on: Annotated[str, typer.Option(help="Where cells run: local, ray, auto, ray://HOST:PORT.")] = "local",
    group: Group = "",
    size: Side = None,
    resize: Resize = "stretch",
    strict: Annotated[bool, typer.Option("--strict", help="Refuse a source with faults.")] = False,
    no_cache: NoCache = False,
    seed: Seed = 0,
    mute: Mute = None,
    out: Annotated[str | None, typer.Option(help="The study's directory; runs/NAME-study-N by default.")] = None,
    json: Json = False,
) -> int:
    """Study what the data does to models: their size, imbalance, number of classes, wrong labels."""
    from secondlook.verbs.options import amount, own_nets
    from secondlook.verbs.study import study as verb

    found = verb(
        kind,  # type: ignore[arg-type]  # the verb checks it and says what there is
        data,
        values,
        models=models,
        nets=own_nets(net or []),
        rows=rows,
        classes=classes,
        minority=minority,
        remedy=remedy,
        augment=augment,
        accuracy=accuracy,
        seeds=seeds,
        test=amount("test", test),
        epochs=epochs,
        recipe=recipe,
        engine=engine,  # type: ignore[arg-type]
        precision=precision,  # type: ignore[arg-type]
        limit=limit,
        workers=workers,
        on=on,
        group=group,
        size=size,
        resize=resize,  # type: ignore[arg-type]
        strict=strict,
        cache=not no_cache,
        seed=seed,
        mute=[code for one in mute or () for code in one.split(",")],
        out=out,
        quiet=json,
    )
    _print_study(found, json=json)
    return 3 if any(finding.severity == "serious" for finding in found.findings) else 0


def _print_study(found: Any, *, json: bool) -> None:
    if json:
        print_json(found.json())
        return
    from secondlook.show.study_terminal import study_text

    typer.echo(study_text(found, color=sys.stdout.isatty()), nl=False)
