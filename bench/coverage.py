"""Whether the intervals and verdicts keep what they promise: simulated, with the share that they should have beside it.

Asked of 95 % intervals: 93 to 97 % for n of 500 or more and true values between .1 and .9; of verdicts on models that
are equally good: at most 5 % of all tables with any "better" in them. Takes some minutes; see RESULTS.md for dated
figures.
"""

from collections.abc import Iterator

import numpy as np
from scipy.stats import norm

from secondlook import seeds
from secondlook.measure import ranking
from secondlook.measure.bootstrap import draw_margins, draw_means, percentiles
from secondlook.measure.calibration import calibration_error, surplus
from secondlook.measure.intervals import wilson
from secondlook.measure.pairs import agresti_min, compare_pairs
from secondlook.measure.probabilities import brier_losses, log_losses
from secondlook.measure.scores import Margins, overall

VALUES = (0.1, 0.3, 0.5, 0.7, 0.9)
COUNTS = ("balanced_accuracy", "macro_precision", "macro_f1", "weighted_f1", "mcc", "kappa")
SHARES = np.array([0.4, 0.3, 0.2, 0.1])  # of the classes
Line = tuple[str, int, float, float]  # what, n, true value, share of intervals that hold it


def of_proportions(n: int, sets: int) -> Iterator[Line]:
    """Wilson's interval for an accuracy."""
    for p in VALUES:
        hits = seeds.stream(0, "coverage", "wilson", n, str(p)).binomial(n, p, sets)
        ends = {h: wilson(h, n) for h in set(hits.tolist())}
        yield "Wilson, accuracy", n, p, float(np.mean([ends[h][0] <= p <= ends[h][1] for h in hits.tolist()]))


def of_counts(n: int, sets: int, draws: int) -> Iterator[Line]:
    """The bootstrap of counts: four classes, 40 to 10 % of the items, mistaken for any other."""
    support = np.round(n * SHARES).astype(int)
    for p in VALUES:
        rng = seeds.stream(0, "coverage", "counts", n, str(p))
        said = np.full((4, 4), (1 - p) / 3)
        np.fill_diagonal(said, p)
        said[0] = said[0] * [1, 1.6, 0.9, 0.5]  # some mistakes are likelier than others
        said[0] /= said[0].sum()
        true = {name: float(value) for name, value in overall(Margins.of(support[:, None] * said)).items()}
        held = dict.fromkeys(COUNTS, 0)
        for _ in range(sets):
            matrix = np.stack([rng.multinomial(m, row) for m, row in zip(support, said, strict=True)])
            values, drawn = overall(Margins.of(matrix)), overall(draw_margins(matrix, rng, draws))
            for name in COUNTS:
                low, high = percentiles(float(values[name]), drawn[name], -1, 1)
                held[name] += low <= true[name] <= high
        for name in COUNTS:
            yield f"bootstrap, {name}", n, true[name], held[name] / sets


def answers(support, sharp: float, rng) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and probabilities of a model that sees the class in noise and is a little too sure."""
    labels = np.repeat(np.arange(len(support)), support)
    logits = rng.normal(size=(len(labels), len(support)))
    logits[np.arange(len(labels)), labels] += sharp
    said = np.exp(1.5 * sharp * (logits - logits.max(axis=1, keepdims=True)))
    return labels, said / said.sum(axis=1, keepdims=True)


def scores(labels, said) -> np.ndarray:
    """Log-loss, Brier and the bins of the calibration error, a line per item."""
    losses = [log_losses(labels, said)[:, None], brier_losses(labels, said)[:, None]]
    return np.concatenate([*losses, surplus(labels, said)], axis=1)


def named(means: np.ndarray) -> dict[str, np.ndarray]:
    return {"log-loss": means[..., 0], "Brier": means[..., 1], "calibration error": calibration_error(means[..., 2:])}


def of_means(n: int, sets: int, draws: int) -> Iterator[Line]:
    """The bootstrap of means over items; the truth is that of two million items."""
    support = np.round(n * SHARES).astype(int)
    for sharp in (0.5, 1.0, 2.0):
        rng = seeds.stream(0, "coverage", "means", n, str(sharp))
        true = named(
            np.mean([scores(*answers(support * (200_000 // n), sharp, rng)).mean(axis=0) for _ in range(10)], 0)
        )
        held = dict.fromkeys(true, 0)
        for _ in range(sets):
            labels, said = answers(support, sharp, rng)
            items = scores(labels, said)
            values, drawn = named(items.mean(axis=0)), named(draw_means(items, labels, rng, draws))
            for name in true:
                low, high = percentiles(float(values[name]), drawn[name], 0, np.inf)
                held[name] += low <= true[name] <= high
        for name in true:
            yield f"bootstrap, {name}", n, float(true[name]), held[name] / sets


def of_rankings(n: int, sets: int) -> Iterator[Line]:
    """ROC-AUC and average precision by the infinitesimal jackknife; a fifth of the items are of the class."""
    labels = (np.arange(n) < n // 5).astype(int)
    many = (np.arange(2_000_000) < 400_000).astype(int)
    for area in (0.6, 0.75, 0.9):
        rng = seeds.stream(0, "coverage", "ranking", n, str(area))
        apart = np.sqrt(2) * norm.ppf(area)
        precision = ranking.average_precision(many == 1, rng.normal(size=len(many)) + apart * many)[0]
        true, held = {"roc_auc": area, "average_precision": precision}, {"roc_auc": 0, "average_precision": 0}
        for _ in range(sets):
            for name, (value, slopes) in ranking.ranked(labels == 1, rng.normal(size=n) + apart * labels).items():
                low, high = ranking.interval(value, slopes, labels, n // 5)
                held[name] += low <= true[name] <= high
        for name in true:
            yield f"jackknife, {name}", n, true[name], held[name] / sets


def wald(only_a: int, only_b: int, n: int, more: int = 0) -> tuple[float, float]:
    """The textbook's interval, for comparison; with one item more of each kind that differs Bonett and Price's."""
    n += 2 * more
    mean, differ = (only_a - only_b) / n, (only_a + only_b + 2 * more) / n
    half = 1.96 * np.sqrt(differ - mean**2) / np.sqrt(n)
    return mean - half, mean + half


def newcombe(only_a: int, only_b: int, both: int, n: int) -> tuple[float, float]:
    """Newcombe's square-and-add interval (1998, method 10), for comparison."""
    a, b, none = both + only_a, both + only_b, n - both - only_a - only_b
    (la, ua), (lb, ub), pa, pb = wilson(a, n), wilson(b, n), a / n, b / n
    spread = np.sqrt(float(a) * (n - a) * b * (n - b))
    cross = both * none - only_a * only_b
    phi = (max(cross - n / 2, 0) if cross > 0 else cross) / spread if spread else 0.0
    down = np.sqrt((pa - la) ** 2 - 2 * phi * (pa - la) * (ub - pb) + (ub - pb) ** 2)
    up = np.sqrt((ua - pa) ** 2 - 2 * phi * (ua - pa) * (pb - lb) + (pb - lb) ** 2)
    return pa - pb - down, pa - pb + up


