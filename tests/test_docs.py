"""Docs that cannot rot: every command has a page, generated parts are fresh, every example runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import secondlook
from secondlook.cli import app, main

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(p for p in [*DOCS.glob("*.md"), ROOT / "README.md"] if p.name != "log.md")
VERBS = sorted(get_command(app).commands)  # type: ignore[attr-defined]
EXAMPLES = [
    pytest.param(language, body, id=f"{page.name}:{page.read_text()[: match.start()].count(chr(10)) + 1}")
    for page in PAGES
    for match in re.finditer(r"^```(bash|python)\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    for language, body in [match.groups()]
]


@pytest.mark.parametrize("verb", VERBS)
def test_a_command_has_a_page_a_file_and_a_place_in_the_tour(verb: str) -> None:
    assert (DOCS / f"{verb}.md").exists()
    assert (ROOT / "src" / "secondlook" / "verbs" / f"{verb}.py").exists()
    assert f"[{verb}]({verb}.md)" in (DOCS / "tour.md").read_text()


def test_what_is_generated_is_fresh() -> None:
    done = subprocess.run([sys.executable, DOCS / "generate.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout}{done.stderr} (run: make docs)"


def test_every_option_is_explained() -> None:
    for verb in VERBS:
        for parameter in get_command(app).commands[verb].params:  # type: ignore[attr-defined]
            assert parameter.help, f"{verb} {parameter.name} has no help"


@pytest.mark.parametrize(("language", "body"), EXAMPLES)
def test_an_example_runs(
    language: str, body: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "make " in body:
        pytest.skip("sets up a virtual environment")
    if request.node.callspec.id.startswith("README") or (language == "bash" and re.search(r"[|&$;]", body)):
        as_a_newcomer_runs_it(language, body, tmp_path)
        return
    # The others in this process: Python, and commands without anything of a shell's, need no further start.
    monkeypatch.chdir(tmp_path)
    if language == "python":
        exec(compile(body, "example", "exec"), {"__name__": "__main__"})
        return
    for line in body.splitlines():
        if words := shlex.split(line, comments=True):
            monkeypatch.setattr(sys, "argv", words)
            with pytest.raises(SystemExit) as ended:
                main()
            assert ended.value.code == 0, line


def as_a_newcomer_runs_it(language: str, body: str, folder: Path) -> None:
    """In a shell, or an interpreter, of its own."""
    program = ["bash", "-euc", body] if language == "bash" else [sys.executable, "-W", "error", "-c", body]
    bin_folder = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_a_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_changelog_knows_this_version() -> None:
    assert f"## {secondlook.__version__}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_an_example_reaches_its_target(example: Path, tmp_path: Path) -> None:
    # Those that need photos train for minutes, and do nothing where there are none.
    done = subprocess.run([sys.executable, example], cwd=tmp_path, capture_output=True, text=True, timeout=1_800)
    assert done.returncode == 0, done.stderr
