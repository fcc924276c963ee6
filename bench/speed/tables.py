"""What was measured, as Markdown tables that can be pasted into RESULTS.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isnan
from statistics import geometric_mean, median

from bench.speed.cases import Case
from bench.speed.rounds import OURS_FP32, PYTORCH, Measured

NAMES = {"keras": "Keras `fit`", "loader": "PyTorch, DataLoader", "by hand": "PyTorch, by hand", "ours": "ours"}
# What is asked of the geometric mean over the small nets and of each of them, and of the two large ones.
SMALL_KERAS, SMALL_PYTORCH, SMALL_EACH = 8.0, 4.0, 2.5
LARGE = {"convnet": 1.8, "cnn-wide": 2.5}
# Share of the machine that other processes may take, and the share of measurements that may be disturbed by more:
# medians over the rounds bear these.
DISTURBED, FEW = 0.05, 0.1


@dataclass(frozen=True)
class Times:
    """How many times as fast ours was: the median over the rounds, and the range, each of one round's pair."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"**{self.median:.1f}** ({self.low:.1f} to {self.high:.1f})"


@dataclass(frozen=True)
class Outcome:
    """All rounds of a case."""

    case: Case
    rounds: Sequence[Sequence[Measured]]

    def of(self, arm: str) -> list[Measured]:
        return [measured for turn in self.rounds for measured in turn if measured.arm == arm]

    def rate(self, arm: str) -> float:
        return median(measured.rate for measured in self.of(arm))

    def times(self, arm: str, ours: str = "ours") -> Times:
        ratios = [mine.rate / theirs.rate for mine, theirs in zip(self.of(ours), self.of(arm), strict=True)]
        return Times(median(ratios), min(ratios), max(ratios))

    @property
    def pytorch(self) -> str:
        """The faster of the two PyTorch loops."""
        return max(PYTORCH, key=self.rate)

    @property
    def asked(self) -> float:
        return LARGE.get(self.case.model, SMALL_EACH)

    @property
    def holds(self) -> bool:
        return min(self.times("keras").median, self.times(self.pytorch).median) >= self.asked


