"""One base error, and one subclass per kind of failure.

A message says what was expected, what came, and what to do, in a plain sentence for a person.
"""

from __future__ import annotations


class SecondlookError(Exception):
    """Base of every error this package raises on purpose; `exit_code` is what the command line returns."""

    exit_code = 2


class UsageError(SecondlookError):
    """The request itself is wrong: an unknown model, an ill-formed net, an impossible option, no such path."""

    exit_code = 2


class DataError(SecondlookError):
    """The data were found but cannot be compared: nothing readable, one class only, too few images."""

    exit_code = 1


class RunError(SecondlookError):
    """A run directory is incomplete, in use, damaged, or belongs to another configuration."""

    exit_code = 2


class InterruptedRunError(SecondlookError):
    """The person pressed Ctrl-C; finished rows are kept."""

    exit_code = 130


class FitError(SecondlookError):
    """One model could not be fitted; it becomes a row that says so, and the others go on."""

    exit_code = 3
