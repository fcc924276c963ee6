"""The page, the picture and the terminal's lines of suspected labels, from made-up results."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pages import Page
from rich.cells import cell_len

from secondlook.show.suspects import page_html, suspects_html, write_suspects
from secondlook.show.suspects_terminal import suspects_text
from secondlook.show.suspects_words import sentences
from secondlook.types import ClassDoubt, Suspects, Thumbnails

NASTY = "<script>alert(1)\u202egpj\n"


def build(n: int = 60, suspected: int = 12, k: int = 3, names: Any = None, side: int = 12, **changes: Any) -> Suspects:
    """Suspects of `n` items, `k` classes; item i is given i mod k and suggested the next class."""
    rng = np.random.default_rng(0)
    classes = list(names or [f"class {i}" for i in range(k)])
    labels = np.arange(n) % k
    marked = np.arange(n) < suspected
    doubts = tuple(
        ClassDoubt(
            name, int((labels == c).sum()), int((marked & (labels == c)).sum()), int((marked & (labels == c)).sum())
        )
        for c, name in enumerate(classes)
    )
    reasons = np.where(marked, "models", "").astype("<U17")
    if suspected > 1:
        reasons[1] = "models and copies"
    data = {
        "source": "photos", "format": "60 images", "n": n, "judged": n, "classes": classes, "shape": [side, side, 1],
        "fingerprint": "0" * 16, "folds": 5, "method": "5 folds, once", "failed": {}, "notes": {"knn": "k is 3"},
        "models": {"knn": {"agrees": 0.912, "weight": 0.7, "seconds": 2.0, "peak_mb": 200.0},
                   "lenet": {"agrees": 0.95, "weight": 0.3, "seconds": 20.0, "peak_mb": 300.0}},
        "left_out": ["1 image without a label"], "seed": 0, "seconds": 22.0,
    }  # fmt: skip
    values = {
        "path": Path("out/suspects.csv"), "data": {**data, **changes.pop("data", {})}, "classes": doubts,
        "items": np.arange(n), "names": [f"{NASTY}{i}.png" for i in range(n)],
        "ids": np.array([f"id{i}" for i in range(n)]),
        "labels": labels, "suggested": np.where(marked, (labels + 1) % k, labels),
        "quality": np.sort(rng.random(n)), "suspected": marked, "reasons": reasons,
        "thumbnails": Thumbnails(np.arange(suspected), rng.integers(0, 256, (suspected, side, side, 1), np.uint8)),
    }  # fmt: skip
    return Suspects(**{**values, **changes})


def test_the_page_shows_the_suspects_with_both_labels_and_the_quality() -> None:
    found = build()
    text = page_html(found)
    page = Page(text)
    assert page.tags["figure"] == page.tags["img"] == 12
    assert "given class 0 , suggested class 1 (quality" in page.text
    assert page.text.count("a copy has another label") == 1
    assert "All 12 suspects, the lowest quality first." in page.text
    assert "secondlook compare photos --labels out/suspects.csv" in page.text
    assert "Look before you decide" in page.text
    assert "secondlook compare 'my photos' --labels" in Page(page_html(build(data={"source": "my photos"}))).text
    assert "secondlook compare DATA --labels" in Page(page_html(build(data={"source": "arrays"}))).text
    for expected in (
        "agrees with 91.2 % of the labels, counts for 70.0 %",
        "k is 3",
        "1 image without a label",
        "22 s",
    ):
        assert expected in page.text.replace("\u00a0", " ")


def test_the_page_is_whole_and_loads_nothing() -> None:
    page = Page(page_html(build(names=[NASTY, "b", "c"])))
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert [i for i, times in Counter(page.ids).items() if times > 1] == []
    assert all(source.startswith("data:image/") for source in page.sources)
    assert page.tags["script"] == 0
    assert "\u202e" not in page.text


def test_a_page_states_its_cap() -> None:
    found = build(n=90, suspected=80)
    kept = Thumbnails(found.thumbnails.items[:30], found.thumbnails.pixels[:30])
    text = Page(page_html(build(n=90, suspected=80, thumbnails=kept))).text
    assert "The 30 of 80 suspects with the lowest quality; all are in the table." in text


def test_nothing_suspected_is_said_plainly() -> None:
    found = build(suspected=0)
    page = Page(page_html(found))
    assert "No label is suspected : the models doubt none of 60 labels." in page.text
    assert "worst" not in page.ids
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert "given" not in suspects_text(found)


def test_one_is_written_as_one() -> None:
    found = build(suspected=1)
    said = [s.text.replace("\u00a0", " ") for s in sentences(found)]
    assert said == [
        "About 1 of 60 labels (1.7 %) is estimated to be wrong; 1 is marked as suspected.",
        "The class with the most is “class 0”: 1 of its 20 labels, most often taken for “class 1” (1).",
    ]
    assert "The one suspect." in page_html(found)


def test_an_image_that_copies_contradict_is_told_apart_in_number() -> None:
    assert sentences(build())[-1].text.startswith("1 image has a copy, byte for byte, under another label")


@pytest.mark.parametrize("width", [60, 100])
def test_the_terminal_page_keeps_to_its_width_and_ends_in_paths(width: int) -> None:
    text = suspects_text(build(n=400, k=20, suspected=100, data={"failed": {"forest": "out of memory"}}), width)
    lines = text.splitlines()
    assert lines[-2:] == ["out/suspects.html", "out/suspects.csv"]
    assert max(map(cell_len, lines[:-2])) <= width
    assert "forest was left out: out of memory" in text
    assert "and 12 more" in text
    assert sum("class 0" in line for line in lines) >= 1


def test_many_classes_are_listed_up_to_a_cap() -> None:
    page = Page(page_html(build(n=300, k=100, suspected=10)))
    assert page.tags["tr"] == 61
    assert "and 40 more classes" in page.text


def test_a_notebook_gets_a_short_version() -> None:
    page = Page(suspects_html(build()))
    assert page.tags["figure"] == 10


def test_the_picture_draws_at_most_thirty() -> None:
    ax = build(n=90, suspected=40).plot()
    assert len(ax.images) == 30
    assert ax.texts[0].get_text().startswith("given class 0\nsuggested class 1\nquality ")
    assert len(build(suspected=0).plot().images) == 0
    shape = (4, 6, 8, 3)
    colour = build(suspected=4, thumbnails=Thumbnails(np.arange(4), np.zeros(shape, np.uint8)))
    assert colour.plot().images[0].get_array().shape == (6, 8, 3)


def test_the_report_is_written_beside_the_table(tmp_path: Path) -> None:
    found = build(path=tmp_path / "s.csv")
    assert found.report() == tmp_path / "s.html"
    assert (tmp_path / "s.html").read_text(encoding="utf-8") == page_html(found)
    assert write_suspects(found, tmp_path / "deep" / "p.html").is_file()


def test_models_that_guess_are_said_to_judge_nothing() -> None:
    found = build(suspected=0)
    found = replace(found, data={**found.data, "agrees": 0.53, "kappa": 0.05, "sees": False})
    text = " ".join(sentence.text for sentence in sentences(found))
    assert text.startswith("The models cannot judge these labels: together they agree with 53")
    assert "estimated to be wrong" not in text


def test_weak_models_are_said_to_be_weak() -> None:
    found = build()
    weak = replace(found, data={**found.data, "agrees": 0.7, "kappa": 0.4, "sees": True})
    strong = replace(found, data={**found.data, "agrees": 0.97, "kappa": 0.95, "sees": True})
    said = "The models are weak here: together they agree with 70"
    assert said in " ".join(sentence.text for sentence in sentences(weak))
    assert "weak" not in " ".join(sentence.text for sentence in sentences(strong))
