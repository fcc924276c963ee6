from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from PIL import Image
from scipy import ndimage

from secondlook import read
from secondlook.data.audit import aligned, coarse
from secondlook.data.audit.copies import copies
from secondlook.data.audit.near import Near, near
from secondlook.data.read import from_arrays
from secondlook.seeds import stream
from secondlook.types import ImageSet

Change = Callable[[Any], Any]


@cache
def scenes(n: int, size: int = 32, c: int = 3, seed: int = 0) -> Any:
    """Smooth pictures, each another, with something fine on top."""
    rng = stream(seed, "scenes")
    rough = rng.normal(0, 1, (n, size, size, c))
    fields = [ndimage.gaussian_filter(rough, (0, size / s, size / s, 0), mode="wrap") for s in (5, 10, 20)]
    mixed = sum(field / field.std(axis=(1, 2, 3), keepdims=True) for field in fields)
    return np.clip(mixed * 25 + 128, 0, 255).astype(np.uint8)


def made(pixels: Any, **fields: Any) -> ImageSet:
    return replace(from_arrays(pixels, None, source="made", kind="made"), **fields)


def found(result: Near) -> set[tuple[int, int]]:
    return {(int(i), int(j)) for i, j in result.pairs}


def image(pixels: Any) -> Image.Image:
    return Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0])


def resized(edge: int) -> Change:
    def change(pixels: Any) -> Any:
        h, w = pixels.shape[:2]
        small = image(pixels).resize((edge, edge), Image.Resampling.BICUBIC)
        return np.asarray(small.resize((w, h), Image.Resampling.BILINEAR)).reshape(pixels.shape)

    return change


def encoded(quality: int) -> Change:
    def change(pixels: Any) -> Any:
        stream_ = io.BytesIO()
        image(pixels).save(stream_, "JPEG", quality=quality)
        return np.asarray(Image.open(stream_)).reshape(pixels.shape)

    return change


def shifted(dy: int, dx: int) -> Change:
    def change(pixels: Any) -> Any:
        padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0)), mode="edge")
        return padded[1 + dy : 1 + dy + pixels.shape[0], 1 + dx : 1 + dx + pixels.shape[1]]

    return change


def brighter(pixels: Any) -> Any:
    return np.clip(np.rint(pixels * 1.1), 0, 255).astype(np.uint8)


CHANGES: dict[str, Change] = {
    "resized to three quarters": resized(48),
    "resized to five quarters": resized(80),
    "JPEG of quality 30": encoded(30),
    "JPEG of quality 60": encoded(60),
    "JPEG of quality 90": encoded(90),
    "moved down": shifted(1, 0),
    "moved left": shifted(0, -1),
    "moved both ways": shifted(1, 1),
    "moved and mirrored ways": shifted(-1, 1),
    "brighter": brighter,
}


@pytest.fixture(scope="module")
def photos(real_data: Path) -> ImageSet:
    """Photos of 64 pixels, in the order of a fixed shuffle, without the byte-identical."""
    images = read(real_data / "hotdog/food101_64px", cache=False)
    repeated = np.concatenate([group[1:] for group in copies(images).groups])
    order = np.setdiff1d(np.arange(len(images)), repeated)
    return made(images.pixels[stream(0, "photos").permutation(order)])


def test_copies_are_the_items_of_equal_bytes_the_largest_group_first() -> None:
    pixels = scenes(8)
    order = [3, 0, 1, 0, 2, 3, 0, 4]
    groups = copies(made(pixels[order])).groups
    assert [group.tolist() for group in groups] == [[1, 3, 6], [0, 5]]
    assert all(group.dtype == np.int64 for group in groups)
    assert copies(made(pixels)).groups == ()


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30))
def test_copies_are_those_of_a_dictionary(which: list[int]) -> None:
    pixels = np.arange(7, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 1), np.uint8)
    expected = [[i for i, w in enumerate(which) if w == value] for value in set(which)]
    assert sorted(g.tolist() for g in copies(made(pixels[which])).groups) == sorted(e for e in expected if len(e) > 1)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize(("n", "c"), [(12, 3), (310, 1)])
def test_a_changed_picture_is_a_near_duplicate(change: Change, n: int, c: int) -> None:
    pixels = scenes(n, 64, c)
    images = made(np.concatenate([pixels, [change(p) for p in pixels[:5]]]))
    assert found(near(images)) == {(i, n + i) for i in range(5)}


