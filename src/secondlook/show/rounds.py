"""The rounds of a training that was gone on with, side by side: scores, precision and recall per class, matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from rich.text import Text

from secondlook.measure.intervals import wilson
from secondlook.show import format as fmt
from secondlook.show.matrices import CELLS_UP_TO, png, svg
from secondlook.types import IntArray, Round, Run

# Classes that are listed one by one; of more, those whose recall changed the most.
_CLASSES = 8
# Counts are written into the cells of matrices up to this size.
_WRITTEN_UP_TO = 3


@dataclass(frozen=True)
class Rounds:
    """What the report shows: a sentence, a table of lines with a cell per round, and a matrix per round."""

    text: str
    heads: tuple[str, ...]
    lines: tuple[tuple[str, tuple[str, ...]], ...]
    matrices: tuple[tuple[str, str, Markup | None, str], ...]  # name, text, SVG or the data URI of a PNG


def rounds(run: Run) -> Rounds | None:
    """The rounds of a run that goes on from another; None for any other."""
    if not run.rounds:
        return None
    classes = tuple(run.data["classes"])
    names = tuple(f"round {i}" for i, _ in enumerate(run.rounds, 1))
    lines = [(name, tuple(cells)) for name, *cells in _lines(run.rounds)]
    for c in _shown(run.rounds, len(classes)):
        lines += [(f"{what} of {classes[c]}", cells) for what, cells in _class_lines(run.rounds, c)]
    return Rounds(_text(run.rounds, classes), names, tuple(lines), tuple(_matrices(run.rounds, names, classes)))


def round_lines(run: Run, width: int) -> list[Text]:
    """The same for the terminal: a line per round, with precision and recall of up to three classes."""
    if not run.rounds:
        return []
    classes, found = tuple(run.data["classes"]), run.rounds
    n, few = int(found[0].matrix.sum()), len(classes) <= _WRITTEN_UP_TO
    what = ": precision/recall" if few else ""
    columns = [["round", *(str(i) for i, _ in enumerate(found, 1))]]
    columns += [[_HEADS.get(head, head), *(_short(cell, 20) for cell in cells)] for head, *cells in _lines(found)]
    for c in range(len(classes)) if few else ():
        columns.append([_short(classes[c], 12), *(f"{_whole(r.precision[c])}/{_whole(r.recall[c])}" for r in found)])
    title = f"rounds of {found[0].model}, on the same {n:,} test images{what}"
    return [Text(_short(title, width), style="dim"), *_grid(columns, width)]


# Narrower names for the terminal.
_HEADS = {"class weights": "weights", "augmentation": "augment", "kept epoch": "kept", "balanced accuracy": "balanced"}


def _whole(rate: float) -> str:
    return fmt.share(rate, digits=2)


def _grid(columns: list[list[str]], width: int) -> list[Text]:
    """Lines with the columns, heads first, right-aligned; those that find no room are left out."""
    widths = [max(map(len, cells)) for cells in columns]
    while sum(w + 2 for w in widths) > width:
        columns, widths = columns[:-1], widths[:-1]
    return [
        Text("".join(f"  {cells[i]:>{w}}" for cells, w in zip(columns, widths, strict=True)), style="" if i else "dim")
        for i in range(len(columns[0]))
    ]


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _lines(found: tuple[Round, ...]) -> list[list[str]]:
    """A name, and a cell per round."""
    lines = [
        ["epochs", *(f"{r.first}–{r.last}" for r in found)],
        ["class weights", *(r.class_weight or "none" for r in found)],
        ["augmentation", *(r.augment or "none" for r in found)],
        ["kept epoch", *(str(r.kept) for r in found)],
        ["accuracy", *(fmt.share(r.accuracy, fmt.half_width(r.accuracy, r.low, r.high)) for r in found)],
        ["balanced accuracy", *(_balanced(r) for r in found)],
    ]
    return [line for line in lines if line[0] != "augmentation" or any(r.augment for r in found)]


def _balanced(one: Round) -> str:
    if one.balanced_low is None or one.balanced_high is None:
        return fmt.share(one.balanced_accuracy)
    half = fmt.half_width(one.balanced_accuracy, one.balanced_low, one.balanced_high)
    return fmt.share(one.balanced_accuracy, half)


def _class_lines(found: tuple[Round, ...], c: int) -> list[tuple[str, tuple[str, ...]]]:
    """Precision and recall of a class, a cell per round, with their 95 % Wilson intervals."""
    answers = tuple(_rate(int(r.matrix[c, c]), int(r.matrix[:, c].sum())) for r in found)
    labels = tuple(_rate(int(r.matrix[c, c]), int(r.matrix[c].sum())) for r in found)
    return [("precision", answers), ("recall", labels)]


def _rate(hits: int, n: int) -> str:
    """A rate with its interval; a dash where nothing was answered or given."""
    if n == 0:
        return fmt.MISSING
    return fmt.share(hits / n, fmt.half_width(hits / n, *wilson(hits, n)))


def _shown(found: tuple[Round, ...], k: int) -> list[int]:
    """Which classes are listed: all where they are few, else those whose recall changed the most; in class order."""
    if k <= _CLASSES:
        return list(range(k))
    recall = np.array([r.recall for r in found])
    return sorted(np.argsort(-np.ptp(recall, axis=0), kind="stable")[:_CLASSES].tolist())


def _text(found: tuple[Round, ...], classes: tuple[str, ...]) -> str:
    """What became of the class whose recall changed the most from the first round to the last."""
    first, last = found[0], found[-1]
    n = int(last.matrix.sum())
    c = int(np.argmax(np.abs(np.array(last.recall) - np.array(first.recall))))
    support = int(last.matrix[c].sum())
    listed = "" if len(classes) <= _CLASSES else f" Listed are the {_CLASSES} classes whose recall changed the most."
    listed += _idle(last)
    if last.recall[c] == first.recall[c]:
        return f"Every round is judged on the same {n:,} test images. No class's recall changed.{listed}"
    rose = "rose" if last.recall[c] > first.recall[c] else "fell"
    before, after = (_precision(one, c) for one in (first, last))
    moved = f"stayed at {after}" if before == after else f"went from {before} to {after}"
    return (
        f"Every round is judged on the same {n:,} test images. From the first round to the last the recall of "
        f"{classes[c]} ({support:,} images) {rose} from {fmt.round_percent(first.recall[c])} to "
        f"{fmt.round_percent(last.recall[c])}; its precision {moved}.{listed}"
    )


def _idle(last: Round) -> str:
    """That the last round brought nothing, where it did not."""
    if last.kept >= last.first:
        return ""
    return (
        f" The last round brought no lower validation loss: what it keeps are the weights of epoch {last.kept}, "
        "from before it."
    )


def _precision(one: Round, c: int) -> str:
    return fmt.round_percent(one.precision[c]) if one.matrix[:, c].sum() else "none (it was never answered)"


def _matrices(
    found: tuple[Round, ...], names: tuple[str, ...], classes: tuple[str, ...]
) -> list[tuple[str, str, Markup | None, str]]:
    panels: list[tuple[str, str, Markup | None, str]] = []
    for name, one in zip(names, found, strict=True):
        counts: IntArray = one.matrix
        text = f"epochs {one.first}–{one.last}, kept {one.kept}"
        label = f"Confusion matrix of {one.model} after {name}"
        if len(classes) <= CELLS_UP_TO:
            panels.append((name, text, svg(counts, classes, label, large=len(classes) <= _WRITTEN_UP_TO), ""))
        else:
            panels.append((name, text, None, png(counts)))
    return panels
