"""The opening sentences and the facts behind them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, recall_score

from secondlook.data.words import repeats
from secondlook.show.facts import (
    error_shares,
    frontier,
    matrix,
    most_missed,
    notes,
    tied,
    title,
    top_confusions,
)  # fmt: skip
from secondlook.show.gaps import points
from secondlook.show.glossary import GLOSSARY
from secondlook.show.table import COLUMNS
from secondlook.show.words import sentences
from secondlook.types import Pairs, Row


def text(run):
    return " ".join(s.text for s in sentences(run)).replace("\u00a0", " ")


def with_rows(run, *rows, **changes):
    return replace(run, rows=rows, **changes)


def test_the_first_sentence_names_the_chosen_model_its_accuracy_and_n(run):
    best = run[run.chosen]
    first = sentences(run)[0].text.replace("\u00a0", " ")
    assert first.startswith(f"{run.chosen} was chosen on validation (by balanced accuracy); on the 4,200 test images")
    assert f"{100 * best.test_accuracy:.1f} ± 0.4 %" in first


@pytest.mark.parametrize(
    "variant",
    [{}, {"scale": 0.8}, {"perfect": True}, {"k": 2, "skew": 0.9}, {"all_failed": True}, {"n_test": 60}, {"k": 345}],
)
def test_there_are_three_to_five_sentences_each_with_a_phrase_to_follow(make_run, variant):
    found = sentences(make_run(**variant))
    assert 3 <= len(found) <= 5
    for sentence in found:
        assert sentence.phrase.strip()
        assert sentence.text.endswith(".")
        assert "  " not in sentence.text


def test_a_chosen_model_that_was_stopped_is_said_so(run):
    stopped = replace(run[run.chosen], status="timeout")
    said = text(with_rows(run, stopped, *run.rows[1:]))
    assert said.startswith("lenet (stopped before its training was done) was chosen on validation (by balanced")


def test_test_images_that_are_also_in_training_are_no_longer_called_new(run):
    method = (
        "the source's own train and test; 1,204 of 4,200 test images are also in training; class 3 is not in training"
    )
    leaky = replace(run, config={**run.config, "split": {**run.config["split"], "method": method}})
    assert "on the 4,200 test images, 1,204 of which are also in training, it is right for" in text(leaky)
    assert "never seen" not in text(leaky)
    one = replace(
        run, config={**run.config, "split": {**run.config["split"], "method": repeats(1, 9, "test", "train")}}
    )
    assert "1 of which is also in training" in text(one)
    assert "which it had never seen" in text(run)


def test_the_class_missed_most_links_to_the_classes(run):
    assert next(s for s in sentences(run) if "misses most" in s.text).anchor == "classes"


def test_the_lazy_answer_and_guessing_are_named_with_their_shares(run):
    assert f"most frequent class, is right for {100 * run.majority:.1f} %" in text(run)
    assert "guessing among the 10 classes for 10.0 %" in text(run)


def test_accuracy_that_flatters_is_said_so(run):
    best = replace(run[run.chosen], test_balanced_accuracy=0.71)
    said = text(with_rows(run, best, *run.rows[1:]))
    assert "accuracy flatters here: averaged over the classes" in said
    assert "71.0 % (balanced accuracy)" in said


def test_accuracy_that_is_below_the_classes_mean_is_said_so(run):
    best = replace(run[run.chosen], test_accuracy=0.9, test_low=0.89, test_high=0.91, test_balanced_accuracy=0.97)
    assert "the frequent classes are the harder ones" in text(with_rows(run, best))


def test_a_model_that_does_not_beat_the_lazy_answer_is_said_so(run):
    weak = replace(run[run.chosen], test_accuracy=run.majority, test_low=0.09, test_high=0.12)
    assert "this test set does not show that the chosen model beats it" in text(with_rows(run, weak))
    lazy = run["majority"]
    assert "no model did better on validation than that" in text(with_rows(run, lazy, chosen="majority"))


def test_models_from_which_no_difference_is_seen_are_named_with_the_gap_that_could_be_and_the_smallest_of_them(run):
    assert tied(run) == {"lenet", "cnn-small", "rbf-svm"}
    gap = max(run.pairs.between("lenet", model).shows for model in ("cnn-small", "rbf-svm"))
    assert (
        f"No difference seen between it and cnn-small or rbf-svm: this test set could only show gaps above "
        f"{100 * gap:.1f} points; the smallest of them is rbf-svm, with 19k trained numbers (1.6M stored)." in text(run)
    )


def with_pair(run, a, b, **changes):
    """The run with what is known of one pair changed."""
    pairs = [replace(p, **changes) if {p.a, p.b} == {a, b} else p for p in run.pairs]
    return replace(run, pairs=Pairs(tuple(pairs)))


@pytest.mark.parametrize(("verdict", "same"), [("no difference seen", True), ("better", False), ("worse", False)])
def test_whether_two_models_can_be_told_apart_is_what_their_pair_says_and_not_their_intervals(run, verdict, same):
    alike = replace(run, rows=tuple(replace(row, test_low=0.1, test_high=0.99) for row in run.rows))
    for found in (run, alike):
        assert ("knn" in tied(with_pair(found, "lenet", "knn", verdict=verdict))) == same


def test_a_model_that_was_compared_with_none_is_tied_with_none(run):
    assert tied(replace(run, pairs=Pairs())) == {"lenet"}
    assert "difference" not in text(replace(run, pairs=Pairs()))


def test_a_test_set_too_small_for_any_gap_is_said_so(run):
    blind = with_pair(with_rows(run, run["lenet"], run["cnn-small"]), "lenet", "cnn-small", shows=float("nan"))
    assert "No difference seen between it and cnn-small: this test set could not show any gap; the" in text(blind)


def test_with_folds_the_gap_is_what_the_folds_could_show(run):
    folded = with_pair(with_rows(run, run["lenet"], run["cnn-small"]), "lenet", "cnn-small", method="folds")
    assert "these folds could only show gaps above" in text(folded)


@pytest.mark.parametrize(
    ("gap", "said"),
    [
        (0.123, "12 points"),
        (-0.0996, "10 points"),
        (0.0123, "1.2 points"),
        (0.01, "1.0 points"),
        (0.0004, "0.04 points"),
    ],
)
def test_gaps_have_two_digits(gap, said):
    assert points(gap).replace("\u00a0", " ") == said


def test_a_chosen_model_that_is_the_smallest_of_its_equals_is_said_so(run):
    small = replace(run["lenet"], trained=1, stored=1)
    assert "the smallest of them is lenet itself, with 1 trained number." in text(
        with_rows(run, small, run["cnn-small"])
    )


def test_models_of_unknown_size_are_not_compared_by_size(run):
    rows = [replace(run[m], trained=None) for m in ("lenet", "cnn-small")]
    said = text(with_rows(run, *rows))
    assert "No difference seen between it and cnn-small: this test set could only show gaps above" in said
    assert "smallest" not in said


def test_a_clear_winner_is_named_with_the_next_best_and_how_far_it_is_behind(run):
    said = text(with_rows(run, run["lenet"], run["logistic"], run["cnn-tiny"]))
    pair = run.pairs.between("lenet", "logistic")
    assert (
        f"It is better than every other model; the next best on test is logistic, {100 * pair.difference:.1f} points "
        f"behind (95 % interval {100 * pair.low:.1f} to {100 * pair.high:.1f})." in said
    )
    said = text(with_rows(run, run["lenet"], run["logistic"]))
    assert f"It is better than logistic, by {100 * pair.difference:.1f} points (95 % interval" in said


def test_models_better_on_test_are_not_to_be_chosen_now(run):
    said = text(with_rows(run, run["logistic"], run["lenet"], chosen="logistic"))
    assert "On test, lenet is better than logistic, which validation could not know; taking the better one" in said
    assert "choosing on the test set" in said
    said = text(with_rows(run, run["logistic"], run["lenet"], run["knn"], chosen="logistic"))
    assert "On test, lenet and knn are better than logistic" in said


def test_a_single_model_has_no_rivals(run):
    assert "difference" not in text(with_rows(run, run["lenet"]))
    assert len(sentences(with_rows(run, run["lenet"]))) == 3


def test_what_did_not_finish_is_named_with_what_happened(run):
    assert "boosting failed, convnet ran out of time and poly-svm was skipped" in text(run)
    more = with_rows(run, *run.rows, Row("knn-tuned", "skipped"))
    assert "poly-svm and knn-tuned were skipped" in text(more)


def test_a_run_without_a_finished_model_says_what_would_have_to_be_beaten(make_run):
    run = make_run(all_failed=True)
    assert "No model finished, so nothing was chosen." in text(run)
    assert "What a model would have to beat: the lazy answer" in text(run)
    closed = replace(run, config={**run.config, "test_opened": 0})
    assert "the test set stayed closed" in text(closed)


def test_the_class_missed_most_has_the_lowest_recall(make_run):
    run = make_run(scale=0.8)
    p = run.predictions(run.chosen)
    recall = recall_score(p.labels, p.predicted, average=None)
    missed = most_missed(matrix(p), p.classes)
    assert missed.name == p.classes[int(recall.argmin())]
    assert missed.missed == round((1 - recall.min()) * missed.n)
    assert f"The class it misses most is “{missed.name}”: {missed.missed} of {missed.n}" in text(run)
    assert f"the wrong answer it gives most is “{missed.answer}”" in text(run)


def test_a_class_without_test_images_is_never_the_one_missed_most():
    missed = most_missed(np.array([[0, 0], [1, 3]]), ("none", "some"))
    assert (missed.name, missed.missed, missed.n, missed.answer) == ("some", 1, 4, "none")


def test_a_single_miss_is_told_without_superlatives(make_run):
    run = make_run(perfect=True)
    p = run.predictions(run.chosen)
    probabilities = np.eye(10, dtype=np.float32)[p.labels]
    probabilities[5] = np.eye(10)[(p.labels[5] + 1) % 10]
    once = replace(p, probabilities=probabilities)
    said = text(replace(run, _predictions=lambda model, part: once))
    assert f"as “{(p.labels[5] + 1) % 10}”." in said


def test_no_mistake_at_all_is_said_so(make_run):
    run = make_run(perfect=True)
    p = run.predictions(run.chosen)
    flawless = replace(p, probabilities=np.eye(10, dtype=np.float32)[p.labels])
    assert "makes no mistake at all" in text(replace(run, _predictions=lambda model, part: flawless))


def test_wrong_answers_that_are_all_different_are_not_ranked(make_run):
    run = make_run(perfect=True)
    p = run.predictions(run.chosen)
    probabilities = np.eye(10, dtype=np.float32)[p.labels]
    for item, away in zip(np.flatnonzero(p.labels == 3)[:2], (1, 2), strict=True):
        probabilities[item] = np.eye(10)[3 + away]
    scattered = replace(p, probabilities=probabilities)
    said = text(replace(run, _predictions=lambda model, part: scattered))
    assert "The class it misses most is “3”: 2 of" in said
    assert "the wrong answer" not in said


def test_a_model_that_trains_nothing_is_said_to_train_nothing(run):
    two = with_pair(with_rows(run, run["lenet"], run["knn"]), "lenet", "knn", verdict="no difference seen")
    assert "the smallest of them is knn, with no trained numbers (23M stored)" in text(two)


def test_with_two_classes_the_wrong_answer_goes_without_saying(make_run):
    assert "the wrong answer" not in text(make_run(k=2, scale=0.9))


def test_the_matrix_equals_that_of_scikit_learn_and_leaves_unknown_labels_out(run):
    p = run.predictions("logistic")
    labels = p.labels.copy()
    labels[:100] = -1
    some = replace(p, labels=labels)
    np.testing.assert_array_equal(matrix(some), confusion_matrix(p.labels[100:], p.predicted[100:], labels=range(10)))


def test_a_class_without_items_has_shares_of_zero():
    shares = error_shares(np.array([[3, 1], [0, 0]]))
    np.testing.assert_array_equal(shares, [[0.75, 0.25], [0, 0]])


def test_the_most_frequent_confusions_come_first_and_hits_do_not_count():
    counts = np.array([[9, 2, 0], [5, 9, 0], [1, 0, 9]])
    assert top_confusions(counts, 10) == [(1, 0, 5), (0, 1, 2), (2, 0, 1)]
    assert top_confusions(counts, 1) == [(1, 0, 5)]


def test_no_model_off_the_frontier_is_smaller_and_at_least_as_accurate(run):
    stair = frontier(run)
    assert [r.model for r in stair] == ["knn", "rbf-svm", "cnn-small", "lenet"]
    for row in stair:
        for other in run.rows:
            if other.test_accuracy is not None and other.model != row.model:
                assert other.trained > row.trained or other.test_accuracy < row.test_accuracy


def test_every_column_of_the_tables_is_explained():
    assert {*COLUMNS, "support", "precision", "recall", "F1"} <= set(GLOSSARY)


def test_a_note_that_several_models_share_stands_once(noted):
    assert [models for models, _ in notes(noted)] == [["lenet", "cnn-tiny"], ["forest"], ["mlp-small"]]


@pytest.mark.parametrize(
    ("source", "name"), [("digits", "digits"), ("photos/", "photos"), ("/data/my photos", "my photos"), ("/", "/")]
)
def test_data_are_called_by_the_last_part_of_their_path(run, source, name):
    assert title(replace(run, data={**run.data, "source": source})) == name
