"""The page: whole, small, safe, readable."""

from __future__ import annotations

import base64
import os
import re
from collections import Counter
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from pages import Page
from PIL import Image

from secondlook.show.facts import matrix
from secondlook.show.gallery import encode, gallery
from secondlook.show.matrices import LIGHT_TEXT_FROM, OPACITIES, STEPS, png, step
from secondlook.show.palette import DARK, LIGHT, SENTINELS
from secondlook.show.report import table_html, write_report

NASTY = ("<script>alert(1)</script>", '<b>é"&', "it's", "日本語", "{{ 7*7 }}", "$x_1$", "a" * 60, "x", "y", "z")


@pytest.fixture(scope="module")
def written(make_run, tmp_path_factory):
    """(page, text, run) by variant, each written once."""
    folder = tmp_path_factory.mktemp("reports")
    variants = {
        "plain": {},
        "all failed": {"all_failed": True},
        "two": {"k": 2, "skew": 0.6, "shape": (120, 120, 3), "scale": 0.9, "classes": ["hot dog", "not hot dog"]},
        "nasty": {"classes": NASTY},
        "perfect": {"perfect": True, "lost": False},
        "tiny": {"n_test": 30, "shape": (8, 8, 1)},
    }
    pages = {}
    for name, variant in variants.items():
        run = make_run(**variant)
        text = write_report(run, folder / f"{name}.html").read_text(encoding="utf-8")
        pages[name] = (Page(text), text, run)
    return pages


ALL = ("plain", "all failed", "two", "nasty", "perfect", "tiny")


@pytest.mark.parametrize("name", ALL)
def test_ids_are_unique_and_every_link_leads_somewhere(written, name):
    page, _, _ = written[name]
    assert [i for i, n in Counter(page.ids).items() if n > 1] == []
    assert page.links
    for link in page.links:
        assert link.startswith("#")
        assert link[1:] in page.ids


@pytest.mark.parametrize("name", ALL)
def test_the_page_needs_no_network_and_no_script(written, name):
    page, text, _ = written[name]
    assert all(source.startswith("data:image/") for source in page.sources)
    assert page.tags["script"] == page.tags["link"] == page.tags["iframe"] == page.tags["object"] == 0
    assert re.findall(r"https?://|@import|url\((?!#)", text) == []
    assert "default-src 'none'" in text


@pytest.mark.parametrize("name", ALL)
def test_references_inside_figures_stay_inside_the_page(written, name):
    page, text, _ = written[name]
    for target in re.findall(r"url\(#([^)]+)\)", text):
        assert target in page.ids


@pytest.mark.parametrize("name", ALL)
def test_figures_follow_the_page_in_light_and_dark(written, name):
    _, text, _ = written[name]
    for colour in vars(SENTINELS).values():
        assert colour not in text
    for figure in re.findall(r'<svg class="figure".*?</svg>', text, flags=re.DOTALL):
        assert "stroke: var(--ink)" in figure
        assert "stroke: var(--rule)" in figure
    assert set(re.findall(r"var\(--([a-z]+)\)", text)) <= set(vars(SENTINELS))


def test_lines_that_cannot_be_told_from_the_chosen_one_share_a_shade(run):
    from secondlook.show.table import table

    assert {line.model for line in table(run).lines if line.tied} == {"lenet", "cnn-small", "rbf-svm"}
    assert [line.model for line in table(run).lines if line.chosen] == ["lenet"]
    assert table_html(run).count('class="tied"') == 2
    assert table_html(run).count('class="chosen tied"') == 1


def test_names_are_text_and_never_markup(written):
    page, text, _ = written["nasty"]
    assert "<script>" not in text
    assert '<b>é"' not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert NASTY[0] in page.text
    assert "{{ 7*7 }}" in page.text
    assert "日本語" in page.text


