"""Decisions on labels: a plain table beside the data, which itself is never changed.

A line says what a person decided about one image: ``keep`` its label, ``relabel`` it, ``exclude`` it. The columns are
those of `COLUMNS`; others are passed over, so that a table of suspects with its column ``decision`` filled in is such
a file. Lines without a decision say nothing, of several about one image the last one counts, and more lines may be
appended. Images are known by their id, the hash of their source bytes: order, names and sizes may change.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from secondlook.errors import DataError, RunError, UsageError
from secondlook.types import ImageSet, IntArray

Verdict = Literal["keep", "relabel", "exclude"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
COLUMNS = ("name", "id", "label", "suggested", "decision", "by", "when")

# What a table of text cannot hold, or not in one line.
_UNSAFE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True)
class Decision:
    """What was decided about one image.

    Attributes:
        id: as in `ImageSet.ids`.
        verdict: "keep", "relabel" or "exclude".
        to: with "relabel" the class that it is, else "".
        label: the label that the image had; it tells copies apart that differ in nothing else. "" where not known.
        name: where the image came from, for people.
        by, when: who decided, and when, in their own words.
        place: the file and line it was read from.
    """

    id: str
    verdict: Verdict
    to: str = ""
    label: str = ""
    name: str = ""
    by: str = ""
    when: str = ""
    place: str = ""

    @property
    def word(self) -> str:
        """How a file says it: "keep", "relabel=7", "exclude"."""
        return f"relabel={plain(self.to)}" if self.verdict == "relabel" else self.verdict


@dataclass(frozen=True, eq=False)
class Decided:
    """What decisions make of the labels of a set; arrays of n items.

    Attributes:
        labels: int64, with those changed that are to be relabelled.
        excluded: bool, items to leave out.
        touched: bool, items with any decision, "keep" included.
        fingerprint: 16 hex digits that change when what is decided changes.
    """

    labels: IntArray
    excluded: NDArray[np.bool_]
    touched: NDArray[np.bool_]
    fingerprint: str


def plain(text: str) -> str:
    """A name as a table of text can hold it: what it cannot is written as Python writes it, a line break as ``\\n``."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def read_decisions(path: str | Path) -> tuple[Decision, ...]:
    """The decisions in a file, in its order: CSV or TSV with a header, also as spreadsheets write it.

    Raises:
        UsageError: there is no such file. DataError: it is no table with the columns id and decision, or a line holds
            another word; file and line are named.
    """
    from secondlook.data.read import tables

    path = Path(path).expanduser()
    if not path.is_file():
        raise UsageError(f"expected --labels to name a file of decisions, got {path}, which is not there")
    form = tables.peek(path)
    header = [name.strip().lower() for name in form.rows[0]] if form else []
    if form is None or not {"id", "decision"} <= {*header}:
        raise DataError(
            f"{path}: expected a table with the columns id and decision, as secondlook suspects writes it, "
            f"got {'the columns ' + ', '.join(header[:8]) if len(header) > 1 else 'something else'}"
        )
    known = [name for name in COLUMNS if name in header]
    table = tables.load(path, form, [header.index(name) for name in known], header=True)
    if table.faults:
        line, what = table.faults[0]
        raise DataError(f"{path}:{line}: expected as many columns as in the header, got {what}; mend the line")
    columns = dict(zip(known, table.values, strict=True))
    found = []
    for i, word in enumerate(columns["decision"]):
        if word.strip():
            row = {name: values[i].strip() for name, values in columns.items()}
            found.append(_decision(row, f"{path}:{table.lines[i]}"))
    return tuple(found)


def _decision(row: Mapping[str, str], place: str) -> Decision:
    """One line, "" where a column is missing."""
    word, _, target = (part.strip() for part in row["decision"].partition("="))
    verdict = next((v for v in VERDICTS if v == word.lower()), None)
    if verdict is None or (target and verdict != "relabel"):
        raise DataError(
            f"{place}: expected a decision of keep, relabel, relabel=CLASS or exclude, got '{row['decision']}'"
        )
    to = (target or row.get("suggested", "")) if verdict == "relabel" else ""
    if verdict == "relabel" and not to:
        raise DataError(f"{place}: expected the class to relabel to, got none; write relabel=CLASS")
    others = {name: row.get(name, "") for name in ("label", "name", "by", "when")}
    return Decision(row["id"], verdict, to, **others, place=place)


