from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache_of_the_test(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has an empty cache of its own; none touches the user's."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SECONDLOOK_CACHE", str(folder))
    return folder
