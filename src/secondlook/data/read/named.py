"""Public sets by name: mnist, fashion-mnist, kmnist, quickdraw:cat,dog; downloaded once, then read like any other.

They lie in a folder of their own beside the cache (or in SECONDLOOK_SETS) and stay when the cache is cleared. A file
that is there is read as it is and nothing is downloaded, so sets can be placed by hand where there is no network.

MNIST: Y. LeCun, C. Cortes and C. Burges. Fashion-MNIST: H. Xiao, K. Rasul and R. Vollgraf, Zalando SE (MIT).
KMNIST: Kuzushiji-MNIST, created by ROIS-DS Center for Open Data in the Humanities, adapted from the Kuzushiji dataset
(CC BY-SA 4.0). Quick, Draw!: Google (CC BY 4.0).
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

from secondlook.data.read import idx, quickdraw
from secondlook.data.read.cache import cache_folder
from secondlook.data.read.settings import Settings
from secondlook.errors import DataError, UsageError
from secondlook.types import ImageSet


@dataclass(frozen=True)
class NamedSet:
    """Four IDX files that lie together.

    Attributes:
        addresses: the folders on the network that hold them, in the order of trying.
        files: their names and MD5 sums.
        classes: what the labels 0 to 9 mean.
    """

    addresses: tuple[str, ...]
    files: dict[str, str]
    classes: tuple[str, ...]


# Addresses and sums as in torchvision's datasets/mnist.py (the second of MNIST: Google's mirror; of Fashion-MNIST: that
# of Keras). Five of the eight sums of MNIST and Fashion-MNIST were compared with copies of these files; of the other
# three, the unpacked bytes with sums published for those. KMNIST's sums are torchvision's word alone.
NAMED_SETS = {
    "mnist": NamedSet(
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        {
            "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
            "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
            "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
        },
        tuple("0123456789"),
    ),
    "fashion-mnist": NamedSet(
        (
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        ),
        {
            "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
            "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
            "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
        },
        (
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
            "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
    ),
    "kmnist": NamedSet(
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        {
            "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
            "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
            "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
            "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
        },
        ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    ),
}  # fmt: skip
QUICK_DRAW = "https://storage.googleapis.com/quickdraw_dataset/full/numpy_bitmap/"

_PREFIX = "quickdraw:"
_CATEGORY = re.compile(r"[A-Za-z0-9]+([ -][A-Za-z0-9]+)*")

# What a user can ask for, as it is said in errors.
NAMES = (*NAMED_SETS, f"{_PREFIX}cat,dog")


def is_named(source: str) -> bool:
    """Whether a text names a public set."""
    return source in NAMED_SETS or source.startswith(_PREFIX)


def sets_folder() -> Path:
    """Where public sets lie: SECONDLOOK_SETS, else a folder of the cache. It need not exist."""
    if folder := os.environ.get("SECONDLOOK_SETS"):
        return Path(folder).expanduser()
    return cache_folder() / "sets"


def read(name: str, settings: Settings) -> ImageSet:
    """A public set by its name, downloaded where it is not there yet.

    Raises:
        UsageError: names that cannot be Quick Draw's.
        DataError: a file is neither there nor to be had; the sentence says which one to place where.
    """
    if name.startswith(_PREFIX):
        return _read_quick_draw(name, settings)
    wanted, folder = NAMED_SETS[name], sets_folder() / name
    files = {file: partial(_sum_fault, expected) for file, expected in wanted.files.items()}
    _require(name, folder, files, wanted.addresses, also=lambda file: [file.removesuffix(".gz")])
    images = _said(idx.read(folder, settings), name, folder)
    meanings = {str(i): meaning for i, meaning in enumerate(wanted.classes)}
    return replace(images, classes=tuple(meanings.get(label, label) for label in images.classes))


def _read_quick_draw(name: str, settings: Settings) -> ImageSet:
    categories = list(dict.fromkeys(text.strip() for text in name.removeprefix(_PREFIX).split(",") if text.strip()))
    for category in categories or [""]:
        if not _CATEGORY.fullmatch(category):
            raise UsageError(
                f"expected names of Quick Draw categories, such as {_PREFIX}cat,dog or '{_PREFIX}ice cream,sun', "
                f"got '{category or name}'"
            )
    folder = sets_folder() / "quickdraw"
    files = {f"{category}.npy": _array_fault for category in categories}
    _require(name, folder, files, (QUICK_DRAW,), also=lambda file: [f"full_numpy_bitmap_{file}"])
    return _said(quickdraw.read(folder, settings, only=categories), name, folder)


def _said(images: ImageSet, name: str, folder: Path) -> ImageSet:
    return replace(images, source=name, format=f"{images.format}; from {folder}")


def _require(
    name: str,
    folder: Path,
    files: Mapping[str, Callable[[Path], str]],
    addresses: Sequence[str],
    also: Callable[[str], list[str]],
) -> None:
    """Downloads those files of a set that are not there under their name, nor under those that `also` gives."""
    from secondlook.data.read.download import fetch

    for file, check in files.items():
        if any((folder / there).exists() for there in (file, *also(file))):
            continue
        if reason := fetch([f"{address}{quote(file)}" for address in addresses], folder / file, check):
            missing = [f for f in files if not any((folder / there).exists() for there in (f, *also(f)))]
            raise DataError(
                f"{name}: expected {_listed(missing)} in {folder}, and could not download {file} ({reason}); "
                f"place {_listed(missing)} from {addresses[0]} in {folder}"
            )


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _sum_fault(expected: str, file: Path) -> str:
    """What is wrong with a file that should have an MD5 sum: "" where it has it."""
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return "" if found == expected else f"sent a file with another checksum (MD5 {found}, not {expected})"


def _array_fault(file: Path) -> str:
    """What is wrong with an array of bitmaps; Google publishes no sums, but the header tells the size."""
    import numpy as np

    try:
        array = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError):
        return "sent a file that is not a whole NumPy array"
    if array.dtype != np.uint8 or array.shape[1:] != (784,):
        return f"sent an array of {array.dtype} of shape {array.shape}, not rows of 784 bytes"
    whole = array.offset + array.nbytes
    return "" if file.stat().st_size == whole else f"sent {file.stat().st_size:,} bytes instead of {whole:,}"
