"""The probe in the report, in the terminal, as a picture."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pages import Page
from rich.cells import cell_len

from secondlook.measure.intervals import wilson
from secondlook.show.probes import heads, lines, terminal_lines
from secondlook.show.report import write_report
from secondlook.show.terminal import table_text
from secondlook.types import Probe, Probes

KINDS = ("untouched", "shift 1", "shift 2", "shift 3", "shift 4", "rotate 15", "noise", "invert")


def made(model, *accuracies, n=1000):
    rows = []
    for kind, accuracy in zip(KINDS, accuracies, strict=True):
        drop = accuracies[0] - accuracy
        arm = 0.02 if kind != "untouched" else 0.0
        rows.append(Probe(model, kind, n, accuracy, *wilson(round(accuracy * n), n), drop, drop - arm, drop + arm))
    return rows


PROBES = Probes(
    (
        *made("lenet", 0.986, 0.985, 0.981, 0.96, 0.91, 0.95, 0.97, 0.4),
        *made("logistic", 0.918, 0.8, 0.52, 0.3, 0.2, 0.81, 0.91, 0.02),
        *made("forest", 0.105, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1),
    ),
    {"knn": "to answer 20,000 changed images would take it about 41 s"},
    0.1,
)


@pytest.fixture(scope="module")
def probed(make_run):
    return replace(make_run(), invariance=PROBES)


def test_the_report_has_a_line_per_model_with_falls_in_bold_and_pictures(probed, tmp_path):
    text = write_report(probed, tmp_path / "r.html").read_text(encoding="utf-8")
    page = Page(text)
    assert "probe" in page.ids
    section = text[text.index('<section id="probe">') :].split("</section>")[0]
    assert section.count("<tr") == 4
    assert section.count('role="img"') == 3
    assert section.count('class="falls"') == 4 + 6
    assert "knn (to answer 20,000 changed images would take it about 41 s)." in page.text
    assert '<tr class="chosen"><th scope="row" class="name">lenet' in section
    assert "points below untouched (" in section


def test_a_run_without_probes_says_nothing_of_them(make_run):
    run = make_run()
    assert terminal_lines(run) == []
    assert len(run.probes()) == 0


def test_the_table_has_as_many_cells_as_heads_and_each_explains_itself(probed):
    names = heads(PROBES)
    assert [name for name, _ in names] == [
        "untouched", "shift 1 px", "shift 2 px", "shift 3 px", "shift 4 px", "turn 15°", "noise", "inverted",
    ]  # fmt: skip
    assert all(meaning.endswith(".") for _, meaning in names)
    assert dict(names)["shift 1 px"].startswith("Moved by 1 pixel:")
    table = lines(PROBES)
    assert {len(cells) for _, cells in table} == {8}
    logistic = dict(table)["logistic"]
    assert [(cell.text, cell.falls) for cell in logistic[:3]] == [(".92", False), (".80", True), (".52", True)]
    assert logistic[2].more == "0.520 (0.489 to 0.551); 39.8 points below untouched (37.8 points to 41.8 points)"


def test_the_terminal_names_the_chosen_model_and_who_falls_most_and_least(probed):
    text = [line.plain for line in terminal_lines(probed)]
    assert " ".join(line.strip() for line in text) == (
        "probe on 1,000 test images, lenet: untouched .99, shift 1 px .98, shift 2 px .98, shift 3 px .96, "
        "shift 4 px .91, turn 15° .95, noise .97, inverted .40 moved by 2 pixels: logistic from .92 to .52 falls most, "
        "lenet from .99 to .98 least not probed: knn; the report says why"
    )
    assert text[0] in table_text(probed)
    assert max(cell_len(line) for line in table_text(probed, 60).splitlines()[:-1]) <= 60


def test_models_at_chance_have_nothing_to_lose_and_small_falls_are_no_news(probed):
    alone = replace(probed, invariance=Probes(PROBES.rows[:8] + PROBES.rows[16:], {}, 0.1))
    assert "falls most" not in "".join(line.plain for line in terminal_lines(alone))
    steady = Probes((*made("lenet", *[0.9] * 8), *made("logistic", 0.9, *[0.87] * 7)), {}, 0.1)
    assert "falls most" not in "".join(line.plain for line in terminal_lines(replace(probed, invariance=steady)))


def test_the_picture_has_a_line_per_model_over_the_shifts():
    ax = PROBES.plot()
    drawn = {line.get_label(): line for line in ax.get_lines()}
    assert list(drawn["logistic"].get_xdata()) == [0, 1, 2, 3, 4]
    assert list(drawn["logistic"].get_ydata()) == [0.918, 0.8, 0.52, 0.3, 0.2]
    assert ax.get_xlabel() == "shift in pixels"
