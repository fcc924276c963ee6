from __future__ import annotations

import gzip
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from secondlook import read
from secondlook.data.read import npz, require_comparable, require_labels
from secondlook.errors import DataError, UsageError


@pytest.mark.parametrize("source", ["nowhere", Path("nowhere/at/all"), ""])
def test_no_such_path_suggests_the_built_in_sets(source: str | Path) -> None:
    message = "no such file or folder: .*; expected a path, or one of the built-in sets digits and slash"
    with pytest.raises(UsageError, match=message):
        read(source)


def test_a_built_in_name_wins_over_a_folder_unless_it_is_written_as_a_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(read(Path("digits"))) == 1797
    Path("digits").mkdir()
    assert len(read("digits")) == 1797
    for source in ("./digits", Path("digits")):
        with pytest.raises(DataError, match="got an empty folder"):
            read(source)


def make(kind: str, file: Path) -> None:
    if kind == "idx":
        file.write_bytes(b"\0\0\x08\x03")
    elif kind == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a/1.png", b"")
    elif kind == "gz":
        file.write_bytes(gzip.compress(b"\0\0\x08\x03"))
    elif kind == "png":
        Image.new("L", (2, 2)).save(file)
    else:
        file.write_text("hello")


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("train-images-idx3-ubyte", "idx", "expected a file of labels beside train-images-idx3-ubyte, got none"),
        ("photos.zip", "zip", r"photos\.zip: .* got no image that can be read: a/1\.png \(empty file\)"),
        ("images.gz", "gz", "expected a file of labels beside images.gz, got none"),
        ("cat.png", "png", "got a single image; give the folder that holds a folder per class"),
        ("notes.txt", "text", r"expected a folder per class, .*, got a file of an unknown type \(\.txt\)"),
        ("notes", "text", r"got a file of an unknown type \(no extension\)"),
    ],
)
def test_a_file_that_is_no_set_is_refused_with_advice(tmp_path: Path, name: str, kind: str, message: str) -> None:
    make(kind, tmp_path / name)
    with pytest.raises(DataError, match=message):
        read(tmp_path / name)


def test_a_file_we_may_not_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Raised by hand, since the user that runs the tests may be one who may read everything.
    def refuse(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "a.csv").write_text("label,pixel0\n")
    monkeypatch.setattr(npz, "recognises", refuse)
    with pytest.raises(DataError, match=r"a\.csv: expected a file that can be read, got no permission to"):
        read(tmp_path / "a.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="pipe: expected a file or a folder, got neither"):
        read(tmp_path / "pipe")


def images(*labels: int) -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(0).random((len(labels), 4, 4)), np.array(labels)


def test_images_without_labels_cannot_be_compared() -> None:
    unlabelled = read((np.zeros((5, 4, 4)), None))
    for check in (require_labels, lambda i: require_comparable(i, valid=0.15, test=0.15)):
        with pytest.raises(DataError, match="arrays has no labels: expected a column 'label'"):
            check(unlabelled)
    require_labels(read(images(-1, 0, -1)))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([4] * 20, "arrays: expected at least 2 classes to tell apart, got 1: 4"),
        ([0, 1, 0], "expected at least 10 labelled images, got 3; add images"),
    ],
)
def test_too_few_classes_or_images_cannot_be_compared(labels: list[int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        require_comparable(read(images(*labels)), valid=0.15, test=0.15)


def test_enough_images_can_be_compared_and_the_parts_are_checked_too() -> None:
    enough = read(images(*[0, 1] * 10))
    require_comparable(enough, valid=0.15, test=0.15)
    with pytest.raises(UsageError, match="expected valid and test to leave at least 2 images to train on"):
        require_comparable(enough, valid=10, test=10)


@pytest.mark.parametrize("source", ["x" * 5000, "~nobody-of-this-name/photos"])
def test_a_path_that_can_be_none_is_refused_in_a_sentence(source: str) -> None:
    with pytest.raises(UsageError, match=r"no such file or folder: .{1,200}; expected a path"):
        read(source)
