"""The audit's page and its short form in the terminal: whole, small, harmless whatever things are called."""

from __future__ import annotations

import base64
import json
import re
import textwrap
from collections import Counter
from dataclasses import replace
from io import BytesIO, StringIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_audits import BROKEN, DARK, IMBALANCE, LEAK, NASTY, build_audit, files, pairs, singles
from pages import Page
from PIL import Image
from rich.cells import cell_len

from secondlook.runs.files import json_bytes
from secondlook.show.audit import audit_html, findings_html, write_audit
from secondlook.show.audit_terminal import audit_text
from secondlook.show.audit_words import sentences
from secondlook.show.findings import cards, picked, pictured, value_text
from secondlook.show.findings_terminal import compact_lines, filled
from secondlook.show.names import shortened, visible
from secondlook.show.narrator import Narrator
from secondlook.show.palette import SENTINELS
from secondlook.show.plots import plot_counts
from secondlook.types import SEVERITIES, Finding, Item

HOSTILE = Finding(
    "D103", f"{NASTY[0]} and {NASTY[2]} are {NASTY[3]} twice", "serious",
    {NASTY[0]: NASTY[6], "names": list(NASTY), NASTY[8]: {NASTY[9]: 1}}, f"Remove {NASTY[8]}.",
    (*pairs(6, NASTY, (NASTY[0], NASTY[3])), *(Item(name, note=name) for name in NASTY)),
)  # fmt: skip
VARIANTS = {
    "plain": {},
    "tiny": {"shape": (8, 8, 1), "classes": [str(i) for i in range(10)]},
    "large": {"shape": (90, 120, 3)},
    "many": {"classes": [f"class {i}" for i in range(345)], "n": 40_000},
    "nothing": {"findings": (), "faults": ()},
    "unlabelled": {"classes": (), "findings": (DARK,)},
    "not to be split": {"split": False},
    "hostile": {"classes": NASTY, "findings": (HOSTILE,), "source": NASTY[8], "muted": ("D404",),
                "faults": [{"name": name, "kind": "ignored", "reason": name} for name in NASTY]},
}  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """(page, text, audit) by variant, each written once."""
    folder = tmp_path_factory.mktemp("audits")
    made = {}
    for name, variant in VARIANTS.items():
        audit = build_audit(**variant)
        text = write_audit(audit, folder / f"{name}.html").read_bytes().decode("utf-8")
        made[name] = (Page(text), text, audit)
    return made


@pytest.mark.parametrize("name", VARIANTS)
def test_ids_are_unique_and_every_link_leads_somewhere(written, name):
    page, _, _ = written[name]
    assert [i for i, n in Counter(page.ids).items() if n > 1] == []
    assert page.links
    for link in page.links:
        assert link[0] == "#"
        assert link[1:] in page.ids


@pytest.mark.parametrize("name", VARIANTS)
def test_the_page_needs_no_network_and_no_script(written, name):
    page, text, _ = written[name]
    assert all(source.startswith("data:image/") for source in page.sources)
    assert page.tags["script"] == page.tags["link"] == page.tags["iframe"] == page.tags["object"] == 0
    assert re.findall(r"https?://|@import|url\((?!#)", text) == []
    assert "default-src 'none'" in text


@pytest.mark.parametrize("name", VARIANTS)
def test_figures_follow_the_page_in_light_and_dark(written, name):
    _, text, _ = written[name]
    for colour in vars(SENTINELS).values():
        assert colour not in text
    assert set(re.findall(r"var\(--([a-z]+)\)", text)) <= set(vars(SENTINELS))


