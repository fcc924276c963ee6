"""What a run's directory holds: a comparison, a study, or a reproduction; and which function opens each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from secondlook.errors import RunError
from secondlook.runs.files import is_run, read_json

Content = Literal["comparison", "study", "reproduction"]
_OPENS: Mapping[Content, str] = {
    "comparison": "load_run", "study": "load_study", "reproduction": "load_reproduction",
}  # fmt: skip


def config_of(path: Path, wanted: Content) -> dict[str, Any]:
    """The configuration of a directory that holds what is wanted, finished.

    Raises:
        RunError: there is none, it holds something else, or it is not finished.
    """
    if not path.is_dir():
        raise RunError(f"expected the directory of a {wanted}, got {path}, which is not there")
    if not is_run(path):
        raise RunError(f"expected the directory of a {wanted}, but {path} holds no run's config.json")
    config: dict[str, Any] = read_json(path / "config.json")
    there: Content = "reproduction" if "reproduces" in config else "study" if "kind" in config else "comparison"
    if there != wanted:
        raise RunError(
            f"expected the directory of a {wanted}, but {path} holds a {there}; open it with {_OPENS[there]}"
        )
    if not (path / "manifest.json").exists():
        raise RunError(f"the {wanted} in {path} is incomplete; go on with it by the same command: {config['command']}")
    return config
