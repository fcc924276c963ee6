"""Which variations leave the labels alone: the rule on made answers, and the whole decision on small sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from secondlook import seeds
from secondlook.data.augment import parse
from secondlook.data.slash import make_slash
from secondlook.models import label_safety, safety_reader
from secondlook.models.label_safety import FEWEST, TOLERANCE, SafetyTask, decide, judged
from secondlook.models.safety_candidates import CANDIDATES, together, weaker
from secondlook.models.safety_reader import SomeImages, reduced
from secondlook.types import LabelSafety, Moved

ABC = ("a", "b", "c")
Images = np.ndarray


def answers(*counts: tuple[int, int, int, int]) -> tuple[Any, Any, Any]:
    """Labels, answers before and after from (label, before, after, how many)."""
    table = np.repeat([c[:3] for c in counts], [c[3] for c in counts], axis=0)
    return table[:, 0], table[:, 1], table[:, 2]


def bars(n: int, seed: int = 0) -> tuple[Images, Any]:
    """Grey images with a bright bar in the left half (0) or the right half (1): mirroring changes the class."""
    rng = seeds.stream(seed, "bars")
    y = (np.arange(n) % 2).astype(np.int64)
    x = rng.integers(0, 60, (n, 16, 16, 1), dtype=np.uint8)
    x[np.arange(n), :, 3 + 9 * y] += 150
    x[np.arange(n), :, 4 + 9 * y] += 150
    x[:, :, 8] = 100 * (np.arange(16) % 2)[:, None]  # something that says where the middle is
    return x, y


def task(folder: Path, train: tuple[Images, Any], valid: tuple[Images, Any], classes: tuple[str, ...]) -> SafetyTask:
    for name, (x, _) in {"train": train, "valid": valid}.items():
        np.save(folder / f"{name}.npy", x)
    paths: Any = {name: folder / f"{name}.npy" for name in ("train", "valid")}
    return SafetyTask(paths, train[1], valid[1], classes, 0)


def quiet(kind: str, data: dict[str, Any]) -> None:
    pass


def test_answers_that_all_stay_cost_nothing_and_are_kept() -> None:
    trial = judged("flip", *answers((0, 0, 0, 40), (1, 1, 1, 50), (2, 2, 2, 60)), ABC)
    assert (trial.verdict, trial.loss, trial.moved) == ("kept", 0, ())
    assert trial.high < TOLERANCE


def test_a_class_that_becomes_another_is_refused_and_named() -> None:
    trial = judged("flip", *answers((0, 0, 0, 400), (1, 1, 2, 90), (1, 1, 1, 10), (2, 2, 2, 500)), ABC)
    assert trial.verdict == "refused"
    assert (trial.of, trial.n) == ("b", 100)
    assert trial.moved[0] == Moved("b", 100, 90, "c", 90)
    assert trial.loss == pytest.approx(0.9)  # all of it among its own images: nobody else is taken for b


def test_two_classes_that_change_places_lose_all_they_had_twice() -> None:
    trial = judged("flip", *answers((0, 0, 1, 60), (1, 1, 0, 60)), ("\\", "/"))
    assert (trial.verdict, trial.loss) == ("refused", 2)
    assert trial.moved == (Moved("/", 60, 60, "\\", 60), Moved("\\", 60, 60, "/", 60))


def test_a_border_that_moves_is_no_loss() -> None:
    # 40 more images of each class are answered "a": what b loses, a gains.
    counts = [(0, 0, 0, 300), (0, 1, 1, 60), (0, 1, 0, 40), (1, 1, 1, 300), (1, 0, 0, 60), (1, 1, 0, 40)]
    trial = judged("noise=0.1", *answers(*counts), ("a", "b"))
    assert trial.loss == pytest.approx(0)
    assert trial.verdict == "kept"


def test_few_images_leave_it_undecided() -> None:
    trial = judged("flip", *answers((0, 0, 0, 14), (0, 0, 1, 1), (1, 1, 1, 200)), ("a", "b"))
    assert trial.verdict == "undecided"
    assert trial.loss < TOLERANCE <= trial.high
    assert (trial.of, trial.n) == ("a", 15)


def test_with_the_fewest_images_a_flawless_variation_just_passes() -> None:
    for n, verdict in ((FEWEST, "kept"), (FEWEST - 1, "undecided")):
        counts = [(0, 0, 0, n), (1, 1, 1, 100_000)]
        assert judged("flip", *answers(*counts), ("a", "b")).verdict == verdict


@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3, st.integers(1, 40)), min_size=3, max_size=12))
def test_the_loss_is_the_fall_of_youdens_index_and_never_above_its_bound(counts: Any) -> None:
    y, before, after = answers((0, 0, 0, 30), (1, 1, 1, 30), (2, 2, 2, 30), *counts)
    trial = judged("flip", y, before, after, ABC)
    falls = [
        np.mean(before[y == c] == c)
        - np.mean(before[y != c] == c)
        - np.mean(after[y == c] == c)
        + np.mean(after[y != c] == c)
        for c in range(3)
    ]
    assert any(trial.loss == pytest.approx(fall, abs=1e-12) for fall in falls)
    assert trial.high >= max(falls) - 1e-12
    if trial.verdict == "refused":
        assert trial.loss == pytest.approx(max(falls), abs=1e-12)


def test_the_bound_adds_up_wilsons_distances() -> None:
    trial = judged("flip", *answers((0, 0, 0, 70), (0, 0, 1, 6), (0, 1, 0, 4), (1, 1, 1, 95), (1, 1, 0, 5)), ("a", "b"))
    ends = {hits: proportion_confint(hits, n, method="wilson") for hits, n in ((6, 80), (4, 80), (5, 100), (0, 100))}
    reach = np.sqrt(
        (ends[6][1] - 6 / 80) ** 2 + (4 / 80 - ends[4][0]) ** 2 + (ends[5][1] - 5 / 100) ** 2 + (0 - ends[0][0]) ** 2
    )
    assert trial.loss == pytest.approx(2 / 80 + 5 / 100)
    assert trial.high == pytest.approx(2 / 80 + 5 / 100 + reach)


@pytest.mark.parametrize("n", [40, 100])
def test_a_variation_that_costs_a_class_the_tolerance_is_seldom_kept(n: int) -> None:
    rng, kept = seeds.stream(0, "simulated", n), 0
    for _ in range(600):
        # Of the class 15 % are lost and 5 % won back; among the others nothing changes.
        gone, come, stay = rng.multinomial(n, [0.15, 0.05, 0.8])
        counts = [(0, 0, 1, gone), (0, 1, 0, come), (0, 0, 0, stay), (1, 1, 1, 2_000)]
        kept += judged("flip", *answers(*counts), ("a", "b")).verdict == "kept"
    assert kept <= 600 * 0.04  # 2.5 % are expected


def test_all_kept_ones_make_one_spec_and_step_back_from_the_furthest() -> None:
    kept: Any = {"flip": [(1, 0.02)], "shift": [(1.0, 0.03), (2.0, 0.05)], "rotate": [(5, 0.03), (10, 0.06)]}
    assert str(together(kept)) == "shift=2,rotate=10,flip"
    seen = []
    while len(kept):
        kept = weaker(kept)
        seen.append(str(together(kept)))
    assert seen == ["shift=2,rotate=5,flip", "shift=1,rotate=5,flip", "shift=1,flip", "flip", ""] or seen == [
        "shift=2,rotate=5,flip", "shift=1,rotate=5,flip", "rotate=5,flip", "flip", "",
    ]  # fmt: skip


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda c: c.name)
def test_every_candidate_is_a_spec_at_every_strength_and_changes_images(candidate: Any) -> None:
    x, _ = bars(8)
    ways, rng = np.array([[1, -1], [-1, 1]] * 4), seeds.stream(0, "x")
    for strength in candidate.strengths(28):
        text = candidate.text(strength)
        assert str(parse(text)) == text
        changed = candidate.change(x, strength, ways, rng)
        assert changed.shape == x.shape
        assert (changed != x).any()


def test_the_reader_sees_large_images_as_means_of_blocks() -> None:
    x = seeds.stream(0, "x").integers(0, 256, (3, 100, 130, 3), dtype=np.uint8)
    small = reduced(x)
    assert small.shape == (3, 33, 43, 3)
    assert small[1, 2, 4, 0] == round(x[1, 6:9, 12:15, 0].mean())
    assert reduced(x[:, :48, :48]) is not None
    assert reduced(x[:, :48, :48]).shape == (3, 48, 48, 3)
    assert reduced(x.astype(np.float32) / 255).dtype == np.float32


def test_images_of_both_parts_come_in_the_order_asked_for_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    train, valid = bars(10, 0)[0], bars(6, 1)[0]
    places = np.array([12, 3, 15, 0, 9, 10, 1])
    whole = np.concatenate([train, valid])[places]
    for numbers in (10**9, 2 * 256):
        monkeypatch.setattr(safety_reader, "_BLOCK_NUMBERS", numbers)
        some = SomeImages([train, valid], places)
        assert (some.seen(lambda images, block: images) == whole).all()
        assert (
            some.seen(lambda images, block: images * 0 + places[block][:, None, None, None].astype(np.uint8))[
                :, 0, 0, 0
            ]
            == places
        ).all()


def test_too_few_images_of_a_class_decide_nothing(tmp_path: Path) -> None:
    train, valid = bars(60), bars(20, 1)
    keep = np.flatnonzero((train[1] == 0) | (np.arange(60) < 6))
    found = decide(task(tmp_path, (train[0][keep], train[1][keep]), valid, ("left", "right")), quiet)
    assert found.augment == ""
    assert found.problem == (
        "the training and validation parts have 13 images of 'right', and 35 of every class are needed to tell"
    )


def test_of_each_class_at_most_so_many_are_taken_and_none_twice() -> None:
    y = np.repeat([2, 0, 1], [50, 7, 300])
    found = label_safety._at_most(y, 30, 0, "read")
    assert np.bincount(y[found]).tolist() == [7, 30, 30]
    assert (np.diff(found) > 0).all()
    assert (found != label_safety._at_most(y, 30, 1, "read")).any()


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that takes few steps, which is enough for bars."""
    monkeypatch.setattr(safety_reader, "STEPS", 40)
    monkeypatch.setattr(label_safety, "CANDIDATES", [c for c in CANDIDATES if c.name in ("flip", "vflip", "noise")])