def test_every_finding_has_its_title_advice_and_numbers_serious_first(written):
    page, _, audit = written["plain"]
    assert [i for i in page.ids if re.fullmatch(r"D\d+", i)] == [f.code for f in audit.findings]
    for finding in audit.findings:
        assert finding.title in page.text
        assert finding.advice in page.text
    for said in ("share .0444", "by reason truncated 49", "counts cat 1,240, dog 172", "threshold .031"):
        assert said in page.text
    assert "and 8 more, all in audit.json" in page.text  # 12 pairs, 8 of them shown
    assert "and 37 more, all in audit.json" in page.text  # 49 files, 12 of them named


def test_the_page_opens_with_what_misleads():
    first, second, third = sentences(build_audit())
    counts = "1 serious finding, 2 warnings and 1 note, of 7 checks made"
    assert first.text == f"{counts}: as they are, these images make numbers that mislead."
    assert (second.text, second.anchor) == (f"{LEAK.title}.", "D103")
    assert third.text == (
        "49 items were left out (49 could not be used): all that is said here is about the 1,412 images that remain."
    )


def test_one_image_is_said_in_the_singular():
    assert "1 image of 64 × 64 pixels (colour), 1 class." in audit_html(build_audit(n=1, classes=("cat",), split=False))


def test_the_opening_sentences_fit_what_there_is():
    texts = [s.text for s in sentences(build_audit(findings=(), faults=()))]
    assert texts[0] == "Nothing was found: all 3 checks that apply are silent."
    assert texts[1].startswith("Always answering “cat” would be right for 62.")
    three = build_audit(classes=("cat", "dog", "yak"), findings=(), faults=())
    assert "guessing among the 3 classes for 33." in sentences(three)[1].text
    left_out = replace(three, data={**three.data, "chance": 0.5})
    assert sentences(left_out)[1].text.endswith("guessing among the 2 classes for 50.0\xa0%.")
    assert sentences(build_audit(findings=(IMBALANCE,)))[0].text == (
        "Nothing serious was found, but 1 warning, of 4 checks made."
    )
    assert sentences(build_audit(findings=(DARK,)))[0].text == (
        "Nothing was found that misleads; there is 1 note, of 4 checks made."
    )
    assert sentences(build_audit(classes=(), findings=()))[-1].text == (
        "These images cannot be compared as they are: photos/ has no labels: expected a folder per class."
    )


def test_copies_stand_side_by_side_and_single_images_in_one_row(written):
    _, text, _ = written["plain"]
    shelves = re.findall(r'<div class="(together|alone)">(.*?)</div>', text, re.DOTALL)
    assert [(kind, inner.count("<figure")) for kind, inner in shelves] == [("together", 2)] * 8 + [("alone", 16)]
    first = Page(shelves[0][1])
    assert first.text.split() == ["cat,", "train", "train/", "cat/", "IMG_20000.jpg", "cat,", "test", "test/", "cat/",
                                  "IMG_20007.jpg"]  # fmt: skip


def test_a_picture_is_the_item_s_own(written):
    _, _, audit = written["tiny"]
    card = cards([LEAK], audit.thumbnails)[0]
    for shelf, pair in zip(card.shelves, range(8), strict=True):
        for tile, index in zip(shelf.tiles, (2 * pair, 2 * pair + 1), strict=True):
            drawn = np.asarray(Image.open(BytesIO(base64.b64decode(tile.source.split(",")[1]))))
            place = audit.thumbnails.items.tolist().index(index)
            np.testing.assert_array_equal(drawn, audit.thumbnails.pixels[place, ..., 0])
            assert (tile.width, tile.height) == (112, 112)


def test_only_tiny_images_are_shown_as_squares(written):
    assert 'class="pixelated"' in written["tiny"][1]
    assert 'class="pixelated"' not in written["large"][1]


