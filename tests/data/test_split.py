from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.model_selection import train_test_split

from secondlook import ImageSet, Split
from secondlook.data.read import require_comparable
from secondlook.data.split import bonds as bonds_module
from secondlook.data.split import part_sizes, split, without_tiny_classes
from secondlook.data.split.bonds import bond_codes, joined, text_codes
from secondlook.data.split.cut import Shape, cut
from secondlook.errors import DataError, UsageError
from secondlook.types import PARTS


def labelled(labels: object, ids: object = None, **more: object) -> ImageSet:
    y = np.asarray(labels, dtype=np.int64)
    names = np.array([f"{i:016x}" for i in range(len(y))] if ids is None else ids, dtype=np.str_)
    pixels = np.zeros((len(y), 1, 1, 1), np.uint8)
    classes = tuple(str(i) for i in range(int(y.max(initial=0)) + 1))
    return ImageSet(pixels, y, classes, names, names.tolist(), "test", "test", **more)  # type: ignore[arg-type]


def table(cut: Split, images: ImageSet) -> np.ndarray:
    k = len(images.classes)
    return np.stack([np.bincount(images.labels[cut[part]], minlength=k) for part in PARTS], axis=1)


@st.composite
def problems(draw: st.DrawFn, repeats: bool) -> tuple[ImageSet, int, int]:
    """Images of 2 to 6 classes, some perhaps unlabelled or identical, and counts for valid and test that fit."""
    counts = draw(st.lists(st.integers(3, 40), min_size=2, max_size=6))
    k, n = len(counts), sum(counts)
    labels = np.repeat(np.arange(k), counts)
    labels = np.concatenate([labels, np.full(draw(st.integers(0, 3)), -1)])
    labels = np.random.default_rng(draw(st.integers(0, 9))).permutation(labels)
    stems = draw(st.lists(st.integers(0, 2 * n), min_size=len(labels), max_size=len(labels))) if repeats else None
    ids = None if stems is None else [f"{stem:016x}#{i}" for i, stem in enumerate(stems)]
    valid = draw(st.integers(k, n - 2 * k)) if n >= 3 * k else k
    test = draw(st.integers(k, n - k - valid))
    return labelled(labels, ids), valid, test


@given(problems(repeats=False), st.integers(0, 5))
def test_parts_are_disjoint_complete_exact_and_stratified(problem: tuple[ImageSet, int, int], seed: int) -> None:
    images, valid, test = problem
    cut = split(images, valid=valid, test=test, seed=seed)
    together = np.concatenate([cut[part] for part in PARTS])
    assert_array_equal(np.sort(together), np.flatnonzero(images.labels >= 0))
    assert (len(cut.valid), len(cut.test)) == (valid, test)
    for part in PARTS:
        assert cut[part].dtype == np.int64
        assert_array_equal(cut[part], np.sort(cut[part]))
    counts = table(cut, images)
    share = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    assert (counts >= 1).all()
    # Where a class's share of a part is less than one image it still gets one, which others give.
    assert (np.abs(counts - share) < 1 + (share < 1).sum() + 1e-9).all()


@given(st.integers(2, 8), st.integers(7, 60), st.floats(0.15, 0.4), st.floats(0.15, 0.4))
def test_every_share_is_within_one_image_of_its_fraction(k: int, per_class: int, valid: float, test: float) -> None:
    rng = np.random.default_rng(k * per_class)
    images = labelled(np.repeat(np.arange(k), per_class + rng.integers(0, 20, k)))
    counts = table(split(images, valid=valid, test=test), images)
    share = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum()
    assert (np.abs(counts - share) < 1 + 1e-9).all()
    assert (counts >= 1).all()


@given(problems(repeats=True), st.integers(0, 3))
def test_identical_images_never_straddle_parts(problem: tuple[ImageSet, int, int], seed: int) -> None:
    images, valid, test = problem
    repeats = np.unique(np.strings.partition(images.ids[images.labels >= 0], "#")[0], return_counts=True)[1]
    try:
        cut = split(images, valid=valid, test=test, seed=seed)
    except DataError as error:
        if "to train on" in str(error):
            assert (repeats > 1).any()
        else:
            assert (repeats == 1).sum() < valid + test
        return
    assert len(np.unique(images.labels[cut.train])) >= 2
    stems = [set(np.strings.partition(images.ids[cut[part]], "#")[0].tolist()) for part in PARTS]
    assert sum(map(len, stems)) == len(set.union(*stems))
    together = np.concatenate([cut[part] for part in PARTS])
    assert_array_equal(np.sort(together), np.flatnonzero(images.labels >= 0))
    if (len(cut.valid), len(cut.test)) != (valid, test):
        assert "so " in cut.method
        assert (repeats == 1).sum() < valid + test


