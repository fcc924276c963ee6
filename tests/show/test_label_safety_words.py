"""What auto augmentation decided, in words that hold for the numbers."""

from __future__ import annotations

import pytest

from secondlook.show.label_safety import grounds, lines, summary, together
from secondlook.types import LabelSafety, Moved, Trial

SWAPPED = (Moved("/", 74, 74, "\\", 74), Moved("\\", 76, 75, "/", 75))
SCATTERED = (Moved("6", 143, 91, "1", 29), Moved("9", 150, 2, "4", 2))


def trial(text: str, verdict: str = "kept", high: float = 0.0512, **more: object) -> Trial:
    return Trial(text, verdict, **{"loss": 0.02, "high": high, "of": "/", "n": 76, **more})  # type: ignore[arg-type]


def found(*trials: Trial, augment: str = "shift=2,rotate=10", **more: object) -> LabelSafety:
    known = {"/": 0.95, "\\": 0.953}
    return LabelSafety(augment, "", trials, known, "conv 8 3x3", 3, 1, 152, 0.1, **more)  # type: ignore[arg-type]


def test_every_kind_of_variation_has_a_line_that_says_how_far_and_why() -> None:
    said = lines(
        found(
            trial("flip", "refused", 2.06, loss=1.99, moved=SWAPPED),
            trial("shift=1"),
            trial("shift=2"),
            trial("shift=4", "refused", 0.7, loss=0.6, moved=SCATTERED),
            trial("rotate=5"),
            trial("rotate=10", high=0.0731),
            trial("shear=5", "undecided", 0.1203),
            trial("shift=2,rotate=10", high=0.0801),
        )
    )
    assert said == [
        "augment auto: shift=2,rotate=10",
        "  flip: refused: 74 of 74 images of '/' become '\\', 75 of 76 images of '\\' become '/'",
        "  shift: up to 2 pixels; at 4 refused: 91 of 143 images of '6' become others, most of them '1' (29)",
        "  rotate: up to 10 degrees; every class loses less than 7.4 points",
        "  shear: at 5 left out: '/' may lose up to 13 points, which 76 images of it cannot rule out",
        "  all together: every class loses less than 8.1 points",
    ]


def test_one_is_not_many() -> None:
    one = (Moved("a", 30, 1, "b", 1),)
    said = lines(found(trial("shift=1"), trial("zoom=0.1", "refused", 0.3, loss=0.2, moved=one), augment="shift=1"))
    assert said[1:] == [
        "  shift: up to 1 pixel; every class loses less than 5.2 points",
        "  zoom: at 0.1 refused: 1 of 30 images of 'a' becomes 'b'",
    ]


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        (
            ["undecided", "kept"],
            "'/' may lose 13 points, so one of them went a step back; then every class loses less than 5.2",
        ),
        (["refused", "undecided", "kept"], "'/' loses 20 points, so they went 2 steps back, one at a time; then every"),
        (["refused", "refused"], "'/' loses 20 points, so they went 2 steps back, one at a time"),
    ],
)
def test_all_together_says_how_often_they_went_back(verdicts: list[str], words: str) -> None:
    highs = {"kept": 0.0512, "undecided": 0.123, "refused": 0.3}
    joint = [
        trial(f"shift={i + 1},flip", v, highs[v], loss=0.2 if v == "refused" else 0.02) for i, v in enumerate(verdicts)
    ]
    assert together(found(*joint))[0].startswith(f"all together: {words}")


def test_alone_there_is_no_together() -> None:
    assert together(found(trial("flip"), augment="flip")) == []


def test_where_nothing_is_varied_it_says_why() -> None:
    assert summary(LabelSafety("", "13 images are too few")) == (
        "nothing is varied, since nothing could be decided: 13 images are too few"
    )
    none = found(trial("flip", "refused", 2.0, loss=2.0, moved=SWAPPED), augment="")
    assert summary(none) == "nothing is varied: no variation leaves every class what it is"
    assert grounds(LabelSafety("", "13 images are too few")) == ""


def test_the_grounds_are_its_numbers() -> None:
    said = grounds(found(trial("flip")))
    assert "3 small convolutional nets, trained without any variation, together read 152 images" in said
    assert "by 95 points of 100" in said
    assert "can lose 10 points of that" in said
    three = LabelSafety("flip", "", (trial("flip"),), {"a": 0.7, "b": 0.95}, "conv 8 3x3", 3, 3, 1500, 0.1)
    assert "3 small convolutional nets, each trained without any variation on two thirds" in grounds(three)
    assert "by 70 to 95 points of 100" in grounds(three)
