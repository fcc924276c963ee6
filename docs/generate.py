"""Rewrites what the docs take from the program. `make docs` runs it.

Options, models and findings come from the code, and a test (``--check``) fails when a page is stale. The README's
table and picture come from a fresh run of the demo, so they change with the machine: only ``--demo`` renews them. The
picture needs Chromium.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from typer.main import get_command

from secondlook.cli import app
from secondlook.judge.findings import data_checks, model_checks, study_checks
from secondlook.models.ladder import ladder

DOCS = Path(__file__).parent


def options(verb: str) -> str:
    """A table of a command's arguments and options."""
    command = get_command(app).commands[verb]  # type: ignore[attr-defined]
    lines = ["| option | default | meaning |", "|---|---|---|", *(_line(p) for p in command.params)]
    return "\n".join(lines)


def _line(parameter: Any) -> str:
    flags = parameter.name.upper() if parameter.param_type_name == "argument" else ", ".join(parameter.opts)
    default = "" if parameter.default in (None, False, [], "") or parameter.required else f"`{parameter.default}`"
    return f"| `{flags}` | {default} | {parameter.help} |"


def models() -> str:
    """A table of the ladder."""
    entries = ladder().values()
    lines = ["| model | | family | what it is good for |", "|---|---|---|---|"]
    lines += [f"| `{e.name}` | {'•' if e.default else ''} | {e.family} | {e.line} |" for e in entries]
    nets = [f"| `{e.name}` | `{e.net}` |" for e in entries if e.net]
    return "\n".join([*lines, "", "| net | text |", "|---|---|", *nets])


def findings(checks: Any) -> str:
    """A table of checks, by code."""
    lines = ["| code | what it looks for | severity |", "|---|---|---|"]
    lines += [f"| `{c.code}` | {c.about} | {c.severity} |" for c in sorted(checks, key=lambda c: c.code)]
    return "\n".join(lines)


def generated(text: str) -> str:
    """The page with what follows each mark replaced, up to the next blank line but one."""

    def fill(match: re.Match[str]) -> str:
        words = match[1].split()
        tables = {
            "ladder": models,
            "findings": lambda: findings(data_checks()),
            "findings-of-models": lambda: findings(model_checks()),
            "findings-of-studies": lambda: findings(study_checks()),
        }
        body = tables[words[0]]() if len(words) == 1 else options(words[1])
        return f"<!-- {match[1]} -->\n{body}\n<!-- end -->"

    marks = r"<!-- (options: \w+|ladder|findings-of-models|findings-of-studies|findings) -->(?:\n.*?<!-- end -->)?"
    return re.sub(marks, fill, text, flags=re.DOTALL)


def demo() -> None:
    """Runs the demo, and puts its table and a picture of its report into the README."""
    import secondlook as sl
    from secondlook.show.terminal import table_text

    with tempfile.TemporaryDirectory() as folder:
        run = sl.compare("digits", out=Path(folder) / "digits-1")
        table = table_text(run).split("\n" + str(run.path))[0].strip("\n")
        readme = DOCS.parent / "README.md"
        block = f"<!-- demo -->\n```text\n{table}\n```\n<!-- end -->"
        text = re.sub(r"<!-- demo -->(?:\n.*?<!-- end -->)?", lambda _: block, readme.read_text(), flags=re.DOTALL)
        readme.write_text(text)
        picture(run.path / "report.html", DOCS / "report.png")


def picture(page: Path, png: Path) -> None:
    """A picture of the top of a page, 1280 pixels wide."""
    flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --hide-scrollbars"
    with tempfile.TemporaryDirectory() as profile:
        size = ["--window-size=1280,1500", f"--user-data-dir={profile}", f"--screenshot={png}"]
        subprocess.run(["chromium", *flags.split(), *size, page.as_uri()], check=True, capture_output=True)


def main() -> None:
    """Writes the pages, or with --check only says which are stale."""
    if "--demo" in sys.argv:
        demo()
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
