"""The table and the progress in the terminal."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.cells import cell_len

from secondlook.show.axis import Axis
from secondlook.show.narrator import Narrator
from secondlook.show.terminal import CHANCE, MAJORITY, bar, table_text
from secondlook.types import Row

VARIANTS = (
    {}, {"scale": 0.8}, {"n_test": 270}, {"perfect": True}, {"all_failed": True}, {"k": 345, "scale": 0.6},
    {"k": 2, "skew": 0.7}, {"lost": False},
)  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 100, 160])
@pytest.mark.parametrize("variant", VARIANTS)
def test_no_line_is_wider_than_the_terminal(make_run, variant, width):
    for line in table_text(make_run(**variant), width=width).splitlines():
        assert cell_len(line) <= width
        assert line == line.rstrip()


def test_names_of_twelve_characters_are_whole_and_wide_ones_keep_the_columns(run):
    named = [replace(run.rows[0], model="abcdefghijkl"), replace(run.rows[1], model="網網網"), *run.rows[2:]]
    text = table_text(replace(run, rows=tuple(named), chosen="abcdefghijkl"))
    lines = text.splitlines()
    assert "* abcdefghijkl " in text
    widths = {cell_len(line) for line in lines[3:12]}
    assert widths == {100}


def test_a_very_long_name_is_cut_with_an_ellipsis(run):
    text = table_text(replace(run, rows=(replace(run.rows[0], model="x" * 40),), chosen="x" * 40))
    assert "x" * 17 + "…" in text
    assert "x" * 18 not in text


def test_a_line_holds_the_models_numbers(run):
    best = run[run.chosen]
    line = next(found for found in table_text(run).splitlines() if found.startswith("* lenet"))
    for value in (best.test_accuracy, best.test_balanced_accuracy, best.valid_accuracy, best.train_accuracy):
        assert f"{value:.3f}"[1:] in line
    for cell in ("± .004", f"{best.test_log_loss:.3f}", "44k", "417k", "61", "3.1", "1,080"):
        assert cell in line


def test_models_that_cannot_be_told_apart_carry_the_same_mark(run):
    marks = {line[2:].split()[0]: line[0] for line in table_text(run).splitlines()[3:12]}
    assert {m for m, mark in marks.items() if mark == "≈"} == {"cnn-small", "rbf-svm"}
    assert [m for m, mark in marks.items() if mark == "*"] == ["lenet"]
    gap = max(run.pairs.between("lenet", model).shows for model in ("cnn-small", "rbf-svm"))
    assert f"≈ no difference seen: this test set could only show gaps above {100 * gap:.1f} points" in table_text(run)


def test_without_rivals_there_is_no_mark_and_models_better_on_test_are_named(run):
    assert "≈" not in table_text(replace(run, rows=run.rows[:1]))
    assert "better than *" not in table_text(run)
    later = replace(run, chosen="logistic", rows=tuple(run[m] for m in ("logistic", "lenet", "cnn-small", "knn")))
    assert "better than * on test, which validation could not know: lenet, cnn-small and knn" in table_text(later)


def test_rows_that_did_not_finish_say_why(run):
    text = table_text(run)
    assert "poly-svm  skipped: its kernel grows with n²" in text
    assert "convnet   out of time: stopped after the limit of 2 min" in text
    assert "boosting  failed: MemoryError" in text


def test_a_long_reason_stays_on_its_line(run):
    lost = Row("net", "failed", "many words\n" * 40)
    line = table_text(replace(run, rows=(*run.rows, lost))).splitlines()[15]
    assert line.startswith("  net       failed: many words many words")
    assert line.endswith("…")


def test_notes_on_models_with_scores_stand_below_the_legend(noted):
    lines = table_text(noted).splitlines()
    assert lines[-5:-1] == [
        "○ stopped before its training was done",
        "lenet, cnn-tiny: images enlarged from 8x8 to 16x16, the smallest this net takes",
        "forest: out of time",
        "mlp-small: stopped at its time limit in epoch 7 of 30; epoch 5 was kept",
    ]
    assert [line.split()[0] for line in lines[3:15] if "○" in line] == ["forest", "mlp-small"]
    assert "stopped" not in table_text(replace(noted, rows=noted.rows[:3]))


@pytest.mark.parametrize("width", [60, 80])
def test_a_long_note_is_wrapped_and_indented(noted, width):
    long = replace(noted.rows[0], reason="many\nwords " * 20 + "網" * 70)
    lines = table_text(replace(noted, rows=(long,)), width=width).splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("lenet: many words many"))
    assert all(line.startswith("  ") for line in lines[first + 1 : -1])
    assert "網" * 70 in "".join(line.strip() for line in lines[first:])
    assert max(cell_len(line) for line in lines) <= width


@pytest.mark.parametrize("width", [8, 21, 44])
def test_the_bar_puts_the_dot_and_the_lines_where_the_axis_says(run, width):
    axis = Axis.of(run)
    for row in run.rows[:8]:
        drawn = bar(row, run, axis, width)
        assert len(drawn) == width
        assert drawn.index("●") == int(axis.position(row.test_accuracy) * width)
        assert drawn[int(axis.position(run.chance) * width)] == CHANCE


def test_the_majority_line_stands_apart_from_chance(make_run):
    run = make_run(k=2, skew=0.6)
    drawn = bar(run.rows[0], run, Axis.of(run), 40)
    assert drawn.index(CHANCE) < drawn.index(MAJORITY) < drawn.index("●")


def test_the_header_says_chance_majority_and_n_and_the_path_comes_last(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a real runs/digits-1 may lie where the tests are run
    lines = table_text(run).splitlines()
    assert lines[0].startswith("digits: 42,000 images, 10 classes; on 4,200 test images chance .100, majority .1")
    assert lines[-1] == str(run.path)
    (tmp_path / "report.html").write_text("")
    assert table_text(replace(run, path=tmp_path)).splitlines()[-1] == str(tmp_path / "report.html")


def test_colour_is_only_where_it_is_asked_for_and_allowed(run, monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" not in table_text(run)
    assert "\x1b[" in table_text(run, color=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert table_text(run, color=True) == table_text(run)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_each_model_gets_two_plain_lines():
    out = io.StringIO()
    narrator = Narrator(out)
    narrator.plan([("lenet", 12.0), ("knn", 0.5)])
    narrator.start("lenet", 12.0)
    narrator.event("lenet", "epoch", {"epoch": 1, "epochs": 30, "valid_accuracy": 0.9})
    narrator.done(Row("lenet", "ok", valid_accuracy=0.984), 11.2)
    narrator.start("knn", 0.03)
    narrator.done(Row("knn", "failed", "no memory"), 3.14)
    narrator.done(Row("svm", "skipped", "too many rows"), 0.0)
    narrator.close()
    assert out.getvalue().replace("\u00a0", " ").splitlines() == [
        "2 models, about 12 s",
        "lenet  fitting (about 12 s) …",
        "lenet  done in 11 s: valid .984",
        "knn  fitting (under 0.1 s) …",
        "knn  failed after 3.1 s: no memory",
        "svm  skipped: too many rows",
    ]


def test_on_a_terminal_a_live_line_shows_the_epoch_and_the_time_left(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    narrator = Narrator(out)
    narrator.plan([("[lenet]", 12.0), ("knn", 60.0)])
    narrator.start("[lenet]", 12.0)
    narrator.event("[lenet]", "epoch", {"epoch": 3, "epochs": 30, "valid_accuracy": 0.9})
    narrator._live.refresh()
    narrator.event("[lenet]", "search", {"done": 4, "total": 20})
    narrator._live.refresh()
    narrator.done(Row("[lenet]", "ok", valid_accuracy=0.984), 6.0)
    narrator.close()
    narrator.close()
    said = out.getvalue().replace("\u00a0", " ")
    assert "[lenet]  epoch 3/30  valid .900" in said
    assert "tried 4 of 20 settings" in said
    assert "about 1 min" in said
    assert "[lenet]  done in 6.0 s: valid .984" in said


def test_the_time_left_learns_from_the_models_that_finished():
    narrator = Narrator(io.StringIO())
    narrator.plan([("a", 10.0), ("b", 40.0)])
    assert narrator.seconds_left() == 50
    narrator.done(Row("a", "ok"), 20.0)
    assert narrator.seconds_left() == 80
    narrator.done(Row("b", "skipped"), 0.0)
    assert narrator.seconds_left() == 0


def test_a_quiet_narrator_says_nothing():
    out = Terminal()
    narrator = Narrator(out, quiet=True)
    narrator.plan([("a", 10.0)])
    narrator.start("a", 10.0)
    narrator.event("a", "epoch", {})
    narrator.done(Row("a", "failed"), 1.0)
    narrator.close()
    assert out.getvalue() == ""
