"""Arrays: npz, npy, HDF5, IDX, pixel CSVs, Quick Draw."""

from __future__ import annotations

import gzip
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from corpus.case import Case, cut, equals, noise

X, Y = noise(8, 12, 12), np.arange(8) % 2


def npz(**arrays: Any) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        np.savez(folder / "set.npz", **arrays)
        return folder / "set.npz"

    return make


def hdf5(write: Callable[[h5py.File], object]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        with h5py.File(folder / "set.h5", "w") as file:
            write(file)
        return folder / "set.h5"

    return make


def hdf5_keys(file: h5py.File) -> None:
    file["x"], file["y"] = X, Y


def hdf5_groups(file: h5py.File) -> None:
    for part in ("train", "test"):
        file[f"{part}/data"], file[f"{part}/target"] = X, Y


def hdf5_link(folder: Path) -> Path:
    with h5py.File(folder / "secret.h5", "w") as secret:
        secret["x"], secret["y"] = X, Y
    with h5py.File(folder / "set.h5", "w") as file:
        file["x"] = h5py.ExternalLink("secret.h5", "/x")
        file["y"] = Y
    return folder / "set.h5"


def with_nan() -> Any:
    x = X.astype(np.float64)
    x[3, 2, 2], x[5, 0, 0] = np.nan, np.inf
    return x


class _Evil:
    """Unpickled, it would write a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("executed"),))


def pickled(folder: Path) -> Path:
    np.savez(folder / "set.npz", x=X, y=np.array([_Evil()] * 8, dtype=object))
    return folder / "set.npz"


def idx(folder: Path, x: Any = X, y: Any = Y, lose: int = 0, zipped: bool = False) -> Path:
    """A pair of IDX files; `lose` bytes of the images are cut off."""
    pack = gzip.compress if zipped else bytes
    end = ".gz" if zipped else ""
    head = struct.pack(">HBB", 0, 8, 3) + struct.pack(">3I", *x.shape)
    data = head + x.tobytes()
    (folder / f"train-images-idx3-ubyte{end}").write_bytes(pack(data[: len(data) - lose]))
    labels = struct.pack(">HBBI", 0, 8, 1, len(y)) + y.astype(np.uint8).tobytes()
    (folder / f"train-labels-idx1-ubyte{end}").write_bytes(pack(labels))
    return folder


def pixel_csv(*more: str, drop: int = 0) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        head = ",".join(["label", *(f"pixel{i}" for i in range(16))])
        lines = [",".join(map(str, [i % 2, *noise(16, of=str(i)).tolist()])) for i in range(8 - drop)]
        (folder / "train.csv").write_text("\n".join([head, *lines, *more]) + "\n")
        return folder / "train.csv"

    return make


def quick_draw(folder: Path) -> Path:
    for name in ("cat", "dog"):
        np.save(folder / f"{name}.npy", noise(4, 784, of=name))
    return folder


def quick_draw_with_a_pickle(folder: Path) -> Path:
    quick_draw(folder)
    (folder / "evil.npy").write_bytes(pickle.dumps(_Evil()))
    return folder


def stroke(word: str, x: int) -> str:
    return json.dumps({"word": word, "recognized": True, "key_id": str(x), "drawing": [[[x, 255], [0, 200]]]})


def strokes(*more: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        for word in ("cat", "dog"):
            lines = [stroke(word, x) for x in range(4)]
            (folder / f"{word}.ndjson").write_text("\n".join([*lines, *(more if word == "cat" else ())]) + "\n")
        return folder

    return make


TWO = ("0", "1")
COLOUR = noise(8, 12, 12, 3)


def shape(*expected: int) -> Any:
    return lambda images: equals(expected)(images.pixels.shape)


def first(value: Any) -> Any:
    return lambda images: np.testing.assert_allclose(images.pixels[0, ..., 0], value, atol=1e-6)


def npz_without_names(folder: Path) -> Path:
    np.savez(folder / "set.npz", X, Y)
    return folder / "set.npz"


def damaged_gzip(folder: Path) -> Path:
    idx(folder, zipped=True)
    file = folder / "train-images-idx3-ubyte.gz"
    data = bytearray(file.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    file.write_bytes(bytes(data))
    return folder


def unlabelled_npy(folder: Path) -> Path:
    np.save(folder / "cat.npy", X)
    return folder / "cat.npy"


def pair_of_npy(folder: Path) -> Path:
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", Y)
    return folder


def medmnist(folder: Path) -> Path:
    arrays = {}
    for part in ("train", "val", "test"):
        arrays |= {f"{part}_images": noise(8, 12, 12, of=part), f"{part}_labels": Y[:, None].astype(np.uint8)}
    return npz(**arrays)(folder)


CASES = [
    Case("an npz of x and y", npz(x=X, y=Y), 8, TWO, check=first(X[0])),
    Case("an npz of X and y", npz(X=X, y=Y), 8, TWO),
    Case("an npz without names", npz_without_names, 8, TWO),
    Case(
        "an npz as MedMNIST has them",
        medmnist,
        24,
        TWO,
        check=lambda i: equals({"train", "valid", "test"})(set(i.parts.tolist())),
    ),
    Case(
        "channels first",
        npz(x=np.moveaxis(COLOUR, 3, 1), y=Y),
        8,
        TWO,
        check=lambda i: equals(True)((i.pixels == COLOUR).all()),
    ),
    Case(
        "16 bits",
        npz(x=X.astype(np.uint16) * 257, y=Y),
        8,
        TWO,
        check=lambda i: equals(np.dtype(np.float32))(i.pixels.dtype),
    ),
    Case("truth values", npz(x=X > 100, y=Y), 8, TWO, check=first((X[0] > 100) * 255)),
    Case("fractions", npz(x=X / 255, y=Y), 8, TWO, check=first(X[0])),
    Case("Fortran order", npz(x=np.asfortranarray(X), y=Y), 8, TWO, check=first(X[0])),
    Case("NaN and infinity", npz(x=with_nan(), y=Y), 6, TWO, faults=[("x:3", "broken"), ("x:5", "broken")]),
    Case("all NaN", npz(x=np.full((4, 3, 3), np.nan), y=Y[:4]), error="set.npz.*NaN"),
    Case("more labels than images", npz(x=X, y=np.arange(9)), error="set.npz.*expected as many labels as images"),
    Case("labels that are fractions", npz(x=X, y=Y + 0.5), error="set.npz.*got the number 0.5"),
    Case("labels in one column each", npz(x=X, y=np.eye(2)[Y]), error="set.npz.*argmax"),
    Case("an npz that holds pickles", pickled, error="set.npz.*pickled"),
    Case("an npz of one number", npz(x=np.float64(3), y=Y), error="set.npz"),
    Case("an npz of no images", npz(x=X[:0], y=Y[:0]), error="set.npz"),
    Case("complex numbers", npz(x=X.astype(np.complex64), y=Y), error="set.npz.*complex64"),
    Case("an npz with other names", npz(a=X, b=Y), error="set.npz.*expected arrays named"),
    Case("an npz without its end", cut(npz(x=X, y=Y)), error="set.npz.*damaged"),
    Case("a single npy", unlabelled_npy, 8, ()),
    Case("X.npy beside y.npy", pair_of_npy, 8, TWO),
    Case("HDF5 of x and y", hdf5(hdf5_keys), 8, TWO, check=first(X[0])),
    Case(
        "HDF5 of groups", hdf5(hdf5_groups), 16, TWO, check=lambda i: equals({"train", "test"})(set(i.parts.tolist()))
    ),
    Case("HDF5 with a link to another file", hdf5_link, error="set.h5.*link"),
    Case("HDF5 without its end", cut(hdf5(hdf5_keys)), error="set.h5"),
    Case("IDX", idx, 8, TWO, check=first(X[0])),
    Case("gzipped IDX", lambda f: idx(f, zipped=True), 8, TWO),
    Case("IDX without its end", lambda f: idx(f, lose=50), error="train-images.*is it cut off"),
    Case("IDX with fewer labels", lambda f: idx(f, y=Y[:5]), error="train-images.*as many labels"),
    Case("gzipped IDX with a damaged stream", damaged_gzip, error="train-images.*damaged"),
    Case("a pixel CSV", pixel_csv(), 8, TWO, check=shape(8, 4, 4, 1)),
    Case("a pixel CSV with a row that is too short", pixel_csv("1,2,3"), 8, TWO, faults=[("train.csv:10", "broken")]),
    Case(
        "a pixel CSV with a row that is too long",
        pixel_csv(",".join(["1"] * 20)),
        8,
        TWO,
        faults=[("train.csv:10", "broken")],
    ),
    Case(
        "a pixel CSV with a word among numbers",
        pixel_csv(",".join(["1", "x", *["0"] * 15])),
        8,
        TWO,
        faults=[("train.csv:10", "broken")],
    ),
    Case("a pixel CSV with a header only", pixel_csv(drop=8), error="train.csv"),
    Case("Quick Draw bitmaps", quick_draw, 8),
    Case("Quick Draw bitmaps beside a pickle", quick_draw_with_a_pickle, 8, faults=[("evil.npy", "broken")]),
    Case("Quick Draw strokes", strokes(), 8, check=shape(8, 28, 28, 1)),
    Case("Quick Draw strokes with a line that is no JSON", strokes("{broken"), 8, faults=[("cat.ndjson:5", "broken")]),
    Case(
        "Quick Draw strokes with an empty drawing",
        strokes('{"word": "cat", "drawing": []}'),
        8,
        faults=[("cat.ndjson:5", "broken")],
    ),
    Case("Quick Draw strokes of deep nesting", strokes("[" * 100_000), 8, faults=[("cat.ndjson:5", "broken")]),
]
