"""What is said of mistakes, in words and numbers, in the terminal and on the page."""

from __future__ import annotations

from collections import Counter

import numpy as np

from secondlook.show import format as fmt
from secondlook.show.facts import times
from secondlook.show.words import Sentence
from secondlook.types import ALL_MODELS, IntArray, Mistakes, Part

PART_NOUNS: dict[Part, str] = {"test": "test", "train": "training", "valid": "validation"}


def images_of(part: Part, n: int) -> str:
    """ "12 test images", "1 training image"."""
    return f"{n:,} {PART_NOUNS[part]} image{'' if n == 1 else 's'}"


def subject(found: Mistakes) -> str:
    """Whose mistakes they are, with the verb."""
    if found.model != ALL_MODELS:
        return f"{found.model} misses"
    n = len(found.voters)
    return f"{found.voters[0]} misses" if n == 1 else f"At least one of {n:,} models misses"


def count_in(found: Mistakes, part: Part) -> int:
    """Mistakes in a part."""
    return int((found.part_of == part).sum())


def looked_at(found: Mistakes, part: Part) -> int:
    """Images of a part that could be missed: of all classes, or of the one asked for."""
    counts = found.counts[part]
    return int(sum(counts)) if found.wanted is None else int(counts[found.wanted])


def totals(found: Mistakes) -> str:
    """ "lenet misses 12 of 2,000 test images (0.6 %) and 3 of 8,000 training images (under 1 %), all given 4."."""
    said = [_total(found, part) for part in found.parts]
    return f"{subject(found)} {fmt.listing(said)}{_wanted(found)}."


def _wanted(found: Mistakes) -> str:
    return "" if found.wanted is None else f", all given {found.classes[found.wanted]}"


def _total(found: Mistakes, part: Part) -> str:
    wrong, n = count_in(found, part), looked_at(found, part)
    share = f" ({fmt.round_percent(wrong / n)})" if wrong else ""
    return f"{wrong if wrong else 'none':{',' if wrong else ''}} of {images_of(part, n)}{share}"


def missed_too(found: Mistakes, i: int) -> str:
    """How many of the other counted models missed an image as well: "3 of 8"."""
    rest = [model for model in found.voters if model != found.model]
    return f"{int(found.missed_by[i]) - (found.model in found.voters)} of {len(rest)}"


def others_said(found: Mistakes, i: int) -> list[tuple[str, tuple[str, ...], bool]]:
    """The other counted models' answers, the most frequent first: (answer, models, whether it is the given label)."""
    answers = {m: int(found.said[i, j]) for j, m in enumerate(found.models) if m != found.model and m in found.voters}
    counts = Counter(answers.values())
    order = sorted(counts, key=lambda answer: (-counts[answer], answer))
    return [
        (found.classes[a], tuple(m for m, said in answers.items() if said == a), a == int(found.given[i]))
        for a in order
    ]


def shown_rows(found: Mistakes, part: Part, label: int, most: int | None) -> IntArray:
    """The mistakes of a part on a class that are shown, the worst first: `Mistakes.top`, else `most` of them."""
    rows = found.rows(part, label)
    top = found.top if found.top is not None else most
    return rows if top is None else rows[:top]


def missed_classes(found: Mistakes, part: Part) -> list[int]:
    """The classes with mistakes in a part, in their order."""
    return [int(label) for label in np.unique(found.given[found.part_of == part])]


def anchor(part: Part, label: int) -> str:
    """The id of a shelf on the page."""
    return f"{part}-{label}"


def sentences(found: Mistakes) -> list[Sentence]:
    """What opens the page."""
    said = []
    if len(found):
        first = next(part for part in found.parts if count_in(found, part))
        said += [Sentence("", totals(found).removesuffix("."), ".", first), _worst(found, first)]
        said += [s for s in (_shared(found, first), _near(found)) if s is not None]
    else:
        said.append(Sentence("", totals(found).removesuffix("."), ".", "terms"))
    return said


def _worst(found: Mistakes, part: Part) -> Sentence:
    counts = found.counts[part]
    hits = {label: len(found.rows(part, label)) for label in missed_classes(found, part)}
    worst = max(hits, key=lambda label: (hits[label] / max(counts[label], 1), hits[label]))
    share = fmt.round_percent(hits[worst] / max(counts[worst], 1))
    rows = found.rows(part, worst)
    answer, n = Counter(found.answers[rows].tolist()).most_common(1)[0]
    name, given = found.classes[answer], found.classes[worst]
    often = "each time" if n == len(rows) else times(n)
    taken = f", {often} taken for {name}" if n > 1 or n == len(rows) else ""
    if found.wanted is not None:
        return Sentence("Most often it was ", f"taken for {name}", f": {often}.", anchor(part, worst))
    return Sentence(
        "Most often missed is ",
        given,
        f": {hits[worst]:,} of {images_of(part, counts[worst])} ({share}){taken}.",
        anchor(part, worst),
    )


def _shared(found: Mistakes, part: Part) -> Sentence | None:
    """How many of a part's mistakes every counted model makes: the hard, or wrongly labelled, images."""
    n = len(found.voters)
    if n < 2:
        return None
    here = found.part_of == part
    every = int((found.missed_by[here] == n).sum())
    alone = int((found.missed_by[here] == 1).sum())
    whose = "both models" if n == 2 else f"all {n:,} models"
    aside = ", baselines aside" if len(found.voters) < len(found.models) else ""
    verb = "is" if every == 1 else "are"
    text = f"{every:,} of these {images_of(part, int(here.sum()))} {verb} missed by {whose}{aside}"
    if found.model == ALL_MODELS or found.model in found.voters:
        one = "one model only" if found.model == ALL_MODELS else f"{found.model} alone"
        return Sentence("", text, f"; {alone:,} by {one}.", part)
    return Sentence("", text, ".", part)


def _near(found: Mistakes) -> Sentence | None:
    """Whether what lies nearest in training bears the given label or the answer."""
    if found.nearest is None:
        return None
    first = found.nearest.items[:, 0]
    rows = np.flatnonzero(first >= 0)
    if not len(rows):
        return None
    labels = np.array([found.nearest.labels[int(item)] for item in first[rows]])
    answer, given = int((labels == found.answers[rows]).sum()), int((labels == found.given[rows]).sum())
    what = found.nearest.whose.removesuffix("s")
    return Sentence(
        f"Beside {len(rows):,} of the mistakes the nearest {what} was looked for: its label is ",
        f"the wrong answer {times(answer)}",
        f" and the given one {times(given)}.",
        str(found.part_of[rows[0]]),
    )
