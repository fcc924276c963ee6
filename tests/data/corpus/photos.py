"""Folders of photos."""

from __future__ import annotations

import json
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from corpus.case import Case, encoded, equals, noise, photos, pixel, put, save
from secondlook.types import ImageSet


def turned(folder: Path) -> Path:
    """Red above blue, stored on its side with the orientation that turns it back."""
    photos(folder)
    upright = np.zeros((12, 12, 3), np.uint8)
    upright[:6, :, 0] = 255
    upright[6:, :, 2] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    save(folder / "cat/turned.png", np.rot90(upright).copy(), exif=exif)
    return folder


def bomb_png(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes whose header declares an immense picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


def palette() -> bytes:
    image = Image.new("P", (12, 12), 1)
    image.putpalette([0, 0, 0, 10, 200, 30] + [0] * 762)
    return encoded("PNG", image)


def transparent() -> bytes:
    return encoded("PNG", Image.new("RGBA", (12, 12), (200, 0, 0, 0)))


def half_transparent_palette() -> bytes:
    image = Image.new("P", (12, 12), 1)
    image.putpalette([0, 0, 0, 10, 200, 30] + [0] * 762)
    return encoded("PNG", image, transparency=bytes([255, 0]))


def animation() -> bytes:
    first, second = (Image.new("RGB", (12, 12), c) for c in ((255, 0, 0), (0, 0, 255)))
    return encoded("GIF", first, save_all=True, append_images=[second])


def pages() -> bytes:
    first, second = (Image.new("RGB", (12, 12), c) for c in ((255, 0, 0), (0, 0, 255)))
    return encoded("TIFF", first, save_all=True, append_images=[second])


def grey16() -> bytes:
    return encoded("PNG", Image.fromarray(np.full((12, 12), 32768, np.uint16)))


def links(folder: Path) -> Path:
    """A link out of the set, a link to nowhere, a link in a circle, and one that stays inside."""
    outside = save(folder / "outside/secret.png")
    top = photos(folder / "set")
    (top / "cat/out.png").symlink_to(outside)
    (top / "cat/nowhere.png").symlink_to(top / "cat/gone.png")
    (top / "dog/again").symlink_to(top / "dog")
    (top / "cat/inside.png").symlink_to(top / "dog/0.png")
    return top


def pipe(folder: Path) -> Path:
    photos(folder)
    os.mkfifo(folder / "cat/pipe.png")
    return folder


def a_folder_called_jpg(folder: Path) -> Path:
    photos(folder)
    (folder / "cat/9.jpg").mkdir()
    return folder


def numbers(folder: Path) -> Path:
    for i in range(1, 13):
        save(folder / str(i) / "a.png")
    return folder


def lacking(folder: Path) -> Path:
    """hotdog is missing from validation; nohotdog must keep its place."""
    for name in ("train/hotdog/1", "train/nohotdog/1", "validation/nohotdog/1", "test/hotdog/1", "test/nohotdog/1"):
        save(folder / f"{name}.png")
    return folder


def keeps_place(images: ImageSet) -> None:
    given = dict(zip(images.names, (images.classes[i] for i in images.labels), strict=True))
    assert all(name.split("/")[1] == label for name, label in given.items())
    assert images.parts is not None
    assert images.parts.tolist().count("valid") == 1


def wrapped(folder: Path) -> Path:
    for name in ("train/cat/1", "train/dog/1", "test/cat/1", "test/dog/1"):
        save(folder / "my set" / f"{name}.png")
    return folder


def names_of_all_kinds(folder: Path) -> Path:
    for name in ("<script>alert(1)<", "naïve ☕", " two  words ", "a'b\"c", "דג"):
        save(folder / name.replace("/", "") / "i <b>.png")
    return folder


def no_classes(folder: Path) -> Path:
    for i in range(3):
        save(folder / f"{i}.png")
    return folder


def mixed_sizes(folder: Path) -> Path:
    photos(folder)
    save(folder / "cat/wide.png", noise(10, 90, 3))
    save(folder / "dog/one.png", noise(1, 1, 3))
    return folder


def truncated_jpeg(folder: Path) -> Path:
    data = encoded("JPEG", Image.fromarray(noise(64, 64, 3)))
    return put(folder, "cat/cut.jpg", data[: len(data) // 2])


def all_broken(folder: Path) -> Path:
    for name in ("cat/1.png", "dog/1.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n broken")
    return folder


def documents(folder: Path) -> Path:
    (folder / "a").mkdir(parents=True)
    (folder / "a/readme.txt").write_text("hello")
    return folder


def empty(folder: Path) -> Path:
    (folder / "set").mkdir()
    return folder / "set"


def hidden(folder: Path) -> Path:
    photos(folder)
    save(folder / "cat/._1.png")
    save(folder / ".git/a.png")
    (folder / "dog/Thumbs.db").write_bytes(b"x")
    (folder / "cat/.DS_Store").write_bytes(b"x")
    return folder


def outside_classes(folder: Path) -> Path:
    photos(folder)
    save(folder / "stray.png")
    return folder


def undecodable_name(folder: Path) -> Path:
    photos(folder)
    data = encoded("PNG")
    with open(os.fsencode(folder / "cat") + b"/\xff\xfe.png", "wb") as file:  # noqa: PTH123  # pathlib has no bytes
        file.write(data)
    return folder


def shows(name: str, colour: list[int]) -> Any:
    """A check of the first pixel of an item."""
    return lambda images: equals(colour)(pixel(images, name))


def broken(name: str) -> list[tuple[str, str]]:
    return [(name, "broken")]


CMYK = encoded("JPEG", Image.new("CMYK", (12, 12), (0, 255, 255, 0)), quality=95)

CASES = [
    Case("a sound folder", photos, 8),
    Case(
        "a photo that lies on its side",
        turned,
        9,
        check=lambda i: (shows("turned.png", [255, 0, 0])(i), equals([0, 0, 255])(pixel(i, "turned.png", 11, 11))),
    ),
    Case("a palette", lambda f: put(f, "cat/p.png", palette()), 9, check=shows("p.png", [10, 200, 30])),
    Case("transparency", lambda f: put(f, "cat/t.png", transparent()), 9, check=shows("t.png", [255, 255, 255])),
    Case(
        "a palette with a transparent colour",
        lambda f: put(f, "cat/t.png", half_transparent_palette()),
        9,
        check=shows("t.png", [255, 255, 255]),
    ),
    Case("an animation", lambda f: put(f, "cat/a.gif", animation()), 9, check=shows("a.gif", [255, 0, 0])),
    Case("a TIFF of two pages", lambda f: put(f, "cat/a.tif", pages()), 9, check=shows("a.tif", [255, 0, 0])),
    Case("CMYK", lambda f: put(f, "cat/c.jpg", CMYK), 9, check=lambda i: red(pixel(i, "c.jpg"))),
    Case("16 bits", lambda f: put(f, "cat/g.png", grey16()), 9, check=shows("g.png", [128, 128, 128])),
    Case(
        "one bit",
        lambda f: put(f, "cat/b.png", encoded("PNG", Image.new("1", (12, 12), 1))),
        9,
        check=shows("b.png", [255, 255, 255]),
    ),
    Case(
        "grey among colours",
        lambda f: put(f, "cat/g.png", encoded("PNG", Image.new("L", (12, 12), 77))),
        9,
        check=shows("g.png", [77, 77, 77]),
    ),
    Case(
        "a PNG called jpg",
        lambda f: put(f, "cat/p.jpg", encoded("PNG", Image.new("RGB", (12, 12), "red"))),
        9,
        check=shows("p.jpg", [255, 0, 0]),
    ),
    Case("an image without an extension", lambda f: put(f, "cat/image", encoded("PNG")), 9),
    Case("sizes that differ, down to one pixel", mixed_sizes, 10, check=lambda i: equals((64, 64, 3))(i.shape)),
    Case("a truncated JPEG", truncated_jpeg, 8, faults=broken("cut.jpg")),
    Case("a truncated PNG", lambda f: put(f, "cat/cut.png", encoded("PNG")[:-60]), 8, faults=broken("cut.png")),
    Case("an empty file", lambda f: put(f, "cat/empty.jpg", b""), 8, faults=broken("empty.jpg")),
    Case("a text called jpg", lambda f: put(f, "cat/text.jpg", b"hello"), 8, faults=broken("text.jpg")),
    Case(
        "an HTML page saved as an image",
        lambda f: put(f, "cat/404.jpg", b"<!DOCTYPE html><title>404"),
        8,
        faults=broken("404.jpg"),
    ),
    Case(
        "a picture that declares four thousand million pixels",
        lambda f: put(f, "cat/bomb.png", bomb_png(65500, 65500)),
        8,
        faults=broken("bomb.png"),
    ),
    Case(
        "a picture that declares 200 million pixels in 300 bytes",
        lambda f: put(f, "cat/bomb.png", bomb_png(14000, 14000)),
        8,
        faults=broken("bomb.png"),
    ),
    Case("a text file among photos", lambda f: put(f, "cat/readme.txt", b"hello"), 8),
    Case("hidden files and folders", hidden, 8),
    Case("links", links, 9, faults=[("nowhere.png", "missing"), ("out.png", "unsafe")]),
    Case("a pipe", pipe, 8, faults=broken("pipe.png")),
    Case("a folder called 9.jpg", a_folder_called_jpg, 8),
    Case("classes from 1 to 12", numbers, 12, tuple(map(str, range(1, 13)))),
    Case("a class missing from validation", lacking, 5, ("hotdog", "nohotdog"), check=keeps_place),
    Case("parts one folder deeper", wrapped, 4, check=lambda i: equals({"train", "test"})(set(i.parts.tolist()))),
    Case(
        "names with HTML, spaces, quotes and other scripts",
        names_of_all_kinds,
        5,
        None,
        check=lambda i: equals(5)(len(i.classes)),
    ),
    Case("a file name that is no text", undecodable_name, 9, check=lambda i: json.dumps([*i.names])),
    Case("an image beside the class folders", outside_classes, 8, faults=[("stray.png", "unlabelled")]),
    Case("photos without class folders", no_classes, 3, ()),
    Case("nothing but broken images", all_broken, error="got no image that can be read.*cat/1.png"),
    Case("nothing but documents", documents, error="expected one folder per class with images"),
    Case("an empty folder", empty, error="got an empty folder"),
    Case("a single image", lambda f: save(f / "cat.png"), error="cat.png.*got a single image"),
]


def red(colour: list[int]) -> None:
    """CMYK of no cyan and all magenta and yellow is red, whatever the inks' profile."""
    assert colour[0] > 180
    assert max(colour[1:]) < 90