def test_a_few_identical_images_leave_the_sizes_exact() -> None:
    labels = np.arange(1000) % 10
    ids = [f"{i if i >= 60 else i // 3:016x}#{i}" for i in range(1000)]
    images = labelled(labels, ids)
    for seed in range(20):
        cut = split(images, valid=150, test=250, seed=seed)
        assert (len(cut.train), len(cut.valid), len(cut.test)) == (600, 150, 250)
        assert np.abs(table(cut, images) - [60, 15, 25]).max() <= 3
        assert cut.method == "stratified by class, identical images kept together"


def test_identical_images_fall_into_every_part_in_proportion() -> None:
    images = labelled(np.arange(400) % 2, [f"{i // 4:016x}#{i}" for i in range(400)])
    shares = [len(split(images, valid=100, test=100, seed=seed).test) for seed in range(5)]
    assert shares == [100] * 5


def test_where_identical_images_leave_no_other_way_the_sizes_say_so() -> None:
    images = labelled([0, 0, 1, 1] * 5, [f"{i // 2:016x}#{i}" for i in range(20)])
    cut = split(images, valid=5, test=5)
    assert sum(len(cut[part]) for part in PARTS) == 20
    assert all(len(cut[part]) % 2 == 0 for part in PARTS)
    assert "not 5" in cut.method


def test_nothing_but_copies_of_one_image_cannot_be_split() -> None:
    message = "test: expected enough different images to fill test and valid, got too many identical ones"
    with pytest.raises(DataError, match=message):
        split(labelled([0, 1] * 10, [f"same#{i}" for i in range(20)]))


def test_groups_are_not_torn_apart_even_when_linked_through_identical_images() -> None:
    labels = np.arange(60) % 2
    groups = np.array([f"person {i // 6}" for i in range(60)])
    ids = [f"{i:016x}" for i in range(60)]
    ids[11] = f"{ids[0]}#2"
    cut = split(labelled(labels, ids, groups=groups), valid=12, test=12)
    owner = {item: part for part in PARTS for item in cut[part].tolist()}
    for start in range(0, 60, 6):
        assert len({owner[i] for i in range(start, start + 6)}) == 1
    assert owner[0] == owner[6]


def test_the_seed_decides() -> None:
    images = labelled(np.arange(100) % 4)
    assert split(images, seed=3).fingerprint == split(images, seed=3).fingerprint
    assert split(images, seed=3).fingerprint != split(images, seed=4).fingerprint
    assert split(images, seed=3).seed == 3


def test_every_image_has_the_same_chance() -> None:
    images = labelled(np.arange(40) % 2)
    hits = sum(np.bincount(split(images, test=10, valid=10, seed=seed).test, minlength=40) for seed in range(200))
    # Binomial(200, 1/4): mean 50, standard deviation 6.1; five of them on either side.
    assert hits.min() > 19
    assert hits.max() < 81


def test_fractions_give_the_class_counts_of_scikit_learn() -> None:
    labels = np.repeat([0, 1, 2], [100, 60, 40])
    images = labelled(labels)
    cut = split(images, valid=20, test=0.25)
    theirs = train_test_split(labels, test_size=0.25, stratify=labels, random_state=0)[1]
    assert_array_equal(np.bincount(images.labels[cut.test]), np.bincount(theirs))
    assert part_sizes(images, valid=20, test=0.25) == {"train": 130, "valid": 20, "test": 50}


def test_a_rare_class_gets_one_image_in_every_part() -> None:
    images = labelled(np.repeat([0, 1, 2], [500, 3, 4]))
    assert (table(split(images), images) >= 1).all()


def test_unlabelled_images_are_left_out() -> None:
    images = labelled([0, 1, -1] * 20)
    cut = split(images)
    assert all((images.labels[cut[part]] >= 0).all() for part in PARTS)
    assert sum(len(cut[part]) for part in PARTS) == 40


def own(*parts: tuple[str, int]) -> ImageSet:
    names = np.array([part for part, n in parts for _ in range(n)], dtype=np.str_)
    return labelled(np.arange(len(names)) % 2, parts=names)


