from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from secondlook import read
from secondlook.data.audit import Measured
from secondlook.data.plan import plan
from secondlook.judge.findings import DataContext
from secondlook.judge.findings.copies import CHECKS, leaked
from secondlook.judge.findings.leaks import twins_before
from secondlook.seeds import stream
from secondlook.types import ImageSet

TRAIN, VALID, TEST = "train", "valid", "test"
CODES = ["D101", "D102", "D103", "D104", "D105", "D106", "D107"]


def ids(*letters: str) -> Any:
    """Ids as a reader gives them: the same letter is the same bytes."""
    seen: dict[str, int] = {}
    found = []
    for letter in letters:
        seen[letter] = seen.get(letter, 0) + 1
        stem = f"{ord(letter):016x}"
        found.append(stem if seen[letter] == 1 else f"{stem}#{seen[letter]}")
    return np.array(found)


def pictures(letters: str) -> Any:
    """A picture for each letter, blurred so that it shows something coarse; "a" and "A" are nearly the same."""
    rng = stream(0, "pictures")
    coarse = {letter: rng.normal(128, 50, (4, 4, 1)) for letter in "abcdefghijklmnopqrstuvwxyz"}
    shown = [np.kron(coarse[letter.lower()], np.ones((8, 8, 1))) + (3 if letter.isupper() else 0) for letter in letters]
    return np.clip(np.stack(shown), 0, 255).astype(np.uint8)


@pytest.fixture
def lettered(make_set: Callable) -> Callable[..., ImageSet]:
    """A set with a picture for each letter; by default of one class, and without parts."""

    def make(letters: str, labels: Any = None, **fields: Any) -> ImageSet:
        labels = [0] * len(letters) if labels is None else labels
        return make_set(labels, pictures(letters), ids=ids(*letters), **fields)

    return make


def groups(finding: Any) -> list[list[int]]:
    """The items of a finding by their numbers."""
    found: dict[int, list[int]] = {}
    for item in finding.items:
        found.setdefault(item.group, []).append(item.index)
    assert list(found) == list(range(len(found)))
    return list(found.values())


def said(images: ImageSet, make_context: Callable, ask: Callable) -> dict[str, Any]:
    context = make_context(images)
    return {code: ask(CHECKS, code, context) for code in CODES}


def test_the_codes_are_there_once() -> None:
    assert sorted(check.code for check in CHECKS) == CODES


def test_different_pictures_raise_no_finding(lettered: Callable, make_context: Callable, ask: Callable) -> None:
    images = lettered(
        "abcdef", [0, 1, 0, 1, 0, 1], parts=[TRAIN, TRAIN, VALID, VALID, TEST, TEST], groups=np.array(list("xxyyzz"))
    )
    assert said(images, make_context, ask) == dict.fromkeys(CODES)


def test_without_parts_labels_and_groups_some_checks_do_not_apply(
    lettered: Callable, make_context: Callable, ask: Callable
) -> None:
    found = said(lettered("abc", [-1, -1, -1], classes=()), make_context, ask)
    own = "the source has no parts of its own"
    assert found == {
        "D101": own, "D102": "no labels", "D103": None, "D104": own, "D105": None, "D106": "no labels", "D107": own
    }  # fmt: skip
    one = said(lettered("abc", parts=[TEST, TEST, TEST]), make_context, ask)
    assert one["D101"] == one["D104"] == one["D107"] == "the source has one part only"
    both = said(lettered("abc", parts=[TRAIN, TEST, TEST], groups=np.array(["", "", ""])), make_context, ask)
    assert both["D107"] == "no groups were given"


def test_identical_images_in_two_parts_are_serious(lettered: Callable, make_context: Callable, ask: Callable) -> None:
    images = lettered("abcdab", [0, 1, 0, 1, 0, 1], parts=[TRAIN, TRAIN, TRAIN, TEST, TEST, TEST])
    finding = said(images, make_context, ask)["D101"]
    assert finding.title == "2 of 3 test images (66.7 %) are byte-identical to training images."
    assert finding.severity == "serious"
    assert finding.evidence == {"n_test": 3, "leaked_test": 2, "share_test": pytest.approx(2 / 3), "blank": 0}
    assert groups(finding) == [[4, 0], [5, 1]]
    assert [item.note for item in finding.items] == ["test, a", "train, a", "test, b", "train, b"]
    assert "Remove the copies from training" in finding.advice


