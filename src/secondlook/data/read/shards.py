"""Parquet files as one set: which they are, and which of their columns hold images, pixels and labels."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondlook.data.read.columns import Roles, pixel_columns, roles
from secondlook.data.read.pixel_lists import is_list, stored
from secondlook.data.read.tables import first_line, is_parquet
from secondlook.data.words import PART_WORDS, few, part_of
from secondlook.errors import DataError
from secondlook.types import Fault, Part

_SUFFIXES = (".parquet", ".pq")
_DEPTH = 3
# What columns of images are called, in lower case; of several the first in this order is taken.
_IMAGES = ("image", "img", "images", "picture", "photo", "jpg", "jpeg", "png", "image_bytes", "bytes")
_PIXELS = ("image", "img", "images", "pixels", "pixel_values", "x", "data")


@dataclass(frozen=True)
class Layout:
    """Which columns of a file hold what.

    Attributes:
        image: the column of encoded images; "" where there is none.
        struct: whether it, or each of several, is one of struct<bytes, path>.
        pixels: the column of lists of pixels, or the columns of one pixel each.
        label, part, group: "" where there is none.
        classes: the names that whole-number labels are indices into; None where nothing declares them.
        several: columns that could each be the images, or the pixels, where nothing tells which is meant.
        ignored: the other columns.
    """

    image: str
    struct: bool
    pixels: tuple[str, ...]
    label: str
    part: str
    group: str
    classes: tuple[str, ...] | None
    several: tuple[str, ...]
    ignored: tuple[str, ...]

    @property
    def named(self) -> bool:
        """Whether images are told by more than being the only column of bytes, or of lists of numbers."""
        pixels = len(self.pixels) > 1 or any(name.lower() in _PIXELS for name in self.pixels)
        return self.struct or self.image.lower() in _IMAGES or pixels


@dataclass(frozen=True)
class Shard:
    """One file of a set; `name` is relative to the source."""

    file: Path
    name: str
    part: Part | None
    layout: Layout


def parquet_files(path: Path) -> list[Path]:
    """The file itself, or those of a folder and of some folders below, that begin like Parquet or are called so."""
    if path.is_file():
        return [path] if path.suffix.lower() in _SUFFIXES or is_parquet(path) else []
    return list(_walk(path, 0))


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """Files called like Parquet; folders below that cannot be opened are named where photos are looked for."""
    try:
        with os.scandir(folder) as entries:
            found = sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError:
        if depth:
            return
        raise
    for entry in found:
        if entry.is_dir(follow_symlinks=False) and depth < _DEPTH:
            yield from _walk(Path(entry.path), depth + 1)
        elif Path(entry.name).suffix.lower() in _SUFFIXES and Path(entry.path).is_file():
            yield Path(entry.path)


def shards(path: Path, group: str, faults: list[Fault]) -> list[Shard]:
    """The files of one set that hold images or pixels; others are named in `faults`.

    Raises:
        DataError: a file is no Parquet, or damaged; columns of which each could be the images; files of several sets.
    """
    found: list[Shard] = []
    unclear: tuple[Path, tuple[str, ...]] | None = None
    root = path.resolve()
    for file in parquet_files(path):
        name = file.name if path.is_file() else file.relative_to(path).as_posix()
        if path.is_dir() and not file.resolve().is_relative_to(root):
            faults.append(Fault(name, "unsafe", "a link that leads out of the folder, not followed"))
            continue
        columns = layout(file, group)
        if columns.image or columns.pixels:
            found.append(Shard(file, name, _part(name), columns))
        else:
            unclear = unclear or ((file, columns.several) if columns.several else None)
            faults.append(Fault(name, "ignored", "no column of images"))
    if unclear and not found:
        raise DataError(
            f"{unclear[0]}: expected one column of images, got {few(unclear[1])}, and nothing tells which is meant; "
            "call that one image, or leave the others out"
        )
    if any(shard.part for shard in found):
        faults += [Fault(shard.name, "ignored", "of no part, beside files of one") for shard in found if not shard.part]
        found = [shard for shard in found if shard.part]
    _check_one_set(path, found)
    return found


def _part(name: str) -> Part | None:
    """The part a file's name tells, or else a folder it lies in."""
    return next((part for word in reversed(name.split("/")) if (part := part_of(word))), None)


