"""Parquet with a column of images, as Hugging Face `datasets` writes it, or with pixels as lists or columns.

Source: Hugging Face `datasets`: the Image feature is stored as struct<bytes: binary, path: string> and ClassLabel as
int64; the schema's metadata holds the features as JSON under "huggingface"; shards are train-00000-of-00002.parquet.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from secondlook.data.read import cache, photos, tables
from secondlook.data.read.arrays import from_arrays
from secondlook.data.read.columns import class_names, part_names, roles, too_long
from secondlook.data.read.gather import gather
from secondlook.data.read.inside import holds_classes
from secondlook.data.read.large import Joined
from secondlook.data.read.listing import Listing
from secondlook.data.read.pixel_lists import read_pixels
from secondlook.data.read.places import Lost, Places
from secondlook.data.read.row_groups import Empty, EncodedImages, empty_rows, group_starts
from secondlook.data.read.settings import Settings
from secondlook.data.read.shards import Layout, Shard, layout, parquet_files, shards
from secondlook.data.words import few
from secondlook.errors import DataError
from secondlook.types import Fault, ImageSet, Part

_EXPECTED = "expected Parquet with a column of images and one of labels"


@dataclass
class _Rows:
    """The rows with an image: the shard and row of each, or the file beside them, and what columns say of them."""

    names: list[str] = field(default_factory=list)
    where: list[tuple[int, int]] = field(default_factory=list)
    beside: dict[int, Path] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    parts: list[Part | None] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def recognises(path: Path) -> bool:
    """A Parquet file that is no table of paths; or a folder with one that holds images, or pixels and no photos."""
    for file in parquet_files(path):
        try:
            columns = layout(file)
        except DataError:
            if path.is_file():
                return True
            continue
        if path.is_dir() and columns.pixels and holds_classes(path):
            continue  # numbers that were computed of the photos
        if columns.named or (path.is_file() and (columns.image or columns.pixels)):
            return True
        if path.is_file():
            return not roles(tables.parquet_columns(file), str(file)).paths
    return False


def read(path: Path, settings: Settings) -> ImageSet:
    """All images of a Parquet file, or of a folder of shards, whose names tell their parts.

    Raises:
        DataError: no Parquet, or damaged; no column of images or pixels; shards that do not belong together.
    """
    rows = _Rows()
    found = shards(path, settings.group, rows.faults)
    if not found:
        got = few(tables.parquet_columns(path)) if path.is_file() else "no such file"
        raise DataError(f"{path}: {_EXPECTED}, got {got or 'no columns'}")
    if found[0].layout.image:
        return _images(path, found, rows, settings)
    return _pixels(path, found, rows, settings)


def _images(path: Path, found: Sequence[Shard], rows: _Rows, settings: Settings) -> ImageSet:
    for s, shard in enumerate(found):
        kept, beside = _with_images(shard, settings, rows.faults)
        kept = _describe(rows, shard, kept)
        rows.beside.update((len(rows.where) + i, beside[row]) for i, row in enumerate(kept) if row in beside)
        rows.where += [(s, row) for row in kept]
    bytes_of = EncodedImages([shard.file for shard in found], [shard.layout.image for shard in found])

    def encoded(i: int) -> bytes:
        return photos.read_file(rows.beside[i]) if i in rows.beside else bytes_of(*rows.where[i])

    parts, groups, notes = _said(rows, found)
    listing = Listing(
        names=rows.names,
        labels=_labels(rows, found[0].layout, str(path)),
        files=[*(shard.file for shard in found), *rows.beside.values()],
        encoded=encoded,
        meant=[True] * len(rows.names),
        parts=parts,
        groups=groups,
        classes=found[0].layout.classes,
        faults=tuple(rows.faults),
        notes=notes,
    )
    return gather(listing, source=str(path), kind=_kind(found), settings=settings, expected=_EXPECTED)


def _pixels(path: Path, found: Sequence[Shard], rows: _Rows, settings: Settings) -> ImageSet:
    xs: list[NDArray[Any]] = []
    for shard in found:
        x, there, wrong = read_pixels(shard.file, shard.layout.pixels)
        rows.faults += [Fault(f"{shard.name}:{row}", "broken", why) for row, why in wrong]
        kept = _describe(rows, shard, there)
        xs.append(x if len(kept) == len(there) else x[np.isin(there, kept)])
    if not rows.names:
        why = f"{rows.faults[0].name}: {rows.faults[0].reason}" if rows.faults else "it has no rows"
        raise DataError(f"{path}: {_EXPECTED}, got no image that can be read; {why}")
    xs = [x for x in xs if len(x)]
    if len({x.shape[1:] for x in xs}) > 1:
        raise DataError(
            f"{path}: expected pixels of one form in each file, got {' and '.join(str(x.shape) for x in xs)}"
        )
    parts, groups, notes = _said(rows, found)
    labels = _labels(rows, found[0].layout, str(path))
    return from_arrays(
        Joined(xs) if len(xs) > 1 else xs[0],
        np.array([label or "" for label in labels]),
        source=str(path),
        kind=_kind(found),
        names=rows.names,
        classes=found[0].layout.classes,
        parts=parts,
        groups=groups,
        settings=settings,
        notes=notes,
        faults=rows.faults,
    )


def _kind(found: Sequence[Shard]) -> str:
    names = found[0].name if len(found) == 1 else f"{len(found)} files"
    return f"Parquet with {'images' if found[0].layout.image else 'pixels'} ({names})"


def _with_images(shard: Shard, settings: Settings, faults: list[Fault]) -> tuple[list[int], dict[int, Path]]:
    """The rows that hold an image, or name a file that does."""
    places = Places(shard.file.parent, settings.root)
    empty = _empty(shard, settings)
    n = group_starts(shard.file)[-1]
    beside: dict[int, Path] = {}
    for one in empty:
        target = places.find(one.path) if one.path else Lost("broken", one.reason)
        if isinstance(target, Lost):
            name = f"{shard.name}:{one.row}"
            faults.append(Fault(f"{name} ({one.path})" if one.path else name, target.kind, target.reason))
        else:
            beside[one.row] = target
    without = {one.row for one in empty}
    return [row for row in range(n) if row not in without or row in beside], beside


def _empty(shard: Shard, settings: Settings) -> list[Empty]:
    """The rows without an image; the file is read for it, once."""
    key = f"1 {cache.stamp(shard.file)} {shard.layout.image}"

    def build(folder: Path) -> None:
        found = empty_rows(shard.file, shard.layout.image)
        (folder / "empty.json").write_text(json.dumps([astuple(one) for one in found]), encoding="ascii")

    folder = cache.entry("parquet", key, build, keep=settings.cache)
    return [Empty(*one) for one in json.loads((folder / "empty.json").read_text(encoding="ascii"))]


def _describe(rows: _Rows, shard: Shard, kept: Sequence[int]) -> list[int]:
    """Adds what the columns say of some rows of a shard; returns those whose label and part can be."""
    columns = shard.layout
    wanted = [name for name in (columns.label, columns.part, columns.group) if name]
    found = dict(zip(wanted, tables.parquet_text(shard.file, wanted), strict=True))
    labels, parts = found.get(columns.label), None
    if columns.part and not shard.part:
        parts = part_names(found[columns.part], columns.part, str(shard.file))
    told = parts is not None and any(parts)
    good = []
    for row in kept:
        given = "" if labels is None else labels[row].strip()
        label = given if columns.classes is None else _named(given, columns.classes)
        part = parts[row] if parts and told else shard.part
        group = found[columns.group][row].strip() if columns.group else ""
        why = too_long(given, group)
        if label is None:
            why = why or f"the label {given} is none of the {len(columns.classes or ())} classes"
        if told and part is None:
            why = why or "no part in this row, where others have one"
        if why or label is None:
            rows.faults.append(Fault(f"{shard.name}:{row}", "broken", why))
            continue
        rows.names.append(f"{shard.name}:{row}")
        rows.labels.append(label)
        rows.parts.append(part)
        rows.groups.append(group)
        good.append(row)
    return good


def _named(label: str, classes: Sequence[str]) -> str | None:
    """The class of a whole-number label, or of one that is a name already; "" where unknown, None for any other."""
    if label in ("", "-1"):
        return ""
    if label.isdecimal():
        return classes[int(label)] if int(label) < len(classes) else None
    return label if label in classes else None


def _labels(rows: _Rows, columns: Layout, where: str) -> list[str | None]:
    if columns.classes is not None:
        return [label or None for label in rows.labels]
    return class_names(rows.labels, where)


def _said(rows: _Rows, found: Sequence[Shard]) -> tuple[list[Part] | None, list[str] | None, list[str]]:
    """Parts and groups of all items, and what was assumed of the columns."""
    told = [part for part in rows.parts if part is not None]
    parts = told if len(told) == len(rows.parts) else None
    columns = found[0].layout
    label = [f"labels from the column {columns.label}"] if columns.label else []
    more = columns.ignored
    ignored = [f"ignored the column{'s' * (len(more) > 1)} {few(more)}"] if more else []
    return parts, rows.groups if columns.group else None, [*label, *ignored]