def test_one_leak_is_said_in_the_singular(lettered: Callable, make_context: Callable, ask: Callable) -> None:
    images = lettered("abca", parts=[TRAIN, TEST, VALID, TEST])
    finding = said(images, make_context, ask)["D101"]
    assert finding.title == "1 of 2 test images (50 %) is byte-identical to a training or validation image."


def test_a_leak_into_validation_alone_is_a_warning(lettered: Callable, make_context: Callable, ask: Callable) -> None:
    images = lettered("abcaaB", parts=[TRAIN, TEST, TEST, VALID, VALID, VALID])
    found = said(images, make_context, ask)
    assert found["D101"].severity == "warning"
    assert found["D101"].title == "2 of 3 validation images (66.7 %) are byte-identical to training images."
    assert found["D101"].evidence["leaked_test"] == 0
    assert groups(found["D101"]) == [[3, 4, 0]]
    # Clean scores are those of test images.
    assert found["D101"].advice == "Remove the copies from training."
    # The near duplicate is in test, and its twin in validation comes before it.
    assert found["D104"].severity == "serious"
    assert groups(found["D104"]) == [[1, 5]]


def test_a_leak_into_a_test_part_without_labels_spoils_no_score(
    lettered: Callable, make_context: Callable, ask: Callable
) -> None:
    images = lettered(
        "abcdaB", [0, 1, 0, 1, -1, -1], parts=[TRAIN] * 4 + [TEST] * 2, groups=np.array(["x", "", "", "", "x", ""])
    )
    found = said(images, make_context, ask)
    for code in ("D101", "D104", "D107"):
        assert found[code].severity == "warning"
        assert "a comparison shows both" not in found[code].advice
    # One labelled image more is one that is scored.
    images.labels[4] = 0
    again = said(images, make_context, ask)
    assert (again["D101"].severity, again["D104"].severity) == ("serious", "warning")
    assert "a comparison shows both" in again["D101"].advice


def test_blank_images_are_said_to_be_blank(lettered: Callable, make_context: Callable, ask: Callable) -> None:
    images = lettered("abcaa", parts=[TRAIN, TRAIN, TEST, TEST, TEST])
    images.pixels[[0, 3, 4]] = 200
    found = said(images, make_context, ask)
    assert found["D101"].title.endswith("are byte-identical to training images; 2 of them are blank.")
    # Of two that are alike one is the copy.
    assert found["D103"].title.endswith("of another of the same part; 1 of them is blank.")
    assert found["D103"].evidence["copies"] == found["D103"].evidence["blank"] == 1
    assert found["D104"] is None


def test_identical_images_under_different_labels(lettered: Callable, make_context: Callable, ask: Callable) -> None:
    images = lettered("aabbccd", [0, 1, 0, 0, 1, -1, 0])
    finding = said(images, make_context, ask)["D102"]
    assert finding.title == "1 image stands under different labels, byte for byte the same, 2 times in all."
    assert groups(finding) == [[0, 1]]
    assert [item.note for item in finding.items] == ["a", "b"]
    assert finding.severity == "serious"
    assert finding.evidence == {"n": 7, "images": 1, "items": 2, "blank": 0}


