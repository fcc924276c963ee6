"""Manifests: a table of path, label[, part, group] beside images, as CSV, TSV or Parquet.

Hugging Face's `metadata.csv` (file_name, label) is one, and so is Kaggle's `train.csv` beside a folder of images, where
the column `id` lacks the extension.
"""

from __future__ import annotations

import os
from pathlib import Path

from secondlook.data.read import photos, tables
from secondlook.data.read.columns import Roles, class_names, pixel_columns, roles
from secondlook.data.read.gather import gather
from secondlook.data.read.listing import Listing
from secondlook.data.read.places import Places, beside, covers
from secondlook.data.read.rows import Manifest, Rows, add, parts_of
from secondlook.data.read.settings import Settings
from secondlook.data.words import PART_WORDS, few, part_of
from secondlook.errors import DataError
from secondlook.types import ImageSet, Part

_EXPECTED = "expected a table of path,label with images beside it"
_SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".csv.gz", ".tsv.gz")


def recognises(path: Path) -> bool:
    """A table with a column of paths; or a folder that holds one, whose paths lead to most of the images there."""
    return bool(_within(path, "")) if path.is_dir() else _manifest(path, "") is not None


def read(path: Path, settings: Settings) -> ImageSet:
    """All images of a manifest, or of a folder with one manifest, or one per part.

    Relative paths start from the manifest's folder; outside an archive they may lead anywhere. Rows without an image
    are left out, and named in `ImageSet.faults` by the line of the manifest.

    Raises:
        DataError: no path leads to a file; several manifests that are no parts; labels that are none.
    """
    found = _within(path, settings.group) if path.is_dir() else [_manifest(path, settings.group)]
    manifests = [manifest for manifest in found if manifest is not None]
    top = path if path.is_dir() else path.parent
    names = [m.file.relative_to(top).as_posix() for m in manifests]
    if len(manifests) > 1 and len({m.part for m in manifests} - {None}) < len(manifests):
        raise DataError(f"{path}: expected one manifest, or one per part, got {few(names)}; give one of them")
    rows = Rows()
    for manifest in manifests:
        add(rows, manifest, Places(manifest.file.parent, settings.root), top)
    if not rows.files:
        first = f"got none that can be read; {rows.faults[0].name}: {rows.faults[0].reason}" if rows.faults else ""
        raise DataError(f"{path}: expected paths of images, relative to the table's folder, {first or 'got no rows'}")
    parts, notes = parts_of(rows)
    grouped = any(m.roles.group is not None for m in manifests) and (settings.group or any(rows.groups))
    listing = Listing(
        names=rows.names,
        labels=class_names(rows.labels, str(path)),
        files=rows.files,
        encoded=lambda i: photos.read_file(rows.files[i]),
        meant=[True] * len(rows.files),
        parts=parts,
        groups=rows.groups if grouped else None,
        faults=tuple(rows.faults),
        notes=[*dict.fromkeys(rows.notes), *notes, *(_unlisted(path, rows) if path.is_dir() else [])],
    )
    kind = f"a manifest ({' and '.join(names)})"
    return gather(listing, source=str(path), kind=kind, settings=settings, expected=_EXPECTED)


def _unlisted(folder: Path, rows: Rows) -> list[str]:
    """A word on the images of a folder that are in no row."""
    n = beside(folder, rows.files)
    return [f"{n:,} image{'s' * (n > 1)} beside it in no row, left out"] if n else []


def _manifest(file: Path, group: str, part: Part | None = None) -> Manifest | None:
    """A file as a manifest; None where it is none."""
    form = tables.peek(file)
    if form is None or pixel_columns(form.rows[0]):
        return None
    part = part or part_of(file.stem)
    found = roles(form.rows[0], str(file), group)
    if found.paths:
        return Manifest(file, form, found, True, part)
    if not form.delimiter or not photos.named_like_one(Path(form.rows[0][0].strip())):
        return None
    # No header: the first line begins with the name of an image.
    if (width := len(form.rows[0])) > 2:
        raise DataError(
            f"{file}: expected a header such as path,label,part above more than two columns, got {width} without one"
        )
    return Manifest(file, form, Roles((0,), 1 if width == 2 else None, None, None), False, part)


def _within(folder: Path, group: str) -> list[Manifest]:
    """The manifests of a folder, or else of its folders for train, valid and test."""
    if here := _of_images(folder, group, None):
        return here
    inner = [p for p in sorted(folder.iterdir()) if p.name.lower() in PART_WORDS and not p.is_symlink() and p.is_dir()]
    open_to_us = [p for p in inner if os.access(p, os.R_OK | os.X_OK)]
    return [m for p in open_to_us for m in _of_images(p, group, PART_WORDS[p.name.lower()])]


def _of_images(folder: Path, group: str, part: Part | None) -> list[Manifest]:
    """Manifests right in a folder that label most of the images around; other tables may lie there, too."""
    found = []
    root = Path(os.path.abspath(folder))  # noqa: PTH100  # resolve() would follow links
    for file in sorted(folder.iterdir()):
        # What is handed in at a competition has labels that are made up.
        named = file.name.lower().endswith(_SUFFIXES) and "submission" not in file.name.lower()
        if not named or file.name.startswith(".") or file.is_symlink() or not file.is_file():
            continue
        rows = Rows()
        try:
            manifest = _manifest(file, group, part)
            if manifest is None or manifest.roles.label is None:
                continue
            # Paths out of the folder make no set of this folder, and are not so much as looked at.
            add(rows, manifest, Places(folder, root, links=True), folder)
            if rows.files and covers(rows.files):
                found.append(manifest)
        except (DataError, PermissionError):
            continue
    return found
