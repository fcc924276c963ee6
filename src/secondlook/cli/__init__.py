"""The command line: one command per verb, one file each, no logic."""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper

import typer

from secondlook.cli.app import app as app
from secondlook.cli.audit import audit
from secondlook.cli.compare import compare
from secondlook.cli.make import make
from secondlook.cli.mistakes import mistakes
from secondlook.cli.reproduce import reproduce
from secondlook.cli.study import study
from secondlook.cli.suspects import suspects

# In the order of --help: the question, what may mislead, and on to what went wrong.
for _verb in (compare, audit, suspects, mistakes, study, make, reproduce):
    app.command(no_args_is_help=False)(_verb)


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