def test_a_reason_and_a_model_name_are_escaped_too(run, tmp_path):
    rows = (replace(run.rows[0], reason="<i>enlarged</i>"), *run.rows[1:-1])
    bad = replace(run, rows=(*rows, replace(run.rows[-1], model="<img src=x>", reason="<script>1</script>")))
    text = write_report(bad, tmp_path / "r.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.tags["script"] == 0
    assert "<img src=x>" in page.text
    assert "<i>enlarged</i>" in page.text


def test_the_parts_come_in_order(written):
    page, _, _ = written["plain"]
    parts = ["table", "size", "curves", "confusion", "classes", "mistakes", "made", "glossary"]
    assert [i for i in page.ids if i in parts] == parts


def test_every_model_has_its_line_and_every_failure_its_reason(written):
    page, _, run = written["plain"]
    for row in run.rows:
        assert row.model in page.text
        assert row.reason in page.text
    assert "out of time: stopped after the limit of 2 min" in page.text


def test_notes_stand_below_the_table_and_are_numbered_at_the_names(noted, tmp_path):
    from secondlook.show.table import table

    marks = {line.model: line.mark for line in table(noted).lines if line.mark}
    assert marks == {"lenet": 1, "forest": 2, "mlp-small": 3, "cnn-tiny": 1}
    text = write_report(noted, tmp_path / "r.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.tags["sup"] == 4
    assert "lenet, cnn-tiny: images enlarged from 8x8 to 16x16, the smallest this net takes" in page.text
    assert "forest: out of time" in page.text
    assert (
        page.text.index("Sorted by") < page.text.index("lenet, cnn-tiny:") < page.text.index("Accuracy against size Up")
    )


def test_a_model_stopped_with_scores_has_an_open_dot_and_says_so(noted, run):
    text = table_html(noted)
    assert text.count('class="bar cut"') == 2
    assert re.search(r'aria-label="mlp-small: 95 % interval [^"]*; out of time"', text)
    assert "Open dot: the model was stopped before its training was done." in text
    assert "Open dot" not in table_html(run)
    assert "cut" not in re.findall(r'class="([^"]*)"', table_html(run))


def test_where_nothing_finished_the_table_has_no_empty_columns(written):
    page, text, _ = written["all failed"]
    assert "what happened" in page.text
    assert "log-loss</abbr>" not in text
    assert "Sorted by" not in page.text


def test_numbers_of_the_table_stand_with_their_intervals(written):
    page, text, run = written["plain"]
    best = run[run.chosen]
    assert f"{best.test_accuracy:.3f}"[1:] + " ± .004" in page.text
    low, high = (f"{v:.4f}"[1:] for v in (best.test_low, best.test_high))
    assert f"95 % interval {low} to {high}, n = 4,200" in text
    assert 'title="44,426"' in text


def test_the_page_says_how_to_make_it_again(written):
    page, _, run = written["plain"]
    for said in (
        run.config["command"],
        "2026-05-09 12:30 UTC, in 3 min 6 s",
        "AMD EPYC 7B13, 2 cores, 16 GB of memory",
    ):
        assert said in page.text.replace("\u00a0", " ")
    for said in (run.data["fingerprint"], run.config["split"]["fingerprint"], "torch 2.13.0", run.data["format"]):
        assert said in page.text
    assert "train 33,600 (3,316 to 3,419 per class)" in page.text


def test_counts_of_the_matrix_stand_in_its_titles(written):
    _, text, run = written["plain"]
    p = run.predictions("logistic")
    counts = matrix(p)
    i, j = np.argwhere((counts > 0) & ~np.eye(10, dtype=bool))[0]
    assert f"given {i}, says {j}: {counts[i, j]} of {counts[i].sum()} (" in text


@pytest.mark.slow
def test_a_page_with_345_classes_and_12_models_stays_below_5_mb(make_run, tmp_path):
    twelve = tuple((f"net-{i}", "convolution", 0.95 - 0.03 * i, *[1000 * 2**i] * 3, 3.0 * i) for i in range(12))
    classes = [f"a rather long class name {i}" for i in range(345)]
    run = make_run(k=345, n_test=7_000, scale=0.7, classes=classes, models=twelve, shape=(64, 64, 3))
    path = write_report(run, tmp_path / "big.html")
    page = Page(path.read_text(encoding="utf-8"))
    assert path.stat().st_size < 5_000_000
    assert sum(source.startswith("data:image/png") for source in page.sources) >= 12
    assert "from 24 of " in page.text


def test_a_report_is_whole_or_not_there(run, tmp_path, monkeypatch):
    target = tmp_path / "deep" / "report.html"
    write_report(run, target)
    before = target.read_bytes()
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_report(run, target)
    assert target.read_bytes() == before
    assert [p.name for p in target.parent.iterdir()] == ["report.html"]


def test_the_report_is_as_readable_as_any_new_file(run, tmp_path):
    other = tmp_path / "other"
    other.touch()
    assert write_report(run, tmp_path / "r.html").stat().st_mode == other.stat().st_mode
    before = os.umask(0o077)
    try:
        assert write_report(run, tmp_path / "r.html").stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_the_same_run_gives_the_same_page(run, tmp_path):
    pages = [write_report(run, tmp_path / f"{i}.html").read_bytes() for i in range(2)]
    assert pages[0] == pages[1]


def test_the_notebook_table_brings_its_style_and_no_links(run):
    text = table_html(run)
    page = Page(text)
    assert page.links == []
    assert page.ids == []
    assert page.tags["style"] == 1
    assert "lenet" in page.text
    assert run._repr_html_() == text


def test_the_bar_places_agree_with_the_numbers(run):
    from secondlook.show.axis import Axis
    from secondlook.show.table import table

    axis = Axis.of(run)
    for line, row in zip(table(run).lines, run.rows, strict=True):
        if row.test_accuracy is None:
            assert line.bar is None
        else:
            assert line.bar.dot == pytest.approx(100 * axis.position(row.test_accuracy), abs=0.01)
            assert line.bar.low <= line.bar.dot <= line.bar.high


def test_the_gallery_shows_the_surest_mistakes_and_says_what_it_leaves_out(make_run):
    run = make_run(scale=0.8)
    p = run.predictions(run.chosen)
    shown = gallery(p, run.thumbnails(), run.data["shape"])
    assert shown.total == int((p.predicted != p.labels).sum())
    assert shown.shown == sum(len(s.pictures) for s in shown.shelves) <= 96
    for shelf in shown.shelves:
        sure = [float(picture.sure) for picture in shelf.pictures]
        assert sure == sorted(sure, reverse=True)
        assert {picture.given for picture in shelf.pictures} == {shelf.name}
        assert all(picture.says != shelf.name for picture in shelf.pictures)


def test_pictures_in_the_gallery_are_the_images_themselves(run):
    thumbnails = run.thumbnails()
    shown = gallery(run.predictions(run.chosen), thumbnails, run.data["shape"])
    picture = shown.shelves[0].pictures[0]
    pixels = np.asarray(Image.open(BytesIO(base64.b64decode(picture.source.split(",")[1]))))
    assert any(np.array_equal(pixels, image[..., 0]) for image in thumbnails.pixels)
    assert min(picture.width, picture.height) >= 64


def test_only_images_that_are_tiny_themselves_are_shown_as_squares(written):
    assert 'class="pixelated"' in written["plain"][1]
    assert 'class="pixelated"' not in written["two"][1]
    assert "not hot dog" in written["two"][0].text


@pytest.mark.parametrize(
    ("shape", "kind"), [((28, 28, 1), "png"), ((24, 24, 3), "png"), ((64, 64, 3), "jpeg"), ((64, 64, 1), "png")]
)
def test_photographs_are_jpeg_and_small_images_lossless(shape, kind):
    pixels = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    assert encode(pixels).startswith(f"data:image/{kind};base64,")


def test_the_heat_map_has_one_pixel_per_cell():
    counts = np.zeros((30, 30), dtype=np.int64)
    counts[3, 7], counts[3, 3] = 5, 5
    pixels = np.asarray(Image.open(BytesIO(base64.b64decode(png(counts).split(",")[1]))))
    assert pixels.shape == (30, 30, 4)
    assert pixels[3, 7, 3] == 255 * OPACITIES[step(0.5)] // 1
    assert pixels[7, 3, 3] == 0


def test_each_share_has_its_step():
    assert [step(s) for s in (1e-9, 0.005, 0.006, 0.2, 0.21, 1.0)] == [0, 0, 1, 5, 6, 7]
    assert len(STEPS) == len(OPACITIES)


def luminance(rgb):
    linear = [v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in rgb]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def rgb(text):
    return np.array([int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)])


def contrast(a, b):
    first, second = sorted([luminance(a), luminance(b)])
    return (second + 0.05) / (first + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_is_readable_on_everything_it_stands_on(palette):
    ground, shade, ramp = (rgb(c) for c in (palette.ground, palette.shade, palette.ramp))
    for ink in (palette.ink, palette.quiet, palette.accent):
        assert contrast(rgb(ink), ground) >= 4.5
        assert contrast(rgb(ink), shade) >= 4.5
    for i, opacity in enumerate(OPACITIES):
        cell = opacity * ramp + (1 - opacity) * ground
        written = ground if i >= LIGHT_TEXT_FROM else rgb(palette.ink)
        assert contrast(written, cell) >= 4.5, i


def test_the_style_sheet_has_the_palettes_colours(written):
    _, text, _ = written["plain"]
    light, dark = text.split("prefers-color-scheme: dark", 1)
    for part, palette in ((light, LIGHT), (dark[:400], DARK)):
        for name, value in vars(palette).items():
            assert f"--{name}: {value}" in part
