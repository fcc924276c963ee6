"""What the models reach on the studies' data, beside what is asked of them. Needs SECONDLOOK_DATA.

Several hours of a slow loop become about half an hour: most of it is the convnet on MNIST's 60,000 images.
"""

import gzip
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import secondlook as sl

CHANCE = ["logistic", "linear-svm", "rbf-svm", "poly-svm", "forest", "boosting", "mlp", "mlp-small"]
Claim = tuple[str, float, str, bool]


def slash(data: Path, out: Path) -> Iterator[Claim]:
    nets, knn = ["cnn-tiny", "cnn-vanilla"], ["knn-tuned"]
    runs = [
        sl.compare(
            data / "slash/slash_data.npz",
            models=[*CHANCE, *nets, *knn],
            test=250,
            valid=150,
            seed=s,
            out=out / f"slash{s}",
        )
        for s in range(5)
    ]
    found = {m: [run[m].test_accuracy or 0.0 for run in runs] for m in [*CHANCE, *nets, *knn]}
    for model in CHANCE:
        yield f"slash, {model}, highest of 5 seeds", max(found[model]), "< .65", max(found[model]) < 0.65
    tiny, vanilla = found["cnn-tiny"], found["cnn-vanilla"]
    yield "slash, cnn-tiny, lowest of 5", min(tiny), "1.000", min(tiny) == 1
    yield (
        "slash, cnn-tiny, trained",
        runs[0]["cnn-tiny"].trained or 0,
        "≤ 80",
        (runs[0]["cnn-tiny"].trained or 99) <= 80,
    )
    yield "slash, cnn-vanilla, lowest of 5", min(vanilla), "≥ .99", min(vanilla) >= 0.99
    yield "slash, cnn-vanilla, seeds at 1.000", vanilla.count(1.0), "≥ 4", vanilla.count(1.0) >= 4
    mean = float(np.mean(found["knn-tuned"]))
    yield "slash, knn-tuned (k = 1), mean of 5", mean, "≥ .82", mean >= 0.82


def kaggle(data: Path, out: Path) -> Iterator[Claim]:
    """42,000 of the 70,000 MNIST images, a seeded permutation, as Kaggle's CSV has them."""

    def idx(name: str, skip: int) -> np.ndarray:
        with gzip.open(data / "mnist" / name) as file:
            return np.frombuffer(file.read(), np.uint8, offset=skip)

    parts = ("train", "t10k")
    X = np.concatenate([idx(f"{p}-images-idx3-ubyte.gz", 16).reshape(-1, 784) for p in parts])
    y = np.concatenate([idx(f"{p}-labels-idx1-ubyte.gz", 8) for p in parts])
    chosen = np.random.default_rng(0).permutation(len(y))[:42_000]
    header = ",".join(["label", *(f"pixel{i}" for i in range(784))])
    table = np.column_stack([y[chosen], X[chosen]])
    np.savetxt(out / "train.csv", table, fmt="%d", delimiter=",", header=header, comments="")
    run = sl.compare(out / "train.csv", models=["linear-svm", "mlp", "lenet"], test=0.1, out=out / "kaggle")
    for model, least in (("linear-svm", 0.938), ("mlp", 0.976), ("lenet", 0.984)):
        value = run[model].test_accuracy or 0.0
        yield f"Kaggle's digits, {model}", value, f"≥ {least:.3f}", value >= least


def quickdraw(data: Path, out: Path) -> Iterator[Claim]:
    models = ["mlp-small", "cnn-small", "lenet"]
    run = sl.compare(data / "quickdraw/bitmaps_10x4000", models=models, out=out / "quickdraw")
    for model in models[1:]:
        gap = (run[model].test_accuracy or 0) - (run["mlp-small"].test_accuracy or 0)
        yield f"Quick, Draw! (10 x 4,000), {model} over mlp-small", gap, "≥ .030", gap >= 0.03


def mnist(data: Path, out: Path) -> Iterator[Claim]:
    value = sl.compare(data / "mnist", models=["convnet"], out=out / "mnist")["convnet"].test_accuracy or 0.0
    yield "MNIST, convnet", value, "≥ .993", value >= 0.993


if __name__ == "__main__":
    if "SECONDLOOK_DATA" not in os.environ:
        sys.exit("needs SECONDLOOK_DATA, the folder with mnist/, slash/ and quickdraw/")
    failed = False
    for study in (slash, kaggle, quickdraw, mnist):
        with tempfile.TemporaryDirectory() as folder:
            for claim, value, asked, holds in study(Path(os.environ["SECONDLOOK_DATA"]), Path(folder)):
                failed |= not holds
                print(f"{claim:52} {value:8.4g}   asked {asked:8} {'holds' if holds else 'DOES NOT HOLD'}", flush=True)
    sys.exit(failed)
