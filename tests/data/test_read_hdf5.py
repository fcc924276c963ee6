from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from secondlook import ImageSet, read
from secondlook.data.read import hdf5, large
from secondlook.errors import DataError
from secondlook.types import Fault

RNG = np.random.default_rng(7)
X = RNG.integers(0, 256, (6, 5, 5)).astype(np.uint8)
Y = np.array([0, 1, 2, 0, 1, 2])

Write = Callable[[h5py.File], object]


def written(folder: Path, write: Write, **options: Any) -> Path:
    with h5py.File(folder / "set.h5", "w", **options) as file:
        write(file)
    return folder / "set.h5"


def pair(file: h5py.File, x: Any = X, y: Any = Y) -> None:
    file["x"], file["y"] = x, y


@settings(deadline=None)
@given(
    hnp.arrays(st.sampled_from(["|u1", ">u2", "<f4", ">f8", "<i8"]),
               st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 3])),
               elements=st.integers(17, 127)),
    st.sampled_from([{}, {"chunks": True}, {"compression": "gzip", "shuffle": True}, {"fletcher32": True}]),
)  # fmt: skip
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, x: np.ndarray, options: dict[str, Any]
) -> None:
    def write(file: h5py.File) -> None:
        file.create_dataset("images", data=x, **options)
        file["labels"] = np.arange(len(x)) % 2

    images = read(written(tmp_path_factory.mktemp("h5"), write))
    assert_array_equal(images.pixels, x)
    assert images.labels.tolist() == [i % 2 for i in range(len(x))]


@pytest.mark.parametrize("keys", [("x", "y"), ("X", "y"), ("images", "labels"), ("data", "target")])
@pytest.mark.parametrize("above", ["", "mine/", "mine/set/"])
def test_the_usual_names_are_known(tmp_path: Path, keys: tuple[str, str], above: str) -> None:
    def write(file: h5py.File) -> None:
        file[above + keys[0]], file[above + keys[1]] = X, Y[:, None]

    images = read(written(tmp_path, write))
    assert_array_equal(images.pixels[..., 0], X)
    assert_array_equal(images.labels, Y)
    assert images.names[3] == f"{keys[0]}:3"
    assert images.format == f"HDF5 with {keys[0]} and {keys[1]}: 6 images of 5x5, grey, 3 classes"


@pytest.mark.parametrize("names", [("{part}/data", "{part}/target"), ("{part}/images", "{part}/labels"),
                                   ("x_{part}", "y_{part}"), ("{part}_set_x", "{part}_set_y"), ("x/{part}", "y/{part}")
                                   ])  # fmt: skip
def test_parts_are_groups_or_words_in_names(tmp_path: Path, names: tuple[str, str]) -> None:
    def write(file: h5py.File) -> None:
        for part, rows in (("train", slice(0, 4)), ("test", slice(4, 6))):
            file[names[0].format(part=part)], file[names[1].format(part=part)] = X[rows], Y[rows]

    images = read(written(tmp_path, write))
    assert images.parts is not None
    assert images.parts.tolist() == ["train"] * 4 + ["test"] * 2
    assert_array_equal(images.pixels[..., 0], X)


def test_channels_first_and_truth_values_are_read(tmp_path: Path) -> None:
    colour = RNG.integers(0, 256, (6, 5, 5, 3)).astype(np.uint8)
    images = read(written(tmp_path, lambda file: pair(file, np.moveaxis(colour, 3, 1))))
    assert_array_equal(images.pixels, colour)
    assert "channels moved last" in images.format
    assert_array_equal(read(written(tmp_path, lambda file: pair(file, X > 99))).pixels[..., 0], (X > 99) * 255)


def test_labels_may_be_text(tmp_path: Path) -> None:
    text = ["dög", "cat", "ant", "dög", "cat", "ant"]
    images = read(written(tmp_path, lambda file: pair(file, y=text)))
    assert [images.classes[i] for i in images.labels] == text
    images = read(written(tmp_path, lambda file: pair(file, y=np.array([t.encode() for t in text]))))
    assert [images.classes[i] for i in images.labels] == text


CLASSES = ["zebra", "änt", "10"]


@pytest.mark.parametrize(
    "name_them",
    [
        lambda file: file.create_dataset("classes", data=CLASSES),
        lambda file: file.create_dataset("list_classes", data=np.array([c.encode() for c in CLASSES])),
        lambda file: file.attrs.create("class_names", CLASSES),
        lambda file: file["y"].attrs.create("names", CLASSES),
    ],
)
def test_class_names_are_a_data_set_or_an_attribute(tmp_path: Path, name_them: Write) -> None:
    def write(file: h5py.File) -> None:
        pair(file)
        name_them(file)

    images = read(written(tmp_path, write))
    assert images.classes == tuple(CLASSES)
    assert_array_equal(images.labels, Y)


