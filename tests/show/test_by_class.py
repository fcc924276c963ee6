"""The small table of classes agrees with scikit-learn's, and says what it leaves out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support
from statsmodels.stats.proportion import proportion_confint

from secondlook.show import format as fmt
from secondlook.show.axis import Axis
from secondlook.show.by_class import CLASSES_UP_TO, class_table
from secondlook.show.facts import matrix, most_missed
from secondlook.show.report import write_report


def test_the_ranking_scores_stand_beside_the_others_only_where_they_are_given(run):
    p = run.predictions(run.chosen)
    scores = run.scores()
    made, plain = class_table(matrix(p), p.classes, scores), class_table(matrix(p), p.classes)
    assert (made.ranked, plain.ranked) == (True, False)
    for line, other in zip(made.lines, plain.lines, strict=True):
        assert line.roc_auc == f"{scores['roc_auc', line.name].value:.3f}"[1:]
        assert line.average_precision == f"{scores['average_precision', line.name].value:.3f}"[1:]
        assert (other.roc_auc, other.f1) == ("–", line.f1)


@pytest.mark.parametrize("variant", [{}, {"scale": 0.7}, {"k": 2, "skew": 0.8}, {"n_test": 60}])
def test_the_numbers_are_those_of_scikit_learn(make_run, variant):
    run = make_run(**variant)
    p = run.predictions(run.chosen)
    made = class_table(matrix(p), p.classes)
    theirs = precision_recall_fscore_support(p.labels, p.predicted, labels=range(len(p.classes)), zero_division=0)
    for line, name, precision, recall, f1, support in zip(made.lines, p.classes, *theirs, strict=True):
        assert (line.name, line.support) == (name, fmt.whole(int(support)))
        digits = len(line.recall.split(".")[1])
        wanted = [fmt.share(v, digits=digits) for v in (precision, recall, f1)]
        assert [line.precision, line.recall, line.f1] == wanted


def test_recall_is_drawn_with_its_wilson_interval(make_run):
    run = make_run(scale=0.8)
    counts = matrix(run.predictions(run.chosen))
    made = class_table(counts, tuple("abcdefghij"))
    hits, support = np.diag(counts), counts.sum(axis=1)
    low, high = proportion_confint(hits, support, method="wilson")
    axis = Axis.even([*low, *high])
    for c, line in enumerate(made.lines):
        wanted = [100 * axis.position(v) for v in (hits[c] / support[c], low[c], high[c])]
        assert [line.bar.dot, line.bar.low, line.bar.high] == pytest.approx(wanted, abs=0.01)
        assert f"{line.name}: {hits[c]} of {support[c]} found, 95 % interval" in line.bar.title
    assert all(0 < place < 100 for place, _ in made.ticks)


def test_the_class_missed_most_is_marked_as_in_the_sentence(run):
    counts = matrix(run.predictions(run.chosen))
    made = class_table(counts, run.predictions(run.chosen).classes)
    assert [line.name for line in made.lines if line.worst] == [most_missed(counts, tuple("0123456789")).name]
    assert not any(line.worst for line in class_table(np.diag([3, 4]), ("a", "b")).lines)


def test_a_ratio_without_a_denominator_is_a_dash():
    made = class_table(np.array([[0, 0, 0], [2, 3, 0], [0, 0, 4]]), ("none", "some", "all"))
    none, some, everything = made.lines
    assert (none.support, none.precision, none.recall, none.f1, none.bar) == ("0", ".00", "–", ".00", None)
    assert some.recall == ".60"
    assert everything.recall == "1.00"
    silent = class_table(np.array([[0, 0], [0, 5]]), ("none", "all")).lines[0]
    assert (silent.precision, silent.recall, silent.f1) == ("–", "–", "–")
    assert silent.hover == "0 of the 0 answers “none” are right"


def test_of_many_classes_those_with_the_lowest_recall_are_shown_and_it_is_said(make_run, tmp_path):
    run = make_run(k=100, n_test=3000, scale=0.7)
    p = run.predictions(run.chosen)
    made = class_table(matrix(p), p.classes)
    assert (len(made.lines), made.classes) == (CLASSES_UP_TO, 100)
    counts = matrix(p)
    recall = dict(zip(p.classes, np.diag(counts) / counts.sum(axis=1), strict=True))
    shown = [recall[line.name] for line in made.lines]
    assert shown == sorted(shown)
    assert max(shown) <= min(recall[name] for name in set(p.classes) - {line.name for line in made.lines})
    text = write_report(run, tmp_path / "r.html").read_text(encoding="utf-8")
    assert "the 30 of 100 classes with the lowest recall" in text
