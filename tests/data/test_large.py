"""Sets that do not fit into memory: nothing copies the whole."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.lib.format import open_memmap
from numpy.testing import assert_array_equal

from secondlook import compare, read
from secondlook.data.read import large
from secondlook.data.split import split
from secondlook.errors import RunError
from secondlook.models.entry import Size
from secondlook.models.fitting import FitTask, fit_model
from secondlook.models.ladder import ladder, net_entry
from secondlook.runs.files import write_rows
from secondlook.runs.store import RunDirectory

# 6 MB: enough to tell a copy of it from a block.
N, SIDE = 120, 128
WHOLE = N * SIDE * SIDE * 3
NET = "conv 2 5x5 stride 4, relu, maxpool 4, globalavg"


def write(folder: Path, n: int) -> Path:
    """X.npy and y.npy of n images of 128x128, no two alike; the second class is darker."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    tile = rng.integers(64, 256, (250, SIDE, SIDE, 3), dtype=np.uint8)
    x, y = open_memmap(folder / "X.npy", "w+", np.uint8, (n, SIDE, SIDE, 3)), np.arange(n) % 2
    for at in range(0, n, len(tile)):
        block = np.roll(tile[: n - at], int(rng.integers(SIDE)), axis=2)
        block[:, 0, :8, 0] = np.arange(at, at + len(block), dtype=np.int64).view(np.uint8).reshape(-1, 8)
        block[y[at : at + len(block)] == 1] //= 2
        x[at : at + len(block)] = block
    x.flush()
    np.save(folder / "y.npy", y)
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("large"), N)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large begins at a megabyte."""
    monkeypatch.setenv("SECONDLOOK_CACHE", str(tmp_path / "cache"))
    for module in ("arrays", "hdf5", "large", "npz"):
        monkeypatch.setattr(f"secondlook.data.read.{module}.LARGE", 2**20)
    for module in ("hdf5", "large", "npy"):
        monkeypatch.setattr(f"secondlook.data.read.{module}.BLOCK", 2**18)
    monkeypatch.setattr("secondlook.runs.files._BLOCK_BYTES", 2**18)


@contextmanager
def at_most(limit: float) -> Iterator[None]:
    """Asserts that so many bytes are allocated inside at most; memory maps are none."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < limit, f"{peak:,} bytes"


def as_npz(folder: Path, x: Any, y: Any) -> Path:
    np.savez(folder / "set.npz", x=x, y=y)
    return folder / "set.npz"


def as_compressed_npz(folder: Path, x: Any, y: Any) -> Path:
    np.savez_compressed(folder / "set.npz", x=x, y=y)
    return folder / "set.npz"


def as_hdf5(folder: Path, x: Any, y: Any) -> Path:
    with h5py.File(folder / "set.h5", "w") as file:
        file["x"], file["y"] = x, y
    return folder / "set.h5"


def as_chunks(folder: Path, x: Any, y: Any) -> Path:
    with h5py.File(folder / "set.h5", "w") as file:
        file.create_dataset("x", data=x, chunks=(7, 64, 64, 3), compression="lzf")
        file["y"] = y
    return folder / "set.h5"


def as_floats(folder: Path, x: Any, y: Any) -> Path:
    np.save(folder / "X.npy", np.moveaxis(x / np.float16(255), 3, 1).astype(np.float16))
    np.save(folder / "y.npy", y)
    return folder


def as_classes(folder: Path, x: Any, y: Any) -> Path:
    for label in (0, 1):
        np.save(folder / f"{label}.npy", x[y == label])
    return folder


def as_parts(folder: Path, x: Any, y: Any) -> Path:
    np.savez(folder / "set.npz", x_train=x[:80], y_train=y[:80], x_test=x[80:], y_test=y[80:])
    return folder / "set.npz"


