"""The rows of a manifest: from cells of text to images that are there, with labels, parts and groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from secondlook.data.read import tables
from secondlook.data.read.columns import Roles, part_names, too_long
from secondlook.data.read.places import Lost, Places
from secondlook.data.words import PART_WORDS, few
from secondlook.errors import DataError
from secondlook.types import Fault, Part

_USUAL = ("utf-8", "utf-8-sig", "")


@dataclass(frozen=True)
class Manifest:
    """A file that is a manifest.

    Attributes:
        file, form: the table.
        roles: what its columns are.
        header: whether its first row is one.
        part: that of all its items, where the name of the file or of its folder tells one.
    """

    file: Path
    form: tables.Form
    roles: Roles
    header: bool
    part: Part | None

    def column(self, index: int) -> str:
        """The name of a column."""
        return self.form.rows[0][index].strip() or "without a name"


@dataclass
class Rows:
    """What the rows of one manifest, or of several in turn, lead to: items by name, file, label, part and group.

    `parts` are None where nothing tells one; `notes` say what was assumed.
    """

    names: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    parts: list[Part | None] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Found:
    name: str
    file: Path


def add(rows: Rows, manifest: Manifest, places: Places, source: Path) -> None:
    """Adds the rows of a manifest.

    Args:
        rows: what they are added to.
        manifest: where they come from.
        places: where its paths lead.
        source: the folder that names are relative to.

    Raises:
        DataError: the table cannot be read; an id that names several images; a part that is none.
    """
    wanted = manifest.roles
    indices = [*wanted.paths, *(i for i in (wanted.label, wanted.part, wanted.group) if i is not None)]
    columns = tables.load(manifest.file, manifest.form, indices, header=manifest.header)
    values = dict(zip(indices, columns.values, strict=True))
    above = manifest.file.parent.relative_to(source).as_posix()
    prefix = "" if above == "." else f"{above}/"
    where = f"{prefix}{manifest.file.name}"
    faults = [(line, Fault(f"{where}:{line}", "broken", why)) for line, why in columns.faults]
    path, targets = _targets(manifest, places, values, rows.notes)
    parts = _parts(manifest, values)
    for i, target in enumerate(targets):
        text = values[path][i].strip()
        label = "" if wanted.label is None else values[wanted.label][i]
        group = "" if wanted.group is None else values[wanted.group][i].strip()
        why = too_long(label, group)
        if parts is not None and parts[i] is None:
            why = why or "no part in this row, where others have one"
        if isinstance(target, _Found) and not why:
            rows.names.append(prefix + target.name)
            rows.files.append(target.file)
            rows.labels.append(label)
            rows.parts.append(manifest.part if parts is None else parts[i])
            rows.groups.append(group)
        else:
            lost = target if isinstance(target, Lost) else Lost("broken", why)
            name = f"{where}:{columns.lines[i]}" + (f" ({text})" if text else "")
            faults.append((columns.lines[i], Fault(name, lost.kind, lost.reason)))
    rows.faults += [fault for _, fault in sorted(faults, key=lambda pair: pair[0])]
    used = {path, wanted.label, wanted.group, None if parts is None else wanted.part}
    rows.notes += _remarks(manifest, columns.encoding, used)


def _targets(
    manifest: Manifest, places: Places, values: dict[int, list[str]], notes: list[str]
) -> tuple[int, Sequence[_Found | Lost]]:
    """The column of paths, and for each row its file, or why there is none."""
    candidates = manifest.roles.paths
    for column in candidates:
        found = [places.find(text) for text in values[column]]
        if any(isinstance(target, Path) for target in found):
            return column, [
                target if isinstance(target, Lost) else _Found(text.strip(), target)
                for text, target in zip(values[column], found, strict=True)
            ]
    for column in candidates:
        if any(by_id := [places.by_id(text, manifest.part) for text in values[column]]):
            notes.append(f"images found by the column {manifest.column(column)} below the table's folder")
            return column, _only_ones(manifest.file, places, by_id)
    lost = [places.find(text) for text in values[candidates[0]]]
    return candidates[0], [target for target in lost if isinstance(target, Lost)]


def _only_ones(file: Path, places: Places, by_id: Sequence[Sequence[Path]]) -> list[_Found | Lost]:
    names = [[path.relative_to(places.base).as_posix() for path in paths] for paths in by_id]
    if several := next((two for two in names if len(two) > 1), None):
        raise DataError(
            f"{file}: expected ids that name one image each, got one that names {few(several)}; "
            "give paths instead, or keep one folder of images"
        )
    missing = Lost("missing", "there is no image of this name")
    return [_Found(name[0], paths[0]) if paths else missing for name, paths in zip(names, by_id, strict=True)]


def _parts(manifest: Manifest, values: dict[int, list[str]]) -> list[Part | None] | None:
    """What the column of parts says; a cell left empty means the part of the file, where that has one."""
    if (column := manifest.roles.part) is None:
        return None
    told = part_names(values[column], manifest.column(column), str(manifest.file))
    if told is None or not any(told):
        return None
    return [part or manifest.part for part in told]


def _remarks(manifest: Manifest, encoding: str, used: set[int | None]) -> list[str]:
    """What was assumed of a table."""
    read_as = [] if encoding in _USUAL else [f"text read as {encoding.upper()}"]
    if not manifest.header:
        return ["no header, read as path,label", *read_as]
    names = [manifest.column(i) for i in range(len(manifest.form.rows[0])) if i not in used]
    ignored = [f"ignored the column{'s' * (len(names) > 1)} {few(names)}"] if names else []
    label = None if manifest.roles.usual else manifest.roles.label
    labelled = [] if label is None else [f"labels from the column {manifest.column(label)}"]
    return [*labelled, *ignored, *read_as]


def parts_of(rows: Rows) -> tuple[list[Part] | None, list[str]]:
    """The parts of all items, and a word on them where the folders in their paths tell them; None for no parts."""
    told = [part for part in rows.parts if part is not None]
    if len(told) == len(rows.parts) and len(set(told)) > 1:
        return told, []
    tops = [PART_WORDS.get(PurePosixPath(name.replace("\\", "/")).parts[0].lower()) for name in rows.names]
    known = [part for part in tops if part is not None]
    if len(known) == len(tops) and len(set(known)) > 1:
        return known, ["parts from the folders in the paths"]
    return None, []
