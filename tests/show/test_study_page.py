"""A study's page, pictures, sentences and terminal, from made-up cells."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from pages import Page
from rich.cells import cell_len

from secondlook.judge.study_laws import laws_of
from secondlook.show.study_page import page_html
from secondlook.show.study_plots import plot_by_class
from secondlook.show.study_terminal import study_lines, study_text
from secondlook.show.study_words import need, sentences
from secondlook.types import Cell, Epoch, Estimate, History, Kind, Needed, Study

NASTY = "<b>$x$\u202egpj"
CLASSES = ("cat", NASTY, "dog")


def history(n: int) -> History:
    epochs = tuple(Epoch(e, e / 9, 1e-3, 1 / e, 1 / e, 0.8, 1.2 / e + 10 / n, 0.7) for e in range(1, 6))
    return History(epochs, 4, "all 5 epochs done")


def made(kind: Kind, values: Any, seeds: int = 2, models: Any = ("logistic", "tiny"), **fixed: Any) -> Study:
    rng, cells = np.random.default_rng(0), []
    for model in models:
        for value in values:
            for seed in range(seeds):
                more = value if isinstance(value, dict) else {{"size": "rows", "noise": "noise"}[kind]: value}
                rows = more.get("minority", more.get("rows", 100))
                hits = tuple(int(x) for x in np.clip(100 - 200 * rows**-0.5 + rng.normal(0, 1, 3), 0, 100))
                values_ = {"rows": 100, "classes": 3, **more, **fixed}
                cells.append(
                    Cell(
                        name=f"{model}-{len(cells)}",
                        model=model,
                        seed=seed,
                        members=CLASSES,
                        test_accuracy=sum(hits) / 300,
                        test_low=0.1,
                        test_high=0.99,
                        test_log_loss=0.5,
                        n_test=300,
                        hits=hits,
                        counts=(100, 100, 100),
                        fit_seconds=0.5,
                        history=history(rows) if model == "tiny" else None,
                        engine="native fp32" if model == "tiny" else "",
                        **values_,
                    )
                )
    hardware = {"cpu": "cpu", "cores": 2}
    config = {
        "minority": "dog" if kind == "imbalance" else "", "seeds": seeds, "seed": 0, "split_method": "stratified",
        "hardware": hardware, "command": "secondlook study", "kind": kind,
    }  # fmt: skip
    data = {"source": f"photos/{NASTY}", "n": 900, "shape": [8, 8, 1], "classes": CLASSES, "fingerprint": "0" * 16}
    study = Study(Path("runs/made"), kind, config, data, tuple(cells))
    laws = {m: laws_of(kind, study.of(m), (0.95, 0.99), 0, str(config["minority"])) for m in models}
    return replace(study, laws=laws)


STUDIES: dict[str, Any] = {
    "size": lambda: made("size", [20, 50, 100, 200, 400]),
    "noise": lambda: made("noise", [0.0, 10.0, 20.0]),
    "imbalance": lambda: made(
        "imbalance", [{"minority": n, "remedy": r} for n in (5, 20, 80, 200) for r in ("", "weights")]
    ),
    "classes": lambda: made("classes", [{"classes": k, "order": o} for k in (2, 3) for o in ("random", "hardest")]),
    "grid": lambda: made("grid", [{"classes": k, "rows": n} for k in (2, 3) for n in (20, 50, 100, 200)]),
}


@cache
def study_of(kind: str) -> Study:
    return STUDIES[kind]()


@pytest.mark.parametrize("kind", STUDIES)
def test_the_page_is_whole_and_loads_nothing(kind: str) -> None:
    page = Page(page_html(study_of(kind)))
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert page.sources == []
    assert page.tags["svg"] >= 2
    assert page.tags["script"] == 0
    assert "logistic" in page.text
    assert "tiny" in page.text
    assert "NaN" not in page.text
    assert "nan" not in page.text.replace("nanosecond", "")


@pytest.mark.parametrize("kind", STUDIES)
def test_the_terminal_keeps_to_its_width(kind: str) -> None:
    study = study_of(kind)
    for width in (60, 100):
        assert all(cell_len(line.plain.rstrip()) <= width for line in study_lines(study, width)[:-1])
    assert "runs/made" in study_text(study)


@pytest.mark.parametrize("kind", STUDIES)
def test_a_study_draws_on_the_axes_given_or_its_own(kind: str) -> None:
    study = study_of(kind)
    ax = study.plot()
    assert isinstance(ax, Axes)
    assert study.plot(ax) is ax


def test_sentences_say_what_changed_who_leads_by_which_law_and_how_many_more() -> None:
    said = " ".join(sentences(study_of("size")))
    assert "From 20 to 400 images per class, accuracy goes from ." in said
    assert " by the mean over seeds." in said
    assert "Each doubling of the images takes " in said
    assert ": an accuracy of ." in said
    assert 2 <= len(sentences(study_of("size"))) <= 6
    grid = " ".join(sentences(study_of("grid")))
    assert grid.startswith("From 2 classes of 20 images to 3 of 200, accuracy goes from .")
    assert "1 class more changes it by " in grid
    assert "100 images per class more changes it by" in grid
    rare = " ".join(sentences(study_of("imbalance")))
    assert "With 5 images of dog, " in rare
    assert " with nothing, ." in rare


def test_a_lead_is_said_from_where_it_holds() -> None:
    study = made("size", [20, 50, 100], seeds=1)
    values = {("logistic", 20): 0.5, ("logistic", 50): 0.6, ("logistic", 100): 0.7}
    values |= {("tiny", 20): 0.4, ("tiny", 50): 0.65, ("tiny", 100): 0.8}
    cells = tuple(replace(c, test_accuracy=values[c.model, c.rows]) for c in study.cells)
    assert "tiny is ahead from 50 images per class on, by the mean over seeds." in sentences(
        replace(study, cells=cells)
    )
    cells = tuple(replace(c, test_accuracy=c.test_accuracy + (c.model == "tiny")) for c in cells)
    assert "tiny is ahead at every value, by the mean over seeds." in sentences(replace(study, cells=cells))


def test_how_many_images_in_words() -> None:
    size, rare = study_of("size"), study_of("imbalance")
    some = Needed(0.95, Estimate(1234.0, 812.0, 4567.0))
    assert need(size, some) == "an accuracy of .950 asks for some 1,200 images per class (810 to 4,600)"
    assert need(rare, some) == "a recall of dog of .950 asks for some 1,200 images of it (810 to 4,600)"
    assert need(size, Needed(0.9, None, reached=400)) == "an accuracy of .900 is there from 400 images per class on"
    assert need(size, Needed(0.9, None, refused="it cannot")) == "an accuracy of .900: no forecast, it cannot"
    endless = Needed(0.95, Estimate(1234.0, 812.0, float("inf")))
    assert need(size, endless).endswith("(810 to more than can be said)")


def test_a_study_in_which_nothing_was_fitted_still_has_a_page() -> None:
    study = study_of("size")
    lost = tuple(
        replace(c, status="failed", reason=NASTY, test_accuracy=None, hits=(), counts=(), history=None)
        for c in study.cells
    )
    empty = replace(study, cells=lost, laws={})
    assert "–" in Page(page_html(empty)).text
    assert "–" in study_text(empty)


def test_a_rare_class_has_a_curve_beside_those_of_the_others() -> None:
    study = study_of("imbalance")
    ax = plot_by_class(study, "tiny")
    curves = {str(line.get_label()): line for line in ax.lines}
    assert list(curves)[-1] == "dog", "the minority lies on top"
    assert len(curves) == 3
    cells = [cell for cell in study.of("tiny") if cell.plain]
    wanted = [np.mean([c.recall("dog") for c in cells if c.minority == n]) for n in (5, 20, 80, 200)]  # type: ignore[misc]
    assert curves["dog"].get_ydata() == pytest.approx(wanted)
    assert curves["dog"].get_linewidth() > curves["cat"].get_linewidth()
    assert "recall of each class, tiny" in page_html(study)
    assert "recall of each class" not in page_html(study_of("size"))
