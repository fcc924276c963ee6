"""``secondlook make``: no logic."""

from __future__ import annotations

from typing import Annotated

import typer

from secondlook.cli.app import Seed


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
