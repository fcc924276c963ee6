from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from packing import SOME, entry, png, tarred, zipped

from secondlook import read
from secondlook.data.read import members, unpack
from secondlook.errors import DataError
from secondlook.types import Fault, ImageSet

Photo = Callable[..., Path]


@pytest.fixture
def folder(photo: Photo, tmp_path: Path) -> Path:
    """Two classes of three images each: photos/cats and photos/dogs."""
    for i in range(6):
        photo(f"{'cats' if i < 3 else 'dogs'}/{i}.png", 10 * i, mode="L")
    return tmp_path / "photos"


def packed(folder: Path, file: Path) -> Path:
    """A folder as zip or tar, as the usual programs pack it: with an entry per folder, the folder itself on top."""
    paths = [folder, *sorted(folder.rglob("*"))]
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in paths:
                archive.write(path, path.relative_to(folder.parent))
    elif file.suffix == ".zst":
        with pa.CompressedOutputStream(str(file), "zstd") as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
            tar.add(folder, folder.name)
    else:
        kind = {".gz": "w:gz", ".tgz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}.get(file.suffix, "w")
        with tarfile.open(file, kind) as tar:  # type: ignore[call-overload]
            tar.add(folder, folder.name)
    return file


def assert_equal(images: ImageSet, others: ImageSet, above: str = "") -> None:
    assert_array_equal(images.pixels, others.pixels)
    assert_array_equal(images.labels, others.labels)
    assert_array_equal(images.ids, others.ids)
    assert images.classes == others.classes
    assert (images.parts is None) == (others.parts is None)
    if images.parts is not None and others.parts is not None:
        assert_array_equal(images.parts, others.parts)
    assert list(images.names) == [f"{above}{name}" for name in others.names]


def folders_of_classes(top: Path) -> None:
    for part, name, value in (("train", "a", 1), ("train", "b", 2), ("test", "a", 3), ("test", "b", 4)):
        (top / part / name).mkdir(parents=True)
        (top / part / name / f"{value}.png").write_bytes(png(value))


def manifest_beside_images(top: Path) -> None:
    (top / "images").mkdir()
    for i in range(4):
        (top / "images" / f"{i}.png").write_bytes(png(i))
    lines = [f"images/{i}.png,{'ab'[i % 2]},{'train' if i < 2 else 'test'}" for i in range(4)]
    (top / "labels.csv").write_text("\n".join(["path,label,part", *lines]))


def shards(top: Path) -> None:
    for part in ("train", "test"):
        table = pa.table({"image": pa.array([{"bytes": png(i)} for i in range(4)]), "label": [0, 1, 1, 0]})
        (top / "data").mkdir(exist_ok=True)
        pq.write_table(table, top / f"data/{part}-00000-of-00001.parquet")


def pixel_csv(top: Path) -> None:
    for part in ("train", "test"):
        x = np.random.default_rng(1).integers(0, 256, (3, 4))
        table = pd.DataFrame(x, columns=[f"pixel{i}" for i in range(4)]).assign(label=[1, 2, 3])
        table.to_csv(top / f"{part}.csv", index=False)


def idx(top: Path) -> None:
    x = np.random.default_rng(2).integers(0, 256, (3, 2, 2)).astype(np.uint8)
    for part in ("train", "t10k"):
        head = struct.pack(">4B3I", 0, 0, 8, 3, *x.shape)
        (top / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + x.tobytes()))
        (top / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 3) + b"\1\2\3")


def drawings(top: Path) -> None:
    for name in ("cat", "dog"):
        np.save(top / f"{name}.npy", np.random.default_rng(len(name)).integers(0, 256, (3, 784)).astype(np.uint8))


MAKERS: dict[str, Callable[[Path], None]] = {
    maker.__name__: maker for maker in (folders_of_classes, manifest_beside_images, shards, pixel_csv, idx, drawings)
}
KINDS = {"zip": "zip", "tar": "tar", "tar.gz": "tar.gz", "tgz": "tar.gz", "tar.bz2": "tar.bz2", "tar.xz": "tar.xz"}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("suffix", ["zip", "tar.gz"])
def test_a_set_in_an_archive_reads_as_the_unpacked_one(tmp_path: Path, maker: str, suffix: str) -> None:
    top = tmp_path / "photos"
    top.mkdir()
    MAKERS[maker](top)
    file = packed(top, tmp_path / f"set.{suffix}")
    images = read(file)
    plain = read(top)
    assert_equal(images, plain, "photos/")
    assert images.source == str(file)
    assert images.format == f"{suffix} archive of {plain.format}"
    assert images.faults == plain.faults == ()


