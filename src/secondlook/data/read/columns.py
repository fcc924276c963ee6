"""What the columns of a table are, told by their names; and labels, parts and groups as tables write them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from secondlook.data.words import PART_WORDS, few
from secondlook.errors import DataError
from secondlook.types import Part

# Names in lower case, without blanks and underscores; the first that a table has is taken.
_PATHS = (
    *("path", "filepath", "imagepath", "imgpath", "filename", "imagefilename", "imagefile", "imgfile", "file"),
    *("imagename", "imgname", "paths", "filepaths", "filenames", "files", "image", "img", "images"),
    *("imageid", "imgid", "imageindex", "id"),
)
_LABELS = ("label", "labels", "class", "classes", "target", "targets", "category", "classname", "labelname", "y")
_PARTS = ("part", "split", "partition", "subset", "set", "dataset")
# Columns of these names may hold something else altogether.
_VAGUE_PARTS = frozenset({"subset", "set", "dataset"})
_PIXELS = re.compile(r"pixel[ _]?\d+([ _]\d+)?|\d+x\d+", re.IGNORECASE)
# A name of this length is no name, and in an array of text it would be paid for in every row.
_LONGEST = 500
_WHOLE = re.compile(r"-?(0|[1-9][0-9]*)")
_WHOLE_AS_FLOAT = re.compile(r"(-?[0-9]+)\.0*")


@dataclass(frozen=True)
class Roles:
    """Which column holds what: indices into a header; None where none does."""

    paths: tuple[int, ...]  # the first is taken whose paths are there
    label: int | None
    part: int | None
    group: int | None
    usual: bool = True  # whether the label's column is called like one


def pixel_columns(header: Sequence[str]) -> list[int]:
    """The columns that hold one pixel each ("pixel0", "1x1"), in the order of the pixels."""
    found = [i for i, name in enumerate(header) if _PIXELS.fullmatch(name.strip())]
    return sorted(found, key=lambda i: [int(word) for word in re.findall(r"[0-9]+", header[i])])


def roles(header: Sequence[str], where: str, group: str = "") -> Roles:
    """The roles of columns by their names.

    Args:
        header: the columns' names, in any case, with blanks or underscores or without.
        where: names the source in errors.
        group: the name of the column of groups, where it is not "group"; it may be none of the columns.

    Raises:
        DataError: two columns of one name, for something that is needed.
    """
    keys = [_key(name) for name in header]
    paths = tuple(i for name in _PATHS if (i := _only(name, keys, header, where)) is not None)
    label = _first(_LABELS, keys, header, where)
    part = _first(_PARTS, keys, header, where)
    if group:
        wanted = [i for i, name in enumerate(header) if name.strip() == group] or [
            i for i, key in enumerate(keys) if key == _key(group) and key
        ]
        grouped = wanted[0] if wanted else None
    else:
        grouped = _only("group", keys, header, where)
    # Of two columns the one that is no path is the label, whatever it is called: "id,breed".
    if label is None and len(header) == 2 and len(paths) == 1 and (other := 1 - paths[0]) not in (part, grouped):
        return Roles(paths, other, part, grouped, usual=False)
    return Roles(paths, label, part, grouped)


def _key(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _first(names: Sequence[str], keys: Sequence[str], header: Sequence[str], where: str) -> int | None:
    return next((i for name in names if (i := _only(name, keys, header, where)) is not None), None)


def _only(name: str, keys: Sequence[str], header: Sequence[str], where: str) -> int | None:
    found = [i for i, key in enumerate(keys) if key == name]
    if len(found) > 1:
        raise DataError(
            f"{where}: expected one column '{name}', got {', '.join(header[i].strip() for i in found)}; rename one"
        )
    return found[0] if found else None


def class_names(texts: Sequence[str], where: str) -> list[str | None]:
    """Labels of a table as names of classes; None where there is none.

    Text stays as it is: "01" is another class than "1". But "3.0" becomes "3" where all labels are such, as pandas
    writes whole numbers beside missing ones; and -1 is unknown where all labels are whole numbers, unless they are
    -1 and 1.

    Raises:
        DataError: the labels are numbers, and some have fractions.
    """
    names = [text.strip() for text in texts]
    found = {name for name in names if name}
    if found and all(_WHOLE_AS_FLOAT.fullmatch(name) for name in found):
        names = [name.partition(".")[0] for name in names]
        found = {name for name in names if name}
    if "-1" in found and found != {"-1", "1"} and all(_WHOLE.fullmatch(name) for name in found):
        names = ["" if name == "-1" else name for name in names]
    elif any("." in name for name in found) and all(_number(name) for name in found):
        example = min(name for name in found if "." in name)
        raise DataError(f"{where}: expected class labels (whole numbers or text), got the number {example}")
    return [name or None for name in names]


def too_long(*texts: str) -> str:
    """What is wrong with labels or groups that nobody can mean as such; "" where nothing is."""
    longest = max(map(len, texts), default=0)
    return f"a label or group of {longest:,} characters" if longest > _LONGEST else ""


def _number(text: str) -> bool:
    return re.fullmatch(r"[-+]?[0-9]*\.?[0-9]+(e[-+]?[0-9]+)?|[-+]?[0-9]+\.", text, re.IGNORECASE) is not None


def part_names(texts: Sequence[str], column: str, where: str) -> list[Part | None] | None:
    """The parts that a column tells, None for an item where it is empty; None where the column tells something else.

    Raises:
        DataError: a word that is none of train, valid, test and their kin.
    """
    words = [text.strip() for text in texts]
    unknown = sorted({word for word in words if word and word.lower() not in PART_WORDS})
    if unknown and _key(column) in _VAGUE_PARTS and not any(word.lower() in PART_WORDS for word in words):
        return None
    if unknown:
        raise DataError(
            f"{where}: expected train, valid or test in the column {column.strip()}, got {few(unknown)}; "
            "rename these, or the column"
        )
    return [PART_WORDS.get(word.lower()) for word in words]