FORMATS = [as_npz, as_compressed_npz, as_hdf5, as_chunks, as_floats, as_classes, as_parts]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.__name__)
def test_reading_holds_blocks_and_never_the_whole(
    source: Path, tmp_path: Path, form: Callable[[Path, Any, Any], Path]
) -> None:
    x, y = np.load(source / "X.npy", mmap_mode="r"), np.load(source / "y.npy")
    (tmp_path / "set").mkdir()
    path = form(tmp_path / "set", x, y)
    read(path)  # what is imported on the way is no part of it
    with at_most(WHOLE / 2):
        images = read(path)
    assert isinstance(images.pixels, np.memmap)
    order = np.argsort(y, kind="stable") if form is as_classes else np.arange(N)
    assert_array_equal(images.pixels[::30], x[order][::30])


@pytest.mark.usefixtures("small")
def test_splitting_and_handing_on_hold_blocks_and_never_the_whole(source: Path, tmp_path: Path) -> None:
    images = read(source)
    directory = RunDirectory(tmp_path / "run")
    split(images)  # imports
    with at_most(WHOLE / 4):
        cut = split(images)
        paths = directory.scratch_pixels(images, cut)
    for part, path in paths.items():
        assert_array_equal(np.load(path)[:15], images.pixels[cut[part][:15]])
        assert np.load(path, mmap_mode="r").shape == (len(cut[part]), SIDE, SIDE, 3)
    directory.close()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", ["majority", "net"])