def of_pairs(n: int, sets: int) -> Iterator[Line]:
    """The paired difference by three methods: b is right where a is, but for some items, and sometimes elsewhere."""
    for p in VALUES:
        for gap in (0.0, 0.02, 0.08):
            # Of the items that a misses b gets a tenth right; so many that a gets right it misses that the gap is met.
            only_b = 0.1 * (1 - p)
            only_a = only_b + gap
            if only_a > p:
                continue
            rng = seeds.stream(0, "coverage", "pairs", n, f"{p} {gap}")
            tables = rng.multinomial(n, [only_a, only_b, p - only_a, 1 - p - only_b], sets).tolist()
            for name, method in (
                ("Agresti-Min", lambda a, b, both: agresti_min(a, b, n)),
                ("Bonett-Price", lambda a, b, both: wald(a, b, n, more=1)),
                ("Newcombe", lambda a, b, both: newcombe(a, b, both, n)),
                ("Wald", lambda a, b, both: wald(a, b, n)),
            ):
                ends = [method(a, b, both) for a, b, both, _ in tables]
                yield f"{name}, accuracy {p:g}", n, gap, float(np.mean([low <= gap <= high for low, high in ends]))


def of_groups(groups: int, sets: int) -> Iterator[Line]:
    """The cluster-robust interval: groups of 1 to 19 items whose luck goes together."""
    for gap in (0.0, 0.1):
        rng = seeds.stream(0, "coverage", "groups", groups, str(gap))
        held = 0
        for _ in range(sets):
            place = np.repeat(np.arange(groups), rng.integers(1, 20, groups))
            shift = 0.1 * rng.normal(size=groups)[place]
            right = {"a": rng.random(len(place)) < 0.7 + gap + shift, "b": rng.random(len(place)) < 0.7 - shift}
            pair = compare_pairs(right, groups=place.astype(str))[0]
            held += pair.low <= gap <= pair.high
        yield f"cluster-robust, {groups} groups", groups * 10, gap, held / sets


def false_alarms(n: int, sets: int, models: int = 5) -> Iterator[Line]:
    """How often any of these equally good models is called better than any other."""
    for p in (0.5, 0.9, 0.98):
        rng = seeds.stream(0, "coverage", "equal", n, str(p))
        named = 0
        for _ in range(sets):
            # All find the same items hard: what they share decides most answers.
            hard = rng.normal(size=n)
            right = {f"m{i}": 0.8 * hard + 0.6 * rng.normal(size=n) < norm.ppf(p) for i in range(models)}
            named += any(pair.verdict != "no difference seen" for pair in compare_pairs(right))
        yield f"{models} equal models, accuracy {p:g}", n, 0.0, named / sets


if __name__ == "__main__":
    print(f"{'interval':44} {'n':>6} {'true':>8} {'held':>7}")
    for n in (500, 2_000):
        for source in (
            of_proportions(n, 20_000), of_counts(n, 2_000, 1_000), of_means(n, 4_000, 500), of_rankings(n, 2_000),
            of_pairs(n, 20_000),
        ):  # fmt: skip
            for what, size, true, held in source:
                print(f"{what:44} {size:6,} {true:8.4f} {held:7.1%}", flush=True)
    for groups in (50, 200):
        for what, size, true, held in of_groups(groups, 2_000):
            print(f"{what:44} {size:6,} {true:8.4f} {held:7.1%}", flush=True)
    print(f"\n{'any difference named':44} {'n':>6} {'':8} {'share':>7}")
    for n in (500, 2_000):
        for what, size, _, share in false_alarms(n, 1_000):
            print(f"{what:44} {size:6,} {'':8} {share:7.1%}", flush=True)