def test_pairs_come_with_scores_the_most_alike_first_and_join_components() -> None:
    pixels = scenes(40, 64)
    images = made(np.concatenate([pixels, [encoded(30)(pixels[3]), encoded(90)(pixels[7]), pixels[7], pixels[9]]]))
    result = near(images)
    assert found(result) == {(3, 40), (7, 41)}
    assert (result.pairs[:, 0] < result.pairs[:, 1]).all()
    assert 0.97 <= result.scores[1] < result.scores[0] <= 1
    assert result.pairs.dtype == np.int64
    assert result.scores.dtype == np.float64
    alone = result.together[[i for i in range(40) if i not in (3, 7, 9)]]
    assert result.together[3] == result.together[40]
    assert result.together[7] == result.together[41] == result.together[42]
    assert result.together[9] == result.together[43]
    assert len(np.unique(alone)) == len(alone)
    assert len(np.unique(result.together)) == 40


def test_nothing_is_near_in_a_set_of_different_pictures() -> None:
    result = near(made(scenes(500)))
    assert result.pairs.shape == (0, 2)
    assert_array_equal(np.sort(result.together), np.arange(500))


@pytest.mark.parametrize(
    "turn", [np.fliplr, np.flipud, np.rot90, lambda p: 255 - p], ids=["mirror", "flip", "turn", "negative"]
)
def test_mirrored_turned_and_negative_pictures_are_others(turn: Change) -> None:
    pixels = scenes(100)
    assert found(near(made(np.concatenate([pixels, [turn(p) for p in pixels]])))) == set()


def roughened(picture: Any, alike: float) -> Any:
    """The picture with so much of a rough pattern that the two correlate as asked."""
    pattern = np.kron(stream(0, "rough").integers(0, 256, (16, 16, 3)), np.ones((4, 4, 1)))
    weights = np.linspace(0, 1, 400)[:, None, None, None]
    for few in np.array_split(weights, 20):
        mixed = np.rint((1 - few) * picture + few * pattern).astype(np.uint8)
        one, other = (aligned.spanned(p, np.arange(20)) for p in (np.repeat(picture[None], 20, axis=0), mixed))
        if len(less := np.flatnonzero(aligned.likeness(one, other) < alike)):
            return mixed[less[0]]
    raise AssertionError("no weight makes it so little alike")


@pytest.mark.parametrize(("n", "alike", "there"), [(400, 0.975, 1), (400, 0.967, 0), (70, 0.989, 1), (70, 0.981, 0)])
def test_pictures_must_be_as_alike_as_is_said(n: int, alike: float, there: int) -> None:
    pixels = scenes(400, 64)[:n]
    assert len(near(made(np.concatenate([pixels, roughened(pixels[0], alike)[None]]))).pairs) == there


def test_of_more_than_a_few_items_never_all_pairs_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(coarse, "_everyone")
    pixels = scenes(400, 64)
    assert found(near(made(np.concatenate([pixels, [encoded(60)(pixels[0])]])))) == {(0, 400)}


def test_the_same_pixels_from_other_bytes_are_near_with_score_one(tmp_path: Path) -> None:
    pixels = scenes(6, 32)
    for i, p in enumerate(pixels):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        image(p).save(tmp_path / "ab"[i % 2] / f"{i}.png")
    image(pixels[0]).save(tmp_path / "a/8.bmp")
    image(pixels[0]).save(tmp_path / "a/9.bmp")
    image(np.rot90(pixels[1]).copy()).save(tmp_path / "b/9.png", exif=_turned_right())
    images = read(tmp_path, cache=False)
    result = near(images)
    pairs = {frozenset(Path(images.names[i]).name for i in pair) for pair in result.pairs}
    assert pairs == {frozenset({"0.png", "8.bmp"}), frozenset({"1.png", "9.png"})}
    assert_array_equal(result.scores, 1)
    assert len(np.unique(result.together)) == 6


def _turned_right() -> Any:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@pytest.mark.parametrize("size", [(1, 1), (5, 40), (7, 7)])
def test_of_tiny_pictures_only_identical_ones_are_near(size: tuple[int, int]) -> None:
    pixels = stream(0, "tiny").integers(0, 256, (30, *size, 1), dtype=np.uint8)
    pixels[4] = np.clip(pixels[3].astype(int) + 1, 0, 255)
    assert near(made(pixels)).pairs.shape == (0, 2)


