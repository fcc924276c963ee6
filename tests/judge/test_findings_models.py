"""Findings of models: each firing, silent, not applicable, muted; two classes, ten, an absent one, unlabelled items."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_models import ask, context, curve, everywhere, flipped, sure
from scipy.special import softmax
from sklearn.metrics import balanced_accuracy_score, recall_score

from secondlook.errors import UsageError
from secondlook.judge.findings import judge_models, model_checks
from secondlook.judge.findings.models.sureness import _by_chance
from secondlook.measure.calibration import expected_calibration_error
from secondlook.seeds import stream
from secondlook.types import PARTS

HALVES = np.tile([0, 1], 200)
TEN = np.tile(np.arange(10), 40)
RARE = np.repeat([0, 1], [348, 52])  # 87 % and 13 %


def same(labels, **parts):
    return {part: np.asarray(parts.get(part, labels)) for part in PARTS}


def one(labels, answers, *, k=2, **more):
    """A context of one model that answers all parts alike."""
    return context(same(labels), {"net": everywhere(answers)}, k=k, **more)


NOTHING = context(same(HALVES), {}, chosen="")
LAZY = one(RARE, np.zeros(400, int), facts={"net": {"family": "baseline"}})


# --- M101: accuracy misleads ------------------------------------------------------------------------------------------


def test_accuracy_misleads_where_the_majority_gets_far_and_the_rare_class_is_missed():
    answers = RARE.copy()
    answers[348:382] = 0  # 34 of 52 missed
    said = sure(answers, 2)
    said[350] = [0.97, 0.03]
    found = ask("M101", one(RARE, said))
    assert found.severity == "warning"
    assert found.title == (
        "Accuracy misleads here: always answering 'a' is right for 87 % of 400 test images; net for 91.5 %, but it "
        "finds 34.6 % of the 52 images of 'b' (balanced accuracy 67.3 %)."
    )
    assert found.evidence["majority_accuracy"] == pytest.approx(0.87)
    assert found.evidence["balanced_accuracy"]["net"] == pytest.approx(balanced_accuracy_score(RARE, answers))
    assert found.evidence["recall_of_the_rare_class"]["net"] == pytest.approx(recall_score(RARE, answers))
    assert "recall of 'b'" in found.advice
    assert len(found.items) == 34
    assert [item.name for item in found.items[:2]] == ["test/350.png", "test/348.png"]
    assert [item.note for item in found.items[:2]] == ["b, net says a (.97)", "b, net says a (.90)"]


def test_accuracy_misleads_even_if_nothing_but_the_baseline_was_fitted():
    found = ask("M101", LAZY)
    assert found.title == "Accuracy misleads here: always answering 'a' is right for 87 % of 400 test images."
    assert found.items == ()


@pytest.mark.parametrize(
    ("counts", "recall", "fires"),
    [((200, 200), 0.2, False), ((248, 152), 0.5, True), ((248, 152), 0.99, False), ((304, 96), 1.0, True)],
)
def test_less_imbalance_misleads_only_where_a_model_makes_use_of_it(counts, recall, fires):
    labels = np.repeat([0, 1], counts)
    answers = labels.copy()
    answers[counts[0] : counts[0] + round((1 - recall) * counts[1])] = 0
    assert (ask("M101", one(labels, answers)) is not None) == fires


def test_ten_classes_of_which_one_is_most_of_all_mislead_and_an_absent_one_is_not_the_rare_one():
    labels = np.concatenate([np.zeros(700, int), np.repeat(np.arange(1, 9), 20)])  # class 9 is not tested
    found = ask("M101", one(labels, np.where(labels == 8, 0, labels), k=10))
    assert found.evidence["rare_class"] == "b"
    assert found.evidence["rare_images"] == 20
    assert ask("M101", one(TEN, TEN, k=10)) is None


def test_without_scores_or_classes_accuracy_is_not_judged():
    assert ask("M101", NOTHING) == "no model has test scores"
    assert ask("M101", one(np.zeros(50, int), np.zeros(50, int))) == "fewer than two classes in the test part"


# --- M102: classes never answered -------------------------------------------------------------------------------------


def test_a_class_that_is_never_answered_is_named_with_its_images():
    labels = same(TEN)
    never = np.where(TEN == 3, 8, TEN)
    found = ask("M102", context(labels, {"good": everywhere(TEN), "bad": everywhere(never)}, k=10))
    assert found.severity == "info"
    assert found.title == "bad never answers 'd': 0 answers for 40 test images."
    assert found.evidence["answers"] == {"bad": {"d": 0}}
    assert found.evidence["images"] == {"d": 40}
    assert [item.name for item in found.items] == [f"test/{i}.png" for i in np.flatnonzero(TEN == 3)]
    assert found.items[0].note == "d, bad says i (.90)"
    both = ask("M102", context(labels, {"bad": everywhere(never), "worse": everywhere(TEN * 0)}, k=10))
    assert both.severity == "warning"
    assert both.title.endswith("; the same holds for worse.")
    assert len(both.evidence["answers"]["worse"]) == 9


def test_almost_never_is_under_a_tenth_of_the_images_and_a_tiny_class_is_left_alone():
    few = np.repeat([0, 1], [360, 40])
    hits = few.copy()
    hits[360:396] = 0
    found = ask("M102", one(few, hits))
    assert found.title == "net almost never answers 'b': 4 answers for 40 test images."
    hits[395] = 1
    assert ask("M102", one(few, hits)) is None
    tiny = np.repeat([0, 1], [396, 4])
    assert ask("M102", one(tiny, tiny * 0)) is None


def test_the_baseline_is_not_blamed_for_its_answers_and_an_absent_class_needs_none():
    assert ask("M102", LAZY) == "no model but the baseline has test scores"
    absent = np.where(TEN == 9, 0, TEN)
    assert ask("M102", one(absent, absent, k=10)) is None


# --- M103, M105: curves -----------------------------------------------------------------------------------------------

FALLING = np.exp(-np.arange(20) / 10)
RISING = np.concatenate([FALLING[:8], FALLING[7] * np.exp(np.arange(1, 13) / 15)])
FLAT = np.concatenate([FALLING[:8], np.full(12, FALLING[7])])


def nets(labels=HALVES, **histories):
    """Nets that answer all rightly, with these curves."""
    return context(same(labels), {name: everywhere(labels) for name in histories}, histories=histories)


def test_overfitting_is_dated_and_a_warning_for_the_chosen_net_only():
    found = ask("M103", nets(lenet=curve(FALLING, RISING), deep=curve(FALLING, FALLING), wide=curve(FALLING, RISING)))
    assert found.severity == "warning"
    assert found.evidence["from_epoch"] == {"lenet": 8, "wide": 8}
    assert found.evidence["kept_epoch"] == {"lenet": 8, "wide": 8}
    assert found.title == (
        "lenet overfits from epoch 8 of 20: its validation loss rises from 0.497 to 1.11 while its training loss falls "
        "from 0.497 to 0.15; the same holds for wide."
    )
    other = ask("M103", nets(lenet=curve(FALLING, FALLING), wide=curve(FALLING, RISING)))
    assert (other.severity, list(other.evidence["from_epoch"])) == ("info", ["wide"])
    assert "(in the first fold)" in ask("M103", replace(nets(lenet=curve(FALLING, RISING)), folds=True)).title


def test_nets_that_learn_to_the_end_do_not_overfit_and_without_nets_there_is_nothing_to_ask():
    assert ask("M103", nets(lenet=curve(FALLING, FALLING))) is None
    assert ask("M103", one(HALVES, HALVES)) == "no net was trained"
    assert ask("M105", one(HALVES, HALVES)) == "no net was trained"


def test_a_net_that_was_cut_off_while_it_improved_is_told():
    found = ask("M105", nets(lenet=curve(FALLING, FALLING, "time limit")))
    assert found.severity == "warning"
    assert found.evidence["fall_over_the_last_fifth"]["lenet"] == pytest.approx(1 - np.exp(-0.4))
    assert found.title == (
        "lenet was still improving when its training stopped at epoch 20 (time limit): over the last fifth of the "
        "epochs its validation loss fell by 33 %."
    )


@pytest.mark.parametrize(
    "history",
    [
        curve(FALLING, FLAT),
        curve(FALLING, FALLING, "no lower validation loss for 5"),
        curve(FALLING / 100, FALLING / 100),
    ],
    ids=["flat", "by patience", "nothing left to gain"],
)
def test_a_flat_end_or_an_end_by_patience_is_no_reason_to_train_on(history):
    assert ask("M105", nets(lenet=history)) is None


# --- M104, M107: train against the rest -------------------------------------------------------------------------------


def test_a_model_that_fails_on_its_own_training_images_underfits():
    poor = everywhere(flipped(HALVES, 0.3, 2))
    made = context(same(HALVES), {"net": everywhere(flipped(HALVES, 0.02, 2)), "line": poor})
    found = ask("M104", made)
    assert found.severity == "info"
    assert list(found.evidence["train"]) == ["line"]
    assert found.evidence["train"]["line"] == pytest.approx(0.7, abs=0.01)
    assert found.evidence["best"] == "net"
    assert "line underfits" in found.title


def test_a_model_that_knows_its_training_images_or_is_near_the_best_does_not_underfit():
    by_heart = everywhere(flipped(HALVES, 0.3, 2), train=HALVES)
    close = everywhere(flipped(HALVES, 0.05, 2))
    net = everywhere(flipped(HALVES, 0.02, 2))
    part = everywhere(flipped(HALVES, 0.3, 2), train=flipped(HALVES, 0.12, 2))
    made = context(same(HALVES), {"net": net, "memory": by_heart, "close": close, "part": part})
    assert ask("M104", made) is None
    assert ask("M104", LAZY) == "no model but the baseline has test scores"


def test_balance_decides_on_underfitting_where_classes_differ_in_size():
    # It gives up 10 points of accuracy for the rare class: no lack of means.
    fair = RARE.copy()
    fair[:40] = 1
    lazy = RARE.copy()
    lazy[352:] = 0
    found = ask("M104", context(same(RARE), {"fair": everywhere(fair), "lazy": everywhere(lazy)}))
    assert list(found.evidence["train"]) == ["lazy"]


def test_a_large_gap_between_train_and_test_is_told_and_a_small_one_is_not():
    by_heart = everywhere(flipped(HALVES, 0.2, 2), train=HALVES)
    found = ask("M107", context(same(HALVES), {"net": by_heart}))
    assert found.severity == "warning"
    assert found.evidence["gap"]["net"] == pytest.approx(0.2)
    assert found.title == (
        "net is right for 100 % of the images it learnt from and 80 % of the test images: 20 points are learnt by "
        "heart."
    )
    for wrong in (0.05, 0.0):
        assert ask("M107", context(same(HALVES), {"net": everywhere(flipped(HALVES, wrong, 2), train=HALVES)})) is None
    assert ask("M107", LAZY) == "no model but the baseline has test scores"


def test_a_gap_of_few_images_may_be_chance_and_folds_have_no_interval_in_train():
    labels = same(np.tile([0, 1], 5))
    two_wrong = everywhere(np.array([1, 0, *labels["test"][2:]]), train=labels["train"])
    assert ask("M107", context(labels, {"net": two_wrong})) is None
    by_heart = everywhere(flipped(HALVES, 0.2, 2), train=HALVES)
    made = context(same(HALVES), {"net": by_heart}, folds=True)
    made = replace(made, rows=tuple(replace(row, train_low=None, train_high=None) for row in made.rows))
    assert ask("M107", made).evidence["gap"]["net"] == pytest.approx(0.2)


# --- M106: guessing ---------------------------------------------------------------------------------------------------


def test_a_model_that_guesses_is_told_and_serious_where_it_was_chosen():
    rng = stream(3, "guess")
    made = context(same(HALVES), {"guess": everywhere(rng.permutation(HALVES)), "net": everywhere(HALVES)})
    found = ask("M106", made)
    assert found.severity == "serious"
    assert list(found.evidence["right"]) == ["guess"]
    assert found.evidence["p_above_the_better_of_both"]["guess"] > 0.05
    assert "cannot be told from a guess" in found.title
    assert ask("M106", replace(made, chosen="net")).severity == "warning"


@pytest.mark.parametrize(("n", "severity"), [(20, "warning"), (30, "serious")])
def test_on_few_images_a_good_model_may_look_like_a_guess_which_is_no_reason_to_fail(n, severity):
    labels = np.tile([0, 1], n // 2)
    right = labels.copy()
    right[: n // 2 - 2] = 1 - labels[: n // 2 - 2]
    assert ask("M106", one(labels, right)).severity == severity


@pytest.mark.parametrize("labels", [HALVES, TEN])
def test_a_model_that_is_right_half_of_the_time_more_than_chance_is_no_guesser(labels):
    k = int(labels.max()) + 1
    assert ask("M106", one(labels, flipped(labels, 0.3, k), k=k)) is None
    assert ask("M106", LAZY) == "no model but the baseline has test scores"


def test_a_model_below_the_majority_that_finds_the_rare_class_is_no_guesser():
    fair = RARE.copy()
    fair[:80] = 1  # 80 % right, where the majority gets 87 %
    assert ask("M106", one(RARE, fair)) is None
    assert ask("M106", one(RARE, np.zeros(400, int))).severity == "serious"


def test_of_an_absent_class_no_guess_is_expected():
    absent = np.where(TEN == 9, 0, TEN)
    assert ask("M106", one(absent, stream(0, "guess").permutation(absent), k=10)) is not None
    assert ask("M106", one(absent, flipped(absent, 0.5, 10), k=10)) is None


# --- M108: calibration ------------------------------------------------------------------------------------------------


def logits(n: int, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels drawn from the softmax of the logits: at temperature 1 the probabilities are true."""
    rng = stream(seed, "logits")
    table = 2.5 * rng.normal(0, 1, (n, k))
    drawn = rng.random((n, 1)) < softmax(table, axis=1).cumsum(axis=1)
    return table, drawn.argmax(axis=1)


