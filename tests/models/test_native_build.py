"""From a net's text to a loaded library: without a compiler, with a broken cache, from two processes at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from secondlook.models.engines.native import Unavailable
from secondlook.models.engines.native.build import library
from secondlook.models.engines.native.program import program
from secondlook.models.engines.native.source import source
from secondlook.models.net import parse

pytestmark = pytest.mark.compiler

TEXT = "dense 3, relu"
# Makes the library of the net, and says how many bytes its file has; without PyTorch, which takes seconds to import.
MAKE = """
from ctypes import byref, c_void_p
from pathlib import Path
from secondlook.models.engines.native.build import library
from secondlook.models.engines.native.program import program
from secondlook.models.engines.native.source import source
from secondlook.models.net import parse
made = library(source(program(parse("dense 3, relu"), (4, 4, 1), 2), (4, 4, 1)), flags=("-O1",))
team = c_void_p()
assert made.engine_create(2, byref(team))
made.engine_destroy(team)
print(Path(made._name).stat().st_size)
"""


def made(text: str = TEXT) -> str:
    return source(program(parse(text), (4, 4, 1), 2), (4, 4, 1))


def start() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", MAKE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> int:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return int(out)


def kept(cache: Path) -> Path:
    (found,) = cache.rglob("net.so")
    return found


def compiler_that(does: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = folder / "compiler"
    script.write_text(f"#!/bin/sh\n[ $1 = --version ] && exit 0\n{does}\n")
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))


def test_without_a_compiler_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match=r"expected a C\+\+ compiler \(c\+\+, g\+\+, clang\+\+\) on the path, got no"):
        library(made())


def test_a_compiler_that_fails_is_named_with_its_first_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler_that("echo 'net.cpp:1: error: no such flag' >&2; exit 1", tmp_path, monkeypatch)
    with pytest.raises(Unavailable, match=r"the C\+\+ compiler .*compiler failed: net.cpp:1: error: no such flag"):
        library(made())


def test_a_compiler_that_takes_too_long_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secondlook.models.engines.native.build.COMPILE_SECONDS", 0.2)
    compiler_that("sleep 30", tmp_path, monkeypatch)
    with pytest.raises(Unavailable, match=r"the C\+\+ compiler took more than 0.2 s"):
        library(made())


def test_what_is_no_program_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "compiler").write_bytes(b"\0\1\2")
    (tmp_path / "compiler").chmod(0o755)
    monkeypatch.setenv("CXX", str(tmp_path / "compiler"))
    with pytest.raises(Unavailable, match="compiler cannot be started: Exec format error"):
        library(made())


def test_a_compiler_that_makes_nothing_loadable_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler_that('for last; do :; done; echo nonsense > "$last"', tmp_path, monkeypatch)
    with pytest.raises(Unavailable, match=r"the compiled net cannot be loaded: .*net.so"):
        library(made())


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        pytest.param(b"nonsense", marks=pytest.mark.slow),
        pytest.param("same size and date", marks=pytest.mark.slow),
    ],
)
def test_a_damaged_library_is_made_anew(damage: bytes | str, cache_of_the_test: Path) -> None:
    whole = said(start())
    file = kept(cache_of_the_test)
    before = file.stat()
    content = bytes(before.st_size) if isinstance(damage, str) else damage
    file.write_bytes(content)
    if isinstance(damage, str):
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert said(start()) == whole
    assert kept(cache_of_the_test).stat().st_size == before.st_size
    assert kept(cache_of_the_test).read_bytes() != content


def test_two_processes_that_compile_the_same_net_do_not_harm_each_other(cache_of_the_test: Path) -> None:
    first, second = start(), start()
    assert said(first) == said(second)
    assert kept(cache_of_the_test).is_file()


def test_the_second_start_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    compiler_that(f'echo compiled >> {log}; exec c++ "$@"', tmp_path, monkeypatch)
    assert said(start()) == said(start())
    assert log.read_text().split() == ["compiled"]


def test_the_source_is_made_of_numbers_and_our_own_words() -> None:
    text = "conv 4 3x3 same, leaky 0.3, residual 4, dropout 0.25, bn, globalavg, dense 5, gelu"
    wild = " CONV   4 3X3   SAME ,leaky .3,  residual 4,dropout 25e-2 , bn,globalavg, DENSE 5, gelu "
    assert made(text) == made(wild.lower().upper())
    known = set(
        re.findall(r"[A-Za-z_]\w*", made("conv 1 3x3 same, leaky 0.5, residual 2, dropout 0.5, bn, globalavg, gelu"))
    )
    strange = {
        w for w in re.findall(r"[A-Za-z_]\w*", made(text)) if w not in known and not re.fullmatch(r"[vgn]\d+", w)
    }
    assert strange <= {"x9e3779b97f4a7c15u"}