@pytest.mark.parametrize("suffix", [*KINDS, "tar.zst"])
def test_every_kind_of_archive_is_told_by_its_content(folder: Path, tmp_path: Path, suffix: str) -> None:
    file = packed(folder, tmp_path / f"set.{suffix}")
    file = file.rename(tmp_path / "set without a suffix")
    images = read(file)
    assert_equal(images, read(folder), "photos/")
    assert images.format.startswith(f"{KINDS.get(suffix, suffix)} archive of a folder per class: 6 images")


def test_without_a_folder_on_top_names_are_as_in_the_folder(folder: Path, tmp_path: Path) -> None:
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")}
    assert_equal(read(zipped(tmp_path / "set.zip", contents)), read(folder))


def test_an_archive_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = zipped(tmp_path / "set.zip", {**SOME, "../evil.png": png(9)})
    first = read(file)
    with monkeypatch.context() as patch:
        patch.setattr(members, "members", None)
        patch.setattr(unpack, "members", None)
        again = read(file)
    assert_equal(again, first)
    assert again.faults == first.faults
    assert again.faults[0].kind == "unsafe"
    zipped(file, {**SOME, "cats/5.png": png(5)})
    assert len(read(file)) == 5


def test_without_the_cache_nothing_is_kept(tmp_path: Path, cache_of_the_test: Path) -> None:
    images = read(zipped(tmp_path / "set.zip", SOME), cache=False)
    assert len(images) == 4
    assert not list(cache_of_the_test.iterdir())


def test_a_single_class_on_top_stays_a_class(tmp_path: Path) -> None:
    images = read(zipped(tmp_path / "set.zip", {"cats/1.png": png(1), "__MACOSX/cats/._1.png": b"x", ".DS_Store": b""}))
    assert images.classes == ("cats",)
    assert list(images.names) == ["cats/1.png"]