@pytest.mark.parametrize("k", [2, 10])
@pytest.mark.parametrize(("by", "how"), [(3.0, "too sure"), (0.4, "not sure enough")])
def test_probabilities_that_are_off_are_told_with_the_temperature_that_repairs_them(k, by, how):
    (valid, y_valid), (test, y_test) = logits(2000, k, 1), logits(2000, k, 2)
    labels = {"train": y_valid, "valid": y_valid, "test": y_test}
    said = {"train": softmax(valid * by, 1), "valid": softmax(valid * by, 1), "test": softmax(test * by, 1)}
    found = ask("M108", context(labels, {"net": said}, k=k))
    assert how in found.title
    assert found.severity == "warning"
    assert found.evidence["temperature"]["net"] == pytest.approx(by, rel=0.15)
    before = expected_calibration_error(y_test, np.float32(said["test"]))
    assert found.evidence["calibration_error"]["net"] == pytest.approx(before)
    assert found.evidence["after_the_temperature"]["net"] < min(0.04, before / 2)
    sure = [float(re.search(r"\((1?\.\d\d)\)", item.note)[1]) for item in found.items]
    assert sure == sorted(sure, reverse=True)
    assert all(share >= 0.9 for share in sure)


def test_true_probabilities_are_left_alone_even_where_few_images_make_the_error_large():
    (valid, y_valid), (test, y_test) = logits(2000, 2, 1), logits(2000, 2, 2)
    labels = {"train": y_valid, "valid": y_valid, "test": y_test}
    said = {"train": softmax(valid, 1), "valid": softmax(valid, 1), "test": softmax(test, 1)}
    assert ask("M108", context(labels, {"net": said})) is None
    few = {part: y[:40] for part, y in labels.items()}
    answers = {part: table[:40] for part, table in said.items()}
    assert expected_calibration_error(few["test"], np.float32(answers["test"])) > 0.05
    assert ask("M108", context(few, {"net": answers})) is None


