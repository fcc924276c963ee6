"""Hotdog or not: three rounds of training against training on varied images, on the same 920 test images.

The rounds are those of the study: cnn-wide for 10 epochs, 10 more with weights 7:1, 20 more. Against them the same net
for 40 epochs with the same weights, its images varied as auto decides, and in other ways that --more tries. For each
the balanced accuracy, and its difference to the best of the rounds with its paired 95 % interval (stratified bootstrap
over test items). Runs that are there already, in the folder --out, are not made again. Needs SECONDLOOK_DATA.
"""

import argparse
import os
from pathlib import Path

import numpy as np

import secondlook as sl
from secondlook.measure.bootstrap import draw_means, percentiles
from secondlook.seeds import stream
from secondlook.types import FloatArray, Run
from secondlook.verbs.continuing import continue_run

WEIGHTS = "hotdog=7"
# Further ways, each (augment, class weights, epochs): milder, with flips alone, without weights, longer.
MORE = {
    "mild": ("shift=4,rotate=10,zoom=0.1,flip", WEIGHTS, 40),
    "flips": ("flip", WEIGHTS, 40),
    "unweighted": ("auto", "", 40),
    "longer": ("auto", WEIGHTS, 80),
}


def items(run: Run) -> tuple[FloatArray, np.ndarray]:
    """What each test item adds to the balanced accuracy, times the number of items; and its class."""
    said = run.predictions("cnn-wide")
    counts = np.bincount(said.labels)
    return (said.predicted == said.labels) * len(said.labels) / (len(counts) * counts[said.labels]), said.labels


def line(name: str, run: Run, best: Run) -> str:
    """A run's scores, and how far it is from the best round."""
    (mine, labels), (theirs, _) = items(run), items(best)
    gain, against = mine - theirs, "no other answers than the best round"
    if gain.any():
        low, high = percentiles(gain.mean(), draw_means(gain[:, None], labels, stream(0, "pair"))[:, 0], -1.0, 1.0)
        against = f"against the best round {gain.mean():+.3f} ({low:+.3f} to {high:+.3f})"
    said, row = run.predictions("cnn-wide"), run["cnn-wide"]
    recall = [f"{(said.predicted[said.labels == c] == c).mean():.3f}" for c in range(len(said.classes))]
    augment = run.label_safety.augment if run.label_safety else run.config["augment"]
    return (
        f"{name:12} balanced {mine.mean():.3f}  recall {' '.join(recall)}  accuracy {row.test_accuracy:.3f}  "
        f"{against}  kept epoch "
        f"{run.histories['cnn-wide'].best} of {len(run.histories['cnn-wide'].epochs)}  {augment}"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("runs/hotdog"))
    parser.add_argument("--more", default="", help=f"names with commas between: {', '.join(MORE)}")
    asked = parser.parse_args()
    data, out = Path(os.environ["SECONDLOOK_DATA"]) / "hotdog" / "food101_64px", asked.out
    first = sl.compare(data, models="cnn-wide", epochs=10, out=out / "r1")
    second = continue_run(first.path, class_weight=WEIGHTS, epochs=10, out=out / "r2")
    third = continue_run(second.path, epochs=20, out=out / "r3")
    rounds = {"round 1": first, "round 2": second, "round 3": third}
    best = max(rounds.values(), key=lambda run: items(run)[0].mean())
    ways = {"auto": ("auto", WEIGHTS, 40), **{name: MORE[name] for name in asked.more.split(",") if name}}
    runs = dict(rounds)
    for name, (augment, weights, epochs) in ways.items():
        runs[name] = sl.compare(
            data, models="cnn-wide", epochs=epochs, class_weight=weights, augment=augment, out=out / name
        )
    for name, run in runs.items():
        print(line(name, run, best))


if __name__ == "__main__":
    main()
