"""`secondlook make`: writes a generated set to a file."""

from __future__ import annotations

from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.slash import make_slash
from secondlook.errors import UsageError
from secondlook.runs.files import write_atomically
from secondlook.types import ImageSet

_MAKERS = {"slash": make_slash}


def make(what: str, out: str | Path, **parameters: Any) -> Path:
    """Writes a generated set as an npz that every reader of npz takes, and returns its path.

    The file holds x, float32 (n, h, w) in [0, 1]; y, int64 (n,); and classes, the names that y counts through. It
    appears complete or not at all.

    Args:
        what: "slash".
        out: where to write; it must not exist yet, and ends in .npz.
        parameters: those of `secondlook.make_slash`.

    Raises:
        UsageError: nothing of that name can be made, an unknown parameter, or a path that cannot be written to.
    """
    if what not in _MAKERS:
        raise UsageError(f"expected one of {', '.join(_MAKERS)} to make, got {what!r}")
    known = list(signature(_MAKERS[what]).parameters)
    for name in parameters:
        if name not in known:
            raise UsageError(f"{what}: expected parameters out of {', '.join(known)}, got {name!r}")
    path = _free(Path(out))
    _write(path, _MAKERS[what](**parameters))
    return path


def _free(path: Path) -> Path:
    if path.suffix != ".npz":
        raise UsageError(f"expected a path that ends in .npz, got {path}")
    if not path.parent.is_dir():
        raise UsageError(f"expected an existing folder to write {path.name} into, got {path.parent}")
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} exists already; give another name, or remove it first")
    return path


def _write(path: Path, images: ImageSet) -> None:
    def write(part: Path) -> None:
        with part.open("wb") as stream:  # given a name, NumPy would add .npz to it
            np.savez(stream, x=_fractions(images), y=images.labels, classes=np.array(images.classes))

    try:
        write_atomically(path, write)
    except OSError as error:
        raise UsageError(f"expected a place that can be written to, got {path} ({error.strerror or error})") from None


def _fractions(images: ImageSet) -> NDArray[np.float32]:
    """Grey pixels as float32 in [0, 1], (n, h, w)."""
    full = 255 if images.pixels.dtype == np.uint8 else 1
    return images.pixels[..., 0].astype(np.float32) / np.float32(full)
