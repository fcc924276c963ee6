"""The nearest neighbours of images of bytes: ours and scikit-learn's brute-force NearestNeighbors.

60,000 MNIST digits, 2,000 asked for their 5 and 25 nearest. The peer gets float32 rows (it multiplies them in float64).
Both use two threads. Rounds interleaved, median and range of 5. The matrix product alone, in float32, is the time
that ours cannot go below. Where distances are equal, the peer's order is any.

Asked: faster than the peer in every round, and the same distances, to 1e-6 of them. Needs SECONDLOOK_DATA.
"""

import statistics
import time
from typing import Any

import numpy as np
from bench.speed.cases import data
from bench.speed.machine import described, hold
from bench.speed.tables import verdict
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from secondlook import read
from secondlook.models.classical.nearest import nearest

ROWS, ASKED, ROUNDS, THREADS = 60_000, 2_000, 5, 2


def seconds(work: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def main() -> None:
    pixels = read(str(data() / "mnist")).pixels.reshape(70_000, -1)
    X, asked = pixels[:ROWS], pixels[ROWS : ROWS + ASKED]
    wide, queries = X / np.float32(255), asked / np.float32(255)
    search = NearestNeighbors(algorithm="brute").fit(wide)
    for k in (5, 25):
        times: list[tuple[float, float, float]] = []
        for _ in range(ROUNDS):
            mine, (distances, items) = seconds(lambda k=k: nearest(X, asked, k))
            theirs, (others, wanted) = seconds(lambda k=k: search.kneighbors(queries, k))
            product, _ = seconds(lambda: queries @ wide.T)
            times.append((mine, theirs, product))
        ratios = sorted(theirs / mine for mine, theirs, _ in times)
        mine, theirs, product = (statistics.median(column) for column in zip(*times, strict=True))
        apart = float(np.abs(distances / others - 1).max())
        print(f"k = {k}: ours {mine:.2f} s, scikit-learn {theirs:.2f} s, the product alone {product:.2f} s; ", end="")
        print(f"{statistics.median(ratios):.1f} times as fast ({ratios[0]:.1f} to {ratios[-1]:.1f}); ", end="")
        print(f"distances {apart:.0e} apart{verdict(ratios[0] > 1 and apart <= 1e-6)}; ", end="")
        print(f"{np.mean(items == wanted):.2%} of the neighbours the same, in the same place")
    print(described(THREADS, "cpu"))


if __name__ == "__main__":
    hold(THREADS)
    with threadpool_limits(THREADS):
        main()