def test_calibration_is_not_asked_of_folds_nor_of_guessers():
    made = one(HALVES, stream(0, "guess").permutation(HALVES))
    assert ask("M106", made) is not None
    assert ask("M108", made) is None
    assert ask("M108", replace(made, folds=True)) == "with folds every part is answered by models of its own"
    assert ask("M108", LAZY) == "no model but the baseline has test scores"


def test_the_error_by_chance_is_that_of_labels_drawn_from_the_probabilities():
    table = softmax(logits(500, 3, 5)[0], axis=1).astype(np.float32)
    rng = stream(7, "draws")
    errors = []
    for _ in range(400):
        labels = (rng.random((500, 1)) < table.cumsum(axis=1)).argmax(axis=1)
        errors.append(expected_calibration_error(labels, table))
    assert _by_chance(table) == pytest.approx(np.quantile(errors, 0.95), rel=0.12)


# --- M109, M110: rivals -----------------------------------------------------------------------------------------------


def rivals(first, second, *, facts, labels=HALVES, k=2):
    return context(
        same(labels),
        {"net": everywhere(first), "other": everywhere(second)},
        k=k,
        facts={"net": {"trained": 1000}, **facts},
    )


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"trained": 100}, "it trains 100 numbers, net trains 1,000 numbers"),
        (
            {"trained": 0, "stored": 50_000, "family": "neighbours"},
            "it trains nothing and looks up 50,000 stored numbers",
        ),
        ({"trained": 101}, None),
    ],
)
def test_a_tenth_of_the_size_or_nearest_neighbours_that_do_as_well_are_told(facts, said):
    made = rivals(flipped(HALVES, 0.01, 2), flipped(HALVES, 0.015, 2, seed=1), facts={"other": facts})
    found = ask("M109", made)
    if said is None:
        assert found is None
        return
    assert found.severity == "info"
    assert said in found.title
    assert re.search(r"on 400 test images net less other is 0\.5 points \(-[\d.]+ to [\d.]+\)\.", found.title)
    assert found.evidence["difference"]["other"] == pytest.approx(0.005)
    assert len(found.items) == 10
    assert re.fullmatch(r"[ab], net says [ab], other [ab]", found.items[0].note)


