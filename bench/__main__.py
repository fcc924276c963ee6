"""Runs every record in turn: ``python -m bench`` or ``make bench``. Each script also runs on its own."""

import runpy
from pathlib import Path

for script in (
    "startup",
    "digits",
    "findings",
    "near",
    "strokes",
    "accuracy",
    "suspects",
    "scores",
    "coverage",
    "augment",
):
    print(f"\n== {script}", flush=True)
    runpy.run_path(str(Path(__file__).parent / f"{script}.py"), run_name="__main__")
