from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from PIL import Image

from secondlook import read
from secondlook.data.read import photos, require_labels
from secondlook.errors import DataError
from secondlook.types import Fault, ImageSet

Photo = Callable[..., Path]
RED, BLUE = (255, 0, 0), (0, 0, 255)


def faults(images: ImageSet) -> list[tuple[str, str]]:
    return [(fault.name, fault.kind) for fault in images.faults]


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(1, 4), st.just(5), st.just(7), st.sampled_from([1, 3]))),
    st.sampled_from(["png", "bmp", "tiff", "webp", "gif"]),
)
def test_lossless_images_are_read_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, x: np.ndarray, kind: str
) -> None:
    if x.shape[3] == 3 and kind == "gif":
        x = x[..., :1]
    root = tmp_path_factory.mktemp("photos")
    for i, pixels in enumerate(x):
        folder = root / f"class {i % 2}"
        folder.mkdir(exist_ok=True)
        options = {"lossless": True, "exact": True} if kind == "webp" else {}
        Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels).save(folder / f"{i}.{kind}", **options)
    images = read(root)
    order = [*range(0, len(x), 2), *range(1, len(x), 2)]
    assert images.shape[:2] == (5, 7)
    assert_array_equal(images.pixels, np.broadcast_to(x[order], images.pixels.shape))
    assert images.labels.tolist() == [i % 2 for i in order]


def test_a_folder_of_photos_is_read_by_class_in_natural_order(photo: Photo, tmp_path: Path) -> None:
    for name in ("10", "2", "a"):
        photo(f"{name}/1.png", RED)
    images = read(tmp_path / "photos")
    assert images.classes == ("2", "10", "a")
    assert images.names == ["2/1.png", "10/1.png", "a/1.png"]
    assert images.parts is None
    assert images.format == "a folder per class: 3 images of 8x8, RGB, 3 classes"


@pytest.mark.parametrize("valid", ["val", "valid", "Validation"])
def test_its_own_parts_are_kept_and_a_class_missing_in_one_shifts_nothing(
    photo: Photo, tmp_path: Path, valid: str
) -> None:
    for name in ("Train/a/1.png", "Train/b/1.png", "Train/c/1.png", f"{valid}/c/1.png", "TEST/b/1.png", "TEST/c/1.png"):
        photo(name, RED)
    (tmp_path / "photos/TEST/a").mkdir()
    images = read(tmp_path / "photos")
    assert images.parts is not None
    found = {(part, images.classes[k]) for part, k in zip(images.parts, images.labels, strict=True)}
    assert found == {("train", "a"), ("train", "b"), ("train", "c"), ("valid", "c"), ("test", "b"), ("test", "c")}
    assert "with its own train, valid, test" in images.format
    assert "no images in TEST/a" in images.format


def test_a_class_that_is_called_train_is_a_class(photo: Photo, tmp_path: Path) -> None:
    photo("train/1.png")
    photo("bus/1.png")
    assert read(tmp_path / "photos").classes == ("bus", "train")


def test_one_part_alone_is_no_split(photo: Photo, tmp_path: Path) -> None:
    photo("test/a/1.png")
    photo("test/b/1.png")
    images = read(tmp_path / "photos")
    assert images.parts is None
    assert images.classes == ("a", "b")


def test_images_outside_class_folders_are_left_out_and_counted(photo: Photo, tmp_path: Path) -> None:
    photo("train/a/1.png")
    photo("train/b/1.png")
    photo("test/1.png")
    photo("extra/c/1.png")
    images = read(tmp_path / "photos")
    assert images.names == ["train/a/1.png", "train/b/1.png"]
    reason = "outside the class folders"
    assert images.faults == (
        Fault("extra/c/1.png", "unlabelled", reason),
        Fault("test/1.png", "unlabelled", reason),
    )


