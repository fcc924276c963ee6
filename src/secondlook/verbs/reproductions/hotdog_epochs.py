"""The hotdog study's forty epochs, as its training printed them, beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan

from secondlook.judge.claims import figure
from secondlook.measure.estimates import UNKNOWN, alone, published_share
from secondlook.types import Epoch, Figure, FigureTable, Run

ROUNDS = (10, 10, 20)
N_VALID = 1_000  # images that a validation pass of ten batches took, 100 of them twice
# Seconds, training loss and accuracy while the weights moved, validation loss and accuracy.
PUBLISHED: Sequence[tuple[int, float, float, float, float]] = (
    (25, 0.4540, 0.8761, 0.3445, 0.8725), (17, 0.3084, 0.8715, 0.2995, 0.8664),
    (17, 0.2687, 0.8783, 0.2625, 0.8785), (17, 0.2435, 0.8706, 0.2504, 0.8684),
    (17, 0.2404, 0.8763, 0.2496, 0.8735), (17, 0.2147, 0.8783, 0.2570, 0.8664),
    (17, 0.2162, 0.8755, 0.2481, 0.9231), (17, 0.1953, 0.9013, 0.2358, 0.9028),
    (17, 0.1793, 0.9166, 0.2437, 0.8811), (14, 0.1826, 0.9083, 0.2338, 0.9109),
    (18, 0.7615, 0.9260, 0.2623, 0.9069), (17, 0.7168, 0.9367, 0.2481, 0.9049),
    (17, 0.6823, 0.9187, 0.2570, 0.9049), (17, 0.7019, 0.9413, 0.2498, 0.9089),
    (17, 0.6453, 0.9446, 0.2746, 0.9221), (17, 0.6328, 0.9483, 0.2505, 0.9119),
    (17, 0.6235, 0.9460, 0.2502, 0.9018), (17, 0.5921, 0.9466, 0.2561, 0.9170),
    (17, 0.5640, 0.9553, 0.2617, 0.9109), (13, 0.5668, 0.9550, 0.2562, 0.9190),
    (17, 0.5746, 0.9406, 0.2872, 0.8998), (17, 0.5758, 0.9437, 0.2492, 0.9069),
    (17, 0.5512, 0.9502, 0.2809, 0.8846), (17, 0.5160, 0.9550, 0.2543, 0.9190),
    (17, 0.5337, 0.9553, 0.2859, 0.9089), (16, 0.5211, 0.9577, 0.2783, 0.8623),
    (17, 0.5035, 0.9526, 0.2916, 0.9140), (18, 0.4909, 0.9597, 0.2721, 0.9059),
    (17, 0.4537, 0.9650, 0.2853, 0.9037), (13, 0.4890, 0.9600, 0.2725, 0.8978),
    (17, 0.4777, 0.9545, 0.2833, 0.9008), (17, 0.4205, 0.9710, 0.2565, 0.9150),
    (16, 0.4499, 0.9577, 0.3066, 0.8907), (18, 0.4203, 0.9697, 0.2914, 0.9079),
    (17, 0.4160, 0.9653, 0.2925, 0.8806), (17, 0.4115, 0.9628, 0.2538, 0.8887),
    (17, 0.4408, 0.9583, 0.2823, 0.8866), (17, 0.3865, 0.9677, 0.2852, 0.9047),
    (13, 0.3938, 0.9647, 0.2844, 0.9099), (17, 0.4193, 0.9587, 0.2927, 0.8664),
)  # fmt: skip


def curves(run: Run, net: str, rounds: Sequence[int]) -> FigureTable:
    """Every epoch of the three rounds."""
    history = run.histories[net]
    lines: list[Figure] = []
    before, done = 0.0, 0
    for number, (theirs, ours) in enumerate(zip(ROUNDS, rounds, strict=True), start=1):
        for epoch in range(1, theirs + 1):
            mine = history.epochs[done + epoch - 1] if epoch <= ours else None
            published = PUBLISHED[sum(ROUNDS[: number - 1]) + epoch - 1]
            lines += _line(f"round {number}, epoch {epoch}", published, mine, before, run[net].n_valid or 0)
            before = before if mine is None else mine.seconds
        done += ours
    return FigureTable(
        "Every epoch",
        tuple(lines),
        "Losses and accuracies of training are running means while the weights move; our training accuracy is measured "
        "after the epoch, so it stands without comparison. With weights the training loss is the weighted one: theirs "
        "weighs hotdogs by 7, ours the same divided by the mean weight.",
    )


def _line(
    of: str, published: tuple[int, float, float, float, float], mine: Epoch | None, before: float, n: int
) -> list[Figure]:
    seconds, loss, accuracy, valid_loss, valid_accuracy = published
    why = "" if mine is not None else "not in the quick version"
    valid = UNKNOWN if mine is None else published_share(mine.valid_accuracy, n)
    return [
        figure(of, "train loss", loss, alone(nan if mine is None else mine.objective), "nats", why=why),
        figure(of, "train accuracy", accuracy, alone(nan if mine is None else mine.train_accuracy), why=why),
        figure(of, "validation loss", valid_loss, alone(nan if mine is None else mine.valid_loss), "nats", why=why),
        figure(of, "validation accuracy", valid_accuracy, valid, n=N_VALID, why=why),
        figure(of, "seconds", seconds, alone(nan if mine is None else mine.seconds - before), "seconds", why=why),
    ]