def test_large_groups_show_some_of_their_images_and_say_how_many_more():
    items = tuple(Item(f"{i}.png", str(i), i, "", i % 2) for i in range(30))
    finding = replace(LEAK, items=items)
    card = cards([finding], build_audit(findings=(finding,)).thumbnails)[0]
    assert [(len(shelf.tiles), shelf.more) for shelf in card.shelves] == [(4, 11), (4, 11)]
    assert card.more == 0


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(-1, 60), st.none() | st.integers(0, 12)), max_size=80), st.booleans())
def test_every_item_is_shown_or_counted(made, with_images):
    items = tuple(Item(f"{n}", f"{n}", index, "", group) for n, (index, group) in enumerate(made))
    finding = replace(LEAK, items=items)
    thumbnails = build_audit(findings=(finding,), shape=(4, 4, 1)).thumbnails if with_images else None
    (card,) = cards([finding], thumbnails)
    shown = sum(len(shelf.tiles) for shelf in card.shelves) + len(card.names)
    assert shown + sum(shelf.more for shelf in card.shelves) + card.more == len(items)
    assert min([card.more, *(shelf.more for shelf in card.shelves)]) >= 0


def test_only_items_that_are_shown_are_kept_as_pictures_and_never_too_many():
    findings = [replace(LEAK, items=singles(1000, start=1000 * i)) for i in range(40)]
    kept = pictured(findings)
    assert len(kept) == 320
    assert kept.tolist() == sorted(set(kept.tolist()))
    assert set(kept.tolist()) <= {item.index for f in findings for shelf in picked(f)[0] for item in shelf}
    assert pictured([BROKEN]).tolist() == []


def test_thousands_of_copies_make_a_page_of_a_few_megabytes(tmp_path):
    findings = [replace(LEAK, code=f"D{100 + i}", items=pairs(1500)) for i in range(12)]
    rng = np.random.default_rng(0)
    audit = build_audit(findings=findings, faults=[{"name": "x" * 200, "kind": "broken", "reason": "y"}] * 20_000)
    noise = rng.integers(0, 256, audit.thumbnails.pixels.shape, dtype=np.uint8)  # compresses as badly as can be
    audit = replace(audit, thumbnails=replace(audit.thumbnails, pixels=noise))
    assert write_audit(audit, tmp_path / "audit.html").stat().st_size < 4_000_000


def test_where_pictures_are_too_large_for_a_page_the_rest_is_named_and_counted(monkeypatch):
    monkeypatch.setattr("secondlook.show.findings._MOST_CHARACTERS", 20_000)
    audit = build_audit(findings=(LEAK, DARK))
    found = cards(audit.findings, audit.thumbnails)
    tiles = [tile for card in found for shelf in card.shelves for tile in shelf.tiles]
    assert 2 <= len(tiles) < 10
    assert sum(len(tile.source) for tile in tiles) <= 20_000
    assert [len(card.names) for card in found] == [16 - len(tiles), 12]
    for card, finding in zip(found, audit.findings, strict=True):
        shown = sum(len(shelf.tiles) for shelf in card.shelves) + len(card.names)
        assert shown + card.more == len(finding.items)


# --- names ---------------------------------------------------------------------------------------------------------

unseen = st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"])
names = st.sampled_from(NASTY) | st.text(min_size=1, max_size=60) | st.text(unseen, min_size=1, max_size=20)


@settings(deadline=None, max_examples=60)
@given(names, names, names)
def test_whatever_things_are_called_the_page_stays_the_same_page(one, two, three):
    def page_of(a: str, b: str, c: str) -> tuple[Page, bytes]:
        finding = Finding("D103", f"{a} is {b}", "serious", {a: b, "of": [c, a]}, f"Look at {c}",
                          (*pairs(2, (a, b), (c, a)), Item(c, note=b)))  # fmt: skip
        audit = build_audit(classes=(a, b), findings=(finding,), source=c, shape=(4, 4, 1), not_applicable={"D401": a},
                            faults=[{"name": a, "kind": "broken", "reason": c}])  # fmt: skip
        data = audit_html(audit).encode("utf-8", "backslashreplace")
        return Page(data.decode("utf-8")), data

    (page, data), (plain, _) = page_of(one, two, three), page_of("a", "b", "c")
    assert {**page.tags, "wbr": 0} == {**plain.tags, "wbr": 0}
    assert page.ids == plain.ids
    assert page.links == plain.links
    for name in (one, two, three):
        assert " ".join(visible(name).split()) in page.text.replace("/ ", "/") or "/" in name
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", data.decode())