def test_phone_photos_are_turned_upright(photo: Photo, tmp_path: Path) -> None:
    lying = np.zeros((4, 6, 3), np.uint8)
    lying[0, 0] = 255
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        photo(f"a/{orientation}.png", lying, exif=exif)
    images = read(tmp_path / "photos", size=6)
    corners = {1: (0, 0), 2: (0, 5), 3: (5, 5), 4: (5, 0), 5: (0, 0), 6: (0, 5), 7: (5, 5), 8: (5, 0)}
    for image, corner in zip(images.pixels[..., 0], corners.values(), strict=True):
        assert np.unravel_index(image.argmax(), image.shape) == corner
    sideways = [tmp_path / f"photos/a/{orientation}.png" for orientation in (1, 2, 3, 4)]
    for file in sideways:
        file.unlink()
    assert read(tmp_path / "photos").shape == (6, 4, 3)


def test_grey_stays_grey_only_when_all_are(photo: Photo, tmp_path: Path) -> None:
    photo("a/1.png", 90, mode="L")
    photo("a/2.gif", np.full((8, 8), 90, np.uint8))
    photo("b/1.jpg", 90, mode="L")
    assert read(tmp_path / "photos").shape == (8, 8, 1)
    photo("b/2.png", RED)
    images = read(tmp_path / "photos")
    assert images.shape == (8, 8, 3)
    assert_array_equal(images.pixels[0], 90)


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),
        ("LA", (0, 51), (204, 204, 204)),
        ("1", 1, (255, 255, 255)),
        ("I;16", 65535, (255, 255, 255)),
        ("I;16", 257 * 100, (100, 100, 100)),
    ],
)
def test_every_colour_mode_is_converted_sensibly(
    photo: Photo, tmp_path: Path, mode: str, colour: object, expected: tuple[int, ...]
) -> None:
    photo("a/1.png", colour, mode=mode)
    photo("b/1.png", BLUE)
    pixels = read(tmp_path / "photos").pixels
    assert_array_equal(pixels[0], np.broadcast_to(expected, (8, 8, 3)))
    assert_array_equal(pixels[1], np.broadcast_to(BLUE, (8, 8, 3)))


def test_palettes_with_a_transparent_colour_are_laid_on_white(photo: Photo, tmp_path: Path) -> None:
    image = Image.new("P", (8, 8), 1)
    image.putpalette([9, 9, 9, 255, 0, 0])
    (tmp_path / "photos/a").mkdir(parents=True)
    image.putpixel((0, 0), 0)
    image.save(tmp_path / "photos/a/1.png", transparency=0)
    pixels = read(tmp_path / "photos").pixels
    assert pixels[0, 0, 0].tolist() == [255, 255, 255]
    assert pixels[0, 1, 1].tolist() == [255, 0, 0]


def test_tiffs_of_cmyk_and_of_32_bits_are_read(photo: Photo, tmp_path: Path) -> None:
    photo("a/1.tiff", (0, 255, 255, 0), mode="CMYK")
    photo("a/2.tiff", np.full((8, 8), 0, np.int32))
    photo("a/3.tiff", np.full((8, 8), 4e5, np.float32))
    photo("a/4.tiff", np.full((8, 8), 1e6, np.float32))
    photo("a/5.tiff", np.full((8, 8), 6e5, np.int32))
    pixels = read(tmp_path / "photos").pixels[:, 0, 0]
    assert pixels.tolist() == [[255, 0, 0], [0] * 3, [102] * 3, [255] * 3, [153] * 3]


def test_a_uniform_size_is_kept_and_others_become_64(photo: Photo, tmp_path: Path) -> None:
    photo("a/1.png", RED, (30, 20))
    photo("b/1.png", BLUE, (30, 20))
    assert read(tmp_path / "photos").shape == (20, 30, 3)
    assert "resized" not in read(tmp_path / "photos").format
    assert read(tmp_path / "photos", size=10).shape == (10, 10, 3)
    photo("b/2.png", BLUE, (31, 20))
    images = read(tmp_path / "photos")
    assert images.shape == (64, 64, 3)
    assert "resized to 64x64" in images.format
    assert_array_equal(images.ids, read(tmp_path / "photos", size=5).ids)


