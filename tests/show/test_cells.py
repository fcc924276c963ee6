"""Cells of the report's confusion matrices open their images, without scripts."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from pages import Page

from secondlook.show.cells import NO_CELLS, cells
from secondlook.show.facts import matrix
from secondlook.show.gallery import gallery
from secondlook.show.matrices import overlay, svg
from secondlook.show.report import write_report
from secondlook.types import Thumbnails


def places(run):
    models = [run.chosen, *(r.model for r in run.rows if r.test_accuracy is not None and r.model != run.chosen)]
    return {model: f"confusion-{i}" for i, model in enumerate(models)}


# One model, and no net: a report without learning curves is soon written.
ONE = {"models": (("forest", "trees", 0.957, 181_204, 362_408, 2_400, 4.2),), "lost": False}


@pytest.fixture(scope="module")
def written(make_run, tmp_path_factory):
    """The report's text."""
    path = tmp_path_factory.mktemp("report") / "r.html"
    return write_report(make_run(n_test=900), path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def opened(make_run):
    run = make_run(n_test=900)
    return run, cells(run, places(run), 10**6)


def test_every_mistake_that_is_kept_stands_in_its_cell_and_the_cap_is_stated(opened):
    run, made = opened
    said = run.predictions(run.chosen)
    counts, kept = matrix(said), set(run.thumbnails().items.tolist())
    by_anchor = {panel.anchor: panel for panel in made.panels[run.chosen]}
    for (i, j), anchor in made.links[run.chosen].items():
        panel, n = by_anchor[anchor], counts[i, j]
        there = [k for k in np.flatnonzero((said.labels == i) & (said.predicted == j)) if said.items[k] in kept]
        assert len(panel.shots) == len(there[:12])
        assert {shot.name for shot in panel.shots} <= {said.names[k] for k in there}
        assert panel.title == f"{run.chosen}: given {i}, " + ("right" if i == j else f"says {j}")
        if len(panel.shots) < n:
            assert panel.text.startswith(f"{len(panel.shots)} of {n} shown, ")
        else:
            assert panel.text == ("1 image" if n == 1 else f"all {n}, the surest first")
    wrong = (counts > 0) & ~np.eye(10, dtype=bool)
    assert {cell for cell in made.links[run.chosen] if cell[0] != cell[1]} == {tuple(c) for c in np.argwhere(wrong)}


def test_the_surest_stand_first(opened):
    run, made = opened
    for panel in made.panels[run.chosen]:
        sure = [float(shot.sure) for shot in panel.shots]
        assert sure == sorted(sure, reverse="right" not in panel.title)


def test_other_models_share_the_pictures(opened):
    run, made = opened
    assert any(made.panels[model] for model in made.panels if model != run.chosen)
    assert made.sheet.count("data:image/") == 1


def test_a_cell_holds_a_dozen_and_says_of_how_many(make_run):
    run = make_run(n_test=900, scale=0.3)
    made = cells(run, places(run), 10**6)
    sizes = [len(panel.shots) for panel in made.panels[run.chosen]]
    assert max(sizes) == 12
    full = next(panel for panel in made.panels[run.chosen] if len(panel.shots) == 12)
    assert re.fullmatch(r"12 of \d+ shown, the surest first", full.text)


@pytest.mark.parametrize("room", [0, 60_000, 120_000, 300_000])
def test_they_keep_to_the_room_they_have_and_the_chosen_models_come_first(make_run, room):
    run = make_run(n_test=900, scale=0.3)
    made = cells(run, places(run), room)
    size = len(made.sheet) + sum(len(s.picture) for panels in made.panels.values() for p in panels for s in p.shots)
    assert size <= room
    if room == 0:
        assert made is NO_CELLS
    elif any(panels for model, panels in made.panels.items() if model != run.chosen):
        assert made.panels[run.chosen]


def test_a_cell_is_a_link_to_a_panel_that_shows_while_it_is_the_target(written):
    text, page = written, Page(written)
    panels = re.findall(r'<aside class="cell-panel" id="([^"]+)"', text)
    assert len(panels) > 20
    assert len(set(panels)) == len(panels)
    inside = "".join(re.findall(r'<svg class="matrix".*?</svg>', text, flags=re.DOTALL))
    assert sorted(re.findall(r'<a href="#([^"]+)">', inside)) == sorted(panels)
    assert 'role="group" aria-label="Confusion matrix of' in inside
    assert ".cell-panel { display: none; }" in text
    assert ".cell-panel:target {" in text
    assert "A cell opens its images." in page.text
    back = set(re.findall(r'<a class="close" href="#([^"]+)"', text))
    assert back <= set(page.ids)
    assert re.search(r'<a href="#confusion-\d-\d-\d">given \d, says \d</a> <span class="small">of ', text)


def test_without_kept_images_nothing_opens_and_nothing_says_so(make_run, tmp_path):
    run = make_run(n_test=900, **ONE)
    bare = replace(run, _thumbnails=lambda: Thumbnails(np.zeros(0, np.int64), np.zeros((0, 1, 1, 1), np.uint8)))
    text = write_report(bare, tmp_path / "r.html").read_text(encoding="utf-8")
    assert "cell-panel" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    assert "opens" not in Page(text).text
    assert "training images are missed; the run keeps no copies of them." in Page(text).text


def test_a_matrix_with_links_keeps_its_titles():
    counts = np.array([[5, 2], [0, 3]])
    drawn = svg(counts, ("a<", "b"), "it", large=True, links={(0, 1): "here"})
    assert drawn.count("<a href=") == 1
    assert '<a href="#here"><g class="s6"><title>given a&lt;, says b: 2 of 7' in drawn
    assert 'role="img"' in svg(counts, ("a", "b"), "it", large=True)


def test_with_many_classes_invisible_cells_lie_over_the_picture_until_they_are_too_small():
    names = tuple(map(str, range(40)))
    over = overlay({(3, 7): "x-3-7"}, names)
    assert '<rect x="7" y="3" width="1" height="1"/>' in over
    assert "<title>given 3, says 7</title>" in over
    assert overlay({}, names) == ""
    assert overlay({(3, 7): "x"}, tuple(map(str, range(91)))) == ""


def test_with_very_many_classes_the_frequent_confusions_open(make_run, tmp_path):
    run = make_run(k=120, n_test=600, scale=0.8, **ONE)
    text = write_report(run, tmp_path / "r.html").read_text(encoding="utf-8")
    panels = re.findall(r'<aside class="cell-panel" id="([^"]+)"', text)
    assert 0 < len(panels) <= 10
    assert {f"#{panel}" for panel in panels} <= set(re.findall(r'<li>.*?href="([^"]+)"', text))
    assert "The most frequent confusions open their images." in Page(text).text


def test_mistakes_on_the_training_images_have_their_own_gallery(written):
    page = Page(written)
    assert "mistakes-train" in page.ids
    assert "Mistakes of lenet on its training images" in page.text
    assert re.search(r"[0-9]+ of [0-9,]+ training images missed", page.text)


def test_a_gallery_says_what_it_shows_of_which_part(make_run):
    run = make_run(n_test=900)
    for part, noun in (("test", "test images"), ("train", "training images")):
        said, nothing = run.predictions(run.chosen, part), Thumbnails(np.zeros(0, np.int64), np.zeros((0, 1, 1, 1)))
        wrong = int((said.predicted != said.labels).sum())
        shown = gallery(said, run.thumbnails(), (28, 28))
        assert shown.text.startswith(f"{shown.shown:,} of {wrong:,} shown")
        assert gallery(said, nothing, (28, 28)).text == f"{wrong:,} {noun} are missed; the run keeps no copies of them."
        right = replace(said, labels=said.predicted)
        assert gallery(right, nothing, (28, 28)).text == f"None on the {noun}."