def test_the_sources_own_parts_are_kept() -> None:
    images = own(("train", 30), ("valid", 6), ("test", 8))
    cut = split(images)
    assert_array_equal(cut.train, np.arange(30))
    assert_array_equal(cut.valid, np.arange(30, 36))
    assert_array_equal(cut.test, np.arange(36, 44))
    assert cut.method == "the source's own train, valid and test"


def test_a_missing_valid_is_cut_from_train() -> None:
    images = own(("train", 40), ("test", 8))
    cut = split(images, valid=0.25)
    assert_array_equal(cut.test, np.arange(40, 48))
    assert (len(cut.train), len(cut.valid)) == (30, 10)
    assert cut.valid.max() < 40
    assert cut.method == (
        "the source's own train and test; valid cut from train, stratified by class, identical images kept together"
    )


def test_a_missing_test_is_cut_from_train() -> None:
    cut = split(own(("train", 40), ("valid", 8)), test=10)
    assert (len(cut.train), len(cut.valid), len(cut.test)) == (30, 8, 10)
    assert cut.test.max() < 40
    assert "test cut from train" in cut.method


def test_an_unlabelled_test_part_counts_as_missing() -> None:
    images = own(("train", 40), ("test", 8))
    cut = split(replace(images, labels=np.where(images.parts == "test", -1, images.labels)), valid=0.25, test=0.25)
    assert (len(cut.train), len(cut.valid), len(cut.test)) == (20, 10, 10)


def test_identical_images_on_both_sides_of_the_sources_own_parts_are_counted() -> None:
    ids = [f"{i:016x}" for i in range(64)]
    ids[40:43] = [f"{ids[i]}#2" for i in (0, 0, 5)]  # three test images repeat two training ones
    ids[50] = f"{ids[60]}#2"  # one repeats a validation image
    ids[43] = f"{ids[44]}#2"  # inside a part nobody is misled
    parts = np.repeat(["train", "test", "valid"], [40, 14, 10])
    images = labelled(np.arange(64) % 2, ids, parts=parts)
    assert split(images).method == (
        "the source's own train, valid and test; 3 of 14 test images are also in training; "
        "1 of 14 test images is also in validation"
    )


def test_only_what_was_cut_by_us_is_said_to_be_kept_together() -> None:
    ids = [f"{i:016x}" for i in range(48)]
    ids[40:42] = [f"{ids[i]}#2" for i in (0, 1)]
    images = labelled(np.arange(48) % 2, ids, parts=np.repeat(["train", "test"], [40, 8]))
    cut = split(images, valid=0.25)
    inside = [int(np.isin([0, 1], cut[part]).sum()) for part in ("train", "valid")]
    assert sum(inside) == 2
    start = "the source's own train and test; valid cut from train, stratified by class, identical images kept together"
    said = [
        f"; {n} of 8 test images {'is' if n == 1 else 'are'} also in {name}"
        for n, name in zip(inside, ("training", "validation"), strict=True)
        if n
    ]
    assert cut.method == start + "".join(said)


def test_one_class_in_the_sources_own_training_part_is_refused_with_what_it_lacks() -> None:
    images = labelled([0] * 20 + [0, 1, 2, 3, 4] * 4, parts=np.repeat(["train", "test"], [20, 20]))
    message = (
        "^test: expected at least 2 classes in its own training part, got only 0; "
        "add images of 1, 2, 3 and 1 more to it$"
    )
    for check in (split, lambda i: require_comparable(i, valid=0.15, test=0.15)):
        with pytest.raises(DataError, match=message):
            check(images)


def test_labels_in_the_test_part_alone_are_refused() -> None:
    images = own(("train", 20), ("test", 8))
    with pytest.raises(DataError, match="test: expected labelled images in its own training part, got none"):
        split(replace(images, labels=np.where(images.parts == "train", -1, images.labels)))


def test_a_class_that_the_sources_own_training_part_lacks_is_said() -> None:
    labels = [0, 1, 2] * 10 + [0, 1, 2, 3] * 3
    images = labelled(labels, parts=np.repeat(["train", "test"], [30, 12]))
    require_comparable(images, valid=0.2, test=0.2)
    assert split(images).method.endswith("identical images kept together; class 3 is not in training")
    images = labelled([0, 1] * 15 + [*range(6)] * 3, parts=np.repeat(["train", "test"], [30, 18]))
    assert split(images).method.endswith("; classes 2, 3, 4 and 1 more are not in training")