@settings(deadline=None, max_examples=100)
@given(names, names, st.integers(60, 140))
def test_whatever_things_are_called_no_line_is_wider_than_the_terminal(one, two, width):
    finding = Finding("D103", f"{one} is {two}", "warning", {}, f"Look at {one}", (*pairs(3, (one, two)), Item(two)))
    audit = build_audit(
        classes=(one, two, "c"), findings=(finding, replace(finding, severity="info")), source=one, path=None
    )
    for line in audit_text(audit, width).split("\n"):
        assert cell_len(line) <= width
        assert line == visible(line).rstrip(" ")
    for line in compact_lines(audit.findings, width):
        assert line.cell_len <= width


@settings(max_examples=200)
@given(names)
def test_a_document_holds_every_name_as_it_is(name):
    finding = replace(LEAK, items=(Item(name, note=name),), evidence={name: name})
    document = build_audit(classes=(name,), findings=(finding,)).json()
    data = json_bytes(document)
    assert json.loads(data.decode("utf-8")) == json.loads(json.dumps(document))


@pytest.mark.parametrize(
    ("name", "seen"),
    [("a\nb", "a\\nb"), ("\x1b[31m", "\\x1b[31m"), ("caf\udce9", "caf\\udce9"), ("\u202egpj", "\\u202egpj"),
     ("שלום", "שלום"), ("日本 é\"<&", "日本 é\"<&"), ("a\u200bb\u2028", "a\\u200bb\\u2028"), ("\\n", "\\n")],
)  # fmt: skip
def test_what_cannot_be_seen_is_written_out(name, seen):
    assert visible(name) == seen


def test_a_long_name_keeps_both_ends():
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("abcdefghijk", 10) == "abcde…hijk"
    assert len(shortened("\x00" * 50, 30)) == 30


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1240, "1,240"), (True, "yes"), (False, "no"), (None, "–"), ("", "–"), ([], "–"), ({}, "–"), ("a\n", "a\\n"),
        (0.0421, ".0421"), (-0.5, "-.5"), (12.3456, "12.3"), (23456.7, "23,457"), (1.0, "1"), (100.04, "100"),
        (0.0, "0"),
        ([1, 2], "1, 2"), ({"a": 1, "b": 0.5}, "a 1, b .5"), (list(range(11)), "0, 1, 2, 3, 4, 5, 6, 7 and 3 more"),
    ],
)  # fmt: skip
def test_values_of_the_evidence_are_short(value, text):
    assert value_text(value) == text


# --- classes and checks --------------------------------------------------------------------------------------------


def test_every_class_is_named_with_its_number_in_class_order(written):
    for name in ("tiny", "many"):
        page, _, audit = written[name]
        totals = np.sum([*audit.data["counts"].values()], axis=0)
        said = " ".join(f"{c} {n:,}" for c, n in zip(audit.data["classes"], totals, strict=True))
        assert said in page.text


def test_the_bars_have_the_numbers_lengths(written):
    _, text, audit = written["plain"]
    bars = re.findall(r'<svg role="img" aria-label="([^"]*)">(.*?)</svg>', text)
    totals = np.sum([*audit.data["counts"].values()], axis=0)
    for (label, inner), c in zip(bars, range(2), strict=True):
        widths = [float(w) for w in re.findall(r' width="([0-9.]+)%"', inner)]
        expected = [100 * row[c] / totals.max() for row in audit.data["counts"].values()]
        np.testing.assert_allclose(widths, expected, atol=0.001)
        assert label == "{}: train {:,}, validation {:,}, test {:,}".format(
            audit.data["classes"][c], *(row[c] for row in audit.data["counts"].values())
        )


