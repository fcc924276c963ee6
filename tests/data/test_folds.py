"""Repeated k-fold: every image is tested once per repeat, and nothing that belongs together is torn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.model_selection import StratifiedKFold

from secondlook import ImageSet
from secondlook.data.audit import Measured
from secondlook.data.plan import plan
from secondlook.data.split import folds
from secondlook.errors import DataError, UsageError
from secondlook.types import PARTS


def labelled(labels: object, ids: object = None, **more: object) -> ImageSet:
    y = np.asarray(labels, dtype=np.int64)
    names = np.array([f"{i:016x}" for i in range(len(y))] if ids is None else ids, dtype=np.str_)
    pixels = np.random.default_rng(0).integers(0, 255, (len(y), 4, 4, 1)).astype(np.uint8)
    classes = tuple(str(i) for i in range(int(y.max(initial=0)) + 1))
    return ImageSet(pixels, y, classes, names, names.tolist(), "test", "test", **more)  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.integers(2, 6), st.integers(1, 2), st.integers(2, 4), st.integers(60, 110), st.integers(0, 3))
def test_every_image_is_tested_once_per_repeat_and_folds_are_stratified(
    k: int, repeats: int, classes: int, n: int, seed: int
) -> None:
    labels = np.random.default_rng(seed).permutation(np.arange(n) % classes)
    labels[:3] = -1
    found = folds(labelled(labels), k=k, repeats=repeats, seed=seed)
    known = np.flatnonzero(labels >= 0)
    assert len(found) == k * repeats
    assert_array_equal(found.items, known)
    for repeat in range(repeats):
        mine = found.splits[repeat * k : repeat * k + k]
        assert_array_equal(np.sort(np.concatenate([split.test for split in mine])), known)
        sizes = np.stack([np.bincount(labels[split.test], minlength=classes) for split in mine])
        assert np.ptp(sizes, axis=0).max() <= 1
        assert np.ptp(sizes.sum(axis=1)) <= 1
        theirs = [len(test) for _, test in StratifiedKFold(k).split(known, labels[known])]
        assert sorted(sizes.sum(axis=1)) == sorted(theirs) or np.ptp(theirs) > 1
    for split in found.splits:
        assert_array_equal(np.sort(np.concatenate([split[part] for part in PARTS])), known)
        rest = len(known) - len(split.test)
        assert len(split.valid) == int(0.15 * rest + 0.5)
        assert set(labels[split.train]) == set(labels[split.valid]) == set(range(classes))


def test_repeats_and_seeds_divide_anew_and_the_same_seed_divides_alike() -> None:
    images = labelled(np.arange(60) % 3)
    found = folds(images, k=3, repeats=2)
    assert len({split.fingerprint for split in found.splits}) == 6
    assert found.fingerprint == folds(images, k=3, repeats=2).fingerprint
    assert found.fingerprint != folds(images, k=3, repeats=2, seed=1).fingerprint
    assert [found.place(i) for i in range(6)] == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    frame = found.frame()
    assert len(frame) == 6 * 60
    assert (frame[frame["part"] == "test"].groupby(["repeat", "item"]).size() == 1).all()


def test_groups_copies_and_near_copies_stay_on_one_side_in_every_fold() -> None:
    n = 120
    ids = [f"{i:016x}" for i in range(n)]
    ids[1] = f"{ids[3]}#2"
    groups = np.array([f"person {i // 4}" if i < 40 else "" for i in range(n)])
    together = np.arange(n)
    together[100] = together[102] = 50
    images = labelled(np.arange(n) % 2, ids, groups=groups)
    found = folds(images, k=4, repeats=2, together=together)
    bundles = [np.arange(i, i + 4) for i in range(0, 40, 4)] + [np.array([1, 3]), np.array([50, 100, 102])]
    for split in found.splits:
        for part in PARTS:
            assert all(np.isin(bundle, split[part]).mean() in (0, 1) for bundle in bundles)
    assert found.method == (
        "4 folds, twice, stratified by class, identical and nearly identical images and groups kept together; "
        "valid cut from each fold's other images in the same way"
    )


def test_near_copies_that_fill_a_fold_are_torn_and_it_is_said() -> None:
    together = np.concatenate([np.zeros(70, dtype=np.int64), np.arange(30) + 100])
    found = folds(labelled(np.arange(100) % 2), k=5, repeats=1, together=together)
    assert [len(split.test) for split in found.splits] == [20] * 5
    assert "5 folds, once, stratified by class, identical images kept together; nearly identical images" in found.method


def test_groups_of_different_size_make_folds_of_different_size_and_it_is_said() -> None:
    groups = np.repeat(["a", "b", "c", "d", "e", "f", "g"], [40, 11, 7, 8, 8, 8, 8])
    found = folds(labelled(np.arange(90) % 2, groups=groups), k=3, repeats=3)
    for split in found.splits:
        for name in "abcdefg":
            assert np.isin(np.flatnonzero(groups == name), split.test).mean() in (0, 1)
    sizes = [len(split.test) for split in found.splits]
    assert f"so folds have {min(sizes)} to {max(sizes)} images" in found.method
    assert "3 folds, 3 times" in found.method


def test_two_groups_cannot_make_three_folds() -> None:
    images = labelled(np.arange(40) % 2, groups=np.repeat(["a", "b"], 20))
    message = "test: expected enough different images to fill 3 folds, .* in groups or identical.*; take fewer folds$"
    with pytest.raises(DataError, match=message):
        folds(images, k=3, repeats=1)


@pytest.mark.parametrize(("k", "repeats"), [(1, 1), (3, 0)])
def test_fewer_than_two_folds_or_no_repeat_are_refused(k: int, repeats: int) -> None:
    with pytest.raises(UsageError, match=f"expected at least 2 folds, once or more often, got {k} folds, {repeats} "):
        folds(labelled(np.arange(40) % 2), k=k, repeats=repeats)


def test_more_folds_than_images_are_refused() -> None:
    with pytest.raises(DataError, match="expected at least 50 labelled images for 50 folds, got 40; take fewer folds"):
        folds(labelled(np.arange(40) % 2), k=50)


@pytest.mark.parametrize(("valid", "word"), [(1, "larger"), (0.99, "smaller")])
def test_a_validation_part_without_room_for_every_class_is_refused(valid: float, word: str) -> None:
    with pytest.raises(UsageError, match=f"a valid part of each fold's other 32 images .*; give a {word} valid$"):
        folds(labelled(np.arange(40) % 2), k=5, valid=valid)


def test_a_source_with_parts_of_its_own_is_refused_for_folds() -> None:
    images = labelled(np.arange(40) % 2, parts=np.repeat(["train", "test"], 20))
    message = (
        "^test: expected a set without parts of its own for folds, got its own test; "
        "leave --cv out, or give the training part alone$"
    )
    with pytest.raises(UsageError, match=message):
        folds(images, k=5)
    unlabelled = np.where(images.parts == "test", -1, images.labels)
    only_train = ImageSet(**{**vars(images), "labels": unlabelled})
    assert_array_equal(folds(only_train, k=5).items, np.arange(20))


def test_a_plan_leaves_tiny_classes_out_and_says_so() -> None:
    images = labelled([0, 1] * 30 + [2])
    made = plan(Measured(images), seed=3)
    assert made.left_out == ("2",)
    assert made.images.classes == ("0", "1")
    assert 60 not in np.concatenate([made.split[part] for part in PARTS])
    assert made.method.endswith("; class 2 left out, with too few images for every part")
    assert made.splits == (made.split,)
    with pytest.raises(DataError, match="at least 3 images per class"):
        plan(Measured(images), strict=True)


def test_a_plan_with_folds_shows_every_image_as_tested_and_the_first_fold_s_other_parts() -> None:
    images = labelled([0, 1] * 30 + [2])
    made = plan(Measured(images), cv=(4, 2))
    assert made.folds is not None
    assert len(made.splits) == 8
    assert_array_equal(made.shown.test, np.arange(60))
    assert_array_equal(made.shown.train, made.folds.splits[0].train)
    assert made.split.fingerprint == made.folds.splits[0].fingerprint
    assert made.fingerprint == made.folds.fingerprint
    assert made.method.endswith("in the same way; class 2 left out, with too few images for every part")


def test_a_plan_of_what_cannot_be_compared_is_refused_in_folds_too() -> None:
    with pytest.raises(DataError, match="test has no labels: expected a column 'label'"):
        plan(Measured(labelled([-1] * 20)))
    with pytest.raises(DataError, match="expected at least 10 labelled images, got 8; add images"):
        plan(Measured(labelled([0, 1] * 4)), cv=(2, 1))
