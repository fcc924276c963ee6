"""The map in the package's docstring is the law: imports point up it, and nothing heavy is loaded by the way."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import secondlook

ROOT = Path(secondlook.__file__).parent
ROOMS = [
    words[0]
    for line in (secondlook.__doc__ or "").splitlines()
    if line.startswith("    ") and (words := line.split()) and not line.startswith("     ")
]
LAZY_PLOTS = {"types"}  # .plot() and .report() of the result types may call show/


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def imports(path: Path) -> list[tuple[str, bool]]:
    """(module, lazy) of every import of our own package in a file."""
    tree = ast.parse(path.read_text())
    inside = {
        id(node)
        for f in ast.walk(tree)
        if isinstance(f, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(f)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "secondlook":
            modules = [f"{node.module}.{a.name}" for a in node.names] if node.module == "secondlook" else [node.module]
            found += [(module, id(node) in inside) for module in modules]
        if isinstance(node, ast.Import):
            found += [(a.name, id(node) in inside) for a in node.names if a.name.split(".")[0] == "secondlook"]
    return found


def breaches(path: Path, room: str) -> list[str]:
    wrong = []
    for module, lazy in imports(path):
        target = room_of(module)
        if target == "__version__":
            continue
        if room in LAZY_PLOTS and target == "show" and lazy:
            continue
        if target not in ROOMS or ROOMS.index(target) > ROOMS.index(room):
            wrong.append(f"{path.name} ({room}) imports {module}")
    return wrong


def test_the_map_names_every_room_and_only_rooms_that_exist() -> None:
    there = {p.stem for p in ROOT.iterdir() if p.stem not in ("__init__", "__pycache__", "py")}
    assert set(ROOMS) == there


def test_a_module_imports_only_what_stands_above_it() -> None:
    wrong: list[str] = []
    for path in sorted(ROOT.rglob("*.py")):
        room = path.relative_to(ROOT).with_suffix("").parts[0]
        if room != "__init__":
            wrong += breaches(path, room)
    assert wrong == []


def test_an_import_that_points_down_is_seen(tmp_path: Path) -> None:
    bad = tmp_path / "scores.py"
    bad.write_text("from secondlook.show.report import write_report\n")
    assert breaches(bad, "measure") == ["scores.py (measure) imports secondlook.show.report"]
    lazy = tmp_path / "types.py"
    lazy.write_text("def plot():\n    from secondlook.show import plots\n")
    assert breaches(lazy, "types") == []
    assert breaches(lazy, "data") != []


@pytest.mark.parametrize("module", ["secondlook", "secondlook.cli"])
def test_importing_the_package_loads_nothing_heavy(module: str) -> None:
    heavy = "{'torch', 'sklearn', 'matplotlib', 'pandas', 'scipy', 'PIL'}"
    code = f"import {module}, sys; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_every_public_name_can_be_had() -> None:
    for name in secondlook.__all__:
        assert getattr(secondlook, name).__name__ == name
    assert set(secondlook.__all__) <= set(dir(secondlook))


def test_an_unknown_name_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        _ = secondlook.nonsense
