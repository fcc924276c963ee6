"""What auto augmentation decided, in words: for the terminal while it works, and for the report."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from math import ceil

from secondlook.data.augment import AUTO, parse
from secondlook.show import format as fmt
from secondlook.types import LabelSafety, Moved, Run, Trial

# The unit of a word's number, for one and for more.
_UNITS = {"shift": ("pixel", "pixels"), "rotate": ("degree", "degrees"), "shear": ("degree", "degrees")}


@dataclass(frozen=True)
class Line:
    """One kind of variation: its name, how far it is used ("" where it is not), and why no further."""

    name: str
    used: str
    why: str


@dataclass(frozen=True)
class Section:
    """What the report shows; without `lines` where nothing had to be decided, or could be."""

    text: str
    grounds: str = ""
    lines: tuple[Line, ...] = ()
    together: tuple[str, ...] = ()


def section(run: Run) -> Section | None:
    """The report's part on augmentation; None where there was none."""
    text, found = augmented(run), run.label_safety
    if not text:
        return None
    return (
        Section(text) if found is None else Section(text, grounds(found), tuple(table(found)), tuple(together(found)))
    )


def table(found: LabelSafety) -> list[Line]:
    """A line per kind of variation, in the order they were tried."""
    alone = [trial for trial in found.trials if "," not in trial.augment]
    spec = parse(found.augment)
    lines = []
    for name, group in groupby(alone, lambda trial: _name(trial)):
        trials = list(group)
        value = getattr(spec, name)
        used = "used" if value is True else _amount(name, value) if value else ""
        stop = trials[-1] if trials[-1].verdict != "kept" else None
        lines.append(Line(name, used, _why(name, trials, stop)))
    return lines


def lines(found: LabelSafety) -> list[str]:
    """What was decided, line by line, for the terminal."""
    said = [f"augment auto: {summary(found)}"]
    said += [f"  {line.name}: {line.used + '; ' if line.used else ''}{line.why}" for line in table(found)]
    return said + [f"  {text}" for text in together(found)]


def summary(found: LabelSafety) -> str:
    """In a clause: what is used, or why nothing."""
    if found.problem:
        return f"nothing is varied, since nothing could be decided: {found.problem}"
    if not found.augment:
        return "nothing is varied: no variation leaves every class what it is"
    return found.augment


def grounds(found: LabelSafety) -> str:
    """How it was decided, in sentences; "" where nothing could be."""
    if not found.trials:
        return ""
    if found.folds == 1:
        who = (
            f"{found.fits} small convolutional nets, trained without any variation, together read {found.judged:,} "
            "images they had not seen"
        )
    else:
        who = (
            f"{found.fits} small convolutional nets, each trained without any variation on two thirds of the images, "
            f"read the third it had not seen, {found.judged:,} images in all"
        )
    known = list((found.known or {}).values())
    low, high = (f"{100 * value:.0f}" for value in (min(known), max(known)))
    spread = f"{low} to {high} points" if low != high else f"{low} points"
    return (
        f"{who}, as they are and varied. As they are, each class is told from the others by {spread} of 100 (the share "
        "of the class's images that are read as that class, less the share of all others). A variation is used where "
        f"no class can lose {100 * found.tolerance:.0f} points of that, with 95 % confidence."
    )


def together(found: LabelSafety) -> list[str]:
    """What came of trying all that was kept at once."""
    joint = [trial for trial in found.trials if "," in trial.augment]
    if not joint:
        return []
    steps = len(joint) - (joint[-1].verdict == "kept")
    if not steps:
        return [f"all together: {_costs(joint[0])}"]
    back = "one of them went a step back" if steps == 1 else f"they went {steps} steps back, one at a time"
    end = f"; then {_costs(joint[-1])}" if joint[-1].verdict == "kept" else ""
    return [f"all together: {_costs(joint[0])}, so {back}{end}"]


def augmented(run: Run) -> str:
    """How the nets' training images were varied, in a sentence; "" where nobody asked for it, or no model is a net."""
    asked, found = str(run.config.get("augment") or ""), run.label_safety
    nets = [row.model for row in run.rows if row.family in ("dense", "convolution")]
    if not asked or not nets or (asked == AUTO and found is None):
        return ""
    if found is not None and not found.augment:
        return f"Augment auto: {summary(found)}."
    others = [row.model for row in run.rows if row.model not in nets]
    plain = f"; {fmt.listing(others)} learnt from images as they are" if others else ""
    how = asked if found is None else f"{found.augment}, as auto decided"
    return f"The training images of {fmt.listing(nets)} were varied by {how}{plain}."


def _name(trial: Trial) -> str:
    return trial.augment.partition("=")[0]


def _amount(name: str, value: float) -> str:
    one, more = _UNITS.get(name, ("", ""))
    return f"up to {value:g} {one if value == 1 else more}".rstrip()


def _why(name: str, trials: list[Trial], stop: Trial | None) -> str:
    if stop is None:
        return _costs(trials[-1])
    at = "" if name in ("flip", "vflip") else f"at {stop.augment.partition('=')[2]} "
    return at + (_refused(stop) if stop.verdict == "refused" else _undecided(stop))


def _costs(trial: Trial) -> str:
    if trial.verdict == "kept":
        return f"every class loses less than {_points(trial.high)}"
    loses = "loses" if trial.verdict == "refused" else "may lose"
    return f"'{trial.of}' {loses} {_points(trial.loss if trial.verdict == 'refused' else trial.high)}"


def _refused(trial: Trial) -> str:
    return "refused: " + ", ".join(_moved(moved) for moved in _telling(trial.moved))


def _telling(moved: tuple[Moved, ...]) -> tuple[Moved, ...]:
    """Two classes where each turns into another; else the one of which most is lost."""
    both = len(moved) == 2 and all(2 * m.most >= m.right for m in moved)
    return moved if both else moved[:1]


def _moved(moved: Moved) -> str:
    of = f"{moved.lost:,} of {moved.right:,} images of '{moved.given}'"
    if moved.most == moved.lost:  # of two classes always
        return f"{of} {'becomes' if moved.lost == 1 else 'become'} '{moved.taken}'"
    return f"{of} become others, most of them '{moved.taken}' ({moved.most:,})"


def _undecided(trial: Trial) -> str:
    return (
        f"left out: '{trial.of}' may lose up to {_points(trial.high)}, which {trial.n:,} images of it cannot rule out"
    )


def _points(share: float) -> str:
    """Points of 100, rounded up: what is said to be less than this is."""
    points = ceil(1000 * share) / 10
    return f"{points:.1f} points" if points < 10 else f"{ceil(points)} points"
