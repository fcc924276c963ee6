"""The sentences that open an audit's page, generated from the numbers, and its terms."""

from __future__ import annotations

from collections import Counter

import numpy as np

from secondlook.show import format as fmt
from secondlook.show.findings import counted, severity_counts
from secondlook.show.names import visible
from secondlook.show.words import Sentence
from secondlook.types import Audit

# What is said of each kind of fault: of one, of several.
FAULT_WORDS = {
    "broken": ("could not be used", "could not be used"),
    "missing": ("is named, but not there", "are named, but not there"),
    "permission": ("may not be opened", "may not be opened"),
    "unsafe": ("leads out of the source, and was not followed", "lead out of the source, and were not followed"),
    "unlabelled": ("has no label", "have no label"),
    "ignored": ("is not meant as an image", "are not meant as images"),
}


def plain_sentence(text: str) -> str:
    """A title as a sentence of its own: with a full stop."""
    text = visible(text)
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def sentences(audit: Audit) -> list[Sentence]:
    """Two or three: what was found, the worst of it, and what else a comparison has to know."""
    found = [_state(audit)]
    worst = audit.findings[0] if audit.findings and audit.findings[0].severity != "info" else None
    if worst:
        found.append(Sentence("", plain_sentence(worst.title).removesuffix("."), ".", worst.code))
    last = _no_split(audit) or _left_out(audit) or (None if worst else _lazy(audit))
    return [*found, last] if last else found


def _state(audit: Audit) -> Sentence:
    counts = severity_counts(audit.findings)
    made = len(audit.findings) + len(audit.silent)
    said = fmt.listing([counted(n, severity) for severity, n in counts.items() if n]) if audit.findings else ""
    checks = f"of {made:,} check{'' if made == 1 else 's'} made"
    if counts["serious"]:
        return Sentence("", said, f", {checks}: as they are, these images make numbers that mislead.", "findings")
    if counts["warning"]:
        return Sentence("Nothing serious was found, but ", said, f", {checks}.", "findings")
    if counts["info"]:
        return Sentence("Nothing was found that misleads; there ", f"{'is' if counts['info'] == 1 else 'are'} {said}",
                        f", {checks}.", "findings")  # fmt: skip
    return Sentence("", "Nothing was found", f": all {made:,} checks that apply are silent.", "checks")


def _no_split(audit: Audit) -> Sentence | None:
    why = str(audit.data["why_no_split"])
    if not why:
        return None
    return Sentence("These images ", "cannot be compared as they are", f": {plain_sentence(why)}", "made")


def fault_counts(audit: Audit) -> dict[str, int]:
    """How much was left out, by kind, in the order of `FAULT_WORDS`."""
    found = Counter(fault["kind"] for fault in audit.data["faults"])
    return {kind: found[kind] for kind in FAULT_WORDS if found[kind]}


def _left_out(audit: Audit) -> Sentence | None:
    counts = {kind: n for kind, n in fault_counts(audit).items() if kind != "ignored"}
    n = sum(counts.values())
    if not n:
        return None
    said = fmt.listing([f"{m:,} {FAULT_WORDS[kind][m > 1]}" for kind, m in counts.items()], most=len(counts))
    left = f"{audit.data['n']:,} images that remain"
    return Sentence("", f"{n:,} item{'' if n == 1 else 's'}", f" {'was' if n == 1 else 'were'} left out ({said}): all "
                    f"that is said here is about the {left}.", "left-out")  # fmt: skip


def _lazy(audit: Audit) -> Sentence | None:
    majority, chance = audit.data["majority"], audit.data["chance"]
    if majority is None or chance is None:
        return None
    most = audit.data["classes"][int(np.argmax(audit.data["counts"]["train"]))]
    k = round(1 / chance)  # a class that the split leaves out is not among them
    return Sentence(
        f"Always answering “{visible(most)}” would be ",
        f"right for {fmt.percent(majority)} of the test part",
        f", guessing among the {k:,} classes for {fmt.percent(chance)}.",
        "classes",
    )


# One line each, for a student.
AUDIT_GLOSSARY: dict[str, str] = {
    "serious": "Numbers from these images cannot be trusted as they are; the command ends with exit code 3.",
    "warning": "May mislead: look at it before you believe a number.",
    "note": "Good to know; nothing is wrong.",
    "train, valid, test": "The parts of a comparison: train is learnt from, valid chooses among models and settings, "
    "test is looked at once, at the end. An audit cuts them as a comparison with the same seed would.",
    "leakage": "A test image, or nearly the same one, that was also learnt from or chosen by. The score then tells in "
    "part how well the images are remembered, not how new ones are answered.",
    "copy": "The same image, byte for byte.",
    "near duplicate": "The same picture stored differently: resized, compressed again, shifted a little, brighter.",
    "group": "Images that belong together (of one person, one video, one day) and must not be torn apart by a split.",
    "chance": "What guessing evenly among the classes gets: 1 / number of classes.",
    "majority": "What always answering the most frequent training class gets on the test part.",
    "imbalance": "Some classes have many more images than others, so that accuracy says little of the small ones.",
    "shortcut": "Something beside the picture that gives the class away: one pixel, the border, the brightness, the "
    "file's size or format. A model may learn that instead of what is shown.",
    "fingerprint": "A number that changes when an image, a label, a class name or the source's own parts change.",
}