@pytest.mark.parametrize("copies", [(12,), (4,), (2, 2), (1,), (1, 1)])
def test_a_class_of_few_different_images_is_trained_on(copies: tuple[int, ...]) -> None:
    ids = [f"{i:016x}" for i in range(60)]
    ids += [f"copy {i}#{j}" for i, n in enumerate(copies) for j in range(n)]
    images = labelled([0] * 60 + [1] * sum(copies), ids)
    for seed in range(20):
        assert 1 in images.labels[split(images, valid=0.4, test=0.4, seed=seed).train]


def test_a_training_part_that_is_filled_by_copies_of_one_image_is_refused() -> None:
    images = labelled([0] * 30 + [1] * 10, ["same"] * 30 + [f"{i:016x}" for i in range(10)])
    message = "test: expected at least 2 classes to train on, got only 0, whose identical images, .*; remove copies$"
    with pytest.raises(DataError, match=message):
        split(images, valid=10, test=10)


@pytest.mark.parametrize("share", [0, 0.0, 1.0, 1.5, -0.1, -3, True, "0.2", float("nan")])
@pytest.mark.parametrize("part", ["valid", "test"])
def test_a_share_that_cannot_be_is_refused(part: str, share: float) -> None:
    with pytest.raises(
        UsageError, match=f"expected {part} as a fraction between 0 and 1 or a count of at least 1, got"
    ):
        split(labelled([0, 1] * 20), **{part: share})


def test_parts_that_leave_nothing_to_train_on_are_refused() -> None:
    message = "expected valid and test to leave at least 2 images to train on, one per class, got 20 \\+ 20 of 40"
    with pytest.raises(UsageError, match=message):
        split(labelled([0, 1] * 20), valid=20, test=20)
    with pytest.raises(UsageError, match="leave at least 2 images"):
        split(labelled([0, 1] * 20), valid=0.5, test=0.9)
    with pytest.raises(UsageError, match="leave at least 2 images"):
        split(labelled([0, 1] * 20), test=1000)


def test_more_classes_than_test_images_are_refused() -> None:
    message = "expected a test part of at least 10 images, one per class, got 4 of 40; give a larger test"
    with pytest.raises(UsageError, match=message):
        split(labelled(np.arange(40) % 10), test=4, valid=10)


def test_nothing_labelled_cannot_be_split() -> None:
    with pytest.raises(DataError, match="test: expected labelled images to split, got none"):
        split(labelled([-1, -1]))


def test_345_classes_are_split_quickly_and_exactly() -> None:
    images = labelled(np.arange(34_500) % 345)
    counts = table(split(images, valid=0.1, test=0.2), images)
    assert_array_equal(counts, np.broadcast_to([70, 10, 20], (345, 3)))


def owners(parted: Split, n: int) -> np.ndarray:
    found = np.full(n, -1)
    for i, part in enumerate(PARTS):
        found[parted[part]] = i
    return found


def test_items_without_a_group_are_not_bound_to_each_other() -> None:
    groups = np.array([""] * 60 + [f"person {i // 4}" for i in range(40)])
    images = labelled(np.arange(100) % 2, groups=groups)
    assert np.bincount(bond_codes(images, np.arange(100))).max() == 4
    cut_up = split(images)
    assert (len(cut_up.train), len(cut_up.valid), len(cut_up.test)) == (70, 15, 15)
    owner = owners(cut_up, 100)
    assert all(len(set(owner[i : i + 4])) == 1 for i in range(60, 100, 4))
    assert cut_up.method == "stratified by class, identical images and groups kept together"


