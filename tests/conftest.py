from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure: speeds are the business of bench/.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def cache_of_the_test(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has an empty cache of its own; none touches the user's."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SECONDLOOK_CACHE", str(folder))
    return folder
