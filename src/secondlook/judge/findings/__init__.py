"""All findings: one file per family, one registry.

D1…  copies and leakage        D2…  classes and sizes        D3…  pixels        D4…  shortcuts        D5…  faults
S1…  studies: what became of cells, laws and minorities
M1…  models: what their answers are worth, how they learnt, how sure they are, how they stand beside each other
"""

from __future__ import annotations

from collections.abc import Iterable

from secondlook.judge.findings.context import DataContext as DataContext
from secondlook.judge.findings.models import ModelsContext as ModelsContext
from secondlook.judge.findings.studies import StudyContext as StudyContext
from secondlook.judge.registry import Check, Checked, check_mute, run_checks


def data_checks() -> tuple[Check[DataContext], ...]:
    """Every check of data."""
    from secondlook.judge.findings import classes, copies, faults, pixels, shortcuts

    return (*copies.CHECKS, *classes.CHECKS, *pixels.CHECKS, *shortcuts.CHECKS, *faults.CHECKS)


def model_checks() -> tuple[Check[ModelsContext], ...]:
    """Every check of models."""
    from secondlook.judge.findings.models import answers, learning, rivals, sureness

    return (*answers.CHECKS, *learning.CHECKS, *sureness.CHECKS, *rivals.CHECKS)


def study_checks() -> tuple[Check[StudyContext], ...]:
    """Every check of studies."""
    from secondlook.judge.findings import studies

    return studies.CHECKS


def codes() -> list[str]:
    """The codes of all checks: what can be muted, by whatever command."""
    return [check.code for checks in (data_checks(), model_checks(), study_checks()) for check in checks]


def judge_data(context: DataContext, *, mute: Iterable[str] = ()) -> Checked:
    """What is to be said of a set of images and its split.

    Raises:
        UsageError: `mute` names a code that does not exist.
    """
    return run_checks(data_checks(), context, mute=check_mute(mute, codes()))


def judge_study(context: StudyContext, *, mute: Iterable[str] = ()) -> Checked:
    """What is to be said of a study.

    Raises:
        UsageError: `mute` names a code that does not exist.
    """
    return run_checks(study_checks(), context, mute=check_mute(mute, codes()))


def judge_models(context: ModelsContext, *, mute: Iterable[str] = ()) -> Checked:
    """What is to be said of the models of a comparison.

    Raises:
        UsageError: `mute` names a code that does not exist.
    """
    return run_checks(model_checks(), context, mute=check_mute(mute, codes()))
