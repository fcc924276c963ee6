"""Whether bfloat16 costs accuracy: ``python -m bench.speed.bf16``. Needs SECONDLOOK_DATA.

The nets that `--precision auto` may train in bfloat16, by `NetClassifier` on PyTorch: the same seeds, so the same
initial weights and orders, once in float32 and once in bfloat16. The difference of the accuracies on the test images is
taken for each seed, and its mean has the 95 % interval of Student's t.

Asked: the interval lies within one point.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

import numpy as np
from bench.speed import tables
from bench.speed.cases import CASES, Case, images
from bench.speed.machine import described
from bench.speed.same_accuracy import row

from secondlook.models.ladder import SAME_IN_BF16
from secondlook.types import FloatArray

PRECISIONS = ("bf16", "fp32")


def over_seeds(case: Case, seeds: int) -> FloatArray:
    """Accuracy on the test images, per seed and precision: (seeds, 2)."""
    from secondlook import NetClassifier

    (X, y), (T, t) = images(case)
    found = np.zeros((seeds, len(PRECISIONS)))
    for seed in range(seeds):
        for at, precision in enumerate(PRECISIONS):
            model = NetClassifier(
                case.text, epochs=case.epochs, batch=case.batch, engine="torch", precision=precision, random_state=seed
            )
            found[seed, at] = (model.fit(X, y).predict(T) == t).mean()
        print(f"seed {seed}: {case.title}: {found[seed]}", file=sys.stderr, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", default=",".join(SAME_IN_BF16))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=0, help="by default each case's own")
    parser.add_argument("--images", type=int, default=0, help="so many training images; by default each case's own")
    asked = parser.parse_args()
    rows = []
    for case in (case for case in CASES if case.model in asked.nets.split(",")):
        case = replace(case, n_train=asked.images or case.n_train, epochs=asked.epochs or case.epochs)
        rows.append(row(case, case.n_train, case.epochs, over_seeds(case, asked.seeds)))
    print(f"## bfloat16 (`python -m bench.speed.bf16`)\n\n{described(2, 'cpu')}")
    print("Test accuracy in per cent, mean ± standard deviation over the seeds; asked: the interval within ± 1 point.")
    tables.table("net | seeds | images | epochs | bf16 | fp32 | difference in points, 95 % interval", rows)


if __name__ == "__main__":
    main()