def test_fitting_and_predicting_hold_blocks_and_never_the_whole(
    source: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secondlook.models.pixels._BLOCK_NUMBERS", 2**17)
    images = read(source)
    cut = split(images)
    directory = RunDirectory(tmp_path / "run")
    entry = ladder()["majority"] if name == "majority" else net_entry("net", NET, "", epochs=1)
    task = FitTask(
        entry,
        directory.scratch_pixels(images, cut),
        images.labels[cut.train],
        images.labels[cut.valid],
        2,
        "accuracy",
        0,
        False,
        None,
        tmp_path,
    )
    fit_model(task, lambda kind, data: None)  # imports
    with at_most(WHOLE / 3):
        facts = fit_model(task, lambda kind, data: None)
    assert facts["status"] == "ok"
    directory.close()


def test_an_image_set_of_floats_is_resized_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECONDLOOK_CACHE", str(tmp_path))
    images = read((np.random.default_rng(0).random((50, 20, 20)), np.arange(50) % 2))
    whole = read(images, size=10).pixels
    monkeypatch.setattr(large, "LARGE", 100)
    monkeypatch.setattr(large, "BLOCK", 10_000)
    pieces = read(images, size=10).pixels
    assert isinstance(pieces, np.memmap)
    assert_array_equal(pieces, whole)


def test_rows_are_written_as_numpy_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secondlook.runs.files._BLOCK_BYTES", 100)
    rows = np.array([0, 3, 4, 8])
    for array in (np.random.default_rng(0).random((9, 3, 3, 1), dtype=np.float32), np.arange(81).reshape(9, 9).T):
        write_rows(tmp_path / "a.npy", array, rows)
        assert_array_equal(np.load(tmp_path / "a.npy"), array[rows])
        assert np.load(tmp_path / "a.npy").dtype == array.dtype
    write_rows(tmp_path / "a.npy", array, rows[:0])
    assert np.load(tmp_path / "a.npy", mmap_mode="c").shape == (0, 9)


def test_a_disk_that_runs_full_is_said(source: Path, tmp_path: Path) -> None:
    images = read(source)
    directory = RunDirectory(tmp_path / "run")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
    try:
        with pytest.raises(RunError, match=r"cannot write the images to .* \(File too large\); choose another --out"):
            directory.scratch_pixels(images, split(images))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        directory.close()


# --- models that copy what they learn from


def test_a_model_that_would_take_half_of_the_memory_is_not_started() -> None:
    size = Size(42_700, 9_150, 9_150, (128, 128, 3), 2)
    refused = {name for name, entry in ladder().items() if entry.too_large(size, 16e9)}
    assert refused == {"linear-svm", "rbf-svm", "poly-svm", "logistic", "knn", "knn-tuned", "forest", "boosting"}
    assert ladder()["logistic"].too_large(size, 16e9) == (
        "not started: it would take the images as 10.2 GB of numbers, more than half of the 16.0 GB of memory here; "
        "give fewer images or a smaller --size"
    )
    assert not any(entry.too_large(Size(49_000, 10_500, 10_500, (28, 28, 1), 10), 16e9) for entry in ladder().values())


@pytest.mark.slow
def test_a_comparison_goes_on_without_the_models_that_would_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secondlook.verbs.comparison.memory", lambda: 10_000)
    x = np.random.default_rng(0).integers(0, 256, (60, 8, 8)).astype(np.uint8)
    run = compare((x, np.arange(60) % 2), models="majority,logistic", out=tmp_path / "run", quiet=True)
    rows = {row.model: row for row in run.rows}
    assert rows["majority"].status == "ok"
    assert rows["logistic"].status == "skipped"
    assert rows["logistic"].reason.startswith("not started: it would take the images as 0.0 GB of numbers")


def test_settings_are_not_searched_on_folds_that_do_not_fit(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secondlook.models.fitting.memory", lambda: WHOLE)
    images = read(source)
    cut = split(images)
    directory = RunDirectory(tmp_path / "run")
    paths = directory.scratch_pixels(images, cut)
    entry = net_entry("net", NET, "", epochs=1)
    y = images.labels
    task = FitTask(entry, paths, y[cut.train], y[cut.valid], 2, "accuracy", 0, True, None, tmp_path)
    facts = fit_model(task, lambda kind, data: None)
    assert facts["reason"] == "not tuned: folds of 0.0 GB of images do not fit into memory"
    directory.close()


# --- the whole command


def processes(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += processes(int(child))
    return found


def anonymous(pid: int) -> tuple[int, int]:
    """Bytes of anonymous and shared memory that are resident: pages of its own and its part of those it shares with
    others by fork; and all that it sees.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    shares = {name: int(value.split()[0]) * 1024 for name, value in (line.split(":") for line in lines)}
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    seen = {name: value for name, _, value in (line.partition(":") for line in lines)}
    both = sum(int(seen[name].split()[0]) * 1024 for name in ("RssAnon", "RssShmem"))
    return shares["Pss_Anon"] + shares["Pss_Shmem"], both


def peaks(command: list[str]) -> tuple[int, int, int]:
    """The exit code of a command; the most anonymous memory that all its processes held at once, and any of them."""
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    total = largest = 0
    while running.poll() is None:
        try:
            found = [anonymous(pid) for pid in processes(running.pid)]
        except (OSError, KeyError):  # one of them has just ended
            continue
        total, largest = max(total, sum(share for share, _ in found)), max([largest, *(seen for _, seen in found)])
        sleep(0.05)
    return running.returncode, total, largest


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="memory is told apart on Linux alone")
def test_three_gigabytes_are_compared_in_less_than_one_of_memory(tmp_path: Path) -> None:
    if shutil.disk_usage(tmp_path).free < 12e9:
        pytest.skip("needs 12 GB of free disk")
    source = write(tmp_path / "big", 61_100)
    assert (source / "X.npy").stat().st_size > 3e9
    secondlook = str(Path(sys.executable).with_name("secondlook"))
    command = [secondlook, "compare", str(source), "--models", "majority", "--net", f"tiny={NET}", "--epochs", "1"]
    code, total, largest = peaks([*command, "--out", str(tmp_path / "run")])
    print(f"anonymous memory: {total / 1e6:,.0f} MB in all, {largest / 1e6:,.0f} MB in the largest process")  # noqa: T201
    assert code in (0, 3)
    rows = {row["model"]: row for row in json.loads((tmp_path / "run" / "run.json").read_text())["rows"]}
    assert {name: row["status"] for name, row in rows.items()} == {"majority": "ok", "tiny": "ok"}
    assert rows["tiny"]["n_train"] + rows["tiny"]["n_valid"] + rows["tiny"]["n_test"] == 61_100
    assert total < 1e9
    shutil.rmtree(tmp_path)
