"""``secondlook mistakes``: no logic."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from secondlook.cli.app import Json, print_json


def mistakes(
    run: Annotated[str, typer.Argument(help="A finished run's directory.")],
    model: Annotated[
        str, typer.Option(help="Whose mistakes: a model, or all for those of all models; the chosen one by default.")
    ] = "",
    part: Annotated[
        str, typer.Option(help="test, train, valid, several of them with commas between, or all.")
    ] = "test",
    class_: Annotated[str | None, typer.Option("--class", help="The true class to look at; all by default.")] = None,
    top: Annotated[int | None, typer.Option(help="The most that are shown of each class in each part.")] = None,
    data: Annotated[str | None, typer.Option(help="Where the images are now, if not where the run found them.")] = None,
    out: Annotated[
        str | None, typer.Option(help="NAME.html, NAME.csv, or a folder for the images; printed without.")
    ] = None,
    json: Json = False,
) -> int:
    """Show what a run's models got wrong, by true class: the worst first, with the nearest training images."""
    from secondlook.verbs.mistakes import mistakes as verb

    found = verb(run, model=model, part=part, class_=class_, top=top, data=data, out=out, quiet=json)
    _print_mistakes(found, out, json=json)
    return 0


def _print_mistakes(found: Any, out: str | None, *, json: bool) -> None:
    if json:
        print_json(found.json())
        return
    from secondlook.show.mistakes_terminal import mistakes_text, written_text

    color = sys.stdout.isatty()
    typer.echo(mistakes_text(found, color=color) if out is None else written_text(found, out, color=color), nl=False)
