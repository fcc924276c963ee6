"""The cache: complete or not there, whoever is killed or comes second, and never more than it may hold."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from secondlook import read
from secondlook.data.read import cache, kept, large, photos
from secondlook.data.read.cache import cache_folder, clear_cache, drop, entry
from secondlook.errors import UsageError
from secondlook.types import ImageSet, Origins

Write = Callable[..., Path]
RNG = np.random.default_rng(0)


class Build:
    """Fills a folder with a file of some bytes, and counts how often."""

    def __init__(self, size: int = 100) -> None:
        self.size, self.count = size, 0

    def __call__(self, folder: Path) -> None:
        self.count += 1
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_bytes(bytes(self.size))


def entries() -> list[str]:
    root = cache_folder() / "entries-1"
    return sorted(place.name for place in root.iterdir()) if root.exists() else []


@pytest.fixture(autouse=True)
def no_folder_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What earlier tests filled outside the cache is forgotten."""
    monkeypatch.setattr(cache, "_scratch", {})


# The modules of the cache alone, without NumPy and all readers, so that the process starts quickly.
START = f"""
import os, signal, sys, time, types
package = types.ModuleType("secondlook.data.read")
package.__path__ = [{str(Path(cache.__file__).parent)!r}]
sys.modules[package.__name__] = package
from secondlook.data.read import cache
"""