def test_the_plot_stacks_the_parts_of_each_class():
    audit = build_audit(classes=["$a", "b\n", "網"])
    ax = plot_counts(audit)
    stacks = np.array([[bar.get_width() for bar in container] for container in ax.containers])
    np.testing.assert_array_equal(stacks, [*audit.data["counts"].values()])
    assert [t.get_text() for t in ax.get_yticklabels()] == [r"\$a", r"b\n", "網"]
    assert [t.get_text() for t in ax.texts] == [f"{n:,}" for n in stacks.sum(axis=0).astype(int)]
    assert audit.plot(ax) is ax


def test_the_plot_of_many_classes_is_a_falling_profile():
    audit = build_audit(classes=[f"class {i}" for i in range(345)], n=40_000)
    ax = plot_counts(audit)
    top = ax.patches[-1].get_data().values
    np.testing.assert_array_equal(top, np.sort(np.sum([*audit.data["counts"].values()], axis=0))[::-1])
    ax.figure.savefig(StringIO(), format="svg")


def test_a_reason_that_several_checks_share_stands_once():
    audit = build_audit(not_applicable={"D401": "no labels", "D402": "no labels", "D403": "no split"}, muted=("D201",))
    page = Page(audit_html(audit))
    assert page.text.count("Did not apply: no labels") == 1
    assert re.search(r"Did not apply: no labels D401 .*D402 .*Did not apply: no split D403 .*Muted D201", page.text)


def test_what_was_left_out_is_named_with_its_reason(written):
    page, _, _ = written["plain"]
    assert "49 could not be used photos/ dog/ broken_0.jpg truncated: 1,204 of 88,123 bytes" in page.text
    assert "2 are not meant as images photos/ .DS_Store not an image photos/ a.txt not an image" in page.text
    assert "and 9 more, all in audit.json" in page.text  # 49, 40 of them listed
    assert "Left out" not in written["nothing"][0].text


def test_notebooks_get_the_findings_with_their_style_and_no_links():
    audit = build_audit()
    page = Page(audit._repr_html_())
    assert audit._repr_html_() == findings_html(audit.findings)
    assert (page.links, page.ids, page.sources, page.tags["style"]) == ([], [], [], 1)
    assert LEAK.title in page.text
    assert "train/ cat/ IMG_20000.jpg" in page.text
    assert "Nothing was found." in Page(findings_html(())).text


def test_the_same_audit_gives_the_same_page(tmp_path):
    assert audit_html(build_audit()) == audit_html(build_audit())
    audit = build_audit(path=tmp_path / "deep" / "er")
    assert audit.report() == tmp_path / "deep" / "er" / "audit.html"
    assert audit.report(tmp_path / "other.html").read_text() == (tmp_path / "deep" / "er" / "audit.html").read_text()


# --- terminal ------------------------------------------------------------------------------------------------------


def test_the_terminal_says_it_in_a_few_lines():
    lines = audit_text(build_audit()).splitlines()
    assert lines[0] == "photos/: a folder per class: 1,412 photos of 64x64, RGB, 2 classes; resized to 64x64"
    split = "943 train, 234 valid, 234 test (stratified by class, identical images kept together)"
    assert lines[1:5] == [f"{split}; chance .50,", "  majority .62", "", "cat 881   dog 530"]
    start = lines.index(
        "D103 serious 12 of 270 test images (4.4 %) are also in training: the score tells in part what was"
    )
    assert lines[start + 1 : start + 4] == [
        "             learnt by heart",
        "             Take them out of one part, or let secondlook split: it keeps copies on one side.",
        "             train/cat/IMG_20000.jpg = test/cat/IMG_20007.jpg and 22 more",
    ]
    assert "D302 note    17 images are far darker than the others" in lines
    assert lines[-4:] == ["nothing else found: 3 checks silent, 1 does not apply", "", "runs/photos-audit-1/audit.html",
                          "runs/photos-audit-1/audit.json"]  # fmt: skip
    assert len(lines) < 30


