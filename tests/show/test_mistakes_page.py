"""Mistakes as a page, in the terminal, as a sheet, in a notebook."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from made_mistakes import build_mistakes
from pages import Page
from rich.cells import cell_len

from secondlook.show.mistakes import chosen_rows, mistakes_html
from secondlook.show.mistakes_terminal import mistakes_text, written_text
from secondlook.show.mistakes_words import others_said, sentences, totals

NASTY = ("<script>alert(1)</script>", '<b>é"&', "it's", "日本語", "{{ 7*7 }}", "$x_1$", "a" * 60, "x\ny", "y", "z")
VARIANTS = {
    "plain": {},
    "one": {"n": 1, "parts": ("test",), "models": ("lenet",)},
    "none": {"n": 0},
    "nasty": {"classes": NASTY, "names": [f"<i>{i}\n&.png" for i in range(120)]},
    "all": {"model": "all"},
    "blind": {"near": False, "seen": False, "why_no_images": "The images in photos were changed since the run."},
    "colour": {"n": 8, "shape": (64, 48, 3), "classes": ("hot dog", "not hot dog")},
}


@pytest.fixture(scope="module")
def pages():
    made = {name: build_mistakes(**variant) for name, variant in VARIANTS.items()}
    return {name: (mistakes_html(found), found) for name, found in made.items()}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_page_is_whole_safe_and_needs_no_network(pages, name):
    text, _ = pages[name]
    page = Page(text)
    assert [i for i, n in Counter(page.ids).items() if n > 1] == []
    assert all(link[0] == "#" and link[1:] in page.ids for link in page.links)
    assert all(source.startswith("data:image/") for source in page.sources)
    assert page.tags["script"] == page.tags["i"] == 0
    assert re.findall(r"https?://|@import|url\((?!#)", text) == []
    assert "default-src 'none'" in text


def test_every_mistake_stands_on_its_shelf_with_caption_name_and_neighbours(pages):
    text, found = pages["plain"]
    page = Page(text)
    assert page.tags["figure"] == len(found)
    assert text.count('class="near"') == len(found)
    shelf = text.split('id="test-3"')[1].split('class="class-shelf"')[0]
    rows = found.rows("test", 3)
    captions = re.findall(r"given 3, says <b>(\d)</b> \((\.\d\d)\)", shelf)
    assert captions == [(found.classes[found.answers[i]], f"{found.confidence[i]:.2f}"[1:]) for i in rows]
    assert re.findall(r'class="file"><bdi>([^<]*)</bdi>', shelf) == [found.names[i] for i in rows]
    assert f"{len(rows)} of {found.counts['test'][3]} test images missed" in Page(text).text
    first = int(rows[0])
    name, label, far = found.nearest_of(first)[0]
    assert f'title="{name}, given {label}, differs by {f"{far:.3f}"[1:]}"' in shelf


def test_the_others_answers_count_baselines_aside(pages):
    _, found = pages["plain"]
    for i in range(5):
        said = others_said(found, i)
        assert sum(len(models) for _, models, _ in said) == 2
        assert {m for _, models, _ in said for m in models} == {"knn", "logistic"}
        assert all(right == (answer == found.classes[found.given[i]]) for answer, _, right in said)


def test_names_are_text(pages):
    text, _ = pages["nasty"]
    assert "<script>" not in text
    assert "&lt;i&gt;0\\n&amp;.png" in text
    assert "{{ 7*7 }}" in Page(text).text


def test_without_images_the_page_says_why_and_goes_on(pages):
    text, found = pages["blind"]
    page = Page(text)
    assert "The images in photos were changed since the run." in page.text
    assert page.text.count("no image") == len(found)
    assert page.sources == []


def test_a_page_with_nothing_on_it_says_so(pages):
    text, _ = pages["none"]
    assert "lenet misses none of 1,000 test images and none of 1,000 training images" in Page(text).text


def test_the_cap_is_stated_and_every_class_has_its_share():
    found = build_mistakes(n=1200, shape=(4, 4, 1), near=False)
    rows = chosen_rows(found, 40, 1000)
    assert len(rows) == 800
    shares = Counter((str(found.part_of[i]), int(found.given[i])) for i in rows)
    assert set(shares.values()) == {40}
    assert len(chosen_rows(found, 40, 25)) == 25
    assert set(Counter(int(found.given[i]) for i in chosen_rows(found, 40, 40)).values()) == {4}
    page = Page(mistakes_html(found))
    assert "400 of 1,200 shown, the worst of each class" in page.text
    assert "images missed, 40 shown" in page.text


def test_what_was_asked_for_is_shown_and_no_more():
    page = Page(mistakes_html(build_mistakes(n=200, parts=("test",), top=3, near=False)))
    assert page.tags["figure"] == 30


def test_large_photographs_by_the_hundred_stay_below_5_mb():
    found = build_mistakes(n=250, parts=("test",), shape=(120, 160, 3))
    text = mistakes_html(found)
    assert len(text.encode()) < 5_000_000
    assert Page(text).tags["figure"] == 250


def test_where_there_is_no_room_for_more_pictures_the_frames_stay_empty(monkeypatch):
    monkeypatch.setattr("secondlook.show.mistakes._ROOM", 20_000)
    monkeypatch.setattr("secondlook.show.mistakes._NEAR_ROOM", 10_000)
    text = mistakes_html(build_mistakes(n=40, parts=("test",)))
    sizes = [len(source) for source in Page(text).sources]
    assert sum(sizes) <= 30_000
    assert 0 < text.count("no image") < 40


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_no_line_in_the_terminal_is_wider_than_it(pages, name, width):
    for line in mistakes_text(pages[name][1], width).splitlines():
        assert cell_len(line) <= width
        assert line == line.rstrip()
        assert "\x1b" not in line


def test_the_terminal_lists_the_worst_by_class_names_last(pages):
    _, found = pages["plain"]
    text = mistakes_text(found)
    lines = text.splitlines()
    assert lines[0].startswith("lenet misses 60 of 1,120 test images (5\u00a0%) and 60 of ")
    head = next(i for i, line in enumerate(lines) if line.startswith("given 3"))
    first = int(found.rows("test", 3)[0])
    cells = lines[head + 1].split()
    assert cells[0] == found.classes[found.answers[first]]
    assert cells[1] == f"{found.confidence[first]:.2f}"[1:]
    assert float(cells[2]) == pytest.approx(found.loss[first], rel=0.01)
    assert cells[-1] == found.names[first]
    assert "others miss" in text
    assert "more: --top N shows N of each class" in " ".join(text.split())


def test_together_the_list_says_by_how_many_an_image_is_missed(pages):
    _, found = pages["all"]
    text = mistakes_text(found)
    assert "missed by" in text
    assert "At least one of 3 models misses" in text
    assert f"{found.missed_by[0]} of 3" in text


def test_of_very_many_classes_the_list_has_those_missed_most():
    classes = tuple(f"class {i}" for i in range(80))
    found = build_mistakes(n=400, parts=("test",), classes=classes, near=False)
    text = mistakes_text(found)
    assert text.count("given ") == 30
    there = len(np.unique(found.given))
    assert f"The 30 classes missed most, {there - 30} more have mistakes." in " ".join(text.split())
    assert f"given {classes[int(np.argmax([len(found.rows('test', c)) for c in range(80)]))]} " in text
    every = mistakes_text(build_mistakes(n=400, parts=("test",), classes=classes, near=False, top=1))
    assert every.count("given ") == there


def test_what_was_written_is_said_with_the_path_last(pages):
    text = written_text(pages["blind"][1], "out/m.html")
    assert text.splitlines()[-1] == "out/m.html"
    assert "changed since the run" in text


def test_sentences_agree_with_the_numbers():
    found = build_mistakes(n=5, parts=("test",), given=np.array([1, 1, 1, 2, 2]), answers=np.array([7, 7, 3, 1, 1]),
                           counts={"test": [0, 10, 100, *[0] * 7]}, missed_by=np.array([3, 3, 1, 1, 2]))  # fmt: skip
    said = [sentence.text for sentence in sentences(found)]
    assert said[0] == "lenet misses 5 of 110 test images (5\u00a0%)."
    assert said[1] == "Most often missed is 1: 3 of 10 test images (30\u00a0%), twice taken for 7."
    assert said[2] == "2 of these 5 test images are missed by all 3 models, baselines aside; 2 by lenet alone."
    labels = np.array([found.nearest.labels[int(i)] for i in found.nearest.items[:, 0]])
    assert said[3].startswith(
        "Beside 5 of the mistakes the nearest training image was looked for: its label is the wrong answer "
    )
    assert f"{int((labels == found.answers).sum())} times" in said[3] or "once" in said[3] or "twice" in said[3]


def test_one_class_is_said_to_be_one_class():
    found = build_mistakes(n=3, parts=("test",), given=np.array([1, 1, 1]), wanted=1, answers=np.array([7, 7, 3]))
    assert totals(found).startswith("lenet misses 3 of 10")
    assert totals(found).endswith(", all given 1.")
    assert "Most often it was taken for 7: twice." in [s.text for s in sentences(found)]


def test_the_sheet_has_a_tile_for_every_mistake_that_it_shows(pages):
    found = build_mistakes(n=40, parts=("test",), classes=("a", "$x_1$", "c"), shape=(6, 6, 1), near=False, top=4)
    ax = found.plot()
    assert len(ax.images) == len(ax.texts) == sum(min(len(found.rows("test", c)), 4) for c in range(3))
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a (test)", r"\$x_1\$ (test)", "c (test)"]
    np.testing.assert_array_equal(ax.images[0].get_array()[..., 0], found.pixels(int(found.rows("test", 0)[0]))[..., 0])
    ax.figure.canvas.draw()
    for name in ("none", "blind"):
        assert len(pages[name][1].plot().images) <= 200


def test_a_notebook_gets_some_of_them_with_their_style(pages):
    _, found = pages["plain"]
    text = found._repr_html_()
    page = Page(text)
    assert page.tags["style"] == 1
    assert page.links == []
    assert page.ids == []
    assert 0 < page.tags["figure"] <= 160


def test_a_report_can_be_written_anywhere(pages, tmp_path):
    path = pages["one"][1].report(tmp_path / "deep" / "m.html")
    assert path.read_text(encoding="utf-8") == pages["one"][0]