def test_blank_pictures_are_near_to_none_but_copies_of_each_other() -> None:
    pixels = np.concatenate(
        [scenes(50), np.full((500, 32, 32, 3), 255, np.uint8), np.full((1, 32, 32, 3), 254, np.uint8)]
    )
    images = made(pixels)
    result = near(images)
    assert result.pairs.shape == (0, 2)
    assert len(np.unique(result.together)) == 52
    assert [len(group) for group in copies(images).groups] == [500]
    # Nor are they where their bytes differ.
    other_bytes = replace(images, ids=np.array([f"{i:016x}" for i in range(551)]))
    assert near(other_bytes).pairs.shape == (0, 2)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_sets_of_next_to_nothing(n: int) -> None:
    pixels = scenes(4)[:n]
    result = near(made(pixels))
    assert result.pairs.shape == (0, 2)
    assert len(result.together) == n


def test_one_picture_in_many_shades_is_no_picture_among_others() -> None:
    pattern = np.zeros((32, 32, 1), int)
    pattern[:, 16:] = 1
    pixels = np.stack([low + step * pattern for low in range(40) for step in range(100, 112)]).astype(np.uint8)
    result = near(made(pixels))
    assert len(np.unique(result.together)) == 480
    assert result.pairs.shape == (0, 2)


def test_two_pictures_are_enough_to_be_near() -> None:
    (picture,) = scenes(1, 64)
    assert found(near(made(np.stack([picture, encoded(60)(picture)])))) == {(0, 1)}


def test_floats_and_bytes_give_the_same_pairs() -> None:
    pixels = scenes(320, 28, 1)
    pixels = np.concatenate([pixels, [encoded(80)(p) for p in pixels[:9]]])
    expected = near(made(pixels))
    result = near(replace(made(pixels), pixels=(pixels / 255).astype(np.float32)))
    assert found(result) == found(expected) == {(i, 320 + i) for i in range(9)}


def test_a_memory_map_and_a_form_that_is_not_square(tmp_path: Path) -> None:
    pixels = np.stack([np.asarray(image(p).resize((90, 40), Image.Resampling.BICUBIC)) for p in scenes(400, 64)[:320]])
    pixels = np.concatenate([pixels, [shifted(0, 1)(p) for p in pixels[:9]]])
    np.save(tmp_path / "x.npy", pixels)
    images = replace(made(pixels), pixels=np.load(tmp_path / "x.npy", mmap_mode="r"))
    assert found(near(images)) == {(i, 320 + i) for i in range(9)}


@given(st.permutations(range(24)))
@settings(max_examples=5, deadline=None)
def test_the_order_of_a_small_set_does_not_matter(order: list[int]) -> None:
    pixels = scenes(20)
    pixels = np.concatenate([pixels, [encoded(90)(p) for p in pixels[:4]]])
    place = np.argsort(order)
    expected = {tuple(sorted((int(place[i]), int(place[20 + i])))) for i in range(4)}
    assert found(near(made(pixels[order]))) == expected


def test_the_frames_of_a_film_hang_together() -> None:
    rng = stream(0, "film")
    pixels = scenes(50, 64)
    frames = [encoded(int(rng.integers(60, 95)))(shifted(*rng.integers(-1, 2, 2))(p)) for p in pixels for _ in range(9)]
    together = near(made(np.stack(frames))).together.reshape(50, 9)
    assert_array_equal(together, np.broadcast_to(together[:, :1], (50, 9)))
    assert len(np.unique(together)) == 50


def test_pictures_that_all_look_alike_by_nature_are_not_near() -> None:
    """Bars of every slope, width and place: each has others nearly like it."""
    rng = stream(0, "bars")
    y, x = np.mgrid[:28, :28] - 13.5
    slope, width, place = rng.uniform(-0.5, 0.5, 1000), rng.uniform(1, 2.5, 1000), rng.uniform(-3, 3, 1000)
    away = np.abs(x + slope[:, None, None] * y - place[:, None, None])
    inside = np.clip(width[:, None, None] + 0.5 - away, 0, 1) * (np.abs(y) < 10)
    pixels = (255 * inside).astype(np.uint8)[..., None]
    assert len(near(made(pixels)).pairs) <= 2
    # Among scenes the very same pairs would be near.
    assert len(near(made(np.concatenate([pixels[:25], scenes(400, 28, 1)]))).pairs) >= 1


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_injected_duplicates_are_found_among_two_thousand_photos(photos: ImageSet, seed: int) -> None:
    rng = stream(seed, "injected")
    chosen = rng.permutation(len(photos))[:2000]
    originals = rng.permutation(2000)[:100]
    pixels = photos.pixels[chosen]
    changes = [*CHANGES.values()]
    near_ones = [changes[at % len(changes)](pixels[i]) for at, i in enumerate(originals[50:])]
    images = made(np.concatenate([pixels, pixels[originals[:50]], near_ones]))
    assert [g.tolist() for g in copies(images).groups] == sorted([i, 2000 + at] for at, i in enumerate(originals[:50]))
    truth = {(int(i), 2050 + at) for at, i in enumerate(originals[50:])}
    pairs = found(near(images))
    assert len(pairs & truth) >= 49
    # Of the photos of the source three pairs are near duplicates to the eye.
    assert len(pairs - truth) <= 3