def test_an_equals_sign_stands_between_copies_alone():
    near = Finding("D104", "Near", "warning", {}, "Look.", (
        Item("a.png", "00", 0, "", 0), Item("b.png", "01", 1, "", 0), Item("c.png", "02", 2, "", 1),
        Item("d.png", "02#2", 3, "", 1), Item("e.png", "02#3", 4, "", 1),
    ))  # fmt: skip
    assert "a.png with b.png, c.png = d.png and 1 more\n" in audit_text(build_audit(findings=(near,)))


@given(st.lists(st.from_regex("[a-]{1,5}(\u00a0[b-]{1,6})?", fullmatch=True), max_size=30), st.integers(12, 40))
def test_lines_are_broken_at_spaces_but_not_at_no_break_ones(words, width):
    text = " ".join(words)
    assert filled(text, width) == (textwrap.wrap(text, width, break_on_hyphens=False) or [""])


def test_a_word_longer_than_the_line_is_broken_by_cells():
    assert filled("see 網網網網網abc now", 6) == ["see", "網網網", "網網ab", "c now"]
    assert filled("about 46.6 % of it", 11) == ["about", "46.6 % of", "it"]


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_is_wider_than_the_terminal(name, width):
    for line in audit_text(build_audit(**VARIANTS[name]), width).splitlines():
        assert cell_len(line) <= width


def test_many_classes_are_abbreviated_in_the_terminal():
    text = audit_text(build_audit(**VARIANTS["many"]))
    assert "class 0    201" in text
    assert "… 321 more" in text
    assert "class 344   33" in text
    assert "class 100" not in text


def test_without_findings_or_labels_the_terminal_says_so():
    assert "nothing found: 3 checks silent, 1 does not apply\n" in audit_text(build_audit(**VARIANTS["nothing"]))
    said = audit_text(build_audit(classes=(), findings=(), muted=("D103",)))
    assert "cannot be compared: photos/ has no labels: expected a folder per class\n" in said
    assert "\nno labels\n" in said
    assert "1 does not apply, D103 muted\n" in said


def test_colour_is_only_where_it_is_asked_for_and_allowed(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    audit = build_audit()
    assert "\x1b[" not in audit_text(audit)
    assert "\x1b[" in audit_text(audit, color=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert audit_text(audit, color=True) == audit_text(audit)


def test_below_a_table_notes_are_only_counted():
    lines = [line.plain for line in compact_lines(build_audit().findings)]
    assert [line[:12] for line in lines] == ["D103 serious", " " * 12, "D501 warning", "D201 warning", "1 note on th"]
    assert lines[-1] == "1 note on the images: see the report"
    assert compact_lines(()) == []


def test_only_work_that_takes_long_is_named(monkeypatch):
    from secondlook.show import narrator as module

    monkeypatch.setattr(module, "_LONG_SECONDS", 0.02)
    out = StringIO()
    narrator = Narrator(out)
    with narrator.work("counting sheep"):
        pass
    assert out.getvalue() == ""
    with narrator.work("counting more sheep"):
        while not out.getvalue():
            pass
    assert out.getvalue() == "counting more sheep …\n"


def test_findings_tell_their_severity_in_words():
    from secondlook.show.findings import SEVERITY_WORDS, counted, severity_counts

    assert set(SEVERITY_WORDS) == set(SEVERITIES)
    assert severity_counts(build_audit().findings) == {"serious": 1, "warning": 2, "info": 1}
    assert [counted(n, s) for n, s in ((1, "serious"), (2, "serious"), (1, "warning"), (3, "info"))] == [
        "1 serious finding", "2 serious findings", "1 warning", "3 notes",
    ]  # fmt: skip
    assert len(files(3)) == 3