@given(st.data())
def test_near_copies_and_groups_are_kept_together_and_nothing_else_is_lost(data: st.DataObject) -> None:
    n, k = data.draw(st.integers(40, 120)), data.draw(st.integers(2, 4))
    labels = np.arange(n) % k
    together = np.arange(n)
    for i in data.draw(st.lists(st.integers(0, n - k - 1), max_size=8)):
        together[i + k] = together[i]  # of one class
    groups = np.array([data.draw(st.sampled_from(["", "", "", "a", "b", "c"])) for _ in range(n)])
    groups[n // 3 :] = ""
    images = labelled(labels, groups=groups)
    found = split(images, valid=0.25, test=0.25, seed=data.draw(st.integers(0, 3)), together=together)
    owner = owners(found, n)
    assert (owner >= 0).all()
    for name in ("a", "b", "c"):
        assert len(set(owner[groups == name])) <= 1
    if "nearly identical images are not" not in found.method:
        assert "identical and nearly identical images and groups kept together" in found.method
        assert all(len(set(owner[together == code])) == 1 for code in np.unique(together))


def test_near_copies_that_hang_together_in_a_few_large_bundles_do_not_stop_a_split() -> None:
    labels = np.arange(200) % 2
    ids = [f"{i:016x}" for i in range(200)]
    ids[1] = f"{ids[3]}#2"
    found = split(labelled(labels, ids), together=np.zeros(200, dtype=np.int64))
    assert [len(found[part]) for part in PARTS] == [140, 30, 30]
    assert found.method == (
        "stratified by class, identical images kept together; nearly identical images are not, "
        "since they hang together in bundles too large to fill every part"
    )
    owner = owners(found, 200)
    assert owner[1] == owner[3]


def test_near_copies_that_would_leave_a_part_half_empty_are_torn() -> None:
    together = np.concatenate([np.zeros(92, dtype=np.int64), np.arange(1, 9)])
    found = split(labelled(np.arange(100) % 2), together=together)
    assert [len(found[part]) for part in PARTS] == [70, 15, 15]
    assert "nearly identical images are not" in found.method


def test_a_class_that_hangs_together_by_near_copies_is_tested_all_the_same() -> None:
    labels = np.repeat([0, 1], 50)
    together = np.where(labels == 1, 1000, np.arange(100))
    found = split(labelled(labels), together=together)
    assert "nearly identical images are not" in found.method
    assert set(labels[found.test]) == {0, 1}


def test_classes_of_one_bundle_each_are_all_trained_on_though_the_part_becomes_larger() -> None:
    labels = np.repeat([0, 1, 2, 2], [14, 10, 30, 30])
    ids = ["film"] * 14 + ["clip"] * 10 + [f"{i:016x}" for i in range(60)]
    found = split(labelled(labels, ids), valid=0.4, test=0.4)
    assert {0, 1} <= set(labels[found.train])


def test_two_bundles_of_a_class_train_and_test_it() -> None:
    labels = np.repeat([0, 1], [200, 20])
    ids = [f"{i:016x}" for i in range(200)] + [f"film {i // 10}#{i}" for i in range(20)]
    for seed in range(20):
        found = split(labelled(labels, ids), seed=seed)
        assert 1 in labels[found.train]
        assert 1 in labels[found.test]


def test_many_bundles_are_dealt_out_by_class_and_in_proportion() -> None:
    labels = np.repeat(np.arange(6_000) % 3, 5)
    ids = [f"{i // 5:016x}#{i}" for i in range(30_000)]
    found = split(labelled(labels, ids), valid=0.1, test=0.2)
    assert_array_equal(table(found, labelled(labels)), [[7_000, 1_000, 2_000]] * 3)
    owner = owners(found, 30_000)
    assert_array_equal(owner[::5], owner[4::5])


def test_single_images_make_up_for_what_bundles_gave_a_part() -> None:
    labels = np.repeat([0, 1], [300, 500])
    ids = [f"{i // 2 if i < 200 else i:016x}#{i}" for i in range(800)]
    for seed in range(5):
        found = split(labelled(labels, ids), valid=0.15, test=0.15, seed=seed)
        assert np.abs(table(found, labelled(labels)) - [[210, 45, 45], [350, 75, 75]]).max() <= 1


def test_groups_that_leave_no_other_way_are_never_torn_and_the_error_says_why() -> None:
    groups = np.array(["left"] * 20 + ["right"] * 20)
    message = (
        "test: expected enough different images to fill valid, got too many in groups or identical, which must stay"
    )
    with pytest.raises(DataError, match=message):
        split(labelled(np.arange(40) % 2, groups=groups), valid=0.2, test=0.2)
    one_class = labelled(np.arange(30) >= 20, groups=np.array(["a"] * 20 + ["b"] * 5 + ["c"] * 5))
    message = "at least 2 classes to train on, got only [01], whose groups, .* training part; remove copies or --group$"
    with pytest.raises(DataError, match=message):
        split(one_class, valid=5, test=5)


def test_three_groups_make_three_parts_whatever_their_sizes() -> None:
    groups = np.array(["a"] * 20 + ["b"] * 30 + ["c"] * 10)
    found = split(labelled(np.arange(60) % 2, groups=groups))
    assert [len(found[part]) for part in PARTS] == [30, 10, 20]
    assert found.method.endswith("groups kept together, so valid has 10, not 9 and test has 20, not 9")


@pytest.mark.parametrize(("n", "size", "test"), [(6, 8, 0.3), (10, 8, 0.15), (12, 5, 0.15), (8, 20, 0.2)])
def test_groups_a_little_too_large_are_taken_before_a_class_goes_untested(n: int, size: int, test: float) -> None:
    groups = np.repeat(np.arange(n), size)
    images = labelled(groups % 2, groups=groups.astype(np.str_))
    for seed in range(10):
        found = split(images, test=test, seed=seed)
        assert_array_equal(np.bincount(images.labels[found.test]), [size, size])
        assert set(images.labels[found.train]) == {0, 1}
        assert not set(groups[found.test]) & set(groups[found.train])


def test_a_class_without_test_images_is_said() -> None:
    images = labelled([0, 1, 2] * 10 + [0, 1] * 5, parts=np.repeat(["train", "test"], [30, 10]))
    assert split(images).method.endswith("; class 2 is not in the test part")


texts = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6), max_size=40)


