"""The registry of findings: every check has a stable code, says when it does not apply, and can be muted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from secondlook.errors import UsageError
from secondlook.types import SEVERITIES, Finding

C = TypeVar("C")


@dataclass(frozen=True)
class Check(Generic[C]):
    """One check of one family.

    Attributes:
        code: "D101"; never given to another check.
        about: what it looks for, one sentence for the docs.
        applies: "" where it can be asked of a context, else why not, in a few words ("no labels").
        find: the finding, or None where all is well.
        severity: when it is info, warning or serious, for the docs: "info; warning from 5 % on".
    """

    code: str
    about: str
    applies: Callable[[C], str]
    find: Callable[[C], Finding | None]
    severity: str = ""


@dataclass(frozen=True)
class Checked:
    """What came of a family of checks.

    Attributes:
        findings: serious ones first, then by code.
        silent: codes of checks that found nothing.
        not_applicable: why a check was not made, by code.
        muted: codes that were not asked for.
    """

    findings: tuple[Finding, ...]
    silent: tuple[str, ...]
    not_applicable: Mapping[str, str]
    muted: tuple[str, ...]


def run_checks(checks: Sequence[Check[C]], context: C, *, mute: Iterable[str] = ()) -> Checked:
    """Makes every check that is not muted and applies."""
    quiet = set(mute)
    found, silent, skipped, muted = [], [], {}, []
    for check in sorted(checks, key=lambda c: c.code):
        if check.code in quiet:
            muted.append(check.code)
        elif reason := check.applies(context):
            skipped[check.code] = reason
        elif finding := check.find(context):
            found.append(finding)
        else:
            silent.append(check.code)
    found.sort(key=lambda f: (-SEVERITIES.index(f.severity), f.code))
    return Checked(tuple(found), tuple(silent), skipped, tuple(muted))


def check_mute(codes: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """The codes to mute, in capitals.

    Raises:
        UsageError: there is no such code.
    """
    there = sorted(known)
    wanted = tuple(dict.fromkeys(code.strip().upper() for code in codes if code.strip()))
    for code in wanted:
        if code not in there:
            raise UsageError(f"expected --mute with codes out of {', '.join(there)}, got '{code}'")
    return wanted
