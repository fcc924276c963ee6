"""Folders that number themselves: ``runs/digits-1``, ``runs/digits-2``, …"""

from __future__ import annotations

import re
from pathlib import Path

from secondlook.errors import RunError

ROOT = Path("runs")


def numbers(stem: str, root: Path = ROOT) -> list[int]:
    """The numbers that are taken, in no order: N of every ``STEM-N``. ``STEM-audit-N`` is another stem's."""
    found = (re.fullmatch(rf"{re.escape(stem)}-([0-9]+)", path.name) for path in root.glob(f"{stem}-*"))
    return [int(match[1]) for match in found if match]


def take_next(stem: str, root: Path = ROOT) -> Path:
    """A new, empty folder ``ROOT/STEM-N``, one above the highest there is.

    Raises:
        RunError: it cannot be made.
    """
    number = max(numbers(stem, root), default=0) + 1
    while True:
        path = root / f"{stem}-{number}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:  # taken by another command in this moment
            number += 1
        except OSError as error:
            raise RunError(f"cannot write runs to {root.absolute()} ({error.strerror}); choose an --out") from None
        else:
            return path
