"""Damaged inputs of every format, in a process of its own, so that its memory can be measured."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "fuzz.py"


def run(folder: Path, *options: str) -> int:
    """The number of inputs tried without a traceback, a hang, or a gigabyte."""
    environment = {**os.environ, "SECONDLOOK_CACHE": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *options],
        capture_output=True,
        text=True,
        env=environment,
        cwd=folder,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    said = re.search(r"^([0-9,]+) inputs tried$", done.stdout, re.MULTILINE)
    assert said is not None
    return int(said[1].replace(",", ""))


def test_damaged_inputs_are_read_or_refused_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tried = run(tmp_path, "--inputs", "4")
    with capsys.disabled():
        print(f"\n{tried:,} damaged inputs tried")  # noqa: T201  # the number belongs to the record of a test run
    assert tried >= 4 * 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "2"])
def test_many_damaged_inputs_are_read_or_refused_in_one_sentence(
    tmp_path: Path, seed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = run(tmp_path, "--inputs", "400", "--seed", seed)
    with capsys.disabled():
        print(f"\n{tried:,} damaged inputs tried")  # noqa: T201  # the number belongs to the record of a test run
    assert tried >= 400 * 20
