from __future__ import annotations

import gzip
import hashlib
import io
import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from web import Web, serving

from secondlook import read
from secondlook.data.read import named
from secondlook.data.read.cache import clear_cache
from secondlook.data.read.named import NAMED_SETS, sets_folder
from secondlook.errors import DataError, UsageError

RNG = np.random.default_rng(8)
BITMAPS = {name: RNG.integers(0, 256, (n, 784)).astype(np.uint8) for name, n in [("cat", 4), ("ice cream", 3)]}


def idx_file(array: np.ndarray) -> bytes:
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes(), mtime=0)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


IDX = {
    "train-images-idx3-ubyte.gz": idx_file(RNG.integers(0, 256, (20, 28, 28))),
    "train-labels-idx1-ubyte.gz": idx_file(np.arange(20) % 10),
    "t10k-images-idx3-ubyte.gz": idx_file(RNG.integers(0, 256, (10, 28, 28))),
    "t10k-labels-idx1-ubyte.gz": idx_file(np.arange(10)),
}


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """The public addresses, here: the first of two has nothing."""
    with serving() as web:
        web.files = {f"/mnist/{name}": content for name, content in IDX.items()}
        web.files |= {f"/bitmap/{name.replace(' ', '%20')}.npy": npy(array) for name, array in BITMAPS.items()}
        sums = {name: hashlib.md5(content).hexdigest() for name, content in IDX.items()}
        for name, known in NAMED_SETS.items():
            here = replace(known, addresses=(web.address("/gone/"), web.address("/mnist/")), files=sums)
            monkeypatch.setitem(NAMED_SETS, name, here)
        monkeypatch.setattr(named, "QUICK_DRAW", web.address("/bitmap/"))
        yield web


@pytest.fixture
def no_network(web: Web) -> str:
    """An address where nobody answers."""
    web.shutdown()
    web.socket.close()
    return web.address()


def test_a_public_set_is_downloaded_once_and_read_with_its_parts(web: Web) -> None:
    images = read("mnist")
    assert images.pixels.shape == (30, 28, 28, 1)
    assert images.parts is not None
    assert images.parts.tolist() == ["train"] * 20 + ["test"] * 10
    assert images.source == "mnist"
    assert images.format.endswith(f"; from {sets_folder() / 'mnist'}")
    assert sorted(p.name for p in (sets_folder() / "mnist").iterdir()) == sorted(IDX)
    asked = len(web.asked)
    assert asked == 8  # every file at the mirror that has nothing, too
    assert_array_equal(read("mnist").ids, images.ids)
    assert len(web.asked) == asked


def test_classes_carry_the_names_that_the_set_gives_them(web: Web) -> None:
    assert read("fashion-mnist").classes[0] == "T-shirt/top"
    assert read("kmnist").classes == ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")
    assert read("mnist").classes == tuple("0123456789")


def test_sets_stay_when_the_cache_is_cleared(web: Web) -> None:
    read("mnist")
    clear_cache()
    assert (sets_folder() / "mnist" / "t10k-labels-idx1-ubyte.gz").exists()


