"""``secondlook reproduce``: no logic."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from secondlook.cli.app import Json, Seed, print_json


def reproduce(
    studies: Annotated[
        str, typer.Argument(help="slash, digits, hard-digits, hotdog, quickdraw, several with commas between, or all.")
    ],
    data: Annotated[str | None, typer.Option(help="The folder that holds the studies' images.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Shortened to less than two minutes each.")] = False,
    seed: Seed = 0,
    out: Annotated[str | None, typer.Option(help="The directory; runs/reproduce-NAME-N by default.")] = None,
    json: Json = False,
) -> int:
    """Make published studies again: their figures beside yours, and which of their claims hold."""
    from secondlook.verbs.reproduce import reproduce as verb

    found = verb(studies, data, quick=quick, seed=seed, out=out, quiet=json)
    if json:
        print_json(found.json())
    else:
        from secondlook.show.reproduction_terminal import reproduction_text

        typer.echo(reproduction_text(found, color=sys.stdout.isatty()), nl=False)
    return 0 if found.complete else 3
