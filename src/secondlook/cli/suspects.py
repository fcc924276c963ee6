"""``secondlook suspects``: no logic."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from secondlook.cli.app import Data, Engine, Group, Json, NoCache, Precision, Resize, Seed, Side, print_json


def suspects(
    data: Annotated[str, Data],
    models: Annotated[
        str | None, typer.Option(help="Who answers: names of the ladder with commas between; lenet,knn,logistic.")
    ] = None,
    net: Annotated[
        list[str] | None, typer.Option(help='Your own net: NAME="conv 8 3x3, relu, maxpool 2". Repeatable.')
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="The most that nets are trained; two fifths of a comparison's by default.")
    ] = None,
    engine: Engine = "auto",
    precision: Precision = "auto",
    limit: Annotated[str | None, typer.Option(help="Time for one model on one fold: 90s, 10m, 1h.")] = None,
    group: Group = "",
    size: Side = None,
    resize: Resize = "stretch",
    strict: Annotated[bool, typer.Option("--strict", help="Refuse a source with faults.")] = False,
    no_cache: NoCache = False,
    seed: Seed = 0,
    out: Annotated[
        str | None,
        typer.Option(help="The table, NAME.csv, or a folder; runs/NAME-suspects-N by default. A page lies beside."),
    ] = None,
    json: Json = False,
) -> int:
    """Rank every label by how far it is to be trusted, the worst first; estimate how many are wrong."""
    from secondlook.verbs.options import own_nets
    from secondlook.verbs.suspects import suspects as verb

    found = verb(
        data,
        models=models,
        nets=own_nets(net or []),
        epochs=epochs,
        engine=engine,  # type: ignore[arg-type]  # the verb checks it and says what there is
        precision=precision,  # type: ignore[arg-type]
        limit=limit,
        group=group,
        size=size,
        resize=resize,  # type: ignore[arg-type]  # the reader checks it and says what there is
        strict=strict,
        cache=not no_cache,
        seed=seed,
        out=out,
        quiet=json,
    )
    _print_suspects(found, json=json)
    return 3 if found.data["failed"] else 0


def _print_suspects(found: Any, *, json: bool) -> None:
    if json:
        print_json(found.json())
        return
    from secondlook.show.suspects_terminal import suspects_text

    typer.echo(suspects_text(found, color=sys.stdout.isatty()), nl=False)