def test_sets_lie_where_the_user_wants_them(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECONDLOOK_SETS", str(tmp_path / "mine"))
    read("mnist")
    assert (tmp_path / "mine" / "mnist" / "train-images-idx3-ubyte.gz").exists()


def test_files_placed_by_hand_are_read_as_they_are(web: Web) -> None:
    folder = sets_folder() / "mnist"
    folder.mkdir(parents=True)
    for name, content in IDX.items():  # some unpacked, some packed again
        unpacked = gzip.decompress(content)
        if "train" in name:
            (folder / name.removesuffix(".gz")).write_bytes(unpacked)
        else:
            (folder / name).write_bytes(gzip.compress(unpacked, 1))
    (folder / ".train-images-idx3-ubyte.gz.part").write_bytes(IDX["train-images-idx3-ubyte.gz"][:50])
    assert len(read("mnist")) == 30
    assert web.asked == []


def test_without_a_network_the_sentence_says_which_files_to_place_where(no_network: str) -> None:
    folder = sets_folder() / "mnist"
    folder.mkdir(parents=True)
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(IDX["train-labels-idx1-ubyte.gz"])
    files = "train-images-idx3-ubyte.gz, t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz"
    message = (
        f"mnist: expected {files} in {folder}, and could not download train-images-idx3-ubyte.gz "
        f"({no_network}gone/train-images-idx3-ubyte.gz: Connection refused; "
        f"{no_network}mnist/train-images-idx3-ubyte.gz: Connection refused); "
        f"place {files} from {no_network}gone/ in {folder}"
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        read("mnist")


def test_a_file_with_another_checksum_is_not_taken(web: Web) -> None:
    web.files["/mnist/t10k-labels-idx1-ubyte.gz"] = IDX["train-labels-idx1-ubyte.gz"]
    with pytest.raises(DataError, match=r"could not download t10k-labels.*sent a file with another checksum"):
        read("mnist")
    there = {p.name for p in (sets_folder() / "mnist").iterdir()}
    assert there == {*IDX} - {"t10k-labels-idx1-ubyte.gz"}


def test_quick_draw_reads_the_categories_asked_for_and_no_others(web: Web) -> None:
    assert read("quickdraw:cat").counts() == {"cat": 4}
    images = read("quickdraw: ice cream,cat,cat")
    assert images.counts() == {"cat": 4, "ice cream": 3}
    assert_array_equal(images.pixels.reshape(7, 784), np.concatenate([BITMAPS["cat"], BITMAPS["ice cream"]]))
    assert images.source == "quickdraw: ice cream,cat,cat"
    assert [path for path, _ in web.asked] == ["/bitmap/cat.npy", "/bitmap/ice%20cream.npy"]
    assert read("quickdraw:ice cream").counts() == {"ice cream": 3}


def test_a_quick_draw_file_saved_from_a_browser_is_taken(web: Web) -> None:
    folder = sets_folder() / "quickdraw"
    folder.mkdir(parents=True)
    np.save(folder / "full_numpy_bitmap_cat.npy", BITMAPS["cat"])
    assert read("quickdraw:cat").counts() == {"cat": 4}
    assert web.asked == []


def test_a_category_that_google_does_not_have_is_said(web: Web) -> None:
    with pytest.raises(DataError, match=r"could not download unicorn\.npy \(.*/bitmap/unicorn\.npy: answered 404"):
        read("quickdraw:cat,unicorn")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<html>", "sent a file that is not a whole NumPy array"),
        (npy(BITMAPS["cat"])[:-1], "sent a file that is not a whole NumPy array"),
        (npy(BITMAPS["cat"]) + b"x", "sent 3,265 bytes instead of 3,264"),
        (npy(BITMAPS["cat"].astype(np.int16)), r"sent an array of int16 of shape \(4, 784\), not rows of 784 bytes"),
        (npy(BITMAPS["cat"][:, :9]), r"sent an array of uint8 of shape \(4, 9\), not rows of 784 bytes"),
    ],
)
def test_an_array_that_is_no_whole_set_of_bitmaps_is_not_taken(web: Web, content: bytes, reason: str) -> None:
    web.files["/bitmap/cat.npy"] = content
    with pytest.raises(DataError, match=reason):
        read("quickdraw:cat")
    assert list((sets_folder() / "quickdraw").iterdir()) == []


@pytest.mark.parametrize("name", ["quickdraw:", "quickdraw: , ", "quickdraw:../cat", "quickdraw:cat,/etc/passwd"])
def test_what_can_be_no_category_is_refused(web: Web, name: str) -> None:
    with pytest.raises(UsageError, match="expected names of Quick Draw categories, such as quickdraw:cat,dog or"):
        read(name)
    assert web.asked == []


def test_a_path_is_a_path_where_there_is_one(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mnist").mkdir()
    np.save(tmp_path / "mnist" / "cat.npy", BITMAPS["cat"])
    monkeypatch.chdir(tmp_path)
    assert len(read("./mnist")) == len(read(Path("mnist"))) == 4
    assert len(read("mnist")) == 30
    assert read(Path("kmnist")).source == "kmnist"


def test_an_unknown_name_is_refused_with_the_names_that_are_known() -> None:
    known = (
        "one of the built-in sets digits and slash, or a public set: mnist, fashion-mnist, kmnist, quickdraw:cat,dog"
    )
    with pytest.raises(UsageError, match=f"no such file or folder: cifar10; expected a path, or {known}$"):
        read("cifar10")


def test_the_sums_are_those_of_the_files_as_published(real_data: Path) -> None:
    found = {
        (name, file): hashlib.md5((real_data / name.replace("-", "_") / file).read_bytes()).hexdigest()
        for name in ("mnist", "fashion-mnist")
        for file in NAMED_SETS[name].files
    }
    same = {(name, file) for (name, file), sum_ in found.items() if NAMED_SETS[name].files[file] == sum_}
    # A copy may have been packed again; labels usually are as they were published.
    assert {(name, file) for name, file in found if "labels" in file} <= same


def test_the_real_files_are_read_under_their_name(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sets_folder().mkdir()
    (sets_folder() / "fashion-mnist").symlink_to(real_data / "fashion_mnist")
    images = read("fashion-mnist")
    assert images.pixels.shape == (70_000, 28, 28, 1)
    assert images.counts() == dict.fromkeys(NAMED_SETS["fashion-mnist"].classes, 7000)
