"""One photo at a time: turned upright, its colours by a stated rule, and nothing half there taken for whole."""

from __future__ import annotations

import errno
import io
import os
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageFile, ImageOps

from secondlook import read
from secondlook.data.read import damage, photos
from secondlook.data.read.colours import one_scale
from secondlook.data.read.photos import Header, Photo, decode, inspect, read_file
from secondlook.data.read.shape import Plan

# As when a folder is read: what decoders warn of is ignored, and what they cannot read is counted.
pytestmark = pytest.mark.filterwarnings("ignore")

Write = Callable[..., Path]
SMALL = Plan(8, 8, False, "stretch")
RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (9, 14, 3), dtype=np.uint8)
SMOOTH = np.asarray(Image.fromarray(NOISE).resize((140, 90), Image.Resampling.BICUBIC))


def encoded(image: Image.Image | np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(stream, kind, **options)
    return stream.getvalue()


def native(data: bytes, *, grey: bool = False) -> Photo:
    """The photo in its own size, in colours."""
    header = inspect(lambda: data)
    return decode(lambda: data, Plan(header.width, header.height, grey, None, one_scale([header.levels])))


def pixels(data: bytes, *, grey: bool = False) -> np.ndarray:
    found = native(data, grey=grey)
    assert found.pixels is not None, found.header.reason
    return found.pixels


def first(data: bytes) -> list[int]:
    return [int(v) for v in pixels(data)[0, 0]]


def reason(data: bytes) -> str:
    found = decode(lambda: data, SMALL)
    assert (found.header.state, found.pixels) == ("broken", None)
    return found.header.reason


def with_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


# --- upright -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("JPEG", {})])
@pytest.mark.parametrize("how", [None, "stretch", "pad", "crop"])
def test_an_orientation_is_applied_as_by_hand(orientation: int, kind: str, options: dict[str, Any], how: Any) -> None:
    tagged = encoded(NOISE, kind, exif=with_exif(orientation), **options)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(tagged)))
    header = inspect(lambda: tagged)
    assert (header.width, header.height) == upright.size
    assert header.turned == (orientation != 1)
    plan = Plan(*upright.size, False, None) if how is None else Plan(5, 5, False, how)
    by_hand = decode(lambda: encoded(upright), plan)
    assert_array_equal(decode(lambda: tagged, plan).pixels, by_hand.pixels)


def test_a_folder_of_tagged_copies_reads_equal_to_the_upright_one(tmp_path: Path) -> None:
    for name in ("upright", "tagged"):
        for label in ("a", "b"):
            (tmp_path / name / label).mkdir(parents=True)
    for orientation in range(1, 9):
        shot = RNG.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        tagged = encoded(shot, "PNG", exif=with_exif(orientation))
        file = f"{'ab'[orientation % 2]}/{orientation}.png"
        (tmp_path / "tagged" / file).write_bytes(tagged)
        ImageOps.exif_transpose(Image.open(io.BytesIO(tagged))).save(tmp_path / "upright" / file)
    upright, tagged_set = read(tmp_path / "upright"), read(tmp_path / "tagged")
    assert_array_equal(tagged_set.pixels, upright.pixels)
    assert_array_equal(tagged_set.labels, upright.labels)
    assert tagged_set.origins is not None
    assert upright.origins is not None
    assert_array_equal(tagged_set.origins.widths, upright.origins.widths)
    assert tagged_set.origins.turned.sum() == 7
    assert not upright.origins.turned.any()


def test_real_photos_with_a_tag_read_as_the_same_photos_turned(real_data: Path) -> None:
    turns = [
        lambda a: a,
        lambda a: a[:, ::-1],
        lambda a: a[::-1, ::-1],
        lambda a: a[::-1],
        lambda a: a.swapaxes(0, 1),
        lambda a: np.rot90(a, -1),
        lambda a: np.rot90(a, 2).swapaxes(0, 1),
        lambda a: np.rot90(a),
    ]
    files = sorted((real_data / "hotdog/phone_224px").rglob("*.jpg"))[:16]
    plan = Plan(24, 24, False, "stretch")
    for i, file in enumerate(files):
        data, exif = file.read_bytes(), b"Exif\0\0" + with_exif(i % 8 + 1).tobytes()[6:]
        tagged = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
        plain, turned = decode(lambda data=data: data, plan), decode(lambda data=tagged: data, plan)
        assert plain.pixels is not None
        assert (turned.header.width, turned.header.height) == (plain.header.width, plain.header.height)[
            :: -1 if i % 8 > 3 else 1
        ]
        assert_array_equal(turns[i % 8](plain.pixels), turned.pixels)