def write_decisions(path: str | Path, decisions: Iterable[Decision]) -> Path:
    """Writes decisions as `read_decisions` reads them; a file that is there is replaced, and is whole or as it was.

    Raises:
        RunError: it cannot be written.
    """
    from secondlook.runs.files import write_atomically

    path = Path(path).expanduser()
    rows = [_row(decision) for decision in decisions]

    def write(part: Path) -> None:
        with part.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *rows])

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, write)
    except OSError as error:
        raise RunError(f"cannot write decisions to {path} ({error.strerror}); choose another file") from None
    return path


def append_decisions(path: str | Path, decisions: Iterable[Decision]) -> Path:
    """Adds lines to a file of decisions with the columns of `COLUMNS`; one that is not there begins with its header.

    Raises:
        DataError: the file has other columns. RunError: it cannot be written.
    """
    path = Path(path).expanduser()
    if not path.exists():
        return write_decisions(path, decisions)
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        header = next(csv.reader(file), [])
    if tuple(header) != COLUMNS:
        raise DataError(f"{path}: expected the columns {', '.join(COLUMNS)}, got {', '.join(header[:10]) or 'none'}")
    try:
        with path.open("rb+") as raw:
            raw.seek(-1, 2)
            ended = raw.read() == b"\n"
        with path.open("a", newline="", encoding="utf-8") as file:
            file.write("" if ended else "\r\n")
            csv.writer(file).writerows([_row(decision) for decision in decisions])
    except OSError as error:
        raise RunError(f"cannot write decisions to {path} ({error.strerror}); choose another file") from None
    return path


def _row(decision: Decision) -> list[str]:
    d = decision
    return [plain(cell) for cell in (d.name, d.id, d.label, d.to, d.word, d.by, d.when)]


def located(decisions: Sequence[Decision], images: ImageSet) -> list[int]:
    """The item that each decision is about; -1 where the set has no image of these bytes.

    Of several copies it is one with the label that the decision names, and of those the one with its very id.
    """
    wanted = {decision.id.partition("#")[0] for decision in decisions}
    places: dict[str, list[int]] = {}
    for i in np.flatnonzero(np.isin(np.strings.partition(images.ids, "#")[0], list(wanted))) if wanted else ():
        places.setdefault(str(images.ids[i]).partition("#")[0], []).append(int(i))
    labels = [*map(plain, images.classes), ""]

    def best(decision: Decision) -> int:
        copies = places.get(decision.id.partition("#")[0], [-1])
        return max(copies, key=lambda i: (labels[images.labels[i]] == decision.label, images.ids[i] == decision.id))

    return [best(decision) for decision in decisions]


def decide(images: ImageSet, decisions: Sequence[Decision]) -> Decided:
    """What the decisions make of the labels of a set. The set itself stays as it is.

    Raises:
        DataError: an image or a class is not in the set; file and line are named.
    """
    codes = {plain(name): i for i, name in enumerate(images.classes)}
    last: dict[int, Decision] = {}
    for decision, item in zip(decisions, located(decisions, images), strict=True):
        where = f"{decision.place}: " if decision.place else ""
        if item < 0:
            raise DataError(
                f"{where}expected the id of an image of {images.source}, got '{decision.id}'; "
                "remove the line, or undo what a spreadsheet made of the id"
            )
        if decision.verdict == "relabel" and plain(decision.to) not in codes:
            raise DataError(
                f"{where}expected a class of {images.source} to relabel to, got '{decision.to}'; "
                f"the classes are {_some(codes)}"
            )
        last[item] = decision
    labels, excluded, touched = images.labels.copy(), *np.zeros((2, len(images)), dtype=np.bool_)
    digest = hashlib.blake2b(digest_size=8)
    for item, decision in sorted(last.items()):
        touched[item] = True
        excluded[item] = decision.verdict == "exclude"
        if decision.verdict == "relabel":
            labels[item] = codes[plain(decision.to)]
        digest.update(f"{images.ids[item]}\x1f{decision.verdict}\x1f{plain(decision.to)}\x1e".encode())
    return Decided(labels, excluded, touched, digest.hexdigest())


def _some(names: Iterable[Any]) -> str:
    listed = list(names)
    return ", ".join(listed[:12]) + (f" and {len(listed) - 12:,} more" if len(listed) > 12 else "")
