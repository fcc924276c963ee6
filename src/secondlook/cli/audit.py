"""``secondlook audit``: no logic."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from secondlook.cli.app import Data, Group, Json, Mute, NoCache, Resize, Seed, Side, Test, Valid, print_json


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


def _print_audit(found: Any, *, json: bool) -> None:
    if json:
        print_json(found.json())
        return
    from secondlook.show.audit_terminal import audit_text

    typer.echo(audit_text(found, color=sys.stdout.isatty()), nl=False)
