"""How long every score of one model takes, each with its interval: 10,000 items, median and range of 7,
by the clock and in seconds of all cores.

Asked: 2,000 bootstrap draws for 10,000 items in about a second, ranking scores excepted (they take none). Beside it
stands a plain bootstrap that draws items and calls scikit-learn, its time measured on 20 draws of three scores and
scaled to 2,000.
"""

import statistics
import time

import numpy as np
from sklearn.metrics import f1_score, log_loss, matthews_corrcoef

from secondlook.measure.bootstrap import DRAWS
from secondlook.measure.scorecard import scorecards

ITEMS, PLAIN_DRAWS = 10_000, 20


def made(k: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities of a model that is right for about nine of ten."""
    rng = np.random.default_rng(0)
    labels, logits = rng.integers(0, k, ITEMS), rng.normal(size=(ITEMS, k))
    logits[np.arange(ITEMS), labels] += 3.2 + 0.3 * np.log(k)
    said = np.exp(2 * logits)
    return labels, (said / said.sum(axis=1, keepdims=True)).astype(np.float32)


def ours(labels, said) -> None:
    scorecards(labels, {"model": said}, [str(c) for c in range(said.shape[1])], most=0)


def plain(labels, said) -> None:
    rng = np.random.default_rng(0)
    for _ in range(PLAIN_DRAWS):
        items = rng.integers(0, ITEMS, ITEMS)
        y, p = labels[items], said[items]
        f1_score(y, p.argmax(1), average="macro")
        matthews_corrcoef(y, p.argmax(1))
        log_loss(y, p, labels=range(said.shape[1]))


if __name__ == "__main__":
    for k in (2, 10, 100):
        case = made(k)
        times: dict = {ours: [], plain: []}
        for _ in range(7):
            for work, found in times.items():
                started = time.perf_counter(), time.process_time()
                work(*case)
                found.append((time.perf_counter() - started[0], time.process_time() - started[1]))
        clock, all_cores = (statistics.median(column) for column in zip(*times[ours], strict=True))
        low, high = min(times[ours])[0], max(times[ours])[0]
        scaled = statistics.median(cpu for _, cpu in times[plain]) * DRAWS / PLAIN_DRAWS
        said = f"{clock:5.2f} s by the clock ({low:.2f} to {high:.2f}), {all_cores:.2f} s of all cores"
        print(f"{k:4} classes  {said}; plain, three scores {scaled:6.1f} s of all cores")