@pytest.mark.parametrize("wrong", [0.2, 0.05])
def test_a_smaller_model_that_is_worse_or_may_be_much_worse_does_not_do(wrong):
    labels = HALVES[:100] if wrong < 0.1 else HALVES
    made = rivals(labels, flipped(labels, wrong, 2), labels=labels, facts={"other": {"trained": 10}})
    assert ask("M109", made) is None


def test_a_test_set_that_cannot_show_the_gap_it_has_is_told_and_one_that_can_is_not():
    labels = HALVES[:60]
    made = rivals(flipped(labels, 0.05, 2), flipped(labels, 0.1, 2, seed=1), labels=labels, facts={})
    found = ask("M110", made)
    assert found.severity == "warning"
    assert found.evidence["difference"]["other"] == pytest.approx(0.05)
    assert found.evidence["would_show"]["other"] > 0.05
    assert "net and other lie 5.0 points apart on 60 images" in found.title
    assert ask("M110", rivals(HALVES, flipped(HALVES, 0.2, 2), facts={})) is None
    assert ask("M110", rivals(HALVES, flipped(HALVES, 0.005, 2), facts={})) is None


def test_so_few_images_that_nothing_shows_are_said_to_be_so():
    labels = HALVES[:4]
    found = ask("M110", rivals(labels, np.array([1, 1, 0, 1]), labels=labels, facts={}))
    assert found.evidence["would_show"] == {"other": None}
    assert "so few images cannot show any" in found.title


