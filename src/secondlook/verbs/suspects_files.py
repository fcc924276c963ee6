"""What `secondlook suspects` leaves behind: a table of every item, and a page of the worst."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from secondlook.data.decisions import Decision, located, plain, read_decisions
from secondlook.data.read.tables import peek
from secondlook.errors import DataError, RunError
from secondlook.runs.files import write_atomically
from secondlook.runs.folders import take_next
from secondlook.show.page import write_page
from secondlook.show.suspects import page_html
from secondlook.types import ImageSet, Suspects
from secondlook.verbs.options import stem

TABLE = "suspects.csv"
# The last three are for people to fill in; `secondlook compare --labels` reads them.
COLUMNS = ("name", "id", "label", "suggested", "quality", "suspected", "reason", "decision", "by", "when")


def places(out: Path) -> Path:
    """The table that `--out` means: NAME.csv, or suspects.csv in a folder.

    Raises:
        RunError: something else is there.
    """
    table = out if out.suffix.lower() == ".csv" else out / TABLE
    if table.is_dir() or (out is not table and out.exists() and not out.is_dir()):
        what = "a folder" if table.is_dir() else "a file"
        raise RunError(f"expected --out as NAME.csv or a folder, but {out} is {what}; choose another")
    if table.exists() and not _ours(table):
        raise RunError(f"expected --out as a new or an older table of suspects, but {table} is something else")
    page = table.with_suffix(".html")
    if page.exists() and not table.exists():
        raise RunError(f"expected a free place for the page beside {table}, but {page} is there; choose another --out")
    return table


def _ours(table: Path) -> bool:
    """Whether a file is a table with our columns."""
    form = peek(table)
    return form is not None and {*COLUMNS} <= {name.strip().lower() for name in form.rows[0]}


def keep(found: Suspects, images: ImageSet, table: Path | None) -> Suspects:
    """Writes the table and the page; without a place, into ``runs/NAME-suspects-N``.

    Decisions in a table that is there already stay with their images.

    Raises:
        RunError: they cannot be written, or there are decisions about images that the set no longer has.
    """
    decided = carried(table, images)
    folder = take_next(f"{stem(images.source)}-suspects") if table is None else table.parent
    target = folder / TABLE if table is None else table
    there = replace(found, path=target)
    page = page_html(there)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_page(target.with_suffix(".html"), page)
        write_atomically(target, _writer(there, decided))
    except OSError as error:
        if table is None or not table.exists():
            with contextlib.suppress(OSError):
                target.with_suffix(".html").unlink(missing_ok=True)
                if table is None:
                    folder.rmdir()
        reason = error.strerror or error
        raise RunError(f"cannot write the suspects to {folder} ({reason}); choose another --out") from None
    return there


def carried(table: Path | None, images: ImageSet) -> dict[int, Decision]:
    """The decisions that a table holds already, by item; none where there is no table.

    Raises:
        RunError: they cannot be read, or are about images that are not in the set.
    """
    if table is None or not table.exists():
        return {}
    try:
        decisions = read_decisions(table)
    except DataError as error:
        raise RunError(f"expected an older table at --out to be whole, but {error}; or choose another --out") from None
    items = located(decisions, images)
    lost = [decision for decision, item in zip(decisions, items, strict=True) if item < 0]
    if n := len(lost):
        raise RunError(
            f"{table} holds {n:,} decision{'' if n == 1 else 's'} about images that are not in {images.source}, "
            f"first {lost[0].id}; choose another --out"
        )
    return dict(zip(items, decisions, strict=True))


def _writer(found: Suspects, decided: Mapping[int, Decision]) -> Callable[[Path], object]:
    """Writes every item as a line."""
    classes = [*map(plain, found.data["classes"]), ""]

    def line(i: int) -> list[str]:
        quality, known = found.quality[i], decided.get(int(found.items[i]))
        return [
            plain(found.names[i]),
            str(found.ids[i]),
            classes[found.labels[i]],
            classes[found.suggested[i]],
            "" if np.isnan(quality) else f"{quality:.6f}",
            "yes" if found.suspected[i] else "",
            str(found.reasons[i]),
            *(("", "", "") if known is None else (known.word, plain(known.by), plain(known.when))),
        ]

    def write(part: Path) -> None:
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(map(line, range(len(found))))

    return write
