"""How fast a memory-mapped set trains: ``python -m bench.speed.mapped``. Needs SECONDLOOK_DATA.

The same images once in memory and once in their file, our engine, arms in turn, a new process each. Images are repeated
until the file is large. It has just been written, so its pages are in memory as far as there is room.

Asked: at least 60 % of the speed in memory.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from math import prod
from pathlib import Path
from statistics import median

from bench.speed import tables
from bench.speed.cases import Case, chosen
from bench.speed.machine import described
from bench.speed.rounds import Measured, Workers
from bench.speed.task import prepare

ASKED = 0.6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", default="mlp-small,cnn-small,lenet,cnn-wide")
    parser.add_argument("--megabytes", type=int, default=200, help="size of each set")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="auto")
    asked = parser.parse_args()
    found = [(case, pairs(case, asked)) for case in chosen([name for name in asked.nets.split(",") if name])]
    every = [one for _, measured in found for pair in measured for one in pair]
    print("## A memory-mapped set (`python -m bench.speed.mapped`)\n")
    print(described(asked.threads, every[0].device))
    judged = tables.quiet(every)
    rows = [row(case.title, measured, judged=judged) for case, measured in found]
    tables.table(f"net, {asked.megabytes} MB | images/s in memory | mapped | share (asked: 60 %)", rows)


def pairs(case: Case, asked: argparse.Namespace) -> list[list[Measured]]:
    """In memory and mapped, per round."""
    large = replace(case, pass_images=asked.megabytes * 1_000_000 // prod(case.image))
    with tempfile.TemporaryDirectory() as folder, Workers(asked.threads) as workers:
        task = prepare(
            large, Path(folder, case.model), seconds=asked.seconds, threads=asked.threads, device=asked.device
        )
        arms = [replace(task, arm="ours", mapped=mapped) for mapped in (False, True)]
        return [[workers.measure(arm) for arm in arms] for _ in range(asked.rounds)]


def row(title: str, found: list[list[Measured]], *, judged: bool) -> list[str]:
    ratios = [mapped.rate / memory.rate for memory, mapped in found]
    rates = [f"{median(one.rate for one in arm):,.0f}" for arm in zip(*found, strict=True)]
    share = f"{median(ratios):.0%} ({min(ratios):.0%} to {max(ratios):.0%})"
    return [title, *rates, share + tables.verdict(median(ratios) >= ASKED, judged)]


if __name__ == "__main__":
    main()
