"""Whether a study foretells what more images bring: ``python -m bench.forecast``. Needs SECONDLOOK_DATA.

A size study of MNIST with 8,000 training images at most (800 per class) says, by its power law, which error it expects
from six times as many; then the same models are trained on 48,000 (4,800 per class) and tested on the same 10,000.

Asked: the measured error lies within the 95 % interval of the forecast, for three models.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from bench.speed import tables
from bench.speed.cases import data
from bench.speed.machine import described

import secondlook as sl
from secondlook.measure.laws.power import foretell

SMALL, LARGE = (50, 100, 200, 400, 800), 4_800


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist", help="a folder of SECONDLOOK_DATA with 4,800 images per class")
    parser.add_argument("--models", default="logistic,knn,lenet")
    parser.add_argument("--seeds", type=int, default=5, help="of the small sizes")
    parser.add_argument("--large-seeds", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small, large = (
            sl.study("size", data() / asked.data, sizes, models=asked.models, seeds=seeds, out=Path(folder, name))
            for name, sizes, seeds in (("s", SMALL, asked.seeds), ("l", (SMALL[-1], LARGE), asked.large_seeds))
        )
    rows = []
    for model in small.models:
        law = small.laws[model].power
        assert law is not None
        measured = float(np.mean([1 - (c.test_accuracy or 0.0) for c in large.of(model) if c.rows == LARGE]))
        said = foretell(law, LARGE, trainings=asked.large_seeds)
        held = "-" if law.held_out is None else "yes" if law.held_out.holds else "no"
        rows.append([
            model, f"{law.floor:.4f} + {law.scale:.3g} n^-{law.power:.2f}", held,
            f"{said.value:.4f} ({said.low:.4f} to {said.high:.4f})",
            f"{measured:.4f}{tables.verdict(said.low <= measured <= said.high)}",
        ])  # fmt: skip
    print(f"## Forecasts (`python -m bench.forecast`)\n\n{described(1, 'cpu')}")
    print(f"Small: {', '.join(f'{n:,}' for n in SMALL)} images per class, {asked.seeds} seeds each.")
    tables.table("model | law of the error | its largest size foretold | foretold at 48,000 | measured", rows)


if __name__ == "__main__":
    main()