def test_class_names_that_are_no_text_are_refused(tmp_path: Path) -> None:
    def write(file: h5py.File) -> None:
        pair(file)
        file["classes"] = [1, 2, 3]

    with pytest.raises(DataError, match=r"set\.h5: expected class names as a list of text, got int64"):
        read(written(tmp_path, write))


def test_without_labels_it_reads_as_unlabelled(tmp_path: Path) -> None:
    assert read(written(tmp_path, lambda file: file.create_dataset("images", data=X))).classes == ()


def test_it_is_known_by_its_content_behind_a_block_of_the_users_too(tmp_path: Path) -> None:
    file = written(tmp_path, pair, userblock_size=1024)
    renamed = file.rename(tmp_path / "set.data")
    assert_array_equal(read(renamed).pixels[..., 0], X)
    (tmp_path / "other").write_bytes(bytes(3000))
    assert not hdf5.recognises(tmp_path / "other")
    assert not hdf5.recognises(tmp_path)


# --- nothing outside the file is read


def link_out(file: h5py.File) -> None:
    file["x"] = h5py.ExternalLink("secret.h5", "/x")
    file["y"] = Y


def link_within_to_a_link_out(file: h5py.File) -> None:
    file["out"] = h5py.ExternalLink("secret.h5", "/")
    file["x"] = h5py.SoftLink("/out/x")
    file["y"] = Y


def group_out(file: h5py.File) -> None:
    file["train"] = h5py.ExternalLink("secret.h5", "/")


def stored_outside(file: h5py.File) -> None:
    file.create_dataset("x", X.shape, "u1", external=[(str(Path(file.filename).parent / "secret.bin"), 0, X.size)])
    file["y"] = Y


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout(X.shape, "u1")
    layout[:] = h5py.VirtualSource(str(Path(file.filename).parent / "secret.h5"), "x", X.shape)
    file.create_virtual_dataset("x", layout)
    file["y"] = Y


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (link_out, "got x, a link, which is not followed; copy the data into it"),
        (link_within_to_a_link_out, "got out, a link, which is not followed"),
        (group_out, "got train, a link, which is not followed"),
        (stored_outside, "x: expected the data in the file itself, got a data set that keeps them in other files"),
        (virtual, "x: expected the data in the file itself, got a data set that keeps them in other files"),
    ],
)
def test_what_lies_in_other_files_is_never_read(tmp_path: Path, write: Write, message: str) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as secret:
        pair(secret)
    (tmp_path / "secret.bin").write_bytes(X.tobytes())
    with pytest.raises(DataError, match=message):
        read(written(tmp_path, write))


def test_a_link_beside_sound_data_is_named_and_not_followed(tmp_path: Path) -> None:
    def write(file: h5py.File) -> None:
        pair(file)
        file["more"] = h5py.ExternalLink("secret.h5", "/x")

    images = read(written(tmp_path, write))
    assert [(fault.name, fault.kind) for fault in images.faults] == [("more", "unsafe")]


def test_a_group_that_holds_itself_does_not_trap(tmp_path: Path) -> None:
    def write(file: h5py.File) -> None:
        pair(file.create_group("set"))
        file["set/again"] = file["set"]

    assert len(read(written(tmp_path, write))) == 6


# --- what is wrong is said


def huge(file: h5py.File) -> None:
    file.create_dataset("x", (10**9, 1000, 1000), "u1", chunks=(1, 1000, 1000), compression="gzip")[0] = 1
    file["y"] = Y


def huge_chunk(file: h5py.File) -> None:
    file.create_dataset("x", (6, 2**14, 2**14), "u1", chunks=(1, 2**14, 2**14), compression="gzip")
    file["x"].id.write_direct_chunk((0, 0, 0), b"x" * 4_000_000)
    file["y"] = Y


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (huge, r"set\.h5, x: .* got one that says it holds 1,000,000\.0 GB in [0-9,]+ bytes of the file"),
        (huge_chunk, r"set\.h5, x: expected chunks of at most 134 MB, got chunks of \(1, 16384, 16384\)"),
        (lambda f: pair(f, h5py.Empty("f4")), "x: expected an array of data, got one of no shape that was never"),
        (lambda f: (f.create_dataset("x", (6, 5, 5), "u1", chunks=(1, 5, 5)), f.create_dataset("y", data=Y)),
         r"got one of shape \(6, 5, 5\) that was never written"),
        (lambda f: pair(f, y=3), r"expected one label per image, got an array of shape \(\)"),
        (lambda f: pair(f, y=np.zeros((6, 14))), "expected one label per image, got 14 per image"),
        (lambda f: pair(f, y=Y[:4]), "expected as many labels as images, got 4 labels and 6 images"),
        (lambda f: pair(f, np.zeros(6, [("a", "u1"), ("b", "f4")])), "got records of a, b; save the images"),
        (lambda f: pair(f, X.astype(np.complex64)), "expected images as arrays of numbers, got an array of complex64"),
        (lambda f: f.create_dataset("a", data=X), "expected arrays named x and y, .*, got a; rename them"),
        (lambda f: None, "expected arrays named x and y, .*, got nothing"),
    ],
)  # fmt: skip
def test_what_is_no_labelled_set_is_refused_in_a_sentence(tmp_path: Path, write: Write, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(written(tmp_path, write))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_file_that_is_cut_off_is_named(tmp_path: Path, share: float) -> None:
    file = written(tmp_path, pair)
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])
    with pytest.raises(DataError, match=r"set\.h5: expected an HDF5 file, got a damaged one \(.*truncated"):
        read(file)