@pytest.mark.parametrize("code", ["M109", "M110"])
def test_a_model_alone_has_no_rival(code):
    assert ask(code, one(HALVES, HALVES)) == "the chosen model has no other that learns to be compared with"
    lazy = context(
        same(RARE), {"lazy": everywhere(RARE * 0), "net": everywhere(RARE)}, facts={"lazy": {"family": "baseline"}}
    )
    assert ask(code, lazy) == "the chosen model has no other that learns to be compared with"
    assert ask(code, NOTHING) == "the chosen model has no other that learns to be compared with"


# --- all of them ------------------------------------------------------------------------------------------------------


def test_every_check_of_models_has_a_stable_code_and_says_what_it_is_about():
    checks = model_checks()
    assert sorted(check.code for check in checks) == [f"M1{i:02}" for i in range(1, 11)]
    for check in checks:
        assert check.about.endswith("."), check.code
        assert re.search("info|warning|serious", check.severity), check.code


@pytest.mark.parametrize("code", [check.code for check in model_checks()])
def test_a_muted_check_is_not_made(code):
    made = one(RARE, RARE * 0, histories={"net": curve(FALLING, RISING)})
    found = {finding.code for finding in judge_models(made).findings}
    muted = judge_models(made, mute=[code.lower()])
    assert muted.muted == (code,)
    assert {finding.code for finding in muted.findings} == found - {code}