def test_folders_on_top_are_descended_into(tmp_path: Path) -> None:
    images = read(zipped(tmp_path / "set.zip", {f"a/b/{name}": data for name, data in SOME.items()}))
    assert images.classes == ("cats", "dogs")
    assert images.names[0] == "a/b/cats/1.png"
    lines = b"file_name,label\n1.png,x\n2.png,y\nno.png,y\n"
    images = read(zipped(tmp_path / "b.zip", {"s/metadata.csv": lines, "s/1.png": png(1), "s/2.png": png(2)}))
    assert images.classes == ("x", "y")
    assert list(images.names) == ["s/1.png", "s/2.png"]
    assert images.faults[0].name == "s/metadata.csv:4 (no.png)"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_single_compressed_file_is_read(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    table = b"label,pixel0,pixel1,pixel2,pixel3\na,1,2,3,4\nb,5,6,7,8\n"
    suffix = {gzip.compress: "gz", bz2.compress: "bz2", lzma.compress: "xz"}[pack]
    (tmp_path / f"train.csv.{suffix}").write_bytes(pack(table))
    images = read(tmp_path / f"train.csv.{suffix}")
    assert images.format.startswith(f"{suffix} file of a pixel CSV (train.csv): 2 images of 2x2")
    assert list(images.names) == ["train.csv:2", "train.csv:3"]


def test_classes_named_in_utf8_without_saying_so_keep_their_names(tmp_path: Path) -> None:
    file = zipped(tmp_path / "set.zip", {"Käse/1.png": png(1), "Brot/2.png": png(2)})
    data = bytearray(file.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + flags + 1] &= ~0x08
            at = data.find(signature, at + 1)
    file.write_bytes(data)
    assert "Käse" not in zipfile.ZipFile(file).namelist()[0]
    assert read(file).classes == ("Brot", "Käse")


def test_a_zip_of_arrays_holds_a_class_each_or_images_and_labels(tmp_path: Path) -> None:
    arrays = {name: np.full((2, 784), i, np.uint8) for i, name in enumerate(("cat", "dog", "x"))}
    contents = {}
    for name, array in {**arrays, "y": np.array([5, 6])}.items():
        with io.BytesIO() as stream:
            np.save(stream, array)
            contents[f"{name}.npy"] = stream.getvalue()
    images = read(zipped(tmp_path / "drawings.zip", {name: contents[name] for name in ("cat.npy", "dog.npy")}))
    assert images.classes == ("cat", "dog")
    assert images.format.startswith("zip archive of a folder of 2 Quick Draw arrays: 4 drawings")
    assert read(zipped(tmp_path / "pair.zip", {name: contents[name] for name in ("x.npy", "y.npy")})).classes == (
        "5",
        "6",
    )


def test_a_zip_made_on_windows_has_its_folders(tmp_path: Path) -> None:
    contents = {"cats\\": b"", **{name.replace("/", "\\"): data for name, data in SOME.items()}}
    images = read(zipped(tmp_path / "set.zip", contents))
    assert list(images.names) == list(SOME)
    assert images.faults == ()


# Faults, one by one; the rest is read.


def damage(file: Path, needle: bytes, at: int = 0) -> None:
    data = bytearray(file.read_bytes())
    data[data.index(needle) + at] ^= 0xFF
    file.write_bytes(data)


def test_a_member_with_a_wrong_checksum_is_broken_and_the_others_are_read(
    tmp_path: Path, cache_of_the_test: Path
) -> None:
    file = zipped(tmp_path / "set.zip", SOME, zipfile.ZIP_STORED)
    damage(file, SOME["cats/2.png"], 60)
    images = read(file)
    assert len(images) == 3
    assert images.faults == (Fault("cats/2.png", "broken", "Bad CRC-32 for file 'cats/2.png'"),)
    assert not list(cache_of_the_test.rglob("2.png"))


def test_a_tar_that_ends_early_gives_what_it_holds(tmp_path: Path) -> None:
    whole = tarred(tmp_path / "set.tar", {**SOME, "dogs/5.png": os.urandom(5000)}).read_bytes()
    for cut, n in ((5 * 1024 - 512, 4), (4 * 1024 + 100, 4), (4 * 1024, 4), (1024 + 520, 1), (6000, 4)):
        file = tmp_path / f"{cut}.tar"
        file.write_bytes(whole[:cut])
        images = read(file)
        assert len(images) == n
        assert images.faults[-1].kind == "broken" or images.faults[0].kind == "broken"
        assert [f for f in images.faults if f.name == file.name and "what follows is lost" in f.reason]
    damaged = bytearray(whole)
    damaged[2048 + 150] ^= 0xFF
    (tmp_path / "header.tar").write_bytes(damaged)
    images = read(tmp_path / "header.tar")
    assert len(images) == 2
    assert images.faults[0].reason == "damaged behind 2 members, what follows is lost (no end mark)"


def test_a_compressed_tar_with_a_wrong_checksum_is_named(tmp_path: Path) -> None:
    file = tarred(tmp_path / "set.tar.gz", SOME, "w:gz")
    data = bytearray(file.read_bytes())
    data[-8] ^= 0xFF
    file.write_bytes(data)
    images = read(file)
    assert len(images) == 4
    assert "CRC check failed" in images.faults[0].reason


def test_names_that_clash_are_named_and_the_first_is_kept(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for name, value in (("a/1.png", 1), ("a/1.png", 2), ("a/A.png", 3), ("a/a.png", 4), ("b/1.png", 5), ("b", 6)):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("warnings.warn", lambda *_, **__: None)
                archive.writestr(name, png(value))
        archive.writestr("b/1.png/2.png", png(7))
    images = read(tmp_path / "set.zip")
    assert images.pixels.max(axis=(1, 2, 3)).tolist() == [1, 3, 4, 5]
    assert [(f.name, f.kind) for f in images.faults] == [
        ("a/1.png", "broken"),
        ("b", "broken"),
        ("b/1.png/2.png", "broken"),
    ]
    assert images.faults[0].reason == "a second member of this name"


def test_archives_inside_are_named_and_not_opened(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", SOME).read_bytes()
    images = read(zipped(tmp_path / "set.zip", {**SOME, "more/inner.zip": inner, "a.tar.gz": b"", "b.7z": b""}))
    assert len(images) == 4
    assert {(f.name, f.kind) for f in images.faults} == {
        *[("more/inner.zip", "ignored"), ("a.tar.gz", "ignored"), ("b.7z", "ignored")]
    }
    with pytest.raises(DataError, match=r"o\.zip: expected an archive of images, got one of archives \(inner\.zip\)"):
        read(zipped(tmp_path / "o.zip", {"inner.zip": inner}))
    (tmp_path / "inner.zip.gz").write_bytes(gzip.compress(inner))
    with pytest.raises(
        DataError, match=r"inner\.zip\.gz/inner\.zip: expected images, got an archive inside an archive"
    ):
        read(tmp_path / "inner.zip.gz")


def encrypted(file: Path) -> Path:
    """A zip whose members all say that they are encrypted."""
    data = bytearray(file.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while at >= 0:
            data[at + flags] |= 1
            at = data.find(signature, at + 1)
    file.write_bytes(data)
    return file


def test_an_encrypted_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"set\.zip: expected an archive without a password, got an encrypted one"):
        read(encrypted(zipped(tmp_path / "set.zip", SOME)))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("[Content_Types].xml", "got an Office document; save a table as CSV"),
        ("mimetype", "got a document or a program"),
        ("META-INF/MANIFEST.MF", "got a document or a program"),
        ("model/data.pkl", "got pickled objects of PyTorch, which could run code when loaded; save arrays as npz"),
    ],
)
def test_archives_of_another_purpose_are_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(DataError, match=rf"set\.zip: expected an archive of images, {message}"):
        read(zipped(tmp_path / "set.zip", {name: b"x", "media/image1.png": png(1)}))


def small_limit(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(unpack, name, value)


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "csv.gz"])
def test_a_bomb_is_refused_before_it_fills_the_disk(
    tmp_path: Path, cache_of_the_test: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_limit(monkeypatch, _LEAST=100_000)
    bomb = b"label,pixel0\n" + bytes(10**7)
    file = tmp_path / f"set.{kind}"
    if kind == "csv.gz":
        file.write_bytes(gzip.compress(bomb))
    else:
        (zipped if kind == "zip" else lambda f, c: tarred(f, c, "w:gz"))(file, {**SOME, "a.bin": bomb})
    message = (
        rf"set\.{kind}: expected an archive of at most .* GB once unpacked \(20 times its own size, at least 1 GB\)"
    )
    with pytest.raises(DataError, match=message):
        read(file)
    assert sum(path.stat().st_size for path in cache_of_the_test.rglob("*") if path.is_file()) < 10**6


def test_a_bomb_of_members_or_of_headers_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_limit(monkeypatch, _MOST_MEMBERS=3)
    with pytest.raises(DataError, match="expected an archive of at most"):
        read(zipped(tmp_path / "set.zip", SOME))
    small_limit(monkeypatch, _MOST_MEMBERS=100)
    with tarfile.open(tmp_path / "set.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("1.png")
        info.pax_headers = {"comment": "x" * 10**7}
        archive.addfile(info)
    with pytest.raises(
        DataError, match=r"set\.tar\.gz: expected an archive, got a damaged one \(a header that is too long"
    ):
        read(tmp_path / "set.tar.gz")


def test_no_more_is_written_than_a_member_says_it_holds(tmp_path: Path) -> None:
    file = zipped(tmp_path / "set.zip", {**SOME, "cats/9.png": bytes(100_000)})
    data = bytearray(file.read_bytes())
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(b"cats/9.png"))
    data[at + 24 : at + 28] = struct.pack("<I", 10)
    file.write_bytes(data)
    images = read(file)
    assert len(images) == 4
    assert [(f.name, f.kind) for f in images.faults] == [("cats/9.png", "broken")]


def test_a_member_shorter_than_it_says_is_broken(tmp_path: Path) -> None:
    member = members.Member("a", "file", 10, lambda: io.BytesIO(b"short"))
    with pytest.raises(EOFError, match="shorter than it says"):
        unpack._write(member, tmp_path / "a")
    assert not (tmp_path / "a").exists()
    unpack._write(members.Member("a", "file", 3, lambda: io.BytesIO(b"longer")), tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"lon"


def test_a_disk_that_is_full_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(unpack, "_write", full)
    with pytest.raises(DataError, match=r"set\.zip: expected room for what it holds in .*, got a full disk"):
        read(zipped(tmp_path / "set.zip", SOME))


def test_a_folder_too_deep_and_a_name_too_long_are_broken(tmp_path: Path) -> None:
    contents = {**SOME, f"{'d/' * 2000}1.png": png(1), f"cats/{'n' * 300}.png": png(1)}
    images = read(zipped(tmp_path / "set.zip", contents))
    assert len(images) == 4
    assert [f.reason for f in images.faults] == ["more than 64 folders deep", "File name too long"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.zip", b"PK\x05\x06" + bytes(18), r"a\.zip: expected an archive of images, got an empty one"),
        (
            "a.zip",
            b"PK\x03\x04" + bytes(100),
            r"a\.zip: expected an archive, got a damaged one \(File is not a zip file",
        ),
        ("a.tar", bytes(10240), r"got a file of an unknown type \(\.tar\)"),
        (
            "a.csv.gz",
            gzip.compress(bytes(range(256)) * 40)[:-20],
            r"a\.csv\.gz: expected a compressed file, got a damaged",
        ),
        ("a.gz", b"\x1f\x8b\x08" + bytes(100), r"a\.gz: expected a compressed file, got a damaged one"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(100), "got an archive that is neither zip nor tar; unpack it"),
        (
            "x.txt.gz",
            gzip.compress(b"hello", mtime=0),
            r"x\.txt\.gz/x\.txt: expected .*, got a file of an unknown type \(\.txt\)",
        ),
    ],
)
def test_archives_that_cannot_be_read_are_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path / name)


