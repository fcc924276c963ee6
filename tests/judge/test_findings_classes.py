from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.dummy import DummyClassifier

from secondlook import read
from secondlook.judge.findings.classes import CHECKS
from secondlook.types import Finding


def halves(n: int) -> tuple[range, range, range]:
    return range(n // 2), range(n // 2, n * 3 // 4), range(n * 3 // 4, n)


@pytest.mark.parametrize(
    ("counts", "severity"), [((50, 50), None), ((59, 41), None), ((61, 39), "info"), ((76, 24), "warning")]
)
def test_imbalance_is_weighed_by_what_the_majority_gets(
    counts: tuple[int, int], severity: str | None, make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    labels = np.repeat([0, 1], counts)
    found = ask(CHECKS, "D201", make_context(make_set(labels)))
    assert (found and found.severity) == severity
    if found:
        majority = DummyClassifier().fit(labels[:, None], labels).score(labels[:, None], labels)
        assert found.evidence["majority_accuracy"] == pytest.approx(majority)
        assert found.evidence["ratio"] == pytest.approx(counts[0] / counts[1])
        assert found.evidence["shares"] == pytest.approx({"a": counts[0] / 100, "b": counts[1] / 100})


def test_with_a_split_the_majority_is_learnt_in_train_and_judged_in_test(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    labels = [0] * 30 + [1] * 10 + [0] * 2 + [1] * 18
    found = ask(CHECKS, "D201", make_context(make_set(labels), (range(40), [], range(40, 60))))
    assert found.evidence["majority_class"] == "a"
    assert found.evidence["majority_accuracy"] == pytest.approx(0.1)
    assert found.evidence["n"] == 20
    assert "'a' is right for 10 % of 20 test images" in found.title
    assert "; always answering 'b' for 90 %;" in found.title
    assert found.title.endswith("'b' has 28 images, the largest class 32.")


def test_of_classes_of_one_size_no_smallest_is_named(make_set: Callable, make_context: Callable, ask: Callable) -> None:
    labels = [0] * 20 + [1] * 10 + [1] * 10
    found = ask(CHECKS, "D201", make_context(make_set(labels), (range(30), [], range(30, 40))))
    assert found.title == (
        "Always answering 'a' is right for 0 % of 10 test images (chance 50 %); always answering 'b' for 100 %."
    )


def test_an_odd_image_in_a_small_test_part_is_no_imbalance(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    labels = [0, 1] * 9 + [0, 0, 1]
    assert ask(CHECKS, "D201", make_context(make_set(labels), (range(15), range(15, 18), range(18, 21)))) is None
    # The source's own test part is what it is.
    own = make_set(labels, parts=["train"] * 15 + ["valid"] * 3 + ["test"] * 3)
    found = ask(CHECKS, "D201", make_context(own, (range(15), range(15, 18), range(18, 21))))
    assert "'a' is right for 66.7 % of 3 test images" in found.title


def test_a_class_that_the_split_leaves_out_is_not_weighed(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    images = make_set([0, 1] * 20 + [2])
    assert ask(CHECKS, "D201", make_context(images, (range(20), range(20, 30), range(30, 40)))) is None
    tilted = ask(CHECKS, "D201", make_context(make_set([0, 0, 0, 1] * 10 + [2]), (range(20), [], range(20, 40))))
    assert tilted.evidence["chance"] == pytest.approx(0.5)
    assert "'b' has 10 images" in tilted.title


def test_a_long_tail_is_told_though_the_majority_gets_little(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    labels = np.repeat(np.arange(10), [30] * 9 + [10])
    found = ask(CHECKS, "D201", make_context(make_set(labels)))
    assert found.severity == "info"
    assert ask(CHECKS, "D201", make_context(make_set([0, 0]))) == "fewer than two classes"


def test_classes_with_fewer_images_than_parts_are_named_with_all_their_images(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    found = ask(CHECKS, "D202", make_context(make_set([0] * 40 + [1] * 2 + [2])))
    assert found.severity == "warning"
    assert found.evidence["fewer_than_parts"] == {"b": 2, "c": 1}
    assert [item.index for item in found.items] == [40, 41, 42]
    assert "2 classes have fewer images than there are parts ('b', 'c')" in found.title


def test_a_class_with_few_test_images_is_told_with_what_a_score_of_it_means(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    labels = np.repeat([0, 1, 0, 1], [40, 40, 30, 10])
    context = make_context(make_set(labels), (range(80), [], range(80, 120)))
    found = ask(CHECKS, "D202", context)
    assert found.severity == "info"
    assert found.evidence["few_in_test"] == {"b": 10}
    # Wilson's interval of 9 out of 10, as statsmodels has it.
    from statsmodels.stats.proportion import proportion_confint

    assert found.evidence["interval_of_the_fewest"] == pytest.approx(proportion_confint(9, 10, method="wilson"))


def test_a_class_that_is_not_in_test_at_all_is_left_to_the_check_of_missing_classes(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    labels = np.repeat([0, 1, 0], [40, 40, 30])
    context = make_context(make_set(labels), (range(80), [], range(80, 110)))
    assert ask(CHECKS, "D202", context) is None
    assert ask(CHECKS, "D204", context).evidence["missing"] == {"test": ["b"]}


def test_large_enough_classes_are_no_finding(make_set: Callable, make_context: Callable, ask: Callable) -> None:
    labels = np.repeat([0, 1, 0, 1], [40, 40, 20, 20])
    assert ask(CHECKS, "D202", make_context(make_set(labels), (range(80), [], range(80, 120)))) is None
    assert ask(CHECKS, "D202", make_context(make_set([-1, -1]))) == "no labels"


@pytest.mark.parametrize(("n", "severity"), [(5, "warning"), (60, "warning"), (100, "info"), (2000, None)])
def test_a_small_test_part_is_told_with_the_smallest_difference_it_shows(
    n: int, severity: str | None, make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    images = make_set(np.arange(n + 10) % 2, shape=(1, 1, 1))
    found = ask(CHECKS, "D203", make_context(images, (range(n, n + 10), [], range(n))))
    assert (found and found.severity) == severity
    if n == 100:
        # Connor's formula for McNemar's test, by the normal law: 8.8 points at 10 % disagreement.
        assert found.evidence["smallest_difference"] == pytest.approx(0.0875, abs=0.002)
        assert "100 images: a difference between two models shows from about 8.8 points" in found.title
    if n == 5:
        assert found.evidence["smallest_difference"] is None
        assert "5 images cannot show any difference" in found.title


def test_without_a_split_nothing_is_said_of_the_test_part(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    assert ask(CHECKS, "D203", make_context(make_set([0, 1]))) == "no split (none was asked for)"


@pytest.mark.parametrize(("part", "severity"), [("train", "serious"), ("valid", "warning"), ("test", "warning")])
def test_a_class_missing_from_a_part_is_named(
    part: str, severity: str, make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    parts = np.repeat(["train", "valid", "test"], 10)
    labels = np.where((np.arange(30) % 2 == 1) & (parts == part), 0, np.arange(30) % 2)
    found = ask(CHECKS, "D204", make_context(make_set(labels, parts=parts)))
    assert found.severity == severity
    assert found.evidence["missing"] == {part: ["b"]}
    assert found.title == f"Missing is 1 class in {part} ('b')."
    assert found.advice.endswith("Add images of it there.")
    untaught = [item.index for item in found.items]
    assert untaught == (np.flatnonzero(labels == 1).tolist() if part == "train" else [])


def test_a_class_missing_from_the_split_is_told_as_well(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    images = make_set(np.repeat([0, 1, 2], 10))
    found = ask(CHECKS, "D204", make_context(images, (range(20), range(20, 25), range(25, 30))))
    assert found.evidence["missing"] == {"train": ["c"], "valid": ["a", "b"], "test": ["a", "b"]}
    assert "own parts" not in found.advice
    assert found.advice.endswith("cut larger parts (--test).")
    whole = make_context(images, ([0, 10, 20], [1, 11, 21], [2, 12, 22]))
    assert ask(CHECKS, "D204", whole) is None
    assert ask(CHECKS, "D204", make_context(images)) == "no parts"


def test_an_unlabelled_test_part_lacks_every_class_only_as_unlabelled(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    images = make_set([0, 1, 0, 1, -1, -1], parts=["train"] * 4 + ["test"] * 2)
    assert ask(CHECKS, "D204", make_context(images)) is None


def test_classes_without_images_are_named(make_set: Callable, make_context: Callable, ask: Callable) -> None:
    found = ask(CHECKS, "D205", make_context(make_set([0, 1, 0], classes=("cat", "dog", "emu", "fox"))))
    assert found.severity == "warning"
    assert found.evidence["empty"] == ["emu", "fox"]
    assert found.title == "2 classes of 4 have no image: 'emu', 'fox'."
    assert ask(CHECKS, "D205", make_context(make_set([0, 1]))) is None
    assert ask(CHECKS, "D205", make_context(make_set([-1]))) == "no classes"


def test_unlabelled_items_of_a_labelled_set_are_all_named(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    images = make_set([0, -1, 1, -1], parts=["train", "train", "train", "test"])
    found = ask(CHECKS, "D206", make_context(images))
    assert found.severity == "info"
    assert [item.index for item in found.items] == [1, 3]
    assert found.evidence["by_part"] == {"test": 1, "train": 1}
    assert found.title == "2 of 4 images (50 %) have no label and take no part in fitting or judging."
    one = ask(CHECKS, "D206", make_context(make_set([0, -1, 1, 1])))
    assert one.title == "1 of 4 images (25 %) has no label and takes no part in fitting or judging."
    assert ask(CHECKS, "D206", make_context(make_set([0, 1]))) is None
    assert ask(CHECKS, "D206", make_context(make_set([-1, -1]))) == "no labels"


CAFE = "café"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Cat", "cat "),
        ("hot dog", "hot_dog"),
        ("hot  dog", "hot dog"),
        (unicodedata.normalize("NFC", CAFE), unicodedata.normalize("NFD", CAFE)),
        ("Straße", "STRASSE"),
        ("ｃａｔ", "cat"),
        ("1", "1 "),
    ],
)
def test_names_that_a_person_takes_for_one_are_named(
    one: str, other: str, make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    images = make_set([0, 0, 0, 1, 2, 2], classes=(one, other, "dog"))
    found: Finding = ask(CHECKS, "D207", make_context(images))
    assert found.severity == "warning"
    assert found.evidence["alike"] == [{one: 3, other: 1}]
    # Images of one spelling are no copies of each other.
    assert [(item.index, item.group) for item in found.items] == [(3, None)]
    assert f"'{one}' and '{other}'" in found.title


@pytest.mark.parametrize(("one", "other"), [("a", "A"), ("-1", "1"), ("cat", "cats"), ("1", "01")])
def test_names_that_mean_different_things_are_left_alone(
    one: str, other: str, make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    assert ask(CHECKS, "D207", make_context(make_set([0, 1], classes=(one, other)))) is None


def test_without_classes_no_names_are_compared(make_set: Callable, make_context: Callable, ask: Callable) -> None:
    assert ask(CHECKS, "D207", make_context(make_set([-1]))) == "no classes"


def test_a_test_part_of_another_mix_is_told(make_set: Callable, make_context: Callable, ask: Callable) -> None:
    from scipy.stats import chi2_contingency

    labels = np.repeat([0, 1, 0, 1], [100, 100, 80, 20])
    parts = np.repeat(["train", "test"], [200, 100])
    found = ask(CHECKS, "D208", make_context(make_set(labels, parts=parts)))
    assert found.severity == "warning"
    assert found.evidence["distance"] == {"test": pytest.approx(0.3)}
    oracle = chi2_contingency([[100, 100], [80, 20]], correction=False).pvalue
    assert found.evidence["p"] == {"test": pytest.approx(oracle)}
    assert "30 % of the test images" in found.title


def test_a_mix_that_chance_explains_or_that_differs_little_is_no_finding(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    few = make_set([0, 1, 0, 1, 0, 0], parts=["train"] * 4 + ["test"] * 2)
    assert ask(CHECKS, "D208", make_context(few)) is None
    labels = np.repeat([0, 1, 0, 1], [5000, 5000, 2750, 2250])
    many = make_set(labels, shape=(1, 1, 1), parts=np.repeat(["train", "test"], [10_000, 5_000]))
    assert ask(CHECKS, "D208", make_context(many)) is None


def test_a_mix_needs_two_labelled_parts_of_the_source(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    assert ask(CHECKS, "D208", make_context(make_set([0, 1]))) == "the source has no parts of its own"
    unlabelled = make_set([0, 1, -1], parts=["train", "train", "test"])
    assert ask(CHECKS, "D208", make_context(unlabelled)) == "the source has no second labelled part of its own"


def test_a_class_that_only_its_folder_names_is_without_images(
    tmp_path: Path, make_context: Callable, ask: Callable
) -> None:
    for name in ("cat/0.png", "dog/0.png", "fox/broken.png", "notes/read.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (4, 4), 9).save(tmp_path / name, "PNG")
    (tmp_path / "emu").mkdir()
    for name in ("fox/broken.png", "notes/read.txt"):
        (tmp_path / name).write_text("no image")
    images = read(tmp_path)
    assert images.classes == ("cat", "dog")
    found = ask(CHECKS, "D205", make_context(images))
    assert found.title == "2 classes of 4 have no image: 'emu', 'fox'."
    assert found.evidence == {"n": 4, "empty": ["emu", "fox"]}
    assert "; no images in emu" in images.format
