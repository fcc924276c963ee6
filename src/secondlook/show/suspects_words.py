"""What is said of labels that may be wrong, generated from the numbers; and the terms."""

from __future__ import annotations

import shlex
from collections import Counter

import numpy as np

from secondlook.judge.findings.words import many
from secondlook.show import format as fmt
from secondlook.show.names import visible
from secondlook.show.words import Sentence
from secondlook.types import Suspects

CAVEAT = (
    "A suspect is a label that the models doubt, not one that is known to be wrong: to them a rare, odd or ambiguous "
    "image looks much the same. Look before you decide."
)
ESTIMATE = (
    "The estimate is that of confident learning: it counts the images that models which had not seen them take for "
    "another class at least as surely as they take that class's own images for it, on average. It holds as far as the "
    "models do: weak models call too many labels wrong, and an error that is made everywhere alike is learnt, not seen."
)

# Below this kappa agreement is no longer "substantial": J. Landis and G. Koch, The measurement of observer agreement
# for categorical data, Biometrics 33 (1977).
_SUBSTANTIAL = 0.61


def about(found: Suspects) -> str:
    """What was judged, by what."""
    h, w, c = found.data["shape"]
    images = f"{found.data['n']:,} images of {h} × {w} pixels ({'grey' if c == 1 else 'colour'})"
    models = fmt.listing(list(found.data["models"]), most=6)
    return f"{images}, {many(len(found.data['classes']), 'class', 'classes')}; {models}."


def sentences(found: Suspects) -> list[Sentence]:
    """Two to four: how many, where, copies, and how far to trust it."""
    said = [_estimated(found)] if found.data.get("sees", True) else [_guessing(found)]
    if (weak := _weak(found)) is not None:
        said.append(weak)
    worst = max(found.classes, key=lambda doubt: doubt.wrong)
    if worst.wrong and len(found.classes) > 1:
        said.append(
            Sentence(
                "The class with the most is ",
                f"“{visible(worst.name)}”",
                f": {worst.wrong:,} of its {many(worst.n, 'label')}{_into(found, worst.name)}.",
                "classes",
            )
        )
    if n := copies(found):
        one = n == 1
        after = f" {'has' if one else 'have'} a copy, byte for byte, under another label: one of the two must be wrong."
        said.append(Sentence("", f"{n:,} image{'' if one else 's'}", after, "worst"))
    return said


def _guessing(found: Suspects) -> Sentence:
    """Models that guess say nothing of labels."""
    share = fmt.round_percent(found.data["agrees"]) if found.data.get("agrees") is not None else "none"
    return Sentence(
        "The models ",
        "cannot judge these labels",
        f": together they agree with {share} of them, which guessing would do too. Nothing is estimated or suspected "
        "by them; larger images, more images or other --models may see more.",
        "made",
    )


def _weak(found: Suspects) -> Sentence | None:
    """That doubts are to be doubted, where models agree with many labels by chance alone."""
    kappa, agrees = found.data.get("kappa"), found.data.get("agrees")
    if kappa is None or agrees is None or kappa >= _SUBSTANTIAL or not found.data.get("sees", True):
        return None
    return Sentence(
        "The models are ",
        "weak here",
        f": together they agree with {fmt.round_percent(agrees)} of the labels (Cohen's kappa "
        f"{fmt.share(kappa, digits=2)}), so most of these doubts are likely their own mistakes, and the estimate is "
        "too high.",
        "made",
    )


def _estimated(found: Suspects) -> Sentence:
    n, judged = found.estimated, found.data["judged"]
    suspected = int(found.suspected.sum())
    if not n and not suspected:
        return Sentence("", "No label is suspected", f": the models doubt none of {many(judged, 'label')}.", "made")
    share = fmt.percent(n / judged, digits_of=n / judged / 5) if n else f"0{fmt.NB}%"
    verb = "is" if n == 1 else "are"
    marked = f"; {suspected:,} {'is' if suspected == 1 else 'are'} marked as suspected." if suspected else "."
    return Sentence(
        "About ", f"{n:,} of {many(judged, 'label')}", f" ({share}) {verb} estimated to be wrong{marked}", "worst"
    )


def _into(found: Suspects, name: str) -> str:
    """What the suspects of a class are most often taken for."""
    said = takes(found).get(name)
    return f", most often taken for “{visible(said[0])}” ({said[1]:,})" if said else ""


def takes(found: Suspects) -> dict[str, tuple[str, int]]:
    """By class: what its suspects are most often taken for, and how often."""
    names = found.data["classes"]
    chosen = np.flatnonzero(found.suspected & (found.suggested >= 0) & (found.suggested != found.labels))
    pairs = Counter(zip(found.labels[chosen].tolist(), found.suggested[chosen].tolist(), strict=True))
    best: dict[str, tuple[str, int]] = {}
    for (given, said), n in sorted(pairs.items()):
        if n > best.get(names[given], ("", 0))[1]:
            best[names[given]] = (names[said], n)
    return best


def copies(found: Suspects) -> int:
    """Items that have a copy under another label."""
    return sum("copies" in str(reason) for reason in found.reasons[found.suspected])


def quality(value: float) -> str:
    """A quality in two digits: ``.02``; – where an item is not judged."""
    return fmt.share(None if np.isnan(value) else float(value), digits=2)


def next_step(found: Suspects) -> str:
    """How decisions are made, and used."""
    source = str(found.data["source"])
    command = ["secondlook", "compare", "DATA" if source in ("", "arrays") else source, "--labels", str(found.path)]
    return (
        f"Write keep, relabel, relabel=CLASS or exclude into the column “decision” of {visible(str(found.path))}, "
        f"then: {visible(shlex.join(command))}"
    )


SUSPECT_TERMS: dict[str, str] = {
    "quality": "How far a given label is to be trusted: the probability that the models give it without having learnt "
    "from the image, 0 worst, 1 best. A label that a copy contradicts gets no more than its share among the copies.",
    "suggested": "The class that the models together find most probable.",
    "suspected": "As many labels as are estimated to be wrong, those of lowest quality, unless the models agree with "
    "them after all; and labels that a copy contradicts.",
    "estimated wrong": ESTIMATE,
    "out of fold": "The images are cut into folds; each is answered by models that learnt from the other folds alone.",
    "agrees": "The share of the judged images for which a model alone answers the given label, out of fold.",
    "counts": "The weight of a model in the mean, by how probable it finds the given labels (log-loss).",
    "copy": "The same image, byte for byte.",
}