def test_an_archive_of_nothing_that_may_be_unpacked_is_refused_with_the_first_reason(tmp_path: Path) -> None:
    message = r"set\.tar: expected an archive of images, got none; a: a link, which could lead out of the archive"
    with pytest.raises(DataError, match=message):
        read(tarred(tmp_path / "set.tar", {"a": entry("a", tarfile.SYMTYPE, "b")}))


def test_errors_name_the_archive_and_not_the_cache(tmp_path: Path, cache_of_the_test: Path) -> None:
    file = zipped(tmp_path / "set.zip", {"s/train.csv": b"label,pixel0\n1,x\n", "s/readme.md": b""})
    with pytest.raises(DataError, match=r"set\.zip/s/train\.csv, line 2: expected a number") as caught:
        read(file)
    assert str(cache_of_the_test) not in str(caught.value)
    with pytest.raises(DataError, match=r"set\.zip: expected no faults with --strict, got \.\./evil\.png"):
        read(zipped(file, {**SOME, "../evil.png": b""}), strict=True)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("archives")
    return {
        "zip": zipped(folder / "a.zip", SOME).read_bytes(),
        "tar": tarred(folder / "a.tar", dict(SOME)).read_bytes(),
        "tar.gz": tarred(folder / "a.tar.gz", dict(SOME), "w:gz").read_bytes(),
        "tar.xz": tarred(folder / "a.tar.xz", dict(SOME), "w:xz").read_bytes(),
    }


@given(
    st.sampled_from(["zip", "tar", "tar.gz", "tar.xz"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=3),
    st.one_of(st.just(1.0), st.floats(0, 1)),
)
def test_any_damage_ends_in_images_or_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory,
    archives: dict[str, bytes],
    kind: str,
    flips: list[tuple[float, int]],
    rest: float,
) -> None:
    content = bytearray(archives[kind])
    for at, value in flips:
        content[int(at * len(content))] = value
    file = tmp_path_factory.mktemp("damaged") / f"a.{kind}"
    file.write_bytes(content[: int(rest * len(content))])
    try:
        images, said = read(file, cache=False), ""
    except DataError as error:
        images, said = None, str(error)
    assert str(file) in said if images is None else len(images) > 0


def test_an_archive_that_is_replaced_by_one_of_its_size_and_date_is_unpacked_anew(tmp_path: Path) -> None:
    file = tmp_path / "set.zip"
    for value in (10, 20):
        zipped(file, {f"{name}/1.png": png(value) for name in ("a", "b")})
        os.utime(file, ns=(10**18, 10**18))
        assert read(file).pixels.max() == value
