"""What augmentation costs: a training step of each net with and without it, interleaved.

The ratio is of medians; the machine may be shared.
"""

import argparse
import time
from statistics import median

import numpy as np
import torch

from secondlook.models.engines import Examples
from secondlook.models.engines.torch_engine import TorchEngine
from secondlook.models.ladder import ladder
from secondlook.models.net_classifier import NetClassifier
from secondlook.seeds import stream

# Net, image (h, w, c), images per step.
CASES = (("lenet", (28, 28, 1), 128), ("lenet", (30, 30, 1), 32), ("cnn-wide", (64, 64, 3), 64))
TEXTS = ("flip", "shift=2,rotate=10", "shift=2,rotate=10,shear=10,zoom=0.2,flip,brightness=0.1,noise=0.05", "cutout=8")


def engine(net: str, shape: tuple[int, int, int], batch: int, augment: str) -> TorchEngine:
    """An engine with a batch of noise in it, after one step of a fit."""
    x = stream(0, "x").integers(0, 256, (batch, *shape), dtype=np.uint8)
    y = np.arange(batch) % 10
    model = NetClassifier(ladder()[net].net, epochs=1, batch=batch, augment=augment, device="cpu").fit(
        x, y, valid=(x, y)
    )
    made: TorchEngine = model._ready
    made.load("train", Examples(x, y.astype(np.int64)))
    return made


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=60)
    steps = parser.parse_args().steps
    torch.set_num_threads(1)
    for net, shape, batch in CASES:
        engines = {text: engine(net, shape, batch, text) for text in ("", *TEXTS)}
        times: dict[str, list[float]] = {text: [] for text in engines}
        for _ in range(steps):
            for text, one in engines.items():
                started = time.thread_time()
                one.steps(np.arange(batch), batch, np.array([1e-3]))
                times[text].append(time.thread_time() - started)
        plain = median(times[""])
        print(f"{net}, {batch} images of {shape}: a step takes {1e3 * plain:.2f} ms")
        for text in TEXTS:
            print(f"  {text}: {1e3 * median(times[text]):.2f} ms, {100 * (median(times[text]) / plain - 1):+.0f} %")


if __name__ == "__main__":
    main()
