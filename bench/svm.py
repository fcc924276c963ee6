"""The digits study's search for the C of a linear SVM: ours and scikit-learn's RandomizedSearchCV with n_jobs=2.

42,000 MNIST digits in a seeded order stand for Kaggle's training file: a tenth is held out, four fifths of the rest are
searched: 30,240 rows of 784 numbers from 0 to 1. C is one of 2^-7 .. 2^6, ten of the fourteen are tried on five folds,
and the best is fitted again on all rows.

The peer's whole search takes more than twenty minutes. Without --full it is run whole on few rows, three rounds
interleaved; on all rows only some of its fits are run, two at a time, and its time is extrapolated from them (between
the measured C linearly in log C); the table says so. --rows N does the first part alone, on N rows.

Accuracies differ a little even where the machines are the same: where classes have equal votes, SVC takes the first of
them, and ours the one with the clearer margins, as SVC with break_ties=True.

Both have two threads: ours fits two pairs of classes at a time, the peer two settings.

Asked, on all rows: the same C, or one whose accuracy over the folds is within 0.1 points, at least 10 times as fast; at
least .938 of the held-out digits right. Needs SECONDLOOK_DATA.
"""

import argparse
import statistics
import time
from typing import Any

import numpy as np
from bench.speed.cases import data
from bench.speed.machine import described, hold
from bench.speed.tables import verdict
from joblib import Parallel, delayed
from sklearn.model_selection import ParameterSampler, RandomizedSearchCV, StratifiedKFold, train_test_split
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

from secondlook import read
from secondlook.models.classical import LinearSVM
from secondlook.models.classical.search import out_of_fold
from secondlook.seeds import stream

SPACE = {"C": list(2.0 ** np.arange(-7, 7))}
CANDIDATES, FOLDS, SEED, FEW, THREADS = 10, 5, 42, 2_000, 2
TIMES, HELD_OUT, POINTS = 10, 0.938, 0.001
MEASURED = (-7, -3, 1, 4, 6)  # powers of two, nearest candidates

Arrays = tuple[np.ndarray, np.ndarray]


def digits() -> tuple[Arrays, Arrays]:
    """Rows float32 in [0, 1] and labels: those of the search, and those held out."""
    images = read(str(data() / "mnist"))
    order = stream(SEED, "kaggle").permutation(len(images.labels))[:42_000]
    X, y = images.pixels.reshape(len(images.labels), -1)[order] / np.float32(255), images.labels[order]
    X, Xt, y, yt = train_test_split(X, y, test_size=0.1, random_state=42)
    X, _, y, _ = train_test_split(X, y, test_size=0.2, random_state=42)
    return (X, y), (Xt, yt)


def settings() -> list[dict[str, float]]:
    """Those that RandomizedSearchCV draws."""
    return list(ParameterSampler(SPACE, CANDIDATES, random_state=SEED))


def ours(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, float, Any]:
    """Accuracies over the folds, those that SVC's way with equal votes gives the same machines, the best C, and a
    model fitted with it.
    """
    tried, folds = settings(), list(StratifiedKFold(FOLDS).split(X, y))
    values = out_of_fold(LinearSVM(), X, y, None, tried, folds)
    # A decision value is a number of votes and a confidence of less than a third.
    scores, as_svc = (
        np.array([np.mean([own[asked].mean() for _, asked in folds]) for own in said.argmax(axis=2) == y])
        for said in (values, np.rint(values))
    )
    C = tried[int(scores.argmax())]["C"]
    # Its validation images only set the temperature; the peer has none.
    return scores, as_svc, C, LinearSVM(C=C).fit(X, y, valid=(X[:500], y[:500]))


def peer(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, float, Any]:
    search = RandomizedSearchCV(
        SVC(kernel="linear"), SPACE, n_iter=CANDIDATES, cv=FOLDS, n_jobs=THREADS, random_state=SEED
    )
    search.fit(X.astype(np.float64), y)
    return search.cv_results_["mean_test_score"], search.best_params_["C"], search


