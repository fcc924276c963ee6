"""All findings: one file per family, one registry.

D1…  copies and leakage        D2…  classes and sizes        D3…  pixels        D4…  shortcuts        D5…  faults
"""

from __future__ import annotations

from collections.abc import Iterable

from secondlook.judge.findings.context import DataContext as DataContext
from secondlook.judge.registry import Check, Checked, check_mute, run_checks


def data_checks() -> tuple[Check[DataContext], ...]:
    """Every check of data."""
    from secondlook.judge.findings import classes, copies, faults, pixels, shortcuts

    return (*copies.CHECKS, *classes.CHECKS, *pixels.CHECKS, *shortcuts.CHECKS, *faults.CHECKS)


def judge_data(context: DataContext, *, mute: Iterable[str] = ()) -> Checked:
    """What is to be said of a set of images and its split.

    Raises:
        UsageError: `mute` names a code that does not exist.
    """
    checks = data_checks()
    return run_checks(checks, context, mute=check_mute(mute, [check.code for check in checks]))
