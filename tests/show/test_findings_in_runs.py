"""What was found out about the images, in a comparison's report, its opening sentences and its terminal table."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest
from made_audits import DARK, IMBALANCE, LEAK, NASTY, build_audit, pairs
from pages import Page
from rich.cells import cell_len

from secondlook.show.report import write_report
from secondlook.show.terminal import table_text
from secondlook.show.words import sentences
from secondlook.types import Finding, Item


def with_findings(run, *findings, **variant):
    audit = build_audit(findings=findings, path=run.path, **variant)
    return replace(run, findings=audit.findings, _audit=lambda: audit)


@pytest.fixture(scope="module")
def page(make_run, tmp_path_factory):
    run = with_findings(make_run(), LEAK, IMBALANCE, DARK, muted=("D401",))
    text = write_report(run, tmp_path_factory.mktemp("report") / "r.html").read_text(encoding="utf-8")
    return Page(text), text


def test_the_report_has_the_findings_with_the_images_concerned(page):
    found, text = page
    assert [i for i in found.ids if re.fullmatch(r"D\d+|data|made|mistakes", i)] == [
        "mistakes", "data", "D103", "D201", "D302", "made",
    ]  # fmt: skip
    assert [i for i, n in Counter(found.ids).items() if n > 1] == []
    assert {link[1:] for link in found.links} <= set(found.ids)
    for finding in (LEAK, IMBALANCE, DARK):
        assert finding.title in found.text
        assert finding.advice in found.text
    section = text[text.index('<section id="data">') : text.index('<section id="made">')]
    assert section.count("<img") == 32
    assert (
        "What was found out about the images before anything was fitted: 1 serious finding, 1 warning and 1 note; "
        "3 checks found nothing; muted: D401."
    ) in found.text


def test_the_report_opens_with_what_is_serious(make_run):
    run = make_run()
    plain = sentences(run)
    first, *rest = sentences(with_findings(run, LEAK, IMBALANCE))
    assert (first.text, first.anchor) == (f"Before you believe a number: {LEAK.title}.", "D103")
    assert rest == plain
    many = sentences(with_findings(run, *(replace(LEAK, code=f"D{i}") for i in range(5))))
    assert [s.anchor for s in many[:3]] == ["D0", "D1", "data"]
    assert many[2].text == "There are 3 more serious findings on the images."
    assert sentences(with_findings(run, IMBALANCE, DARK)) == plain
    lost = make_run(all_failed=True)
    assert sentences(with_findings(lost, LEAK)) == [first, *sentences(lost)]


def test_a_run_that_did_not_look_has_no_such_part(make_run, tmp_path):
    run = make_run()
    assert run.audit is None
    assert (run.findings, run.serious) == ((), False)
    assert 'id="data"' not in write_report(run, tmp_path / "r.html").read_text()


def test_a_run_in_which_nothing_was_found_says_so(make_run, tmp_path):
    text = Page(write_report(with_findings(make_run()), tmp_path / "r.html").read_text()).text
    assert "before anything was fitted: nothing was found; 3 checks found nothing." in text


def test_findings_stand_below_the_table(make_run):
    lines = table_text(with_findings(make_run(), LEAK, IMBALANCE, DARK)).splitlines()
    assert lines[-6:-1] == [
        "",
        "D103 serious 12 of 270 test images (4.4 %) are also in training: the score tells in part what was",
        "             learnt by heart",
        "D201 warning The largest class, cat, has 7.2 times as many images as the smallest, dog",
        "1 note on the images: see the report",
    ]
    assert table_text(with_findings(make_run())) == table_text(make_run())


@pytest.mark.parametrize("width", [60, 80, 100])
def test_hostile_names_do_no_harm_in_a_run_either(make_run, tmp_path, width):
    hostile = Finding("D101", " ".join(NASTY), "serious", {NASTY[0]: NASTY[1]}, NASTY[8],
                      (*pairs(6, NASTY), Item(NASTY[9])))  # fmt: skip
    run = with_findings(make_run(classes=NASTY[:10]), hostile)
    data = write_report(run, tmp_path / "r.html").read_bytes()
    found = Page(data.decode("utf-8"))
    assert found.tags["script"] == 0
    assert "\u202e" not in data.decode().split('id="data"')[1].split('id="made"')[0]
    said = table_text(run, width)
    assert max(map(cell_len, said.splitlines())) <= width
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", said)
