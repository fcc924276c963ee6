"""Runs the records: ``make bench`` in under 15 minutes, ``make bench-full`` (``python -m bench --full``) all of them.

Each also runs on its own, as ``python -m bench.NAME``; those with options say so with ``--help``. What falls short of
what is asked says so in its tables; the exit status is of those that could not be run.
"""

import subprocess
import sys
import time
from pathlib import Path

QUICK = ("startup", "speed")
FULL = (
    "digits",
    "findings",
    "near",
    "photos",
    "strokes",
    "neighbours",
    "svm",
    "speed.mapped",
    "speed.target",
    "speed.same_accuracy",
    "speed.bf16",
    "accuracy",
    "suspects",
    "forecast",
    "study_grid",
    "scores",
    "coverage",
    "augment",
    "hotdog",
)


def main() -> None:
    failed = []
    for record in (*QUICK, *(FULL if "--full" in sys.argv[1:] else ())):
        print(f"\n== {record}", flush=True)
        started = time.perf_counter()
        if subprocess.run([sys.executable, "-m", f"bench.{record}"], cwd=Path(__file__).parents[1]).returncode:
            failed.append(record)
        print(f"== {record} took {time.perf_counter() - started:.0f} s", flush=True)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