def test_a_large_photo_is_shrunk_by_the_mean_of_the_area(photo: Photo, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    smooth = np.asarray(Image.fromarray(rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)).resize((512, 512)))
    photo("a/1.jpg", smooth, quality=98, subsampling=0)
    photo("a/2.png", smooth)
    jpeg, png = read(tmp_path / "photos", size=32).pixels.astype(int)
    np.testing.assert_allclose(png, smooth.reshape(32, 16, 32, 16, 3).mean(axis=(1, 3)), atol=1)
    assert np.abs(jpeg - png).max() <= 6


def test_broken_images_and_other_files_are_counted_and_named(photo: Photo, tmp_path: Path) -> None:
    file = photo("a/1.png", np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8))
    photo("b/1.png", BLUE)
    (tmp_path / "photos/a/cut.png").write_bytes(file.read_bytes()[:2000])
    file.unlink()
    photo("a/2.png", RED)
    (tmp_path / "photos/a/empty.jpg").write_bytes(b"")
    (tmp_path / "photos/a/text.jpg").write_text("hello")
    (tmp_path / "photos/a/notes.txt").write_text("hello")
    (tmp_path / "photos/a/.DS_Store").write_text("hello")
    photo(".cache/1.png")
    photo("__MACOSX/a/1.png")
    images = read(tmp_path / "photos")
    assert images.names == ["a/2.png", "b/1.png"]
    assert images.shape == (8, 8, 3)
    assert images.pixels[:, 0, 0].tolist() == [[*RED], [*BLUE]]
    assert images.faults == (
        Fault(".cache", "ignored", "hidden"),
        Fault("__MACOSX", "ignored", "hidden"),
        Fault("a/.DS_Store", "ignored", "hidden"),
        Fault("a/cut.png", "broken", "image file is truncated"),
        Fault("a/empty.jpg", "broken", "empty file"),
        Fault("a/notes.txt", "ignored", "not an image inside"),
        Fault("a/text.jpg", "broken", "not an image inside"),
    )
    assert images.format == "a folder per class: 2 images of 8x8, RGB, 2 classes"


@pytest.mark.parametrize("cache", [True, False])
def test_what_is_left_out_leaves_no_gap(photo: Photo, tmp_path: Path, cache: bool) -> None:
    shots = np.random.default_rng(0).integers(0, 256, (9, 20, 20, 3), dtype=np.uint8)
    files = [photo(f"a/{i}.png", shot) for i, shot in enumerate(shots)]
    for i in (0, 4, 5):
        files[i].write_bytes(files[i].read_bytes()[:900])
    images = read(tmp_path / "photos", cache=cache)
    assert_array_equal(images.pixels, shots[[1, 2, 3, 6, 7, 8]])
    assert [name for name, _ in faults(images)] == ["a/0.png", "a/4.png", "a/5.png"]


def test_an_image_is_known_by_its_content(photo: Photo, tmp_path: Path) -> None:
    file = photo("a/1.png", RED)
    file.rename(file.with_name("without extension"))
    photo("b/1.png", BLUE).rename(tmp_path / "photos/b/1.jpg")
    assert read(tmp_path / "photos").names == ["a/without extension", "b/1.jpg"]


def test_links_that_leave_the_folder_are_not_followed(photo: Photo, tmp_path: Path) -> None:
    photo("a/1.png", RED)
    photo("b/1.png", BLUE)
    outside = tmp_path / "outside"
    (tmp_path / "photos/b").rename(outside)
    root = tmp_path / "photos"
    (root / "b").symlink_to(outside)
    (root / "a/2.png").symlink_to(outside / "1.png")
    (root / "c").symlink_to(root / "a")
    (root / "a/loop").symlink_to(root)
    images = read(root)
    assert images.names == ["a/1.png", "c/1.png"]
    assert images.ids[1] == f"{images.ids[0]}#2"
    assert faults(images) == [
        ("a/2.png", "unsafe"),
        ("a/loop", "ignored"),
        ("b", "unsafe"),
        ("c/2.png", "unsafe"),
        ("c/loop", "ignored"),
    ]
    link = tmp_path / "link"
    link.symlink_to(root)
    assert read(link).names == images.names


