"""What all commands share: the program, and the options of the same name."""

from __future__ import annotations

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
Recipe = Annotated[
    str, typer.Option(help="How nets are trained: batch=64,learning_rate=0.001,schedule=constant,patience=10, …")
]
Engine = Annotated[str, typer.Option(help="Who trains nets: auto (the fastest here), torch, native.")]
Precision = Annotated[str, typer.Option(help="Of the products in training steps: auto, fp32, bf16.")]
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


def print_json(document: Any) -> None:
    """One JSON object on standard output, as it is written into files."""
    from secondlook.runs.files import json_bytes

    typer.echo(json_bytes(document).decode(), nl=False)