def _check_one_set(path: Path, found: Sequence[Shard]) -> None:
    folders = {"/".join(w for w in s.name.split("/")[:-1] if w.lower() not in PART_WORDS) for s in found}
    if len(folders) > 1:
        names = few(sorted(folder or "." for folder in folders))
        raise DataError(f"{path}: expected the Parquet files of one set, got some in each of {names}; give one folder")
    for shard in found[1:]:
        first, this = found[0].layout, shard.layout
        if (first.image, first.pixels, first.label) != (this.image, this.pixels, this.label):
            raise DataError(f"{shard.file}: expected the columns of {found[0].name}, got others; keep files of one set")
        if first.classes != this.classes:
            raise DataError(f"{shard.file}: expected the class names of {found[0].name}, got others")


def layout(file: Path, group: str = "") -> Layout:
    """The layout of a file.

    Raises:
        DataError: no Parquet, or damaged.
    """
    import pyarrow
    import pyarrow.parquet

    with file.open("rb") as stream:
        start = stream.read(64)
    if not start.startswith(b"PAR1"):
        lfs = start.startswith(b"version https://git-lfs")
        got = "a pointer of Git LFS; fetch the file with 'git lfs pull'" if lfs else "something else"
        raise DataError(f"{file}: expected a Parquet file, got {got}")
    try:
        schema = pyarrow.parquet.read_schema(file)
        return _laid_out(file, schema, _features(schema.metadata or {}), group)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: expected a Parquet file, got a damaged one ({first_line(error)})") from None


def _features(metadata: dict[bytes, bytes]) -> dict[str, Any]:
    """What Hugging Face `datasets` says of the columns; empty where it says nothing."""
    try:
        found = json.loads(metadata.get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {k: v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}


def _laid_out(file: Path, schema: Any, features: dict[str, Any], group: str) -> Layout:
    names: list[str] = schema.names
    if len(set(names)) < len(names):
        raise DataError(f"{file}: expected columns of different names, got {few(names)}")
    found = roles(names, str(file), group)
    encoded = {f.name: _is_struct(f.type) for f in schema if _is_struct(f.type) or _is_binary(f.type)}
    lists = [f.name for f in schema if _is_numbers(f.type)]
    # One column of bytes alone may be anything; a name, or the struct of `datasets`, tells that it is of images.
    structs = [name for name, struct in encoded.items() if struct]
    image = _pick(encoded, _IMAGES, structs)
    listed = "" if image else _pick(lists, _PIXELS, [] if found.paths else lists)
    pixels = (listed,) if listed else () if image else tuple(names[i] for i in pixel_columns(names))
    if not image and not pixels and not found.paths:
        image = _pick(encoded, (), list(encoded))
    label = _label(names, features, found, (image, *pixels))
    if label and is_list(schema.field(label).type):
        raise DataError(f"{file}: expected one label per image, got lists of them in the column {label}; keep one")
    part, grouped = ("" if i is None else names[i] for i in (found.part, found.group))
    several = [] if image or pixels or found.paths else structs or list(encoded) or lists
    used = {image, *pixels, label, part, grouped}
    return Layout(
        image=image,
        struct=encoded.get(image, bool(structs)),
        pixels=pixels,
        label=label,
        part=part,
        group=grouped,
        classes=_classes(features.get(label)),
        several=tuple(several),
        ignored=tuple(name for name in names if name not in used),
    )


def _pick(names: Sequence[str] | dict[str, bool], known: Sequence[str], only: Sequence[str]) -> str:
    """The name that is known best, or the only one."""
    by_key = {name.lower(): name for name in names}
    best = next((by_key[key] for key in known if key in by_key), "")
    return best or (only[0] if len(only) == 1 else "")


def _label(names: Sequence[str], features: dict[str, Any], found: Roles, images: Sequence[str]) -> str:
    if found.label is not None and found.usual:
        return names[found.label]
    declared = [name for name in names if _classes(features.get(name)) is not None]
    rest = [name for name in names if name not in images]
    return declared[0] if declared else rest[0] if len(rest) == 1 else ""


def _classes(feature: Any) -> tuple[str, ...] | None:
    if not isinstance(feature, dict) or feature.get("_type") != "ClassLabel":
        return None
    names = feature.get("names")
    return tuple(map(str, names)) if isinstance(names, list) else None


def _is_binary(kind: Any) -> bool:
    from pyarrow import types

    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_fixed_size_binary(kind)
        or types.is_binary_view(kind)
    )


def _is_struct(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_struct(kind)) and any(f.name == "bytes" and _is_binary(f.type) for f in kind)


def _is_numbers(kind: Any) -> bool:
    """Whether a column holds a list of numbers, or of such lists, per row."""
    from pyarrow import types

    kind = stored(kind)
    if not is_list(kind):
        return False
    inner = kind.value_type
    return bool(types.is_integer(inner) or types.is_floating(inner) or types.is_boolean(inner) or _is_numbers(inner))
