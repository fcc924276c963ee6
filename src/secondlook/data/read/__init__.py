"""Reading images: one file per format, recognised by content, said in one sentence (`ImageSet.format`)."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from secondlook.data.read import (
    archives,
    arrays,
    builtin,
    folders,
    hdf5,
    idx,
    manifest,
    named,
    npy,
    npz,
    parquet,
    pixel_csv,
    quickdraw,
    strokes,
)
from secondlook.data.read.arrays import from_arrays as from_arrays
from secondlook.data.read.arrays import resized
from secondlook.data.read.builtin import BUILTINS as BUILTINS
from secondlook.data.read.require import require_comparable as require_comparable
from secondlook.data.read.require import require_labels as require_labels
from secondlook.data.read.settings import Resize, Settings
from secondlook.data.words import few
from secondlook.errors import DataError, UsageError
from secondlook.types import ImageSet


class Reader(Protocol):
    """What a module of this package offers for its format."""

    def recognises(self, path: Path) -> bool:
        """Whether an existing path holds the format; decided by content."""

    def read(self, path: Path, settings: Settings) -> ImageSet:
        """All images; what cannot be read is left out and named in `ImageSet.faults`."""


# The first that recognises a path reads it; folders of photos come last, since any folder could be one.
READERS: tuple[Reader, ...] = (npz, npy, hdf5, idx, quickdraw, strokes, parquet, manifest, archives, pixel_csv, folders)

_FORMATS = (
    "a folder per class, an npz with x and y, a folder of Quick Draw NAME.npy or NAME.ndjson, "
    "a folder of IDX files, a CSV with path,label or label,pixel0,pixel1,…, Parquet with images and labels, "
    "or a zip or tar of any of these"
)


def read(
    source: Any,
    *,
    size: int | None = None,
    resize: Resize = "stretch",
    group: str = "",
    strict: bool = False,
    cache: bool = True,
) -> ImageSet:
    """Labelled images from a path, a built-in name, or arrays.

    Args:
        source: "digits" or "slash" (built in; "./digits" is a path); a path; a pair (X, y) of arrays; or an ImageSet.
        size: the edge in pixels to which all images are resized. By default the native size where it is uniform
            (of photos, up to 256 pixels), else 64.
        resize: how an image of another form becomes square: "stretch", "pad" or "crop".
        group: which items belong together and must stay in one part: the name of a manifest's column, or a regular
            expression on item names, whose first group (else the whole match) names the group.
        strict: refuse a source with faults instead of going on without the items concerned.
        cache: keep decoded images for the next start.

    Raises:
        UsageError: no such path, or a source of another kind.
        DataError: the path holds nothing that can be read; with `strict`, anything that cannot.
    """
    settings = Settings(size, resize, group, strict, cache)
    return _checked(_grouped(_read(source, settings), settings), settings)


def _read(source: Any, settings: Settings) -> ImageSet:
    if isinstance(source, ImageSet):
        return resized(source, settings)
    if isinstance(source, tuple) and len(source) == 2:
        return arrays.read_pair(source[0], source[1], settings)
    if not isinstance(source, str | Path):
        raise UsageError(
            f"expected a path, a built-in name, an ImageSet or a pair (X, y) of arrays, got a {type(source).__name__}"
        )
    # A Path is meant as a path where there is one; a plain name is the built-in in every folder.
    if str(source) in BUILTINS and (isinstance(source, str) or not source.exists()):
        return builtin.read(str(source), settings)
    if named.is_named(str(source)) and (isinstance(source, str) or not source.exists()):
        return named.read(str(source), settings)
    path = _path(source)
    if path is None:
        raise UsageError(
            f"no such file or folder: {few([str(source)]) or '(empty)'}; "
            f"expected a path, or one of the built-in sets {' and '.join(BUILTINS)}, "
            f"or a public set: {', '.join(named.NAMES)}"
        )
    return read_path(path, settings)


def _path(source: str | Path) -> Path | None:
    """The path that is meant, where there is something; "~" is a home."""
    try:
        path = Path(source).expanduser()
        return path if str(source) and path.exists() else None
    except PermissionError:
        raise DataError(f"{source}: expected a path that can be read, got no permission to") from None
    except (OSError, RuntimeError):  # too long for a name, a loop of links; a home of nobody
        return None


def read_path(path: Path, settings: Settings) -> ImageSet:
    """What an existing path holds, by the first reader that recognises it."""
    if not path.is_file() and not path.is_dir():
        # A pipe would keep us waiting.
        raise UsageError(f"{path}: expected a file or a folder, got neither")
    try:
        for reader in READERS:
            if reader.recognises(path):
                return reader.read(path, settings)
    except PermissionError as error:
        raise DataError(f"{error.filename}: expected a file that can be read, got no permission to") from None
    raise DataError(f"{path}: expected {_FORMATS}, got {_what(path)}")


def _grouped(images: ImageSet, settings: Settings) -> ImageSet:
    """With --group and no groups yet, those that a pattern finds in the names."""
    if not settings.group or images.groups is not None:
        return images
    try:
        pattern = re.compile(settings.group)
    except re.error as error:
        raise UsageError(
            f"expected --group as a column or a regular expression, got '{settings.group}' ({error})"
        ) from None
    found = [pattern.search(name) for name in images.names]
    if not any(found):
        raise UsageError(
            f"expected --group as a manifest's column or a regular expression that fits the items' names, "
            f"got '{settings.group}', which fits none, such as {images.names[0]}"
        )
    groups = ["" if match is None else match[1] or "" if pattern.groups else match[0] for match in found]
    return replace(images, groups=np.array(groups, dtype=np.str_))


def _checked(images: ImageSet, settings: Settings) -> ImageSet:
    """With --strict, refuses what has faults."""
    faults = [fault for fault in images.faults if fault.kind != "ignored"]
    if settings.strict and faults:
        more = f" and {len(faults) - 1:,} more" if len(faults) > 1 else ""
        raise DataError(
            f"{images.source}: expected no faults with --strict, got {faults[0].name} ({faults[0].reason}){more}; "
            "mend or remove them, or leave --strict out"
        )
    return images


def _what(path: Path) -> str:
    """What a file is, and what to do with it, for the error."""
    with path.open("rb") as stream:
        start = stream.read(8)
    if not start:
        return "an empty file"
    if start.startswith((b"7z\xbc\xaf", b"Rar!")):
        return "an archive that is neither zip nor tar; unpack it and give the folder"
    from secondlook.data.read import photos, tables

    # An image may be read as a whole; a file of gigabytes is none.
    if path.stat().st_size < 1 << 28 and photos.inspect(path.read_bytes).state != "other":
        return "a single image; give the folder that holds a folder per class"
    if (table := tables.peek(path)) and len(table.rows[0]) > 1:
        return f"a table with the columns {few(table.rows[0])}; call those of paths and labels path and label"
    return f"a file of an unknown type ({path.suffix or 'no extension'})"
