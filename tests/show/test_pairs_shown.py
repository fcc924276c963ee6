"""How pairs and scores stand in the report: places, signs, verdicts, and what is left out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pages import Page

from secondlook.errors import RunError
from secondlook.measure.pairs import FoldScores, compare_pairs
from secondlook.show.glossary import GLOSSARY
from secondlook.show.page import templates
from secondlook.show.pairs import MATRIX_UP_TO, pair_table
from secondlook.show.report import table_html
from secondlook.show.score_names import MEANINGS, score_name
from secondlook.show.score_plots import plot_pairs, plot_scores
from secondlook.show.score_table import score_table
from secondlook.types import Pairs


def shown(run, template, **values):
    return Page(templates().get_template(template).render(run=run, terms=GLOSSARY, **values))


def test_the_chosen_model_stands_against_each_other_with_its_numbers(run):
    table = pair_table(run)
    assert [line.model for line in table.lines] == [r.model for r in run.rows if r.test_accuracy and r.model != "lenet"]
    line, pair = table.lines[1], run.pairs.between("lenet", table.lines[1].model)
    assert line.difference == f"{100 * pair.difference:+.1f}"
    assert line.interval == f"{100 * pair.low:+.1f} to {100 * pair.high:+.1f}".replace("-", "−")
    assert line.only == f"{pair.only_a} : {pair.only_b}"
    assert line.shows == f"{100 * pair.shows:.1f}"
    assert {line.model: line.verdict for line in table.lines}["knn"] == "lenet is better"
    assert [line.model for line in table.lines if not line.seen] == ["cnn-small", "rbf-svm"]
    page = shown(run, "pairs.html", pairs=table)
    assert "McNemar's exact test" in page.text
    assert "corrected by Holm for all 36 pairs of models" in page.text
    assert [line.verdict for line in table.lines].count("no difference seen") == 2
    assert page.text.count("lenet is better") == 6
    assert "less …" in page.text


def test_bars_lie_in_order_on_an_axis_that_holds_zero_and_every_end(run):
    table = pair_table(run)
    assert all(0 <= line.bar.low <= line.bar.dot <= line.bar.high <= 100 for line in table.lines)
    for line, other in zip(table.lines, table.lines[1:], strict=False):
        a, b = (run.pairs.between("lenet", x.model).difference for x in (line, other))
        assert (a < b) == (line.bar.dot < other.bar.dot)
    assert (table.zero, "0") in table.ticks
    assert all(b[0] - a[0] >= 12 for a, b in zip(table.ticks, table.ticks[1:], strict=False))


def test_the_matrix_turns_signs_and_shades_what_is_seen(run):
    matrix = {name: dict(zip(names, cells, strict=True)) for names in [[m[1] for m in pair_table(run).matrix]]
              for _, name, cells in pair_table(run).matrix}  # fmt: skip
    assert matrix["lenet"]["lenet"].text == ""
    assert matrix["lenet"]["knn"].text == matrix["knn"]["lenet"].text.replace("−", "+") == "+2.3"
    assert matrix["lenet"]["knn"].seen
    assert not matrix["lenet"]["rbf-svm"].seen
    assert "knn is worse than lenet" in matrix["knn"]["lenet"].hover
    assert "p < .001" in matrix["knn"]["lenet"].hover.replace("= <", "<")
    assert "no difference seen" in matrix["lenet"]["rbf-svm"].hover


def test_two_models_need_no_matrix_one_needs_no_pairs_and_many_are_cut(run, make_run):
    two = replace(run, rows=run.rows[:2])
    assert pair_table(two).matrix == ()
    assert pair_table(replace(run, rows=run.rows[:1])) is None
    assert pair_table(make_run(all_failed=True)) is None
    lines = tuple((f"net-{i}", "convolution", 0.9 - 0.01 * i, 10 + i, 10, 10, 1.0) for i in range(MATRIX_UP_TO + 2))
    many = make_run(n_test=60, models=lines, lost=False)
    table = pair_table(many)
    assert (len(table.matrix), table.left_out, len(table.lines)) == (MATRIX_UP_TO, 2, MATRIX_UP_TO + 1)
    assert "The first 20 models; 2 more are in run.json." in shown(many, "pairs.html", pairs=table).text


@pytest.mark.parametrize(("method", "said"), [("groups", "hang together in groups"), ("folds", "Nadeau and Bengio")])
def test_how_verdicts_came_about_is_said_in_the_run_s_own_case(run, method, said):
    changed = Pairs(tuple(replace(pair, method=method) for pair in run.pairs))
    assert said in pair_table(replace(run, pairs=changed)).text
    one = replace(run, pairs=Pairs(run.pairs.pairs[:1]), rows=run.rows[:2])
    assert "Holm" not in pair_table(one).text


def test_a_difference_of_nothing_has_no_sign(run):
    same = [replace(p, difference=0.0, verdict="no difference seen") for p in run.pairs]
    assert pair_table(replace(run, pairs=Pairs(tuple(same)))).lines[0].difference == "0.0"


def test_every_score_of_the_chosen_model_is_a_line_with_its_meaning(run):
    table, scores = score_table(run), run.scores()
    lines = {line.name: line for line in (*table.answers, *table.probabilities)}
    assert len(lines) == len([score for score in scores if not score.of])
    assert all(line.meaning for line in lines.values())
    accuracy = scores["accuracy"]
    assert lines["accuracy"].value == f"{accuracy.value:.3f}"[1:]
    assert lines["accuracy"].interval == f".{1000 * accuracy.low:.0f} to .{1000 * accuracy.high:.0f}"
    assert lines["Matthews correlation"].chance in (".000", ".00")
    assert lines["log-loss (lower is better)"].majority == "–"
    page = shown(run, "scores.html", scores=table)
    assert "of the probabilities" in page.text
    assert "expected" not in page.text


def test_a_negative_score_keeps_its_sign_and_a_run_without_scores_has_no_table(run, make_run):
    def worse(model):
        scores = run.scores(model)
        turned = tuple(replace(s, value=-0.2, low=-0.3, high=-0.1) if s.metric == "mcc" else s for s in scores)
        return replace(scores, scores=turned)

    lines = {line.name: line for line in score_table(replace(run, _scores=worse)).answers}
    assert (lines["Matthews correlation"].value, lines["Matthews correlation"].interval) == ("−.20", "−.30 to −.10")
    assert score_table(replace(run, _scores=None)) is None
    assert score_table(make_run(all_failed=True)) is None
    with pytest.raises(RunError, match="expected a model with test scores, but 'convnet' has none"):
        run.scores("convnet")


def test_every_metric_has_a_name_and_a_meaning(run):
    for score in run.scores():
        assert MEANINGS[score.metric]
        assert "_" not in score_name(score.metric)


def test_the_notebook_s_table_says_what_the_shade_means(run):
    assert "Shaded: no difference seen from the chosen model (in colour); this test set could only" in table_html(run)
    assert "Shaded" not in table_html(replace(run, rows=run.rows[:1]))


def test_the_plots_draw_a_dot_for_each_score_and_pair(run):
    ax = run.scores().plot()
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert "balanced accuracy" in names
    assert "log-loss" not in names
    ax = run.pairs.plot()
    assert len(ax.get_yticklabels()) == len(run.pairs) == 36
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert dots[0].get_xdata()[0] == pytest.approx(100 * run.pairs.pairs[0].difference)
    assert plot_pairs(Pairs(), ax=None) is not None
    assert plot_scores(run.scores(), ax) is ax


def test_folds_are_compared_by_folds_in_the_page_too(run):
    right = {m: run.predictions(m).predicted == run.predictions(m).labels for m in ("lenet", "knn")}
    folds = FoldScores({"lenet": [0.98, 0.99, 0.97], "knn": [0.95, 0.96, 0.97]}, 100, 50)
    folded = replace(run, pairs=Pairs(compare_pairs(right, folds=folds)), rows=(run["lenet"], run["knn"]))
    assert pair_table(folded).lines[0].difference == "+2.0"