def test_a_damaged_chunk_is_named(tmp_path: Path) -> None:
    def write(file: h5py.File) -> None:
        file.create_dataset("x", data=X, compression="gzip", chunks=(3, 5, 5))
        file["y"] = Y

    file = written(tmp_path, write)
    with h5py.File(file) as sound:
        chunk = sound["x"].id.get_chunk_info(1)
    data = bytearray(file.read_bytes())
    data[chunk.byte_offset : chunk.byte_offset + 8] = bytes(8)
    file.write_bytes(data)
    with pytest.raises(DataError, match=r"set\.h5, x: expected an HDF5 file, got a damaged one"):
        read(file)


# --- large ones


def mapped(folder: Path, write: Write, monkeypatch: pytest.MonkeyPatch, **options: Any) -> ImageSet:
    monkeypatch.setenv("SECONDLOOK_CACHE", str(folder / "cache"))
    for module in ("hdf5", "large", "arrays"):
        monkeypatch.setattr(f"secondlook.data.read.{module}.LARGE", 100)
    return read(written(folder, write, **options))


@pytest.mark.parametrize("userblock", [0, 512])
def test_a_large_data_set_in_one_piece_is_mapped_where_it_lies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, userblock: int
) -> None:
    images = mapped(tmp_path, pair, monkeypatch, userblock_size=userblock)
    assert isinstance(images.pixels, np.memmap)
    assert images.pixels.filename == tmp_path / "set.h5"
    assert_array_equal(images.pixels[..., 0], X)


@pytest.mark.parametrize("block", [60, 10_000])
def test_a_large_data_set_in_chunks_is_read_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    def write(file: h5py.File) -> None:
        file.create_dataset("x", data=X, compression="gzip", chunks=(4, 5, 2))
        file["y"] = Y

    for module in (hdf5, large):
        monkeypatch.setattr(module, "BLOCK", block)
    images = mapped(tmp_path, write, monkeypatch)
    assert isinstance(images.pixels, np.memmap)
    assert images.pixels.filename is None
    assert_array_equal(images.pixels[..., 0], X)


def test_a_group_that_holds_itself_many_times_does_not_trap(tmp_path: Path) -> None:
    def write(file: h5py.File) -> None:
        group = file.create_group("train")
        group["x"], group["y"] = X, Y
        for i in range(30):
            group[f"again{i}"] = group

    with h5py.File(written(tmp_path, write)) as file:
        assert [name for name, _ in hdf5._sets(file, [])] == ["train/x", "train/y"]


def test_labels_in_another_encoding_stay_different(tmp_path: Path) -> None:
    y = np.array([b"caf\xe9", b"caf\xe8", b"tea"] * 2)
    assert read(written(tmp_path, lambda file: pair(file, y=y))).classes == ("caf\\xe8", "caf\\xe9", "tea")


def test_a_web_of_links_is_walked_so_far_and_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5, "_MOST_IN_ALL", 1000)

    def write(file: h5py.File) -> None:
        pair(file)
        # Twenty names each for the group below: 160,000 ways down through five groups.
        groups = [file.create_group("level0"), *(h5py.Group(h5py.h5g.create(file.id, None)) for _ in range(4))]
        for upper, lower in pairwise(groups):
            for i in range(20):
                upper[f"way{i}"] = lower
        pair(groups[-1])

    file = written(tmp_path, write)
    with h5py.File(file) as opened:
        faults: list[Fault] = []
        assert [name for name, _ in hdf5._sets(opened, faults)] == ["x", "y"]
    assert len(faults) == 1
    assert re.fullmatch("not looked into, after 1,0[0-9][0-9] names", faults[0].reason)
    assert len(read(file)) == 6
