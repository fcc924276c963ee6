"""Rewrites what the docs take from the program: options, the ladder, the README's table. `make docs` runs it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from typer.main import get_command

from secondlook.cli import app
from secondlook.models.ladder import ladder

DOCS = Path(__file__).parent


def options(verb: str) -> str:
    """A table of a command's arguments and options."""
    command = get_command(app).commands[verb]  # type: ignore[attr-defined]
    lines = ["| option | default | meaning |", "|---|---|---|", *(_line(p) for p in command.params)]
    return "\n".join(lines)


def _line(parameter: Any) -> str:
    flags = parameter.name.upper() if parameter.param_type_name == "argument" else ", ".join(parameter.opts)
    default = "" if parameter.default in (None, False, []) or parameter.required else f"`{parameter.default}`"
    return f"| `{flags}` | {default} | {parameter.help} |"


def models() -> str:
    """A table of the ladder."""
    entries = ladder().values()
    lines = ["| model | | family | what it is good for |", "|---|---|---|---|"]
    lines += [f"| `{e.name}` | {'•' if e.default else ''} | {e.family} | {e.line} |" for e in entries]
    nets = [f"| `{e.name}` | `{e.net}` |" for e in entries if e.net]
    return "\n".join([*lines, "", "| net | text |", "|---|---|", *nets])


def generated(text: str) -> str:
    """The page with what follows each mark replaced, up to the next blank line but one."""

    def fill(match: re.Match[str]) -> str:
        words = match[1].split()
        body = models() if words == ["ladder"] else options(words[1])
        return f"<!-- {match[1]} -->\n{body}\n<!-- end -->"

    return re.sub(r"<!-- (options: \w+|ladder) -->(?:\n.*?<!-- end -->)?", fill, text, flags=re.DOTALL)


def main() -> None:
    """Writes the pages, or with --check only says which are stale."""
    stale = []
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        fresh = generated(text)
        if fresh != text:
            stale.append(page.name)
            if "--check" not in sys.argv:
                page.write_text(fresh, encoding="utf-8")
    sys.stdout.write(f"rewritten: {', '.join(stale) or 'nothing'}\n")
    if stale and "--check" in sys.argv:
        sys.exit(1)


if __name__ == "__main__":
    main()