def test_a_large_jpeg_is_turned_after_it_was_decoded_small() -> None:
    shot = np.asarray(Image.fromarray(SMOOTH).resize((700, 450)))
    tagged = encoded(shot, "JPEG", quality=95, exif=with_exif(6))
    by_hand = decode(lambda: encoded(ImageOps.exif_transpose(Image.open(io.BytesIO(tagged)))), SMALL)
    found = decode(lambda: tagged, SMALL)
    assert found.pixels is not None
    assert by_hand.pixels is not None
    gap = np.abs(found.pixels.astype(int) - by_hand.pixels)
    assert gap.max() <= 6
    assert gap.mean() < 1


def test_metadata_of_any_quality_does_not_stop_a_sound_photo() -> None:
    data = encoded(NOISE, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xfe" * 40)
    assert native(data).header.state == "image"
    assert inspect(lambda: encoded(NOISE, "JPEG", exif=with_exif(42))).turned is False


def test_an_orientation_behind_the_pixels_of_a_png_is_found() -> None:
    plain, exif = encoded(NOISE), with_exif(6).tobytes()[6:]
    chunk = struct.pack(">I", len(exif)) + b"eXIf" + exif + struct.pack(">I", zlib.crc32(b"eXIf" + exif))
    data = plain[:-12] + chunk + plain[-12:]
    assert inspect(lambda: data).turned
    assert_array_equal(pixels(data), np.rot90(NOISE, -1))


# --- colours -----------------------------------------------------------------------------------------------------


def test_16_bits_become_8_by_rounding() -> None:
    deep = np.arange(0, 65536, 16, dtype=np.uint16).reshape(64, 64)
    assert_array_equal(pixels(encoded(deep), grey=True)[..., 0], np.rint(deep / 257))


@pytest.mark.parametrize(
    ("dtype", "values", "black", "white", "said"),
    [
        (np.float32, [0, 0.4, 1], 0, 1, ""),
        (np.float32, [0, 0.4, 1.2], 0, 1.2, "values 0 to 1.2 scaled to 0 to 255"),
        (np.float32, [0, 100, 255], 0, 255, ""),
        (np.float32, [-5, 0.5, 300], -5, 300, "values -5 to 300 scaled to 0 to 255"),
        (np.float32, [-1e38, 0, 3e38], -1e38, 3e38, "values -1e+38 to 3e+38 scaled to 0 to 255"),
        (np.float32, [0, 1, 0], 0, 1, ""),
        (np.int32, [1, 100, 200], 0, 255, ""),
        (np.int32, [1, 3, 12], 0, 12, "values 0 to 12 scaled to 0 to 255"),
        (np.int32, [7, 25_700, 60_000], 7, 60_000, "values 7 to 60000 scaled to 0 to 255"),
        (np.int32, [7, 7, 7], 0, 7, "values 0 to 7 scaled to 0 to 255"),
        (np.float32, [2.5, 2.5, 2.5], 2.5, 3.5, "values 2.5 to 2.5 scaled to 0 to 255"),
    ],
)
@pytest.mark.parametrize("size", [None, 4])
def test_images_of_32_bits_have_one_scale_that_of_their_set(
    tmp_path: Path, dtype: Any, values: list[float], black: float, white: float, said: str, size: int | None
) -> None:
    # Twenty, so that the first guess from some of them misses the extremes.
    x = np.array([values[1]] * 20, dtype)
    x[-2:] = values[0], values[2]
    (tmp_path / "a").mkdir()
    for i, value in enumerate(x):
        Image.fromarray(np.full((8, 8), value, dtype)).save(tmp_path / "a" / f"{i}.tif")
    images = read(tmp_path, size=size)
    shares = (x.astype(np.float64) - black) / (white - black)
    assert_array_equal(images.pixels[:, 0, 0, 0], np.rint(255 * shares))
    assert (said in images.format) if said else ("scaled" not in images.format)
    assert read(tmp_path, size=size).format == images.format  # from the cache
    arrays = read((np.broadcast_to(x[:, None, None], (20, 8, 8)), None), size=size).pixels[:, 0, 0, 0]
    as_bytes = arrays if arrays.dtype == np.uint8 else np.rint(255 * arrays.astype(np.float64))
    assert_allclose(images.pixels[:, 0, 0, 0], as_bytes, atol=1 if size else 0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_tiff_with_pixels_that_are_no_numbers_is_broken(value: float) -> None:
    x = np.ones((8, 8), np.float32)
    x[3, 4] = value
    assert reason(encoded(x, "TIFF")) == "pixels that are NaN or infinite"


def test_one_bit_and_palettes_are_read() -> None:
    bits = RNG.integers(0, 2, (8, 8)).astype(bool)
    assert_array_equal(pixels(encoded(Image.fromarray(bits)))[..., 1], bits * 255)
    palette = Image.fromarray(RNG.integers(0, 4, (8, 8), dtype=np.uint8), mode=None).convert("P")
    palette.putpalette([1, 2, 3, 40, 50, 60, 70, 80, 90, 250, 0, 7])
    assert_array_equal(pixels(encoded(palette, "GIF")), np.asarray(palette.convert("RGB")))


def test_transparency_is_laid_on_white_and_told_apart_from_an_unused_channel() -> None:
    opaque = np.dstack([NOISE, np.full(NOISE.shape[:2], 255, np.uint8)])
    assert_array_equal(pixels(encoded(opaque)), NOISE)
    assert not native(encoded(opaque)).transparent
    opacity = RNG.integers(0, 256, NOISE.shape[:2], dtype=np.uint8)
    laid = np.rint((NOISE * (opacity[..., None] / 255)) + 255 - opacity[..., None])
    found = native(encoded(np.dstack([NOISE, opacity])))
    assert found.transparent
    assert found.pixels is not None
    assert np.abs(found.pixels - laid).max() <= 1
    one_colour = Image.fromarray(np.full((4, 4), 7, np.uint8))
    assert first(encoded(one_colour, transparency=7)) == [255] * 3
    deep = Image.fromarray(np.array([[700, 25700]], np.uint16))
    assert pixels(encoded(deep, transparency=700), grey=True).ravel().tolist() == [255, 100]


def test_inks_are_turned_into_light_as_adobe_stores_them_and_as_tiff_does() -> None:
    inks = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    for data in (encoded(inks, "JPEG", quality=100), encoded(inks, "TIFF")):
        assert_allclose(first(data), [255, 0, 0], atol=2)
        assert native(data).header.mode == "CMYK"


def srgb(lab: np.ndarray) -> np.ndarray:
    """Bytes of L*a*b* under D50, by the definitions of CIE 15 and IEC 61966-2-1, adapted to D65 after Bradford."""
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * [0.96422, 1, 0.82521]
    to_rgb = np.array(
        [[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540], [0.0719453, -0.2289914, 1.4052427]]
    )
    linear = np.clip(xyz @ to_rgb.T, 0, 1)
    return np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear) * 255


def test_lab_is_turned_into_srgb() -> None:
    levels = np.stack(np.meshgrid(range(40, 90, 10), range(-15, 20, 5), range(-15, 20, 5)), axis=-1).reshape(35, 7, 3)
    stored = np.concatenate([np.rint(levels[..., :1] * 2.55), levels[..., 1:]], axis=-1).astype(np.int64)
    image = Image.frombytes("LAB", (7, 35), stored.astype(np.uint8).tobytes())
    exact = np.concatenate([stored[..., :1] / 2.55, stored[..., 1:]], axis=-1)
    assert np.abs(pixels(encoded(image, "TIFF")) - srgb(exact)).max() <= 3
    assert_allclose(first(encoded(Image.new("LAB", (8, 8), (255, 128, 128)), "TIFF")), 255, atol=1)


def test_ycbcr_in_a_tiff_is_read() -> None:
    data = encoded(Image.fromarray(SMOOTH).convert("YCbCr"), "TIFF")
    assert native(data).header.mode == "YCbCr"
    assert np.abs(pixels(data).astype(int) - SMOOTH).max() <= 3


@pytest.mark.parametrize(("kind", "options"), [("GIF", {}), ("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {})])
def test_of_an_animation_the_first_frame_is_taken_and_the_others_are_counted(
    kind: str, options: dict[str, Any]
) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert first(data) == [255, 0, 0]
    assert inspect(lambda: data).frames == 3
    assert inspect(lambda: encoded(frames[0], kind, **options)).frames == 1


def test_a_second_picture_inside_a_jpeg_is_no_animation() -> None:
    shots = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    data = encoded(shots[0], "MPO", save_all=True, append_images=shots[1:])
    header = inspect(lambda: data)
    assert (header.format, header.frames) == ("JPEG", 1)
    assert_allclose(first(data), [254, 0, 0], atol=2)


def test_grey_means_that_no_pixel_has_a_colour_whatever_the_file_says() -> None:
    level = np.repeat(RNG.integers(0, 256, (40, 40, 1), dtype=np.uint8), 3, 2)
    assert native(encoded(level)).grey
    assert native(encoded(Image.fromarray(level), "JPEG")).grey
    spot = level.copy()
    spot[39, 39, 2] ^= 1
    assert not native(encoded(spot)).grey
    assert not decode(lambda: encoded(spot), SMALL).grey
    assert inspect(lambda: encoded(level)).grey is False
    assert inspect(lambda: encoded(level[..., 0])).grey is True


@pytest.mark.parametrize("wide", [8, 40])
def test_bands_leave_no_trace(monkeypatch: pytest.MonkeyPatch, wide: int) -> None:
    shot = np.dstack([SMOOTH, SMOOTH[..., 0]])
    shot[20:, :, 1] = shot[20:, :, 2] = shot[20:, :, 0]  # colours and transparency at the top alone
    shot[20:, :, 3] = 255
    data = encoded(shot, exif=with_exif(7))
    whole = decode(lambda: data, Plan(11, 11, False, "pad"))
    monkeypatch.setattr("secondlook.data.read.shape._BAND_PIXELS", 3 * wide)
    monkeypatch.setattr("secondlook.data.read.shape._BAND_WIDTH", wide)
    cut = decode(lambda: data, Plan(11, 11, False, "pad"))
    assert_array_equal(cut.pixels, whole.pixels)
    assert (cut.grey, cut.transparent) == (whole.grey, whole.transparent) == (False, True)


def test_a_large_jpeg_decoded_small_is_as_good_as_decoded_whole() -> None:
    shot = np.asarray(Image.fromarray(SMOOTH).resize((700, 450), Image.Resampling.BICUBIC)).astype(int)
    shot = np.clip(shot + RNG.normal(0, 8, shot.shape), 0, 255).astype(np.uint8)
    data = encoded(shot, "JPEG", quality=90)
    small = decode(lambda: data, Plan(32, 32, False, "stretch")).pixels
    whole = decode(lambda: encoded(Image.open(io.BytesIO(data))), Plan(32, 32, False, "stretch")).pixels
    assert small is not None
    assert whole is not None
    gap = np.abs(small.astype(int) - whole)
    assert gap.max() <= 3
    assert gap.mean() < 0.5


# --- what is not all there ---------------------------------------------------------------------------------------

SOUND = {
    "JPEG": encoded(SMOOTH, "JPEG", quality=90),
    "progressive JPEG": encoded(SMOOTH, "JPEG", quality=90, progressive=True),
    "PNG": encoded(SMOOTH),
    "GIF": encoded(SMOOTH, "GIF"),
    "WEBP": encoded(SMOOTH, "WEBP"),
    "BMP": encoded(SMOOTH, "BMP"),
    "TIFF": encoded(SMOOTH, "TIFF"),
    "PPM": encoded(SMOOTH, "PPM"),
    "JPEG2000": encoded(SMOOTH, "JPEG2000"),
    "AVIF": encoded(SMOOTH, "AVIF"),
}


@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
@pytest.mark.parametrize("kind", SOUND)
def test_a_file_without_its_end_is_never_an_image(kind: str, share: float) -> None:
    data = SOUND[kind]
    assert decode(lambda: data, SMALL).header.state == "image"
    found = decode(lambda: data[: int(len(data) * share)], SMALL)
    assert found.header.state in ("broken", "other")
    assert found.pixels is None
    assert found.header.reason


@pytest.mark.parametrize("kind", ["JPEG", "progressive JPEG", "PNG", "WEBP", "GIF", "AVIF", "JPEG2000"])
def test_a_file_whose_end_was_never_written_is_never_an_image(kind: str) -> None:
    data = SOUND[kind]
    half = len(data) // 2
    assert decode(lambda: data[:half] + bytes(len(data) - half), SMALL).header.state in ("broken", "other")


def test_what_is_missing_is_said() -> None:
    assert reason(SOUND["JPEG"][:-400]) == "truncated: the end of the JPEG is missing"
    assert reason(SOUND["WEBP"][:-300] + bytes(300)) == "truncated: it ends in zeros"
    flipped = bytearray(SOUND["PNG"])
    flipped[len(flipped) // 2] ^= 1
    assert reason(bytes(flipped)) == "damaged: the data of the PNG do not fit their checksum"


def test_what_follows_the_end_of_a_jpeg_is_no_part_of_it() -> None:
    film = b"\0\0\0\x18ftypmp42" + b"\xff\xda\xff\xd9\xff\xda" * 1000
    assert_array_equal(pixels(SOUND["JPEG"] + film), pixels(SOUND["JPEG"]))
    thumbnail = encoded(NOISE, "JPEG")
    exif = b"Exif\0\0" + thumbnail
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    data = SOUND["JPEG"][:2] + segment + SOUND["JPEG"][2:]
    assert_array_equal(pixels(data), pixels(SOUND["JPEG"]))
    assert reason(data[:-400]) == "truncated: the end of the JPEG is missing"


def test_truncated_files_are_not_forgiven_where_a_program_asked_for_it(
    monkeypatch: pytest.MonkeyPatch, photo: Write, tmp_path: Path
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    file = photo("a/1.bmp", SMOOTH)
    photo("a/2.bmp", SMOOTH)
    file.write_bytes(file.read_bytes()[:-3000])
    assert read(tmp_path / "photos").names == ["a/2.bmp"]
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty file"),
        (b"hello", "not an image inside"),
        (b"<!DOCTYPE html><title>404</title>", "a web page, not an image"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer, .*; fetch the files with git lfs pull"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC photo, which is not read; save it as JPEG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", "an XML or SVG file"),
        (b"%PDF-1.7", "a PDF"),
        (SOUND["PNG"][:10], "damaged: it begins like an image"),
    ],
)
def test_a_file_that_is_no_image_is_called_what_it_is(data: bytes, what: str) -> None:
    header = inspect(lambda: data)
    assert header.state == "other"
    assert re.match(what, header.reason)
    assert photos.fault("x", header, meant=True).kind == "broken"
    assert photos.fault("x", header, meant=False).kind == "ignored"


@pytest.mark.parametrize(
    ("error", "kind", "passing"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "permission", False),
        (FileNotFoundError(errno.ENOENT, "No such file"), "missing", False),
        (OSError(errno.EIO, "Input/output error"), "broken", True),
        (OSError("no image in this row"), "broken", False),
    ],
)
def test_a_file_that_cannot_be_read_is_a_fault(error: OSError, kind: str, passing: bool) -> None:
    def fails() -> bytes:
        raise error

    header = inspect(fails)
    assert (header.state, header.kind, header.passing) == ("broken", kind, passing)
    assert header.reason


# --- what would cost too much ------------------------------------------------------------------------------------


def claims(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes with this size in its header."""
    data = bytearray(encoded(NOISE))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    return bytes(data)


def test_a_picture_with_too_many_pixels_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reason(claims(10_000, 9_000)) == "10,000x9,000 = 90,000,000 pixels; at most 89,478,485 are read"
    assert reason(claims(70_000, 2)) == "70,000x2 pixels; an edge has at most 65,535"
    assert "could be decompression bomb" in reason(claims(60_000, 60_000))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert "at most 89,478,485 are read" in reason(claims(60_000, 60_000))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert "14x9 = 126 pixels; at most 100" in reason(encoded(NOISE))


def test_formats_that_take_much_memory_have_lower_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damage, "_MOST_MEMORY", 20 * 100)
    assert reason(encoded(NOISE, "JPEG2000")) == "14x9 = 126 pixels; at most 100 are read"
    assert decode(lambda: encoded(NOISE), SMALL).header.state == "image"


def test_a_jpeg_of_countless_scans_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(damage, "_MOST_SCANS", 3 * 140 * 90)
    assert decode(lambda: SOUND["JPEG"] + b"\xff\xda" * 100 + b"\xff\xd9", SMALL).header.state == "image"
    assert "a JPEG of 10 scans of 12,600 pixels" in reason(SOUND["progressive JPEG"])


def test_a_huge_file_is_read_only_where_it_may_be_an_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "film"
    file.write_bytes(b"\0\0\0\x18ftypmp42")
    os.truncate(file, 10**12)
    assert len(read_file(file)) < 100
    file.write_bytes(b"\x89PNG\r\n\x1a\n")
    os.truncate(file, 10**12)
    assert inspect(lambda: read_file(file)).reason == "a file of 1,000,000,000,000 bytes; at most 268,435,456 are read"
    monkeypatch.setattr(photos, "_HEAVY_BYTES", 10)
    file.write_bytes(SOUND["PNG"])
    assert read_file(file) == SOUND["PNG"]


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.jpg")
    assert inspect(lambda: read_file(tmp_path / "x.jpg")).reason == "a pipe, a socket or a device"


def test_heavy_images_are_decoded_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "_HEAVY_PIXELS", 10)
    assert native(SOUND["PNG"]).header.state == "image"
    assert not photos._heavy.locked()


def test_pages_beyond_a_thousand_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "_MOST_FRAMES", 2)
    pages = [Image.new("L", (4, 4), level) for level in (1, 2, 3)]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert inspect(lambda: data).frames == 2
    assert first(data) == [1, 1, 1]


def test_a_header_that_lies_about_its_size_is_broken() -> None:
    header = Header("image", width=3, height=3)
    with Image.open(io.BytesIO(SOUND["PNG"])) as image, pytest.raises(ValueError, match=r"140x90 pixels where .* 3x3"):
        photos._decoded(image, header, Plan(3, 3, False, None))


@pytest.mark.parametrize("page", [1, 2])
def test_a_damaged_page_of_a_tiff_does_not_take_the_place_of_the_first(page: int) -> None:
    pages = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    data = bytearray(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    start = 4
    for _ in range(page + 1):
        (at,) = struct.unpack_from("<I", data, start)
        (tags,) = struct.unpack_from("<H", data, at)
        start = at + 2 + 12 * tags
    places = range(at + 2, start, 12)
    colours = next(place for place in places if struct.unpack_from("<H", data, place)[0] == 262)
    struct.pack_into("<H", data, colours + 8, 99)  # there are no such colours
    assert first(bytes(data)) == [255, 0, 0]
    assert native(bytes(data)).header.frames == 2


@pytest.mark.parametrize(
    ("most", "value", "byte"), [(65535, 65535, 255), (65535, 200, 1), (1023, 1023, 255), (1023, 4, 1)]
)
def test_a_pgm_of_16_bits_has_one_scale_however_dark_it_is(most: int, value: int, byte: int) -> None:
    data = f"P5 8 8 {most}\n".encode() + np.full((8, 8), value, ">u2").tobytes()
    assert first(data) == [byte] * 3


def test_real_numbers_may_exceed_1_by_rounding() -> None:
    assert first(encoded(np.full((8, 8), 1.0000001, np.float32), "TIFF")) == [255, 255, 255]


def test_images_of_8_bits_keep_their_scale_beside_real_numbers(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.fromarray(np.full((8, 8), 100, np.uint8)).save(tmp_path / "a" / "0.png")
    Image.fromarray(np.full((8, 8), 50, np.float32)).save(tmp_path / "a" / "1.tif")
    Image.fromarray(np.full((8, 8), 0.5, np.float32)).save(tmp_path / "a" / "2.tif")
    images = read(tmp_path)
    assert images.pixels[:, 0, 0, 0].tolist() == [100, 255, 0]
    assert "values 0.5 to 50 scaled to 0 to 255" in images.format