def timed(work: Any, *data: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    found = work(*data)
    return time.perf_counter() - started, found


def cell(X: np.ndarray, y: np.ndarray, C: float, train: np.ndarray, asked: np.ndarray) -> tuple[float, float]:
    """Seconds and accuracy of one of the peer's fits."""
    started = time.perf_counter()
    accuracy = SVC(kernel="linear", C=C).fit(X[train], y[train]).score(X[asked], y[asked])
    return time.perf_counter() - started, float(accuracy)


def compared(mine: Any, theirs: Any, test: Arrays) -> None:
    (scores, as_svc, C, model), (others, peer_c, peer_model) = mine, theirs
    print(f"  C: ours 2^{np.log2(C):g}, the peer's 2^{np.log2(peer_c):g}")
    print(
        f"  accuracy over the folds: {scores.max():.5f} and {others.max():.5f}; by the peer's folds ours has ", end=""
    )
    print(
        f"{others[int(scores.argmax())]:.5f}; with its way of votes, of any C {np.abs(as_svc - others).max():.5f} apart"
    )
    print(f"  held out: {model.score(*test):.4f} and {peer_model.score(test[0].astype(np.float64), test[1]):.4f}")


def whole(X: np.ndarray, y: np.ndarray, test: Arrays, rounds: int) -> None:
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        mine, theirs = timed(ours, X, y), timed(peer, X, y)
        times.append((mine[0], theirs[0]))
    ratios = sorted(theirs / mine for mine, theirs in times)
    mine_s, theirs_s = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"{len(X):,} rows, {rounds} rounds: ours {mine_s:.1f} s, the peer {theirs_s:.1f} s, ", end="")
    print(f"ratio {statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})")
    compared(mine[1], theirs[1], test)
    if rounds == 1:  # all rows: of few, nothing is asked
        (scores, _, _, model), (others, *_) = mine[1], theirs[1]
        near = others[int(scores.argmax())] >= others.max() - POINTS
        print(f"  asked: {TIMES} times{verdict(ratios[0] >= TIMES)}; C within {100 * POINTS:g} points", end="")
        print(f"{verdict(near)}; {HELD_OUT} held out{verdict(model.score(*test) >= HELD_OUT)}")


def extrapolated(X: np.ndarray, y: np.ndarray, test: Arrays) -> None:
    seconds, (scores, as_svc, C, model) = timed(ours, X, y)
    print(f"{len(X):,} rows: ours {seconds:.1f} s, C = 2^{np.log2(C):g}, {scores.max():.5f} over the folds, ", end="")
    print(f"held out {model.score(*test):.4f}")
    powers = np.log2([setting["C"] for setting in settings()])
    for own in sorted(zip(powers, scores, as_svc, strict=True)):
        print("  C = 2^{:<3g} {:.5f}; the same machines with SVC's way of votes {:.5f}".format(*own))
    chosen = sorted({float(powers[np.abs(powers - power).argmin()]) for power in MEASURED})
    wide, folds = X.astype(np.float64), list(StratifiedKFold(FOLDS).split(X, y))
    # Two at a time, as the peer runs them; the longest first.
    cells = Parallel(n_jobs=THREADS)(delayed(cell)(wide, y, 2.0**power, *folds[0]) for power in reversed(chosen))
    found = dict(zip(reversed(chosen), cells, strict=True))
    values = out_of_fold(LinearSVM(), X, y, None, [{"C": 2.0**power} for power in chosen], folds[:1])
    asked = folds[0][1]
    for power, own in zip(chosen, np.rint(values[:, asked]).argmax(axis=2) == y[asked], strict=True):
        took, right = found[power]
        print(f"  one fold, C = 2^{power:g}: the peer {took:.1f} s, {right:.5f}; with its votes ours {own.mean():.5f}")
    fits = np.interp(powers, chosen, [found[power][0] for power in chosen])
    refit = float(fits[powers == np.log2(C)][0]) * (FOLDS / (FOLDS - 1)) ** 2
    total = FOLDS * fits.sum() / THREADS + refit
    print(f"  the peer's search, extrapolated from {len(chosen)} of its {CANDIDATES * FOLDS + 1} fits: ", end="")
    print(f"{total:.0f} s, {total / seconds:.0f} times ours")
    print(f"  asked: {TIMES} times{verdict(total / seconds >= TIMES)}; {HELD_OUT} held out", end="")
    print(verdict(model.score(*test) >= HELD_OUT))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, help="only the first part, on so many rows")
    parser.add_argument("--full", action="store_true", help="the peer's whole search on all rows")
    options = parser.parse_args()
    (X, y), test = digits()
    few = options.rows or FEW
    if options.full:
        whole(X, y, test, 1)
    else:
        whole(X[:few], y[:few], test, 3)
        if not options.rows:
            extrapolated(X, y, test)
    print(described(THREADS, "cpu"))


if __name__ == "__main__":
    hold(THREADS)
    with threadpool_limits(THREADS):
        main()
