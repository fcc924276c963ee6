"""Nothing in the data is executed or followed."""

from __future__ import annotations

import io
import os
import pickle
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
from packing import SOME, entry, png, tarred, zipped

from secondlook import read
from secondlook.data.read.places import Lost, Places
from secondlook.errors import DataError
from secondlook.types import Fault

Photo = Callable[..., Path]


@pytest.fixture
def folder(photo: Photo, tmp_path: Path) -> Path:
    """Two classes of three images each: photos/cats and photos/dogs."""
    for i in range(6):
        photo(f"{'cats' if i < 3 else 'dogs'}/{i}.png", 10 * i, mode="L")
    return tmp_path / "photos"


class Evil:
    """Makes a folder when it is loaded."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("inner", ["cat.npy", "set.npz"])
@pytest.mark.parametrize("make", [zipped, tarred])
def test_pickles_in_an_archive_are_not_run(tmp_path: Path, inner: str, make: Callable[..., Path]) -> None:
    evil = tmp_path / "evil"
    array = np.array([Evil(evil), 1], dtype=object)
    with io.BytesIO() as stream:
        if inner.endswith("npy"):
            np.save(stream, array, allow_pickle=True)
        else:
            np.savez(stream, x=np.zeros((2, 2, 2)), y=array)
        content = stream.getvalue()
    for contents in ({inner: content}, {f"a/{inner}": content, "a/b.txt": b"hello"}):
        with pytest.raises(DataError):
            read(make(tmp_path / "set", contents))
    assert not evil.exists()
    pickle.loads(
        content[content.index(b"\x80\x04\x95") :]
    )  # loaded as they should not be, the same bytes do their work
    assert evil.exists()


SLIPS = [
    *("../../evil.png", "/evil.png", "cats/../../../evil.png", "..\\..\\evil.png", "\\evil.png", "C:\\evil.png"),
    *("C:evil.png", "\\\\server\\share\\evil.png", "..", "cats/.."),
]


def paths_below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_members_that_lead_out_are_named_and_not_unpacked(tmp_path: Path, cache_of_the_test: Path, kind: str) -> None:
    slips = [*SLIPS, f"{tmp_path}/evil.png"]
    contents = {**SOME, **dict.fromkeys(slips, png(9))}
    make: Any = zipped if kind == "zip" else tarred
    file = make(tmp_path / f"set.{kind}", contents)
    before = paths_below(tmp_path)
    images = read(file)
    assert len(images) == 4
    assert sorted(f.name for f in images.faults) == sorted(slips)
    assert {f.kind for f in images.faults} == {"unsafe"}
    assert paths_below(tmp_path) == before
    assert not Path("/evil.png").exists()
    assert not [path for path in cache_of_the_test.rglob("*") if "evil" in path.name]


def test_links_and_devices_in_a_tar_are_named_and_not_made(
    folder: Path, tmp_path: Path, cache_of_the_test: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "1.png").write_bytes(png(99))
    contents: dict[str, Any] = {
        "cats/link.png": entry("cats/link.png", tarfile.SYMTYPE, str(secret / "1.png")),
        "cats/inside.png": entry("cats/inside.png", tarfile.SYMTYPE, "1.png"),
        "cats/hard.png": entry("cats/hard.png", tarfile.LNKTYPE, str(secret / "1.png")),
        "birds": entry("birds", tarfile.SYMTYPE, str(secret)),
        # Written through the link, this would replace the file outside.
        "birds/1.png": png(7),
        "up": entry("up", tarfile.SYMTYPE, "../../.."),
        "up/2.png": png(8),
        "pipe.png": entry("pipe.png", tarfile.FIFOTYPE),
        "disk.png": entry("disk.png", tarfile.BLKTYPE),
        "tty.png": entry("tty.png", tarfile.CHRTYPE),
        **SOME,
    }
    images = read(tarred(tmp_path / "set.tar", contents))
    unsafe = {f.name for f in images.faults if f.kind == "unsafe"}
    assert unsafe == {
        *("cats/link.png", "cats/inside.png", "cats/hard.png", "birds", "up", "pipe.png", "disk.png", "tty.png")
    }
    assert (secret / "1.png").read_bytes() == png(99)
    assert [path.name for path in secret.iterdir()] == ["1.png"]
    # What lay behind a link lies in a plain folder of the archive now.
    assert dict(zip(images.names, images.pixels.max(axis=(1, 2, 3)).tolist(), strict=True))["birds/1.png"] == 7
    assert 99 not in images.pixels
    assert not [path for path in cache_of_the_test.rglob("*") if path.is_symlink()]


def test_links_in_a_zip_are_named_and_not_made(tmp_path: Path, cache_of_the_test: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    file = zipped(tmp_path / "set.zip", SOME)
    with zipfile.ZipFile(file, "a") as archive:
        for name, mode in (("birds", 0o120777), ("tty", 0o020666)):
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, mode << 16
            archive.writestr(info, str(secret))
        archive.writestr("birds/1.png", png(7))
    images = read(file)
    assert images.faults == (
        Fault("birds", "unsafe", "a link, which could lead out of the archive; not followed"),
        Fault("tty", "unsafe", "a device, a pipe or the like; not unpacked"),
    )
    assert not list(secret.iterdir())
    assert not [path for path in cache_of_the_test.rglob("*") if path.is_symlink()]


def test_no_permission_beyond_a_plain_file_is_taken_over(tmp_path: Path, cache_of_the_test: Path) -> None:
    info = tarfile.TarInfo("cats/1.png")
    data = png(1)
    info.mode, info.size = 0o6777, len(data)
    with tarfile.open(tmp_path / "set.tar", "w") as archive:
        archive.addfile(info, io.BytesIO(data))
        info.name = "dogs/2.png"
        archive.addfile(info, io.BytesIO(data))
    read(tmp_path / "set.tar")
    modes = {path.stat().st_mode & 0o7111 for path in cache_of_the_test.rglob("*.png")}
    assert modes == {0}


@pytest.mark.parametrize("name", ["labels.csv", "labels.parquet"])
def test_a_manifest_in_an_archive_leads_nowhere_else(
    folder: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = folder / "cats/0.png"
    paths = [
        str(outside),
        f"../../../../../../../../..{outside}",
        "..\\..\\x.png",
        "C:\\x.png",
        "images/1.png",
        "./images/2.png",
    ]
    table = pd.DataFrame({"path": paths, "label": list("ababab")})
    text = table.to_csv(index=False).encode() if name.endswith("csv") else table.to_parquet()
    contents = {f"s/{name}": text, "s/images/1.png": png(1), "s/images/2.png": png(2)}
    looked: list[str] = []
    real = Path.is_file

    def is_file(path: Path, **options: Any) -> bool:
        looked.append(str(path))
        return real(path, **options)

    monkeypatch.setattr(Path, "is_file", is_file)
    images = read(zipped(tmp_path / "set.zip", contents))
    assert list(images.names) == ["s/images/1.png", "s/./images/2.png"]
    assert [f.name.partition(" ")[2].strip("()") for f in images.faults] == paths[:4]
    assert {f.kind for f in images.faults} == {"unsafe"}
    assert not [path for path in looked if path.endswith(str(outside))]


def test_links_below_a_root_do_not_lead_out_of_it(folder: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "away").symlink_to(folder)
    (root / "loop").symlink_to(root / "loop")
    (root / "1.png").write_bytes(png(1))
    (root / "here.png").symlink_to(root / "1.png")
    places = Places(root, root)
    assert places.find("here.png") == root / "here.png"
    for text in ("away/cats/0.png", "loop", "a\0b"):
        found = places.find(text)
        assert isinstance(found, Lost)
        assert found.kind == "unsafe"
    assert places.by_id("0") == []
    assert Places(root).find("away/cats/0.png") == root / "away/cats/0.png"


def test_a_parquet_in_an_archive_leads_nowhere_else(folder: Path, tmp_path: Path) -> None:
    outside = folder / "cats/2.png"
    images = [
        {"bytes": png(1), "path": str(outside)},
        {"bytes": None, "path": str(outside)},
        {"bytes": None, "path": f"../../../../../../../../..{outside}"},
        {"bytes": None, "path": "inside.png"},
    ]
    with io.BytesIO() as stream:
        pq.write_table(pa.table({"image": images, "label": list("abab")}), stream)
        contents = {"s/train.parquet": stream.getvalue(), "s/inside.png": png(4)}
    found = read(zipped(tmp_path / "set.zip", contents))
    assert found.pixels.max(axis=(1, 2, 3)).tolist() == [1, 4]
    assert [f.kind for f in found.faults] == ["unsafe", "unsafe"]
    assert read(folder.parent / "set.zip").pixels.max() == 4


def test_a_link_out_of_a_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/9.png").write_bytes(png(99))
    (folder / "cats/9.png").symlink_to(tmp_path / "outside/9.png")
    (folder / "birds").symlink_to(tmp_path / "outside")
    images = read(folder)
    assert 99 not in images.pixels
    assert sorted((f.name, f.kind) for f in images.faults) == [("birds", "unsafe"), ("cats/9.png", "unsafe")]