def test_few_contradictions_among_many_images_are_a_warning(
    make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    names = np.array([f"{i:016x}" for i in range(200)])
    names[1] = f"{names[0]}#2"
    images = make_set(np.arange(200) % 2, ids=names)
    assert said(images, make_context, ask)["D102"].severity == "warning"
    assert said(make_set(np.arange(199) % 2, ids=names[:199]), make_context, ask)["D102"].severity == "serious"


def test_identical_images_within_a_part(lettered: Callable, make_context: Callable, ask: Callable) -> None:
    finding = said(lettered("abacaab"), make_context, ask)["D103"]
    assert finding.title == "4 of 7 images (57.1 %) are copies, byte for byte, of another."
    assert finding.severity == "warning"
    assert groups(finding) == [[0, 2, 4, 5], [1, 6]]
    assert finding.evidence == {"n": 7, "copies": 4, "images": 2, "most": 4, "blank": 0}
    assert finding.advice.endswith("A split keeps them in one part.")
    parted = said(lettered("abacaab", parts=[TRAIN] * 3 + [TEST] * 4), make_context, ask)["D103"]
    assert parted.title == "2 of 7 images (28.6 %) are copies, byte for byte, of another of the same part."
    assert groups(parted) == [[4, 5], [0, 2]]
    assert "split" not in parted.advice
    apart = said(lettered("aba", parts=[TRAIN, TRAIN, TEST]), make_context, ask)
    assert apart["D103"] is None
    assert apart["D101"] is not None


def test_few_copies_within_a_part_are_a_note(make_set: Callable, make_context: Callable, ask: Callable) -> None:
    names = np.array([f"{i:016x}" for i in range(20)])
    names[1] = f"{names[0]}#2"
    assert said(make_set([0] * 20, ids=names), make_context, ask)["D103"].severity == "info"
    assert said(make_set([0] * 19, ids=names[:19]), make_context, ask)["D103"].severity == "warning"


def test_near_duplicates_across_parts(lettered: Callable, make_context: Callable, ask: Callable) -> None:
    images = lettered("abcAdb", [0, 1, 0, 0, 1, 1], parts=[TRAIN, TRAIN, TRAIN, TEST, TEST, TEST])
    found = said(images, make_context, ask)
    finding = found["D104"]
    assert (
        finding.title == "1 of 3 test images (33.3 %) is nearly the same as a training image, though not byte for byte."
    )
    assert finding.severity == "serious"
    assert finding.evidence == {"n_test": 3, "leaked_test": 1, "share_test": pytest.approx(1 / 3)}
    # The copy has a finding of its own.
    assert groups(finding) == [[3, 0]]
    assert groups(found["D101"]) == [[5, 1]]


def test_one_near_duplicate_of_a_hundred_test_images_is_a_warning(
    lettered: Callable, make_set: Callable, make_context: Callable, ask: Callable
) -> None:
    pixels = np.concatenate([pictures("aA"), stream(0, "noise").integers(0, 256, (99, 32, 32, 1), dtype=np.uint8)])
    images = make_set([0] * 101, pixels, parts=[TRAIN] + [TEST] * 100)
    assert said(images, make_context, ask)["D104"].severity == "warning"
    fewer = make_set([0] * 100, pixels[:100], parts=[TRAIN] + [TEST] * 99)
    assert said(fewer, make_context, ask)["D104"].severity == "serious"


def test_near_duplicates_within_a_part(lettered: Callable, make_context: Callable, ask: Callable) -> None:
    finding = said(lettered("abcAB"), make_context, ask)["D105"]
    assert finding.title == "4 of 5 images (80 %) are nearly the same as another, though not byte for byte."
    assert finding.severity == "info"
    assert groups(finding) == [[0, 3], [1, 4]]
    assert finding.evidence == {"n": 5, "near": 4, "pictures": 2, "most": 2}
    parted = said(lettered("abcAB", parts=[TRAIN] * 4 + [TEST]), make_context, ask)["D105"]
    assert groups(parted) == [[0, 3]]
    assert said(lettered("abAB", parts=[TRAIN, TRAIN, TEST, TEST]), make_context, ask)["D105"] is None


def test_a_split_that_tears_near_duplicates_is_not_said_to_keep_them(
    lettered: Callable, make_context: Callable, ask: Callable
) -> None:
    images = lettered("abcABd")
    kept = ask(CHECKS, "D105", make_context(images, ([0, 3], [1, 4], [2, 5])))
    assert kept.advice.endswith("A split keeps them in one part.")
    torn = ask(CHECKS, "D105", make_context(images, ([0, 4], [2, 5], [1, 3])))
    assert torn.advice.endswith(
        "The split could not keep all of them in one part: they hang together in bundles too large."
    )
    left_out = ask(CHECKS, "D105", make_context(images, ([0], [1, 4], [2, 5])))
    assert left_out.advice == kept.advice


def test_near_duplicates_under_different_labels(lettered: Callable, make_context: Callable, ask: Callable) -> None:
    finding = said(lettered("abcABC", [0, 1, 0, 1, 1, -1]), make_context, ask)["D106"]
    assert finding.title == "2 images are nearly the same as one of another label, though not byte for byte."
    assert finding.severity == "warning"
    assert groups(finding) == [[0, 3]]
    assert [item.note for item in finding.items] == ["a", "b"]


def test_groups_that_lie_in_two_parts(lettered: Callable, make_context: Callable, ask: Callable) -> None:
    images = lettered("abcdefg", parts=[TRAIN] * 3 + [TEST] * 4, groups=np.array(["x", "y", "", "x", "x", "z", ""]))
    finding = said(images, make_context, ask)["D107"]
    assert finding.title == (
        "1 of 3 groups lies in more than one part: 2 of 4 test images (50 %) are of one group with training images."
    )
    assert finding.severity == "serious"
    assert finding.evidence == {"groups": 3, "torn": 1, "n_test": 4, "leaked_test": 2, "share_test": 0.5}
    assert groups(finding) == [[3, 4, 0]]


def test_what_is_leaked_has_a_reason_and_a_twin(lettered: Callable, make_context: Callable) -> None:
    images = lettered("abcdefaBghi", groups=np.array(["", "", "g", "", "", "", "", "", "g", "h", "h"]))
    context = make_context(images, ([0, 1, 2], [3, 4], [5, 6, 7, 8, 9, 10]))
    found = leaked(context)
    assert found.items.tolist() == [6, 7, 8]
    assert found.reasons.tolist() == ["identical", "near", "group"]
    assert found.twins.tolist() == [0, 1, 2]
    assert leaked(context, "valid").items.tolist() == []
    assert leaked(context, "train").items.tolist() == []


def test_the_strongest_reason_counts(lettered: Callable, make_context: Callable) -> None:
    images = lettered("Aba", groups=np.array(["g", "", "g"]))
    found = leaked(make_context(images, ([0], [1], [2])))
    assert found.reasons.tolist() == ["near"]


def test_validation_leaks_into_test_but_not_the_other_way(lettered: Callable, make_context: Callable) -> None:
    images = lettered("abcb")
    assert leaked(make_context(images, ([0], [1, 2], [3]))).twins.tolist() == [1]
    assert leaked(make_context(images, ([0], [1, 2], [3])), "valid").items.tolist() == []
    assert leaked(make_context(images, ([1], [3], [0, 2])), "valid").twins.tolist() == [1]


def test_a_twin_without_a_label_does_not_leak(lettered: Callable, make_context: Callable) -> None:
    images = lettered("aba", [-1, 0, 0], parts=[TRAIN, TRAIN, TEST])
    assert leaked(make_context(images)).items.tolist() == []


def test_twins_are_the_first_of_the_same_key() -> None:
    keys = np.array([5, 7, 5, -1, 7, -1, 9])
    before, items = np.array([2, 0, 1, 3]), np.array([4, 5, 6, 0])
    assert twins_before(keys, items, np.sort(before)).tolist() == [1, -1, -1, 0]
    assert twins_before(keys, items, np.array([], np.int64)).tolist() == [-1] * 4


@pytest.mark.parametrize("seed", range(4))
def test_a_split_of_our_own_leaks_nothing(lettered: Callable, seed: int) -> None:
    letters = "".join(stream(seed, "letters").choice(list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM"), 90))
    images = lettered(letters, stream(seed, "labels").integers(0, 2, 90))
    measured = Measured(images)
    context = DataContext(measured, plan(measured, seed=seed).split)
    for part in ("valid", "test"):
        assert len(context.split[part]) > 0
        assert leaked(context, part).items.tolist() == []


def test_the_identical_pair_of_a_real_set_is_named(real_data: Path, make_context: Callable, ask: Callable) -> None:
    images = read(real_data / "hotdog/kaggle_28px", cache=False)
    finding = said(images, make_context, ask)["D101"]
    assert finding.title == "1 of 499 test images (0.2 %) is byte-identical to a training image."
    assert [item.name for item in finding.items] == ["test/not_hot_dog/76271.jpg", "train/not_hot_dog/97656.jpg"]
    assert_array_equal(leaked(make_context(images)).reasons, ["identical"])


def test_what_a_larger_real_set_repeats_is_named(real_data: Path, make_context: Callable, ask: Callable) -> None:
    images = read(real_data / "hotdog/food101_64px", cache=False)
    found = said(images, make_context, ask)
    assert [item.name for item in found["D101"].items] == [
        "test/nohotdog/grilled_salmon__599021.jpg",
        "validation/nohotdog/grilled_salmon__606368.jpg",
    ]
    # To the eye these are the same picture, another size, another quality.
    names = [item.name for item in found["D104"].items[:2]]
    assert names == ["test/nohotdog/ravioli__584114.jpg", "train/nohotdog/ravioli__1069696.jpg"]
    assert found["D102"] is None
    assert found["D103"] is None
