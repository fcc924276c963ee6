from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from secondlook import read
from secondlook.data.read import require_comparable
from secondlook.data.split import split

# LeCun's page and Keras agree on these counts per digit.
MNIST_TRAIN = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
MNIST_TEST = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_mnist_is_read_with_its_own_parts(real_data: Path) -> None:
    images = read(real_data / "mnist")
    assert images.pixels.shape == (70_000, 28, 28, 1)
    assert images.parts is not None
    assert np.bincount(images.labels[images.parts == "train"]).tolist() == MNIST_TRAIN
    assert np.bincount(images.labels[images.parts == "test"]).tolist() == MNIST_TEST
    assert images.labels[:5].tolist() == [5, 0, 4, 1, 9]
    cut = split(images, valid=5000)
    assert (len(cut.train), len(cut.valid), len(cut.test)) == (55_000, 5_000, 10_000)
    assert_array_equal(cut.test, np.flatnonzero(images.parts == "test"))


def test_quick_draw_is_read_by_file_name(real_data: Path) -> None:
    images = read(real_data / "quickdraw/bitmaps_10x4000")
    assert images.pixels.shape == (40_000, 28, 28, 1)
    assert set(images.counts().values()) == {4000}
    assert images.classes[:3] == ("airplane", "banana", "bird")
    original = np.load(real_data / "quickdraw/bitmaps_10x4000/banana.npy")
    assert_array_equal(images.pixels[4000:8000].reshape(4000, 784), original)


def test_the_slash_file_keeps_its_precision(real_data: Path) -> None:
    with np.load(real_data / "slash/slash_data.npz") as archive:
        x = archive["x"]
    images = read(real_data / "slash/slash_data.npz")
    assert_array_equal(images.pixels[..., 0], x.astype(np.float32))
    assert images.classes == ("0", "1")


def test_small_photos_are_read_with_their_parts(real_data: Path) -> None:
    images = read(real_data / "hotdog/kaggle_28px")
    assert images.pixels.shape == (995, 28, 28, 3)
    stems = np.strings.partition(images.ids, "#")[0]
    train, test = (set(stems[images.parts == part].tolist()) for part in ("train", "test"))
    # The source holds one image in both of its parts; they are kept as they are, and the ids tell.
    assert len(train & test) == 1
    require_comparable(images, valid=0.15, test=0.15)


def test_photos_of_many_sizes_become_64(real_data: Path) -> None:
    images = read(real_data / "hotdog/phone_224px")
    assert images.pixels.shape == (250, 64, 64, 3)
    assert images.counts() == {"hotdog": 125, "not_hotdog": 125}


@pytest.mark.slow
def test_thousands_of_photos_are_read_with_their_parts(real_data: Path) -> None:
    images = read(real_data / "hotdog/food101_64px")
    assert images.shape == (64, 64, 3)
    assert images.parts is not None
    found = {part: np.bincount(images.labels[images.parts == part]).tolist() for part in ("train", "valid", "test")}
    assert found == {"train": [630, 4270], "valid": [120, 800], "test": [120, 800]}


CHILD = """
import sys
from secondlook import read
from memory import peak_bytes
images = read(sys.argv[1])
assert images.pixels.shape == (42000, 28, 28, 1), images.pixels.shape
print(peak_bytes())
"""


@pytest.mark.slow
def test_kaggles_42000_digits_are_read_in_little_memory(real_data: Path, tmp_path: Path) -> None:
    mnist = read(real_data / "mnist")
    chosen = np.random.default_rng(0).permutation(70_000)[:42_000]
    table = np.column_stack([mnist.labels[chosen], mnist.pixels[chosen].reshape(42_000, -1)])
    file = tmp_path / "train.csv"
    header = ",".join(["label", *(f"pixel{i}" for i in range(784))])
    np.savetxt(file, table, fmt="%d", delimiter=",", header=header, comments="")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(file)], capture_output=True, text=True, check=True, env=environment
    )
    assert int(done.stdout) < 1e9
    images = read(file)
    assert_array_equal(images.labels, mnist.labels[chosen])
    assert_array_equal(images.pixels, mnist.pixels[chosen])
