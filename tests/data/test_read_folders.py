from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from PIL import Image

from secondlook import read
from secondlook.errors import DataError

Photo = Callable[..., Path]
RED, BLUE = (255, 0, 0), (0, 0, 255)


@settings(max_examples=30)
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
    assert "ignored 2 images outside class folders: extra/c/1.png, test/1.png" in images.format


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


def test_tiffs_of_cmyk_and_of_real_numbers_are_read(photo: Photo, tmp_path: Path) -> None:
    photo("a/1.tiff", (0, 255, 255, 0), mode="CMYK")
    photo("a/2.tiff", np.full((8, 8), 0.4, np.float32))
    photo("a/3.tiff", np.full((8, 8), 100, np.int32))
    photo("a/4.tiff", np.full((8, 8), 1e6, np.float32))
    photo("a/5.tiff", np.full((8, 8), 1, np.int32))
    pixels = read(tmp_path / "photos").pixels[:, 0, 0]
    assert pixels.tolist() == [[255, 0, 0], [102] * 3, [100] * 3, [255] * 3, [1] * 3]


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
    assert (
        "ignored 3 broken images: a/empty.jpg (empty file), a/text.jpg (not an image inside), a/cut.png"
        in images.format
    )
    assert "ignored 1 other file: a/notes.txt" in images.format


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
    link = tmp_path / "link"
    link.symlink_to(root)
    assert read(link).names == images.names


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


def test_images_without_class_folders_are_refused(photo: Photo, tmp_path: Path) -> None:
    for i in range(5):
        photo(f"{i}.png")
    with pytest.raises(DataError, match=r"got 5 images without a class folder: 0\.png, 1\.png, 2\.png and 2 more"):
        read(tmp_path / "photos")


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/notes.txt").write_text("hello")
    with pytest.raises(DataError, match=r"got no readable image; ignored 1 other file: a/notes\.txt"):
        read(tmp_path)


def test_a_folder_of_broken_images_is_refused(photo: Photo, tmp_path: Path) -> None:
    file = photo("a/1.png", np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8))
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"got no readable image; ignored 1 broken image: a/1\.png"):
        read(tmp_path / "photos")


def test_a_picture_too_large_to_be_one_is_broken(photo: Photo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo("a/1.png", RED, (100, 100))
    photo("b/1.png", BLUE, (20, 20))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    images = read(tmp_path / "photos")
    assert images.names == ["b/1.png"]
    assert "a/1.png (Image size (10000 pixels) exceeds limit" in images.format
