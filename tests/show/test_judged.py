"""What was found out about the models: in the report, its opening sentences, and the terminal."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from made_audits import DARK, IMBALANCE, LEAK, build_audit
from pages import Page

from secondlook.show.findings import said_once
from secondlook.show.findings_terminal import compact_lines, first_lines
from secondlook.show.judged import judged_values
from secondlook.show.report import write_report
from secondlook.show.terminal import table_text
from secondlook.show.words import sentences
from secondlook.types import Finding, Item, Thumbnails

ITEMS = tuple(Item(f"test/{i}.png", f"{i:016x}", i, f"b, lenet says a ({90 + i} %)") for i in range(5))
MISLEADS = Finding(
    "M101", "Accuracy misleads here: the lazy answer is right for 87 % of 800 test images; lenet for 91 %.", "warning",
    {"n": 800, "recall_of_the_rare_class": {"lenet": 0.35}}, "Read balanced accuracy.", ITEMS,
)  # fmt: skip
GUESS = Finding("M106", "knn cannot be told from a guess: 40 of 80 right.", "serious", {"n": 80}, "Do not use it.")
SMALLER = Finding("M109", "knn may do as well.", "info", {"n": 80}, "Take it.")


def with_models(run, *findings, silent=("M102", "M103"), muted=("M104", "D401")):
    audit = build_audit(findings=[f for f in findings if not f.on_models], path=run.path)
    pixels = np.zeros((5, 8, 8, 1), np.uint8)
    return replace(
        run,
        findings=tuple(findings),
        checks={"silent": list(silent), "not_applicable": {"M105": "no net was trained"}, "muted": list(muted)},
        _audit=lambda: audit,
        _pictures=lambda: Thumbnails(np.arange(5), pixels),
    )


def test_findings_on_models_have_a_section_of_their_own_with_their_images(make_run, tmp_path):
    run = with_models(make_run(), MISLEADS, SMALLER, DARK)
    text = write_report(run, tmp_path / "r.html").read_text(encoding="utf-8")
    page = Page(text)
    assert [i for i in page.ids if re.fullmatch(r"[DM]\d+|findings|data", i)] == [
        "findings", "M101", "M109", "data", DARK.code,
    ]  # fmt: skip
    section = text[text.index('<section id="findings">') :].split("</section>")[0]
    assert section.count("<img") == 5
    assert "b, lenet says a (94 %)" in section
    assert (
        "What was found out about the models after the test images were opened: 1 warning and 1 note; 2 checks found "
        "nothing; muted: M104."
    ) in page.text
    assert {link[1:] for link in page.links} <= set(page.ids)


def test_nothing_found_is_said_and_a_run_that_did_not_ask_has_no_such_part(make_run, tmp_path):
    run = make_run()
    assert (
        "were opened: nothing was found; 1 check found nothing."
        in judged_values(with_models(run, silent=("M101",), muted=()))["judged_text"]
    )
    text = write_report(run, tmp_path / "r.html").read_text()
    assert 'id="findings"' not in text
    assert 'id="probe"' not in text


def test_that_accuracy_misleads_opens_the_report_in_place_of_the_lazy_answer(make_run):
    run = make_run()
    plain = [s.text for s in sentences(run)]
    told = sentences(with_models(run, MISLEADS))
    assert (told[0].text, told[0].anchor) == (MISLEADS.title, "M101")
    lazy = [text for text in plain if text.startswith("The lazy answer")]
    assert len(lazy) == 1
    assert [s.text for s in told[1:]] == [text for text in plain if text not in lazy]
    # A model that is not seen to beat the lazy answer is still told so.
    poor = make_run(scale=0.1)
    assert any(s.text.startswith("The lazy answer") for s in sentences(with_models(poor, MISLEADS)))


def test_what_is_serious_of_models_is_said_first_and_leads_to_their_section(make_run):
    run = make_run()
    assert sentences(with_models(run, GUESS))[0].anchor == "M106"
    many = sentences(with_models(run, *(replace(GUESS, code=f"M{i}") for i in range(4))))
    assert (many[2].text, many[2].anchor) == ("There are 2 more serious findings on the models.", "findings")
    mixed = sentences(with_models(run, LEAK, replace(LEAK, code="D102"), replace(LEAK, code="D104"), GUESS))
    assert (mixed[2].text, mixed[2].anchor) == (
        "There are 2 more serious findings on the images and the models.",
        "data",
    )
    assert with_models(run, GUESS).serious
    assert not with_models(run, MISLEADS).serious


def test_the_terminal_doubts_accuracy_above_the_table_and_counts_notes_by_what_they_are_on(make_run):
    found = (GUESS, IMBALANCE, MISLEADS, DARK, SMALLER, replace(SMALLER, code="M110"))
    assert IMBALANCE.code == "D201"
    lines = table_text(with_models(make_run(), *found)).splitlines()
    assert lines[1].startswith("M101 warning Accuracy misleads here")
    below = "\n".join(lines[3:])
    assert "M101" not in below
    assert "D201" not in below
    assert "M106 serious knn cannot be told from a guess: 40 of 80 right." in below
    assert "1 note on the images and 2 notes on the models: see the report" in below
    assert first_lines([DARK, GUESS]) == []


@pytest.mark.parametrize(("first", "second"), [("D201", "M101"), ("D203", "M110")])
def test_what_two_findings_say_is_said_once_in_short_lists(first, second):
    one, other = replace(DARK, code=first), replace(SMALLER, code=second)
    assert [f.code for f in said_once([one, other, GUESS])] == [second, "M106"]
    assert said_once([one, GUESS]) == [one, GUESS]
    assert [line.plain for line in compact_lines([SMALLER])] == ["1 note on the models: see the report"]