@pytest.mark.usefixtures("brisk")
def test_a_mirror_that_changes_the_class_is_refused_and_one_that_does_not_is_kept(tmp_path: Path) -> None:
    told: list[tuple[str, dict[str, Any]]] = []
    this = task(tmp_path, bars(200), bars(120, 1), ("left", "right"))
    found = decide(this, lambda kind, data: told.append((kind, data)))
    assert found.problem == ""
    spec = parse(found.augment)
    assert (spec.flip, spec.vflip) == (False, True)
    flip = found.trials[0]
    assert (flip.augment, flip.verdict) == ("flip", "refused")
    assert {(m.given, m.taken) for m in flip.moved} == {("left", "right"), ("right", "left")}
    assert min(found.known.values()) > 0.9 if found.known else False
    assert (found.fits, found.folds, found.judged) == (3, 1, 120)
    assert told[0] == ("reader", {"fit": 1, "fits": 1})
    assert ("trial", {"augment": "flip", "verdict": "refused"}) in told
    assert decide(this, quiet) == found  # the same seed
    assert LabelSafety.from_json(found.json()) == found
    assert found.frame()["augment"].tolist() == [trial.augment for trial in found.trials]


@pytest.mark.usefixtures("brisk")
def test_a_small_validation_part_is_made_up_for_by_folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = decide(task(tmp_path, bars(120), bars(30, 1), ("left", "right")), quiet)
    assert (found.fits, found.folds, found.judged) == (3, 3, 150)
    assert not parse(found.augment).flip
    monkeypatch.setattr(label_safety, "MOST_OF_A_CLASS", 60)
    few = decide(task(tmp_path, bars(120), bars(30, 1), ("left", "right")), quiet)
    assert (few.fits, few.judged) == (3, 120)


@pytest.mark.usefixtures("brisk")
def test_classes_that_nothing_tells_apart_decide_nothing(tmp_path: Path) -> None:
    (x, _), (v, _) = bars(200), bars(120, 1)
    guess = seeds.stream(0, "guess").integers(0, 2, 320)
    found = decide(task(tmp_path, (x, guess[:200]), (v, guess[200:]), ("left", "right")), quiet)
    assert found.augment == ""
    assert "well enough to see it lose anything" in found.problem
    assert "and 20 are needed" in found.problem


@pytest.mark.slow
def test_slashes_keep_shifts_and_refuse_mirrors_and_large_turns(tmp_path: Path) -> None:
    images = make_slash(1000, seed=3)
    x, y = images.pixels, images.labels
    found = decide(task(tmp_path, (x[:800], y[:800]), (x[800:], y[800:]), images.classes), quiet)
    spec = parse(found.augment)
    assert spec.shift >= 1
    assert not spec.flip
    assert not spec.vflip
    assert spec.rotate <= 30
