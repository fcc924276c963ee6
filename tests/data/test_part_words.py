from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from secondlook import read
from secondlook.data.audit import Measured
from secondlook.data.plan import plan
from secondlook.data.words import few, part_of, repeats, seen_in_training
from secondlook.errors import DataError

X = np.random.default_rng(0).integers(0, 255, (6, 4, 4)).astype(np.uint8)
Y = np.array([0, 1, 0, 1, 0, 1], np.uint8)
OTHERS = {"val": "valid", "valid": "valid", "validation": "valid", "test": "test", "testing": "test", "t10k": "test"}


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train", "train"),
        ("emnist-letters-test", "test"),
        ("Hot_Validation.v2", "valid"),
        ("t10k-images", "test"),
        ("trained", None),
        ("", None),
    ],
)
def test_a_name_tells_its_part_by_a_whole_word(name: str, part: str | None) -> None:
    assert part_of(name) == part


def as_folders(path: Path, word: str) -> None:
    for part in ("training", word.capitalize()):
        for i in range(6):
            file = path / part / str(Y[i]) / f"{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(X[i]).save(file)


def as_npz(path: Path, word: str) -> None:
    np.savez(path, x_training=X, y_training=Y, **{f"x_{word}": X, f"y_{word}": Y})


def as_csvs(path: Path, word: str) -> None:
    path.mkdir()
    header = ",".join(["label", *(f"pixel{i}" for i in range(16))])
    table = np.column_stack([Y, X.reshape(6, -1)])
    for part in ("training", word):
        np.savetxt(path / f"{part}.csv", table, "%d", ",", header=header, comments="")


def as_idx(path: Path, word: str) -> None:
    path.mkdir()
    for part in ("training", word):
        for kind, a in (("images-idx3", X), ("labels-idx1", Y)):
            shape = b"".join(n.to_bytes(4, "big") for n in a.shape)
            (path / f"{part}-{kind}-ubyte").write_bytes(bytes([0, 0, 8, a.ndim]) + shape + a.tobytes())


@pytest.mark.parametrize("word", OTHERS)
@pytest.mark.parametrize(("write", "name"), [(as_folders, "d"), (as_npz, "d.npz"), (as_csvs, "d"), (as_idx, "d")])
def test_every_format_knows_the_same_words_for_parts(tmp_path: Path, write: object, name: str, word: str) -> None:
    write(tmp_path / name, word)  # type: ignore[operator]
    images = read(tmp_path / name)
    assert images.parts is not None
    assert len(images) == 12
    for part, where in zip(images.parts.tolist(), images.names, strict=True):
        assert part == ("train" if "training" in where else OTHERS[word])


@pytest.mark.parametrize("keys", [("x_val", "x_valid"), ("x_train", "x_training"), ("x_test", "test_images")])
def test_two_pairs_for_one_part_of_an_npz_are_refused(tmp_path: Path, keys: tuple[str, str]) -> None:
    arrays = {"x_train": X, "y_train": Y}
    for key in keys:
        arrays |= {key: X, key.replace("x_", "y_").replace("images", "labels"): Y}
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(DataError, match=r"d\.npz: expected one pair of arrays per part, got .* and .*; keep one"):
        read(tmp_path / "d.npz")


@pytest.mark.parametrize(("n", "said"), [(0, ""), (1, "1"), (12, "12"), (12_345, "12,345")])
def test_what_a_split_says_of_repeats_is_read_back(n: int, said: str) -> None:
    method = f"{repeats(7, 40, 'test', 'valid')}; {repeats(3, 40, 'valid', 'train')}; class 2 is not in training"
    if n:
        method = f"the source's own train and test; {repeats(n, 60_000, 'test', 'train')}; {method}"
    assert seen_in_training(method) == said


def test_a_long_list_of_names_is_cut() -> None:
    assert few(["a"]) == "a"
    assert few(["a", "b", "c"]) == "a, b, c"
    assert few([*"abcdefg"]) == "a, b, c and 4 more"


def folders_without_train(path: Path) -> Path:
    for part in ("val", "test"):
        for i in range(12):
            file = path / "photos" / part / "ab"[i % 2] / f"{i}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (4, 4), i).save(file)
    return path / "photos"


def npz_without_train(path: Path) -> Path:
    x, y = np.arange(192, dtype=np.uint8).reshape(12, 4, 4), np.arange(12) % 2
    np.savez(path / "set.npz", x_val=x, y_val=y, x_test=x, y_test=y)
    return path / "set.npz"


@pytest.mark.parametrize("write", [folders_without_train, npz_without_train])
def test_valid_and_test_without_train_are_kept_and_not_compared(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    images = read(write(tmp_path))
    assert images.parts is not None
    assert {*images.parts.tolist()} == {"valid", "test"}
    assert images.format.endswith("2 classes; no part to train on")
    message = (
        "expected a training part beside its own valid and test, got none; call one of them train, or give the images"
    )
    with pytest.raises(DataError, match=message):
        plan(Measured(images))


def test_a_test_part_alone_is_divided_and_that_is_said(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x_test=X, y_test=Y)
    images = read(tmp_path / "set.npz")
    assert images.parts is None
    assert images.format.endswith("2 classes; no other part beside test, so divided like a set without parts")