def elsewhere(code: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Runs code in another process that shares the cache."""
    return subprocess.Popen(
        [sys.executable, "-c", START + code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


# --- entries -----------------------------------------------------------------------------------------------------


def test_an_entry_is_filled_once_for_each_key() -> None:
    build = Build()
    folder = entry("things", "key", build)
    assert (folder / "inner" / "file").stat().st_size == 100
    assert entry("things", "key", build) == folder
    assert build.count == 1
    assert len({folder, entry("things", "other", build), entry("others", "key", build)}) == 3
    assert build.count == 3
    assert folder.is_relative_to(cache_folder())


def test_what_a_build_raises_is_passed_on_and_nothing_stays() -> None:
    def fails(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise ValueError("no good")

    with pytest.raises(ValueError, match="no good"):
        entry("things", "key", fails)
    assert entries() == []
    assert (entry("things", "key", Build()) / "inner").exists()


@pytest.mark.parametrize(
    "harm",
    [
        lambda file: os.truncate(file, 50),
        lambda file: file.write_bytes(b"x" * 100),
        lambda file: file.unlink(),
        lambda file: (file.parent / "more").write_text("x"),
        lambda file: (file.parents[2] / "manifest").write_text("{"),
        lambda file: (file.parents[2] / "manifest").unlink(),
    ],
)
def test_a_damaged_entry_is_filled_again(harm: Callable[[Path], Any]) -> None:
    build = Build()
    file = entry("things", "key", build) / "inner" / "file"
    os.utime(file, ns=(0, 0))  # a change of the time alone counts
    file = entry("things", "key", build) / "inner" / "file"
    assert build.count == 2
    harm(file)
    assert entry("things", "key", build) == file.parents[1]
    assert build.count == 3
    assert file.read_bytes() == bytes(100)
    assert [name for name in entries() if "." in name] == []


KILLED = """
def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
def build(folder):
    (folder / "half").write_text("x")
    if sys.argv[1] == "in the midst of it":
        kill()
if sys.argv[1] == "before the manifest":
    cache.seal = kill
elif sys.argv[1] == "before it is there":
    cache.remove = kill
cache.entry("things", "key", build)
"""


@pytest.mark.parametrize("moment", ["in the midst of it", "before the manifest", "before it is there"])
def test_a_process_that_is_killed_leaves_no_entry_and_no_lock(moment: str) -> None:
    killed = elsewhere(KILLED, moment)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    assert len(entries()) == 1
    build = Build()
    folder = entry("things", "key", build)
    assert build.count == 1
    assert [path.name for path in folder.iterdir()] == ["inner"]
    assert entries() == [folder.parent.name]


TOGETHER = """
def build(folder):
    with open(sys.argv[1], "a") as log:
        log.write("built ")
    time.sleep(0.3)
    (folder / "file").write_text("whole")
sys.stdin.readline()
print((cache.entry("things", "key", build) / "file").read_text())
"""


def test_of_two_processes_one_fills_the_entry_and_the_other_waits(tmp_path: Path) -> None:
    both = [elsewhere(TOGETHER, str(tmp_path / "log")) for _ in range(2)]
    assert [process.communicate("go\n")[0] for process in both] == ["whole\n", "whole\n"]
    assert (tmp_path / "log").read_text() == "built "


def test_of_several_threads_one_fills_the_entry() -> None:
    build, found = Build(), []
    threads = [threading.Thread(target=lambda: found.append(entry("things", "key", build))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert build.count == 1
    assert len(set(found)) == 1


def test_a_process_that_never_ends_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = entry("things", "key", Build())
    part = folder.parent.with_name(f"{folder.parent.name}.part")
    clear_cache()
    part.mkdir()
    monkeypatch.setattr(cache, "_PATIENCE_SECONDS", 0.1)
    handle = os.open(part, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    alone = entry("things", "key", Build())
    assert not alone.is_relative_to(cache_folder())
    assert (alone / "inner" / "file").exists()
    os.close(handle)
    assert entry("things", "key", Build()) == folder


def test_without_keeping_the_cache_is_not_touched() -> None:
    build = Build()
    folder = entry("things", "key", build, keep=False)
    assert (folder / "inner" / "file").exists()
    assert entry("things", "key", build, keep=False) == folder
    assert build.count == 1
    assert entries() == []


def test_a_folder_of_one_process_goes_with_it() -> None:
    code = "print(cache.entry('things', 'key', lambda f: (f / 'x').write_text('x'), keep=False))"
    folder = Path(elsewhere(code).communicate()[0].strip())
    assert folder.name.startswith("things-")
    assert not folder.exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_where_the_cache_cannot_be_written_one_goes_on_without(code: int) -> None:
    def build(folder: Path) -> None:
        if folder.is_relative_to(cache_folder()):
            raise OSError(code, os.strerror(code))
        (folder / "file").write_text("x")

    folder = entry("things", "key", build)
    assert (folder / "file").read_text() == "x"
    assert entries() == []


def test_a_cache_that_is_no_folder_is_gone_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("SECONDLOOK_CACHE", str(tmp_path / "file" / "cache"))
    assert (entry("things", "key", Build()) / "inner").exists()
    assert clear_cache() == (0, 0)


def test_a_file_system_that_does_not_keep_times_is_gone_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "complete", lambda place: False)
    build = Build()
    assert not entry("things", "key", build).is_relative_to(cache_folder())
    assert build.count == 2


# --- bounds ------------------------------------------------------------------------------------------------------


def used_at(folder: Path, time: float) -> Path:
    os.utime(folder.parent / "manifest", (time, time))
    return folder


def test_the_least_recently_used_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECONDLOOK_CACHE_LIMIT", "250")
    monkeypatch.setattr(cache, "_MOST_HELD", 0)
    old, older = (used_at(entry("things", key, Build()), time) for key, time in (("old", 2), ("older", 1)))
    used_at(entry("things", "new", Build()), 3)
    assert (old.exists(), older.exists()) == (True, False)
    again = Build()
    entry("things", "old", again)  # used again, so that the other one goes
    assert again.count == 0
    newest = entry("things", "newest", Build())
    assert len(entries()) == 2
    assert {old.parent.name, newest.parent.name} == set(entries())


def test_what_is_in_use_stays_and_goes_when_its_process_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECONDLOOK_CACHE_LIMIT", "150")
    code = """
def build(folder):
    (folder / "file").write_text("x" * 100)
print(cache.entry("things", "theirs", build), flush=True)
sys.stdin.readline()
"""
    other = elsewhere(code)
    assert other.stdout is not None
    theirs = Path(other.stdout.readline().strip())
    mine = entry("things", "mine", Build())
    assert theirs.exists()
    assert clear_cache() == (1, 100)
    assert (theirs.exists(), mine.exists()) == (True, False)
    other.communicate("\n")
    assert clear_cache() == (1, 100)
    assert not theirs.exists()


def test_an_entry_larger_than_the_limit_goes_with_its_process() -> None:
    code = "print(os.path.exists(cache.entry('things', 'key', lambda f: (f / 'x').write_bytes(bytes(100)))))"
    assert elsewhere(code, SECONDLOOK_CACHE_LIMIT="50").communicate()[0] == "True\n"
    assert entries() == []
    assert elsewhere(code, SECONDLOOK_CACHE_LIMIT="0").communicate()[0] == "True\n"
    assert entries() == []


def test_what_killed_processes_left_goes_with_the_next_entry() -> None:
    killed = elsewhere(KILLED, "in the midst of it")
    killed.communicate()
    folder = entry("things", "another", Build())
    assert entries() == [folder.parent.name]


@pytest.mark.parametrize(
    ("text", "size"), [("500", 500), ("5GB", 5 * 10**9), ("1.5 mb", 1_500_000), ("2TB", 2 * 10**12), ("0", 0)]
)
def test_a_limit_is_given_in_bytes_or_in_units(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECONDLOOK_CACHE_LIMIT", text)
    assert cache._limit() == size


def test_by_default_a_tenth_of_the_disk_is_the_limit_but_not_more_than_20_gb() -> None:
    import shutil

    free = shutil.disk_usage(cache_folder()).free
    assert cache._limit() == pytest.approx(min(20e9, free / 10), rel=0.05)


def test_a_limit_that_is_no_size_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECONDLOOK_CACHE_LIMIT", "plenty")
    with pytest.raises(UsageError, match=r"expected SECONDLOOK_CACHE_LIMIT as a number of bytes, .* got 'plenty'"):
        entry("things", "key", Build())


def test_many_entries_in_use_do_not_use_up_all_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_MOST_HELD", 3)
    before = len(os.listdir("/dev/fd"))  # noqa: PTH208
    for i in range(10):
        entry("things", str(i), Build())
    assert len(os.listdir("/dev/fd")) <= before + 4  # noqa: PTH208


def test_clearing_deletes_entries_and_nothing_else() -> None:
    foreign = cache_folder() / "entries-1" / "photos of mine"
    foreign.mkdir(parents=True)
    for key in "ab":
        entry("things", key, Build(70))
    assert clear_cache() == (2, 140)
    assert entries() == ["photos of mine"]
    assert clear_cache() == (0, 0)


def test_a_single_entry_can_be_dropped() -> None:
    folder, other = entry("things", "key", Build()), entry("things", "other", Build())
    drop(folder)
    assert (folder.exists(), other.exists()) == (False, True)
    alone = entry("things", "key", Build(), keep=False)
    drop(alone)
    assert alone.exists()


def test_the_users_cache_is_where_the_system_has_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SECONDLOOK_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder().is_relative_to(tmp_path)
    assert cache_folder().name == "secondlook"


# --- photos ------------------------------------------------------------------------------------------------------


def same(a: ImageSet, b: ImageSet) -> None:
    """Every field is equal, and of the same kind."""
    for field in fields(ImageSet):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if field.name == "origins":
            for inner in fields(Origins):
                one, other = getattr(x, inner.name), getattr(y, inner.name)
                assert_array_equal(one, other)
                assert one.dtype == other.dtype
        elif isinstance(x, np.ndarray):
            assert_array_equal(x, y)
            assert (x.dtype, type(x), x.flags.writeable) == (y.dtype, type(y), y.flags.writeable)
        else:
            assert x == y, field.name


@pytest.fixture
def folder(photo: Write, tmp_path: Path) -> Path:
    """Photos of all kinds, some of them broken."""
    for i in range(6):
        photo(f"train/{'ab'[i % 2]}/{i}.png", RNG.integers(0, 256, (8 + i % 3, 9, 3), dtype=np.uint8))
    photo("test/a/grey.jpg", 90, (12, 9), mode="L")
    photo("test/b/clear.png", (1, 2, 3, 4), mode="RGBA")
    photo("test/b/copy.png", (1, 2, 3, 4), mode="RGBA")
    (tmp_path / "photos/test/b/cut.png").write_bytes(photo("test/b/cut.png", 1).read_bytes()[:50])
    (tmp_path / "photos/test/b/note.txt").write_text("hello")
    (tmp_path / "photos/train/a/empty.jpg").write_bytes(b"")
    return tmp_path / "photos"


def test_a_warm_start_gives_the_same_and_opens_no_photo(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cold = read(folder)
    assert [(fault.name, fault.kind) for fault in cold.faults] == [
        ("test/b/cut.png", "broken"),
        ("test/b/note.txt", "ignored"),
        ("train/a/empty.jpg", "broken"),
    ]
    same(read(folder, cache=False), cold)
    monkeypatch.setattr(photos, "read_file", lambda file: pytest.fail(f"{file} was opened"))
    same(read(folder), cold)


def test_settings_do_not_mix(folder: Path) -> None:
    shapes = [read(folder, size=size, resize=how).pixels.shape for size in (5, 6) for how in ("stretch", "pad")]  # type: ignore[arg-type]
    assert [shape[1] for shape in shapes] == [5, 5, 6, 6]
    assert (read(folder, size=6, resize="pad").pixels != read(folder, size=6).pixels).any()


def test_a_changed_photo_is_read_again(folder: Path, photo: Write) -> None:
    before = read(folder)
    file = folder / "train/a/0.png"
    old = file.stat()
    photo("train/a/0.png", (200, 10, 10), (9, 8))
    data = file.read_bytes()
    file.write_bytes(data + bytes(old.st_size - len(data)))
    os.utime(file, ns=(old.st_atime_ns, old.st_mtime_ns))  # same size and date: the time of the change itself tells
    after = read(folder)
    at = after.names.index("train/a/0.png")
    assert after.pixels[at, 0, 0].tolist() == [200, 10, 10]
    assert after.ids[at] != before.ids[at]


def test_what_is_written_to_cached_pixels_stays_in_memory(folder: Path) -> None:
    images = read(folder)
    file = next(cache_folder().rglob("pixels.npy"))
    before = file.read_bytes()
    images.pixels[:] = 7
    assert file.read_bytes() == before


def test_pixels_outlive_the_cache(folder: Path) -> None:
    images = read(folder)
    before = images.pixels.copy()
    assert clear_cache()[0] == 1
    assert_array_equal(images.pixels, before)


@pytest.mark.parametrize("name", ["pixels.npy", "facts.npz"])
def test_damage_that_keeps_size_and_time_is_noticed_where_the_file_does_not_open(folder: Path, name: str) -> None:
    sound = read(folder, cache=False)
    read(folder)
    file = next(cache_folder().rglob(name))
    status = file.stat()
    file.write_bytes(bytes(status.st_size))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    same(read(folder), sound)
    same(read(folder), sound)


def test_a_disk_without_room_is_gone_without(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cold = read(folder, cache=False)

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(large, "reserve", full)
    same(read(folder), cold)
    assert entries() == []


def test_a_failure_that_may_pass_is_not_remembered(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = photos.read_file

    def fails(file: Path) -> bytes:
        if file.name == "0.png":
            raise OSError(errno.EIO, "Input/output error")
        return sound(file)

    monkeypatch.setattr(photos, "read_file", fails)
    images = read(folder)
    assert [f.reason for f in images.faults if f.name == "train/a/0.png"] == ["Input/output error"]
    assert len(images.pixels) == 8
    monkeypatch.setattr(photos, "read_file", sound)
    assert len(read(folder)) == 9


def test_a_folder_of_broken_photos_is_remembered_too(photo: Write, tmp_path: Path) -> None:
    file = photo("a/1.png")
    file.write_bytes(file.read_bytes()[:40])
    for _ in range(2):
        with pytest.raises(Exception, match=r"got no image that can be read: a/1\.png"):
            read(tmp_path / "photos")
    assert len(entries()) == 1


def test_another_version_of_the_decoder_reads_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read(folder)
    monkeypatch.setattr(kept, "_VERSION", -1)
    read(folder)
    monkeypatch.setattr("PIL.__version__", "0")
    read(folder)
    assert len(entries()) == 3


def test_the_manifest_names_files_of_any_name() -> None:
    name = os.fsdecode(b"caf\xe9\n.png")
    folder = entry("things", "key", lambda f: (f / name).write_text("x"))  # type: ignore[arg-type,return-value]
    assert json.loads((folder.parent / "manifest").read_text().split("\n")[1])[2] == name
    build = Build()
    assert entry("things", "key", build) == folder
    assert build.count == 0
