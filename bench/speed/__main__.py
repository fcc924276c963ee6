"""Training speed of this package against its peers: ``python -m bench.speed``.

Needs SECONDLOOK_DATA and the bench extra.

Same recipe in all arms: the net, its initial weights, images scaled to [0, 1], Adam at 1e-3, the study's batch, each
pass in a new order, no validation. Keras' batch norm and Adam have PyTorch's constants. Every measurement is a new
process (forked from one that has done nothing but import the library); before it is timed, its outputs on the first
batch are held against PyTorch's. The peers' images are float32 in memory, ours uint8. Whole passes over a short slice
are timed after a first one which is not; arms take turns, and a ratio is of two measurements of the same round.

Keras `fit` and the loop with a DataLoader are as tutorials write them; "by hand" indexes tensors by a permutation.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from bench.speed import tables
from bench.speed.cases import chosen
from bench.speed.machine import described
from bench.speed.rounds import Workers, best_batches, interleaved
from bench.speed.task import prepare


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nets", default="", help="names of the ladder with commas between; all seven by default")
    parser.add_argument("--seconds", type=float, default=1.0, help="that a measurement is timed, at least one pass")
    parser.add_argument("--threads", type=int, default=2, help="of every arm")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--no-best", action="store_true", help="leave out the search for each arm's best batch")
    asked = parser.parse_args()
    cases = chosen([name for name in asked.nets.split(",") if name])
    with tempfile.TemporaryDirectory() as folder, Workers(asked.threads) as workers:
        tasks = [
            prepare(case, Path(folder, case.model), seconds=asked.seconds, threads=asked.threads, device=asked.device)
            for case in cases
        ]
        found, peaks = interleaved(workers, tasks, asked.rounds)
        best = [] if asked.no_best else [(c, best_batches(workers, t)) for c, t in zip(cases, tasks, strict=True)]
    outcomes = [tables.Outcome(case, rounds) for case, rounds in zip(cases, found, strict=True)]
    every = [measured for turns in found for turn in turns for measured in turn]
    print(f"## Training speed (`python -m bench.speed`)\n\n{described(asked.threads, peaks[0].device)}")
    print(
        f"{asked.rounds} rounds; images per second are medians, ratios medians with their range. On the first batch "
        f"all outputs agreed with PyTorch's to {max(m.difference for m in every):.0e} (asked: 1e-4)."
    )
    tables.rates(outcomes, judged=tables.quiet(every))
    tables.in_float32(outcomes)
    tables.peaks(outcomes, peaks)
    tables.starts(outcomes)
    if best:
        tables.best(best)


if __name__ == "__main__":
    main()