def test_injected_files_are_found_too(real_data: Path, tmp_path: Path) -> None:
    files = sorted((real_data / "hotdog/food101_64px/train/nohotdog").iterdir())[:800]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    for at, file in enumerate(files):
        (tmp_path / "a" / f"{at}.jpg").write_bytes(file.read_bytes())
    kinds: list[Callable[[Image.Image, Path], None]] = [
        lambda photo, to: photo.resize((48, 48), Image.Resampling.LANCZOS).save(to, quality=90),
        lambda photo, to: photo.resize((80, 80), Image.Resampling.BICUBIC).save(to, quality=90),
        lambda photo, to: photo.save(to, quality=30),
        lambda photo, to: photo.save(to, quality=75),
        lambda photo, to: Image.fromarray(shifted(0, 1)(np.asarray(photo))).save(to, quality=90),
        lambda photo, to: Image.fromarray(brighter(np.asarray(photo))).save(to, quality=90),
    ]
    for at in range(30):
        with Image.open(files[at]) as photo:
            kinds[at % len(kinds)](photo.convert("RGB"), tmp_path / "b" / f"{at}.jpg")
    (tmp_path / "b" / "copy.jpg").write_bytes(files[40].read_bytes())
    images = read(tmp_path, cache=False)
    (group,) = copies(images).groups
    assert [images.names[i] for i in group] == ["a/40.jpg", "b/copy.jpg"]
    pairs = {tuple(sorted(images.names[i] for i in pair)) for pair in near(images).pairs}
    truth = {(f"a/{at}.jpg", f"b/{at}.jpg") for at in range(30)}
    assert len(pairs & truth) >= 29
    assert len(pairs - truth) <= 1


def test_no_pair_that_imagehash_finds_among_all_is_missed(photos: ImageSet) -> None:
    """The oracle compares all pairs by the library's own hash; the pixel check is the same."""
    rng = stream(0, "oracle")
    pixels = photos.pixels[:500]
    changes = [*CHANGES.values()]
    pixels = np.concatenate([pixels, [changes[at % len(changes)](p) for at, p in enumerate(pixels[:60])]])
    pixels = pixels[rng.permutation(len(pixels))]
    hashes = np.stack([imagehash.phash(Image.fromarray(p)).hash.ravel() for p in pixels])
    i, j = np.triu_indices(len(pixels), 1)
    close = (hashes[i] != hashes[j]).sum(axis=1) <= 10
    i, j = i[close], j[close]
    alike = aligned.likeness(aligned.spanned(pixels, i), aligned.spanned(pixels, j)) >= 0.985
    theirs = {(int(a), int(b)) for a, b in zip(i[alike], j[alike], strict=True)}
    assert len(theirs) > 45
    assert theirs <= found(near(made(pixels)))


@pytest.mark.parametrize("source", ["digits", "slash"])
def test_digits_and_noise_have_no_near_duplicates(source: str) -> None:
    assert near(read(source)).pairs.shape == (0, 2)


@pytest.mark.parametrize(
    ("folder", "most"), [("hotdog/phone_224px", 0), ("hotdog/kaggle_28px", 8), ("slash/slash_data.npz", 0)]
)
def test_real_sets_have_few_near_duplicates(real_data: Path, folder: str, most: int) -> None:
    assert len(np.unique(near(read(real_data / folder, cache=False)).pairs)) <= most


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "most"),
    [("mnist", 69), ("fashion_mnist", 140), ("quickdraw/bitmaps_10x4000", 40)],
)
def test_large_clean_sets_have_few_near_duplicates(real_data: Path, folder: str, most: int) -> None:
    images = read(real_data / folder, cache=False)
    assert len(np.unique(near(images).pairs)) <= most