def test_codes_of_data_can_be_muted_here_too_and_unknown_ones_are_refused():
    assert judge_models(NOTHING, mute=["D201"]).muted == ()
    with pytest.raises(UsageError, match=r"expected --mute with codes out of D101, .*M101, .*got 'M999'"):
        judge_models(NOTHING, mute=["M999"])


@settings(max_examples=25, deadline=None)
@given(
    n=st.integers(4, 60), k=st.sampled_from([2, 3, 10]), models=st.integers(0, 3), unlabelled=st.booleans(),
    folds=st.booleans(), net=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_any_comparison_can_be_judged(n, k, models, unlabelled, folds, net, seed):
    rng = stream(seed, "any")
    labels = {part: rng.integers(0, k, n) for part in PARTS}
    if unlabelled:
        labels["test"][:2] = -1
    said = {f"m{i}": {part: softmax(rng.normal(0, 3, (n, k)), axis=1) for part in PARTS} for i in range(models)}
    histories = {"m0": curve(rng.random(n), rng.random(n))} if net and models else {}
    facts = {"m1": {"family": "neighbours", "trained": 0}, f"m{seed % 3}": {"family": "baseline"}}
    made = context(labels, said, k=k, histories=histories, folds=folds, facts=facts)
    checked = judge_models(made)
    ways = [*(f.code for f in checked.findings), *checked.silent, *checked.not_applicable]
    assert sorted(ways) == sorted(check.code for check in model_checks())
    for finding in checked.findings:
        assert json.loads(json.dumps(finding.json(), allow_nan=False)) == finding.json()
        assert finding.title.endswith(".")
        assert finding.advice.endswith(".")
        assert "n" in finding.evidence
        assert {item.index for item in finding.items} <= set(range(3 * n))


def test_sure_answers_are_as_sure_as_asked():
    np.testing.assert_allclose(sure([1, 0], 3, 0.8), [[0.1, 0.8, 0.1], [0.8, 0.1, 0.1]])
