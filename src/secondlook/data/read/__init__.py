"""Reading images: one file per format, recognised by content, said in one sentence (`ImageSet.format`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from secondlook.data.read import arrays, builtin, folders, idx, npz, pixel_csv, quickdraw
from secondlook.data.read.arrays import from_arrays as from_arrays
from secondlook.data.read.arrays import resized
from secondlook.data.read.builtin import BUILTINS as BUILTINS
from secondlook.data.read.pixels import check_size
from secondlook.data.read.require import require_comparable as require_comparable
from secondlook.data.read.require import require_labels as require_labels
from secondlook.errors import DataError, UsageError
from secondlook.types import ImageSet


class Reader(Protocol):
    """What a module of this package offers for its format."""

    def recognises(self, path: Path) -> bool:
        """Whether an existing path holds the format; decided by content."""

    def read(self, path: Path, size: int | None) -> ImageSet:
        """All images, resized to `size` x `size` where it is given."""


# The first that recognises a path reads it; folders of photos come last, since any folder could be one.
READERS: tuple[Reader, ...] = (npz, idx, quickdraw, pixel_csv, folders)

_FORMATS = (
    "a folder per class, an npz with x and y, a folder of Quick Draw NAME.npy, a folder of IDX files, "
    "or a CSV with label,pixel0,pixel1,…"
)


def read(source: Any, *, size: int | None = None) -> ImageSet:
    """Labelled images from a path, a built-in name, or arrays.

    Args:
        source: "digits" or "slash" (built in; "./digits" is a path); a path to a folder of photos, an npz, a folder
            of Quick Draw arrays or IDX files, a pixel CSV; a pair (X, y) of arrays; or an ImageSet.
        size: the edge in pixels to which all images are resized. By default the native size where it is uniform,
            else 64.

    Raises:
        UsageError: no such path, or a source of another kind.
        DataError: the path holds nothing that can be read.
    """
    check_size(size)
    if isinstance(source, ImageSet):
        return resized(source, size)
    if isinstance(source, tuple) and len(source) == 2:
        return arrays.read_pair(source[0], source[1], size)
    if not isinstance(source, str | Path):
        raise UsageError(
            f"expected a path, a built-in name, an ImageSet or a pair (X, y) of arrays, got a {type(source).__name__}"
        )
    # A Path is meant as a path where there is one; a plain name is the built-in in every folder.
    if str(source) in BUILTINS and (isinstance(source, str) or not source.exists()):
        return builtin.read(str(source), size)
    return _read_path(str(source), Path(source).expanduser(), size)


def _read_path(asked: str, path: Path, size: int | None) -> ImageSet:
    if not asked or not path.exists():
        raise UsageError(
            f"no such file or folder: {asked or '(empty)'}; "
            f"expected a path, or one of the built-in sets {' and '.join(BUILTINS)}"
        )
    if not path.is_file() and not path.is_dir():
        # A pipe would keep us waiting.
        raise UsageError(f"{path}: expected a file or a folder, got neither")
    try:
        for reader in READERS:
            if reader.recognises(path):
                return reader.read(path, size)
    except PermissionError as error:
        raise DataError(f"{error.filename}: expected a file that can be read, got no permission to") from None
    raise DataError(f"{path}: expected {_FORMATS}, got {_what(path)}")


def _what(path: Path) -> str:
    """What a file is, and what to do with it, for the error."""
    with path.open("rb") as stream:
        start = stream.read(8)
    if start.startswith(b"\x93NUMPY"):
        return (
            "a single array without labels; put one NAME.npy per class into a folder, or images and labels into an npz"
        )
    if start.startswith(b"\0\0") and len(start) > 3 and start[3] in (1, 3):
        return "a single IDX file; give the folder that holds images and labels"
    if start.startswith(b"PK\x03\x04") or path.name.endswith((".tar", ".tar.gz", ".tgz", ".zip", ".7z")):
        return "an archive; unpack it and give the folder"
    if start.startswith(b"\x1f\x8b"):
        return "a gzipped file; give the folder that holds IDX images and labels, or unpack it"
    from secondlook.data.read import photos

    if photos.inspect(path).state != "other":
        return "a single image; give the folder that holds a folder per class"
    return f"a file of an unknown type ({path.suffix or 'no extension'})"