def table(head: str, rows: Sequence[Sequence[str]]) -> None:
    """Prints a table; `head` has bars between its columns."""
    print(f"\n| {head} |\n|{'---|' * (head.count('|') + 1)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def quiet(every: Sequence[Measured]) -> bool:
    """Says how much of the machine others took; whether that was little.

    A busy core makes PyTorch's two threads wait for each other, up to thirty times as long as they compute.
    """
    shares = [measured.others for measured in every if not isnan(measured.others)]
    if shares:
        disturbed = sum(share > DISTURBED for share in shares)
        print(
            f"While they ran, other processes took {median(shares):.1%} of the machine (median; at most "
            f"{max(shares):.1%}; more than {DISTURBED:.0%} in {disturbed} of {len(shares)} measurements)."
        )
        if disturbed > FEW * len(shares):
            print("**The machine was not quiet: these ratios say little, and nothing is claimed.**")
        return disturbed <= FEW * len(shares)
    return True


def rates(outcomes: Sequence[Outcome], *, judged: bool) -> None:
    """Images per second and the ratios; and whether what is asked holds, where that can be judged."""
    rows = []
    for found in outcomes:
        ours = f"{found.rate('ours'):,.0f}, {found.of('ours')[-1].detail}"
        rows.append([
            f"{found.case.title}, {found.case.batch}",
            *(f"{found.rate(arm):,.0f}" for arm in ("keras", *PYTORCH)),
            ours, f"{found.times('keras')}", f"{found.times(found.pytorch)}",
            f"{found.asked}{verdict(found.holds, judged)}",
        ])  # fmt: skip
    table(
        "net, batch | Keras `fit` | PyTorch, DataLoader | PyTorch, by hand | ours | times Keras | "
        "times the faster PyTorch | asked of both", rows,
    )  # fmt: skip
    print("\n".join(means(outcomes, judged=judged)), flush=True)


def verdict(holds: bool, judged: bool = True) -> str:
    """What stands after a number that is asked for."""
    return "" if not judged else ", holds" if holds else ", DOES NOT HOLD"


def means(outcomes: Sequence[Outcome], *, judged: bool) -> Iterator[str]:
    """Geometric means of the median ratios, small nets and large ones apart."""
    for name, large, keras, pytorch in (("small", False, SMALL_KERAS, SMALL_PYTORCH), ("large", True, 0.0, 0.0)):
        some = [found for found in outcomes if found.case.large == large]
        if some:
            a = geometric_mean([found.times("keras").median for found in some])
            b = geometric_mean([found.times(found.pytorch).median for found in some])
            asked = f" (asked: {keras:g} and {pytorch:g}{verdict(a >= keras and b >= pytorch, judged)})"
            yield (
                f"Geometric mean over the {len(some)} {name} nets: **{a:.1f}** times Keras, **{b:.1f}** times the "
                f"faster PyTorch loop{asked if keras else ''}.\n"
            )


def in_float32(outcomes: Sequence[Outcome]) -> None:
    """Ours in float32 where the claim lets it choose."""
    rows = [
        [found.case.title, f"{found.rate(OURS_FP32):,.0f}, {found.of(OURS_FP32)[-1].detail}",
         f"{found.times('keras', OURS_FP32)}", f"{found.times(found.pytorch, OURS_FP32)}"]
        for found in outcomes if found.of(OURS_FP32)
    ]  # fmt: skip
    if rows:
        print("Beside it, ours held to float32:")
        table("net | ours | times Keras | times the faster PyTorch", rows)


def peaks(outcomes: Sequence[Outcome], peak: Sequence[Measured]) -> None:
    """What share of the machine's peak each arm reaches."""
    top = max(measured.rate for measured in peak)
    rows = [
        [found.case.title, f"{found.case.flops / 1e6:,.2f}",
         *(f"{found.rate(arm) * found.case.flops / top:.1%}" for arm in NAMES)]
        for found in outcomes
    ]  # fmt: skip
    print(
        "Share of the machine's peak, which is the fastest float32 matrix product by PyTorch in any round: "
        f"{top / 1e9:,.0f} GFLOP/s. A training step is counted as 3 x 2 x multiply-adds, less the "
        "input's gradient of the first layer; steps in bfloat16 may pass 100 %."
    )
    table(f"net | MFLOP per image | {' | '.join(NAMES.values())}", rows)


def starts(outcomes: Sequence[Outcome]) -> None:
    """Seconds to the end of the first pass, compilation and choice of engine included."""
    rows = []
    for found in outcomes:
        first = [f"{found.of(arm)[0].start:.1f}" for arm in NAMES]
        later = [f"{median([m.start for m in found.of(arm)[1:]] or [found.of(arm)[0].start]):.1f}" for arm in NAMES]
        rows.append([found.case.title, *(f"{a}, {b}" for a, b in zip(first, later, strict=True))])
    print(
        "Not in the ratios: seconds from the imports to the end of the first pass (compilation, tracing, the choice of "
        "engine). First for the first measurement, when our caches may be empty, then the median of the later ones."
    )
    table(f"net | {' | '.join(NAMES.values())}", rows)


def best(found: Sequence[tuple[Case, dict[str, tuple[int, Measured]]]]) -> None:
    """Every arm at the batch where it is fastest: beside the claim, not in it."""
    rows = []
    for case, arms in found:
        said = [
            f"{measured.rate:,.0f} ({batch}{', ' + measured.detail if measured.detail and arm != 'ours' else ''})"
            for arm, (batch, measured) in arms.items()
        ]
        ours = arms["ours"][1].rate
        fastest = max(measured.rate for arm, (_, measured) in arms.items() if arm in PYTORCH)
        rows.append([case.title, *said, f"{ours / arms['keras'][1].rate:.1f}", f"{ours / fastest:.1f}"])
    print(
        "Beside the claim, each at its own best batch (in brackets, with the options that helped), by short "
        "measurements, one each:"
    )
    table(f"net | {' | '.join(NAMES.values())} | times Keras | times PyTorch", rows)
