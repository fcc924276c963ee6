"""What an audit leaves behind: a folder with audit.html and audit.json, which is written last."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any

from secondlook.errors import RunError
from secondlook.runs.files import json_bytes, write_atomically
from secondlook.runs.folders import take_next

PAGE, DOCUMENT = "audit.html", "audit.json"


def check_folder(path: Path) -> None:
    """Refuses a place that an audit may not be written to.

    Raises:
        RunError: it is a file, or a folder that holds something else than an audit.
    """
    if path.exists() and not path.is_dir():
        raise RunError(f"expected --out to be a new or an audit's folder, but {path} is a file; choose another")
    try:
        inside = sorted(p.name for p in path.iterdir()) if path.exists() else []
    except OSError as error:
        raise RunError(f"cannot write the audit to {path} ({error.strerror}); choose another --out") from None
    ours = {PAGE, DOCUMENT}
    strange = [name for name in inside if name.removeprefix(".").removesuffix(".part") not in ours]
    if strange or (ours & {*inside} and not _is_audit(path)):
        raise RunError(
            f"expected --out to be a new or an audit's folder, but {path} holds something else "
            f"({', '.join((strange or inside)[:3])}); choose another"
        )


def keep(path: Path | None, stem: str, page: Callable[[Path], object], document: Callable[[Path], Any]) -> Path:
    """Writes an audit into `path`, by default ``runs/STEM-audit-N``; what was there of an earlier one is replaced.

    Args:
        path: the folder; it is made where it is missing.
        stem: what the source is called.
        page: writes audit.html to the path it gets.
        document: what audit.json is to hold, given the folder.

    Returns:
        The folder.

    Raises:
        RunError: as `check_folder`, or nothing can be written there; what was made is then gone again.
    """
    if path is not None:
        check_folder(path)
    folder = take_next(f"{stem}-audit") if path is None else path
    before = None if path is None or not path.exists() else {p.name for p in path.iterdir()}

    def write(part: Path) -> None:
        part.write_bytes(json_bytes(document(folder)))
        page(folder / PAGE)

    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / DOCUMENT, write)
    except BaseException as error:
        _undo(folder, before)
        if isinstance(error, OSError):
            reason = error.strerror or error
            raise RunError(f"cannot write the audit to {folder} ({reason}); choose another --out") from None
        raise
    return folder


def _is_audit(path: Path) -> bool:
    try:
        found = json.loads((path / DOCUMENT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and {"audit", "data", "findings"} <= found.keys()


def _undo(folder: Path, before: Container[str] | None) -> None:
    """Removes what was not there before; None means that the folder itself was not."""
    with contextlib.suppress(OSError):
        for name in (PAGE, DOCUMENT):
            if before is None or name not in before:
                (folder / name).unlink(missing_ok=True)
        if before is None:
            folder.rmdir()
