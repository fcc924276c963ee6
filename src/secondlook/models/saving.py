"""Fitted scikit-learn models as skops files: loading one never runs code."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any


class _NoTorch(MetaPathFinder):
    """Says that PyTorch is not installed."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        if name == "torch":
            raise ModuleNotFoundError("not now", name=name)


def _import_skops() -> Any:
    """skops.io, without PyTorch where nothing has needed that yet.

    When it is imported, skops asks scikit-learn for all its modules, one of which imports PyTorch where it is
    installed: more than a second that a comparison without nets need not pay.
    """
    finder = _NoTorch()
    sys.meta_path.insert(0, finder)
    try:
        import skops.io
    finally:
        sys.meta_path.remove(finder)
    return skops.io


_skops = _import_skops()


def save(model: Any, path: Path) -> None:
    """Writes a fitted scikit-learn model."""
    _skops.dump(model, path)