def test_links_to_nothing_and_links_in_circles_are_faults(photo: Photo, tmp_path: Path) -> None:
    photo("a/1.png", RED)
    root = tmp_path / "photos"
    (root / "a/gone.png").symlink_to(root / "a/0.png")
    (root / "a/itself.png").symlink_to(root / "a/itself.png")
    (root / "b").symlink_to(root / "c")
    (root / "c").symlink_to(root / "b")
    images = read(root)
    assert images.names == ["a/1.png"]
    assert faults(images) == [(name, "missing") for name in ("a/gone.png", "a/itself.png", "b", "c")]


def test_folders_that_link_to_one_another_are_read_but_not_for_ever(photo: Photo, tmp_path: Path) -> None:
    names = "abcdef"
    for name in names:
        photo(f"{name}/1.png", RED)
    root = tmp_path / "photos"
    for name in names:
        for other in set(names) - {name}:
            (root / name / f"to {other}").symlink_to(root / other)
    images = read(root)
    assert len(images) == 6 * (1 + 5 + 5 * 4)
    assert {fault.reason for fault in images.faults} == {
        "a link to a folder that it lies in",
        "a link inside linked folders, not followed",
    }


def test_what_is_neither_file_nor_folder_is_not_opened(photo: Photo, tmp_path: Path) -> None:
    photo("a/1.png", RED)
    os.mkfifo(tmp_path / "photos/a/pipe.jpg")
    os.mkfifo(tmp_path / "photos/a/pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "photos/a/socket.png"))
        images = read(tmp_path / "photos")
    assert images.names == ["a/1.png"]
    assert faults(images) == [("a/pipe", "ignored"), ("a/pipe.jpg", "broken"), ("a/socket.png", "broken")]


def test_a_folder_called_like_an_image_is_a_folder(photo: Photo, tmp_path: Path) -> None:
    photo("a/x.jpg/1.png", RED)
    photo("b.jpg/1.png", RED)
    (tmp_path / "photos/a/y.jpg").mkdir()
    images = read(tmp_path / "photos")
    assert images.classes == ("a", "b.jpg")
    assert images.faults == ()


def test_what_may_not_be_read_is_a_fault(photo: Photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    denied = [photo("a/1.png", RED), photo("closed/1.png", RED).parent]
    photo("b/1.png", BLUE)
    for path in denied:
        path.chmod(0)
    if os.geteuid() == 0:  # root may do everything
        opened, listed = photos.read_file, os.scandir

        def open_or_not(file: Path) -> bytes:
            if file in denied:
                raise PermissionError(13, "Permission denied", str(file))
            return opened(file)

        def list_or_not(folder: str) -> object:
            if Path(folder) in denied:
                raise PermissionError(13, "Permission denied", str(folder))
            return listed(folder)

        monkeypatch.setattr(photos, "read_file", open_or_not)
        monkeypatch.setattr("secondlook.data.read.walk.os.scandir", list_or_not)
    try:
        images = read(tmp_path / "photos")
    finally:
        for path in denied:
            path.chmod(0o755)
    assert images.names == ["b/1.png"]
    assert images.faults == (
        Fault("a/1.png", "permission", "no permission to read it"),
        Fault("closed", "permission", "no permission to open the folder"),
    )


def test_a_folder_that_vanishes_or_fails_is_a_fault(
    photo: Photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo("a/1.png", RED)
    photo("b/1.png", BLUE)
    listed = os.scandir

    def fails(folder: str) -> object:
        if str(folder).endswith("/b"):
            raise OSError(5, "Input/output error")
        return listed(folder)

    monkeypatch.setattr("secondlook.data.read.walk.os.scandir", fails)
    images = read(tmp_path / "photos", cache=False)
    assert images.names == ["a/1.png"]
    assert images.faults == (Fault("b", "broken", "Input/output error"),)


def test_a_file_that_vanishes_before_it_is_decoded_is_missing(
    photo: Photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = photo("a/1.png", RED)
    photo("b/1.png", BLUE)
    opened = photos.read_file

    def read_file(file: Path) -> bytes:
        gone.unlink(missing_ok=True)
        return opened(file)

    monkeypatch.setattr(photos, "read_file", read_file)
    images = read(tmp_path / "photos")
    assert images.names == ["b/1.png"]
    assert images.faults == (Fault("a/1.png", "missing", "there is no such file"),)


@pytest.mark.parametrize("wrong", ["size", "colour"])
def test_a_guess_from_some_photos_is_corrected_by_the_others(photo: Photo, tmp_path: Path, wrong: str) -> None:
    for i in range(40):
        photo(f"a/{i}.png", i, mode="L")
    photo("a/39.png", *((9, (9, 8), "L") if wrong == "size" else (RED, (8, 8), "RGB")))
    images = read(tmp_path / "photos")
    assert images.shape == ((64, 64, 1) if wrong == "size" else (8, 8, 3))
    assert images.pixels[:39, 0, 0, 0].tolist() == list(range(39))
    # What is broken has no say, whatever its header claims.
    file = tmp_path / "photos/a/39.png"
    noise = np.random.default_rng(0).integers(0, 256, (90, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file)
    file.write_bytes(file.read_bytes()[:3000])
    images = read(tmp_path / "photos")
    assert images.shape == (8, 8, 1)
    assert faults(images) == [("a/39.png", "broken")]
    assert images.pixels[:, 0, 0, 0].tolist() == list(range(39))


def test_a_uniform_size_beyond_256_pixels_is_not_kept_unless_asked_for(photo: Photo, tmp_path: Path) -> None:
    photo("a/1.png", RED, (257, 20))
    photo("b/1.png", RED, (257, 20))
    assert read(tmp_path / "photos").shape == (64, 64, 3)
    assert read(tmp_path / "photos", size=257).shape == (257, 257, 3)


def test_a_lot_of_room_is_not_taken_on_a_guess(photo: Photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secondlook.data.read.decoding._GUESSED_BYTES", 100)
    for i in range(20):
        photo(f"a/{i}.png", RED, (8, 8) if i < 19 else (9, 9))
    assert read(tmp_path / "photos").shape == (64, 64, 3)


@pytest.mark.parametrize(("how", "words"), [("pad", "padded with black"), ("crop", "the middle of each")])
def test_the_way_to_resize_is_applied_and_said(photo: Photo, tmp_path: Path, how: str, words: str) -> None:
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 200
    photo("a/1.png", wide)
    images = read(tmp_path / "photos", size=30, resize=how)  # type: ignore[arg-type]
    assert words in images.format
    by_hand = np.zeros((30, 30), np.uint8)
    by_hand[10:20, 10:20] = 200
    assert_array_equal(images.pixels[0, :, :, 0], by_hand if how == "pad" else 200)


def test_what_files_were_is_known(photo: Photo, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo("a/1.jpg", RED, (40, 20), exif=exif)
    photo("a/2.png", (9, 9, 9, 100), (10, 10), mode="RGBA")
    frames = [Image.new("RGB", (8, 8), RED), Image.new("RGB", (8, 8), BLUE)]
    photo("b/3.gif", 0, save_all=True, append_images=frames)
    origins = read(tmp_path / "photos").origins
    assert origins is not None
    assert origins.formats.tolist() == ["JPEG", "PNG", "GIF"]
    assert origins.modes.tolist()[:2] == ["RGB", "RGBA"]
    assert origins.bytes.tolist()[0] == (tmp_path / "photos/a/1.jpg").stat().st_size
    assert origins.widths.tolist()[:2] == [20, 10]
    assert origins.heights.tolist()[:2] == [40, 10]
    assert origins.grey.tolist()[:2] == [False, True]
    assert origins.turned.tolist() == [True, False, False]
    assert origins.transparent.tolist() == [False, True, False]
    assert origins.frames.tolist() == [1, 1, 3]


def test_identical_files_are_numbered(photo: Photo, tmp_path: Path) -> None:
    file = photo("a/1.png", RED)
    (tmp_path / "photos/b").mkdir()
    (tmp_path / "photos/b/9.png").write_bytes(file.read_bytes())
    first, second = read(tmp_path / "photos").ids
    assert second == f"{first}#2"


def test_images_deeper_inside_a_class_belong_to_it(photo: Photo, tmp_path: Path) -> None:
    photo("a/x/y/1.png")
    photo("b/1.png")
    assert read(tmp_path / "photos").classes == ("a", "b")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"expected one folder per class with images in it, .* got an empty folder"):
        read(tmp_path)


def test_images_without_class_folders_have_no_labels_and_cannot_be_compared(photo: Photo, tmp_path: Path) -> None:
    for i in range(12):
        photo(f"{i}.png")
    (tmp_path / "photos/readme.txt").write_text("hello")
    images = read(tmp_path / "photos")
    assert images.format == "a folder of images: 12 images of 8x8, RGB, no labels"
    assert images.classes == ()
    assert set(images.labels.tolist()) == {-1}
    assert images.names[-1] == "11.png"
    assert faults(images) == [("readme.txt", "ignored")]
    with pytest.raises(DataError, match=r"has no labels: expected .* a folder per class"):
        require_labels(images)


@pytest.mark.parametrize("folders", [("train", "test"), ("test",), ("Training", "val")])
def test_parts_without_classes_are_no_classes(photo: Photo, tmp_path: Path, folders: tuple[str, ...]) -> None:
    for folder in folders:
        photo(f"{folder}/1.png")
    images = read(tmp_path / "photos")
    assert images.classes == ()
    assert (images.parts is None) == (len(folders) == 1)


@pytest.mark.parametrize("above", ["dataset", "my archive/dataset"])
def test_a_folder_around_everything_is_looked_through(photo: Photo, tmp_path: Path, above: str) -> None:
    for name in ("train/cats/1.png", "train/dogs/1.png", "test/cats/1.png", "test/dogs/1.png"):
        photo(f"{above}/{name}")
    images = read(tmp_path / "photos")
    assert images.classes == ("cats", "dogs")
    assert images.parts is not None
    assert images.parts.tolist() == ["test", "test", "train", "train"]
    assert images.names[0] == f"{above}/test/cats/1.png"
    (tmp_path / f"photos/{above}/train/birds").mkdir()
    assert f"no images in {above}/train/birds" in read(tmp_path / "photos").format


def test_a_folder_around_classes_alone_is_looked_through(photo: Photo, tmp_path: Path) -> None:
    photo("dataset/cats/1.png")
    photo("dataset/dogs/more/1.png")
    images = read(tmp_path / "photos")
    assert images.classes == ("cats", "dogs")
    assert images.parts is None


def test_a_single_class_is_not_looked_through(photo: Photo, tmp_path: Path) -> None:
    photo("cats/1.png")
    photo("cats/siamese/2.png")
    assert read(tmp_path / "photos").classes == ("cats",)
    photo("more/deep/3.png").rename(tmp_path / "photos/cats/siamese/3.png")
    (tmp_path / "photos/cats/1.png").unlink()
    assert read(tmp_path / "photos").classes == ("cats",)


def test_parts_may_be_called_training_set_and_test_set(photo: Photo, tmp_path: Path) -> None:
    for name in ("training_set/a/1.png", "training_set/b/1.png", "test_set/b/1.png"):
        photo(name)
    images = read(tmp_path / "photos")
    assert images.classes == ("a", "b")
    assert images.parts is not None
    assert images.parts.tolist() == ["test", "train", "train"]
    photo("other/c/1.png")
    assert read(tmp_path / "photos").classes == ("other", "test_set", "training_set")


def test_classes_keep_the_order_of_their_numbers(photo: Photo, tmp_path: Path) -> None:
    for i in range(12, 0, -1):
        photo(f"{i}/1.png", (i, 0, 0))
    images = read(tmp_path / "photos")
    assert images.classes == tuple(str(i) for i in range(1, 13))
    assert images.pixels[:, 0, 0, 0].tolist() == list(range(1, 13))


def test_one_name_written_in_two_ways_is_one_class(photo: Photo, tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    photo(f"train/{composed}/1.png")
    photo("train/tea/1.png")
    photo(f"test/{decomposed}/1.png")
    images = read(tmp_path / "photos")
    assert images.classes == (composed, "tea")
    assert images.labels.tolist() == [0, 0, 1]


def test_names_that_are_no_text_can_be_printed_compared_and_written(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/photos/caf\xe9 <b>"
    Path(os.fsdecode(folder)).mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "1.png")
    for name in (b"\xff\xfe.png", b"\n.png", b"broken\xe9.png"):
        data = b"" if name.startswith(b"broken") else (tmp_path / "1.png").read_bytes()
        with open(folder + b"/" + name, "wb") as file:  # noqa: PTH123  # pathlib has no bytes
            file.write(data)
    for images in (read(tmp_path / "photos"), read(tmp_path / "photos")):
        assert images.classes == ("caf\\xe9 <b>",)
        assert images.names == ["caf\\xe9 <b>/\n.png", "caf\\xe9 <b>/\\xff\\xfe.png"]
        assert faults(images) == [("caf\\xe9 <b>/broken\\xe9.png", "broken")]
        assert len(images.fingerprint) == 16
        assert json.dumps([*images.names, *images.classes], ensure_ascii=False).encode()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"got no image that can be read: a/notes\.txt \(not an image inside\)"):
        read(tmp_path)


def test_a_folder_of_broken_images_is_refused(photo: Photo, tmp_path: Path) -> None:
    file = photo("a/1.png", np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8))
    file.write_bytes(file.read_bytes()[:2000])
    sentence = (
        r"photos: expected one folder per class .*, got no image that can be read: a/1\.png \(image file is trunc"
    )
    with pytest.raises(DataError, match=sentence):
        read(tmp_path / "photos")
    (tmp_path / "photos/a/2.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"a/1\.png \(image file is truncated\) and 1 more"):
        read(tmp_path / "photos")


def test_a_folder_of_nothing_that_can_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".hidden").write_text("hello")
    with pytest.raises(DataError, match=r"got nothing that can be read: \.hidden"):
        read(tmp_path)


def test_a_picture_too_large_to_be_one_is_broken(photo: Photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a/1.png", RED, (100, 100))
    photo("b/1.png", BLUE, (20, 20))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    images = read(tmp_path / "photos")
    assert images.names == ["b/1.png"]
    assert faults(images) == [("a/1.png", "broken")]
    assert "Image size (10000 pixels) exceeds limit" in images.faults[0].reason


@pytest.mark.parametrize("above", ["", "set/"])
def test_parts_below_the_classes_are_parts_too(photo: Photo, tmp_path: Path, above: str) -> None:
    for name in ("a/train/1", "a/train/2", "a/test/3", "b/train/4", "b/Val/5"):
        photo(f"{above}{name}.png")
    (tmp_path / "photos" / above / "c" / "train").mkdir(parents=True)
    images = read(tmp_path / "photos")
    assert images.parts is not None
    told = {name.split("/")[-1]: part for name, part in zip(images.names, images.parts.tolist(), strict=True)}
    assert told == {"1.png": "train", "2.png": "train", "3.png": "test", "4.png": "train", "5.png": "valid"}
    assert images.classes == ("a", "b")
    assert images.format.startswith("a folder per class, with its own train, valid, test")
    assert f"no images in {above}c" in images.format


def test_folders_in_classes_that_are_not_all_parts_are_none(photo: Photo, tmp_path: Path) -> None:
    for name in ("a/train/1", "a/test/2", "b/train/3", "b/4"):
        photo(f"{name}.png")
    images = read(tmp_path / "photos")
    assert images.parts is None
    assert len(images) == 4


@pytest.mark.parametrize("name", ["mnist.npz", "set.h5", "photos.tar.gz"])
def test_a_folder_around_a_file_that_is_a_set_says_to_give_the_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"anything")
    (tmp_path / "README.md").write_text("what it is")
    with pytest.raises(DataError, match=f"expected one folder per class .*, got none, but {name}; give that file"):
        read(tmp_path)