@given(texts)
def test_numbers_of_texts_are_equal_exactly_where_the_texts_are(found: list[str]) -> None:
    values = np.array(found, dtype=np.str_)
    codes = text_codes(values)
    assert_array_equal(codes[:, None] == codes, values[:, None] == values)


def test_texts_with_equal_hashes_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bonds_module, "_hashes", lambda texts: np.zeros(len(texts), np.uint64))
    assert_array_equal(text_codes(np.array(["b", "a", "b"])), [1, 0, 1])


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(-1, 12)), min_size=1, max_size=30))
def test_what_hangs_together_through_any_chain_is_one_bundle(pairs: list[tuple[int, int]]) -> None:
    a, b = np.array(pairs).T
    found = joined(a, b)
    owner = list(range(len(pairs)))  # an oracle: join until nothing changes
    for _ in pairs:
        for i in range(len(pairs)):
            for j in range(len(pairs)):
                if a[i] == a[j] or b[i] == b[j] >= 0:
                    owner[i] = owner[j] = min(owner[i], owner[j])
    assert_array_equal(found[:, None] == found, np.array(owner)[:, None] == np.array(owner))


@given(st.integers(2, 5), st.integers(2, 6), st.integers(0, 9))
def test_any_number_of_equal_parts_is_exact_and_stratified(p: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, 20 * k)
    ends = np.arange(p + 1) * len(labels) // p
    shape = Shape(tuple(np.diff(ends).tolist()), (p,) * p)
    found = cut(labels, np.arange(len(labels)), shape, rng)
    assert_array_equal(np.bincount(found, minlength=p), np.diff(ends))
    counts = np.stack([np.bincount(labels[found == i], minlength=k) for i in range(p)])
    assert np.ptp(counts, axis=0).max() <= 1


def test_classes_with_too_few_images_are_left_out_and_named() -> None:
    images = labelled([0] * 20 + [1] * 2 + [2] * 20 + [3] + [4] * 3)
    kept, names = without_tiny_classes(images)
    assert names == ("1", "3")
    assert kept.classes == ("0", "2", "4")
    assert_array_equal(kept.labels, [0] * 20 + [-1] * 2 + [1] * 20 + [-1] + [2] * 3)
    assert kept.pixels is images.pixels
    assert without_tiny_classes(kept) == (kept, ())


def test_a_source_with_its_own_test_part_keeps_its_small_classes() -> None:
    images = labelled([0, 1] * 10 + [2] + [0, 1, 2, 3] * 2, parts=np.repeat(["train", "test"], [21, 8]))
    assert without_tiny_classes(images) == (images, ())
    no_test = replace(images, parts=np.where(images.parts == "test", "valid", images.parts))
    assert without_tiny_classes(no_test)[1] == ("2",), "train and test want one each"


@pytest.mark.parametrize(("labels", "strict"), [([0] * 20 + [1] * 2, False), ([0, 1] * 20 + [2], True)])
def test_tiny_classes_are_refused_where_nothing_is_left_or_where_it_is_asked_for(
    labels: list[int], strict: bool
) -> None:
    message = (
        f"test: expected at least 3 images per class, so that train, valid and test can each hold one, "
        f"got {labels.count(labels[-1])} of class {labels[-1]}; add images or leave the class out"
    )
    with pytest.raises(DataError, match=message):
        without_tiny_classes(labelled(labels), strict=strict)
